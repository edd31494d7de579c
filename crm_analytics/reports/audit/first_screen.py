"""The manager's layer of the audit: what revenue did and why, what to do, what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.audit import sources_apart
from crm_analytics.analyses.evidence import grade, may_claim, told
from crm_analytics.pages import blocks, words
from crm_analytics.reports.audit.report import AuditReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import action_of, glossary_of, interval, plain_action, say, tile
from crm_analytics.reports.shared.trends import past_of

if TYPE_CHECKING:
    import pandas as pd

    from crm_analytics.pages.blocks import Block

WORTH_IT = 0.01  # share of profit lost with customers below zero, from which somebody should look
NEWS = 0.02  # a change smaller than this is no news, however sure
WORDS = (
    "revenue", "return_of_goods", "at_risk", "lapsed", "silent", "margin", "value_to_come", "contact_cost",
    "contact_effect", "customer",
)  # fmt: skip
OWN_WORDS = ("new", "reactivated", "lapsed", "cohort", "profit")


@section(small=small_form.headline)
def headline(report: AuditReport) -> Block:
    """What revenue did against the period before; who did it stands under it."""
    t = report.t
    if report.change is None:
        top = report.kpis["top_fifth_revenue_share"]
        sentence = t("headline.no_past", n=report.kpis["customers_bought"].value)
        if top.value is not None:
            sentence = t("headline.no_past_top", share=top.value, n=top.n)
        return blocks.headline(sentence, t("lede.no_past"), language=report.language, title=t("title"))
    return blocks.headline(_news(report), _lede(report), language=report.language, title=t("title"))


def _news(report: AuditReport) -> str:
    assert report.change is not None
    t, total = report.t, report.change.totals.revenue
    found = grade(total.change, total.lower, total.upper, round(report.change.totals.buyers.now))
    if total.change is None:
        return t("headline.first", span=report.length, value=total.now)
    if not found.is_news or abs(total.change) < NEWS:
        return t("headline.steady", span=report.length, now=total.now, then=total.before)
    slots: dict[str, Any] = {
        "way": words.direction(total.now, total.before),
        "share": abs(total.change),
        "span": report.length,
        "interval": interval(t, total.lower, total.upper, "percent:0"),
    }
    return t.of("headline.shown", slots)


def _lede(report: AuditReport) -> list[str]:
    """Who made the change: new customers, those who came back, who stayed, who stayed away."""
    t, change = report.t, report.change
    assert change is not None
    moves = change.moves.set_index("move")["change"]
    kept = moves["increased"] + moves["decreased"]
    said = [
        t("lede.new", new=moves["new"], back=moves["reactivated"])
        if moves["new"]
        else t("lede.nobody_new", back=moves["reactivated"]),
        t("lede.away", n=change.customers("lapsed"), value=-moves["lapsed"]),
    ]
    share, low, high, n = change.repeat_rate
    if n:
        bounds = interval(t, low, high, "percent:0")
        way = "up" if kept >= 0 else "down"
        said.append(t("lede.stayed", share=share, interval=bounds, value=abs(kept), way=way))
    if not report.same_season:
        said.append(t("lede.season"))
    return said


@section(small=small_form.kpis)
def kpis(report: AuditReport) -> Block:
    """Revenue and buyers against the period before, buyers who stayed, how much hangs on the top fifth."""
    t, found = report.t, report.kpis
    top = tile(t, found["top_fifth_revenue_share"], past=past_of(report))
    if report.change is None or found["revenue"].value is None:
        names = ("revenue_to_date", "customers_bought", "bought_again")
        return blocks.kpis(*(tile(t, found[name]) for name in names), top)
    share, low, high, n = report.change.repeat_rate
    stayed = blocks.kpi(t("tile.stayed"), t("tile.nobody"))
    if n:
        note = t("tile.stayed_of", n=n, interval=interval(t, low, high, "percent:0"))
        stayed = blocks.kpi(t("tile.stayed"), words.percent(share, 0), note=note)
    return blocks.kpis(_period_tile(report, "revenue"), _period_tile(report, "buyers"), stayed, top)


def _period_tile(report: AuditReport, name: str) -> dict[str, str]:
    t, kpi = report.t, report.kpis[name]
    then = kpi.year_ago if kpi.against_year else kpi.previous
    message = "tile.was" if kpi.against_year else "tile.was_before"
    return tile(t, kpi, t(message, value=say(t, then, kpi.unit)), past_of(report))


@section(small=small_form.thanks)
def actions(report: AuditReport) -> Block:
    """What to do next, the most to gain first; and to look at what costs more than it brings."""
    t = report.t
    shared = [action for action in report.actions if action.customers]
    items = [action_of(t, action, report.plan) for action in shared]
    costly = _costly(report)
    if costly is not None:
        n, lost = costly
        why = (
            "action.costly.why"
            if report.spread is not None and len(report.spread.costs)
            else "action.costly.goods"
        )
        do = t("action.costly.do", n=n, value=-lost)
        items.insert(2, plain_action(t, "costly", "service", do, t(why)))
    if not items:
        items = [blocks.action(t("action.nothing.do"), t("action.nothing.why"))]
    return blocks.actions(*items[: blocks.MOST_ACTIONS])


def _costly(report: AuditReport) -> tuple[int, float] | None:
    """Customers below zero and their loss, where that is worth somebody's look."""
    spread = report.spread
    if spread is None or not spread.below_zero or not spread.below_zero[0]:
        return None
    n, lost = spread.below_zero
    return (n, lost) if -lost > WORTH_IT * spread.deciles["profit"].sum() else None


