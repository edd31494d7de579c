"""A fitted model of repeat purchases: four numbers, what they say of customers, and how sure they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from crm_analytics.analyses.btyd.discounting import discounting as money
from crm_analytics.analyses.btyd.fitting.cadence import with_cadence
from crm_analytics.analyses.btyd.fitting.fitted import FittedModel
from crm_analytics.analyses.btyd.fitting.histories import (
    HISTORY,
    cells_of,
    checked,
    require_customers,
    unit_of,
)
from crm_analytics.analyses.btyd.fitting.optimise import Optimum, best_of, diagnose, log_covariance, newton
from crm_analytics.analyses.btyd.fitting.units import time_ahead
from crm_analytics.errors import ParameterError

if TYPE_CHECKING:
    from crm_analytics.analyses.btyd.discounting.discounting import Spend
    from crm_analytics.analyses.btyd.fitting.summary import Summary

Array = NDArray[np.float64]
MINIMUM_CUSTOMERS = 100
MINIMUM_REPEAT_BUYERS = 30
_COARSE_FROM = 5_000  # cells, above which a coarse fit first saves time


class LikelihoodOfCells(Protocol):
    """Minus the mean log-likelihood of weighted cells in log parameters, with gradient and Hessian."""

    @property
    def x(self) -> Array:
        """Repeat purchases of each cell."""

    @property
    def recency(self) -> Array:
        """From first to last purchase."""

    @property
    def T(self) -> Array:  # noqa: N802 - the papers' name
        """From first purchase to the day."""

    @property
    def weight(self) -> Array:
        """Customers of each cell."""

    @property
    def total(self) -> float:
        """Customers in all."""

    def __call__(self, log_params: Array) -> tuple[float, Array, Array]:
        """At the logarithms of the parameters."""

    def coarse(self, bins: int = 24) -> Self:
        """Cells merged on a grid of recency and T."""

    def starts(self) -> list[Array]:
        """Where to begin a search."""


@dataclass(frozen=True, eq=False)
class PurchaseModel(FittedModel):
    """What all models of repeat purchases have in common: a history (x, t_x, T) is all they look at."""

    TIMES: ClassVar[tuple[str, ...]] = ()  # parameters that are times: they scale with the unit

    @classmethod
    def fit(
        cls,
        source: Summary | pd.DataFrame,
        unit: str | None = None,
        *,
        minimum: int = MINIMUM_CUSTOMERS,
        minimum_repeat_buyers: int | None = None,
    ) -> Self:
        """Fit by maximum likelihood.

        It speaks from 100 customers and 30 repeat buyers on. How sure each parameter is, by the profile of
        the likelihood where two trade off, `parameter_intervals` tells.

        Parameters
        ----------
        source : a summary, or a frame with frequency, recency, T and optionally customers or weights;
            a lifetimes or pymc-marketing summary works as it is. Equal rows are merged first
        unit : unit of recency and T of a frame, "D", "W", "M" or "Y"; a summary carries its own. Where times
            said to be days do not look like days, the diagnosis says so
        minimum : customers below which the fit is refused
        minimum_repeat_buyers : the same for repeat buyers; default 30, or less if `minimum` is less

        Raises
        ------
        DataError : a column is missing or holds impossible values.
        NotEnoughData : too few customers, or too few who came back.
        """
        cells = cells_of(source, HISTORY, cls.LABEL)
        weight, x = cells["customers"].to_numpy(float), cells["frequency"].to_numpy(float)
        buyers = (
            min(MINIMUM_REPEAT_BUYERS, minimum) if minimum_repeat_buyers is None else minimum_repeat_buyers
        )
        require_customers(cls.LABEL, weight, x > 0, minimum, buyers)
        likelihood, scale = cls._likelihood(cells)
        small = likelihood.coarse() if len(cells) > _COARSE_FROM else likelihood
        optimum = best_of(small, small.starts())
        if small is not likelihood:
            optimum = newton(likelihood, optimum.at)
        found = cls._from_optimum(optimum, likelihood, scale, unit_of(source, unit))
        return found._with_cadence(source, cells)

    def _with_cadence(self, source: Any, cells: pd.DataFrame) -> Self:
        """With a word on the unit, if rows were said to be in days; a base is looked at by `cadence`."""
        if not isinstance(source, pd.DataFrame):
            return self
        return replace(self, diagnosis=with_cadence(self.diagnosis, cells, self.unit))

    @classmethod
    def at(cls, source: Summary | pd.DataFrame, params: dict[str, float], unit: str | None = None) -> Self:
        """The model at given parameters, with log-likelihood and covariance from these customers."""
        likelihood, scale = cls._likelihood(cells_of(source, HISTORY, cls.LABEL))
        log_params = np.log([params[name] for name in cls.NAMES]) - np.log(cls._scales(scale))
        optimum = Optimum(log_params, *likelihood(log_params), iterations=0)
        return cls._from_optimum(optimum, likelihood, scale, unit_of(source, unit), at_rest=1e-4)

    @classmethod
    def _likelihood(cls, cells: pd.DataFrame) -> tuple[LikelihoodOfCells, float]:
        weight = cells["customers"].to_numpy(float)
        scale = float(weight @ cells["T"].to_numpy(float) / weight.sum()) or 1.0
        return cls._likelihood_of(cells, scale), scale

    def _objective(self, source: Summary | pd.DataFrame) -> tuple[LikelihoodOfCells, Array]:
        likelihood, scale = self._likelihood(cells_of(source, HISTORY, self.LABEL))
        return likelihood, self._scales(scale)

    @classmethod
    def _scales(cls, scale: float) -> Array:
        """By which each parameter is multiplied when times are divided by `scale`."""
        return np.array([scale if name in cls.TIMES else 1.0 for name in cls.NAMES])

    @classmethod
    def _from_optimum(
        cls,
        optimum: Optimum,
        likelihood: LikelihoodOfCells,
        scale: float,
        unit: str | None,
        at_rest: float = 1e-6,
    ) -> Self:
        log_cov = log_covariance(optimum, likelihood.total)
        values = np.exp(optimum.at) * cls._scales(scale)
        # Each repeat purchase is a density in time: unscaling takes one factor of the scale for each.
        repeats = float(likelihood.weight @ likelihood.x)
        return cls(
            dict(zip(cls.NAMES, values, strict=True)),
            float(-optimum.value * likelihood.total - repeats * np.log(scale)),
            pd.DataFrame(np.outer(values, values) * log_cov, index=cls.NAMES, columns=cls.NAMES),
            round(likelihood.total),
            unit,
            diagnose(optimum, log_cov, cls.NAMES, at_rest),
        )

    # -- the fit ---------------------------------------------------------------------------------

    def log_likelihood_of(self, frame: pd.DataFrame) -> float:
        """Log-likelihood of other histories under these parameters, total over customers."""
        f = checked(frame, HISTORY, self.LABEL)
        x, recency, T = (f[c].to_numpy() for c in HISTORY)
        one = self._log_density(x, recency, T)
        return float(one @ f["customers"].to_numpy())

    # -- what it says ----------------------------------------------------------------------------

    def probability_alive(self, frame: pd.DataFrame) -> pd.Series:
        """P(the customer has not left), one a row, 0..1."""
        f = checked(frame, HISTORY, self.LABEL)
        return pd.Series(self._alive(*(f[c].to_numpy() for c in HISTORY)), f.index, name="probability_alive")

    def expected_purchases(self, frame: pd.DataFrame, t: float) -> pd.Series:
        """Expected repeat purchases of each customer in the next `t` units, >= 0."""
        f = checked(frame, HISTORY, self.LABEL)
        ahead = time_ahead(t)
        x, recency, T = (f[c].to_numpy() for c in HISTORY)
        expected = self._ahead(x, recency, T, np.array([ahead]))[:, 0]
        return pd.Series(expected, f.index, name="expected_purchases")

    def expected_purchases_new(self, t: ArrayLike) -> Any:
        """Expected repeat purchases of a customer in the `t` units after the first purchase."""
        times = np.asarray(t, float)
        if not (np.isfinite(times).all() and (times >= 0).all()):
            raise ParameterError("t must hold numbers >= 0")
        found = self._new(times)
        return float(found) if found.ndim == 0 else found

    def lifetime_value(
        self,
        spend: Spend,
        frame: pd.DataFrame,
        horizon: tuple[int, str] = (52, "W"),
        rate: float = 0.15,
        timing: str = "end",
    ) -> pd.Series:
        """Residual value of each customer: discounted spend of the purchases to come, money.

        Parameters
        ----------
        spend : a Gamma-Gamma model (the frame then needs monetary_value), or the expected spend per
            purchase as a Series on the frame's index or one number
        frame : frequency, recency, T [, monetary_value], in the model's unit
        horizon : number of periods and their unit
        rate : annual effective rate of discount, 0.15 = 15 % a year of 365.25 days
        timing : when the purchases of a period are paid: "start", "mid", "end", or "continuous"

        Raises
        ------
        ParameterError : the model has no unit, or a parameter is out of range.
        """
        f = checked(frame, HISTORY, self.LABEL)
        return money.value_of(self, spend, frame, f, money.Discount.of(horizon, rate, timing, self.unit))

    def probability_of(self, n: ArrayLike, t: ArrayLike) -> Any:
        """P(a new customer makes exactly `n` repeat purchases in the `t` units after the first)."""
        raise NotImplementedError

    # -- what each model says in its own way ---------------------------------------------------------

    def _grid(self, cells: pd.DataFrame, bins: int) -> LikelihoodOfCells:
        """Cells merged on a grid of recency and T."""
        return self._likelihood_of(cells, 1.0).coarse(bins)

    @classmethod
    def _likelihood_of(cls, cells: pd.DataFrame, scale: float) -> LikelihoodOfCells:
        """Of cells whose times are divided by `scale`."""
        raise NotImplementedError

    def _log_density(self, x: Array, recency: Array, T: Array) -> Array:
        """Log-likelihood of each history."""
        raise NotImplementedError

    def _alive(self, x: Array, recency: Array, T: Array) -> Array:
        """P(the customer has not left)."""
        raise NotImplementedError

    def _while_alive(self, x: Array, T: Array, times: Array) -> Array:
        """Purchases within each of `times` if alive; one row a customer, one column a time."""
        raise NotImplementedError

    def _ahead(self, x: Array, recency: Array, T: Array, times: Array) -> Array:
        """Expected purchases within each of `times`; one row a customer, one column a time."""
        return self._alive(x, recency, T)[:, None] * self._while_alive(x, T, times)

    def _discounted(self, x: Array, recency: Array, T: Array, discount: money.Discount) -> Array:
        """Expected purchases of each customer, discounted."""
        return self._alive(x, recency, T) * money.discounted_while_alive(self, x, T, discount)

    def _roughly(self, x: Array, recency: Array, T: Array, discount: money.Discount) -> Array:
        """The same, near enough to tell how it follows the parameters, where that is much sooner had."""
        return self._discounted(x, recency, T, discount)

    def _people(self, frame: pd.DataFrame) -> Self:
        """What speaks of the customers of a frame: all have the same parameters."""
        return self

    def _new(self, times: Array) -> Array:
        """Expected repeat purchases of a new customer within each of `times`."""
        raise NotImplementedError

    def _counts(self, x: Array, recency: Array, T: Array, t: float, rng: np.random.Generator) -> Array:
        """Purchases of each customer within `t`, in one drawn future."""
        raise NotImplementedError

    def _futures(
        self, x: Array, recency: Array, T: Array, horizon: float, rng: np.random.Generator
    ) -> tuple[NDArray[np.intp], Array]:
        """One drawn future: the customer (row) of each purchase, and when it comes (0..horizon)."""
        raise NotImplementedError


def counts_and_times(n: ArrayLike, t: ArrayLike) -> tuple[Array, Array]:
    """Numbers of purchases and times, checked, as arrays of one shape."""
    count, times = np.broadcast_arrays(np.asarray(n, float), np.asarray(t, float))
    if not ((count >= 0).all() and (count == np.floor(count)).all()):
        raise ParameterError("n must hold whole numbers >= 0")
    if not (np.isfinite(times).all() and (times >= 0).all()):
        raise ParameterError("t must hold numbers >= 0")
    return count, times
