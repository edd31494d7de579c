"""Discounting in one place: an annual effective rate, whole periods, and the moment of payment."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any, Protocol, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.btyd.fitting.histories import History
from crm_analytics.analyses.btyd.fitting.units import DAYS_PER_YEAR, days_per_unit, time_ahead
from crm_analytics.analyses.btyd.spend.spend_model import SpendModel
from crm_analytics.errors import ParameterError, nearest
from crm_analytics.tables.days import Span, span_of

Spend: TypeAlias = SpendModel | pd.Series | float

Array = NDArray[np.float64]
TIMINGS = ("start", "mid", "end", "continuous")
EARLY = {"start": 1.0, "mid": 0.5, "end": 0.0}  # by how much of a period a payment comes before its end
HIGHEST_RATE = 3.0  # a year; what is above was meant in per cent
_MOST_PERIODS = 36_525


def horizon_of(horizon: Span, like: str) -> tuple[int, str]:
    """Number and unit of a horizon, which has no unit of its own.

    Raises
    ------
    ParameterError : it is no span, or its number is not whole.

    Examples
    --------
    >>> horizon_of("52w", "'52w'"), horizon_of((2, "Y"), "'52w'")
    ((52, 'W'), (2, 'Y'))
    """
    if isinstance(horizon, tuple | list) and len(horizon) == 2:
        number, unit = horizon
        days_per_unit(unit)
        if isinstance(number, Real) and number != int(number):
            raise ParameterError(f"horizon: expected a whole number of periods from 1 on, got {number!r}")
    try:
        return span_of(horizon)
    except ParameterError:
        raise ParameterError(f"horizon: expected (number, unit) like {like}, got {horizon!r}") from None


@dataclass(frozen=True)
class Discount:
    """Discounted purchases as a weighted sum of expected purchases up to certain times.

    If F(t) purchases are expected up to t, period j pays d_j [F(t_j) - F(t_{j-1})]; ordered by F that is
    a sum of weights times F. Continuous payment, the integral of exp(-delta s) dF(s), becomes the same
    through integration by parts and Gauss' rule.

    times : > 0, in the model's unit
    weights : of F at these times
    period : length of a period in the model's unit
    horizon : the whole, in the model's unit
    force : continuous rate of discount per model unit
    timing : one of `TIMINGS`
    """

    times: Array
    weights: Array
    period: float
    horizon: float
    force: float
    timing: str

    @classmethod
    def of(cls, horizon: Span, rate: float, timing: str, unit: str | None) -> Discount:
        """From words to weights.

        Raises
        ------
        ParameterError : the model has no unit; the horizon is no (whole number, unit); the rate is
            negative; the timing is unknown.

        Examples
        --------
        >>> d = Discount.of((2, "Y"), 0.10, "end", "Y")
        >>> bool(np.isclose(d.weights @ d.times, 1 / 1.1 + 1 / 1.21))     # one purchase a year, F(t) = t
        True
        """
        one = days_per_unit(unit)
        whole, name = horizon_of(horizon, "(52, 'W') or '52w'")
        period = days_per_unit(name) / one
        if not 1 <= whole <= _MOST_PERIODS:
            raise ParameterError(f"horizon: expected a whole number of periods from 1 on, got {whole!r}")
        if timing not in TIMINGS:
            raise ParameterError(
                f"timing: expected one of {', '.join(TIMINGS)}{nearest(str(timing), TIMINGS)}"
            )
        force = float(np.log1p(annual_rate(rate))) * one / DAYS_PER_YEAR
        times, weights = _weights(whole, period, force, timing)
        return cls(times, weights, period, whole * period, force, timing)

    @classmethod
    def none(cls, t: float) -> Discount:
        """Nothing is discounted: F(t) itself, of any length.

        >>> float(Discount.none(2.5).weights @ Discount.none(2.5).times)
        2.5
        """
        return cls(np.array([t]), np.array([1.0]), t, t, 0.0, "end")

    @property
    def perpetuity(self) -> bool:
        """Whether it is paid continuously and for ever: then many models have a closed form."""
        return bool(np.isinf(self.horizon)) and self.timing == "continuous"

    def factor(self, time: Array) -> Array:
        """Discount factor of a purchase at `time`, by the timing."""
        if self.timing == "continuous":
            return np.exp(-self.force * time)
        begun = np.ceil(time / self.period)
        paid = begun - EARLY[self.timing]
        return np.exp(-self.force * self.period * paid)


def annual_rate(rate: Any, *, endless: bool = False) -> float:
    """An annual effective rate of discount, 0.15 = 15 % a year; above 0 where the sum has no end.

    Raises
    ------
    ParameterError : no number (nor is a truth value one), below 0, or above 3: 15 is 1,500 %.

    Examples
    --------
    >>> annual_rate(15)
    Traceback (most recent call last):
    ...
    crm_analytics.errors.ParameterError: rate: expected an annual effective rate >= 0 like 0.15, got 15: \
