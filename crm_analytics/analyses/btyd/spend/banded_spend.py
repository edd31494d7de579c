"""Gamma-Gamma by frequency band: for bases in which busy customers spend more, or less, on a purchase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.btyd.fitting.histories import SPEND, cells_of, checked, require_customers
from crm_analytics.analyses.btyd.fitting.optimise import GIVEN, Diagnosis, best_of, diagnose, log_covariance
from crm_analytics.analyses.btyd.spend.gamma_gamma import LEAST_Q, GammaGamma, SpendLikelihood
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.analyses.btyd.fitting.summary import Summary

Array = NDArray[np.float64]
BANDS = (1, 2, 3, 5, 8)  # the lowest frequency of each
MINIMUM_IN_BAND = 100  # repeat buyers; a band with fewer joins the one below


@dataclass(frozen=True, eq=False)
class BandedGammaGamma(ObjectCard):
    """Gamma-Gamma with a scale of its own for each band of frequency; the shapes p and q are common.

    So it assumes independence of spend and frequency within a band only: the mean of band b is
    p v_b / (q - 1). One-time buyers, of whose repeat spend nothing is known, are priced at the mean of the
    lowest band: the customers most like them.

    Attributes
    ----------
    lowest : the lowest frequency of each band, rising
    models : a `GammaGamma` for each, with equal p and q
    log_likelihood, customers : total over all bands
    log_covariance : of ln p, ln q, ln v_1, ln v_2, ..; zero where the fit did not converge
    diagnosis : whether the optimum can be trusted

    Source
    ------
    Fader & Hardie, note 025 (the independence) and note 045 (a scale that depends on what is known).

    Examples
    --------
    >>> few, many = GammaGamma({"p": 6, "q": 4, "v": 15}), GammaGamma({"p": 6, "q": 4, "v": 20})
    >>> model = BandedGammaGamma((1, 3), (few, many))
    >>> frame = pd.DataFrame({"frequency": [0, 1, 3], "monetary_value": [0.0, 30.0, 30.0]})
    >>> model.expected_spend(frame).round(2).tolist(), model.labels
    ([30.0, 30.0, 31.43], ['1-2', '3+'])
    """

    lowest: tuple[int, ...]
    models: tuple[GammaGamma, ...]
    log_likelihood: float = float("nan")
    log_covariance: Array = field(default_factory=lambda: np.zeros((0, 0)))
    customers: int = 0
    diagnosis: Diagnosis = GIVEN

    @classmethod
    def fit(
        cls, source: Summary | pd.DataFrame, bands: Sequence[int] = BANDS, *, minimum: int = MINIMUM_IN_BAND
    ) -> Self:
        """Fit all bands together by maximum likelihood.

        Parameters
        ----------
        source : as of `GammaGamma.fit`
        bands : the lowest frequency of each; customers below the first belong to it
        minimum : repeat buyers of a band; one with fewer joins its neighbour below (the lowest: above)

        Raises
        ------
        NotEnoughData : fewer than `minimum` repeat buyers with spend in all.
        """
        cells = cells_of(source, SPEND, GammaGamma.LABEL)
        cells = cells[(cells["frequency"] > 0) & (cells["monetary_value"] > 0)]
        x, mean, weight = (cells[c].to_numpy(float) for c in (*SPEND, "customers"))
        require_customers(cls.LABEL, weight, x > 0, 0, minimum)
        lowest = _filled(x, weight, bands, minimum)
        scale = float(weight @ mean / weight.sum())
        band = band_of(x, lowest)
        likelihood = BandedLikelihood(
            tuple(
                SpendLikelihood(x[band == i], mean[band == i] / scale, weight[band == i])
                for i in range(len(lowest))
            )
        )
        optimum = best_of(likelihood, likelihood.starts())
        covariance = log_covariance(optimum, likelihood.total)
        names = ["p", "q", *(f"v_{low}" for low in lowest)]
        diagnosis = diagnose(optimum, covariance, names)
        p, q, *v = np.exp(optimum.at)
        models = tuple(GammaGamma({"p": p, "q": q, "v": one * scale}) for one in v)
        known = covariance if diagnosis.converged else np.zeros_like(covariance)
        value = -likelihood.total * (optimum.value + np.log(scale))
        return cls(tuple(lowest), models, float(value), known, round(likelihood.total), diagnosis)

    @property
    def parameters(self) -> int:
        """How many were fitted."""
        return 2 + len(self.models)

    @property
    def labels(self) -> list[str]:
        """Of the bands, as "1", "2-4" or "5+"."""
        return labels_of(self.lowest)

    def expected_spend(self, frame: pd.DataFrame) -> pd.Series:
        """Expected spend a purchase of each customer, money; see `GammaGamma.expected_spend`.

        Give the model to `lifetime_value`, `score`, `value_total` and `freeze` in place of a Gamma-Gamma.
        """
        f = checked(frame, SPEND, self.LABEL)
        found = self.expected(f["frequency"].to_numpy(), f["monetary_value"].to_numpy())
        return pd.Series(found, f.index, name="expected_spend")

    LABEL: ClassVar[str] = "Gamma-Gamma by frequency"

    @property
    def covariance(self) -> pd.DataFrame:
        """`log_covariance` with names; empty where the parameters were given."""
        if not self.log_covariance.size:
            return pd.DataFrame()
        return pd.DataFrame(self.log_covariance, index=self.names, columns=self.names)

    @property
    def names(self) -> list[str]:
        """Of the parameters: p, q and a v for each band, by its lowest frequency."""
        return ["p", "q", *(f"v_{low}" for low in self.lowest)]

    @property
    def mean_spend(self) -> float:
        """Expected spend a purchase of a customer of whom nothing is known: the mean of the lowest band."""
        return self.models[0].mean_spend

    def at_frequency(self, x: Array) -> tuple[float, float, Array]:
        """P and q, common to all, and v of each customer's band."""
        p, q, _ = self.models[0].values
        return float(p), float(q), np.array([m.params["v"] for m in self.models])[band_of(x, self.lowest)]

    def drawn(self, draws: int, rng: np.random.Generator) -> list[BandedGammaGamma]:
        """Models at parameters as the fit leaves them open, see `draws`."""
        return [
            BandedGammaGamma(self.lowest, tuple(GammaGamma({"p": p, "q": q, "v": one}) for one in v))
            for p, q, *v in self.draws(draws, rng)
        ]

    def expected(self, x: Array, mean: Array) -> Array:
        """`expected_spend` for arrays of frequency and mean spend."""
        band, found = band_of(x, self.lowest), np.empty(len(x))
        for i, model in enumerate(self.models):
            here = band == i
            found[here] = model.expected(x[here], mean[here])
        return found

    def draws(self, count: int, rng: np.random.Generator) -> Array:
        """Parameters as the fit leaves them open, one row per draw: p, q, v_1, v_2, ..; q above 1.05."""
        p, q, _ = self.models[0].values
        centre = np.log([p, q, *(m.params["v"] for m in self.models)])
        known = self.log_covariance if self.log_covariance.size else np.zeros((len(centre), len(centre)))
        drawn = np.exp(rng.multivariate_normal(centre, known, count))
        drawn[:, 1] = np.maximum(drawn[:, 1], LEAST_Q)
        return np.asarray(drawn)

    def to_json(self) -> dict[str, Any]:
        """As plain values for a JSON file."""
        return {
            "model": "BandedGammaGamma",
            "lowest": list(self.lowest),
            "models": [m.params for m in self.models],
            "log_likelihood": self.log_likelihood if np.isfinite(self.log_likelihood) else None,
            "log_covariance": self.log_covariance.tolist(),
            "customers": self.customers,
            "diagnosis": self.diagnosis.to_json(),
        }

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        value = facts["log_likelihood"]
        return cls(
            tuple(facts["lowest"]),
            tuple(GammaGamma(params) for params in facts["models"]),
            float("nan") if value is None else value,
            np.array(facts["log_covariance"], float).reshape(len(facts["log_covariance"]), -1),
            facts["customers"],
            Diagnosis.from_json(facts["diagnosis"]),
        )


