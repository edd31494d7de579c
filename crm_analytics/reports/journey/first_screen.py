"""The first screen of the journey report: where customers are lost, and what that is worth."""

from __future__ import annotations

import pandas as pd

from crm_analytics.pages import blocks, words
from crm_analytics.pages.blocks import Block
from crm_analytics.reports.journey.report import STAGE_NAMES, JourneyReport, Period
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section


def worst_step(period: Period) -> pd.Series | None:
    """The step of the funnel (from the second on) that the fewest take; None without one."""
    table = period.funnel
    if table is None:
        return None
    later = table[(table["step"] > 1) & (table["of"] > 0)]
    return None if later.empty else later.nsmallest(1, "share").iloc[0]


def again(period: Period) -> pd.Series:
    """The stage of the purchase: who buys again."""
    table = period.map.stages
    return table[table["stage"] == "purchase"].iloc[0]


@section(small=small_form.headline)
def headline(report: JourneyReport) -> Block:
    """How many of those who began bought, and where most are lost."""
    now, before = report.now, report.before
    worst = worst_step(now)
    table = now.funnel
    if worst is None or table is None:
        row = again(now)
        return blocks.headline(
            f"{words.percent(row['conversion'], 0)} of buyers buy again within "
            f"{words.number(report.within, 0)} days; what they do before is not recorded",
            f"Of {words.plural(row['of'], 'customer')} who bought and had so long, "
            f"{words.count(row['went_on'])} came back (95 %: "
            f"{words.interval(row['lower'], row['upper'], 'percent')}). With a table of events this page "
            "shows where others are lost.",
        )
    first, last = table.iloc[0], table.iloc[-1]
    came = table.loc[table["step"] == worst["step"] - 1, "name"].iloc[0]
    sentence = f"""Of 100 who reach “{first["name"]}”, {words.number(100 * last["share_of_first"], 0)} reach
        “{last["name"]}”; most are lost between “{came}” and “{worst["name"]}”"""
    lede = f"""{words.count(worst["dropped"])} of {words.count(worst["of"])} did not go on within
        {words.number(report.within, 0)} days (goes on: {words.percent(worst["share"])}, 95 %
        {words.interval(worst["lower"], worst["upper"], "percent")}). """
    if before is not None and before.funnel is not None:
        past = before.funnel.set_index("name")["share_of_first"].get(last["name"])
        if past is not None:
            lede += f"In the period before, {words.number(100 * past, 0)} of 100 came to the end. "
    lede += _unknown(now)
    return blocks.headline(sentence, lede)


def _unknown(now: Period) -> str:
    if not now.visitors:
        return ""
    return f"""{words.plural(now.visitors, "visitor")} were never recognised; one person may be several of
        them, so true conversion is higher."""


@section(small=small_form.kpis)
def kpis(report: JourneyReport) -> Block:
    """Paths, completion of the funnel, time to it, buying again."""
    now, before = report.now, report.before
    items = [
        blocks.kpi(
            "Journeys",
            words.count(now.journey.count()),
            words.change(now.journey.count(), before.journey.count() if before else None),
            f"{words.count(now.visitors)} of visitors not recognised",
            words.direction(now.journey.count(), before.journey.count() if before else None),
        )
    ]
    if now.funnel is not None:
        last = now.funnel.iloc[-1]
        past = None
        if before is not None and before.funnel is not None and before.steps == now.steps:
            past = float(before.funnel.iloc[-1]["share_of_first"])
        items.append(
            blocks.kpi(
                f"Reach “{last['name']}”",
                words.percent(last["share_of_first"]),
                words.change(last["share_of_first"], past, "points"),
                f"of {words.count(now.funnel.iloc[0]['reached'])} who began the funnel",
                words.direction(last["share_of_first"], past),
            )
        )
    row, past_row = again(now), again(before) if before else None
    past_share = None if past_row is None else past_row["conversion"]
    items += [
        blocks.kpi(
            "Buy again",
            words.percent(row["conversion"]),
            words.change(row["conversion"], past_share, "points"),
            f"within {words.number(report.within, 0)} days, of {words.count(row['of'])} buyers",
            words.direction(row["conversion"], past_share),
        ),
        blocks.kpi(
            "Days to the next purchase",
            words.number(row["days_median"], 0),
            "",
            f"median; nine in ten within {words.number(row['days_q90'], 0)}, of those who came in time",
        ),
    ]
    return blocks.kpis(*items)


@section(small=small_form.thanks)
def actions(report: JourneyReport) -> Block:
    """Mend the worst step, what hurts, and the stage where a point is worth most."""
    now, items = report.now, []
    worst = worst_step(now)
    if worst is not None and now.funnel is not None:
        came = now.funnel.loc[now.funnel["step"] == worst["step"] - 1, "name"].iloc[0]
        items.append(
            blocks.action(
                f"Watch ten customers go from “{came}” to “{worst['name']}”, and mend what stops them.",
                f"{words.percent(1 - worst['share'], 0)} of {words.count(worst['of'])} are lost here.",
                "shop",
            )
        )
    pains = now.map.pains
    pains = pains[(pains["complaints"] > 0) & (pains["subject"] != "others")]
    if len(pains):
        pain = pains.iloc[0]
        items.append(
            blocks.action(
                f"Find the cause of “{words.clean(pain['subject'], 60)}”.",
                f"{words.plural(pain['complaints'], 'complaint')} of "
                f"{words.plural(pain['customers'], 'customer')}, {STAGE_NAMES[pain['stage']]}.",
                "service",
            )
        )
    worth = points(now)
    if len(worth):
        row = worth.iloc[0]
        items.append(
            blocks.action(
                f"Make one point more the goal: from {STAGE_NAMES[row['stage']]} to "
                f"{STAGE_NAMES[row['next_stage']]}.",
                f"One in a hundred more who goes on is worth {report.money(row['worth_of_a_point'])} in "
                f"{words.number(report.within, 0)} days, if they spend like the others.",
                "marketing",
            )
        )
    if not now.tracked:
        items.append(
            blocks.action(
                "Record what customers do before they buy.",
                "Without events nobody can say where they are lost.",
                "shop",
            )
        )
    if not items:
        items.append(
            blocks.action(
                "Name the steps that lead to a purchase with the parameter funnel.",
                "None of those asked for is in the data, and no stage is old enough to compare.",
                "data team",
            )
        )
    return blocks.actions(*items)


def points(period: Period) -> pd.DataFrame:
    """Stages by what one point more of conversion would bring: of x 0.01 x next_value."""
    table = period.map.stages.dropna(subset=["next_value"]).copy()
    table["worth_of_a_point"] = 0.01 * table["of"] * table["next_value"]
    order = table["worth_of_a_point"].round(2).sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)
