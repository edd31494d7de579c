"""Each customer's stage on every day, as spells with entry and exit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crm_analytics.analyses.arguments import base_given
from crm_analytics.analyses.customer_rules import flagged, ranges
from crm_analytics.analyses.lifecycle.rules import (
    FIELDS,
    LAPSED,
    LOYAL_ORDERS,
    OTHERS,
    PROSPECT,
    StageRule,
    check_rules,
    default_rules,
    rules_of,
    steps,
)
from crm_analytics.analyses.plots import Plots
from crm_analytics.analyses.progress import watched
from crm_analytics.analyses.rfm.rules import Rhythm, rhythm_of
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

NEEDS = {"transactions": ("customer_id", "transaction_date", "unit_spend")}
MINIMUM_CUSTOMERS = 20


@dataclass(frozen=True)
class Stages(ObjectCard):
    """Where every customer stands, and how they came there.

    Attributes
    ----------
    customers : customer_id, stage, entered_on; one row per customer
    spells : customer_id, stage, entered_on, left_on (first day of the next stage; NULL while it lasts),
        to_stage, order_count (purchases when it began)
    sizes : stage, customers, share (of all staged customers), n (them), median_days (in the stage
        so far), rule, play
    rules : the ordered rule table
    undated : customers listed without a purchase and without a day on which they became known
    """

    customers: ir.Table
    spells: ir.Table
    sizes: pd.DataFrame
    rules: tuple[StageRule, ...]
    rhythm: Rhythm | None
    undated: int
    base: CustomerBase

    plot = Plots("crm_analytics.analyses.lifecycle.pictures", "sizes")

    @property
    def unmatched(self) -> tuple[str, ...]:
        """Stages whose rule fits nobody on the day."""
        seen = set(self.sizes.loc[self.sizes["customers"] > 0, "stage"])
        return tuple(rule.stage for rule in self.rules if rule.stage not in seen)

    @property
    def order(self) -> list[str]:
        """Stages that occur, in the order of a customer's life where the names are the usual ones."""
        return list(self.sizes["stage"])

    def is_comparable(self, day: date) -> bool:
        """Whether customers could have lapsed by a day, so that stages then are like those now."""
        last = [rule.where["recency_days"][0] for rule in self.rules if rule.stage == LAPSED]
        held = (day - self.base.first_day).days
        return held >= (last[0] if last else 0)

    def on(self, day: date) -> ir.Table:
        """customer_id, stage, entered_on at the end of a day, by what was known then."""
        return standing(self.spells, day)


def standing(spells: ir.Table, day: date) -> ir.Table:
    """The spell of each customer that holds a day."""
    on = ibis.literal(day)
    held = spells.filter((spells.entered_on <= on) & (spells.left_on.isnull() | (spells.left_on > on)))
    return held.select("customer_id", "stage", "entered_on")


@watched("Finding stages")
def stages(
    base: CustomerBase,
    rules: Iterable[StageRule] | None = None,
    *,
    loyal_orders: int = LOYAL_ORDERS,
) -> Stages:
    """Put every customer into one stage.

    Parameters
    ----------
    base : cut at the day the stages are for
    rules : an ordered rule table; a buyer who fits none is in "Others". Default: those of `base.with_rules`,
        else `default_rules`
    loyal_orders : purchases from which a buyer is loyal, for the default rules

    Raises
    ------
    NotEnoughData : fewer than `MINIMUM_CUSTOMERS` buyers.
    ParameterError : the rules are not usable.

    Examples
    --------
    >>> from crm_analytics import CustomerBase
    >>> frame = pd.DataFrame({"customer_id": [f"c{i % 30}" for i in range(90)],
    ...     "transaction_date": pd.date_range("2026-01-01", periods=90), "unit_spend": range(1, 91)})
    >>> found = stages(CustomerBase.open(frame, today="2026-12-31"))
    >>> found.sizes[["stage", "customers"]].values.tolist()
    [['Active', 30]]
    """
    base_given(base, "lifecycle.stages")
    given = rules_of(base) if rules is None else rules
    rhythm = rhythm_of(base) if given is None else None
    table = tuple(default_rules(rhythm, loyal_orders) if given is None else given)
    check_rules(table)
    history = base.purchase_history
    have = int(history.filter(history.first_day.notnull()).count().to_pyarrow().as_py())
    if have < MINIMUM_CUSTOMERS:
        raise NotEnoughData("Lifecycle stages", have, MINIMUM_CUSTOMERS, "buyers")
    spells = base.materialise(_spells(base, table))
    customers = standing(spells, base.day)
    listed = int(base.customers.count().to_pyarrow().as_py())
    sizes = _sizes(base, customers, table)
    undated = listed - int(sizes["customers"].sum())
    return Stages(customers, spells, sizes, table, rhythm, undated, base)


def _spells(base: CustomerBase, rules: tuple[StageRule, ...]) -> ir.Table:
    """Every change of stage: a row where a customer's stage differs from the one before."""
    columns = ("customer_id", "stage", "entered_on", "order_count")
    at = _cases(base, rules).select(*columns).union(_prospects(base).select(*columns))
    order = [at.entered_on]
    at = at.mutate(before=at.stage.lag().over(group_by="customer_id", order_by=order))
    changes = at.filter(at.before.isnull() | (at.before != at.stage)).drop("before")
    order = [changes.entered_on]
    return changes.mutate(
        left_on=changes.entered_on.lead().over(group_by="customer_id", order_by=order),
        to_stage=changes.stage.lead().over(group_by="customer_id", order_by=order),
    ).select("customer_id", "stage", "entered_on", "left_on", "to_stage", "order_count")


