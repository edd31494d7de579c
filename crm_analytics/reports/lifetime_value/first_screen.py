"""The manager's layer of the lifetime-value report: what is to come, how sure, what to do, what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.audiences import BEST
from crm_analytics.analyses.definitions import ACTIVE
from crm_analytics.analyses.evidence import grade
from crm_analytics.analyses.forecasting.cautions import ONE_CYCLE, UNDETERMINED
from crm_analytics.pages import blocks, words
from crm_analytics.reports.lifetime_value.evidence import held_or_not
from crm_analytics.reports.lifetime_value.report import SmallValueReport, UnpricedReport, ValueReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import action_of, glossary_of, interval, span, tile, with_target
from crm_analytics.reports.shared.trends import past_of

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block
    from crm_analytics.reports.lifetime_value.holdout import Evidence

WORDS = (
    "value_to_come", "still_a_customer", "at_risk", "lapsed", "silent", "margin", "contact_cost",
    "contact_effect", "repeat_purchase", "revenue", "return_of_goods", "change",
)  # fmt: skip
RECENT = 13  # weeks at the end of a holdout that are looked at by themselves
NEWS = 0.05  # a change smaller than this is no news, however sure


def _small_headline(report: SmallValueReport) -> Block:
    seen, t = report.seen, report.own
    lede = t(
        "few.lede", customers=seen.customers, orders=seen.orders, first=report.base.first_day,
        last=report.base.day, reason=report.reason,
    )  # fmt: skip
    return blocks.headline(
        t("few.headline", value=report.textbook.value), lede, thin=True, language=report.language
    )


@section(small=_small_headline)
def headline(report: ValueReport | UnpricedReport) -> Block:
    """What today's customers will bring; before it, what changed or went wrong."""
    odd = _odd(report)
    if isinstance(report, ValueReport):
        last = report.t("lede.last_year", value=report.last_year, span=report.span)
        lede = [odd, *_cautions(report), *_range(report), last, *_tried(report), _lately(report)]
        return blocks.headline(_news(report), lede, language=report.language, title=report.t("title"))
    found = report.forecast.purchases
    bounds = interval(report.t, found.lower, found.upper, "count")
    sentence = report.t("headline.unpriced", n=found.mean, span=report.span, interval=bounds)
    lede = [odd, report.t("lede.no_money"), held_or_not(report), _recent(report)]
    return blocks.headline(sentence, lede, language=report.language, title=report.t("title"))


def _news(report: ValueReport) -> str:
    t, value, growth = report.t, report.outlook.total, report.growth
    slots: dict[str, Any] = {
        "value": value.mean,
        "span": report.span,
        "interval": interval(t, value.lower, value.upper, report.currency),
    }
    cautions = report.outlook.foundation.cautions
    if cautions:
        return t.of("headline.cautious", slots | {"caution": t(f"caution.{cautions[0].kind}")})
    if growth is not None and abs(growth.change) >= NEWS:
        found = grade(growth.change, growth.lower, growth.upper, value.customers)
        slots |= {
            "share": abs(growth.change),
            "day": growth.day,
            "way": "up" if growth.change > 0 else "down",
        }
        if found.is_news:
            return t.of("headline.moved", slots)
    return t.of("headline.value", slots)


def _range(report: ValueReport) -> list[str]:
    """The range of the value, where the headline has no room for it."""
    value = report.outlook.total
    bounds = interval(report.t, value.lower, value.upper, report.currency)
    return [] if bounds in _news(report) else [report.t("lede.interval", interval=bounds)]


def _cautions(report: ValueReport) -> list[str]:
    """What the data cannot tell, in full; that nobody can be called lapsed is said already."""
    said = []
    for one in report.outlook.foundation.cautions:
        if one.kind != UNDETERMINED:
            way = "up" if one.share > 0 else "down"
            message = "one_year" if one.kind == ONE_CYCLE else one.kind
            said.append(report.t.of(f"lede.{message}", {"share": abs(one.share), "way": way}))
    return said


