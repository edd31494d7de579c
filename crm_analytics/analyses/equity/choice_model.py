"""Conditional logit: which brand is chosen, from what is known of each brand at the occasion.

The utility of brand j at occasion i is x_ij' beta plus an extreme-value error, so that

    P(j at i) = exp(x_ij' beta) / sum over k of exp(x_ik' beta)

McFadden (1974), Conditional logit analysis of qualitative choice behavior, equation 12. The log-likelihood is
concave; it is maximised by Newton steps with its analytic gradient and Hessian. Shares of intended purchases
are allowed in place of one choice: they weight the alternatives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crm_analytics.analyses.intervals import Z95
from crm_analytics.errors import DataError, NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

MOST_STEPS = 100
TOLERANCE = 1e-10  # of the Newton decrement, in units of log-likelihood
LARGEST = 9.0  # a coefficient times the spread of its column: beyond, probabilities are 0 and 1
COLLINEAR = 10.0  # variance inflation: beyond, the coefficients of drivers trade off


@dataclass(frozen=True, eq=False)
class ChoiceModel(ObjectCard):
    """A fitted conditional logit.

    Attributes
    ----------
    params : coefficient by name
    covariance : of the coefficients, from the inverse Hessian
    log_likelihood, null_log_likelihood : at the optimum, and with all coefficients zero
    occasions : choices it rests on
    """

    params: pd.Series
    covariance: pd.DataFrame
    log_likelihood: float
    null_log_likelihood: float
    occasions: int

    @classmethod
    def fit(  # noqa: PLR0917
        cls,
        design: ArrayLike,
        chosen: ArrayLike,
        names: Sequence[str],
        weights: ArrayLike | None = None,
        start: ArrayLike | None = None,
        available: ArrayLike | None = None,
    ) -> ChoiceModel:
        """Maximise the likelihood.

        Parameters
        ----------
        design : occasions x alternatives x coefficients
        chosen : occasions x alternatives, the share of purchases that goes to each; a choice is a 1
        names : of the coefficients
        weights : of the occasions
        start : coefficients to begin with
        available : occasions x alternatives, whether it could be chosen

        Raises
        ------
        NotEnoughData : fewer occasions than coefficients.
        DataError : a column is the same for all alternatives of every occasion, columns are linearly
            dependent, or a column tells every choice.

        Examples
        --------
        >>> x = np.array([[[1.0], [0.0]]] * 10)
        >>> y = np.array([[1.0, 0.0]] * 8 + [[0.0, 1.0]] * 2)
        >>> float(ChoiceModel.fit(x, y, ["preferred"]).params["preferred"].round(4))  # log(8 / 2)
        1.3863
        """
        x, y = np.asarray(design, float), np.asarray(chosen, float)
        w = np.ones(len(x)) if weights is None else np.asarray(weights, float)
        may = None if available is None else np.asarray(available, bool)
        _check(x, y, w, names, may)
        beta = np.zeros(x.shape[2]) if start is None else np.array(start, float)
        spread = np.maximum(_within(x, may).std(axis=(0, 1)), 1e-12)
        for _ in range(MOST_STEPS):
            value, slope, curve = derivatives(beta, x, y, w, may)
            step = np.linalg.solve(curve, slope)
            decrement = float(slope @ step)
            size = 1.0
            while size > 1e-8 and _value(beta + size * step, x, y, w, may) < value - 1e-12 * abs(value):
                size /= 2
            beta = beta + size * step
            if np.any(np.abs(beta) * spread > LARGEST):
                worst = names[int(np.argmax(np.abs(beta) * spread))]
                raise DataError(
                    f"'{worst}' alone tells every choice, so that its coefficient has no limit; leave it out"
                )
            if decrement < TOLERANCE:
                break
        value, _, curve = derivatives(beta, x, y, w, may)
        null = _value(np.zeros_like(beta), x, y, w, may)
        covariance = pd.DataFrame(np.linalg.inv(curve), index=list(names), columns=list(names))
        return cls(pd.Series(beta, index=list(names)), covariance, value, null, len(x))

    def probabilities(self, design: ArrayLike) -> Array:
        """Chance of each alternative; occasions x alternatives, each row sums to one."""
        return chances(np.asarray(design, float) @ self.params.to_numpy())

    @property
    def table(self) -> pd.DataFrame:
        """Coefficients: name, value, error, lower, upper (95 %)."""
        error = np.sqrt(np.diag(self.covariance))
        value = self.params.to_numpy()
        return pd.DataFrame(
            {
                "name": self.params.index,
                "value": value,
                "error": error,
                "lower": value - Z95 * error,
                "upper": value + Z95 * error,
            }
        )


def chances(utility: Array) -> Array:
    """Chance of each alternative, from utilities along the last axis."""
    up = np.exp(utility - utility.max(axis=-1, keepdims=True))
    return np.asarray(up / up.sum(axis=-1, keepdims=True))


def derivatives(
    beta: Array, x: Array, y: Array, w: Array, may: NDArray[np.bool_] | None = None
) -> tuple[float, Array, Array]:
    """Log-likelihood, its gradient, and minus its Hessian."""
    utility = x @ beta
    p = chances(utility if may is None else np.where(may, utility, -np.inf))
    with np.errstate(divide="ignore"):
        logs = np.where(p > 0, np.log(p), 0.0)
    total = (w * y.sum(axis=1))[:, None]
    value = float((w[:, None] * y * logs).sum())
    slope = np.einsum("ij,ijk->k", w[:, None] * y - total * p, x)
    centred = x - np.einsum("ij,ijk->ik", p, x)[:, None, :]
    curve = np.einsum("ij,ijk,ijl->kl", total * p, centred, centred, optimize=True)
    return value, slope, curve


def _value(beta: Array, x: Array, y: Array, w: Array, may: NDArray[np.bool_] | None) -> float:
    utility = x @ beta
    utility = utility if may is None else np.where(may, utility, -np.inf)
    top = utility.max(axis=1)
    norm = top + np.log(np.exp(utility - top[:, None]).sum(axis=1))
    return float((w * ((y * (x @ beta)).sum(axis=1) - y.sum(axis=1) * norm)).sum())


def _within(x: Array, may: NDArray[np.bool_] | None) -> Array:
    """Columns less their mean over the alternatives of an occasion."""
    if may is None:
        return np.asarray(x - x.mean(axis=1, keepdims=True))
    share = (may / may.sum(axis=1, keepdims=True))[:, :, None]
    return np.asarray((x - (x * share).sum(axis=1, keepdims=True)) * may[:, :, None])


def _check(x: Array, y: Array, w: Array, names: Sequence[str], may: NDArray[np.bool_] | None) -> None:
    if x.ndim != 3 or x.shape[:2] != y.shape or len(names) != x.shape[2] or len(w) != len(x):
        raise DataError("the design is occasions x alternatives x coefficients, and the choices must fit it")
    if x.shape[1] < 2:
        raise NotEnoughData("A choice", x.shape[1], 2, "brands")
    if not np.isfinite(x).all() or not np.isfinite(y).all():
        raise DataError("the design or the choices hold missing values")
    if len(x) <= x.shape[2]:
        raise NotEnoughData("A choice model", len(x), x.shape[2] + 1, "choices")
    inner = _within(x, may)
    flat = inner.reshape(-1, x.shape[2])
    same = [names[k] for k in range(x.shape[2]) if not np.any(np.abs(flat[:, k]) > 1e-12)]
    if same:
        raise DataError(f"'{same[0]}' is the same for every brand at every choice, so it tells no choice")
    scaled = flat / np.sqrt((flat**2).mean(axis=0))
    if np.linalg.matrix_rank(scaled) < x.shape[2]:
        raise DataError(f"columns are linearly dependent; leave one out of: {', '.join(names)}")


def inflation(x: Array, names: Sequence[str]) -> pd.Series:
    """Variance inflation of each column, by what the others tell of it within an occasion.

    Parameters
    ----------
    x : occasions x alternatives x columns

    Returns
    -------
    1 where a column stands alone; beyond `COLLINEAR` its coefficient trades off with others. Infinite where
    it is a sum of the others.

    >>> x = np.random.default_rng(1).normal(size=(200, 3, 2))
    >>> inflation(x, ["quality", "price"]).round(0).tolist()
    [1.0, 1.0]
    """
    flat = _within(x, None).reshape(-1, x.shape[2])
    scale = np.sqrt((flat**2).mean(axis=0))
    if np.any(scale == 0):
        return pd.Series(np.where(scale == 0, np.inf, 1.0), index=list(names))
    values, vectors = np.linalg.eigh((flat / scale).T @ (flat / scale) / len(flat))
    with np.errstate(divide="ignore"):
        inverse = np.where(values > 1e-10, 1 / np.maximum(values, 1e-300), np.inf)
    return pd.Series((vectors**2 @ np.minimum(inverse, 1e12)), index=list(names))
