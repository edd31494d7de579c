"""Days and spans as people write them."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from numbers import Integral, Real
from typing import TypeAlias

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


# A length of time as people write it: "52w", (52, "W") or a timedelta; `span_of` reads each.
Span: TypeAlias = str | tuple[int, str] | timedelta

_SPAN = re.compile(r"([+-]?)(\d{1,5})([dwmy])", re.IGNORECASE)
UNITS = ("D", "W", "M", "Y")
_DAY = timedelta(days=1)


def span_of(span: Span) -> tuple[int, str]:
    """Number and unit (D, W, M, Y) of a span: a text, a pair, or a timedelta of whole days.

    Raises
    ------
    ParameterError : it is no span.

    >>> span_of("-13w"), span_of((13, "w")), span_of(timedelta(weeks=2))
    ((-13, 'W'), (13, 'W'), (14, 'D'))
    """
    if isinstance(span, timedelta):
        days = span / _DAY
        if days == int(days):
            return int(days), "D"
    elif isinstance(span, tuple | list) and len(span) == 2:
        number, unit = span
        name = str(unit).upper()
        whole = isinstance(number, Real) and not isinstance(number, bool) and number == int(number)
        if whole and name in UNITS:
            return int(number), name
    elif (match := _SPAN.fullmatch(str(span).strip())) is not None:
        return int(match[2]) * (-1 if match[1] == "-" else 1), match[3].upper()
    raise ParameterError(
        f"expected a span like -13w, -90d, -6m or -1y (or (13, 'W'), or a timedelta of whole days), got "
        f"{str(span)[:40]!r}"
    )


def forward(span: Span) -> str:
    """A span as text, ahead whatever its sign.

    >>> forward("-13w"), forward((2, "M"))
    ('+13w', '+2m')
    """
    number, unit = span_of(span)
    return f"+{abs(number)}{unit.lower()}"


def earlier_day(day: date, span: Span) -> date:
    """The day a span earlier, whatever the sign of the span: nothing looks back into the future.

    >>> {earlier_day(date(2026, 4, 1), span).isoformat() for span in ("13w", (-13, "W"))}
    {'2025-12-31'}
    """
    number, unit = span_of(span)
    return shift(day, (-abs(number), unit))


def days_in(span: Span | int, name: str) -> int:
    """A span where the unit is days: a number of days, or a span of days or weeks.

    Raises
    ------
    ParameterError : it is no such span; months and years have no fixed number of days.

    >>> days_in(365, "window"), days_in("52w", "window"), days_in("365D", "window")
    (365, 364, 365)
    """
    if isinstance(span, Integral) and not isinstance(span, bool):
        return int(span)
    try:
        number, unit = span_of(span)  # type: ignore[arg-type]
    except ParameterError:
        number, unit = 0, "?"
    if unit not in ("D", "W"):
        raise ParameterError(
            f"{name}: expected days like 365, '365D', '52w' or a timedelta of whole days, got "
            f"{str(span)[:40]!r}"
        )
    return number * (7 if unit == "W" else 1)


def shift(day: date, span: Span) -> date:
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
