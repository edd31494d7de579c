"""A period against the one before, in the words every report uses."""

from __future__ import annotations

from collections.abc import Callable

from crm_analytics.analyses.comparison import Change
from crm_analytics.pages import blocks, words


def period_kpi(label: str, change: Change, worded: Callable[[float], str]) -> dict[str, str]:
    """A tile with its change, the interval of the change and what it was before."""
    note = f"{worded(change.before)} before"
    if change.change is None:
        return blocks.kpi(label, worded(change.now), "nothing before", note)
    note = f"{words.interval(change.lower, change.upper, 'percent:0')}; {note}"
    return blocks.kpi(
        label,
        worded(change.now),
        words.change(change.now, change.before),
        note,
        words.direction(change.now, change.before) if change.is_clear else "flat",
    )


def change_in_words(change: Change, weeks: int) -> str:
    """How a total moved, with its interval and whether it may be chance; empty where nothing was before.

    >>> change_in_words(Change(120.0, 100.0, 0.2, 0.1, 0.3), 52)
    'up 20 % on the 52 weeks before (10–30 %)'
    """
    if change.change is None:
        return ""
    doubt = "" if change.is_clear else ", which may be chance"
    way = "up" if change.change > 0 else "down"
    said = words.percent(abs(change.change), 0)
    interval = words.interval(change.lower, change.upper, "percent:0")
    return f"{way} {said} on the {weeks} weeks before ({interval}{doubt})"
