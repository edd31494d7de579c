"""Discounting where purchases or renewals are counted: one a period, none between two."""

from __future__ import annotations

import numpy as np

from crm_analytics.analyses.btyd.discounting.discounting import EARLY, annual_rate, horizon_of
from crm_analytics.analyses.btyd.fitting.units import DAYS_PER_YEAR, days_per_unit, time_ahead
from crm_analytics.errors import ParameterError, nearest
from crm_analytics.tables.days import Span

_NEARLY = 1e-9


def rate_per_period(rate: float, unit: str | None, *, endless: bool = True) -> float:
    """An annual effective rate as that of one period of the model.

    Raises
    ------
    ParameterError : the model has no unit, or the rate is no number from 0 to 1, above 0 where it must be.

    Examples
    --------
    >>> round(rate_per_period(0.15, "M"), 6)
    0.011715
    """
    days = days_per_unit(unit)
    return float(np.expm1(np.log1p(annual_rate(rate, endless=endless)) * days / DAYS_PER_YEAR))


def earlier(each: float, timing: str, what: str) -> float:
    """By what a sum discounted to the ends of periods grows if paid at their `timing`."""
    if timing == "continuous":
        raise ParameterError(
            f"timing: {what} counts one chance a period, nothing comes between two, so 'continuous' has no "
            f"meaning for it: take one of {', '.join(EARLY)}"
        )
    if timing not in EARLY:
        raise ParameterError(f"timing: expected one of {', '.join(EARLY)}{nearest(str(timing), EARLY)}")
    return float((1 + each) ** EARLY[timing])


def periods_of(horizon: Span, unit: str | None, counted: str) -> int:
    """A horizon as a whole number of the model's periods.

    Examples
    --------
    >>> periods_of((60, "M"), "Y", "opportunities")
    5
    """
    count, name = horizon_of(horizon, "(5, 'Y') or '5y'")
    periods = time_ahead(count, "horizon") * days_per_unit(name) / days_per_unit(unit)
    if periods < 1 - _NEARLY or abs(periods - round(periods)) > _NEARLY * periods:
        raise ParameterError(
            f"horizon: {count} {name} are {periods:.2f} {counted} of one '{unit}' each; give a whole number"
        )
    return round(periods)
