"""Units of time: inside everything is days, a year is 365.25 of them."""

from __future__ import annotations

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
    if unit not in DAYS_PER_UNIT:
        known = ", ".join(f"'{u}'" for u in DAYS_PER_UNIT)
        raise ParameterError(f"unknown unit of time {str(unit)[:40]!r}: use one of {known}")
    return DAYS_PER_UNIT[unit]