def _tried(report: ValueReport) -> list[str]:
    """How far off the forecast was at earlier days, and whether a season is in it."""
    t, time, learnt = report.t, report.outlook.foundation.models.time, report.outlook.learnt["value"]
    season = [t("lede.season", years=time.season.years)] if time.is_used else []
    if not learnt.doubt.errors:
        return [*season, t("lede.not_tried")]
    return [*season, t("lede.tried", n=learnt.doubt.errors, share=learnt.error)]


def _lately(report: ValueReport) -> str:
    """By how much the last quarter ran off what would have been said before it, season included."""
    assert report.plan.audiences is not None
    off = report.plan.audiences.near.learnt["purchases"].last
    if not abs(off) >= NEWS:
        return ""
    return report.t("lede.recent_tried", share=abs(off), way="up" if off > 0 else "down")


def _error(evidence: Evidence) -> float:
    return evidence.model.total.mean / evidence.model.actual - 1


def _off_lately(report: ValueReport | UnpricedReport) -> float | None:
    """By how much the last weeks of the holdout ran above what was expected; None where nothing tells."""
    if report.evidence is None:
        return None
    last = report.evidence.model.tracking.tail(RECENT)[["actual", "expected"]].sum()
    return float(last["actual"] / last["expected"] - 1) if last["expected"] > 0 else None


def _recent(report: ValueReport | UnpricedReport) -> str:
    off = _off_lately(report)
    if off is None or abs(off) < NEWS:
        return ""
    way = "up" if off > 0 else "down"
    return report.t("lede.recent", span=span(report.t, RECENT, "W"), share=abs(off), way=way)


def _odd(report: ValueReport | UnpricedReport) -> str:
    if report.odd_dates:
        return report.t("lede.dates", span=report.odd_dates)
    return "" if report.forecast.tells_who_left else report.t("lede.nobody_leaves")


@section(small=small_form.kpis)
def kpis(report: ValueReport | UnpricedReport) -> Block:
    """What is to come, against last year, as margin, and for a customer."""
    t, found = report.t, report.kpis
    if not isinstance(report, ValueReport):
        buyers = report.details.chances["buyers"].sum()
        soon = blocks.kpi(t("tile.will_buy"), words.count(buyers), note=t("tile.expected"))
        purchases = report.forecast.purchases
        label = t("kpi.purchases_to_come", span=report.span)
        bounds = interval(t, purchases.lower, purchases.upper, "count")
        note = with_target(t, found["purchases_to_come"], bounds)
        return blocks.kpis(blocks.kpi(label, words.count(purchases.mean), note=note), soon)
    value, margin = found["value_to_come"], found["margin_to_come"]
    first = tile(t, value, past=past_of(report)) | _since(report)
    paid = blocks.kpi(
        t("tile.last_year", span=report.span), report.money(report.last_year), note=t("tile.all_customers")
    )
    note = t("tile.at_margin", share=report.plan.given.margin) if report.plan.given.margin else ""
    each = tile(t, found["value_per_customer"], t("tile.of_customers", n=value.n), past_of(report))
    return blocks.kpis(first, paid, tile(t, margin, note, past_of(report)), each)


def _since(report: ValueReport) -> dict[str, str]:
    growth = report.growth
    if growth is None:
        return {"change": report.t("tile.no_earlier")}
    way = "up" if growth.change > 0 else "down" if growth.change < 0 else "flat"
    said = report.t("tile.since", way=way, share=abs(growth.change), day=growth.day)
    return {"change": said, "direction": way}


@section(small=small_form.thanks)
def actions(report: ValueReport | UnpricedReport) -> Block:
    """What to do: the groups of every report, and here what keeping one may cost."""
    t = report.t
    if not isinstance(report, ValueReport):
        return blocks.actions(*_without_money(report))
    items = [
        action_of(t, one, report.plan, _ceiling(report) if one.id == BEST else "")
        for one in report.plan.actions
    ]
    if not items:
        items = [blocks.action(t("action.nothing.do"), t("action.nothing.why"))]
    return blocks.actions(*items[: blocks.MOST_ACTIONS])


def _ceiling(report: ValueReport) -> str:
    """What each of the best may still bring: the most that keeping one may cost."""
    assert report.plan.audiences is not None
    best, margin = report.plan.audiences.of(ACTIVE, BEST), report.plan.given.margin
    mean = float(best.value_to_come.mean().to_pyarrow().as_py() or 0.0)
    message = "action.ceiling_revenue" if margin is None else "action.ceiling"
    return report.t(message, value=mean * (1.0 if margin is None else margin), span=report.span)


