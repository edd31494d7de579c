"""Units of time: inside everything is days, a year is 365.25 of them."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from crm_analytics.errors import ParameterError

DAYS_PER_YEAR = 365.25
DAYS_PER_UNIT = {"D": 1.0, "W": 7.0, "M": DAYS_PER_YEAR / 12, "Y": DAYS_PER_YEAR}
UNIT_WORDS = {"D": "days", "W": "weeks", "M": "months", "Y": "years"}


def days_per_unit(unit: str | None) -> float:
    """Days of one unit.

    Raises
    ------
    ParameterError : the unit is unknown or missing.

    Examples
    --------
    >>> days_per_unit("M")
    30.4375
    """
    if unit is None:
        raise ParameterError(
            "the model does not know its unit of time; fit it with unit='D', 'W', 'M' or 'Y', "
            "or fit a summary, which carries its unit"
        )
    if isinstance(unit, str) and unit.upper() in DAYS_PER_UNIT:
        return DAYS_PER_UNIT[unit.upper()]
    if unit not in DAYS_PER_UNIT:
        known = ", ".join(f"'{u}'" for u in DAYS_PER_UNIT)
        raise ParameterError(f"unknown unit of time {str(unit)[:40]!r}: use one of {known}")
    return DAYS_PER_UNIT[unit]


def time_ahead(t: Any, name: str = "t", *, counted: str = "") -> float:
    """One time ahead, in a model's unit, as a float.

    Parameters
    ----------
    t : what was asked for
    name : of it, for the message
    counted : what the model counts, as "renewals", of which there are whole ones only; empty for time

    Raises
    ------
    ParameterError : no number (nor is a truth value one), not finite, below 0, or not whole.

    Examples
    --------
    >>> time_ahead(2.5), time_ahead(2, counted="renewals")
    (2.5, 2.0)
    >>> time_ahead(2.5, counted="renewals")
    Traceback (most recent call last):
    ...
    crm_analytics.errors.ParameterError: t must be a whole number of renewals, got 2.5
    """
    if isinstance(t, bool | np.bool_) or not isinstance(t, Real):
        raise ParameterError(f"{name} must be one number >= 0, got {type(t).__name__}")
    value = float(t)
    if not (np.isfinite(value) and value >= 0):
        raise ParameterError(f"{name} must be a number >= 0, got {t}")
    if counted and value != np.floor(value):
        raise ParameterError(f"{name} must be a whole number of {counted}, got {t}")
    return value