@dataclass(frozen=True)
class BandedLikelihood:
    """Minus the mean log-likelihood at ln p, ln q, ln v_1, ln v_2, .., with gradient and Hessian."""

    bands: tuple[SpendLikelihood, ...]

    @property
    def total(self) -> float:
        """Customers."""
        return sum(b.total for b in self.bands)

    def starts(self) -> list[Array]:
        """As for one Gamma-Gamma, all bands alike; the mean spend is scaled to one."""
        guesses = ([2.0, 3.0, 1.0], [6.0, 4.0, 0.5], [1.0, 8.0, 8.0], [20.0, 2.0, 0.1])
        return [np.log([p, q, *[v] * len(self.bands)]) for p, q, v in guesses]

    def __call__(self, log_params: Array) -> tuple[float, Array, Array]:
        """Each band's own value with its derivatives, put where its parameters stand."""
        size, total = len(log_params), self.total
        value, gradient, hessian = 0.0, np.zeros(size), np.zeros((size, size))
        for i, band in enumerate(self.bands):
            at = np.array([0, 1, 2 + i])
            found = band(log_params[at])
            share = band.total / total
            value += share * found[0]
            gradient[at] += share * found[1]
            hessian[np.ix_(at, at)] += share * found[2]
        return value, gradient, hessian


def band_of(x: Array, lowest: Sequence[int]) -> NDArray[np.intp]:
    """The band of each frequency, 0, 1, ..

    >>> band_of(np.array([0.0, 1.0, 4.0, 9.0]), (1, 3)).tolist()
    [0, 0, 1, 1]
    """
    return np.maximum(np.searchsorted(np.asarray(lowest, float), x, side="right") - 1, 0)


def labels_of(lowest: Sequence[int]) -> list[str]:
    """As "1", "2-4" or "5+".

    >>> labels_of((1, 2, 5))
    ['1', '2-4', '5+']
    """
    ends = [*(b - 1 for b in lowest[1:]), None]
    return [
        f"{low}+" if high is None else str(low) if high == low else f"{low}-{high}"
        for low, high in zip(lowest, ends, strict=True)
    ]


def _filled(x: Array, weight: Array, bands: Sequence[int], minimum: int) -> list[int]:
    """Bands merged until each has enough customers, the thin ones of the top first."""
    lowest = sorted({max(int(b), 1) for b in bands})
    while len(lowest) > 1:
        size = np.bincount(band_of(x, lowest), weight, minlength=len(lowest))
        thin = np.flatnonzero(size < minimum)
        if not len(thin):
            break
        del lowest[max(int(thin[-1]), 1)]
    return lowest
