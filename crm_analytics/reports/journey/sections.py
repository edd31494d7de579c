"""The journey report below the first screen: the map, the funnel and what hurts."""

from __future__ import annotations

import pandas as pd

from crm_analytics.analyses.disclosure import ON_A_PAGE
from crm_analytics.analyses.journey import PURCHASE, journey_map
from crm_analytics.pages import blocks, curves, figures, words
from crm_analytics.pages.blocks import Block
from crm_analytics.reports.journey.first_screen import points, worst_step
from crm_analytics.reports.journey.report import (
    FEW,
    NOT_TRACKED,
    STAGE_NAMES,
    JourneyReport,
    Period,
    segments_before,
)
from crm_analytics.reports.shared.section import section

ENOUGH = 30  # buyers of a segment; below, a share is uncertain by 18 points and more
FEELINGS_FROM = 30  # scores of a stage; below, the mean says nothing
SHARE = {"share": "percent", "lower": "percent", "upper": "percent"}


def called(stage: str) -> str:
    """A stage in words."""
    return STAGE_NAMES.get(stage, stage)


@section(small="Too few customers for a map")
def the_map(report: JourneyReport) -> Block:
    """One column per stage: who is there, who goes on, how long it takes, how it feels, what it is worth."""
    now, days = report.now, words.number(report.within, 0)
    table = points(now)
    best = table.iloc[0] if len(table) else None
    seen = now.map.stages[now.map.stages["present"] > 0]
    columns = {called(str(row["stage"])): _column(report, row) for _, row in seen.iterrows()}
    finding = (
        "No stage is old enough to say who goes on"
        if best is None
        else f"""One point more who go on from {called(best["stage"])} to {called(best["next_stage"])} is
            worth {report.money(best["worth_of_a_point"])}"""
    )
    return blocks.table(
        pd.DataFrame(columns).rename_axis("measure").reset_index(),
        finding=finding,
        caption=f"""“Goes on”: of those who reached the stage at least {days} days before
            {words.date(report.base.day)}, who came to the next within {days} days (95 % interval). Money:
            what those who went on spent in {days} days from then on; a ceiling, for those who did not may
            be others. Feeling: distance from the mean of each instrument in standard deviations, 0 is
            average.""",
    )


def _column(report: JourneyReport, row: pd.Series) -> dict[str, str]:
    wide = words.interval(row["lower"], row["upper"], "percent:0")
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
        "Feeling": _felt(row),
        "Did not go on": words.count(row["dropped"]),
        "Who goes on spends": report.money(row["next_value"]),
        "One point more is worth": report.money(0.01 * row["of"] * row["next_value"]),
    }


def _felt(row: pd.Series) -> str:
    if row["scores"] >= FEELINGS_FROM:
        span = words.interval(row["emotion_lower"], row["emotion_upper"], "number:2")
        return f"{words.number(row['emotion'], 2)} ({span}), {words.plural(row['scores'], 'score')}"
    return f"too few: {words.plural(row['scores'], 'score')}" if row["scores"] else words.UNKNOWN


@section(part="tracked", needs=NOT_TRACKED, small=FEW)
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


