"""The manager's layer of the campaigns report: the news, four numbers, what to do, what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from crm_analytics.analyses.campaigns.kpis import budget_of
from crm_analytics.analyses.campaigns.lists.suppression import OTHER
from crm_analytics.analyses.campaigns.measurement.balance import AS_PLANNED
from crm_analytics.analyses.campaigns.measurement.treatment_effects import MORE
from crm_analytics.analyses.evidence import Evidence, grade, told
from crm_analytics.pages import blocks, words
from crm_analytics.reports.campaigns.placement import FEW, campaign_name, list_name
from crm_analytics.reports.campaigns.report import HUNDRED, CampaignsReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.spoken import slug
from crm_analytics.reports.shared.tiles import action_of, glossary_of, interval, tile
from crm_analytics.reports.shared.trends import past_of

if TYPE_CHECKING:
    import pandas as pd

    from crm_analytics.analyses.campaigns import Evaluation, Incentives
    from crm_analytics.pages.blocks import Block

WORDS = (
    "at_risk", "lapsed", "silent", "value_to_come", "margin", "contact_cost", "contact_effect",
)  # fmt: skip
OWN_WORDS = ("held_back", "due", "deal", "budget")
ANYWAY = 0.5  # of the money taken off, from which on most of it was given away


@section(small=small_form.headline)
def headline(report: CampaignsReport) -> Block:
    """What past campaigns did, with its interval; where none can tell, who is due a contact."""
    t = report.t
    return blocks.headline(_news(report), _lede(report), language=report.language, title=t("title"))


def _news(report: CampaignsReport) -> str:
    t, kpi, due = report.t, report.kpis["orders_per_hundred_contacts"], report.due
    if kpi.value is not None:
        found = grade(kpi.value, kpi.lower, kpi.upper, kpi.n, kind="campaigns.campaign_works")
        slots: dict[str, Any] = {
            "n": report.plan.effect.campaigns, "value": abs(kpi.value),
            "way": "more" if kpi.value > 0 else "fewer",
            "interval": interval(t, kpi.lower, kpi.upper, "number:1"), "signed": kpi.value,
        }  # fmt: skip
        message = "not_told_apart" if found is Evidence.SUGGESTED else found.name.lower()
        return t.of(f"headline.{message}", slots)
    if report.waves is not None:
        return t("headline.cannot_be_told")
    if due is not None and due.treated:
        return t("headline.due", n=due.treated, days=due.wave.terms.days)
    return t("headline.nothing")


def _lede(report: CampaignsReport) -> list[str]:
    t, due, kpi = report.t, report.due, report.kpis["campaign_margin"]
    said = []
    if report.waves is None:
        said.append(t("lede.no_control"))
    elif kpi.value is not None:
        shown = kpi.lower is None or kpi.upper is None or not kpi.lower < 0 < kpi.upper
        lost = shown and kpi.value < 0
        ends = (-kpi.upper, -kpi.lower) if lost and kpi.upper and kpi.lower else (kpi.lower, kpi.upper)
        message = "margin_lost" if lost else "margin" if shown else "margin_unclear"
        slots = {
            "value": abs(kpi.value) if lost else kpi.value,
            "interval": interval(t, *ends, report.currency),
        }
        said.append(t.of(f"lede.{message}", slots))
    else:
        said.append(t("lede.no_margin"))
    if due is not None and due.treated and report.waves is not None:
        said.append(t("lede.due", n=due.treated, days=due.wave.terms.days))
    elif due is not None and due.no_consent:
        said.append(t("lede.no_consent"))
    return said


@section(small=small_form.kpis)
def kpis(report: CampaignsReport) -> Block:
    """Orders added, margin of the campaigns, who is due, money taken off."""
    t, found = report.t, report.kpis
    orders = found["orders_per_hundred_contacts"]
    past = past_of(report)
    items = [
        tile(t, orders, _orders_note(report), past),
        tile(t, found["campaign_margin"], _margin_note(report), past),
    ]
    if report.due is not None:
        note = t("tile.due", days=report.due.wave.terms.days, n=int(report.due.lists["due"].sum()))
        items.append(blocks.kpi(t("tile.to_contact"), words.count(report.due.treated), note=note))
    told = report.incentives
    if told is not None and told.deals:
        items.append(_taken_off(report, told))
    return blocks.kpis(*items)


def _orders_note(report: CampaignsReport) -> str:
    t, kpi = report.t, report.kpis["orders_per_hundred_contacts"]
    if kpi.value is None:
        return ""
    slots = {"interval": interval(t, kpi.lower, kpi.upper, "number:1"), "n": kpi.n}
    if report.earlier is None:
        return t.of("tile.orders", slots)
    then = report.earlier.effect("orders")["adjusted"]
    day = report.earlier.waves.base.day
    return t.of("tile.orders_then", slots | {"then": HUNDRED * then, "day": day})


def _margin_note(report: CampaignsReport) -> str:
    t, kpi = report.t, report.kpis["campaign_margin"]
    if kpi.value is None or report.waves is None:
        return ""
    bounds = interval(t, kpi.lower, kpi.upper, report.currency)
    spent = budget_of(report.waves)
    return t("tile.margin", interval=bounds, budget=spent) if spent else bounds


def _taken_off(report: CampaignsReport, told: Incentives) -> dict[str, str]:
    t = report.t
    note = t("tile.deals", n=told.deals, share=told.deals / max(told.orders, 1))
    return blocks.kpi(t("tile.taken_off"), report.money(told.discount), note=note)


@section(small=small_form.thanks)
def actions(report: CampaignsReport) -> Block:
    """Whom to write to, what to hold back, and what the data must say first."""
    t, due, found = report.t, report.due, report.waves
    items = []
    if due is not None and due.no_consent:
        n = int(due.lists["due"].sum())
        items.append(
            blocks.action(t("action.consent.do"), t("action.consent.why", n=n), t("role.data_owner"))
        )
    if found is not None and (odd := int((found.balance["verdict"] != AS_PLANNED).sum())):
        items.append(blocks.action(t("action.arms.do"), t("action.arms.why", n=odd), t("role.data_owner")))
    items += [_worded(report, one) for one in report.own_actions]
    if found is None:
        items.append(blocks.action(t("action.hold.do"), t("action.hold.why"), t("role.campaigns")))
    if not items:
        items = [blocks.action(t("action.nothing.do"), t("action.nothing.why"))]
    return blocks.actions(*items[: blocks.MOST_ACTIONS])


def _worded(report: CampaignsReport, action: Any) -> dict[str, Any]:
    """The action; that of the lists says which list is the longest."""
    t, due = report.t, report.due
    more = {}
    if due is not None and due.treated:
        first = due.lists.nlargest(1, "treated").iloc[0]
        more = {"list": list_name(report, first["list"]), "first": int(first["treated"])}
        more["period"] = due.wave.terms.days
    return action_of(t, action, report.plan, more=more)


@section(small=small_form.regulars)
def findings(report: CampaignsReport) -> Block:
    """What the report found, each with the way to its proof."""
    found = [
        _best_campaign(report), _segment(report), _given_away(report), _deal(report),
        _suppressed(report),
    ]  # fmt: skip
    said = [one for one in found if one][: blocks.MOST_FINDINGS]
    return blocks.findings(*(said or [blocks.finding(report.t("finding.no_control"), "measured")]))


def _best_campaign(report: CampaignsReport) -> dict[str, str] | None:
    """Campaigns with an effect of their own; that none has one is one sentence and no list of them."""
    t, found = report.t, report.waves
    if found is None:
        return blocks.finding(t("finding.no_control"), "measured")
    orders = found.campaigns[found.campaigns["outcome"] == "orders"]
    clear = orders[orders["verdict"] == MORE]
    if len(clear):
        name = campaign_name(clear.nlargest(1, "adjusted").iloc[0])
        return blocks.finding(t("finding.campaign", n=len(clear), of=len(orders), name=name[:36]), "each")
    if orders["adjusted_lower"].isna().all():
        return blocks.finding(t("finding.campaign_few"), "each")
    return blocks.finding(t("finding.campaign_none", of=len(orders)), "each")


def _segment(report: CampaignsReport) -> dict[str, str] | None:
    found = report.waves
    if found is None:
        return None
    moved = moved_most(found)
    if moved is None:
        return None
    name = words.clean(moved["segment"], 30)
    text = report.t("finding.segment", segment=name, value=HUNDRED * moved["adjusted"])
    return blocks.finding(text, "moved")


def moved_most(found: Evaluation) -> pd.Series | None:
    """The segment that campaigns move more than the others, beyond chance; None where none is shown to be."""
    orders = found.segments[found.segments["outcome"] == "orders"]
    stands_out = (orders["verdict"] == MORE) & orders["stands_out"]
    clear = orders[told(stands_out, "campaigns.segment_moved_most")]
    return None if clear.empty else clear.nlargest(1, "adjusted").iloc[0]


def _given_away(report: CampaignsReport) -> dict[str, str] | None:
    told = report.incentives
    if told is None or told.offers is None or not told.offers.given_away["redeemed"].iloc[0]:
        return None
    row = told.offers.given_away.iloc[0]
    if np.isnan(row["anyway_lower"]):
        return None
    bounds = interval(report.t, row["anyway_lower"], row["anyway_upper"], "percent:0")
    if not row["anyway_lower"] > ANYWAY:
        return blocks.finding(report.t("finding.given_away_chance", interval=bounds), "given")
    text = report.t("finding.given_away", share=row["anyway_share"], interval=bounds)
    return blocks.finding(text, "given")


def _deal(report: CampaignsReport) -> dict[str, str] | None:
    """What a deal does to the margin of an order."""
    told = report.incentives
    row = None if told is None or told.baskets.empty else ratio_of(told.baskets, "margin")
    if row is None:
        return None
    t, change = report.t, row["ratio"] - 1
    bounds = interval(t, row["lower"] - 1, row["upper"] - 1, "percent:0")
    if grade(change, row["lower"] - 1, row["upper"] - 1, int(row["orders"])) is not Evidence.SHOWN:
        return blocks.finding(t("finding.deal_chance", interval=bounds), "deals")
    way = "more" if change > 0 else "less"
    return blocks.finding(t("finding.deal", way=way, share=abs(change), interval=bounds), "deals")


def _suppressed(report: CampaignsReport) -> dict[str, str] | None:
    """Who is not written to, and why; being on another list is no reason, as that one is written to."""
    due = report.listed
    if due is None or due.no_consent:
        return None
    kept = due.steps[~due.steps["step"].isin(["due", "treated", "control", OTHER])]
    if kept.empty:
        return None
    step = report.t(f"step.{slug(kept.nlargest(1, 'customers').iloc[0]['step'])}")
    text = report.t("finding.suppressed", n=int(kept["customers"].sum()), step=step)
    return blocks.finding(text, "suppressed")


def ratio_of(table: pd.DataFrame, outcome: str) -> dict[str, Any] | None:
    """The row of an outcome; None where it is not there, or without an interval."""
    rows = table[(table["outcome"] == outcome) & table["lower"].notna()]
    return None if rows.empty else {str(k): v for k, v in rows.iloc[0].items()}


@section(small=FEW)
def glossary(report: CampaignsReport) -> Block:
    """The words of the page."""
    t = report.t
    own = {t(f"own_word.{name}"): t(f"own_meaning.{name}") for name in OWN_WORDS}
    return blocks.glossary(own | glossary_of(t, report.plan.given.definitions, WORDS))
