"""Members of a loyalty programme against others: how often they come back, and for how much.

Nobody is told by the tables *when* a customer joined, so there is no "before" to match on; members are
compared with others who came in the same quarter through the same channel and began with a first order of
about the same value. Where membership was not given by chance, this shows how members differ, not what the
programme did.

Source: Mantel-Haenszel ratio of rates, Rothman, Greenland & Lash (2008), *Modern Epidemiology*, ch. 15; the
variance is that between customers, since they do not buy at one rate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
from scipy import stats

from crm_analytics.analyses import arguments
from crm_analytics.analyses.campaigns.measurement.outcomes import days_with_margin
from crm_analytics.analyses.campaigns.measurement.treatment_effects import (
    LESS,
    MORE,
    NO_EFFECT,
    TOO_LITTLE,
    product,
)
from crm_analytics.tables.contract import MONEY

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

MINIMUM = 30  # customers on either side
MATCHED_ON = ("quarter of the first order", "channel of acquisition", "value of the first order")


def membership(
    base: CustomerBase, margin: float | None = None, *, level: float = 0.95
) -> pd.DataFrame | None:
    """Members' rates of repeat orders, spend and margin against those of comparable others.

    Returns
    -------
    outcome (repeat_orders, repeat_spend, repeat_margin: after the day of the first order), member_rate,
    other_rate (a customer and year), ratio, lower, upper, members, others, strata, verdict. None where no
    loyalty tier is known or one side has fewer than `MINIMUM` customers.
    """
    arguments.level(level)
    listed = base.tables.get("customers")
    if listed is None or "loyalty_tier" not in listed.columns:
        return None
    rows, outcomes = _customers(base, listed, margin)
    found = _sums(base, rows, outcomes)
    sides = found.groupby("member")["n"].sum()
    if len(sides) < 2 or sides.min() < MINIMUM:
        return None
    both = found.groupby("stratum")["member"].transform("nunique") == 2
    table = [_ratio(found[both], y, level) for y in outcomes]
    return pd.DataFrame(table)


def _customers(base: CustomerBase, listed: ir.Table, margin: float | None) -> tuple[ir.Table, list[str]]:
    """One row per buyer: member (0/1), stratum, days since the first order, and what came after it."""
    days = days_with_margin(base, margin)[0]
    firsts = days.filter(days.is_occasion).group_by("customer_id").aggregate(first_day=lambda t: t.day.min())
    joined = days.inner_join(firsts, "customer_id")
    later = joined.day > joined.first_day
    sums = {
        "repeat_orders": (later & joined.is_occasion).sum().cast("int64"),
        "repeat_spend": joined.spend.sum(where=later).fill_null(0).cast(MONEY),
    }
    if "margin" in days.columns:
        sums["repeat_margin"] = joined.margin.sum(where=later).fill_null(0).cast(MONEY)
    each = joined.group_by("customer_id", "first_day").aggregate(
        first_value=joined.spend.sum(where=joined.day == joined.first_day), **sums
    )
    channel = listed.acquisition_channel if "acquisition_channel" in listed.columns else ibis.null("string")
    known = listed.select("customer_id", member=listed.loyalty_tier.notnull().cast("int64"), channel=channel)
    each = each.inner_join(known, "customer_id")
    value = each.first_value.cast("float64")
    cuts = base.collect(each.aggregate(**{f"q{k}": value.quantile(k / 3) for k in (1, 2)})).iloc[0]
    band = (value > float(cuts["q1"])).cast("int64") + (value > float(cuts["q2"])).cast("int64")
    stratum = ibis.literal("|").join(
        [each.first_day.year().cast("string"), each.first_day.quarter().cast("string"),
         each.channel.fill_null("-"), band.cast("string")]
    )  # fmt: skip
    passed = ibis.literal(base.day).delta(each.first_day, unit="day").cast("int64")
    rows = each.mutate(stratum=stratum, exposure=passed)
    return rows.filter(rows.exposure > 0), list(sums)


def _sums(base: CustomerBase, rows: ir.Table, outcomes: list[str]) -> pd.DataFrame:
    t = rows.exposure
    sums: dict[str, ir.Value] = {"n": rows.count(), "t": t.sum(), "tt": (t * t).sum()}
    for y in outcomes:
        sums |= {f"{y}_sum": rows[y].sum(), f"{y}_t": product(rows[y], t).sum()}
        sums[f"{y}_square"] = product(rows[y], rows[y]).sum()
    found = base.collect(rows.group_by("stratum", "member").aggregate(**sums))
    numbers = found.columns.difference(["stratum", "member"])
    found[numbers] = found[numbers].astype("float64")
    return found.sort_values(["stratum", "member"], ignore_index=True)


def _ratio(found: pd.DataFrame, y: str, level: float) -> dict[str, object]:
    time = found.groupby("stratum")["t"].transform("sum")
    weight = (time - found["t"]) / time  # of the other side's days: what Mantel and Haenszel multiply by
    rate = found[f"{y}_sum"] / found["t"]
    spread = found[f"{y}_square"] - 2 * rate * found[f"{y}_t"] + rate**2 * found["tt"]
    spread *= found["n"] / (found["n"] - 1).clip(lower=1)
    total, variance, people = {}, 0.0, {}
    for side in (1, 0):
        mine = found["member"] == side
        total[side] = float((weight * found[f"{y}_sum"])[mine].sum())
        people[side] = int(found.loc[mine, "n"].sum())
        variance += float((weight**2 * spread)[mine].sum()) / total[side] ** 2 if total[side] > 0 else np.inf
    days = float((weight * found["t"])[found["member"] == 1].sum()) or np.nan  # the same for both sides
    ratio = total[1] / total[0] if min(total.values()) > 0 else np.nan
    half = float(stats.norm.ppf(0.5 + level / 2)) * np.sqrt(variance)
    lower, upper = ratio * np.exp(-half), ratio * np.exp(half)
    return {
        "outcome": y,
        "member_rate": total[1] / days * 365.25,
        "other_rate": total[0] / days * 365.25,
        "ratio": ratio,
        "lower": lower,
        "upper": upper,
        "members": people[1],
        "others": people[0],
        "strata": int(found["stratum"].nunique()),
        "verdict": TOO_LITTLE
        if np.isnan(half + ratio)
        else MORE
        if lower > 1
        else LESS
        if upper < 1
        else NO_EFFECT,
    }