@section(small="Too few customers to compare segments")
def the_map_of_each_segment(report: JourneyReport) -> Block:
    """The measures of the map for each segment as it was when the period began."""
    now = report.now
    stages = list(now.map.stages["stage"])
    table = journey_map(now.journey, segments_before(report, now), stages, report.within, ON_A_PAGE).stages
    # before the purchase customers are known by their purchase alone: nearly all of them bought
    table = table[(table["stage"] != "pre_purchase") & (table["of"] >= ENOUGH)]
    bought = table[table["stage"] == "purchase"].sort_values(["conversion", "segment"], ascending=False)
    if len(bought) < 2:
        return blocks.note("Segments cannot be compared yet", f"Fewer than two have {ENOUGH} buyers.")
    first, last = bought.iloc[0], bought.iloc[-1]
    shown = table.set_index("segment").loc[bought["segment"]].reset_index()
    told = shown.assign(
        stage=[called(stage) for stage in shown["stage"]],
        interval=blocks.together(shown["lower"], shown["upper"]),
        days=[
            f"{words.number(half, 0)} ({words.number(late, 0)})"
            for half, late in shown[["days_median", "days_q90"]].to_numpy()
        ],
        feeling=[
            f"{words.number(mean, 2)} ({words.count(n)})" if n >= FEELINGS_FROM else words.UNKNOWN
            for mean, n in shown[["emotion", "scores"]].to_numpy()
        ],
    ).rename(columns={"steps_per_path": "steps", "tickets_per_path": "tickets"})
    return blocks.chart(
        curves.intervals(bought, "segment", "conversion", "lower", "upper", fmt="percent:0"),
        finding=f"{words.percent(first['conversion'], 0)} of “{words.clean(first['segment'], 40)}” and "
        f"{words.percent(last['conversion'], 0)} of “{words.clean(last['segment'], 40)}” buy again within "
        f"{words.number(report.within, 0)} days",
        data=told[["segment", "stage", "of", "conversion", "interval", "days", "steps", "tickets", "feeling",
                   "next_value", "at_stake"]],
        caption="Buyers of the period by their segment when it began, with 95 % intervals; who bought first "
        "in it is new. Days: median, and within which nine in ten go on; steps and tickets of a customer; "
        f"feeling in standard deviations (scores; from {FEELINGS_FROM} on). Segments of {ENOUGH} or more. "
        "Stages before the purchase are left out: most visitors become known "
        "only by buying.",
        formats={"of": "count", "conversion": "percent:0", "interval": "interval:percent:0",
                 "steps": "number:1", "tickets": "number:2",
                 "next_value": report.currency, "at_stake": report.currency},
    )  # fmt: skip


@section(part="tracked", needs=NOT_TRACKED, small=FEW)
def how_long_until_they_buy(report: JourneyReport, now: Period) -> Block:
    """Days from a person's first step of the period to the first purchase, of those who came to one."""
    rows = now.journey.table
    bought = rows.event == PURCHASE
    at = rows["at"].epoch_seconds()
    each = rows.group_by("path").aggregate(begun=at.min(where=~bought), bought=at.min(where=bought))
    each = each.filter(each.begun < each.bought)
    each = each.mutate(day=((each.bought - each.begun) / 86_400).floor().cast("int64"))
    found = report.base.collect(each.group_by("day").aggregate(people=each.count()).order_by("day"))
    buyers = int(found["people"].sum())
    if buyers < ENOUGH:
        return blocks.note(
            f"Only {words.plural(buyers, 'person')} came from a first step to a purchase",
            f"How long it takes is told from {ENOUGH} on.",
        )
    running = found["people"].cumsum() / buyers
    # whoever comes on day 0 comes within one day
    half, late = (int(found["day"].to_numpy()[(running >= q).to_numpy().argmax()]) + 1 for q in (0.5, 0.9))
    curve = pd.DataFrame({"day": found["day"], "buyers": found["people"], "share": running})
    wide = curve[curve["day"] <= max(late, 30)]
    return blocks.chart(
        curves.lines(wide, "day", ["share"], names={"share": "have bought"}, fmt="percent:0",
                     x_title="days since the first step"),
        finding=f"Half of those who buy do so within {words.plural(half, 'day')} of their first step, "
        f"nine in ten within {late}",
        data=wide,
        caption=f"Of {words.plural(buyers, 'person')} with a step before the first purchase of the period; "
        "those who never bought are in the map and the funnel. Whoever began long before the period, or "
        "buys after it, is not in it, so the true ways are longer.",
        formats={"day": "count", "buyers": "count", "share": "percent"},
    )  # fmt: skip


@section(small="Too few customers to say what hurts")
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
        finding=f"""“{words.clean(top['subject'], 60)}” hurts most:
            {words.plural(top['complaints'], 'complaint')} of {words.count(complaints)}""",
        caption=f"""Of {words.plural(tickets, 'ticket')}, the ten subjects with the most complaints; rows of
            fewer than {ON_A_PAGE} customers are left out. Satisfaction is the mean of the rated ones.""",
        formats={"complaints": "count", "tickets": "count", "customers": "count", "satisfaction": "number:1",
                 "rated": "count"},
    )  # fmt: skip
