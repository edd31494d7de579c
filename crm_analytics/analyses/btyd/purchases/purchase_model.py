"""A fitted model of repeat purchases: four numbers, what they say of customers, and how sure they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from crm_analytics.analyses.btyd.discounting import discounting as money
from crm_analytics.analyses.btyd.discounting.infinite_horizon import times_and_weights
from crm_analytics.analyses.btyd.fitting.boundary_messages import meaning
from crm_analytics.analyses.btyd.fitting.cadence import with_cadence
from crm_analytics.analyses.btyd.fitting.fitted import FittedModel
from crm_analytics.analyses.btyd.fitting.histories import (
    HISTORY,
    History,
    cells_of,
    checked,
    one_frame,
    require_customers,
    unit_of,
)
from crm_analytics.analyses.btyd.fitting.optimise import Optimum, best_of, diagnose, log_covariance, newton
from crm_analytics.analyses.btyd.fitting.units import time_ahead
from crm_analytics.analyses.btyd.purchases.customer_parameters import Individuals
from crm_analytics.analyses.btyd.totals.kept_totals import once_a_night
from crm_analytics.analyses.btyd.totals.purchase_totals import total_of_histories
from crm_analytics.analyses.btyd.totals.uncertainty import Interval, TotalForecast
from crm_analytics.analyses.btyd.totals.value_totals import value_of_histories
from crm_analytics.analyses.plots import Plots
from crm_analytics.errors import ParameterError
from crm_analytics.tables.days import Span

if TYPE_CHECKING:
    from crm_analytics.analyses.btyd.discounting.discounting import Spend
    from crm_analytics.analyses.btyd.fitting.summary import Summary
    from crm_analytics.analyses.btyd.spend.spend_model import SpendModel

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

    plot = Plots("crm_analytics.analyses.btyd.model_pictures", "alive", "purchases", "new_customers")

    @classmethod
    def fit(
        cls,
        source: Summary | pd.DataFrame,
        unit: str | None = None,
        *lifetimes: Any,
        minimum: int = MINIMUM_CUSTOMERS,
        minimum_repeat_buyers: int | None = None,
    ) -> Self:
        """Fit by maximum likelihood.

        Needs at least 100 customers and 30 repeat buyers. How sure each parameter is, by the profile of
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
        one_frame(f"{cls.__name__}.fit", HISTORY, lifetimes)
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
        return found.with_note_on_unit(source, cells)

    def with_note_on_unit(self, source: Any, cells: pd.DataFrame) -> Self:
        """With a note where rows said to be in days do not look like it; of a base ask `cadence`."""
        if not isinstance(source, pd.DataFrame):
            return self
        return replace(self, diagnosis=with_cadence(self.diagnosis, cells, self.unit))

    @classmethod
    def at(cls, source: Summary | pd.DataFrame, params: dict[str, float], unit: str | None = None) -> Self:
        """The model at given parameters, with log-likelihood and covariance from these customers."""
        likelihood, scale = cls._likelihood(cells_of(source, HISTORY, cls.LABEL))
        log_params = np.log([params[name] for name in cls.NAMES]) - np.log(cls.scales(scale))
        optimum = Optimum(log_params, *likelihood(log_params), iterations=0)
        return cls._from_optimum(optimum, likelihood, scale, unit_of(source, unit), at_rest=1e-4)

    @classmethod
    def _likelihood(cls, cells: pd.DataFrame) -> tuple[LikelihoodOfCells, float]:
        weight = cells["customers"].to_numpy(float)
        scale = float(weight @ cells["T"].to_numpy(float) / weight.sum()) or 1.0
        return cls.likelihood_of(cells, scale), scale

    def objective(self, source: Summary | pd.DataFrame) -> tuple[LikelihoodOfCells, Array]:
        """What the fit made least, and by what its parameters are multiplied to be ours."""
        likelihood, scale = self._likelihood(cells_of(source, HISTORY, self.LABEL))
        return likelihood, self.scales(scale)

    @classmethod
    def scales(cls, scale: float) -> Array:
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
        values = np.exp(optimum.at) * cls.scales(scale)
        # Each repeat purchase is a density in time: unscaling takes one factor of the scale for each.
        repeats = float(likelihood.weight @ likelihood.x)
        return cls(
            dict(zip(cls.NAMES, values, strict=True)),
            float(-optimum.value * likelihood.total - repeats * np.log(scale)),
            pd.DataFrame(np.outer(values, values) * log_cov, index=cls.NAMES, columns=cls.NAMES),
            round(likelihood.total),
            unit,
            diagnose(optimum, log_cov, cls.NAMES, at_rest, meaning=cls.limits),
        )

    # -- the fit ---------------------------------------------------------------------------------

    def log_likelihood_of(self, frame: pd.DataFrame) -> float:
        """Log-likelihood of other histories under these parameters, total over customers."""
        f = checked(frame, HISTORY, self.LABEL)
        return float(self.log_density(History.of(f)) @ f["customers"].to_numpy())

    # -- what it says ----------------------------------------------------------------------------

    def probability_alive(self, frame: pd.DataFrame, *lifetimes: Any) -> pd.Series:
        """P(the customer has not left) of each row, 0..1."""
        one_frame("probability_alive", HISTORY, lifetimes)
        f = checked(frame, HISTORY, self.LABEL)
        return pd.Series(self.alive(History.of(f)), f.index, name="probability_alive")

    def expected_purchases(self, frame: pd.DataFrame, t: float, *lifetimes: Any) -> pd.Series:
        """Expected repeat purchases of each customer in the next `t` units, >= 0."""
        one_frame("expected_purchases", HISTORY, lifetimes, "t")
        f = checked(frame, HISTORY, self.LABEL)
        ahead = time_ahead(t)
        expected = self.purchases(History.of(f), np.array([ahead]))[:, 0]
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
        horizon: Span = (52, "W"),
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

    # -- totals --------------------------------------------------------------------------------------

    def total_purchases(self, source: Summary | pd.DataFrame, t: float, wanted: Interval) -> TotalForecast:
        """Of all customers within `t`; see `forecast_total`."""
        asked = ("purchases", self, t, wanted)
        return once_a_night(source, asked, lambda: total_of_histories(source, self, t, wanted))

    def total_value(
        self, source: Summary | pd.DataFrame, spend: SpendModel, discount: money.Discount, wanted: Interval
    ) -> TotalForecast:
        """Money of all customers; see `value_total`."""
        if isinstance(source, pd.DataFrame):
            raise ParameterError(f"{self.LABEL}: value_total takes a summary; of a frame ask lifetime_value")
        asked = ("value", self, spend, discount, wanted)
        return once_a_night(source, asked, lambda: value_of_histories(source, self, spend, discount, wanted))

    # -- what each model says in its own way: arrays of histories, one row for each customer ---------

    @classmethod
    def likelihood_of(cls, cells: pd.DataFrame, scale: float) -> LikelihoodOfCells:
        """Of cells whose times are divided by `scale`."""
        raise NotImplementedError

    def merged(self, cells: pd.DataFrame, bins: int) -> LikelihoodOfCells:
        """Cells merged on a grid of recency and T."""
        return self.likelihood_of(cells, 1.0).coarse(bins)

    @staticmethod
    def limits(values: Mapping[str, float], edge: Collection[str]) -> str:
        """What parameters at a limit say of the customers, in words; times in units of the mean T."""
        return meaning(values, edge)

    @property
    def sufficient(self) -> bool:
        """Whether the history carries the whole likelihood of a customer, so that `log_density` exists."""
        return True

    def log_density(self, who: History) -> Array:
        """Log-likelihood of each history."""
        raise NotImplementedError

    def rates(self) -> dict[str, tuple[float, Array]]:
        """Mean rate of "buying" and of "leaving", each with the gradient of its log in log parameters."""
        first, second = np.eye(len(self.NAMES))[:2]
        return {"buying": (self.params["r"] / self.params["alpha"], first - second)}

    def alive(self, who: History) -> Array:
        """P(the customer has not left), 0..1."""
        raise NotImplementedError

    def while_alive(self, who: History, times: Array) -> Array:
        """Purchases within each of `times` if alive; a row for each customer, a column for each time."""
        raise NotImplementedError

    def purchases(self, who: History, times: Array) -> Array:
        """Expected purchases within each of `times`; shape as of `while_alive`."""
        return self.alive(who)[:, None] * self.while_alive(who, times)

    def perpetual_while_alive(self, who: History, force: float) -> Array:
        """Purchases to come for ever if alive, discounted continuously at `force` a unit: DERT / P(alive)."""
        times, weights = times_and_weights(force)
        return self.while_alive(who, times) @ weights

    def discounted(self, who: History, discount: money.Discount) -> Array:
        """Expected purchases of each customer, discounted."""
        if discount.perpetuity:
            return self.alive(who) * self.perpetual_while_alive(who, discount.force)
        return self.alive(who) * money.discounted_while_alive(self, who, discount)

    def roughly_discounted(self, who: History, discount: money.Discount) -> Array:
        """The same, near enough to tell how it follows the parameters, where that is much faster."""
        return self.discounted(who, discount)

    def active(self, who: History, h: float) -> Array:
        """P(the customer buys within `h`): 1 - L(x, t_x, T + h) / L(x, t_x, T), whatever the model."""
        silent = self.log_density(who.later(h)) - self.log_density(who)
        return np.asarray(-np.expm1(np.minimum(silent, 0.0)))

    def count_probabilities(self, who: History, t: float, most: int) -> Array | None:
        """P(n purchases within `t` | alive), columns n = 0 .. most; None where there is no closed form."""
        return None

    def for_customers(self, frame: pd.DataFrame) -> Self:
        """The model of the customers of a frame: all have the same parameters."""
        return self

    @classmethod
    def of_each(cls, own: Array) -> Individuals:
        """Customers who each have parameters of their own (one column each), as covariates give them."""
        raise NotImplementedError

    def _new(self, times: Array) -> Array:
        """Expected repeat purchases of a new customer within each of `times`."""
        raise NotImplementedError

    def simulate(self, who: History, t: float, rng: np.random.Generator) -> Array:
        """Purchases of each customer within `t`, in one drawn future."""
        raise NotImplementedError

    def simulate_times(
        self, who: History, horizon: float, rng: np.random.Generator
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