def _cases(base: CustomerBase, rules: tuple[StageRule, ...]) -> ir.Table:
    """The stage after each purchase, at each step of days at which it could change before the next."""
    bought = base.exact_occasions
    by = ibis.window(group_by="customer_id", order_by="day")
    upto = ibis.cumulative_window(group_by="customer_id", order_by="day")
    bought = bought.mutate(
        previous=bought.day.lag().over(by),
        following=bought.day.lead().over(by),
        order_count=(ibis.row_number().over(by) + 1).cast("int64"),
        revenue=bought.spend.sum().over(upto).cast("float64"),
    )
    bought = bought.mutate(gap_days=bought.day.delta(bought.previous, unit="day").cast("float64"))
    bought, flags = flagged(base, bought, rules, FIELDS)
    parts = []
    for step in steps(rules):
        entered = (bought.day + ibis.interval(days=step)).cast("date")
        reached = (entered <= ibis.literal(base.day)) & (
            bought.following.isnull() | (entered < bought.following)
        )
        parts.append(
            bought.filter(reached).select(
                "customer_id",
                stage=_stage(bought, rules, step, flags),
                entered_on=entered,
                order_count="order_count",
            )
        )
    return ibis.union(*parts) if len(parts) > 1 else parts[0]


def _stage(
    bought: ir.Table, rules: tuple[StageRule, ...], step: int, flags: Mapping[int, str]
) -> ir.StringValue:
    cases = []
    for n, rule in enumerate(rules):
        fits = bought[flags[n]] if n in flags else ibis.literal(True)
        low, high = rule.where.get("recency_days", (0, np.inf))
        if not low <= step <= high:
            continue
        for field, (low, high) in ranges(rule, FIELDS).items():
            if field == "recency_days":
                continue
            value = bought[field].cast("float64")
            fits &= value.notnull()
            fits &= value >= low if not np.isinf(low) else True
            fits &= value <= high if not np.isinf(high) else True
        cases.append((fits, rule.stage))
    return ibis.cases(*cases, else_=OTHERS) if cases else ibis.literal(OTHERS)


def _prospects(base: CustomerBase) -> ir.Table:
    """Who was known before the first purchase, from the day on which: their row, or their first event."""
    tables = base.tables
    known = []
    if "customers" in tables and "created_at" in tables["customers"].columns:
        listed = tables["customers"]
        known.append(listed.select("customer_id", day=listed.created_at.date()))
    if "events" in tables and "customer_id" in tables["events"].columns:
        seen = tables["events"]
        known.append(seen.select("customer_id", day=seen.timestamp.date()))
    empty = base.exact_occasions.select("customer_id", "day").limit(0)
    days = ibis.union(*known, empty) if known else empty
    days = days.filter(days.customer_id.notnull() & days.day.notnull())
    first = days.group_by("customer_id").aggregate(entered_on=days.day.min())
    bought = base.purchase_history.select("customer_id", "first_day")
    first = first.left_join(bought, "customer_id")
    before = first.filter(first.first_day.isnull() | (first.entered_on < first.first_day))
    return before.select(
        "customer_id",
        "entered_on",
        stage=ibis.literal(PROSPECT),
        order_count=ibis.literal(0).cast("int64"),
    )


LIFE = (PROSPECT, "New", "Active", "Loyal", "Won back", "At risk", "Lapsed")


def in_order(names: Iterable[str], rules: tuple[StageRule, ...]) -> list[str]:
    """Stage names as a life runs; names of one's own rules stand where their rules do."""
    wanted = set(names)
    usual = [stage for stage in LIFE if stage in wanted]
    own = [rule.stage for rule in rules if rule.stage in wanted and rule.stage not in LIFE]
    return usual + own + sorted(wanted - set(usual) - set(own))


def _sizes(base: CustomerBase, customers: ir.Table, rules: tuple[StageRule, ...]) -> pd.DataFrame:
    days = ibis.literal(base.day).delta(customers.entered_on, unit="day").cast("float64")
    counted = customers.mutate(days=days).group_by("stage")
    table = base.collect(
        counted.aggregate(customers=ibis._.count(), median_days=ibis._.days.quantile(0.5)).order_by("stage")
    )
    table = table.set_index("stage").reindex(in_order(table["stage"], rules)).reset_index(names="stage")
    by_name = {rule.stage: rule for rule in rules}
    table["n"] = int(table["customers"].sum())
    table["share"] = table["customers"] / table["n"]
    table["rule"] = [
        by_name[s].describe()
        if s in by_name
        else "known, no purchase yet"
        if s == PROSPECT
        else "no rule fits"
        for s in table["stage"]
    ]
    table["play"] = [by_name[s].play if s in by_name else "" for s in table["stage"]]
    columns = ["stage", "customers", "share", "n", "median_days", "rule", "play"]
    return table[columns]
