"""Gamma-Gamma: what a customer spends on a purchase."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import digamma, gammaln, polygamma

from crm_analytics.analyses.btyd.fitting.fitted import FittedModel
from crm_analytics.analyses.btyd.fitting.histories import SPEND, cells_of, checked, require_customers, unit_of
from crm_analytics.analyses.btyd.fitting.optimise import (
    GIVEN,
    Diagnosis,
    Optimum,
    best_of,
    diagnose,
    log_covariance,
)
from crm_analytics.analyses.btyd.fitting.parameter_draws import draw_values
from crm_analytics.analyses.plots import Plots
from crm_analytics.errors import ParameterError

if TYPE_CHECKING:
    from crm_analytics.analyses.btyd.fitting.summary import Summary

Array = NDArray[np.float64]
NAMES = ("p", "q", "v")
MINIMUM_REPEAT_BUYERS = 30
LEAST_Q = 1.05  # of drawn parameters: at 1 the mean ceases to exist
SAME_EVERY_TIME = 25.0  # p: purchases of a customer scatter by a fifth
OWN_MEANS_Q = 2.0  # of customers priced by their own means: a law that has a mean
_SAMPLE_FROM = 20_000
_BLOCK = 8_192  # cells at a time, so that what is computed stays in the processor's cache


@dataclass(frozen=True)
class SpendLikelihood:
    """Minus the mean log-likelihood of (frequency, mean spend) cells in log parameters, with derivatives."""

    x: Array
    mean: Array
    weight: Array

    @property
    def total(self) -> float:
        """Customers."""
        return float(self.weight.sum())

    @cached_property
    def _still(self) -> tuple[Array, Array, float, float]:
        """Frequencies, the customers at each, and the sums in which no parameter stands."""
        counts = np.bincount(self.x.astype(np.int64), self.weight).astype(float)
        log_mean = np.log(self.mean)
        known = float((self.weight * self.x) @ (np.log(self.x) + log_mean))
        return np.flatnonzero(counts).astype(float), counts[counts > 0], known, float(self.weight @ log_mean)

    def value(self, log_params: Array) -> float:
        """The value alone."""
        p, q, v = np.exp(log_params)
        some, n, known, log_mean = self._still
        N = float(n.sum())
        log_spent = np.log(v + self.x * self.mean)
        value = n @ (gammaln(p * some + q) - gammaln(p * some)) + N * (q * np.log(v) - gammaln(q))
        value += p * known - log_mean - (self.weight * (p * self.x + q)) @ log_spent
        return -float(value) / N

    def __call__(self, log_params: Array) -> tuple[float, Array, Array]:
        """Value, gradient (3) and Hessian (3, 3) at log p, q, v."""
        params = np.exp(log_params)
        p, q, v = params
        x, w = self.x, self.weight
        counts = np.bincount(x.astype(np.int64), w)
        some = np.flatnonzero(counts).astype(float)
        n, N = counts[counts > 0], self.total
        shape = p * some + q
        parts = [self._block(slice(i, i + _BLOCK), params) for i in range(0, len(x), _BLOCK)]
        log_sum, log_sum_x, known, log_mean, per, per_x, bent = np.sum(parts, axis=0)
        value = n @ (gammaln(shape) - gammaln(p * some)) - N * gammaln(q) + N * q * np.log(v)
        value += p * known - log_mean - p * log_sum_x - q * log_sum
        gradient = np.array(
            [
                n @ (some * (digamma(shape) - digamma(p * some))) + known - log_sum_x,
                n @ digamma(shape) - N * digamma(q) + N * np.log(v) - log_sum,
                N * q / v - p * per_x - q * per,
            ]
        )
        bend = polygamma(1, shape)
        hessian = np.zeros((3, 3))
        hessian[0, 0] = n @ (some**2 * (bend - polygamma(1, p * some)))
        hessian[0, 1] = hessian[1, 0] = n @ (some * bend)
        hessian[0, 2] = hessian[2, 0] = -per_x
        hessian[1, 1] = n @ bend - N * polygamma(1, q)
        hessian[1, 2] = hessian[2, 1] = N / v - per
        hessian[2, 2] = -N * q / v**2 + bent
        gradient = gradient * params
        hessian = hessian * np.outer(params, params) + np.diag(gradient)
        return -float(value) / N, -gradient / N, -hessian / N

    def _block(self, rows: slice, params: Array) -> Array:
        """The sums over cells that need each cell's own mean."""
        p, q, v = params
        x, mean, w = self.x[rows], self.mean[rows], self.weight[rows]
        wx, log_mean = w * x, np.log(mean)
        spent = v + x * mean
        log_spent, per = np.log(spent), w / spent
        bent = per / spent
        return np.array(
            [
                w @ log_spent,
                wx @ log_spent,
                wx @ (np.log(x) + log_mean),
                w @ log_mean,
                per.sum(),
                per @ x,
                p * (bent @ x) + q * bent.sum(),
            ]
        )


