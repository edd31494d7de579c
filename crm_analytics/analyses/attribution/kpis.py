"""Key figures of channels: of the last period, against the same a year ago or else the period before."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from crm_analytics.analyses.attribution.tracked import Tracked, lags, sales_change, tracked
from crm_analytics.analyses.comparison import Change
from crm_analytics.analyses.intervals import Z95, wilson
from crm_analytics.analyses.kpi import DOWN, MONEY, NEITHER, NUMBER, SHARE, UP, Kpi, refused

if TYPE_CHECKING:
    from crm_analytics.analyses.measured import Measured

REPORT = "channels"
NOT_TRACKED = "no touches before purchases are tracked"
NO_SPEND = "what channels cost is not known"
NOW, BEFORE, YEAR_AGO = "channels.now", "channels.before", "channels.year_ago"  # kept by `Measured.once`


def tracked_sales(given: Measured) -> Kpi:
    """Money of the purchases of the last period that followed a touch."""
    now = period_now(given)
    if now is None:
        return refused("tracked_sales", MONEY, UP, NOT_TRACKED, REPORT, given.span)
    before, ago = _against(given, lambda then: sales_change(now, then))
    return Kpi("tracked_sales", MONEY, UP, now.sales, now.paths.conversions, period=given.span,
               against_previous=before, against_year=ago, explained_in=REPORT)  # fmt: skip


def tracked_share(given: Measured) -> Kpi:
    """Share of the purchases of the last period that followed a touch."""
    now = period_now(given)
    if now is None:
        return refused("tracked_share", SHARE, NEITHER, NOT_TRACKED, REPORT, given.span)
    before, ago = _against(given, lambda then: _was(_share(now), _share(then)))
    k, n = now.paths.conversions, now.paths.conversions + now.paths.untracked
    return Kpi("tracked_share", SHARE, NEITHER, k / n, n, *wilson(k, n), period=given.span,
               against_previous=before, against_year=ago, explained_in=REPORT)  # fmt: skip


def channel_spend(given: Measured) -> Kpi:
    """What was spent on channels in the last period."""
    now = period_now(given)
    if now is None or now.spend is None or now.spending is None:
        return refused("channel_spend", MONEY, NEITHER, NO_SPEND, REPORT, given.span)
    spent = now.spend
    before, ago = _against(given, lambda then: _was(spent, then.spend) if then.spend else None)
    return Kpi("channel_spend", MONEY, NEITHER, spent, len(now.spending), period=given.span,
               against_previous=before, against_year=ago, explained_in=REPORT)  # fmt: skip


def sales_per_spend(given: Measured) -> Kpi:
    """Tracked sales of the last period as a multiple of what channels cost; no model shares anything out."""
    name, now = "sales_per_spend", period_now(given)
    if now is None or now.spend is None:
        why = NOT_TRACKED if now is None else NO_SPEND
        return refused(name, NUMBER, UP, why, REPORT, given.span)
    before, ago = _against(given, lambda then: sales_change(now, then, per_spend=True))
    value, spread = now.sales / now.spend, math.exp(Z95 * now.sales_error)
    return Kpi(name, NUMBER, UP, value, now.paths.conversions, value / spread, value * spread,
               period=given.span, against_previous=before, against_year=ago,
               explained_in=REPORT)  # fmt: skip


def spend_per_new_customer(given: Measured) -> Kpi:
    """Spend on channels over all customers who first bought in the period, tracked or not.

    All of the spend is in it, what reached old customers too, so winning one costs at most so much. The
    interval is that of a Poisson count of new customers.
    """
    name, now = "spend_per_new_customer", period_now(given)
    if now is None or now.spend is None or not now.new_customers:
        return refused(name, MONEY, DOWN, NO_SPEND, REPORT, given.span)
    value, n = now.spend / now.new_customers, now.new_customers
    spread = math.exp(Z95 / math.sqrt(n))

    def change(then: Tracked) -> Change | None:
        return _was(value, then.spend / then.new_customers) if then.spend and then.new_customers else None

    before, ago = _against(given, change)
    return Kpi(name, MONEY, DOWN, value, n, value / spread, value * spread, period=given.span,
               against_previous=before, against_year=ago, explained_in=REPORT)  # fmt: skip


def _against(
    given: Measured, change: Callable[[Tracked], Change | None]
) -> tuple[Change | None, Change | None]:
    """A change against the period before, and against the same a year ago."""
    before, ago = earlier(given)
    return (None if before is None else change(before)), (None if ago is None else change(ago))


def period_now(given: Measured) -> Tracked | None:
    """The last period, made once for all figures."""
    return given.once(NOW, lambda: tracked(given.base, given.span))


def earlier(given: Measured) -> tuple[Tracked | None, Tracked | None]:
    """The period before and the same a year ago; the one before is asked for only where there is no other."""
    before, year = lags(given.base, given.span)
    ago = given.once(YEAR_AGO, lambda: tracked(given.base, given.span, lag_days=year))
    if ago is not None:
        return None, ago
    return given.once(BEFORE, lambda: tracked(given.base, given.span, lag_days=before)), None


def _share(one: Tracked) -> float:
    return one.paths.conversions / (one.paths.conversions + one.paths.untracked)


def _was(now: float, before: float) -> Change:
    """What it was, with no claim about the change."""
    return Change(now, before, None, None, None)


KPIS: tuple[Callable[[Measured], Kpi], ...] = (
    sales_per_spend, channel_spend, spend_per_new_customer, tracked_share, tracked_sales,
)  # fmt: skip
