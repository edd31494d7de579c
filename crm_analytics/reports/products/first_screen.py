"""The manager's layer of the products report: the news, four numbers, what to do next, what was found."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses.calendar.outlook import BETWEEN, LEVEL, LEVEL_WEEKS
from crm_analytics.analyses.evidence import grade, told
from crm_analytics.pages import blocks
from crm_analytics.reports.products.offers import NEXT, SEASON
from crm_analytics.reports.products.placement import factor_range, percent_range, short, strongest
from crm_analytics.reports.products.report import ProductReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import action_of, glossary_of, interval, say, span, tile
from crm_analytics.reports.shared.trends import past_of
from crm_analytics.tables.days import span_of

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block

WORDS = (
    "revenue", "return_of_goods", "margin", "contact_cost", "contact_effect", "change", "popularity",
    "season_index", "affinity", "bought_before",
)  # fmt: skip
NO_SEASON = 0.05  # a season that moves the weeks by less is not spoken of
NEWS = 0.1  # a change smaller than this is no news, however sure


@section(small=small_form.headline)
def headline(report: ProductReport) -> Block:
    """What moved most beyond chance; else what the next weeks should bring; else what sells best."""
    return blocks.headline(
        _news(report), _lede(report), thin=not report.has_products, language=report.language,
        title=report.t("title"),
    )  # fmt: skip


def _news(report: ProductReport) -> str:
    t, moved = report.t, _mover(report)
    if moved is not None:
        slots = {
            "what": short(moved["name"]), "span": _span(report), "way": _way(moved["change"]),
            "share": abs(moved["change"]), "interval": moved["interval"],
        }  # fmt: skip
        return t.of("headline.moved", slots)
    due = report.kpis["sales_to_come"]
    change = due.against_year
    if change is not None and change.change is not None and due.value is not None:
        found = grade(change.change, change.lower, change.upper, max(due.n, 30))
        if found.is_news and abs(change.change) >= NEWS:
            slots = {
                "weeks": _weeks(report), "value": due.value, "way": _way(change.change),
                "share": abs(change.change),
                "interval": percent_range(report, change.lower or 0.0, change.upper or 0.0),
            }  # fmt: skip
            return t.of("headline.ahead.shown", slots)
    if report.popular is not None:
        row = report.popular.products.iloc[0]
        bounds = interval(t, row["lower"], row["upper"], "number:0")
        slots = {"what": short(report.name(row["product"]), 60), "rate": row["rate"], "interval": bounds}
        moves = report.moves
        still = moves is not None and "not told apart" not in set(moves.products["verdict"])
        return t.of("headline.steady" if still else "headline.best", slots)
    if due.value is not None:
        bounds = interval(t, due.lower, due.upper, report.currency)
        return t("headline.ahead.plain", weeks=_weeks(report), value=due.value, interval=bounds)
    return t("headline.nothing")


def _mover(report: ProductReport) -> Mapping[Hashable, Any] | None:
    """The category, or else product, that moved most beyond shop and season; None where none did."""
    for moves in (report.category_moves, report.moves):
        if moves is None:
            continue
        table = moves.products
        moved = told(table["verdict"] == "moves", "products.product_moved")
        clear = table[moved & table["upper"].map(pd.notna) & (table["before"] > 0)]
        for row in clear.to_dict("records"):
            change = float(row["ratio"]) - 1
            excludes = not row["lower"] <= 1 <= row["upper"]
            if abs(change) >= NEWS and excludes and row["upper"] != float("inf"):
                bounds = percent_range(report, row["lower"] - 1, row["upper"] - 1)
                return row | {"name": report.name(row["product"]), "change": change, "interval": bounds}
    return None


def _way(change: float) -> str:
    return "up" if change > 0 else "down"


def _span(report: ProductReport) -> str:
    return span(report.t, *span_of(report.plan.given.span.lstrip("-")))


def _weeks(report: ProductReport) -> str:
    return span(report.t, *span_of(report.kpis["sales_to_come"].period))


def _lede(report: ProductReport) -> list[str]:
    t, due, said = report.t, report.kpis["sales_to_come"], []
    moved = _mover(report)
    if moved is not None:
        shop = float(moved["shop"]) - 1
        share = abs(shop)
        said.append(t("lede.shop", way="flat" if share < 0.005 else _way(shop), share=share))
    if due.value is not None:
        bounds = interval(t, due.lower, due.upper, report.currency)
        slots = {"weeks": _weeks(report), "value": due.value, "interval": bounds}
        said.append(t("lede.ahead", **slots))
        if due.year_ago is not None:
            said.append(t("lede.year_ago", value=due.year_ago))
        said += _season_of_forecast(report)
    if not report.has_products:
        return [t("lede.no_products"), *said]
    again = report.kpis.get("bought_before_share")
    if again is not None and again.value is not None:
        said.append(t("lede.again", share=again.value))
    return said


def _season_of_forecast(report: ProductReport) -> list[str]:
    """How the forecast stands to the season that the page shows below it; nothing where none sets in."""
    found = report.ahead
    if found is None or found.way == BETWEEN or abs(found.season - 1) < NO_SEASON:
        return []
    holds = "in" if found.way != LEVEL else "out" if found.misses_season else "within"
    way, share = "more" if found.season > 1 else "less", abs(found.season - 1)
    return [report.t(f"lede.season_{holds}", way=way, share=share, weeks=LEVEL_WEEKS)]


@section(small=small_form.kpis)
def kpis(report: ProductReport) -> Block:
    """Sales to come, what is bought again, products in an order, what comes back."""
    t, found = report.t, report.kpis
    items = []
    for kpi in found.values():
        note = ""
        if kpi.value is not None and kpi.against_year is not None:
            note = t("tile.was", value=say(t, kpi.year_ago, kpi.unit))
        items.append(tile(t, kpi, note, past_of(report)))
    return blocks.kpis(*items)


@section(small=small_form.thanks)
def actions(report: ProductReport) -> Block:
    """Whom to write to and what to prepare, the most to gain first."""
    t, items = report.t, []
    for action in report.plan.actions:
        why = _why(report, action.id)
        items.append(action_of(t, action, report.plan, why, {"category": _season_of(report)}))
    items += [one for one in (_stock(report), _beside(report)) if one]
    if not items:
        items = [blocks.action(t("action.steady.do"), t("action.steady.why"))]
    return blocks.actions(*items[: blocks.MOST_ACTIONS])


def _season_of(report: ProductReport) -> str:
    action = next((one for one in report.plan.actions if one.id == SEASON), None)
    if action is None or action.audience is None:
        return ""
    row = action.audience.limit(1).to_pyarrow().to_pylist()
    return short(row[0]["product"]) if row else ""


def _why(report: ProductReport, action: str) -> str:
    t = report.t
    if action == NEXT and report.next is not None:
        row = _used(report)
        return t("action.next_product.why", recall=row["recall"], k=report.next.k)
    return t("action.season_offer.why")


def _used(report: ProductReport) -> Mapping[Hashable, Any]:
    assert report.next is not None
    table = report.next.evaluation
    (row,) = table[table["way"] == report.next.way].to_dict("records")
    return row


def _stock(report: ProductReport) -> dict[str, Any] | None:
    """The category whose next weeks differ most from the last ones, beyond their interval."""
    if report.ahead_by is None:
        return None
    t, table = report.t, report.ahead_by
    before = table["units_before"]
    outside = (table["units_lower"] > before) | (table["units_upper"] < before)
    clear = table[outside & (before > 0)]
    if clear.empty:
        return None
    row = clear.assign(gap=(clear["expected"] - clear["before"]).abs()).nlargest(1, "gap").iloc[0]
    more = row["units"] > row["units_before"]
    slots = {
        "category": short(row["category"]), "weeks": _weeks(report), "units": row["units"],
        "before": row["units_before"],
        "interval": interval(t, row["units_lower"], row["units_upper"], "count"),
    }  # fmt: skip
    message = "action.stock.more" if more else "action.stock.less"
    fact = {"id": "stock", "who": "buyers", "verb": "prepare", "whom": f"category={slots['category']}"}
    return blocks.action(t.of(message, slots), t.of("action.stock.why", slots), t("role.buyers"), fact=fact)


def _beside(report: ProductReport) -> dict[str, Any] | None:
    """The pair that is worth most beyond chance, to be shown together."""
    row = _pair(report)
    if row is None:
        return None
    t = report.t
    slots = {
        "one": short(report.name(row["product_a"]), 40), "other": short(report.name(row["product_b"]), 40),
        "orders": row["orders"], "expected": round(row["expected"]), "value": row["extra_margin"],
    }  # fmt: skip
    fact = {"id": "beside", "who": "buyers", "verb": "prepare", "whom": "pair=first"}
    return blocks.action(
        t.of("action.beside.do", slots), t.of("action.beside.why", slots), t("role.buyers"), fact=fact
    )


def _pair(report: ProductReport) -> pd.Series | None:
    if report.pairs is None:
        return None
    clear = told(report.pairs["verdict"] == "affinity", "products.pair")
    found = report.pairs[clear & ~report.pairs["is_bundle"]]
    found = found[found["extra_margin"] > 0]
    return None if found.empty else found.nlargest(1, "extra_margin").iloc[0]


@section(small=small_form.regulars)
def findings(report: ProductReport) -> Block:
    """What the report found, each with the way to its proof."""
    found = [_season(report), _together(report), _first(report), _next(report), _returned(report)]
    return blocks.findings(*[one for one in found if one][: blocks.MOST_FINDINGS])


def _season(report: ProductReport) -> dict[str, str]:
    t, months = report.t, report.category_months
    if months is not None and told(months.cells["clear"], "products.month").any():
        cells = months.cells[months.cells["clear"]]
        row = cells.nlargest(1, "index").iloc[0]
        slots = {"category": short(row["category"]), "month": t(f"month.{int(row['month'])}")}
        bounds = interval(t, row["lower"] / 100, row["upper"] / 100, "number:1")
        text = t.of("finding.category", slots | {"factor": row["index"] / 100, "interval": bounds})
        return blocks.finding(text, "category-months")
    found = report.calendar
    if found is None:
        return blocks.finding(t("finding.no_season"))
    row = strongest(found.months.months)
    bounds = factor_range(report, row["lower"], row["upper"])
    slots = {"month": t(f"month.{int(row['month'])}"), "factor": row["index"], "interval": bounds}
    if found.months.is_shown:
        return blocks.finding(t.of("finding.season", slots), "calendar")
    return blocks.finding(
        t("finding.season_flat" if found.months.is_firm else "finding.one_year"), "calendar"
    )


def _together(report: ProductReport) -> dict[str, str] | None:
    t, row = report.t, _pair(report)
    if report.together is None:
        return None
    if row is None:
        return blocks.finding(t("finding.no_pair"), "together")

    def said(letters: int) -> str:
        one, other = (short(report.name(row[key]), letters) for key in ("product_a", "product_b"))
        bounds = factor_range(report, row["lower"], row["upper"])
        return t.of(
            "finding.pair", {"one": one, "other": other, "lift": row["within_lift"], "interval": bounds}
        )

    return blocks.finding(said(22), "together", shorter=said(16))


def _first(report: ProductReport) -> dict[str, str] | None:
    t, found = report.t, report.first
    if found is None:
        return None
    clear = found.products[
        told(found.products["clear"], "products.first_product") & (found.products["difference"] > 0)
    ]
    if clear.empty:
        return blocks.finding(t("finding.first_alike"), "first")
    row = clear.iloc[0]
    slots = {"what": short(report.name(row["product"]), 24), "value": row["difference"]}
    bounds = interval(t, row["lower"], row["upper"], report.currency)
    text = t.of("finding.first", slots | {"interval": bounds})
    return blocks.finding(text, "first", shorter=t.of("finding.first_value", slots))


def _next(report: ProductReport) -> dict[str, str] | None:
    if report.next is None:
        return None
    message = "finding.next_model" if report.next.beats_baseline else "finding.next_rule"
    text = report.t.of(message, {"k": report.next.k, "share": _used(report)["recall"]})
    return blocks.finding(text, "next")


def _returned(report: ProductReport) -> dict[str, str] | None:
    t, found = report.t, report.returns
    if found is None:
        return None
    more = found.products[found.products["verdict"] == "more"]
    if more.empty:
        return blocks.finding(t("finding.returns_alike"), "returns")
    row = more.iloc[0]
    slots = {"what": short(report.name(row["product"]), 24), "rate": row["rate"], "usual": row["catalogue"]}
    return blocks.finding(t.of(f"finding.{row['kind']}", slots), "returns")


@section(small=small_form.glossary)
def glossary(report: ProductReport) -> Block:
    """The words of the page."""
    return blocks.glossary(glossary_of(report.t, report.plan.given.definitions, WORDS))
