"""The journey report below the first screen: the map, the funnel and what hurts."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from crm_analytics.analyses.journey import journey_map
from crm_analytics.analyses.levels import ON_A_PAGE
from crm_analytics.pages import blocks, curves, figures, words
from crm_analytics.pages.blocks import Block
from crm_analytics.pages.journey.first_screen import points, worst_step
from crm_analytics.pages.journey.report import (
    STAGE_NAMES,
    JourneyReport,
    Period,
    kinds_of_customers,
    tracked,
)
from crm_analytics.pages.small_form import or_small, too_few

FEELINGS_FROM = 30  # scores of a stage; below, the mean says nothing
SHARE = {"share": "percent", "lower": "percent", "upper": "percent"}


def called(stage: str) -> str:
    """A stage in words."""
    return STAGE_NAMES.get(stage, stage)


@or_small(too_few("Too few customers for a map"))
def the_map(report: JourneyReport) -> Block:
    """One column a stage: who is there, who goes on, how long it takes, how it feels, what it is worth."""
    now, days = report.now, words.number(report.within, 0)
    table = points(now)
    best = table.iloc[0] if len(table) else None
    seen = now.map.stages[now.map.stages["present"] > 0]
    columns = {called(str(row["stage"])): _column(report, row) for _, row in seen.iterrows()}
    finding = (
        "No stage is old enough to say who goes on"
        if best is None
        else f"One point more who go on from {called(best['stage'])} to {called(best['next_stage'])} is "
        f"worth "
        f"{report.money(best['worth_of_a_point'])}"
    )
    return blocks.table(
        pd.DataFrame(columns).rename_axis("measure").reset_index(),
        finding=finding,
        caption=f"“Goes on”: of those who reached the stage at least {days} days before "
        f"{words.date(report.base.day)}, who came to the next within {days} days (95 % interval). Money: "
        f"what "
        f"those who went on spent in {days} days from then on; a ceiling, for those who did not may be "
        f"others. "
        "Feeling: distance from the mean of each instrument in standard deviations, 0 is average.",
    )


def _column(report: JourneyReport, row: pd.Series) -> dict[str, str]:
    wide = words.interval(row["lower"], row["upper"], "percent:0")
    felt = words.UNKNOWN
    if row["scores"] >= FEELINGS_FROM:
        span = words.interval(row["emotion_lower"], row["emotion_upper"], "number:2")
        felt = f"{words.number(row['emotion'], 2)} ({span}), {words.plural(row['scores'], 'score')}"
    elif row["scores"]:
        felt = f"too few: {words.plural(row['scores'], 'score')}"
    return {
        "Have a step here": f"{words.count(row['present'])} of {words.count(row['paths'])}",
        "Next": called(row["next_stage"]),
        "Goes on": f"{words.percent(row['conversion'], 0)} ({wide}) of {words.count(row['of'])}"
        if row["of"]
        else "nobody had so long",
        "Days until then": f"{words.number(row['days_median'], 1)}; nine in ten within "
        f"{words.number(row['days_q90'], 0)}"
        if row["went_on"]
        else words.UNKNOWN,
        "Steps of a customer": words.number(row["steps_per_path"], 1),
        "Tickets of a customer": words.number(row["tickets_per_path"], 2),
        "Feeling": felt,
        "Did not go on": words.count(row["dropped"]),
        "Who goes on spends": report.money(row["next_value"]),
        "One point more is worth": report.money(0.01 * row["of"] * row["next_value"]),
    }


@tracked
def where_customers_are_lost(report: JourneyReport, now: Period) -> Block:
    """The funnel: reached in order, other steps between allowed."""
    table, worst = now.funnel, worst_step(now)
    if table is None or worst is None:
        names = words.listing([f"“{e}”" for e in now.events["event"].head(6)])
        return blocks.note(
            "No funnel: fewer than two of its steps are in the data",
            f"Give other steps with the parameter funnel. The most frequent are {names}.",
        )
    shown = table[["name", "reached", "of", "share", "lower", "upper", "share_of_first", "dropped"]].assign(
        minutes=table["time_median"] * 1440
    )
    return blocks.chart(
        figures.bars(shown, y="name", x="reached", highlight=[str(worst["name"])], fmt="count"),
        finding=f"{words.percent(1 - worst['share'], 0)} of those before do not come to “{worst['name']}”",
        data=shown,
        caption="Journeys that reach each step after those before it, other steps between allowed, each "
        "within "
        f"{words.number(report.within, 0)} days of the first. Minutes: median since the first step.",
        formats={"reached": "count", "of": "count", "share_of_first": "percent", "dropped": "count",
                 "minutes": "number:1", **SHARE},
    )  # fmt: skip


@or_small(too_few("Too few customers to tell new from returning"))
def new_and_returning(report: JourneyReport) -> Block:
    """Who goes on, new customers beside returning ones."""
    now = report.now
    stages = list(now.map.stages["stage"])
    kinds = kinds_of_customers(report, now)
    table = journey_map(now.journey, kinds, stages, report.within, ON_A_PAGE).stages
    table = table[table["of"] > 0]
    if table.empty or table["segment"].nunique() < 2:
        return blocks.note("New and returning customers cannot be compared yet", "One of the two is empty.")
    bought = table[table["stage"] == "purchase"].set_index("segment")["conversion"]
    shown = table.assign(
        group=[f"{s}, {called(g)}" for s, g in zip(table["segment"], table["stage"], strict=True)]
    )
    # before the purchase customers are known by their purchase alone: nearly all of them bought
    shown = shown[shown["stage"] != "pre_purchase"]
    return blocks.chart(
        figures_intervals(shown),
        finding=f"{words.percent(bought.get('new customers'), 0)} of new and "
        f"{words.percent(bought.get('returning customers'), 0)} of returning customers buy again",
        data=shown[["segment", "stage", "of", "went_on", "conversion", "lower", "upper", "days_median",
                    "steps_per_path", "tickets_per_path", "next_value"]],
        caption=f"Another purchase within {words.number(report.within, 0)} days, 95 % intervals. Stages "
        f"before "
        "the purchase are left out: most visitors become known only by buying.",
        formats={"of": "count", "went_on": "count", "conversion": "percent", "lower": "percent",
                 "upper": "percent", "days_median": "number:1", "steps_per_path": "number:1",
                 "tickets_per_path": "number:2", "next_value": report.currency},
    )  # fmt: skip


def figures_intervals(shown: pd.DataFrame) -> go.Figure:
    """Conversions with their intervals, a row a group."""
    return curves.intervals(shown, "group", "conversion", "lower", "upper", fmt="percent:0")


@or_small(too_few("Too few customers to say what hurts"))
def what_hurts(report: JourneyReport) -> Block:
    """What customers open tickets about, by stage."""
    pains = report.now.map.pains
    if pains.empty:
        return blocks.note(
            "What hurts is not recorded", "It needs the table tickets, with a subject or a type."
        )
    tickets, complaints = int(pains["tickets"].sum()), int(pains["complaints"].sum())
    shown = pains[pains["customers"] >= ON_A_PAGE].head(10)
    if shown.empty:
        return blocks.note("No subject of tickets is shared by enough customers to stand here")
    top = shown.iloc[0]
    shown = shown.assign(stage=[called(s) for s in shown["stage"]])
    return blocks.table(
        shown[["subject", "stage", "complaints", "tickets", "customers", "satisfaction", "rated"]],
        finding=f"“{words.clean(top['subject'], 60)}” hurts most: "
        f"{words.plural(top['complaints'], 'complaint')} of "
        f"{words.count(complaints)}",
        caption=f"Of {words.plural(tickets, 'ticket')}, the ten subjects with the most complaints; rows of "
        f"fewer "
        f"than {ON_A_PAGE} customers are left out. Satisfaction is the mean of the rated ones.",
        formats={"complaints": "count", "tickets": "count", "customers": "count", "satisfaction": "number:1",
                 "rated": "count"},
    )  # fmt: skip
