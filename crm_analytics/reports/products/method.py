"""How the products report was made, and its numbers for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.kpis import FACTS_VERSION
from crm_analytics.pages import blocks
from crm_analytics.reports.products.report import ProductReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.handed_in import disagreement, earlier_run
from crm_analytics.reports.shared.null_worlds import wrong
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.small_form import SmallReport
from crm_analytics.reports.shared.tiles import effect_words

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block
    from crm_analytics.reports.shared.report import Report


@section(small=small_form.method)
def method(report: ProductReport) -> Block:
    """Definitions, tests and corrections, exclusions, what is missing."""
    t, base = report.t, report.base
    margin, counts = report.plan.given.margin, base.counts
    said = {
        "data": t(
            "method.data_text", rows=counts["rows"], first=base.first_day, last=base.day,
            rejected=counts["rejected"], returns=counts["returns"],
        ),
        "order": t("method.order_text"),
        "popular": t("method.popular_text"),
        "moves": t("method.moves_text"),
        "season": t("method.season_text"),
        "together": t("method.together_text"),
        "next": t("method.next_text"),
        "first": t("method.first_text"),
        "worth": t(
            "method.worth_text", effect=effect_words(t, report.plan),
            margin=t("method.margin_unknown") if margin is None else t("method.margin_known"),
        ),
        "previous": earlier_run(t, report.handed),
        **disagreement(t, report.handed, "products", report.plan.actions),
        "not_here": t("method.not_here_text"),
    }  # fmt: skip
    return blocks.method({t(f"method.{term}"): text for term, text in said.items()} | wrong(t, "products"))


def _small_record(report: SmallReport) -> Block:
    seen = report.seen
    return blocks.record(**_common(report), orders=seen.orders, revenue_to_date=seen.revenue)


def _common(report: Report) -> dict[str, Any]:
    return {"facts_version": FACTS_VERSION, **report.facts}


@section(small=_small_record)
def record(report: ProductReport) -> Block:
    """The key figures, for machines and for tests."""
    figures = [kpi.facts() for kpi in report.kpis.values()]
    found: dict[str, Any] = {}
    if report.popular is not None:
        found["products"] = len(report.popular.products)
    if report.moves is not None:
        found["products_moving"] = int((report.moves.products["verdict"] == "moves").sum())
    if report.together is not None:
        found["affinities"] = int((report.together.pairs["verdict"] == "affinity").sum())
    if report.next is not None:
        found |= {
            "next_product_way": report.next.way,
            "next_product_beats_baseline": report.next.beats_baseline,
        }
    return blocks.record(
        **_common(report),
        **{name: value for facts in figures for name, value in facts.items()},
        **found,
        contact_effect=report.plan.effect.value,
        contact_cost=report.plan.cost.amount,
    )
