"""Equal histories with equal covariates, merged, and the way from what is estimated to parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import block_diag

from crm_analytics.analyses.btyd.covariates.covariate_coding import Coding
from crm_analytics.analyses.btyd.covariates.covariate_likelihood import CovariateLikelihood
from crm_analytics.analyses.btyd.fitting.histories import HISTORY, checked
from crm_analytics.analyses.btyd.fitting.optimise import Optimum, best_of
from crm_analytics.analyses.btyd.purchases.dropout_model import DropoutModel
from crm_analytics.analyses.btyd.purchases.pareto_nbd import ParetoNBD
from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel
from crm_analytics.errors import DataError, ParameterError

Array = NDArray[np.float64]


def shift_of(kind: type[PurchaseModel]) -> int | None:
    """0 for BG/NBD, 1 for MBG/NBD, None for Pareto/NBD."""
    return kind.SHIFT if issubclass(kind, DropoutModel) else None


def design_of(kind: type[PurchaseModel], buying: Array, leaving: Array) -> tuple[Array, Array, Array, Array]:
    """The four matrices of `CovariateLikelihood.design` from coded covariates."""
    one = np.ones((len(buying), 1))
    with_buying = np.hstack([one, -buying])
    if shift_of(kind) is None:
        return one, with_buying, one, np.hstack([one, -leaving])
    return one, with_buying, np.hstack([one, leaving]), one


def names_of(kind: type[PurchaseModel], codings: tuple[Coding, Coding]) -> list[str]:
    """Of all that is estimated, in the order of `design_of`."""
    buying, leaving = (
        [f"{process}: {label}" for label in coding.labels]
        for process, coding in zip(("buying", "leaving"), codings, strict=True)
    )
    if shift_of(kind) is None:
        return ["r", "alpha", *buying, "s", "beta", *leaving]
    return ["r", "alpha", *buying, "mean", *leaving, "precision"]


@dataclass(frozen=True, eq=False)
class CovariateCells:
    """What a fit with covariates looks at; times in units of the mean T.

    coded : covariates of buying and of leaving as numbers, one row per pattern
    pattern : of each cell
    spread : mean and deviation of each column of `coded` over customers
    scale : the mean T
    """

    kind: type[PurchaseModel]
    x: Array
    recency: Array
    T: Array
    weight: Array
    pattern: NDArray[np.intp]
    coded: tuple[Array, Array]
    codings: tuple[Coding, Coding]
    spread: tuple[tuple[Array, Array], tuple[Array, Array]]
    scale: float

    @classmethod
    def of(
        cls, kind: type[PurchaseModel], frame: pd.DataFrame, buying: Sequence[str], leaving: Sequence[str]
    ) -> CovariateCells:
        """From a frame of histories and covariates."""
        if not issubclass(kind, DropoutModel | ParetoNBD):
            raise ParameterError(
                f"covariates: {kind.LABEL} takes none; use BetaGeo, ModifiedBetaGeo or ParetoNBD"
            )
        f = checked(frame, HISTORY, kind.LABEL)
        weight = f["customers"].to_numpy()
        codings = Coding.learn(frame, buying, weight), Coding.learn(frame, leaving, weight)
        of_buying, of_leaving = (_coded(frame, coding, weight) for coding in codings)
        wide = np.hstack([of_buying, of_leaving])
        patterns, which = np.zeros((1, 0)), np.zeros(len(f), np.intp)
        if wide.shape[1]:
            patterns, which = np.unique(wide, axis=0, return_inverse=True)
        keys = ["pattern", *HISTORY]
        merged = f.assign(pattern=which.ravel()).groupby(keys, sort=True)["customers"].sum().reset_index()
        x, recency, T, n = (merged[c].to_numpy(float) for c in (*HISTORY, "customers"))
        scale = float(n @ T / n.sum()) or 1.0
        pattern = merged["pattern"].to_numpy(np.intp)
        coded = patterns[:, : of_buying.shape[1]], patterns[:, of_buying.shape[1] :]
        share = np.bincount(pattern, n) / n.sum()
        spread = _spread(coded[0], share), _spread(coded[1], share)
        return cls(kind, x, recency / scale, T / scale, n, pattern, coded, codings, spread, scale)

    @property
    def names(self) -> list[str]:
        """Of all that is estimated."""
        return names_of(self.kind, self.codings)

    def likelihood(self) -> CovariateLikelihood:
        """In centred covariates with deviation one."""
        z = [(c - mean) / sd for c, (mean, sd) in zip(self.coded, self.spread, strict=True)]
        design = design_of(self.kind, z[0], z[1])
        return CovariateLikelihood(
            self.x, self.recency, self.T, self.weight, self.pattern, design, shift_of(self.kind)
        )

    def starts(self) -> list[Array]:
        """The model without covariates, fitted, and its own starts."""
        plain = pd.DataFrame(
            {"frequency": self.x, "recency": self.recency, "T": self.T, "customers": self.weight}
        )
        likelihood = self.kind.likelihood_of(plain, 1.0)
        first = best_of(likelihood, likelihood.starts()).at
        return [self._start(log_params) for log_params in (first, *likelihood.starts())]

    def _start(self, log_params: Array) -> Array:
        local = log_params.copy()
        if shift_of(self.kind) is not None:
            local[2], local[3] = log_params[2] - log_params[3], np.logaddexp(log_params[2], log_params[3])
        sizes = [d.shape[1] for d in design_of(self.kind, *self.coded)]
        return np.concatenate([np.append(v, np.zeros(k - 1)) for v, k in zip(local, sizes, strict=True)])

    def back(self) -> tuple[Array, Array]:
        """A matrix and a vector that take estimates to covariates and times as they came."""
        blocks = [np.eye(1) for _ in range(4)]
        blocks[1] = _unscaled(*self.spread[0], sign=-1.0)
        pareto = shift_of(self.kind) is None
        blocks[3 if pareto else 2] = _unscaled(*self.spread[1], sign=-1.0 if pareto else 1.0)
        add = np.zeros(sum(len(b) for b in blocks))
        for name in self.kind.TIMES:
            add[self.names.index(name)] = np.log(self.scale)
        return block_diag(*blocks), add

    def log_likelihood(self, optimum: Optimum) -> float:
        """Total over customers, of times as they came."""
        customers, repeats = float(self.weight.sum()), float(self.weight @ self.x)
        return float(-optimum.value * customers - repeats * np.log(self.scale))


def _coded(frame: pd.DataFrame, coding: Coding, weight: Array) -> Array:
    """Covariates as numbers; refuses such as say the same."""
    z = coding.matrix(frame)[weight > 0]
    if z.shape[1]:
        centred = z - z.mean(axis=0)
        rank = np.linalg.matrix_rank(centred / np.maximum(np.abs(centred).max(axis=0), 1e-300))
        if rank < z.shape[1]:
            raise DataError(
                f"covariates: {', '.join(coding.labels)} say the same of every customer; leave one out"
            )
    return coding.matrix(frame)


def _spread(coded: Array, share: Array) -> tuple[Array, Array]:
    mean = share @ coded
    return mean, np.sqrt(share @ (coded - mean) ** 2)


def _unscaled(mean: Array, deviation: Array, sign: float) -> Array:
    """Of intercept and coefficients of sign (z - mean) / deviation, to those of sign z."""
    turn = np.diag(np.append(1.0, 1 / deviation))
    turn[0, 1:] = -sign * mean / deviation
    return turn
