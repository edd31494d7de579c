"""Who will buy soon, whether such chances came true, and whether busy customers spend more on a purchase."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_analytics.pages import blocks, figures, words
from crm_analytics.reports.lifetime_value.placement import (
    names,
    noted,
    placed,
    translated,
    without_money,
)
from crm_analytics.reports.lifetime_value.report import UnpricedReport, ValueReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import interval

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block
    from crm_analytics.reports.lifetime_value.forecast import Forecast

LEAST = 0.03  # of a rank correlation away from what independence shows


@section(small=small_form.comes_with_models)
def who_will_buy(report: ValueReport | UnpricedReport) -> Block:
    """Customers by the chance that they buy in the next quarter, and whether such chances came true."""
    t, chances = report.t, report.details.chances
    customers, buyers = chances["customers"].sum(), chances["buyers"].sum()
    frame = chances.assign(
        chance=[translated(t, "chance", name) for name in chances["chance"]],
        share_of_buyers=chances["buyers"] / buyers if buyers else 0.0,
        customer_share=chances["customers"] / customers,
    )
    columns = ["chance", "customers", "buyers", "alive"]
    block = blocks.chart(
        figures.bars(frame, y="chance", x="share_of_buyers", context="customer_share", fmt="percent:0"),
        finding=t("soon.finding", buyers=buyers, n=customers),
        data=frame[columns],
        caption=" ".join([t("soon.caption"), *_proved(report)]),
        formats=dict.fromkeys(("buyers", "alive"), "count"),
        names=names(report, *columns),
    )
    return placed(report, block, "soon")


def _proved(report: ValueReport | UnpricedReport) -> list[str]:
    """Whether such chances came true in the holdout."""
    if report.evidence is None:
        return []
    found = report.evidence.chances
    expected = (found.table["predicted"] * found.table["customers"]).sum()
    day = report.evidence.base.day
    return [report.t("soon.proved", day=day, expected=expected, came=found.buyers)]


@section(part="priced", needs=without_money("spend", "spend"), small=small_form.comes_with_models)
def spend_and_frequency(report: ValueReport, forecast: Forecast) -> Block:
    """Spend on a purchase by how often customers buy, and what that does to the value."""
    t, found, banded = report.t, report.details.dependence, report.details.banded_value
    if found is None:
        return noted(report, "spend", "small.models", "small.models_why")
    frame, money = found.bands.drop(columns="ratio"), report.currency
    gap = found.test.spearman - found.expected_spearman
    linked = found.p < 0.05 and abs(gap) >= LEAST
    way = "more" if gap > 0 else "less"
    bounds = interval(t, found.test.lower, found.test.upper, "number:2")
    said = [
        t("spend.caption", rho=found.test.spearman, interval=bounds, null=found.expected_spearman),
        *([t("spend.worth", value=banded)] if banded is not None and not words.is_unknown(banded) else []),
    ]
    columns = [str(c) for c in frame.columns]
    block = blocks.chart(
        figures.columns(
            frame,
            x="band",
            ys=["actual", "independent"],
            names={"actual": t("column.actual"), "independent": t("column.independent")},
            x_title=t("column.band"),
            fmt=money,
        ),
        finding=t("spend.finding_more", way=way) if linked else t("spend.finding_same"),
        data=frame,
        caption=" ".join(said),
        formats={c: money for c in columns if c in ("actual", "lower", "upper", "independent", "predicted")},
        names=names(report, *(c for c in columns if report.t.knows(f"column.{c}"))),
    )
    return placed(report, block, "spend")
