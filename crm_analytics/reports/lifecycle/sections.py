"""The lifecycle report below the first screen: stages, moves, times; each under its finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_analytics.analyses.evidence import told
from crm_analytics.analyses.lifecycle.flows import OUTSIDE
from crm_analytics.analyses.lifecycle.rules import AT_RISK, LAPSED
from crm_analytics.analyses.lifecycle.stage_history import PROSPECT
from crm_analytics.pages import blocks, figures
from crm_analytics.reports.lifecycle.first_screen import FEW, went
from crm_analytics.reports.lifecycle.report import LifecycleReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import interval, span

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from crm_analytics.analyses.lifecycle import Flows
    from crm_analytics.pages.blocks import Block

PERCENT = "percent:0"


def names(report: LifecycleReport, *columns: str) -> dict[str, str]:
    """What columns are called on the page."""
    return {column: report.t(f"column.{column}") for column in columns}


def without(name: str) -> Callable[[LifecycleReport], Block]:
    """What a section says where its part is not in the data: one sentence with what to bring."""

    def said(report: LifecycleReport) -> Block:
        return placed(blocks.note(report.t(f"{name}.none")), report, name)

    return said


def placed(block: Block, report: LifecycleReport, name: str) -> Block:
    """A section of the appendix under its label."""
    return block.under(report.t(f"{name}.label")).anchored(name).in_appendix()


@section(small=small_form.folded(small_form.last_visits))
def where_customers_stand(report: LifecycleReport) -> Block:
    """Customers by stage, now and at the beginning of the period, with what they brought and will bring."""
    t = report.t
    table = report.staged.sizes.merge(report.worth.drop(columns="customers"), on="stage", how="left")
    columns = ["stage", "customers", "share", "median_days", "revenue", "revenue_share"]
    bought = table["customers"].where(table["stage"] != PROSPECT)  # prospects are no customers yet
    table["share"] = bought / bought.sum()
    if report.flows:
        then = report.flows.sizes[["stage", "then"]].rename(columns={"then": "before"})
        table = table.merge(then, on="stage", how="left")
        columns.insert(2, "before")
    if "value" in table:
        table["to_come_each"] = table["value"] / table["customers"]
        columns.append("to_come_each")
    best = table.nlargest(1, "revenue").iloc[0]
    shown = report.named(table, "stage")
    context = "before" if report.flows else None
    formats = dict.fromkeys(("share", "revenue_share"), PERCENT)
    formats |= dict.fromkeys({"revenue", "to_come_each"} & set(columns), report.currency)
    formats |= dict.fromkeys({"customers", "before", "median_days"} & set(columns), "number:0")
    caption = t("stands.caption_before", span=span(t, report.weeks, "W")) if context else t("stands.caption")
    return blocks.chart(
        figures.bars(shown, "stage", "customers", context, [report.name(AT_RISK)], fmt="count"),
        finding=t(
            "stands.finding", stage=report.name(best["stage"]), people=best["share"],
            share=best["revenue_share"],
        ),
        data=shown[columns],
        caption=caption,
        formats=formats,
        names=names(report, *columns),
    ).under(t("stands.label")).anchored("stands")  # fmt: skip


@section(part="flows", needs=without("grew"), small=small_form.folded(small_form.favourites))
def how_stages_grew(report: LifecycleReport, flows: Flows) -> Block:
    """The account of each stage: there before, came, left, there now; against the period before."""
    t, sizes, length = report.t, flows.sizes, span(report.t, report.weeks, "W")
    known = bool(sizes["earlier_net"].notna().all())
    sizes = sizes.assign(clear=told(sizes["clear"], ""))
    grown = sizes.iloc[int(sizes["net"].abs().to_numpy().argmax())]
    way = "up" if grown["net"] > 0 else "down"
    finding = t("grew.finding", stage=report.name(grown["stage"]), way=way, n=abs(grown["net"]), span=length)
    if not grown["clear"]:
        finding = t("grew.finding_none", span=length)
    columns = ["stage", "then", "came", "left", "now", "net"]
    columns += ["earlier_came", "earlier_left", "earlier_net"] if known else []
    young = known and not report.ripe(flows.before)
    return placed(
        blocks.chart(
            figures.columns(
                report.named(sizes, "stage"),
                "stage",
                ["net", "earlier_net"] if known else ["net"],
                {"net": t("grew.now", span=length), "earlier_net": t("grew.before", span=length)},
                fmt="count",
            ),
            finding=finding,
            data=report.named(sizes[columns], "stage"),
            caption=t("grew.caption_young" if young else "grew.caption"),
            formats=dict.fromkeys(columns[1:], "count"),
            names=names(report, *columns),
        ),
        report,
        "grew",
    )


@section(part="flows", needs=without("moved"), small=small_form.folded(small_form.weekdays))
def who_moved_where(report: LifecycleReport, flows: Flows) -> Block:
    """Where the customers of each stage stood a period later."""
    t, moves, matrix = report.t, flows.moves, flows.matrix()
    matrix = matrix.rename(index=report.name, columns=report.name)
    seen = moves[moves["from_customers"].notna() & (moves["customers"] > 0)].reset_index(drop=True)
    columns = ["from_stage", "to_stage", "customers", "from_customers", "share", "lower", "upper"]
    columns += ["earlier_share", "difference", "difference_lower", "difference_upper"] if flows.before else []
    columns += ["year_share"] if flows.year else []
    points = [name for name in columns if name.startswith("difference")]
    seen = seen.assign(**{name: 100 * seen[name] for name in points})
    return placed(
        blocks.chart(
            figures.heatmap(
                matrix,
                fmt=PERCENT,
                x_title=t("moved.x", span=span(t, report.weeks, "W")),
                y_title=t("moved.y"),
            ),
            finding=_move(report, moves),
            data=report.named(seen[columns], "from_stage", "to_stage"),
            caption=t("moved.caption"),
            formats={"customers": "count", "from_customers": "count"}
            | dict.fromkeys(columns[4:], "percent")
            | dict.fromkeys(points, "number:1"),
            names=names(report, *columns),
        ),
        report,
        "moved",
    )


def _move(report: LifecycleReport, moves: pd.DataFrame) -> str:
    """The move whose frequency changed most beyond chance; else how many at risk lapsed."""
    t, length = report.t, span(report.t, report.weeks, "W")
    apart = (moves["from_stage"] != moves["to_stage"]) & (moves["from_stage"] != OUTSIDE)
    clear = moves[told(moves["clear"], "lifecycle.move_changed") & ~moves["thin"] & apart]
    if len(clear):
        row = clear.iloc[int(clear["difference"].abs().to_numpy().argmax())]
        return t(
            "moved.finding", first=report.name(row["from_stage"]), second=report.name(row["to_stage"]),
            share=row["share"], before=row["earlier_share"],
        )  # fmt: skip
    fate = moves[(moves["from_stage"] == AT_RISK) & (moves["to_stage"] == LAPSED) & (moves["customers"] > 0)]
    if len(fate) and float(fate["from_customers"].iloc[0]) >= FEW:
        row = fate.iloc[0]
        bounds = interval(t, row["lower"], row["upper"], PERCENT)
        return t("moved.finding_lapsed", share=row["share"], interval=bounds, span=length)
    return t("moved.finding_none" if report.flows and report.flows.year else "moved.finding_young")


@section(small=small_form.folded(small_form.when_models_begin))
def how_long_they_stay(report: LifecycleReport) -> Block:
    """Median time in each stage with its interval; open spells count up to the day."""
    t = report.t
    table = report.dwell.stages[~report.dwell.stages["thin"]].reset_index(drop=True)
    known = table[table["median_days"].notna()]
    if known.empty:
        return without("stay")(report)
    row = known.iloc[int(known["median_days"].to_numpy().argmax())]
    columns = ["stage", "spells", "ended", "median_days", "lower", "upper", "left_within"]
    columns += ["left_lower", "left_upper"]
    days = dict.fromkeys(("median_days", "lower", "upper"), "number:0")
    shown = report.named(known, "stage")
    return placed(
        blocks.chart(
            figures.intervals(
                shown, "stage", "median_days", "lower", "upper", highlight=[report.name(AT_RISK)], fmt="count"
            ),
            finding=t("stay.finding", stage=report.name(row["stage"]), days=row["median_days"]),
            data=report.named(table[columns], "stage"),
            caption=t("stay.caption", days=report.dwell.horizon),
            formats=days | {"spells": "count", "ended": "count"} | dict.fromkeys(columns[6:], "percent"),
            names=names(report, *columns),
        ),
        report,
        "stay",
    )


@section(small=small_form.comes_with_models)
def what_becomes_of_them(report: LifecycleReport) -> Block:
    """Where customers go from each stage, within the horizon."""
    t, exits = report.t, report.dwell.exits
    exits = exits[exits["spells"] >= FEW]
    order = report.dwell.stages["stage"]
    rows = [s for s in order if s in set(exits["stage"])]
    across = [s for s in order if s in set(exits["to_stage"])]
    if not rows:
        return without("becomes")(report)
    grid = exits.pivot(index="stage", columns="to_stage", values="share_within").reindex(
        index=rows, columns=across
    )
    lost = went(report, AT_RISK, LAPSED)
    top = exits.nlargest(1, "share_within").iloc[0]
    finding = t(
        "becomes.finding_top", stage=report.name(top["stage"]), to=report.name(top["to_stage"]),
        share=top["share_within"],
    )  # fmt: skip
    if lost is not None:
        bounds = interval(t, 1 - lost[2], 1 - lost[1], PERCENT)
        finding = t("becomes.finding", share=1 - lost[0], interval=bounds)
    columns = ["stage", "to_stage", "moves", "spells", "share_within"]
    return placed(
        blocks.chart(
            figures.heatmap(
                grid.rename(index=report.name, columns=report.name), fmt=PERCENT, x_title=t("becomes.x"),
                y_title=t("moved.y"),
            ),
            finding=finding,
            data=report.named(exits[columns], "stage", "to_stage").reset_index(drop=True),
            caption=t("becomes.caption", days=report.dwell.horizon),
            formats={"moves": "count", "spells": "count", "share_within": "percent"},
            names=names(report, *columns),
        ),
        report,
        "becomes",
    )  # fmt: skip
