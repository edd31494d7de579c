"""Large accounts that order less and less, each held against its own history.

A large account is not one of many: it has a clock of its own. So each is charted against itself: the orders
and the money of the last half year against what its earlier quarters, at the season of the shop, let one
expect. How much an account's own quarters scatter is estimated from them, and drawn towards what the accounts
have in common.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from crm_analytics.analyses.calendar import calendar
from crm_analytics.analyses.intervals import benjamini_hochberg
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

Array = NDArray[np.float64]
DAYS = 91  # a quarter
RECENT = 2  # quarters that are looked at
HISTORY = 8  # quarters before them, at most
BEGINS = 2  # quarters of history that do not count for who is large: a fall may have begun in them
LEAST_QUARTERS = 4  # of history
LEAST_ORDERS = 12  # in it: an account that orders more rarely has no clock to be late by
SHARE, MOST = 0.7, 50  # accounts that bring seven tenths of the revenue of the history, at most so many
FALSE_ALARMS = 0.05
POOLED = 4.0  # quarters that what the accounts have in common counts for
STEADIEST = 0.15  # of the scatter of pure chance
TESTS = 3


@dataclass(frozen=True, eq=False)
class FadingAccounts(ObjectCard):
    """Key accounts against themselves.

    Attributes
    ----------
    accounts : customer_id, revenue (of the history's last year), orders (of the last 26 weeks), usual (orders
        that its history lets one expect), spend and usual_spend (the same in money), p (adjusted for how many
        accounts are looked at), fading; those that fade first, then by revenue
    false_alarms : chance that anybody is named where nobody fades
    """

    accounts: pd.DataFrame
    false_alarms: float = FALSE_ALARMS

    @property
    def fading(self) -> pd.DataFrame:
        """Those that order less and less."""
        return self.accounts[self.accounts["fading"]]


def fading_accounts(base: CustomerBase) -> FadingAccounts:
    """Chart the large accounts of a base against their own history.

    Three things are asked of each: fewer orders than usual lately, orders that fall from quarter to quarter,
    and less money lately. The least p counts, times three; then Benjamini & Hochberg's correction over all
    accounts, so that where nobody fades somebody is named in one base of twenty.

    Raises
    ------
    NotEnoughData : no account with twelve orders in a year or more of history before the last half year.

    Source
    ------
    Dispersion of counts: McCullagh & Nelder (1989), section 6.2; charts on own history: Shewhart (1931).

    Examples
    --------
    One of six orders every week, and then every fourth:

    >>> from crm_analytics import CustomerBase
    >>> days = pd.date_range("2024-01-01", "2025-12-31", freq="7D")
    >>> rows = [(f"c{i}", day, 100.0) for i in range(6) for n, day in enumerate(days)
    ...         if i or day < pd.Timestamp("2025-07-01") or n % 4 == 0]
    >>> base = CustomerBase.open(
    ...     pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"]), today="2026-01-01")
    >>> fading_accounts(base).fading["customer_id"].tolist()
    ['c0']
    """
    counted = _counted(base)
    if counted.empty:
        raise NotEnoughData("Key accounts", 0, 1, f"account with {LEAST_ORDERS} orders in a year of history")
    exposure = _exposure(base)
    orders, spend = (_table(counted, what) for what in ("orders", "spend"))
    quarters = np.minimum(
        counted.groupby("customer_id")["born"].first().loc[orders.index].to_numpy(), HISTORY
    )
    rows = [
        _charted(o, s, exposure, int(n))
        for o, s, n in zip(orders.to_numpy(float), spend.to_numpy(float), quarters, strict=True)
    ]
    found = pd.DataFrame(rows, columns=["orders", "usual", "spend", "usual_spend", "scatter", "revenue"])
    common = float(np.clip(found["scatter"].median(), STEADIEST, 5.0))
    each = zip(orders.to_numpy(float), spend.to_numpy(float), quarters, strict=True)
    p = np.array([_p(o, s, exposure, int(n), common) for o, s, n in each])
    adjusted = benjamini_hochberg(p)
    found = found.drop(columns="scatter").assign(
        customer_id=orders.index, p=adjusted, fading=adjusted < FALSE_ALARMS
    )
    found = found.sort_values(["fading", "revenue"], ascending=False, ignore_index=True)
    columns = ["customer_id", "revenue", "orders", "usual", "spend", "usual_spend", "p", "fading"]
    return FadingAccounts(found[columns])


def _counted(base: CustomerBase) -> pd.DataFrame:
    """Orders and money of the large accounts by quarter back: customer_id, born (whole quarters of history
    before the recent ones), at, orders, spend.
    """
    days, day = base.customer_days, ibis.literal(base.day)
    at = (day.delta(days.day, unit="day") // DAYS).cast("int64")
    each = days.select("customer_id", at=at, spend=days.spend.cast("float64"), bought=days.is_occasion)
    past = each.filter(each["at"] >= RECENT, each["at"] < RECENT + HISTORY)
    known = past.group_by("customer_id").aggregate(
        orders=past.bought.sum(),
        worth=past.spend.sum(where=past["at"] >= RECENT + BEGINS),
        oldest=past["at"].max(where=past.bought),
    )
    first = base.purchase_history.select("customer_id", "first_day")
    known = known.inner_join(first, "customer_id")
    # the quarter of the first order is not whole
    born = (day.delta(known.first_day, unit="day") // DAYS).cast("int64") - RECENT
    known = known.mutate(born=born).filter(known.worth > 0)
    order = [ibis.desc("worth"), "customer_id"]
    before = known.worth.sum().over(ibis.cumulative_window(order_by=order)) - known.worth
    ranked = known.mutate(
        before=before, total=known.worth.sum().over(), place=ibis.row_number().over(order_by=order)
    )
    large = ranked.filter(ranked.before < SHARE * ranked.total, ranked.place < MOST)
    large = large.filter(large.orders >= LEAST_ORDERS, large.born >= LEAST_QUARTERS)
    inside = each.filter(each["at"] < RECENT + HISTORY).inner_join(
        large.select("customer_id", "born"), "customer_id"
    )
    table = inside.group_by("customer_id", "born", "at").aggregate(
        orders=inside.bought.sum(), spend=inside.spend.sum()
    )
    return base.collect(table.order_by("customer_id", "at"))


def _table(counted: pd.DataFrame, what: str) -> pd.DataFrame:
    table = counted.pivot(index="customer_id", columns="at", values=what)
    return table.reindex(columns=range(RECENT + HISTORY)).fillna(0.0)


def _exposure(base: CustomerBase) -> Array:
    """What the season lets one expect of each quarter back; 1 where no season is shown by two cycles."""
    try:
        found = calendar(base)
    except NotEnoughData:
        return np.ones(RECENT + HISTORY)
    if not found.months.is_shown:
        return np.ones(RECENT + HISTORY)
    ends = [base.day - timedelta(days=DAYS * at) for at in range(RECENT + HISTORY + 1)]
    return np.array([found.factor(ends[at + 1], ends[at]) for at in range(RECENT + HISTORY)])


def _charted(orders: Array, spend: Array, exposure: Array, history: int) -> tuple[float, ...]:
    """Orders and money lately, what is usual, the scatter of the quarters, and a year's revenue."""
    late, past = slice(0, RECENT), slice(RECENT, RECENT + history)
    rate = orders[past].sum() / exposure[past].sum()
    worth = spend[past].sum() / exposure[past].sum()
    due = rate * exposure[past]
    scatter = float(((orders[past] - due) ** 2 / due).sum() / (history - 1))
    usual = exposure[late].sum()
    year = float(spend[RECENT : RECENT + 4].sum())
    return orders[late].sum(), rate * usual, spend[late].sum(), worth * usual, scatter, year


def _p(orders: Array, spend: Array, exposure: Array, history: int, common: float) -> float:
    """Of such a fall, if nothing had changed."""
    came, usual, money, usual_money, scatter, _ = _charted(orders, spend, exposure, history)
    late, past = slice(0, RECENT), slice(RECENT, RECENT + history)
    free = POOLED + history - 1
    spread = max((POOLED * common + (history - 1) * scatter) / free, STEADIEST)
    share = exposure[late].sum() / exposure[past].sum()
    fewer = stats.t.cdf((came - usual) / np.sqrt(spread * usual * (1 + share)), free)
    everything = slice(0, RECENT + history)
    e, n = exposure[everything], orders[everything]
    rate = n.sum() / e.sum()
    time = -np.arange(RECENT + history, dtype=float)
    time = time - (time * e).sum() / e.sum()
    slope = (time * (n - rate * e)).sum() / np.sqrt(spread * rate * (time**2 * e).sum())
    falling = stats.t.cdf(slope, free)
    each = spend[past] / exposure[past]
    deviation = max(float(each.std(ddof=1)), 1e-9 * max(abs(float(each.mean())), 1e-9))
    gap = (money - usual_money) / exposure[late].sum()
    less = stats.t.cdf(gap / (deviation * np.sqrt(1 / RECENT + 1 / history)), history - 1)
    return float(min(TESTS * min(fewer, falling, less), 1.0))
