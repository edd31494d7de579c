"""Brands, switching and drivers, where people were asked about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_analytics.analyses.equity.brand_equity import return_on
from crm_analytics.analyses.evidence import grade
from crm_analytics.pages import blocks, figures, words
from crm_analytics.reports.customer_equity.report import Brands, EquityReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.small_form import SmallReport
from crm_analytics.reports.shared.tiles import interval

if TYPE_CHECKING:
    import pandas as pd

    from crm_analytics.pages.blocks import Block

FEW = small_form.too_few("small.not_yet.brands")


def _none(report: EquityReport | SmallReport) -> Block:
    if isinstance(report, SmallReport):
        return FEW(report)
    return blocks.note(report.t("brands.none"), report.why("brands")).in_appendix()


@section(part="brands", needs=_none, small=FEW)
def brands(report: EquityReport, found: Brands) -> Block:
    """Customer equity of each brand."""
    t, table = report.t, found.table
    own = table.iloc[0]
    bounds = interval(t, own["lower"], own["upper"], "percent:0")
    n = found.fitted.survey.respondents
    return (
        blocks.chart(
            figures.bars(table, y="brand", x="share", fmt="percent:0", highlight=[]),
            finding=t("brands.finding", brand=found.own, share=own["share"], interval=bounds),
            data=table,
            caption=t("brands.caption", n=n, population=found.fitted.market.population),
            formats={"equity": report.currency, "share": "percent", "lower": "percent", "upper": "percent"},
            names={name: t(f"column.{name}") for name in table.columns},
        )
        .under(t("brands.label"))
        .anchored("brands")
        .in_appendix()
    )


@section(part="brands", needs=_none, small=FEW)
def switching(report: EquityReport, found: Brands) -> Block:
    """Which brand is bought after which."""
    t, matrix = report.t, found.fitted.switching()
    stays = float(matrix[found.own].loc[found.own])
    data = matrix.reset_index(names="after")
    return (
        blocks.chart(
            figures.heatmap(matrix, x_title=t("switching.x"), y_title=t("switching.y"), fmt="percent:0"),
            finding=t("switching.finding", brand=found.own, share=stays),
            data=data,
            caption=t("switching.caption", inertia=found.fitted.inertia),
            formats={str(name): "percent" for name in matrix.columns},
            names={"after": t("column.after")} | {str(b): words.clean(b, 40) for b in matrix.columns},
        )
        .under(t("switching.label"))
        .anchored("switching")
        .in_appendix()
    )


def _returns(report: EquityReport, top: pd.Series) -> str:
    """What the best driver returns at the cost that was given; what it may cost where none was."""
    t, cost = report.t, report.improvement_cost
    if not cost:
        return t("drivers.pays")
    low, high = (return_on(float(top[end]), cost) for end in ("gain_lower", "gain_upper"))
    bounds = t("interval", low=words.percent(low, 0), high=words.percent(high, 0))
    message = "drivers.returns_not_shown" if low <= 0 <= high else "drivers.returns"
    return t(message, cost=cost, share=return_on(float(top["gain"]), cost), bounds=bounds)


def driver_is_shown(found: Brands) -> bool:
    """Whether a better rating of the first driver is shown to bring anything."""
    top = found.drivers.iloc[0]
    n = found.fitted.survey.respondents
    return grade(top["gain"], top["gain_lower"], top["gain_upper"], n).is_news


@section(part="brands", needs=_none, small=FEW)
def drivers(report: EquityReport, found: Brands) -> Block:
    """What a better rating of each driver would bring."""
    t, money = report.t, report.currency
    table = found.drivers.assign(equity_type=[t(f"equity_type.{x}") for x in found.drivers["equity_type"]])
    top = table.iloc[0]
    message = "drivers.finding" if driver_is_shown(found) else "drivers.finding_not_shown"
    caption = f"{t('drivers.caption')} {_returns(report, top)}"
    if len(found.fitted.inflated):
        named = words.listing([words.clean(x, 30) for x in found.fitted.inflated.index])
        caption = f"{caption} {t('drivers.collinear', drivers=named)}"
    return (
        blocks.chart(
            figures.bars(table, y="driver", x="gain", fmt=money),
            finding=t(message, driver=top["driver"], gain=top["gain"],
                      interval=interval(t, top["gain_lower"], top["gain_upper"], money)),
            data=table,
            caption=caption,
            formats={"utility": "number:2", "share": "percent", "rating": "number:2",
                     "best_other": "number:2",
                     "elasticity": "number:2", "gain": money, "gain_lower": money, "gain_upper": money},
            names={name: t(f"column.{name}") for name in table.columns},
        )
        .under(t("drivers.label"))
        .anchored("drivers")
        .in_appendix()
    )  # fmt: skip
