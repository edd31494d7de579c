"""The manager's layer of the customer-equity report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses.evidence import grade
from crm_analytics.analyses.intervals import Z95
from crm_analytics.pages import blocks, figures, words
from crm_analytics.reports.customer_equity.brand_sections import driver_is_shown
from crm_analytics.reports.customer_equity.report import EquityReport
from crm_analytics.reports.customer_equity.sections import channels_were_tested, gain_is_shown
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import glossary_of, interval, plain_action, tile
from crm_analytics.reports.shared.trends import Past

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block

WORDS = ("margin", "contact_effect", "contact_cost", "revenue", "customer")
OWN_WORDS = (
    "customer_equity", "present", "future", "acquisition_cost", "return_on_customer", "inertia", "driver"
)  # fmt: skip
AS_NOW = 0.05  # a change of spend below this is none
TILES = ("customer_equity", "new_customer_value", "acquisition_cost", "return_on_customer")


@section(small=small_form.headline)
def headline(report: EquityReport) -> Block:
    """What customers are worth, and how that changed in a year."""
    t, firm = report.t, report.firm
    if firm is None:
        return blocks.headline(
            t("headline.none"), t("lede.none"), language=report.language, title=t("title"), thin=True
        )
    total = firm.total
    slots: dict[str, Any] = {
        "value": total.value,
        "interval": interval(t, total.lower, total.upper, report.currency),
        "years": firm.years,
        "present": firm.residual.value / total.value if total.value > 0 else 0.0,
    }
    change, low, high = _change(report)
    found = grade(change, low, high, firm.customers)
    if change is not None and found.is_news:
        slots |= {
            "way": words.direction(change, 0.0),
            "share": abs(change),
            "bounds": interval(t, low, high, "percent:0"),
        }
        sentence = t.of("headline.shown", slots)
    else:
        sentence = t.of("headline.plain" if total.value > 0 else "headline.negative", slots)
    return blocks.headline(sentence, _lede(report), language=report.language, title=t("title"))


def _change(report: EquityReport) -> tuple[float | None, float | None, float | None]:
    """Relative change of equity on a year ago, with its interval; the two fits are taken as independent."""
    if report.firm is None or report.before is None or report.before.total.value <= 0:
        return None, None, None
    now, then = report.firm.total, report.before.total
    change = now.value / then.value - 1
    error = (now.error**2 + (now.value / then.value * then.error) ** 2) ** 0.5 / then.value
    return change, change - Z95 * error, change + Z95 * error


def _lede(report: EquityReport) -> list[str]:
    t, firm = report.t, report.firm
    assert firm is not None
    money = "margin" if firm.margin is not None else "revenue"
    said = [t("lede.money", money=t(f"money.{money}"), years=firm.years, rate=firm.rate)]
    bounds = interval(t, *firm.new_customer_range, report.currency)
    slots = {"value": firm.new_customer, "interval": bounds, "money": t(f"money.{money}")}
    said.append(t.of("lede.new_customer", slots))
    if report.brands is not None:
        row = report.brands.table.iloc[0]
        bounds = interval(t, row["lower"], row["upper"], "percent:0")
        said.append(t("lede.brand", share=row["share"], interval=bounds))
    else:
        said.append(t("lede.no_brands"))
    return said


@section(small=small_form.kpis)
def kpis(report: EquityReport) -> Block:
    """Equity, what a new customer brings and costs, return on customer."""
    past = Past(report.given, report.handed)
    return blocks.kpis(*(tile(report.t, report.kpis[name], past=past) for name in TILES))


@section(small=small_form.thanks)
def actions(report: EquityReport) -> Block:
    """Where the next money should go, and what has to be tested first."""
    items = [one for one in (_spend(report), *_tests_to_begin(report)) if one]
    if not items:
        t = report.t
        items = [plain_action(t, "record", "data_owner", t("action.record"), t("action.record_why"))]
    return blocks.actions(*items[: blocks.MOST_ACTIONS])


def _spend(report: EquityReport) -> dict[str, Any] | None:
    """The measured lever that gets most; nothing where there is no money to split."""
    t, plan = report.t, report.budget
    if plan is None or plan.table.empty or plan.profit is None or not plan.budget:
        return None
    row = plan.table.nlargest(1, "spend").iloc[0]
    if row["spend"] <= 0:
        levers = " · ".join(_lever(report, name) for name in plan.table["lever"])
        return plain_action(t, "spend", "campaigns", t("action.stop", lever=levers), t("action.stop_why"))
    bounds = interval(t, plan.profit_lower, plan.profit_upper, report.currency)
    slots = {"spend": row["spend"], "lever": _lever(report, row["lever"]), "now": row["spend_now"]}
    as_now = abs(row["spend"] - row["spend_now"]) < AS_NOW * row["spend_now"]
    do = t.of("action.spend_as_now" if as_now else "action.spend", slots)
    why = t("action.spend_why" if gain_is_shown(plan) else "action.spend_chance")
    worth = t("action.worth", value=plan.profit, interval=bounds)
    return plain_action(t, "spend", "campaigns", do, why, f"budget={row['lever']}", worth)


def _tests_to_begin(report: EquityReport) -> list[dict[str, Any]]:
    """Two channels to test, where a test ends within half a year; else one word on all of them."""
    t, tests = report.t, report.budget.tests if report.budget else ()
    known = [one for one in tests if one.break_even is not None and one.weeks is not None]
    if tests and not known:
        do, why = t("action.wait", n=len(tests)), t("action.wait_why")
        return [plain_action(t, "test", "marketing", do, why, "untested=channels")]
    return [
        plain_action(
            t, f"test_{n}", "marketing", t("action.test", channel=one.name),
            t("action.test_why", n=one.break_even, weeks=one.weeks), f"untested={words.clean(one.name, 40)}",
        )
        for n, one in enumerate(sorted(known, key=lambda x: -(x.break_even or 0.0))[:2])
    ]  # fmt: skip


def _lever(report: EquityReport, name: str) -> str:
    message = f"lever.{name}"
    return report.t(message) if report.t.knows(message) else words.clean(name, 30)


@section(small=small_form.regulars)
def findings(report: EquityReport) -> Block:
    """What was found, each with the way to its proof."""
    t, firm = report.t, report.firm
    if firm is None:
        return blocks.findings(blocks.finding(t("finding.none")))
    total = firm.total.value
    found = [
        blocks.finding(t("finding.present", share=firm.residual.value / total), "equity")
        if total > 0
        else blocks.finding(t("finding.negative"), "equity"),
        _retention(report),
        _winning(report),
        _driver(report),
        _tests(report),
    ]
    return blocks.findings(*(one for one in found if one))


def _retention(report: EquityReport) -> dict[str, str]:
    t, firm = report.t, report.firm
    assert firm is not None
    row = firm.sensitivity.iloc[0]
    bounds = interval(t, row["lower"], row["upper"], report.currency)
    text = t("finding.retention", change=row["change"], interval=bounds)
    return blocks.finding(text, "one-per-cent", shorter=t("finding.retention_value", change=row["change"]))


def _winning(report: EquityReport) -> dict[str, str]:
    t, firm = report.t, report.firm
    assert firm is not None
    if firm.cost is None:
        return blocks.finding(t("finding.no_cost"))
    low, high = firm.new_customer_range
    message = "pays" if low > firm.cost else "pays_not" if high < firm.cost else "pays_perhaps"
    return blocks.finding(t(f"finding.{message}", value=firm.new_customer, cost=firm.cost), "winning")


def _driver(report: EquityReport) -> dict[str, str]:
    if report.brands is None:
        return blocks.finding(report.t("finding.no_survey"))
    row = report.brands.drivers.iloc[0]
    message = "finding.driver" if driver_is_shown(report.brands) else "finding.driver_chance"
    return blocks.finding(report.t(message, driver=words.clean(row["driver"], 24)), "drivers")


def _tests(report: EquityReport) -> dict[str, str]:
    plan = report.budget
    if plan is None:
        return blocks.finding(report.t("finding.no_spend"))
    if plan.tests:
        return blocks.finding(report.t("finding.unmeasured", n=len(plan.tests)), "tests")
    said = "finding.measured" if channels_were_tested(plan) else "finding.no_spend"
    return blocks.finding(report.t(said), "budget")


@section(small=small_form.favourites)
def where_equity_comes_from(report: EquityReport) -> Block:
    """Present customers against those still to be won."""
    t, firm = report.t, report.firm
    if firm is None:
        return blocks.note(t("equity.none"), report.why("firm"))
    parts = {"present": firm.present, "future": firm.future}
    if firm.contracts is not None:
        parts = {"purchases": firm.present, "contracts": firm.contracts, "future": firm.future}
    data = pd.DataFrame(
        [(t(f"part.{name}"), one.value, one.lower, one.upper) for name, one in parts.items()],
        columns=["part", "value", "lower", "upper"],
    )
    money = report.currency
    return (
        blocks.chart(
            figures.bars(data, y="part", x="value", fmt=money),
            finding=t(
                "equity.finding", present=firm.residual.value, future=firm.future.value, years=firm.years
            ),
            data=data,
            caption=t("equity.caption"),
            formats={"value": money, "lower": money, "upper": money},
            names={name: t(f"column.{name}") for name in data.columns},
        )
        .under(t("equity.label"))
        .anchored("equity")
    )


@section(small=small_form.glossary)
def glossary(report: EquityReport) -> Block:
    """The words of the page."""
    t = report.t
    own = {t(f"word.{name}"): t(f"meaning.{name}") for name in OWN_WORDS}
    return blocks.glossary(own | glossary_of(t, report.given.definitions, WORDS))
