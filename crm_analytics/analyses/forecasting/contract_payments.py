"""What running contracts will pay: the way of forecasting for a business in which most customers have one.

A contract is paid when it begins and whenever it renews. So what is known of it (its plan, its next renewal,
what it was last charged) says when and how much; only whether it will still run is inferred, from the
contracts of the same recurrence that reached the same renewal. Monthly and yearly payers are never mixed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.contract_lives import MONTH, lives, seconds
from crm_analytics.analyses.forecasting.quarters import DAYS
from crm_analytics.errors import CrmError

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

Array = NDArray[np.float64]
GRACE = 30  # days after an end date in which a new contract continues the old one
LEAST_SHARE = 0.3  # of the customers: where fewer ever had a contract, contracts say too little of all
LIKE_BEFORE = 20.0  # contracts that the rate of the renewal before counts for at each of them
PARTS = 10  # of a cycle, in which contracts are cancelled


def contract_payments(base: CustomerBase, windows: tuple[int, ...]) -> Mapping[int, Mapping[str, float]]:
    """Payments, their money and different payers in the first quarters after the day; by number of quarters.

    Empty where under three in ten customers ever had a contract, or plans and renewals are not told.
    """
    cells = _cells(base)
    if cells is None:
        return {}
    running = cells[~cells["ended"]]
    parts = [
        _of_plan(cells[cells["cycle"] == cycle], float(cycle), windows) for cycle in running["cycle"].unique()
    ]
    return {w: {what: sum(part[w][what] for part in parts) for what in parts[0][w]} for w in windows}


def _cells(base: CustomerBase) -> pd.DataFrame | None:
    """Contracts by plan and age: cycle (days), age (days lived), ended, contracts, charged (sum of last)."""
    try:
        base.require({"subscriptions": ("customer_id", "start_date", "recurrence_months")})
    except CrmError:
        return None
    one = lives(base, GRACE)
    one = one.filter(one.recurrence_months > 0)
    if _people(base, one) < LEAST_SHARE:
        return None
    age = ((seconds(one.until) - seconds(one.started_at)) / 86_400).floor().cast("int64")
    one = one.select("customer_id", "ended", age=age, cycle=one.recurrence_months * ibis.literal(MONTH))
    open_ = one.filter(~one.ended).group_by("customer_id").aggregate(held=lambda t: t.count())
    days = base.customer_days.filter(lambda t: t.is_occasion)
    last = days.group_by("customer_id").aggregate(paid=days.spend.cast("float64").argmax(days.day))
    one = one.left_join(open_.inner_join(last, "customer_id"), "customer_id")
    one = one.mutate(charged=(one.paid / one.held).fill_null(0.0), known=one.paid.notnull())
    one = one.filter(one.ended | one.known)  # a contract that was never paid brings nothing
    keys = ["cycle", "age", "ended"]
    table = base.collect(
        one.group_by(keys).aggregate(contracts=one.count(), charged=one.charged.sum()).order_by(keys)
    )
    return table if len(table) and (~table["ended"]).any() else None


def _people(base: CustomerBase, contracts: ir.Table) -> float:
    """Share of the customers who bought that ever had a contract."""
    bought = base.purchase_history.filter(lambda t: t.order_count > 0).select("customer_id")
    counted = base.collect(
        bought.aggregate(of=bought.count()).cross_join(
            bought.semi_join(contracts, "customer_id").aggregate(n=lambda t: t.count())
        )
    )
    return float(counted["n"].iloc[0]) / max(float(counted["of"].iloc[0]), 1.0)


def _of_plan(cells: pd.DataFrame, cycle: float, windows: tuple[int, ...]) -> dict[int, dict[str, float]]:
    """Of the contracts that renew every `cycle` days."""
    weight, ended = cells["contracts"].to_numpy(float), cells["ended"].to_numpy(bool)
    age = cells["age"].to_numpy(float) + np.where(ended, 0.0, 1.0)  # a running one has lived its day whole
    whole = np.floor(age / cycle + 1e-9).astype(int)
    part = np.clip(age / cycle - whole, 0.0, 1.0)
    most = int(whole.max()) + int(np.ceil(max(windows) * DAYS / cycle)) + 2
    kept = _kept(whole, ended, weight, most)
    early = _cancelled_by(part[ended], weight[ended])
    now = ~ended
    n, money, k, passed = weight[now], cells["charged"].to_numpy(float)[now], whole[now], part[now]
    found = {w: {"purchases": 0.0, "value": 0.0, "buyers": 0.0} for w in windows}
    alive = np.ones(len(n))
    for ahead in range(1, int(np.ceil(max(windows) * DAYS / cycle)) + 1):
        at = (ahead - passed) * cycle
        stays = kept[k + ahead]
        if ahead == 1:  # part of those who will not renew would have said so by now
            lost = (1 - stays) * (1 - np.interp(passed, np.arange(PARTS + 1) / PARTS, early))
            stays = stays / np.maximum(stays + lost, 1e-12)
        alive = alive * stays
        for w in windows:
            due = at <= w * DAYS
            found[w]["purchases"] += float(n[due] @ alive[due])
            found[w]["value"] += float(money[due] @ alive[due])
            if ahead == 1:
                found[w]["buyers"] += float(n[due] @ alive[due])
    return found


def _kept(whole: NDArray[np.int_], ended: NDArray[np.bool_], weight: Array, most: int) -> Array:
    """Chance of each renewal (1..most) of those who reached it: drawn towards that of the one before."""
    renewed, failed = np.zeros(most + 1), np.zeros(most + 1)
    for lived, count in zip(whole, weight, strict=True):
        renewed[1 : lived + 1] += count
    np.add.at(failed, np.minimum(whole[ended] + 1, most), weight[ended])
    rate = (failed.sum() + 1) / (renewed.sum() + failed.sum() + 2)
    found = np.empty(most + 1)
    for at in range(most + 1):
        rate = (failed[at] + LIKE_BEFORE * rate) / (renewed[at] + failed[at] + LIKE_BEFORE)
        found[at] = 1 - rate
    return found


def _cancelled_by(part: Array, weight: Array) -> Array:
    """Share of the cancellations that were told by each tenth of the cycle: (0, ..., 1)."""
    counts = np.histogram(part, PARTS, (0.0, 1.0), weights=weight)[0] + 1.0
    return np.concatenate([[0.0], np.cumsum(counts) / counts.sum()])
