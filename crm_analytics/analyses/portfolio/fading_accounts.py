"""Large accounts that order less and less, each held against its own history.

A large account is not one of many: it has a clock of its own. So each is charted against itself: the orders
and the money of the last quarter and of the last half year against what its earlier quarters, at the season
of the shop, let one expect. How much an account's own quarters scatter is estimated from them, and drawn
towards what the accounts have in common.
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
MOST_P = 0.999  # one test that nothing fell must not outweigh all others
COLUMNS = ["revenue", "orders", "usual", "spend", "usual_spend"]
STEADIEST = 0.15  # of the scatter of pure chance
LATELY = (1, RECENT)  # quarters that are looked at together: a fall is seen first in the last, surest in both


@dataclass(frozen=True, eq=False)
class FadingAccounts(ObjectCard):
    """Key accounts against themselves.

    Attributes
    ----------
    accounts : customer_id, revenue (of the history's last year), orders (of the last 26 weeks), usual (orders
        that its history lets one expect), spend and usual_spend (the same in money), p (adjusted for how many
        accounts are looked at), fading; those that fade first, then by revenue
    false_alarms : chance, at most, that anybody is named where nobody fades
    """

    accounts: pd.DataFrame
    false_alarms: float = FALSE_ALARMS

    @property
    def fading(self) -> pd.DataFrame:
        """Those that order less and less."""
        return self.accounts[self.accounts["fading"]]


def fading_accounts(base: CustomerBase) -> FadingAccounts:
    """Chart the large accounts of a base against their own history.

    Five things are asked of each: fewer orders and less money than usual in the last quarter, the same in the
    last half year, and orders that fall from quarter to quarter. They are told by the same orders, so their p
    are combined as Cauchy's law allows whatever their dependence; then Benjamini & Hochberg's correction over
    all accounts, so that where nobody fades somebody is named in one base of twenty at most.

    Raises
    ------
    NotEnoughData : no account with twelve orders in a year or more of history before the last half year.

    Source
    ------
    Dispersion of counts: McCullagh & Nelder (1989), section 6.2; charts on own history: Shewhart (1931);
    combined p: Liu & Xie (2020), *JASA* 115.

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
    each = [
        _Account.of(o, s, exposure, int(n))
        for o, s, n in zip(orders.to_numpy(float), spend.to_numpy(float), quarters, strict=True)
    ]
    adjusted = _adjusted(each)
    found = pd.DataFrame([one.row() for one in each], columns=COLUMNS)
    found = found.assign(customer_id=orders.index, p=adjusted, fading=adjusted < FALSE_ALARMS)
    found = found.sort_values(["fading", "revenue"], ascending=False, ignore_index=True)
    return FadingAccounts(found[["customer_id", *COLUMNS, "p", "fading"]])


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


@dataclass(frozen=True, eq=False)
class _Chart:
    """One account's orders, or its money counted in usual orders, by quarter back.

    counts, exposure : (RECENT + quarters of history,)
    """

    counts: Array
    exposure: Array

    @property
    def history(self) -> int:
        """Quarters of it."""
        return len(self.counts) - RECENT

    @property
    def rate(self) -> float:
        """Usual counts a quarter without season."""
        return float(self.counts[RECENT:].sum() / self.exposure[RECENT:].sum())

    @property
    def scatter(self) -> float:
        """Of the history's quarters, as a share of that of pure chance."""
        due = self.rate * self.exposure[RECENT:]
        return float(((self.counts[RECENT:] - due) ** 2 / due).sum() / (self.history - 1))

    def fall(self, common: float) -> list[float]:
        """Of counts as few as those lately, the chance by each of `LATELY`.

        common : scatter that the accounts have in common
        """
        found = []
        for quarters in LATELY:
            usual = self.rate * self.exposure[:quarters].sum()
            share = self.exposure[:quarters].sum() / self.exposure[RECENT:].sum()
            gap = (self.counts[:quarters].sum() - usual) / np.sqrt(usual * (1 + share))
            found.append(self._chance(gap, common))
        return found

    def falling(self, common: float) -> float:
        """Of counts that so fall from quarter to quarter, the chance."""
        e, n = self.exposure, self.counts
        rate = n.sum() / e.sum()
        time = -np.arange(len(n), dtype=float)
        time = time - (time * e).sum() / e.sum()
        return self._chance((time * (n - rate * e)).sum() / np.sqrt(rate * (time**2 * e).sum()), common)

    def _chance(self, gap: float, common: float) -> float:
        free = POOLED + self.history - 1
        spread = max((POOLED * common + (self.history - 1) * self.scatter) / free, STEADIEST)
        return float(stats.t.cdf(gap / np.sqrt(spread), free))


@dataclass(frozen=True, eq=False)
class _Account:
    """What one account orders and spends by quarter back, and what a usual order of its history was worth."""

    orders: _Chart
    money: _Chart
    worth: float

    @classmethod
    def of(cls, orders: Array, spend: Array, exposure: Array, history: int) -> _Account:
        """From all quarters that are looked at, those before the account began included."""
        known = slice(0, RECENT + history)
        orders, spend, exposure = orders[known], spend[known], exposure[known]
        worth = float(spend[RECENT:].sum() / orders[RECENT:].sum())
        money = spend / worth if worth > 0 else orders  # what was all sent back tells nothing of its own
        return cls(_Chart(orders, exposure), _Chart(money, exposure), worth)

    def p(self, common: tuple[float, float]) -> float:
        """Of such a fall, if nothing had changed; `common` is the scatter of orders and of money."""
        of_orders, of_money = common
        found = [*self.orders.fall(of_orders), *self.money.fall(of_money), self.orders.falling(of_orders)]
        return _combined(np.array(found))

    def row(self) -> tuple[float, ...]:
        """Revenue of the history's last year; orders and money lately, each with what is usual."""
        usual = self.orders.rate * float(self.orders.exposure[:RECENT].sum())
        usual_money = self.money.rate * float(self.money.exposure[:RECENT].sum())
        came, money = (float(one.counts[:RECENT].sum()) for one in (self.orders, self.money))
        year = float(self.money.counts[RECENT : RECENT + 4].sum()) * self.worth
        return year, came, usual, money * self.worth, usual_money * self.worth


def _adjusted(accounts: list[_Account]) -> Array:
    """Of each account's fall the p, corrected for how many accounts are looked at."""
    common = _common([one.orders for one in accounts]), _common([one.money for one in accounts])
    return benjamini_hochberg(np.array([one.p(common) for one in accounts]))


def _common(charts: list[_Chart]) -> float:
    """The scatter of the middle account."""
    return float(np.clip(np.median([one.scatter for one in charts]), STEADIEST, 5.0))


def _combined(p: Array) -> float:
    """One p of several that depend on each other.

    >>> round(_combined(np.array([0.01, 0.01, 0.01])), 4), round(_combined(np.array([0.01, 0.5])), 4)
    (0.01, 0.02)
    """
    odd = np.tan((0.5 - np.clip(p, 1e-15, MOST_P)) * np.pi)
    return float(0.5 - np.arctan(odd.mean()) / np.pi)
