"""The manager's layer of the lifecycle report: who is active, who slips away, what to do, what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.definitions import ACTIVE, LAPSED_SHARE
from crm_analytics.analyses.evidence import grade
from crm_analytics.analyses.intervals import wilson
from crm_analytics.analyses.lifecycle import rules
from crm_analytics.pages import blocks, words
from crm_analytics.reports.lifecycle.report import LifecycleReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.spoken import slug
from crm_analytics.reports.shared.tiles import action_of, glossary_of, interval, say, span, tile
from crm_analytics.reports.shared.trends import past_of
from crm_analytics.tables.days import span_of

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block

WORDS = (
    "at_risk", "lapsed", "silent", "stage", "value_to_come", "margin", "contact_cost", "contact_effect",
    "repeat_purchase", "change",
)  # fmt: skip
NEWS = 0.02  # a change smaller than this is no news, however sure
FEW = 30  # spells: a share of fewer says little


@section(small=small_form.headline)
def headline(report: LifecycleReport) -> Block:
    """How many customers are active, against a year ago; where that is no news, how many are at risk."""
    return blocks.headline(_news(report), _lede(report), language=report.language, title=report.t("title"))


def _news(report: LifecycleReport) -> str:
    t, active, risk = report.t, report.kpis["customers_active"], report.kpis["customers_at_risk"]
    if active.value is None:
        return t("headline.unknown", n=report.buyers)
    slots: dict[str, Any] = {"n": active.value, "risk": risk.value, "share": active.value / max(active.n, 1)}
    change = active.against_year
    if change is None or change.change is None:
        return t.of("headline.no_year", slots)
    found = grade(change.change, change.lower, change.upper, active.n, kind="lifecycle.active_changed")
    if not found.is_news or abs(change.change) < NEWS:
        return t.of("headline.steady", slots)
    slots |= {
        "change": abs(change.change),
        "way": words.direction(change.now, change.before),
        "interval": interval(t, change.lower, change.upper, "percent:0"),
    }
    return t.of("headline.shown", slots)


def _lede(report: LifecycleReport) -> list[str]:
    t, active, worth = report.t, report.kpis["customers_active"], report.kpis["value_at_risk"]
    days, change = report.plan.given.definitions.at_risk_days, report.changes.get(ACTIVE)
    if days is None or active.value is None:
        return [t("lede.unknown")]
    said = [t("lede.active", days=days)]
    if change is not None:
        said.append(t("lede.year", now=change.now, then=change.before))
    came, back = report.flow(rules.LAPSED, "came"), report.flow(rules.LAPSED, "left")
    if came is not None and back is not None and report.flows and report.ripe(report.flows.then):
        said.append(t("lede.moved", span=span(t, report.weeks, "W"), lapsed=came, back=back))
    if worth.value is not None and report.kpis["customers_at_risk"].value:
        bounds = interval(t, worth.lower, worth.upper, report.currency)
        ahead = span(t, *span_of(worth.period))
        said.append(t("lede.at_risk", value=worth.value, span=ahead, interval=bounds))
    return said


@section(small=small_form.kpis)
def kpis(report: LifecycleReport) -> Block:
    """Active, at risk and lapsed customers against a year ago, and what those at risk may still bring."""
    t, found = report.t, report.kpis
    if found["customers_active"].value is None:
        names = ("customers_bought", "bought_again", "revenue_to_date", "customers_at_risk")
        return blocks.kpis(*(tile(t, found[name]) for name in names))
    items = [_standing_tile(report, f"customers_{name}") for name in ("active", "at_risk", "lapsed")]
    return blocks.kpis(*items, tile(t, found["value_at_risk"], past=past_of(report)))


def _standing_tile(report: LifecycleReport, name: str) -> dict[str, str]:
    t, kpi = report.t, report.kpis[name]
    share = (kpi.value or 0) / max(kpi.n, 1)
    if kpi.against_year is None:
        return tile(t, kpi, t("tile.share", share=share, n=kpi.n), past_of(report))
    note = t("tile.share_was", share=share, n=kpi.n, then=say(t, kpi.year_ago, kpi.unit))
    return tile(t, kpi, note, past_of(report))


@section(small=small_form.thanks)
def actions(report: LifecycleReport) -> Block:
    """What to do next, the most to gain first; then whom to leave alone."""
    t = report.t
    items = [action_of(t, action, report.plan) for action in report.actions]
    if not items:
        items = [blocks.action(t("action.nothing.do"), t("action.nothing.why"))]
    return blocks.actions(*items[: blocks.MOST_ACTIONS])


@section(small=small_form.regulars)
def findings(report: LifecycleReport) -> Block:
    """What the report found, each with the way to its proof."""
    found = [_when(report), _new(report), _back(report), _worth(report), _ahead(report)]
    return blocks.findings(*(one for one in found if one))


def _when(report: LifecycleReport) -> dict[str, str]:
    """When to remind, and when to stop: both read off the return curve."""
    t, found = report.t, report.plan.given.definitions
    if found.at_risk_days is None:
        return blocks.finding(t("finding.when_unknown"), "stands")
    if found.lapsed_days is None:
        return blocks.finding(t("finding.when_risk", days=found.at_risk_days), "stands")
    return blocks.finding(t("finding.when", days=found.at_risk_days, lapsed=found.lapsed_days), "stands")


def went(report: LifecycleReport, stage: str, *to: str) -> tuple[float, float, float, int] | None:
    """Share of spells in a stage that went on to others within the horizon, its interval, number of spells.

    None where fewer than 30 spells were seen. The interval takes each spell as one case.
    """
    exits = report.dwell.exits
    rows = exits[(exits["stage"] == stage) & exits["to_stage"].isin(list(to))]
    seen = report.dwell.stages.loc[report.dwell.stages["stage"] == stage, "spells"]
    n = int(seen.iloc[0]) if len(seen) else 0
    if n < FEW:
        return None
    share = float(rows["share_within"].sum())
    return (share, *wilson(share * n, n), n)


def _share_finding(
    report: LifecycleReport, message: str, found: tuple[float, float, float, int]
) -> dict[str, str]:
    share, low, high, _ = found
    bounds = interval(report.t, low, high, "percent:0")
    return blocks.finding(report.t(f"finding.{message}", share=share, interval=bounds), "becomes")


def _new(report: LifecycleReport) -> dict[str, str] | None:
    again = went(report, rules.NEW, rules.ACTIVE, rules.LOYAL)
    if again is None or report.plan.given.definitions.at_risk_days is None:
        return None
    return _share_finding(report, "new", again)


def _back(report: LifecycleReport) -> dict[str, str] | None:
    """Of those who become at risk, or else of the lapsed, how many buy again."""
    lost = went(report, rules.AT_RISK, rules.LAPSED)
    if lost is not None and lost[0] < 1:
        back = (1 - lost[0], 1 - lost[2], 1 - lost[1], lost[3])
        # "seldom" is said of what the return curve calls so: under a fifth
        return _share_finding(report, "back_seldom" if back[2] < LAPSED_SHARE else "back", back)
    return None


def _worth(report: LifecycleReport) -> dict[str, str] | None:
    worth, risk = report.kpis["value_at_risk"], report.kpis["customers_at_risk"]
    if worth.value is None or not risk.value:
        return None
    t, n = report.t, float(risk.value)
    bounds = interval(t, (worth.lower or 0) / n, (worth.upper or 0) / n, report.currency)
    ahead = span(t, *span_of(worth.period))
    text = t("finding.worth", value=worth.value / n, span=ahead, interval=bounds)
    return blocks.finding(text, "stands", shorter=t("finding.worth_value", value=worth.value / n, span=ahead))


def _ahead(report: LifecycleReport) -> dict[str, str]:
    """Customers at risk to come; only where the last forecast came nearer than no change would have."""
    t, ahead = report.t, report.forecast
    if ahead is None or ahead.errors is None or not report.size(rules.AT_RISK):
        return blocks.finding(t("finding.ahead_none"), "ahead")
    if ahead.errors[0] >= ahead.errors[1]:
        return blocks.finding(t("finding.ahead_failed"), "held")
    last = ahead.sizes[ahead.sizes["period"] == ahead.sizes["period"].max()]
    row = last[last["stage"] == rules.AT_RISK].iloc[0]
    weeks = ahead.every // 7 * int(row["period"])
    bounds = interval(t, row["lower"], row["upper"], "count")
    text = t("finding.ahead", weeks=weeks, n=row["customers"], interval=bounds, now=row["now"])
    return blocks.finding(text, "ahead")


@section(small=small_form.glossary)
def glossary(report: LifecycleReport) -> Block:
    """Each stage in a sentence, and the words of the page."""
    t, found = report.t, report.plan.given.definitions
    slots = {"days": found.at_risk_days, "lapsed": found.lapsed_days, "loyal": report.loyal_orders}
    said = {}
    for stage in report.staged.order:
        message = f"stage_is.{slug(stage)}"
        if t.knows(message):
            said[report.name(stage)] = t.of(message, slots)
    return blocks.glossary(said | glossary_of(t, found, WORDS))