@dataclass(frozen=True, eq=False)
class GammaGamma(FittedModel):
    """Spend of a purchase ~ Gamma(p, nu), nu ~ Gamma(q, v) across customers, however often they buy.

    Customers with few purchases are drawn towards the mean of all. The mean over customers, p v / (q - 1),
    exists for q > 1 only, its variance for q > 2 only. Test the independence: where busy customers spend
    more (or less) a purchase, the total is off.

    Attributes
    ----------
    params : p, q, v (v in money)
    log_likelihood : total over repeat buyers
    covariance : of the parameters on their natural scale
    customers : repeat buyers with spend above 0 fitted on
    unit : of the summary, for the record; spend has no time
    diagnosis : whether the optimum can be trusted

    Source
    ------
    Fader, Hardie & Lee (2005), RFM and CLV, Journal of Marketing Research 42(4); Fader & Hardie, note 025.

    Examples
    --------
    >>> model = GammaGamma({"p": 6.25, "q": 3.74, "v": 15.44})
    >>> two = pd.DataFrame({"frequency": [2, 0], "monetary_value": [22.35, 0.0]})
    >>> model.expected_spend(two).round(2).tolist()
    [24.66, 35.22]
    """

    NAMES: ClassVar[tuple[str, ...]] = NAMES
    LABEL: ClassVar[str] = "Gamma-Gamma"

    plot = Plots("crm_analytics.analyses.btyd.model_pictures", "spend")

    @classmethod
    def fit(
        cls, source: Summary | pd.DataFrame, unit: str | None = None, *, minimum: int = MINIMUM_REPEAT_BUYERS
    ) -> Self:
        """Fit by maximum likelihood to customers with a repeat purchase and a mean spend above 0.

        Needs at least 30 repeat buyers.

        Parameters
        ----------
        source : a summary, or a frame with frequency, monetary_value (mean spend of the repeat purchases)
            and optionally customers (a weight); customers without repeat purchase or spend are left out
        unit : kept for the record
        minimum : repeat buyers below which the fit is refused

        Raises
        ------
        DataError : a column is missing or holds impossible values.
        NotEnoughData : too few repeat buyers with spend.
        """
        likelihood, scale = cls._likelihood(source)
        require_customers(cls.LABEL, likelihood.weight, likelihood.x > 0, 0, minimum)
        starts = [np.log(s) for s in ([2.0, 3.0, 1.0], [6.0, 4.0, 0.5], [1.0, 8.0, 8.0], [20.0, 2.0, 0.1])]
        if len(likelihood.x) > _SAMPLE_FROM:
            # Cells are sorted, so every k-th is a fair picture of all: near enough to start Newton's steps.
            every = slice(None, None, len(likelihood.x) // (_SAMPLE_FROM // 2))
            part = SpendLikelihood(likelihood.x[every], likelihood.mean[every], likelihood.weight[every])
            starts = [best_of(part, starts).at]
        optimum = best_of(likelihood, starts)
        return cls._from_optimum(optimum, likelihood, scale, unit_of(source, unit))

    @classmethod
    def pricing(cls, source: Summary | pd.DataFrame) -> Self:
        """The fit; by own means, where each customer spends the same every time and all have no common mean.

        Prices of plans (9 a month or 96 a year) have no law across customers, and none is needed: each
        customer's own mean is what the next purchase will bring. Only those who bought once are priced at the
        mean of all. Where spend also scatters, the fit is returned as it is, without a mean.
        """
        fitted = cls.fit(source)
        if fitted.params["q"] > 1 or fitted.params["p"] < SAME_EVERY_TIME:
            return fitted
        likelihood, scale = cls._likelihood(source)
        mean = float(likelihood.weight @ likelihood.mean / likelihood.total) * scale
        p, q = fitted.params["p"], OWN_MEANS_Q
        params = {"p": p, "q": q, "v": mean * (q - 1) / p}
        return replace(fitted, params=params, covariance=pd.DataFrame(), diagnosis=GIVEN)

    @classmethod
    def at(cls, source: Summary | pd.DataFrame, params: dict[str, float], unit: str | None = None) -> Self:
        """The model at given parameters, with log-likelihood and covariance from these customers."""
        likelihood, scale = cls._likelihood(source)
        log_params = np.log([params[name] for name in NAMES]) - np.array([0.0, 0.0, np.log(scale)])
        optimum = Optimum(log_params, *likelihood(log_params), iterations=0)
        return cls._from_optimum(optimum, likelihood, scale, unit_of(source, unit), at_rest=1e-4)

    @classmethod
    def _likelihood(cls, source: Summary | pd.DataFrame) -> tuple[SpendLikelihood, float]:
        """Of the repeat buyers with spend, their mean spend set to one."""
        cells = cells_of(source, SPEND, cls.LABEL)
        cells = cells[(cells["frequency"] > 0) & (cells["monetary_value"] > 0)]
        x, mean, weight = (cells[c].to_numpy(float) for c in (*SPEND, "customers"))
        scale = float(weight @ mean / weight.sum()) if len(x) else 1.0
        return SpendLikelihood(x, mean / scale, weight), scale

    def objective(self, source: Summary | pd.DataFrame) -> tuple[SpendLikelihood, Array]:
        """What the fit made least, and by what its parameters are multiplied to be ours."""
        likelihood, scale = self._likelihood(source)
        return likelihood, np.array([1.0, 1.0, scale])

    @classmethod
    def _from_optimum(
        cls,
        optimum: Optimum,
        likelihood: SpendLikelihood,
        scale: float,
        unit: str | None,
        at_rest: float = 1e-6,
    ) -> Self:
        log_cov = log_covariance(optimum, likelihood.total)
        values = np.exp(optimum.at) * np.array([1.0, 1.0, scale])
        # A mean spend is a density in money: unscaling takes one factor of the scale for each customer.
        return cls(
            dict(zip(NAMES, values, strict=True)),
            float(-likelihood.total * (optimum.value + np.log(scale))),
            pd.DataFrame(np.outer(values, values) * log_cov, index=NAMES, columns=NAMES),
            round(likelihood.total),
            unit,
            _with_moments(diagnose(optimum, log_cov, NAMES, at_rest), float(values[1])),
        )

    @property
    def mean_spend(self) -> float:
        """Expected spend a purchase of a customer of whom nothing is known: p v / (q - 1), money.

        Raises
        ------
        ParameterError : q <= 1, so the mean does not exist.
        """
        p, q, v = self.values
        if q <= 1:
            raise ParameterError(
                f"Gamma-Gamma: q = {q:.3f} is not above 1, so mean spend does not exist: a few customers "
                "spend without bound. Look for outliers in the amounts, or value customers by their own mean"
            )
        return float(p * v / (q - 1))

    def expected_spend(self, frame: pd.DataFrame) -> pd.Series:
        """Expected spend a purchase of each customer, money; between the own mean and the mean of all.

        Parameters
        ----------
        frame : frequency and monetary_value (anything finite where frequency is 0)

        Raises
        ------
        ParameterError : p x + q is not above 1 for some customer, so the mean does not exist.
        """
        f = checked(frame, SPEND, self.LABEL)
        x, mean = f["frequency"].to_numpy(), f["monetary_value"].to_numpy()
        found = self.expected(x, mean)
        return pd.Series(found, f.index, name="expected_spend")

    def at_frequency(self, x: Array) -> tuple[float, float, Array]:
        """P, q and v of customers by frequency: here the same for all; see `BandedGammaGamma`."""
        p, q, v = self.values
        return float(p), float(q), np.full(len(x), v)

    def drawn(self, draws: int, rng: np.random.Generator) -> list[Self]:
        """Models at parameters as the fit leaves them open; q is kept above 1, where the mean exists."""
        values = draw_values(self, draws, rng)
        values[:, 1] = np.maximum(values[:, 1], LEAST_Q)
        return [type(self)(dict(zip(NAMES, row, strict=True))) for row in values]

    def expected(self, x: Array, mean: Array) -> Array:
        """`expected_spend` for arrays of frequency and mean spend."""
        p, q, v = self.values
        endless = p * x + q <= 1
        if endless.any():
            # what is known of a customer with x purchases is a gamma of shape p x + q: too few, and no mean
            raise ParameterError(
                f"{self.LABEL}: q = {q:.3f} is not above 1, so mean spend does not exist for "
                f"{int(endless.sum()):,} of {len(x):,} rows, those with p x + q <= 1 "
                f"({'none has' if p + q > 1 else 'even some with'} a repeat purchase): a few customers spend "
                "without bound. Look for outliers in the amounts, or value customers by their own mean"
            )
        return np.asarray(p * (v + x * mean) / (p * x + q - 1))

    def log_likelihood_of(self, frame: pd.DataFrame) -> float:
        """Log-likelihood of other repeat buyers under these parameters, total."""
        f = checked(frame, SPEND, self.LABEL)
        f = f[(f["frequency"] > 0) & (f["monetary_value"] > 0)]
        likelihood = SpendLikelihood(*(f[c].to_numpy() for c in (*SPEND, "customers")))
        return -likelihood(np.log(self.values))[0] * likelihood.total


def _with_moments(found: Diagnosis, q: float) -> Diagnosis:
    """Say which moments of spend do not exist."""
    words = ""
    if q <= 1:
        words = (
            f" q is {q:.2f}, not above 1: mean spend does not exist, a few customers spend without bound. "
            "Look for outliers in the amounts, or value customers by their own mean."
        )
    elif q <= 2:
        words = (
            f" q is {q:.2f}, not above 2: spend has no variance across customers. The mean holds, intervals "
            "of totals are too narrow."
        )
    return replace(found, message=found.message + words) if words else found
