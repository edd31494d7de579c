"""The lifecycle report below the first screen: stages, moves, times, forecast; each under its finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_analytics.analyses.lifecycle.rules import AT_RISK, LAPSED
from crm_analytics.pages import blocks, figures, words
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section

if TYPE_CHECKING:
    from crm_analytics.analyses.lifecycle import Flows
    from crm_analytics.pages.blocks import Block
    from crm_analytics.reports.lifecycle.report import LifecycleReport


TOO_SHORT = "There is no earlier period to compare with"
YOUNG = """ The data begin so late that in the earlier period few could have lapsed, and fewer have been won
    back: the two are not alike."""


@section(small=small_form.regulars)
def where_customers_stand(report: LifecycleReport) -> Block:
    """Customers by stage, now and at the beginning of the period, with the rule and the money."""
    sizes, money = report.staged.sizes, report.worth.drop(columns=["customers", "ahead"])
    table = sizes.merge(money, on="stage", how="left")
    context = None
    if report.flows:
        then = report.flows.sizes[["stage", "then"]].rename(columns={"then": "before"})
        table, context = table.merge(then, on="stage", how="left"), "before"
    best = table.nlargest(1, "revenue").iloc[0]
    columns = ["stage", "rule", "customers", "share", *(["before"] if context else []), "median_days"]
    columns += ["revenue", "revenue_share", *(["ahead_per_customer"] if report.chain else [])]
    data = table[columns].rename(
        columns={"median_days": "days_in_stage", "ahead_per_customer": "to_come_each"}
    )
    once = f" Grey: {report.weeks} weeks before, by the same rules." if context else ""
    return blocks.chart(
        figures.bars(table, "stage", "customers", context, [AT_RISK], fmt="count"),
        finding=f"{best['stage']}: {words.percent(best['share'], 0)} of {words.count(best['n'])} customers, "
        f"{words.percent(best['revenue_share'], 0)} of all revenue",
        data=data,
        caption="Each customer is in one stage: the first rule that fits, read from lapsed to active." + once,
        formats=dict.fromkeys(("customers", *([context] if context else [])), "count")
        | {"share": "percent", "days_in_stage": "number:0"}
        | {"revenue": report.currency, "revenue_share": "percent"}
        | ({"to_come_each": report.currency} if report.chain else {}),
    )


@section(part="flows", needs=TOO_SHORT, small=small_form.last_visits)
def how_stages_grew(report: LifecycleReport, flows: Flows) -> Block:
    """The account of each stage: there before, came, left, there now; against the period before."""
    sizes = flows.sizes
    known = bool(sizes["earlier_net"].notna().all())
    grown = sizes.iloc[int(sizes["net"].abs().to_numpy().argmax())]
    way = "gained" if grown["net"] > 0 else "lost"
    finding = (
        f"{grown['stage']} {way} most: {words.count(abs(grown['net']))} customers in {report.weeks} weeks"
    )
    if not grown["clear"]:
        finding = f"No stage is shown to have grown or shrunk in {report.weeks} weeks: as many came as left"
    elif known:
        finding += f", after {_signed(grown['earlier_net'])} in the {report.weeks} weeks before"
    columns = ["stage", "then", "came", "left", "now", "net"]
    columns += ["earlier_came", "earlier_left", "earlier_net"] if known else []
    return blocks.chart(
        figures.columns(
            sizes,
            "stage",
            ["net", "earlier_net"] if known else ["net"],
            {"net": f"last {report.weeks} weeks", "earlier_net": f"{report.weeks} weeks before"},
            fmt="count",
        ),
        finding=finding,
        data=sizes[columns],
        caption="Net change of each stage; the table has who came and who left. Then plus came less left is "
        "now: a customer who came and left within the period is in neither."
        + (YOUNG if known and not report.ripe(flows.before) else ""),
        formats=dict.fromkeys(columns[1:], "count"),
    )


def _signed(n: float) -> str:
    return f"{'+' if n > 0 else '−' if n < 0 else ''}{words.count(abs(n))}"


@section(part="flows", needs=TOO_SHORT, small=small_form.favourites)
def who_moved_where(report: LifecycleReport, flows: Flows) -> Block:
    """Where the customers of each stage stood a period later."""
    moves, matrix = flows.moves, flows.matrix()
    clear = moves[moves["clear"] & ~moves["thin"] & (moves["from_stage"] != moves["to_stage"])]
    if len(clear):
        row = clear.iloc[int(clear["difference"].abs().to_numpy().argmax())]
        finding = f"""From {row["from_stage"]} to {row["to_stage"]}: {words.percent(row["share"], 0)} in
            {report.weeks} weeks, {words.percent(row["earlier_share"], 0)} in the {report.weeks} before"""
    else:
        fate = moves[
            (moves["from_stage"] == AT_RISK) & (moves["to_stage"] == LAPSED) & (moves["customers"] > 0)
        ]
        finding = (
            f"{words.percent(fate['share'].iloc[0], 0)} of those at risk lapsed within {report.weeks} weeks"
            if len(fate)
            else "No move between stages is shown to be more or less frequent than before"
        )
    seen = moves[moves["from_customers"].notna() & (moves["customers"] > 0)]
    columns = ["from_stage", "to_stage", "customers", "from_customers", "share", "lower", "upper"]
    columns += ["earlier_share", "difference", "difference_lower", "difference_upper"] if flows.before else []
    return blocks.chart(
        figures.heatmap(matrix, fmt="percent:0", x_title=f"{report.weeks} weeks later", y_title="stage"),
        finding=finding,
        data=seen[columns],
        caption="Each row sums to 100 %. Intervals are 95 % each; a move counts as changed only by "
        "an interval that holds for all of them together. Rows with fewer than 30 customers say little."
        + _in_the_long_run(flows),
        formats={"customers": "count", "from_customers": "count"} | dict.fromkeys(columns[4:], "percent"),
    )


def _in_the_long_run(flows: Flows) -> str:
    stable = flows.stable()
    if stable.empty:
        return ""
    most = stable.nlargest(2)
    said = words.listing(f"{words.percent(share, 0)} {name}" for name, share in most.items())
    return f" If these moves went on and nobody new came, it would end at {said}."


@section(small=small_form.weekdays)
def how_long_they_stay(report: LifecycleReport) -> Block:
    """Median time in each stage with its interval; open spells count up to the day."""
    table = report.dwell.stages[~report.dwell.stages["thin"]].reset_index(drop=True)
    known = table[table["median_days"].notna()]
    if known.empty:
        return blocks.note("Half of no stage's customers have left it yet", "The history is too short.")
    row = known.iloc[int(known["median_days"].to_numpy().argmax())]
    columns = [
        "stage",
        "spells",
        "ended",
        "median_days",
        "lower",
        "upper",
        "left_within",
        "left_lower",
        "left_upper",
    ]
    days = dict.fromkeys(("median_days", "lower", "upper"), "number:0")
    return blocks.chart(
        figures.intervals(
            known, "stage", "median_days", "lower", "upper", highlight=[AT_RISK], suffix=" days"
        ),
        finding=f"Half of {row['stage']} spells last longer than {words.count(row['median_days'])} days",
        data=table[columns],
        caption="Kaplan-Meier median with 95 % interval; a stage whose half has not left yet has none. At "
        "risk ends by its rule, which is why its time is so even. Left within: share gone after "
        f"{report.dwell.horizon} days.",
        formats=days | {"spells": "count", "ended": "count"} | dict.fromkeys(columns[6:], "percent"),
    )


@section(small=small_form.when_models_begin)
def what_becomes_of_them(report: LifecycleReport) -> Block:
    """Where customers go from each stage, within the horizon."""
    exits = report.dwell.exits
    exits = exits[exits["spells"] >= 30]
    names = [s for s in report.dwell.stages["stage"] if s in set(exits["stage"])]
    across = [s for s in report.dwell.stages["stage"] if s in set(exits["to_stage"])]
    if not names:
        return blocks.note("What becomes of a stage says too little here", "Too few spells were seen.")
    grid = exits.pivot(index="stage", columns="to_stage", values="share_within").reindex(
        index=names, columns=across
    )
    lost = exits[(exits["stage"] == AT_RISK) & (exits["to_stage"] == LAPSED)]
    top = lost.iloc[0] if len(lost) else exits.nlargest(1, "share_within").iloc[0]
    saved = 1 - float(top["share_within"])
    return blocks.chart(
        figures.heatmap(grid, fmt="percent:0", x_title="next stage", y_title="stage"),
        finding=f"{words.percent(saved, 0)} of those who come to be at risk buy before they lapse"
        if len(lost)
        else f"{words.percent(top['share_within'], 0)} of {top['stage']} go on to {top['to_stage']}",
        data=exits[["stage", "to_stage", "moves", "spells", "share_within"]],
        caption=f"Next stage within {report.dwell.horizon} days of entering (Aalen-Johansen: spells still "
        "open count as long as they were seen). What is missing to 100 % stays.",
        formats={"moves": "count", "spells": "count", "share_within": "percent"},
    )
