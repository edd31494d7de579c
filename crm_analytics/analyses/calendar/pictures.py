"""Pictures of the calendar: months and weekdays against the mean, a series taken apart, the weeks ahead."""

from __future__ import annotations

from crm_analytics.analyses.calendar.decomposition import Decomposition
from crm_analytics.analyses.calendar.outlook import Outlook
from crm_analytics.analyses.calendar.seasonal_index import SeasonalIndex
from crm_analytics.analyses.calendar.week_pattern import WeekPattern
from crm_analytics.analyses.plots import Picture
from crm_analytics.pages import figures


def months(found: SeasonalIndex) -> Picture:
    """Each month against the mean month (1), with its interval."""
    return Picture(
        frame=found.months,
        title="Months against the mean month",
        draw=lambda f: figures.intervals(
            f.assign(month=f["month"].astype(str)), "month", "index", "lower", "upper", 1, fmt="number:2"
        ),
        empty=found.words or "The data do not hold a whole year.",
    )


def parts(found: Decomposition) -> Picture:
    """What was observed, and its trend."""
    frame = found.table.rename_axis("at").reset_index()
    return Picture(
        frame=frame,
        title="Series and its trend",
        draw=lambda f: figures.lines(f, "at", ["trend", "observed"], context=("observed",)),
    )


def season(found: Decomposition) -> Picture:
    """The index of each phase of the cycle."""
    return Picture(
        frame=found.indices,
        title="Season by phase",
        draw=lambda f: figures.columns(
            f.assign(phase=f["phase"].astype(str)), "phase", ["index"], fmt="number:2"
        ),
    )


def weeks(found: Outlook) -> Picture:
    """The weeks ahead with their interval."""
    return Picture(
        frame=found.weeks,
        title="The weeks ahead",
        draw=lambda f: figures.lines(f, "start", ["expected"], ("lower", "upper"), fmt="count"),
        empty=found.words,
    )


def weekdays(found: WeekPattern) -> Picture:
    """Weekdays against the mean day (1), with their interval."""
    return Picture(
        frame=found.weekdays,
        title="Orders by weekday, 1 = the mean day",
        draw=lambda f: figures.intervals(f, "weekday", "index", "lower", "upper", 1, fmt="number:2"),
    )
