"""Past waves as one row per member: in which arm, what came in the window, what was known before.

Everything stays in the engine. The day of sending counts whole, and both arms have it, so that it favours
neither. Where some members of a campaign have no time of sending, all of them get that of the campaign:
a control group that was "not sent" anything must not start at another day than the treated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses import arguments
from crm_analytics.analyses.campaigns.measurement.outcomes import with_outcomes
from crm_analytics.errors import DataError, NotEnoughData, nearest
from crm_analytics.tables.contract import MONEY
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

NEEDS = {"campaign_members": ("campaign_id", "customer_id", "treatment")}
WINDOW = 14  # days in which a campaign is looked at where it has no end
BEFORE = 182  # days before the sending whose purchases make the comparison sharper
MINIMUM_ARM = 10  # members of each arm from which a campaign is looked at
ARMS = {"treated": 1, "control": 0}

REPEATED = "in both arms of the same campaign"
UNKNOWN = "not in the customers table"
UNDATED = "without a time of sending, and so is their campaign"
RUNNING = "the campaign's window is not over yet"
NO_ARM = "the treatment is neither 'treated' nor 'control'"
ONE_ARM = "the campaign has no control group"
NOBODY = "nobody of the campaign was treated"
FEW = f"an arm of the campaign has fewer than {MINIMUM_ARM} members"


@dataclass(frozen=True)
class Waves(ObjectCard):
    """Members of past campaigns with their outcomes.

    Attributes
    ----------
    rows : Ibis, one row per campaign and customer: campaign_id, customer_id, treated (0/1), sent_day,
        window_days; in the window conversion (0/1), orders, spend (net, DECIMAL), and where the tables tell
        visit (0/1), margin, profit (margin less the cost of the contact, where that is known of all
        campaigns), cost (NULL where it is not); before the sending
        orders_before, spend_before (of `before` days), conversion_before (0/1), recency_days, order_count,
        revenue, tenure_days (all of the past; NULL without a purchase)
    campaigns : campaign_id, campaign_name, channel, offer_code, budget, sent_day (first), window_days,
        treated, control; one row per campaign that is looked at, the oldest first
    left_out : campaign_id, reason, members; who is not in `rows`, and why
    outcomes : the outcomes there are, by name, each with the column of the past that goes with it
    before : days
    costs : where the margin and the cost of a contact come from, in words
    """

    rows: ir.Table
    campaigns: pd.DataFrame
    left_out: pd.DataFrame
    outcomes: dict[str, str]
    before: int
    costs: str
    base: CustomerBase


def past_waves(
    base: CustomerBase,
    campaign_id: str | None = None,
    *,
    before: int = BEFORE,
    window: int | None = None,
    margin: float | None = None,
    contact_cost: float | None = None,
) -> Waves:
    """The members of all campaigns, or of one, whose window is over.

    Parameters
    ----------
    before : days before the sending that describe what a member did without it
    window : days after the sending; default from the campaign's start to its end, or `WINDOW`
    margin : share of the spend left after the cost of goods, 0..1; default from the lines' unit costs
    contact_cost : of one contact, money; default what the members' table says

    Raises
    ------
    DataError : no members' table, or the campaign is not in it.
    NotEnoughData : no campaign has two arms of `MINIMUM_ARM` members whose window is over.
    """
    base.require(NEEDS)
    _check(before, window, margin, contact_cost)
    members = base.tables["campaign_members"]
    if campaign_id is not None:
        members = members.filter(members.campaign_id == campaign_id)
        if not members.count().to_pyarrow().as_py():
            known = base.tables["campaign_members"].select("campaign_id").distinct()
            names = sorted(known.to_pyarrow()["campaign_id"].to_pylist())
            raise DataError(f"no members of a campaign {campaign_id!r}{nearest(campaign_id, names)}")
    placed = base.materialise(_placed(base, members, window, contact_cost))
    campaigns, left_out = _looked_at(base, placed)
    if campaigns.empty:
        why = left_out.groupby("reason")["members"].sum().sort_values(ascending=False)
        words = "; ".join(f"{n:,} members: {reason}" for reason, n in why.items())
        raise _NoWave(words)
    kept = placed.filter(placed.reason.isnull(), placed.campaign_id.isin(campaigns["campaign_id"].tolist()))
    rows, outcomes, costs = with_outcomes(base, kept, before, margin, contact_cost)
    return Waves(base.materialise(rows), campaigns, left_out, outcomes, before, costs, base)


def running_waves(base: CustomerBase) -> pd.DataFrame:
    """Campaigns whose window is not over: campaign_id, window_days, passed (days); the oldest first."""
    if "campaign_members" not in base.tables:
        return pd.DataFrame(columns=["campaign_id", "window_days", "passed"])
    placed = _placed(base, base.tables["campaign_members"], None, None)
    kept = placed.filter(placed.reason == RUNNING, placed.sent_day.notnull())
    found = base.collect(
        kept.group_by("campaign_id").aggregate(
            window_days=kept.window_days.max(),
            passed=ibis.literal(base.day).delta(kept.sent_day.max(), unit="day").cast("int64"),
        )
    )
    found = found[found["passed"] >= 1]
    return found.sort_values(["passed", "campaign_id"], ascending=[False, True], ignore_index=True)


class _NoWave(NotEnoughData):
    """No campaign can be evaluated, with what is the matter with its members."""

    def __init__(self, words: str) -> None:
        super().__init__("the evaluation of campaigns", 0, 1, "campaigns with a control group")
        self.args = (f"{self.args[0]} whose window is over ({words})",)


def _check(before: int, window: int | None, margin: float | None, contact_cost: float | None) -> None:
    arguments.whole("before", before, 1)
    if window is not None:
        arguments.whole("window", window, 1)
    if margin is not None:
        arguments.share("margin", margin)
    if contact_cost is not None:
        arguments.amount("contact_cost", contact_cost)


def _placed(
    base: CustomerBase, members: ir.Table, window: int | None, contact_cost: float | None
) -> ir.Table:
    """One row per campaign and customer: treated, sent_day, window_days, cost, reason (of being left out)."""
    arm = members.treatment
    treated = ibis.cases(*((arm == name, number) for name, number in ARMS.items()), else_=None).cast("int64")
    sent = members.sent_at.date() if "sent_at" in members.columns else ibis.null("date")
    cost = members.cost.cast(MONEY) if "cost" in members.columns else ibis.null(MONEY)
    each = members.select("campaign_id", "customer_id", treated=treated, sent=sent, cost=cost)
    once = each.group_by("campaign_id", "customer_id").aggregate(
        treated=each.treated.max(),
        least=each.treated.min(),
        odd=each.treated.isnull().any(),
        sent=each.sent.min(),
        cost=each.cost.sum(),
    )
    waves = once.group_by("campaign_id").aggregate(
        first_sent=once.sent.min(),
        all_sent=once.sent.notnull().all(),
        costed=((once.treated == 1) & once.cost.notnull()).any(),
    )
    once = once.inner_join(waves, "campaign_id")
    once = _dated(base, once, window)
    known = ibis.literal(True)
    if "customers" in base.tables:  # who bought without being listed counts no more than who did not
        listed = base.tables["customers"].select(listed_id="customer_id")
        once = once.left_join(listed, once.customer_id == listed.listed_id)
        known = once.listed_id.notnull()
    passed = ibis.literal(base.day).delta(once.sent_day, unit="day").cast("int64")
    reason = ibis.cases(
        (once.odd, NO_ARM),
        (once.treated != once.least, REPEATED),
        (~known, UNKNOWN),
        (once.sent_day.isnull(), UNDATED),
        (passed < once.window_days, RUNNING),
        else_=None,
    )
    # Who has no cost where others have one was sent nothing; where nobody has one, it was not written down.
    told = once.costed.ifelse(once.cost.fill_null(0), None)
    spent = told if contact_cost is None else once.treated * ibis.literal(contact_cost)
    return once.select(
        "campaign_id", "customer_id", "treated", "sent_day", "window_days",
        cost=spent.round(4).cast(MONEY), reason=reason,
    )  # fmt: skip


def _dated(base: CustomerBase, once: ir.Table, window: int | None) -> ir.Table:
    """With sent_day and window_days: by the member's own time, else by the campaign's."""
    once = planned(base, once)
    own = once.all_sent.ifelse(once.sent, ibis.coalesce(once.first_sent, once.start_day))
    chosen = once.planned_days.fill_null(WINDOW) if window is None else ibis.literal(window)
    return once.mutate(sent_day=own, window_days=chosen.cast("int64"))


def planned(base: CustomerBase, rows: ir.Table) -> ir.Table:
    """Rows with campaign_id, and start_day and planned_days of the campaigns' table (NULL: not told)."""
    campaigns = base.tables.get("campaigns")
    if campaigns is None or "start_date" not in campaigns.columns:
        return rows.mutate(start_day=ibis.null("date"), planned_days=ibis.null("int64"))
    start, days = campaigns.start_date.date(), ibis.null("int64")
    if "end_date" in campaigns.columns:
        days = campaigns.end_date.date().delta(start, unit="day").cast("int64")
    plan = campaigns.select(
        plan_id="campaign_id", start_day=start, planned_days=(days > 0).ifelse(days, None)
    )
    return rows.left_join(plan, rows.campaign_id == plan.plan_id).drop("plan_id")


