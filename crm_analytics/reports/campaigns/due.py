"""Whom to contact now: the lists of the coming days, and what contacting the best of them would bring."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses import campaigns
from crm_analytics.analyses.campaigns import Lists
from crm_analytics.analyses.campaigns.lists.suppression import NO_CHANNEL
from crm_analytics.pages import words
from crm_analytics.reports.shared.margin import margin_of

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.campaigns import Evaluation


@dataclass(frozen=True, eq=False)
class Due:
    """The lists and what a contact is taken to bring.

    Attributes
    ----------
    orders : added by a contact, as measured on past campaigns, with its interval; None where none is
    margin, cost : share of the spend, money a contact; None where not known
    no_scores : why it cannot be told who will leave; empty where it can
    """

    wave: Lists
    orders: tuple[float, ...] | None
    margin: float | None
    cost: float | None
    no_scores: str = ""

    @cached_property
    def lists(self) -> pd.DataFrame:
        """One row per list that names anybody."""
        table = campaigns.summary(self.wave)
        return table[table["due"] > 0].reset_index(drop=True)

    @cached_property
    def steps(self) -> pd.DataFrame:
        """Who is suppressed, over all lists."""
        table = campaigns.waterfall(self.wave)
        return table[table["list"] == ""].drop(columns="list").reset_index(drop=True)

    @property
    def treated(self) -> int:
        """Customers to contact."""
        return int(self.lists["treated"].sum())

    @property
    def no_consent(self) -> bool:
        """Whether nobody can be contacted because no consent is known."""
        kept = self.steps.set_index("step")["customers"]
        return not self.treated and int(kept.get(NO_CHANNEL, 0)) > 0

    @cached_property
    def profit(self) -> pd.DataFrame | None:
        """contacts, expected, lower, upper: of contacting the first k; None where something is not known."""
        if self.orders is None or self.margin is None or self.cost is None or not self.treated:
            return None
        table = campaigns.reach_of_top(self.wave)
        stake, cost = self.margin * table["order_value"], self.cost * table["contacts"]
        added = {name: orders * stake - cost for name, orders in zip(_ENDS, self.orders, strict=True)}
        return table.assign(**added)

    @property
    def best(self) -> pd.Series | None:
        """The row of `profit` with the highest expectation; None where every contact is expected to cost."""
        if self.profit is None or self.profit["expected"].max() <= 0:
            return None
        return self.profit.nlargest(1, "expected").iloc[0]

    @property
    def best_words(self) -> str:
        """Whom `best` is about, with its verb."""
        best = self.best
        if best is None or best["contacts"] > ALL * self.treated:
            return f"All {words.count(self.treated)} contacts are"
        return f"The best {words.count(best['contacts'])} contacts are"


ALL = 0.9  # from this share on nobody needs to choose
_ENDS = ("expected", "lower", "upper")


def what_is_due(
    base: Any, found: Evaluation | None, *, days: int, holdout: float, margin: float, contact_cost: float
) -> Due:
    """The lists of the days that follow the base's, and what past campaigns say that a contact brings.

    Raises
    ------
    DataError : no list can be made of these tables
    """
    scores, why = campaigns.leaving(base)
    wave = campaigns.lists(base, terms=campaigns.Terms(days=days, holdout=holdout), scores=scores)
    orders: tuple[float, ...] | None = None
    cost: float | None = None
    if found is not None:
        row = found.effect("orders")
        orders = tuple(float(row[f"adjusted{end}"]) for end in ("", "_lower", "_upper"))
        orders = orders if all(pd.notna(one) for one in orders) else None
        cost = _cost(found.waves.rows)
    return Due(wave, orders, margin_of(base, margin).share, contact_cost or cost, why)


def _cost(rows: ir.Table) -> float | None:
    """Of one contact of past campaigns; None where it is not known of all."""
    sent = rows.filter(rows.treated == 1)
    asked = sent.aggregate(total=sent.cost.sum(), known=sent.cost.notnull().all(), contacts=sent.count())
    (said,) = asked.to_pyarrow().to_pylist()
    return float(said["total"]) / said["contacts"] if said["known"] and said["contacts"] else None


def called(name: str) -> str:
    """A list's name for people."""
    return name.replace("_", " ")
