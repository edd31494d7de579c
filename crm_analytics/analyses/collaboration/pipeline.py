"""The sales pipeline, from events with a value: what is open in each stage, how old, and how often won.

The contract has no table of opportunities. An opportunity is what one person's events with a value make up
between two conversions, and not further apart than 90 days. Its stage is the event that stands furthest on,
its amount the last value that was named. It is won when an event of it is a conversion, lost when nothing
happened for 90 days, and open otherwise.

Misleads: a person with two opportunities at once is read as one. Slippage has no promised date to go by: an
opportunity slips when it is older than nine in ten of the won ones were when they were won.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.disclosure import ON_A_PAGE, shared
from crm_analytics.analyses.intervals import wilson
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

NEEDS = {"events": ("timestamp", "event", "value")}
SILENCE = 90  # days without an event: lost
LEAST = 30  # opportunities that are decided
SLIPS = 0.9
OPEN, WON, LOST = "open", "won", "lost"


@dataclass(frozen=True, eq=False)
class Pipeline(ObjectCard):
    """The pipeline at the base's day.

    Attributes
    ----------
    stages : one row per stage, in order: stage, open (opportunities now in it), amount (theirs), age
        (mean days since their first event), slipped, slipped_amount (older than nine in ten won),
        reached (decided opportunities that came so far), won (of these), win_rate, lower, upper (95 %)
    cycle_days : nine in ten won opportunities were won within so many days
    won, lost, open : opportunities
    """

    stages: pd.DataFrame
    cycle_days: float
    won: int
    lost: int
    open: int

    @property
    def expected(self) -> float:
        """Amount that is open, each stage times its win rate."""
        return float((self.stages["amount"] * self.stages["win_rate"].fillna(0.0)).sum())


def pipeline(base: CustomerBase) -> Pipeline:
    """Read the pipeline off the events of the base.

    Raises
    ------
    DataError : no events with a value.
    NotEnoughData : fewer than 30 opportunities are decided, or none was won.
    """
    base.require(NEEDS)
    marked = base.materialise(_opportunities(base))
    order = _order(base, marked)
    if order["is_last"].all():
        raise NotEnoughData("the sales pipeline", 0, 1, "stages with a value before the sale")
    placed = marked.inner_join(base.to_engine(order), "event")
    each = base.materialise(_each(base, placed))
    counted = base.collect(each.group_by("outcome").aggregate(n=each.count()).order_by("outcome"))
    n = {str(k): int(v) for k, v in zip(counted["outcome"], counted["n"], strict=True)}
    decided = n.get(WON, 0) + n.get(LOST, 0)
    if decided < LEAST or not n.get(WON):
        raise NotEnoughData("the sales pipeline", decided, LEAST, "opportunities that are won or lost")
    won = each.filter(each.outcome == WON)
    cycle = float(won.age.cast("float64").quantile(SLIPS).to_pyarrow().as_py())
    stages = _stages(base, each, order, cycle)
    return Pipeline(stages, cycle, n[WON], n.get(LOST, 0), n.get(OPEN, 0))


def _opportunities(base: CustomerBase) -> ir.Table:
    """Events with a value and the opportunity each belongs to; stages of under five people are others."""
    events = base.tables["events"]
    has = set(events.columns)
    ids = [events[name] for name in ("anonymous_id", "customer_id") if name in has]
    person = ibis.coalesce(*ids) if ids else ibis.null("string")
    won = events.is_conversion.fill_null(False) if "is_conversion" in has else ibis.literal(False)
    kept = events.filter(events.value.notnull(), person.notnull())
    table = kept.select(
        person=person, at=kept.timestamp, event=kept.event, value=kept.value.cast("float64"), won=won
    )
    table = base.materialise(shared(table, "event", ON_A_PAGE, "person"))
    window = ibis.window(group_by="person", order_by=["at", "won", "event"])
    last, was_won = table["at"].lag(1).over(window), table.won.lag(1).over(window)
    gap = table["at"].date().delta(last.date(), unit="day") > SILENCE
    begun = table.mutate(begins=(last.isnull() | was_won | gap).fill_null(True).cast("int64"))
    return begun.mutate(number=begun.begins.sum().over(ibis.cumulative_window(
        group_by="person", order_by=["at", "won", "event"]
    )))  # fmt: skip


def _order(base: CustomerBase, marked: ir.Table) -> pd.DataFrame:
    """Events as stages: conversions last, the others by when they come on average in an opportunity."""
    place = ibis.row_number().over(group_by=["person", "number"], order_by=["at", "won", "event"])
    ranked = marked.mutate(place=place)
    means = ranked.group_by("event").aggregate(
        place=ranked.place.mean(), won=ranked.won.cast("int64").mean(), n=ranked.count()
    )
    found = base.collect(means.order_by("event"))
    found["is_last"] = found["won"] >= 0.5
    found = found.sort_values(["is_last", "place", "event"], ignore_index=True)
    return found.assign(step=range(len(found)))[["event", "step", "is_last"]]


def _each(base: CustomerBase, placed: ir.Table) -> ir.Table:
    """One row per opportunity: step, amount, age (days), outcome."""
    keyed = placed.group_by("person", "number").aggregate(
        step=placed.step.max(),
        amount=placed.value.argmax(placed["at"]),
        first=placed["at"].min().date(),
        last=placed["at"].max().date(),
        won=placed.won.any(),
    )
    silent = ibis.literal(base.day).delta(keyed["last"], unit="day")
    outcome = ibis.cases((keyed.won, WON), (silent > SILENCE, LOST), else_=OPEN)
    end = keyed.won.ifelse(keyed["last"], ibis.literal(base.day))
    return keyed.select("step", "amount", outcome=outcome, age=end.delta(keyed["first"], unit="day"))


def _stages(base: CustomerBase, each: ir.Table, order: pd.DataFrame, cycle: float) -> pd.DataFrame:
    is_open, slips = each.outcome == OPEN, (each.outcome == OPEN) & (each.age > cycle)
    counted = each.group_by("step").aggregate(
        open=is_open.sum(), amount=each.amount.sum(where=is_open), age=each.age.mean(where=is_open),
        slipped=slips.sum(), slipped_amount=each.amount.sum(where=slips),
        decided=(~is_open).sum(), won=(each.outcome == WON).sum(),
    )  # fmt: skip
    found = base.collect(counted).set_index("step").reindex(order["step"], fill_value=0).fillna(0.0)
    found[["open", "slipped", "decided", "won"]] = found[["open", "slipped", "decided", "won"]].astype(
        "int64"
    )
    reached = found[["decided", "won"]].iloc[::-1].cumsum().iloc[::-1]
    table = found.assign(stage=order["event"].to_numpy(), reached=reached["decided"], won=reached["won"])
    table = table[~order["is_last"].to_numpy()]
    ends = [
        wilson(w, r) if r else (np.nan, np.nan) for w, r in zip(table["won"], table["reached"], strict=True)
    ]
    bounds = np.array(ends, float).reshape(-1, 2)
    return table.assign(
        win_rate=(table["won"] / table["reached"]).where(table["reached"] > 0),
        lower=bounds[:, 0],
        upper=bounds[:, 1],
    ).reset_index(drop=True)[
        ["stage", "open", "amount", "age", "slipped", "slipped_amount", "reached", "won", "win_rate", "lower",
         "upper"]
    ]  # fmt: skip