def _without_money(report: UnpricedReport) -> list[dict[str, Any]]:
    t = report.t
    likely = int(report.details.chances.iloc[:2]["customers"].sum())
    items = [blocks.action(t("action.amounts_do"), t("action.amounts_why"), t("role.data_owner"))]
    if likely:
        due = t("action.due_do", n=likely)
        items.append(blocks.action(due, t("action.due_why"), t("role.campaigns")))
    return items


@section(small=small_form.regulars)
def findings(report: ValueReport | UnpricedReport) -> Block:
    """What the report found, each with the way to its proof."""
    t = report.t
    found: list[dict[str, str] | None] = [_tested(report), _buyers(report), _still(report)]
    if isinstance(report, ValueReport):
        share = report.forecast.tiers.spread.top_share
        found = [
            blocks.finding(t("finding.top", share=share), "tiers"),
            _fading(report) or _grown(report),
            *found,
        ]
    return blocks.findings(*(one for one in found if one))


def _buyers(report: ValueReport | UnpricedReport) -> dict[str, str]:
    """Who will buy soon: an expected number, with its range where there is one."""
    t = report.t
    if isinstance(report, ValueReport) and report.plan.audiences is not None:
        found = report.plan.audiences.near.buyers
        bounds = interval(t, found.lower, found.upper, "count")
        return blocks.finding(t("finding.buyers", n=found.mean, interval=bounds), "soon")
    return blocks.finding(t("finding.buyers_alone", n=report.details.chances["buyers"].sum()), "soon")


def _tested(report: ValueReport | UnpricedReport) -> dict[str, str]:
    t = report.t
    if isinstance(report, ValueReport):
        learnt = report.outlook.learnt["value"]
        if not learnt.doubt.errors:
            return blocks.finding(t("finding.no_holdout"), "held")
        return blocks.finding(t("finding.tried", n=learnt.doubt.errors, share=learnt.error), "held")
    if report.evidence is None or not report.evidence.model.actual:
        return blocks.finding(t("finding.no_holdout"), "held")
    error = _error(report.evidence)
    message = "held" if report.evidence.model.covered else "missed"
    slots: dict[str, Any] = {"share": abs(error), "way": "low" if error < 0 else "high"}
    return blocks.finding(t.of(f"finding.{message}", slots), "held")


def _fading(report: ValueReport) -> dict[str, str] | None:
    """That key accounts order less and less, where they do."""
    accounts = report.accounts
    if accounts is None or accounts.fading.empty:
        return None
    slots = {"n": len(accounts.fading), "of": len(accounts.accounts)}
    return blocks.finding(report.t.of("finding.fading", slots), "accounts")


def _grown(report: ValueReport) -> dict[str, str] | None:
    growth = report.growth
    if growth is None:
        return None
    if growth.new > 0:
        text = report.t("finding.growth", day=growth.day, new=growth.new, known=growth.known)
        shorter = report.t("finding.growth_new", day=growth.day, new=growth.new)
        return blocks.finding(text, "drift", shorter=shorter)
    way = "more" if growth.known > 0 else "less"
    text = report.t("finding.growth_known", day=growth.day, known=abs(growth.known), way=way)
    return blocks.finding(text, "drift")


def _still(report: ValueReport | UnpricedReport) -> dict[str, str]:
    t, lapsed, alive = report.t, report.kpis["customers_lapsed"], report.kpis["still_customers"]
    days = report.plan.given.definitions.lapsed_days
    if lapsed.value is not None and days is not None:
        return blocks.finding(t("finding.lapsed", lapsed=lapsed.value, n=lapsed.n, days=days), "status")
    if alive.value is not None:
        return blocks.finding(t("finding.still", alive=alive.value, n=alive.n), "status")
    return blocks.finding(t("finding.not_told"), "status")


@section(small=small_form.glossary)
def glossary(report: ValueReport | UnpricedReport) -> Block:
    """The words of the page."""
    return blocks.glossary(glossary_of(report.t, report.plan.given.definitions, WORDS))
