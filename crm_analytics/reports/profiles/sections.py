"""The profiles report below the first screen: portfolio, moves, who matters, plays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses.disclosure import ON_A_PAGE, withheld
from crm_analytics.analyses.evidence import told
from crm_analytics.analyses.portfolio.portfolio import GROWABLE, VALUABLE, Portfolio
from crm_analytics.analyses.portfolio.strategic_customers import Significant
from crm_analytics.analyses.rfm.migration import NEW, THIN, Migration
from crm_analytics.pages import blocks, figures, words
from crm_analytics.reports.profiles.report import ProfilesReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.spoken import segment_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from crm_analytics.pages.blocks import Block

SHOWN = 10
PERCENT = "percent:0"


def names(report: ProfilesReport, *columns: str) -> dict[str, str]:
    """What columns are called on the page."""
    return {column: report.t(f"column.{column}") for column in columns}


def placed(block: Block, report: ProfilesReport, name: str) -> Block:
    """A section of the appendix under its label."""
    return block.under(report.t(f"{name}.label")).anchored(name).in_appendix()


def without(name: str) -> Callable[[ProfilesReport], Block]:
    """What a section says where its part is not in the data: one sentence with what to bring."""

    def said(report: ProfilesReport) -> Block:
        return placed(blocks.note(report.t(f"{name}.none")), report, name)

    return said


def _money_names(report: ProfilesReport, *columns: str) -> dict[str, str]:
    """Names of columns where the value to come is margin, if that is known."""
    found = report.portfolio
    called = names(report, *columns)
    return called | {"value": report.t("column.margin")} if found is not None and found.has_margin else called


def _segment(report: ProfilesReport, name: object) -> str:
    return report.t("moved.new") if name == NEW else segment_name(report.t, name)


@section(small=small_form.folded(small_form.last_visits))
def what_to_do_with_each_segment(report: ProfilesReport) -> Block:
    """The play of each segment, what it will bring, and how much may be spent on it."""
    t, table = report.t, report.plays
    shared = table["customers"] >= ON_A_PAGE  # money of fewer would be that of somebody
    few = bool(shared.any() and (~shared & (table["customers"] > 0)).any())
    table = table[shared if shared.any() else table["customers"] > 0].reset_index(drop=True)
    said = [t("plays.caption" if "ceiling" in table else "plays.caption_plain")]
    said += [t("plays.few", n=ON_A_PAGE)] if few else []
    wanted = ["segment", "customers", "value", "ceiling", "expected_value", "play"]
    if "value" not in table:
        wanted.insert(2, "revenue")
    columns = [column for column in wanted if column in table]
    money = [c for c in columns if c in ("revenue", "value", "ceiling", "expected_value")]
    if "ceiling" in table:
        best = table.nlargest(1, "ceiling").iloc[0]
        finding = t("plays.finding", segment=segment_name(t, best["segment"]), value=best["ceiling"])
    elif "value" in table:
        best = table.nlargest(1, "value").iloc[0]
        finding = t("plays.finding_value", segment=segment_name(t, best["segment"]), value=best["value"])
    else:
        best = table.nlargest(1, "revenue").iloc[0]
        finding = t("plays.finding_plain", segment=segment_name(t, best["segment"]), value=best["revenue"])
    shown = table[columns].assign(
        segment=[segment_name(t, name) for name in table["segment"]],
        play=[report.said("play", play) for play in table["play"]],
    )
    return blocks.table(
        shown,
        finding=finding,
        caption=" ".join(said),
        formats=dict.fromkeys(money, report.currency) | {"customers": "count"},
        names=names(report, *columns),
    ).under(t("plays.label")).anchored("plays")  # fmt: skip


@section(part="portfolio", needs=without("worth"), small=small_form.comes_with_models)
def who_is_worth_most(report: ProfilesReport, found: Portfolio) -> Block:
    """The portfolio in four groups: what they are expected to bring, and brought in their best year."""
    t, groups = report.t, found.groups.set_index("group")
    shown = found.groups[found.groups["customers"] > 0].reset_index(drop=True)
    columns = ["group", "customers", "value", "value_share", "gap", "cost_to_serve", "revenue", "play"]
    if (shown["cost_to_serve"] == 0).all():
        columns.remove("cost_to_serve")  # no table says what serving costs
    shown = shown.assign(
        group=[report.said("group", name) for name in shown["group"]],
        play=[report.said("play", play) for play in shown["play"]],
    )
    top, grow = groups.loc[VALUABLE], groups.loc[GROWABLE]
    said = [t("worth.caption_margin" if found.has_margin else "worth.caption", margin=found.margin)
            if found.has_margin else t("worth.caption")]  # fmt: skip
    if grow["customers"]:
        said.append(t("worth.gaps", top=top["gap"], grow=grow["gap"]))
    return placed(
        blocks.chart(
            figures.bars(
                shown, y="group", x="value", context="gap", highlight=[report.said("group", GROWABLE)],
                fmt=report.currency,
            ),
            finding=t("worth.finding", n=top["customers"], value=top["value"], share=top["value_share"]),
            data=shown[columns],
            caption=" ".join(said),
            formats={"customers": "count", "value_share": PERCENT}
            | {c: report.currency for c in columns if c in ("value", "gap", "cost_to_serve", "revenue")},
            names=_money_names(report, *columns),
        ),
        report,
        "worth",
    )  # fmt: skip


@section(part="migration", needs=without("moved"), small=small_form.folded(small_form.favourites))
def where_customers_moved(report: ProfilesReport, moves: Migration) -> Block:
    """The migration matrix between two days."""
    t, matrix = report.t, moves.matrix()
    sizes = moves.moves.drop_duplicates("from_segment").set_index("from_segment")["from_customers"]
    matrix = matrix.loc[[name for name in matrix.index if sizes[name] >= THIN]]
    thin = len(sizes) - len(matrix)
    data = withheld(moves.moves.drop(columns="thin"), ["revenue_before"], by="from_segment")
    data = data.assign(**{c: [_segment(report, s) for s in data[c]] for c in ("from_segment", "to_segment")})
    data = data.reset_index(drop=True)
    said = [t("moved.caption", then=moves.then), *([t("moved.thin", n=THIN)] if thin else [])]
    finding, columns = _net(report, moves), list(data.columns)
    formats: dict[str, Any] = dict.fromkeys(("share", "lower", "upper"), "percent")
    formats |= {"customers": "count", "from_customers": "count", "revenue_before": report.currency}
    if matrix.empty:
        block = blocks.table(data, finding=finding, caption=" ".join(said), formats=formats,
                             names=names(report, *columns))  # fmt: skip
        return placed(block, report, "moved")
    index = [f"{_segment(report, name)} · {words.count(sizes[name])}" for name in matrix.index]
    shown = matrix.set_axis(index).rename(columns=lambda name: _segment(report, name))
    text = shown.map(lambda share: words.percent(share, 0) if share >= 0.005 else "")
    return placed(
        blocks.chart(
            figures.heatmap(shown, text, x_title=t("moved.x", day=moves.now), fmt=PERCENT),
            finding=finding,
            data=data,
            caption=" ".join(said),
            formats=formats,
            names=names(report, *columns),
        ),
        report,
        "moved",
    )


def _net(report: ProfilesReport, moves: Migration) -> str:
    t, known = report.t, moves.net[(moves.net["before"] > 0) & told(moves.net["clear"], "")]
    if known.empty:
        return t("moved.finding_none", day=moves.then)
    row = known.iloc[int((known["net"] - known["growth"]).abs().to_numpy().argmax())]
    return t("moved.finding", segment=segment_name(t, row["segment"]), left=row["left"], came=row["came"],
             day=moves.then)  # fmt: skip


@section(part="significant", needs=without("matters"), small=small_form.comes_with_models)
def who_matters_and_why(report: ProfilesReport, found: Significant) -> Block:
    """Reasons why a customer is strategically significant, and how many have them."""
    t, known = report.t, found.reasons[found.reasons["customers"].notna()].reset_index(drop=True)
    unknown = int(found.reasons["customers"].isna().sum())
    if known.empty or not found.count:
        return without("matters")(report)
    said = [t("matters.caption")]
    if found.at_risk:
        said.append(t("matters.gone", n=found.at_risk, value=found.value_at_risk))
    if unknown:
        said.append(t("matters.unknown", n=unknown))
    shown = known.assign(
        reason=[report.said("reason", name) for name in known["reason"]],
        rule=[report.said("reason_is", name) for name in known["reason"]],
    )
    columns = ["reason", "customers", "value", "cost_to_serve", "rule"]
    if shown["cost_to_serve"].fillna(0).eq(0).all():
        columns.remove("cost_to_serve")
    return placed(
        blocks.table(
            shown[columns],
            finding=t("matters.finding", n=found.count, share=found.value_share),
            caption=" ".join(said),
            formats={"customers": "count"}
            | {c: report.currency for c in columns if c in ("value", "cost_to_serve")},
            names=_money_names(report, *columns),
        ),
        report,
        "matters",
    )


@section(part="significant", needs=without("after"), small=small_form.folded(small_form.weekdays))
def whom_to_look_after(report: ProfilesReport, found: Significant) -> Block:
    """The significant customers with most reasons and most value, by pseudonym."""
    if not found.count:
        return without("after")(report)
    t, table = report.t, found.customers
    top = report.base.collect(
        table.order_by([table.how_many.desc(), table.value.desc(), "customer_id"]).limit(SHOWN)
    )
    shown = pd.DataFrame({"customer": report.called(top["customer_id"])})
    shown["reasons"] = [
        ", ".join(report.said("reason", one) for one in str(said).split(", ")) for said in top["reasons"]
    ]
    columns = ["value", "revenue", "cost_to_serve", "probability_alive"]
    if (top["cost_to_serve"] == 0).all():
        columns.remove("cost_to_serve")
    shown = shown.join(top[columns])
    gone = int((top["probability_alive"] < 0.5).sum())
    return placed(
        blocks.table(
            shown,
            finding=t("after.finding_gone", n=len(top), gone=gone)
            if gone
            else t("after.finding", n=len(top)),
            caption=t("after.caption"),
            formats={c: report.currency for c in columns if c != "probability_alive"}
            | {"probability_alive": PERCENT},
            names=_money_names(report, *shown.columns),
        ),
        report,
        "after",
    )
