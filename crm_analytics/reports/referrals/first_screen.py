"""The manager's layer of the referrals report: the news, four numbers, what to do next, what was found."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from crm_analytics.analyses.evidence import LEAST, Evidence, grade, may_claim
from crm_analytics.analyses.intervals import Z95
from crm_analytics.analyses.referral.likelihood import BEFORE, MODEL, PROMOTERS
from crm_analytics.pages import blocks, figures
from crm_analytics.reports.referrals.report import ReferralReport, last_quarters
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import action_of, glossary_of, interval, tile
from crm_analytics.reports.shared.trends import past_of

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block

WORDS = ("value_to_come", "margin", "revenue", "repeat_purchase")
OWN_WORDS = ("invitation", "referred", "k", "type_one", "type_two")


@section(small=small_form.headline)
def headline(report: ReferralReport) -> Block:
    """Whether customers bring more or fewer than a year ago; else how many a hundred bring."""
    t = report.t
    return blocks.headline(_news(report), _lede(report), language=report.language, title=t("title"))


def _news(report: ReferralReport) -> str:
    t, spread = report.t, report.spread
    bounds = interval(t, 100 * spread.k_lower, 100 * spread.k_upper, "number:1")
    return _changed(report) or t("headline.level", n=100 * spread.k, interval=bounds)


def _changed(report: ReferralReport) -> str:
    """The change on a year ago, where it is shown; else nothing."""
    both = last_quarters(report)
    if both is not None and both[0]["converted"] and both[1]["converted"]:
        now, then = both
        gap = math.log(now["k"] / then["k"])
        sides = [math.log(q["upper"] / q["lower"]) / (2 * Z95) for q in both]
        half = Z95 * math.hypot(*sides)
        found = grade(gap, gap - half, gap + half, int(min(now["converted"], then["converted"])))
        if found is Evidence.SHOWN:
            way = "more" if gap > 0 else "fewer"
            return report.t("headline.changed", way=way, now=1000 * now["k"], then=1000 * then["k"])
    return ""


def _lede(report: ReferralReport) -> list[str]:
    t, spread = report.t, report.spread
    conversion = spread.conversion
    said = []
    if conversion.value is not None:
        bounds = interval(t, conversion.lower, conversion.upper, "percent:0")
        said.append(t("lede.conversion", n=spread.invitations, share=conversion.value, interval=bounds))
    if spread.cycle_days is not None:
        said.append(t("lede.cycle", days=spread.cycle_days))
    if report.value is not None:
        bounds = interval(t, report.value.lower, report.value.upper, report.currency)
        message = "lede.value" if report.value.margin is not None else "lede.value_revenue"
        message += "" if report.value.is_shown else "_not_shown"
        said.append(t(message, value=report.value.total, interval=bounds))
    if aside := sum(report.sent.set_aside.values()):
        said.append(t("lede.aside", n=aside))
    return said


@section(small=small_form.kpis)
def kpis(report: ReferralReport) -> Block:
    """Referred customers, conversion, brought by a hundred, value."""
    found = report.kpis
    names = ("referred_customers", "referral_conversion", "referred_per_hundred", "referral_value_to_date")
    return blocks.kpis(
        *(tile(report.t, found[name], past=past_of(report)) for name in names if name in found)
    )


@section(small=small_form.thanks)
def actions(report: ReferralReport) -> Block:
    """Whom to ask, and whose reward is due."""
    t = report.t
    items = [action_of(t, action, report.plan, _why(report, action.id)) for action in report.actions]
    if not items:
        items = [blocks.action(t("action.nothing_to_ask.do"), t("action.nothing_to_ask.why"))]
    return blocks.actions(*items[: blocks.MOST_ACTIONS])


def _why(report: ReferralReport, name: str) -> str:
    if name != "referral_ask":
        return ""
    return report.t(f"ask_why.{_way(report)}")


def _way(report: ReferralReport) -> str:
    used = report.likely.used if report.likely else PROMOTERS
    return {MODEL: "model", BEFORE: "before"}.get(used, "promoters")


@section(small=small_form.regulars)
def findings(report: ReferralReport) -> Block:
    """What the report found, each with the way to its proof."""
    t, spread = report.t, report.spread
    found = []
    if _changed(report):  # else the headline is this
        found.append(blocks.finding(t("finding.k", k=spread.k, n=100 * spread.k), "growth"))
    if report.compared is not None:
        found.append(_better(report))
    if report.value is not None and (back := report.value.reward_return).value is not None:
        clear = grade(back.value, back.lower, back.upper, LEAST).is_news
        slots = {"share": report.value.p_type_two, "value": 1 + back.value}
        message = "finding.return_shown" if clear else "finding.return_not_shown"
        found.append(blocks.finding(t.of(message, slots), "value"))
    found.append(blocks.finding(t(f"finding.next_{_next(report)}"), "next"))
    if aside := sum(report.sent.set_aside.values()):
        found.append(blocks.finding(t("finding.aside", n=aside), "tree"))
    return blocks.findings(*found[:5])


def _next(report: ReferralReport) -> str:
    if report.likely is None:
        return "unknown"
    used = report.likely.used if may_claim("referrals.next_referrer") else ""
    return {MODEL: "model", BEFORE: "before", PROMOTERS: "promoters"}.get(used, "chance")


def _better(report: ReferralReport) -> dict[str, str]:
    assert report.compared is not None
    row = report.compared.of("revenue")
    found = grade(
        row["difference"],
        row["lower"],
        row["upper"],
        report.compared.matched,
        kind="referrals.referred_differ",
    )
    way = "more" if row["difference"] > 0 else "less"
    message = "shown" if found.is_news else "same"
    share = abs(row["difference"]) / row["others"] if row["others"] else 0.0
    return blocks.finding(report.t.of(f"finding.better_{message}", {"way": way, "share": share}), "compared")


@section(small=small_form.favourites)
def how_referrals_grow(report: ReferralReport) -> Block:
    """New customers that a hundred customers brought, quarter by quarter."""
    t, table = report.t, report.spread.quarters
    if table.empty:
        return blocks.note(t("growth.none"), t("growth.none_why")).under(t("growth.label")).anchored("growth")
    shown = table.assign(quarter=table["end"], per_hundred=100 * table["k"])
    shown["interval"] = blocks.together(100 * table["lower"], 100 * table["upper"])
    last = table[table["complete"]].tail(1)
    k = float(last["k"].iloc[0]) if len(last) else report.spread.k
    columns = ["quarter", "customers", "invitations", "converted", "per_hundred", "interval"]
    return (
        blocks.chart(
            figures.columns(
                shown.assign(quarter=shown["quarter"].dt.strftime("%Y-%m-%d")), "quarter", ["per_hundred"],
                fmt="number:1", highlight=[str(e.date()) for e in table.loc[~table["complete"], "end"]],
            ),
            finding=t("growth.finding", n=100 * k),
            data=shown[columns],
            caption=t("growth.caption", days=report.spread.ripe_days),
            formats={"quarter": "date:short", "per_hundred": "number:1", "interval": "interval:number:1"},
            names={name: t(f"column.{name}") for name in columns},
        )
        .under(t("growth.label"))
        .anchored("growth")
    )  # fmt: skip


@section(small=small_form.glossary)
def glossary(report: ReferralReport) -> Block:
    """The words of the page."""
    t = report.t
    own = {t(f"own_word.{name}"): t(f"own_meaning.{name}") for name in OWN_WORDS}
    return blocks.glossary(own | glossary_of(t, report.plan.given.definitions, WORDS))