def _looked_at(base: CustomerBase, placed: ir.Table) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The campaigns with two arms large enough, and who is left out with the reason."""
    counted = placed.group_by("campaign_id", "reason").aggregate(
        sent_day=placed.sent_day.min(),
        window_days=placed.window_days.max(),
        treated=(placed.treated == 1).sum().cast("int64"),
        members=placed.count(),
    )
    found = base.collect(counted).sort_values(["campaign_id", "reason"], na_position="first")
    good = found[found["reason"].isna()].drop(columns="reason")
    good = good.assign(control=good["members"] - good["treated"])
    reason = pd.Series(pd.NA, good.index, dtype="object")
    reason[good[["treated", "control"]].min(axis=1) < MINIMUM_ARM] = FEW
    reason[good["control"] == 0] = ONE_ARM
    reason[good["treated"] == 0] = NOBODY
    gone = pd.concat([found[found["reason"].notna()], good.assign(reason=reason)[reason.notna()]])
    left_out = gone[["campaign_id", "reason", "members"]].sort_values(["campaign_id", "reason"])
    good = good[reason.isna()]
    attributes = {"campaign_name": None, "channel": None, "offer_code": None, "budget": None}
    if "campaigns" in base.tables:
        names = base.tables["campaigns"]
        have = [c for c in attributes if c in names.columns]
        good = good.merge(base.collect(names.select("campaign_id", *have)), on="campaign_id", how="left")
    good = good.assign(**{c: v for c, v in attributes.items() if c not in good.columns})
    columns = ["campaign_id", *attributes, "sent_day", "window_days", "treated", "control"]
    good = good.sort_values(["sent_day", "campaign_id"], ignore_index=True)[columns]
    return good, left_out.reset_index(drop=True)
