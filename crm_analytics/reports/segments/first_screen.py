"""The manager's layer of the segments report: the news, four numbers, what to do next, what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.evidence import Evidence, grade
from crm_analytics.analyses.profiling.favourites import FAVOURITE
from crm_analytics.pages import blocks, words
from crm_analytics.reports.segments.report import SegmentReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.spoken import segment_name
from crm_analytics.reports.shared.tiles import action_of, glossary_of, interval, say, span, tile
from crm_analytics.reports.shared.trends import past_of
from crm_analytics.tables.days import span_of

if TYPE_CHECKING:
    from crm_analytics.analyses.comparison import Change
    from crm_analytics.pages.blocks import Block

WORDS = (
    "at_risk", "lapsed", "silent", "revenue", "value_to_come", "margin", "contact_cost", "contact_effect",
    "repeat_purchase", "return_of_goods", "segment", "change",
)  # fmt: skip
NEWS = 0.02  # a change smaller than this is no news, however sure


@section(small=small_form.headline)
def headline(report: SegmentReport) -> Block:
    """What changed most, with its interval; where nothing did, who brings the money."""
    return blocks.headline(_news(report), _lede(report), language=report.language, title=report.t("title"))


def _news(report: SegmentReport) -> str:
    t, revenue = report.t, report.kpis["revenue"]
    for message, change in (("revenue", revenue.against_year), ("before", revenue.against_previous)):
        found = _graded(change, revenue.n)
        if change is None or change.change is None or not found.is_news or abs(change.change) < NEWS:
            continue
        if message == "before" and revenue.against_year is not None:
            continue  # a change against the weeks before may be the season
        slots = {
            "way": words.direction(change.now, change.before),
            "share": abs(change.change),
            "span": _span(report),
            "interval": interval(t, change.lower, change.upper, "percent:0"),
        }
        return t.of(f"headline.{message}.shown", slots)
    at_risk, share = report.kpis["customers_at_risk"], report.spread.top_share
    if revenue.against_year is not None:
        return t("headline.steady", span=_span(report), share=share)
    if at_risk.value is None:
        return t("headline.plain", share=share)
    return t("headline.no_year", share=share, n=at_risk.value)


def _graded(change: Change | None, n: int) -> Evidence:
    return grade(change.change, change.lower, change.upper, n) if change else Evidence.CANNOT_BE_TOLD


def _span(report: SegmentReport) -> str:
    return span(report.t, *span_of(report.plan.given.span.lstrip("-")))


def _lede(report: SegmentReport) -> list[str]:
    t, revenue, best = report.t, report.kpis["revenue"], report.best
    year, before = revenue.against_year, revenue.against_previous
    said = []
    if year is not None:
        said.append(t("lede.revenue", now=year.now, then=year.before))
    elif before is not None:
        said.append(t("lede.revenue_before", now=before.now, then=before.before))
    if year is not None and before is not None and before.change is not None:
        way = words.direction(before.now, before.before)
        said.append(t("lede.before", way=way, share=abs(before.change)))
    said.append(
        t(
            "lede.best",
            segment=segment_name(t, best["segment"]),
            people=best["customer_share"],
            share=best["revenue_share"],
        )
    )
    worth, at_risk = report.kpis["value_at_risk"], report.kpis["customers_at_risk"]
    if worth.value is not None and at_risk.value:
        bounds = interval(t, worth.lower, worth.upper, report.currency)
        ahead = span(t, *span_of(worth.period))
        said.append(t("lede.at_risk", n=at_risk.value, value=worth.value, span=ahead, interval=bounds))
    return said


@section(small=small_form.kpis)
def kpis(report: SegmentReport) -> Block:
    """Revenue and buyers against a year ago, customers at risk, concentration."""
    t, found = report.t, report.kpis
    items = [_period_tile(report, name) for name in ("revenue", "buyers") if found[name].value is not None]
    if not items:
        items = [tile(t, found["revenue_to_date"]), tile(t, found["customers_bought"])]
    at_risk, worth = found["customers_at_risk"], found["value_at_risk"]
    note = t("tile.of_customers", share=(at_risk.value or 0) / max(at_risk.n, 1), n=at_risk.n)
    if worth.value is not None:
        note = t("tile.at_risk", value=worth.value)
    return blocks.kpis(
        *items,
        tile(t, at_risk, note if at_risk.value is not None else "", past_of(report)),
        tile(t, found["top_fifth_revenue_share"], past=past_of(report)),
    )


def _period_tile(report: SegmentReport, name: str) -> dict[str, str]:
    t, kpi = report.t, report.kpis[name]
    then, message = (kpi.year_ago, "tile.was") if kpi.against_year else (kpi.previous, "tile.was_before")
    return tile(t, kpi, t(message, value=say(t, then, kpi.unit)), past_of(report))


@section(small=small_form.thanks)
def actions(report: SegmentReport) -> Block:
    """What to do next, the most to gain first."""
    t = report.t
    items = [action_of(t, action, report.plan) for action in report.plan.actions]
    if not items:
        items = [blocks.action(t("action.nothing.do"), t("action.nothing.why"))]
    return blocks.actions(*items[: blocks.MOST_ACTIONS])


@section(small=small_form.regulars)
def findings(report: SegmentReport) -> Block:
    """What the report found, each with the way to its proof."""
    found = [_best(report), _at_risk(report), _moved(report), _taste(report), _effect(report)]
    return blocks.findings(*(one for one in found if one))


def _best(report: SegmentReport) -> dict[str, str]:
    best = report.best
    slots: dict[str, Any] = {"people": best["customer_share"], "share": best["revenue_share"]}
    name = segment_name(report.t, best["segment"])
    return blocks.finding(report.t("finding.best", segment=name[:30], **slots), "segments")


def _at_risk(report: SegmentReport) -> dict[str, str]:
    t, at_risk, worth = report.t, report.kpis["customers_at_risk"], report.kpis["value_at_risk"]
    if at_risk.value is None:
        return blocks.finding(t("finding.at_risk_unknown"), "back")
    if worth.value is None:
        days = report.plan.given.definitions.at_risk_days
        return blocks.finding(t("finding.at_risk_count", n=at_risk.value, days=days), "contact")
    bounds = interval(t, worth.lower, worth.upper, report.currency)
    text = t("finding.at_risk", n=at_risk.value, value=worth.value, interval=bounds)
    shorter = t("finding.at_risk_value", n=at_risk.value, value=worth.value)
    return blocks.finding(text, "contact", shorter=shorter)


def _moved(report: SegmentReport) -> dict[str, str] | None:
    """Active customers against a year ago: their number; a share of all to date can only fall."""
    t, active = report.t, report.active
    change = active.against_year
    if active.value is None or change is None or change.change is None:
        return None
    slots = {
        "n": active.value,
        "then": change.before,
        "way": words.direction(change.now, change.before),
        "share": abs(change.change),
        "interval": interval(t, change.lower, change.upper, "percent:0"),
    }
    message = "finding.moved" if _graded(change, active.n) is Evidence.SHOWN else "finding.not_moved"
    return blocks.finding(t.of(message, slots), "changed")


def _taste(report: SegmentReport) -> dict[str, str]:
    t = report.t
    if report.taste is None:
        return blocks.finding(t("finding.no_products"))
    what, share = report.taste
    name = segment_name(t, report.best["segment"])
    if share < FAVOURITE:
        return blocks.finding(t("finding.taste_broad", segment=name[:30], share=share))
    return blocks.finding(t("finding.taste", segment=name[:30], what=words.clean(what, 30), share=share))


def _effect(report: SegmentReport) -> dict[str, str]:
    t, effect = report.t, report.plan.effect
    if effect.source == "stated":
        return blocks.finding(t("finding.effect_none"))
    bounds = interval(t, effect.lower, effect.upper, "percent:0")
    shown = effect.lower > 0 or effect.upper < 0
    message = "finding.effect_shown" if shown else "finding.effect_chance"
    return blocks.finding(
        t.of(message, {"campaigns": effect.campaigns, "value": effect.value, "interval": bounds})
    )


@section(small=small_form.glossary)
def glossary(report: SegmentReport) -> Block:
    """The words of the page, and each segment in a sentence."""
    t, found = report.t, report.plan.given.definitions
    said = {}
    for name in report.scores.segments.loc[report.scores.segments["customers"] > 0, "segment"]:
        message = f"segment_is.{'_'.join(str(name).lower().replace('-', ' ').split())}"
        if t.knows(message) and found.at_risk_days is not None:
            said[segment_name(t, name)] = t.of(message, {"at_risk_days": found.at_risk_days})
    return blocks.glossary(said | glossary_of(t, found, WORDS))
