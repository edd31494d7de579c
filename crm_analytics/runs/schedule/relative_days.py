"""Days of a schedule as people say them, counted from the day of the run."""

from __future__ import annotations

import calendar
import re
from datetime import date, timedelta

from crm_analytics.errors import ParameterError, nearest

LAST_DAY, LAST_MONTH, LAST_WEEK = "last day", "last full month", "last full week"
WORDS = (LAST_DAY, LAST_MONTH, LAST_WEEK)
_SPAN = re.compile(r"-(\d{1,4})([dwmy])")
_AGE = re.compile(r"(\d{1,5})([dwmy])")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_DAYS = {"d": 1, "w": 7, "m": 31, "y": 366}  # of an age, generously


def resolve(words: str, today: date) -> str:
    """The ISO day that is meant; empty for the last day in the data.

    Parameters
    ----------
    words : "last day", "last full month" (its last day), "last full week" (its Sunday), a day, or a span back
        from today such as "-1w"
    today : the day of the run

    Raises
    ------
    ParameterError : it is none of these, or a day after today.

    Examples
    --------
    >>> today = date(2026, 3, 4)
    >>> [resolve(w, today) for w in ("last full month", "last full week", "-1w", "last day")]
    ['2026-02-28', '2026-03-01', '2026-02-25', '']
    """
    day = " ".join(words.lower().split())
    if day in ("", LAST_DAY):
        return ""
    if day == LAST_MONTH:
        return (today.replace(day=1) - timedelta(days=1)).isoformat()
    if day == LAST_WEEK:
        return (today - timedelta(days=today.isoweekday())).isoformat()
    if found := _SPAN.fullmatch(day):
        return _back(today, int(found[1]), found[2]).isoformat()
    return _day(words, day, today).isoformat()


def _day(words: str, day_text: str, today: date) -> date:
    try:
        if not _DAY.fullmatch(day_text):
            raise ValueError(day_text)
        day = date.fromisoformat(day_text)
    except ValueError:
        raise ParameterError(
            f"as_of = {words[:40]!r}{nearest(day_text, WORDS)}: it must be a day like 2026-01-31, "
            f"{', '.join(repr(w) for w in WORDS)}, or a span back like '-1w'"
        ) from None
    if day > today:
        raise ParameterError(f"as_of = {words!r} lies in the future: today is {today}")
    return day


def _back(today: date, amount: int, unit: str) -> date:
    try:
        if unit in "dw":
            return today - timedelta(days=amount * _DAYS[unit])
        months = today.year * 12 + today.month - 1 - amount * (12 if unit == "y" else 1)
        year, month = divmod(months, 12)
        last = calendar.monthrange(year, month + 1)[1]
        return date(year, month + 1, min(today.day, last))
    except (OverflowError, ValueError, calendar.IllegalMonthError):
        raise ParameterError(f"as_of = '-{amount}{unit}' leads out of the calendar") from None


def days_of(age: str, key: str = "oldest_data") -> int:
    """Days of an age such as "3d", "2w", "1m" (31 days) or "1y" (366).

    Raises
    ------
    ParameterError

    >>> days_of("2w")
    14
    """
    found = _AGE.fullmatch(age.strip().lower())
    if found is None:
        raise ParameterError(f"{key} = {age[:40]!r}: it must be an age like '3d', '2w', '1m' or '1y'")
    return int(found[1]) * _DAYS[found[2]]


def expected(words: str, today: date) -> date | None:
    """The day that a report of this schedule should show by now; None where only the data can tell."""
    day = " ".join(words.lower().split())
    return date.fromisoformat(resolve(day, today)) if day in (LAST_MONTH, LAST_WEEK) else None