@section(small=small_form.regulars)
def findings(report: AuditReport) -> Block:
    """What the report found, each with the way to its proof."""
    found = [_category(report), _cohort(report), _source(report), _below_zero(report), _winning(report)]
    return blocks.findings(*found)


def _category(report: AuditReport) -> dict[str, str]:
    t, table = report.t, report.products
    if table is None or table.empty:
        return blocks.finding(t("finding.no_categories"), "products")
    row = table.iloc[0]
    if row["lower"] * row["upper"] <= 0:
        return blocks.finding(t("finding.category_none"), "products")
    name, way = words.clean(row["level"], 24), "up" if row["change"] > 0 else "down"
    low, high = sorted((abs(row["lower"]), abs(row["upper"])))
    bounds = interval(t, low, high, report.currency)
    text = t("finding.category", name=name, value=abs(row["change"]), way=way, interval=bounds)
    shorter = t("finding.category_value", name=name, value=abs(row["change"]), way=way)
    return blocks.finding(text, "products", shorter=shorter)


def _cohort(report: AuditReport) -> dict[str, str]:
    t, found = report.t, report.cohorts
    newest = found.newest if found is not None else None
    if newest is None:
        return blocks.finding(t("finding.cohort_unknown"), "cohorts")
    at = newest.at
    message = "finding.cohort_same"
    if newest.retention_differs and may_claim("audit.newer_differ"):
        message = "finding.cohort_better" if at["difference"] > 0 else "finding.cohort_worse"
    return blocks.finding(t(message, now=at["share"], then=at["share_earlier"]), "cohorts")


def clear_source(report: AuditReport) -> pd.Series | None:
    """The source whose customers differ most from all others, where that is more than chance."""
    if report.acquisition is None:
        return None
    apart = sources_apart(report.acquisition.sources)
    clear = apart[told(apart["clear"], "audit.source_differs")]
    return None if clear.empty else clear.iloc[int(clear["difference"].abs().to_numpy().argmax())]


def _source(report: AuditReport) -> dict[str, str]:
    t = report.t
    if report.acquisition is None:
        return blocks.finding(t("finding.no_sources"), "sources")
    row = clear_source(report)
    if row is None:
        return blocks.finding(t("finding.source_none"), "sources")
    way = "up" if row["difference"] > 0 else "down"
    name = words.clean(row["source"], 20)
    text = t("finding.source", name=name, way=way, value=row["revenue"], others=row["elsewhere"])
    return blocks.finding(text, "sources", shorter=t("finding.source_plain", name=name, way=way))


def _below_zero(report: AuditReport) -> dict[str, str]:
    t, spread = report.t, report.spread
    if spread is None or spread.below_zero is None:
        return blocks.finding(t("finding.no_costs"), "profit")
    n, lost = spread.below_zero
    if not n:
        return blocks.finding(t("finding.nobody_below"), "profit")
    if _costly(report) is None:
        return blocks.finding(t("finding.few_below", value=-lost, span=report.window), "profit")
    return blocks.finding(t("finding.below", n=n, value=-lost, span=report.window), "profit")


def _winning(report: AuditReport) -> dict[str, str]:
    t, winning = report.t, report.winning
    if winning is None:
        return blocks.finding(t("finding.no_winning"), "winning")
    cost = winning.total.value
    message = "finding.winning" if winning.advertising is None else "finding.winning_all"
    keeping = report.acquisition.keeping if report.acquisition is not None else None
    alone = t(f"{message}_alone", cost=cost)
    text = alone if keeping is None else t(message, cost=cost, keeping=keeping.value)
    return blocks.finding(text, "winning", shorter=alone)


@section(small=small_form.glossary)
def glossary(report: AuditReport) -> Block:
    """The words of the page, each in a sentence."""
    t = report.t
    own = {t(f"own_word.{name}"): t(f"own_meaning.{name}") for name in OWN_WORDS}
    return blocks.glossary(own | glossary_of(t, report.plan.given.definitions, WORDS))
