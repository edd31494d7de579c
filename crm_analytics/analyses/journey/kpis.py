"""Key figures of the journey: of the last period, beside the same a year ago or else the period before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from crm_analytics.analyses.comparison import YEAR, Change
from crm_analytics.analyses.intervals import wilson
from crm_analytics.analyses.journey.period import Period, period_of
from crm_analytics.analyses.kpi import COUNT, DOWN, NUMBER, SHARE, UP, Kpi, refused
from crm_analytics.errors import DataError
from crm_analytics.tables.days import shift

if TYPE_CHECKING:
    from crm_analytics.analyses.measured import Measured

REPORT = "journey"
NO_FUNNEL = "the steps before a purchase are not recorded"
NO_BUYERS = "nobody bought long enough ago"
NOW, BEFORE, YEAR_AGO = "journey.now", "journey.before", "journey.year_ago"  # kept by `Measured.once`


def funnel_completion(given: Measured) -> Kpi:
    """Of those who took the first step of the funnel in the last period, the share that came to its end."""
    name, now = "funnel_completion", period_now(given)
    if now is None or now.funnel is None or not int(now.funnel["reached"].iloc[0]):
        return refused(name, SHARE, UP, NO_FUNNEL, REPORT, given.span)
    n, k = int(now.funnel["reached"].iloc[0]), int(now.funnel["reached"].iloc[-1])

    def change(then: Period) -> Change | None:
        if then.funnel is None or then.steps != now.steps:
            return None
        return _was(k / n, float(then.funnel["share_of_first"].iloc[-1]))

    before, ago = _against(given, change)
    return Kpi(name, SHARE, UP, k / n, n, *wilson(k, n), period=given.span, against_previous=before,
               against_year=ago, explained_in=REPORT)  # fmt: skip


def bought_again_soon(given: Measured) -> Kpi:
    """Of the buyers of the last period who had so many days, the share that bought again within them."""
    name, now = "bought_again_soon", period_now(given)
    if now is None or not int(now.again["of"]):
        return refused(name, SHARE, UP, NO_BUYERS, REPORT, given.span)
    row, span = now.again, f"{round(now.within)}d"
    before, ago = _against(
        given, lambda then: _was(row["conversion"], then.again["conversion"]) if then.again["of"] else None
    )
    return Kpi(name, SHARE, UP, float(row["conversion"]), int(row["of"]), float(row["lower"]),
               float(row["upper"]), period=span, against_previous=before, against_year=ago,
               explained_in=REPORT)  # fmt: skip


def days_to_next_purchase(given: Measured) -> Kpi:
    """Median days until the next purchase, of buyers of the last period who came back in time."""
    name, now = "days_to_next_purchase", period_now(given)
    if now is None or not int(now.again["went_on"]):
        return refused(name, NUMBER, DOWN, NO_BUYERS, REPORT, given.span)
    row = now.again
    before, ago = _against(
        given,
        lambda then: _was(row["days_median"], then.again["days_median"]) if then.again["went_on"] else None,
    )
    return Kpi(name, NUMBER, DOWN, float(row["days_median"]), int(row["went_on"]), period=given.span,
               against_previous=before, against_year=ago, explained_in=REPORT)  # fmt: skip


def journeys(given: Measured) -> Kpi:
    """Customers and visitors with a step in the last period."""
    now = period_now(given)
    if now is None:
        return refused("journeys", COUNT, UP, NO_FUNNEL, REPORT, given.span)
    n = now.journey.count()
    before, ago = _against(given, lambda then: _was(n, then.journey.count()))
    return Kpi("journeys", COUNT, UP, n, n, period=given.span, against_previous=before, against_year=ago,
               explained_in=REPORT)  # fmt: skip


def _against(
    given: Measured, change: Callable[[Period], Change | None]
) -> tuple[Change | None, Change | None]:
    """A change against the period before, and against the same a year ago."""
    before, ago = earlier(given)
    return (None if before is None else change(before)), (None if ago is None else change(ago))


def period_now(given: Measured) -> Period | None:
    """The last period, made once for all figures."""
    return given.once(NOW, lambda: _made(given, 0))


def earlier(given: Measured) -> tuple[Period | None, Period | None]:
    """The period before and the same a year ago; the one before is asked for only where there is no other."""
    ago = given.once(YEAR_AGO, lambda: _made(given, YEAR))
    if ago is not None:
        return None, ago
    days = (given.base.day - shift(given.base.day, given.span)).days
    return given.once(BEFORE, lambda: _made(given, days)), None


def _made(given: Measured, lag_days: int) -> Period | None:
    base = given.base
    day = base.day - timedelta(days=lag_days)
    edge, after = base.first_day - timedelta(days=1), shift(day, given.span)
    if lag_days and after < edge:
        return None
    try:
        return period_of(base.as_of(day) if lag_days else base, max(after, edge))
    except DataError:
        return None


def _was(now: float, before: float) -> Change:
    """What it was, with no claim about the change."""
    return Change(float(now), float(before), None, None, None)


KPIS: tuple[Callable[[Measured], Kpi], ...] = (
    funnel_completion, bought_again_soon, days_to_next_purchase, journeys,
)  # fmt: skip