that would be 1,500 % a year
    """
    number = isinstance(rate, Real) and not isinstance(rate, bool | np.bool_)
    value = float(rate) if number else float("nan")
    if 0 <= value <= HIGHEST_RATE and not (endless and value == 0):
        # as it was written: float32(0.15) is 0.15000000596
        return float(str(rate)) if isinstance(rate, np.floating) else value
    why = ""
    if value > HIGHEST_RATE:
        why = f": that would be {100 * value:,.0f} % a year"
    elif endless:
        why = ": without discount the purchases of an infinite horizon have no bound"
    least = "> 0" if endless else ">= 0"
    raise ParameterError(f"rate: expected an annual effective rate {least} like 0.15, got {rate!r}{why}")


def _weights(count: int, period: float, force: float, timing: str) -> tuple[Array, Array]:
    end = count * period
    if timing == "continuous":
        # integral of exp(-d s) dF = exp(-d H) F(H) + d * integral of exp(-d s) F(s) ds
        nodes, gauss = np.polynomial.legendre.leggauss(64)
        # F bends most at the beginning, so the nodes are put densest there
        root = np.append((nodes + 1) / 2, 1.0)
        times: Array = end * root**2
        left: Array = np.exp(-force * times)
        weights: Array = left * force * np.append(gauss, 0.0) * root * end
        weights[-1] = left[-1]
        return times, weights
    ends = np.arange(1, count + 1) * period
    shift = EARLY[timing]
    factors = np.exp(-force * (ends - shift * period))
    return np.asarray(ends, float), np.asarray(factors - np.append(factors[1:], 0.0), float)


class Buyers(Protocol):
    """What can say how much customers will buy: a model, or individuals with parameters of their own."""

    @property
    def params(self) -> dict[str, float]:
        """By name."""

    def while_alive(self, who: History, times: Array) -> Array:
        """Purchases within each of `times` if alive."""

    def discounted(self, who: History, discount: Discount) -> Array:
        """Expected purchases, discounted."""


def discounted_while_alive(model: Buyers, who: History, discount: Discount) -> Array:
    """Discounted purchases of each customer, if alive."""
    times, weights = _fewer(discount, model.params["alpha"])
    return model.while_alive(who, times) @ weights


def _fewer(discount: Discount, alpha: float, degree: int = 28) -> tuple[Array, Array]:
    """Many times folded into few: F is smooth in log(1 + t / alpha), so a Chebyshev series carries it."""
    if len(discount.times) <= degree + 1:
        return discount.times, discount.weights
    points = np.log1p(discount.times / alpha)
    top = points.max()
    nodes = np.cos(np.pi * (np.arange(degree + 1) + 0.5) / (degree + 1))
    at = top * (nodes + 1) / 2
    # F / log(1 + t / alpha) is interpolated, so that F(0) = 0 holds exactly.
    back = np.polynomial.chebyshev.chebvander(2 * points / top - 1, degree)
    into = np.linalg.inv(np.polynomial.chebyshev.chebvander(nodes, degree))
    weights = ((discount.weights * points) @ back @ into) / at
    return alpha * np.expm1(at), weights


def value_of(
    model: Buyers,
    spend: Spend,
    frame: pd.DataFrame,
    checked: pd.DataFrame,
    discount: Discount,
) -> pd.Series:
    """Discounted purchases times expected spend, on the frame's index."""
    purchases = model.discounted(History.of(checked), discount)
    each = spend_of_each(spend, frame, len(checked))
    return pd.Series(purchases * each, checked.index, name="lifetime_value")


def spend_of_each(spend: Spend, frame: pd.DataFrame, rows: int) -> Array:
    """Expected spend a purchase of each row, from a model, a Series on the frame's index, or one number."""
    if isinstance(spend, pd.Series):
        each = spend.reindex(frame.index).to_numpy(float)
        if not np.isfinite(each).all():
            raise ParameterError("spend: the series has no value for some rows of the frame")
        if (each < 0).any():
            raise ParameterError(
                f"spend: the series is negative in {int((each < 0).sum()):,} of {rows:,} rows"
            )
        return each
    if isinstance(spend, Real | np.bool_):
        return np.full(rows, time_ahead(spend, "spend"))
    if isinstance(spend, float) or not hasattr(spend, "expected_spend"):
        raise ParameterError(
            "spend: expected a Gamma-Gamma model, a series on the frame's index, or one number >= 0, got "
            f"{type(spend).__name__}"
        )
    return np.asarray(spend.expected_spend(frame).to_numpy(), float)
