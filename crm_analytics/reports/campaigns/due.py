"""Whom to contact now: the lists of the coming days, and what contacting them can bring."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import ibis
import pandas as pd

from crm_analytics.analyses import campaigns
from crm_analytics.analyses.actions import Action, Expected, expected_margin
from crm_analytics.analyses.audiences import BEST, NEVER, PAYS, TELLS, held_back
from crm_analytics.analyses.campaigns import Lists
from crm_analytics.analyses.campaigns.lists.suppression import NO_CHANNEL
from crm_analytics.analyses.evidence import Evidence

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.reports.shared.plans import Plans

DUE = "due"


@dataclass(frozen=True, eq=False)
class Due:
    """The lists of the coming days.

    Attributes
    ----------
    plan : effect and cost of a contact, and what customers will bring, as on every page
    """

    wave: Lists
    plan: Plans

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
    def members(self) -> ir.Table:
        """Those to contact: customer_id, list, reason, channel, and what is expected of them."""
        rows = self.wave.next_actions.select("customer_id", "list", "reason", "channel")
        if self.plan.audiences is None:
            return rows
        known = self.plan.audiences.customers.drop("group")
        return rows.left_join(known, "customer_id").drop("customer_id_right")

    @cached_property
    def worth(self) -> pd.DataFrame | None:
        """list, customers, revenue (of the weeks a contact works), value, lower, upper (margin it can bring).

        None without a forecast.
        """
        if self.plan.audiences is None or not self.treated:
            return None
        near = self.plan.audiences.near
        by_list = near.of_groups(self.members.select("customer_id", segment=self.members["list"]))
        rows = []
        for row in by_list.to_dict("records"):
            n = int(row["customers"])
            expected = self._expected(row, n, n)
            rows.append(
                {"list": row["segment"], "customers": n, "revenue": float(row["value"]),
                 "value": expected.value, "lower": expected.lower, "upper": expected.upper}
            )  # fmt: skip
        table = pd.DataFrame(rows)
        return None if table.empty else table.sort_values("value", ascending=False, ignore_index=True)

    @cached_property
    def action(self) -> Action | None:
        """Write to those on the lists; half of them as a test where a contact is not shown to pay."""
        n = self.treated
        if not n:
            return None
        whom = {"due": ("now",), "group": (BEST, PAYS)}
        same = (whom, n, DUE)
        plan = self.plan
        if plan.audiences is None:
            return Action(DUE, "campaigns", "test", *same, None, plan.effect, plan.cost, self.members)
        every = plan.audiences.near.of_groups(self.members.select("customer_id", segment=ibis.literal(DUE)))
        row = every.iloc[0].to_dict() if len(every) else {"value": 0.0, "lower": 0.0, "upper": 0.0}
        whole = Action(
            DUE, "campaigns", "write", *same, self._expected(row, n, n), plan.effect, plan.cost, self.members
        )
        if whole.evidence is Evidence.SHOWN or n < TELLS:
            return whole
        return replace(whole, verb="test", expected=self._expected(row, n, n - held_back(n)))

    def _expected(self, row: dict[Any, Any], of: int, contacted: int) -> Expected:
        value, low, high = (float(row[name]) * contacted / max(of, 1) for name in ("value", "lower", "upper"))
        plan = self.plan
        return expected_margin(value, low, high, contacted, plan.given.margin, plan.effect, plan.cost)


def what_is_due(base: Any, plan: Plans, *, days: int, holdout: float) -> Due:
    """The lists of the days that follow the base's, without those for whom a contact does not pay.

    Raises
    ------
    DataError : no list can be made of these tables
    """
    scores, _ = campaigns.leaving(base)
    spared = None
    if plan.audiences is not None:
        spared = plan.audiences.customers.filter(plan.audiences.customers.group == NEVER)
    terms = campaigns.Terms(days=days, holdout=holdout)
    return Due(campaigns.lists(base, terms=terms, scores=scores, spared=spared), plan)
