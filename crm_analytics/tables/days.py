"""Days and spans as people write them."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

import pandas as pd

from crm_analytics.errors import ParameterError


def as_day(value: str | date, name: str) -> date:
    """A day from an ISO text, a date, a datetime or a pandas Timestamp.

    >>> as_day("1997-09-30", "as_of")
    datetime.date(1997, 9, 30)
    """
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise ParameterError(f"{name}: expected a day like 2026-01-31, got {str(value)[:40]!r}") from None


_SPAN = re.compile(r"([+-]?)(\d{1,5})([dwmy])", re.IGNORECASE)


def span_of(span: str) -> tuple[int, str]:
    """Number and unit (D, W, M, Y) of a span.

    >>> span_of("-13w")
    (-13, 'W')
    """
    match = _SPAN.fullmatch(str(span).strip())
    if match is None:
        raise ParameterError(f"expected a span like -13w, -90d, -6m or -1y, got {str(span)[:40]!r}")
    return int(match[2]) * (-1 if match[1] == "-" else 1), match[3].upper()


def shift(day: date, span: str) -> date:
    """A day moved by a span: ``"-13w"``, ``"-1y"``; months and years keep the day of the month.

    >>> shift(date(2024, 3, 31), "-1m").isoformat()
    '2024-02-29'
    """
    amount, unit = span_of(span)
    try:
        if unit in "DW":
            return day + timedelta(days=amount * (7 if unit == "W" else 1))
        return (pd.Timestamp(day) + pd.DateOffset(months=amount * (12 if unit == "Y" else 1))).date()
    except (OverflowError, ValueError):
        raise ParameterError(f"the span {span} leads out of the calendar") from None
