"""The journey report below the first screen: the ways customers take, and what buyers do differently."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pandas as pd
import plotly.graph_objects as go

from crm_analytics.analyses.journey import PURCHASE, Journey, daily_states
from crm_analytics.analyses.journey.before_purchase import before_purchase
from crm_analytics.pages import blocks, curves, figures, words
from crm_analytics.pages.blocks import Block
from crm_analytics.pages.theme import ACCENT, ACCENT_SOFT, CONTEXT, CONTEXT_SOFT, INK
from crm_analytics.reports.journey.report import FEW, NOT_TRACKED, JourneyReport, Period
from crm_analytics.reports.shared.report import attempt
from crm_analytics.reports.shared.section import section

DEEP = 5  # columns of the diagram
RARE = 0.02  # of visits: a step that fewer take at a place is drawn as "other"
ENDED = "(ends)"
KEPT = 0.05  # of visits out of turn: below, the order is kept
STATE_NAMES = {
    "active": "active on the day",
    "at_risk_wau": "silent up to a week",
    "at_risk_mau": "silent up to a month",
    "dormant": "silent for longer",
}


def _of_visits(now: Period) -> Journey:
    """Each visit with a tracked step as a path: a purchase in a shop shows no way."""
    visits = now.journey.sessions()
    tracked_ones = visits.table.filter(visits.table.source == 0).select("path").distinct()
    return replace(visits, table=visits.table.semi_join(tracked_ones, "path")).kept()


@section(part="tracked", needs=NOT_TRACKED, small=FEW)
def ways_through_a_visit(report: JourneyReport, now: Period) -> Block:
    """The first steps of each session as a diagram; whatever is rare flows through "other"."""
    ways = _of_visits(now).variants(DEEP)
    table = _flows(ways)
    ended = int(table.loc[(table["step"] == 1) & (table["to"] == ENDED), "visits"].sum())
    visits = int(ways["paths"].sum())
    return blocks.chart(
        _sankey(table),
        finding=f"{words.percent(ended / visits, 0)} of {words.plural(visits, 'tracked visit')} end after "
        f"one kind of step",
        data=table,
        caption=f"The first {DEEP} different steps of each visit (a silence of "
        f"{words.number(now.journey.session_minutes, 0)} minutes ends it), repeats folded; a step that fewer "
        f"than "
        f"{words.percent(RARE, 0)} of visits take there is “other”, so that every visit is in it.",
        formats={"visits": "count", "of": "count", "share": "percent"},
    )


def _flows(ways: pd.DataFrame) -> pd.DataFrame:
    """step, from, to, visits, of, share of the first steps; rare ones are "other"."""
    places: dict[tuple[int, str], int] = {}
    for variant, paths in zip(ways["variant"], ways["paths"], strict=True):
        for k, event in enumerate(variant):
            places[k, event] = places.get((k, event), 0) + int(paths)
    least = RARE * int(ways["paths"].sum())
    flows: dict[tuple[int, str, str], int] = {}
    for variant, paths in zip(ways["variant"], ways["paths"], strict=True):
        named = [event if places[k, event] >= least else "other" for k, event in enumerate(variant)]
        named += [ENDED] * (DEEP - len(named))
        for k, (one, two) in enumerate(pairwise(named)):
            if one != ENDED:
                flows[k, one, two] = flows.get((k, one, two), 0) + int(paths)
    table = pd.DataFrame(
        [(k + 1, one, two, n) for (k, one, two), n in sorted(flows.items())],
        columns=["step", "from", "to", "visits"],
    )
    table["of"] = table.groupby(["step", "from"])["visits"].transform("sum")
    table["share"] = table["visits"] / table["of"]
    return table


def _sankey(table: pd.DataFrame) -> go.Figure:
    ends = [(int(s), f) for s, f in zip(table["step"], table["from"], strict=True)]
    ends += [(int(s) + 1, t) for s, t in zip(table["step"], table["to"], strict=True)]
    nodes = sorted(set(ends))
    place = {node: i for i, node in enumerate(nodes)}
    good = [name == PURCHASE for _, name in nodes]
    figure = go.Figure()
    figure.add_sankey(
        arrangement="snap",
        node={
            "label": [name for _, name in nodes],
            "color": [ACCENT if g else CONTEXT for g in good],
            "pad": 14,
            "thickness": 12,
            "line": {"width": 0},
        },
        link={
            "source": [place[int(s), f] for s, f in zip(table["step"], table["from"], strict=True)],
            "target": [place[int(s) + 1, t] for s, t in zip(table["step"], table["to"], strict=True)],
            "value": table["visits"].tolist(),
            "color": [ACCENT_SOFT if t == PURCHASE else CONTEXT_SOFT for t in table["to"]],
        },
        textfont={"color": INK, "size": 13},
    )
    figure.update_layout(height=420, margin={"l": 6, "r": 6, "t": 10, "b": 10})
    return figure


@section(part="tracked", needs=NOT_TRACKED, small=FEW)
def step_by_step(report: JourneyReport, now: Period) -> Block:
    """Which share of visits is where, step by step around the first purchase."""
    made = _of_visits(now)
    if PURCHASE not in set(made.events()["event"]):
        return blocks.note("No purchase was made in a tracked visit")
    table = made.steps(PURCHASE, before=4, after=2)
    wide = table.pivot(index="event", columns="step", values="share").fillna(0.0)
    wide = wide.drop(columns=0)
    names = {"path_start": "(not begun)", "path_end": "(ended)"}
    order = wide.max(axis=1).sort_values(ascending=False, kind="stable").index[:9]
    wide = wide.loc[order].rename(index=names)
    wide.columns = [f"{int(k):+d}".replace("-", "−") for k in wide.columns]
    of = int(table["of"].iloc[0])
    one_before = table[(table["step"] == -1) & (table["event"] != "path_start")]
    alone = table[(table["step"] == -1) & (table["event"] == "path_start")]["share"].sum()
    finding = f"{words.percent(alone, 0)} of tracked visits with a purchase have no step before it"
    if len(one_before) and one_before["share"].max() > alone:
        top = one_before.nlargest(1, "share").iloc[0]
        finding = f"The step before a purchase is “{top['event']}” in {words.percent(top['share'])} of visits"
    return blocks.chart(
        figures.heatmap(wide, fmt="percent:0", x_title="steps from the purchase", y_title=""),
        finding=finding,
        data=wide.reset_index(names="step"),
        caption=f"Share of {words.plural(of, 'tracked visit')} with a purchase; each column sums to 100 % "
        "with the events left out.",
        formats=dict.fromkeys(wide.columns, "percent"),
    )


@section(part="tracked", needs=NOT_TRACKED, small=FEW)
def what_buyers_do_differently(report: JourneyReport, now: Period) -> Block:
    """Share of buyers who had done a thing at their first purchase, less that of others at the same step."""
    missing: dict[str, str] = {}
    found = attempt(missing, "buyers", lambda: before_purchase(now.journey))
    if found is None:
        return blocks.note(
            "What buyers do differently cannot be told",
            f"{missing['buyers'][:1].upper()}{missing['buyers'][1:]}.",
        )
    table = found.events.head(10)
    clear = table[table["clear"]]
    if len(clear):
        top = clear.iloc[0]
        more = "more" if top["difference"] > 0 else "less"
        finding = f"""Buyers have done “{top["event"]}” {more} often than others at the same step:
            {words.percent(top["share"], 0)} against {words.percent(top["elsewhere"], 0)}"""
    else:
        finding = f"""Nothing is shown to set buyers apart: {words.plural(found.buyers, "buyer")} had done
            about what others at the same step had"""
    return blocks.chart(
        curves.intervals(
            table,
            "event",
            "difference",
            "lower",
            "upper",
            reference=0.0,
            reference_label="same",
            fmt="percent:0",
        ),
        finding=finding,
        data=table.rename(columns={"of": "of_buyers", "share": "of_them", "elsewhere": "at_the_same_step"}),
        caption=f"""Each first purchase is compared with all who had taken as many steps in the same week and
            had not bought; points with 95 % intervals, corrected for {words.count(len(found.events))} events
            (Holm). What goes with buying need not cause it.""",
        formats={
            "buyers": "count",
            "of_buyers": "count",
            "of_them": "percent",
            "at_the_same_step": "percent",
            "difference": "percent",
            "lower": "percent",
            "upper": "percent",
            "lift": "number:2",
            "p_adjusted": "number:4",
        },
    )


@section(part="tracked", needs=NOT_TRACKED, small=FEW)
def against_the_expected_journey(report: JourneyReport, now: Period) -> Block:
    """How far visits that reach the funnel follow the expected order."""
    visits = _of_visits(now)
    have = set(visits.events()["event"])
    expected = [step for step in now.steps if step in have]
    if len(expected) < 2:
        return blocks.note("No order is expected: fewer than two steps of the funnel are taken in visits")
    begun = visits.matches(f"[{'|'.join(expected)}]")
    begun = begun.filter(begun.matched)
    some = replace(visits, table=visits.table.semi_join(begun, "path")).kept()
    found = some.conformance(expected)
    table = found.steps.assign(skipped=found.steps["share"] - found.steps["in_turn_share"])
    ahead = table.nlargest(1, "skipped").iloc[0]
    return blocks.chart(
        figures.columns(
            table,
            "event",
            ["in_turn_share", "share"],
            {"in_turn_share": "after all steps before", "share": "at all"},
            fmt="percent:0",
        ),
        finding=f"""“{ahead["event"]}” comes most often out of turn: {words.percent(ahead["skipped"], 0)} of
            visits skip a step before it"""
        if ahead["skipped"] >= KEPT
        else "Visits keep the expected order; "
        f"{words.percent(found.whole / found.of, 0)} go through to the end",
        data=table,
        caption=f"Of {words.plural(found.of, 'tracked visit')} with a step of the funnel, "
        f"{words.count(found.whole)} take "
        f"all of them in order; on average {words.percent(found.mean, 0)} of the expected steps are taken in "
        f"order (95 % {words.interval(found.lower, found.upper, 'percent')}; longest common subsequence).",
        formats={
            "taken": "count",
            "of": "count",
            "in_turn": "count",
            **dict.fromkeys(("share", "lower", "upper", "in_turn_share", "skipped"), "percent"),
        },
    )


@section(small="Too few customers for states over time")
def who_is_awake(report: JourneyReport) -> Block:
    """Customers by state on the last day of each week of the period."""
    table = daily_states(report.base)
    active = table["state"].isin(["new", "current", "reactivated", "resurrected"])
    table["shown"] = table["state"].where(~active, "active")
    wide = table.pivot_table(index="day", columns="shown", values="customers", aggfunc="sum")
    wide = wide[wide.index > pd.Timestamp(report.now.after)]
    weeks = wide.iloc[::-1].iloc[::7].iloc[::-1]
    first, last = weeks.iloc[0], weeks.iloc[-1]
    known = [name for name in STATE_NAMES if name in weeks and name != "active"]
    awake = 1 - last["dormant"] / last.sum()
    return blocks.chart(
        curves.lines(weeks.reset_index(), "day", known, names=STATE_NAMES, fmt="count"),
        finding=f"""{words.percent(awake, 0)} of {words.plural(last.sum(), "customer")} did something in the
            last month; {words.percent(1 - first["dormant"] / first.sum(), 0)} did at the beginning""",
        data=weeks.reset_index(),
        caption="""Last step of any kind (events and purchases), on the same weekday of every week; the table
            has also those active on the day itself.""",
        formats={"day": "date:short", **dict.fromkeys(weeks.columns, "count")},
    )
