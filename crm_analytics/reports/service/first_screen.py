"""The manager's layer of the service report: the news, four numbers, what to do, what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.evidence import Evidence, grade, may_claim, told
from crm_analytics.analyses.kpi import NUMBER
from crm_analytics.pages import blocks, words
from crm_analytics.reports.service.report import ServiceReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import action_of, glossary_of, interval, plain_action, say, span, tile
from crm_analytics.reports.shared.trends import past_of
from crm_analytics.tables.days import span_of

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block

WORDS = ("at_risk", "lapsed", "margin", "contact_effect", "change", "customer")
OWN_WORDS = ("ticket", "complaint", "first_reply", "business_time", "one_touch", "backlog", "target")
FOUR = 4  # numbers on the first screen
NEWS = 0.02  # a smaller change is no news
BUSY = 1.0  # tickets of the busiest hour, below which nobody plans a shift by it


@section(small=small_form.headline)
def headline(report: ServiceReport) -> Block:
    """How often customers need help, against a year ago."""
    t = report.t
    if report.tickets is None:
        sentence, lede = t("none.headline"), t("none.lede")
        return blocks.headline(sentence, lede, thin=True, language=report.language, title=t("title"))
    return blocks.headline(_news(report), _lede(report), language=report.language, title=t("title"))


def _news(report: ServiceReport) -> str:
    t, rate = report.t, report.kpis["contacts_per_100_orders"]
    length = span(t, *span_of(report.plan.given.span.lstrip("-")))
    if rate.value is None:
        n = report.kpis["tickets_opened"].value or 0
        return t("headline.plain_count", n=n, span=length)
    change = rate.against_year
    if change is None or change.change is None:
        return t("headline.no_year", rate=rate.value, span=length)
    found = grade(change.change, change.lower, change.upper, rate.n, kind="service.rate_changed")
    if not found.is_news or abs(change.change) < NEWS:
        return t("headline.steady", rate=rate.value)
    slots: dict[str, Any] = {
        "rate": rate.value,
        "share": abs(change.change),
        "way": "up" if change.change > 0 else "down",
        "interval": interval(t, change.lower, change.upper, "percent:0"),
    }
    return t.of("headline.shown", slots)


def _lede(report: ServiceReport) -> list[str]:
    t, found = report.t, report.kpis
    said = [t("lede.opened", n=found["tickets_opened"].value or 0,
              span=span(t, *span_of(report.plan.given.span.lstrip("-"))))]  # fmt: skip
    reply, done = found["first_reply_hours"].value, found["resolution_hours"].value
    if reply is not None and done is not None:
        said.append(t("lede.times", reply=reply, done=done))
    if report.cost is not None and report.cost.brought > 0:
        message = "lede.cost" if report.cost.is_margin else "lede.cost_revenue"
        said.append(t(message, cost=report.cost.total, share=report.cost.total / report.cost.brought))
    if report.summary is not None and report.summary.broken:
        said.append(t("lede.broken", n=report.summary.broken))
    return said


@section(small=small_form.kpis)
def kpis(report: ServiceReport) -> Block:
    """Contacts per 100 orders, first reply, satisfaction, open tickets; what the data hold of them."""
    t, found = report.t, report.kpis
    if report.tickets is None:
        return blocks.kpis(tile(t, found["tickets_opened"]))
    known = [kpi for kpi in found.values() if kpi.value is not None][:FOUR]
    return blocks.kpis(*(tile(t, kpi, _then(report, kpi.id), past_of(report)) for kpi in known))


def _then(report: ServiceReport, name: str) -> str:
    """What a figure was a year ago, where nothing is claimed of the change."""
    t, kpi = report.t, report.kpis[name]
    change = kpi.against_year or kpi.against_previous
    if change is None or change.change is not None:
        return ""
    message = "tile.was" if kpi.against_year else "tile.was_before"
    return t(message, value=say(t, change.before, kpi.unit))


@section(small=small_form.thanks)
def actions(report: ServiceReport) -> Block:
    """Whom to call, what to answer, which product to look into, when to be there."""
    t, plan = report.t, report.plan
    items = [action_of(t, action, plan) for action in report.own_actions]
    if (worst := _worst(report)) is not None:
        do = t("action.product.do", product=words.clean(worst["product"], 40))
        why = t("action.product.why", times=worst["ratio"])
        items.append(plain_action(t, "product", "service", do, why))
    busy = report.arrivals is not None and report.arrivals.is_uneven and may_claim("service.busy_hour")
    if report.arrivals is not None and busy and report.arrivals.peak["mean"] >= BUSY:
        peak = report.arrivals.peak
        bounds = interval(t, peak["lower"], peak["upper"], "number:1")
        do = t("action.staff.do", day=t(f"day.{int(peak['weekday'])}"), hour=int(peak["hour"]))
        why = t("action.staff.why", mean=peak["mean"], interval=bounds)
        items.append(plain_action(t, "staff", "service", do, why))
    if not items:
        items = [blocks.action(t("action.nothing.do"), t("action.none.why"))]
    return blocks.actions(*items[: blocks.MOST_ACTIONS])


def _worst(report: ServiceReport) -> dict[str, Any] | None:
    """The product with the most tickets beyond the others, where that is more than chance."""
    if report.products is None:
        return None
    bad = report.products[
        told(report.products["clear"], "service.product_tickets") & (report.products["ratio"] > 1)
    ]
    return None if bad.empty else {str(k): v for k, v in bad.iloc[0].items()}


@section(small=small_form.regulars)
def findings(report: ServiceReport) -> Block:
    """What the report found, each with the way to its proof."""
    if report.tickets is None:
        return blocks.findings(blocks.finding(report.t("none.headline")))
    found = [_times(report), _product(report), _cost(report), _leaving(report), _recovery(report)]
    return blocks.findings(*(one for one in found if one))


def _times(report: ServiceReport) -> dict[str, str]:
    t, kpi = report.t, report.kpis["first_reply_hours"]
    if kpi.value is None:
        return blocks.finding(t("finding.no_replies"), "times")
    bounds = interval(t, kpi.lower, kpi.upper, "number:1")
    return blocks.finding(t("finding.reply", hours=kpi.value, interval=bounds), "times")


def _product(report: ServiceReport) -> dict[str, str] | None:
    if report.products is None:
        return None
    worst = _worst(report)
    if worst is None:
        return blocks.finding(report.t("finding.no_product"), "products")
    name = words.clean(worst["product"], 30)
    return blocks.finding(report.t("finding.product", product=name, times=worst["ratio"]), "products")


def _cost(report: ServiceReport) -> dict[str, str] | None:
    cost = report.cost
    if cost is None:
        return None
    message = "finding.cost" if cost.is_margin else "finding.cost_revenue"
    return blocks.finding(report.t(message, n=cost.dear), "cost")


def _leaving(report: ServiceReport) -> dict[str, str] | None:
    if report.leaving is None:
        return None
    row = report.leaving.hazards.table.iloc[0]
    bounds = interval(report.t, row["lower"], row["upper"], f"{NUMBER}:1")
    shown = not row["lower"] <= 1 <= row["upper"]
    message = "finding.leaving" if shown else "finding.leaving_chance"
    slots = {"times": row["hazard_ratio"], "interval": bounds}
    return blocks.finding(report.t.of(message, slots), "leaving")


def _recovery(report: ServiceReport) -> dict[str, str] | None:
    found = report.recovery
    if found is None:
        return None
    t, effect = report.t, found.effect
    if found.evidence is Evidence.SHOWN:
        way = "up" if effect.value > 0 else "down"
        bounds = interval(t, 100 * effect.lower, 100 * effect.upper, "number:0")
        return blocks.finding(
            t("finding.recovery", points=abs(effect.value), way=way, interval=bounds), "recovery"
        )
    return blocks.finding(t("finding.recovery_chance", days=found.within), "recovery")


@section(small=small_form.glossary)
def glossary(report: ServiceReport) -> Block:
    """The words of the page."""
    t = report.t
    own = {t(f"own_word.{name}"): t(f"own_meaning.{name}") for name in OWN_WORDS}
    return blocks.glossary(own | glossary_of(t, report.plan.given.definitions, WORDS))
