"""The journey report below the first screen: the funnel, the map, devices, goods, segments, complaints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses.disclosure import ON_A_PAGE
from crm_analytics.analyses.evidence import told
from crm_analytics.analyses.journey import PURCHASE
from crm_analytics.pages import blocks, curves, figures, words
from crm_analytics.reports.journey.first_screen import (
    ENOUGH,
    PURCHASE_STAGE,
    by_segment,
    device_sentence,
    goods_sentence,
    lost_sentence,
    one_point_more,
    segments_sentence,
    worst_pain,
)
from crm_analytics.reports.journey.report import JourneyReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.spoken import segment_name
from crm_analytics.reports.shared.tiles import interval

if TYPE_CHECKING:
    from collections.abc import Callable

    from crm_analytics.analyses.journey.period import Period
    from crm_analytics.pages.blocks import Block

FEELINGS_FROM = 30  # scores of a stage; below, the mean says nothing
TOP = 10  # rows of a table on the page
MINUTES = 1440  # of a day


def not_tracked(report: JourneyReport) -> Block:
    """One sentence for all that events would tell; the page says it once."""
    t = report.t
    return blocks.note(t("none.sections"), t("none.table")).under(t("none.label")).in_appendix()


def _without(name: str, anchor: str = "") -> Callable[[JourneyReport], Block]:
    """What a section says where its part is not in the data."""

    def said(report: JourneyReport) -> Block:
        if report.tracked is None:
            return not_tracked(report)
        t = report.t
        return blocks.note(t(f"{name}.none")).under(t(f"{name}.label")).anchored(anchor or name).in_appendix()

    return said


def names(report: JourneyReport, *columns: str) -> dict[str, str]:
    """Headings of a table."""
    return {column: report.t(f"column.{column}") for column in columns}


@section(part="tracked", needs=not_tracked, small=small_form.weekdays)
def where_customers_are_lost(report: JourneyReport, now: Period) -> Block:
    """The funnel: reached in order, other steps between allowed."""
    t, table, worst = report.t, now.funnel, now.worst
    if table is None or worst is None:
        listed = words.listing([f"“{event}”" for event in now.events["event"].head(6)], t("last_of_a_list"))
        note = blocks.note(t("funnel.none"), t("funnel.bring", events=listed))
        return note.under(t("funnel.label")).anchored("funnel")
    shown = table.assign(
        step=[report.event(name) for name in table["name"]],
        go_on=blocks.together(table["lower"], table["upper"]),
        minutes=table["time_median"] * MINUTES,
    )
    columns = ["step", "reached", "of", "share", "go_on", "share_of_first", "minutes"]
    return blocks.chart(
        figures.bars(shown, y="step", x="reached", highlight=[report.event(worst["name"])], fmt="count"),
        finding=lost_sentence(report, worst),
        data=shown[columns],
        caption=t("funnel.caption", days=report.within),
        formats={"reached": "count", "of": "count", "share": "percent:0", "go_on": "interval:percent:0",
                 "share_of_first": "percent:0", "minutes": "number:1"},
        names=names(report, *columns),
    ).under(t("funnel.label")).anchored("funnel")  # fmt: skip


@section(part="devices", needs=_without("by_device", "device"), small=small_form.weekdays)
def by_device(report: JourneyReport, table: pd.DataFrame) -> Block:
    """Who comes to the end of the funnel, by the device of the first step."""
    t = report.t
    shown = table.assign(
        device=[t(f"device.{name}") if t.knows(f"device.{name}") else words.clean(name, 24)
                for name in table["device"]],
        interval=blocks.together(table["lower"], table["upper"]),
    )  # fmt: skip
    columns = ["device", "of", "reached", "share", "interval"]
    return (
        blocks.chart(
            curves.intervals(shown, "device", "share", "lower", "upper", fmt="percent:0"),
            finding=device_sentence(report, table),
            data=shown[columns],
            caption=t("by_device.caption", days=report.within),
            formats={
                "of": "count",
                "reached": "count",
                "share": "percent:0",
                "interval": "interval:percent:0",
            },
            names=names(report, "device", "interval")
            | {
                "of": t("column.began"),
                "reached": t("column.came_to_end"),
                "share": t("column.share_of_begun"),
            },
        )
        .under(t("by_device.label"))
        .anchored("device")
        .in_appendix()
    )


@section(part="goods", needs=_without("goods"), small=small_form.weekdays)
def looked_at_and_left(report: JourneyReport, table: pd.DataFrame) -> Block:
    """Which goods persons look at and do not take."""
    t = report.t
    shown = table.head(TOP).assign(
        goods=[words.clean(name, 24) for name in table["goods"].head(TOP)],
        interval=blocks.together(table["lower"], table["upper"]).head(TOP),
    )
    columns = ["goods", "of", "reached", "share", "interval"]
    worse = told(table.head(TOP)["clear"], "") & (table.head(TOP)["difference"] < 0)
    return blocks.chart(
        curves.intervals(shown, "goods", "share", "lower", "upper", fmt="percent:0",
                         highlight=shown.loc[worse, "goods"].tolist()),
        finding=goods_sentence(report, table),
        data=shown[columns],
        caption=t("goods.caption"),
        formats={"of": "count", "reached": "count", "share": "percent:0", "interval": "interval:percent:0"},
        names=names(report, "goods", "interval")
        | {"of": t("column.looked"), "reached": t("column.took"), "share": t("column.share_of_looked")},
    ).under(t("goods.label")).anchored("goods").in_appendix()  # fmt: skip


@section(small=small_form.weekdays)
def the_map(report: JourneyReport) -> Block:
    """One column per stage: who is there, who goes on, how long it takes, how it feels, what it is worth."""
    t, now = report.t, report.now
    seen = now.map.stages[now.map.stages["present"] > 0]
    columns = {report.stage(row["stage"]): _column(report, row) for _, row in seen.iterrows()}
    worth = one_point_more(report, PURCHASE_STAGE)
    money = "margin" if report.plan.given.margin else "revenue"
    finding = t("map.none") if worth is None else t(f"map.{money}", value=worth, days=report.within)
    data = pd.DataFrame(columns).rename_axis("measure").reset_index()
    return blocks.table(
        data,
        finding=finding,
        caption=t("map.caption", days=report.within, day=report.base.day),
        names={"measure": t("column.measure")},
    ).under(t("map.label")).anchored("map").in_appendix()  # fmt: skip


def _column(report: JourneyReport, row: pd.Series) -> dict[str, str]:
    t = report.t
    wide = interval(t, row["lower"], row["upper"], "percent:0")
    worth = one_point_more(report, str(row["stage"]))
    cells = {
        "present": t("map.of", n=row["present"], of=row["paths"]),
        "next": report.stage(row["next_stage"]),
        "goes_on": t("map.went_on", share=row["conversion"], interval=wide, of=row["of"])
        if row["of"] else words.UNKNOWN,
        "days": t("map.days", half=row["days_median"], late=row["days_q90"])
        if row["went_on"] else words.UNKNOWN,
        "steps": words.number(row["steps_per_path"], 1),
        "tickets": words.number(row["tickets_per_path"], 2),
        "feeling": _felt(report, row),
        "spends": report.money(row["next_value"]),
        "point": report.money(worth) if worth is not None else words.UNKNOWN,
    }  # fmt: skip
    return {t(f"measure.{name}"): value for name, value in cells.items()}


def _felt(report: JourneyReport, row: pd.Series) -> str:
    if row["scores"] < FEELINGS_FROM:
        return words.UNKNOWN
    bounds = interval(report.t, row["emotion_lower"], row["emotion_upper"], "number:2")
    return report.t("map.felt", mean=row["emotion"], interval=bounds, n=row["scores"])


@section(small=small_form.weekdays)
def the_map_of_each_segment(report: JourneyReport) -> Block:
    """Who buys again, by segment as it was when the period began."""
    t, bought = report.t, by_segment(report)
    if bought is None:
        note = blocks.note(t("segments.none", n=ENOUGH))
        return note.under(t("segments.label")).anchored("segments").in_appendix()
    shown = bought.assign(
        segment=[segment_name(t, name) for name in bought["segment"]],
        interval=blocks.together(bought["lower"], bought["upper"]),
        feeling=bought["emotion"].where(bought["scores"] >= FEELINGS_FROM),
    )
    columns = ["segment", "of", "conversion", "interval", "days_median", "steps_per_path", "feeling",
               "next_value"]  # fmt: skip
    return blocks.chart(
        curves.intervals(shown, "segment", "conversion", "lower", "upper", fmt="percent:0"),
        finding=segments_sentence(report, bought),
        data=shown[columns],
        caption=t("segments.caption", n=ENOUGH, days=report.within),
        formats={"of": "count", "conversion": "percent:0", "interval": "interval:percent:0",
                 "days_median": "number:0", "steps_per_path": "number:1", "feeling": "number:2",
                 "next_value": report.currency},
        names=names(report, *columns) | {"of": t("column.buyers")},
    ).under(t("segments.label")).anchored("segments").in_appendix()  # fmt: skip


@section(part="tracked", needs=not_tracked, small=small_form.weekdays)
def how_long_until_they_buy(report: JourneyReport, now: Period) -> Block:
    """Days from a person's first step of the period to the first purchase, of those who came to one."""
    t, rows = report.t, now.journey.table
    bought = rows.event == PURCHASE
    at = rows["at"].epoch_seconds()
    each = rows.group_by("path").aggregate(begun=at.min(where=~bought), bought=at.min(where=bought))
    each = each.filter(each.begun < each.bought)
    each = each.mutate(day=((each.bought - each.begun) / 86_400).floor().cast("int64"))
    found = report.base.collect(each.group_by("day").aggregate(people=each.count()).order_by("day"))
    buyers = int(found["people"].sum())
    if buyers < ENOUGH:
        note = blocks.note(t("length.none", n=buyers, least=ENOUGH))
        return note.under(t("length.label")).anchored("length").in_appendix()
    running = found["people"].cumsum() / buyers
    # whoever comes on day 0 comes within one day
    half, late = (int(found["day"].to_numpy()[(running >= q).to_numpy().argmax()]) + 1 for q in (0.5, 0.9))
    curve = pd.DataFrame({"day": found["day"], "buyers": found["people"], "share": running})
    wide = curve[curve["day"] <= max(late, 30)]
    columns = ["day", "buyers", "share"]
    return blocks.chart(
        curves.lines(wide, "day", ["share"], names={"share": t("length.bought")}, fmt="percent:0",
                     x_title=t("length.x")),
        finding=t("length.finding", half=half, late=late),
        data=wide,
        caption=t("length.caption", n=buyers),
        formats={"day": "count", "buyers": "count", "share": "percent:0"},
        names=names(report, *columns),
    ).under(t("length.label")).anchored("length").in_appendix()  # fmt: skip


@section(small=small_form.weekdays)
def what_hurts(report: JourneyReport) -> Block:
    """What customers open tickets about, by stage."""
    t, pains = report.t, report.now.map.pains
    shown = pains[pains["customers"] >= ON_A_PAGE].head(TOP).reset_index(drop=True) if len(pains) else pains
    if shown.empty:
        note = blocks.note(t("pains.none" if pains.empty else "pains.rare"), t("pains.bring"))
        return note.under(t("pains.label")).anchored("pains").in_appendix()
    top = worst_pain(report.now)
    total, of = int(pains["complaints"].sum()), int(pains["tickets"].sum())
    slots = {"n": total, "of": of}
    finding = t("pains.count", **slots)
    if top is not None:
        finding = t("pains.top", subject=words.clean(top["subject"], 24), n=top["complaints"], of=total)
    shown = shown.assign(stage=[report.stage(s) for s in shown["stage"]])
    columns = ["subject", "stage", "complaints", "tickets", "customers", "satisfaction", "rated"]
    return blocks.table(
        shown[columns],
        finding=finding,
        caption=t("pains.caption", n=of, least=ON_A_PAGE),
        formats={"complaints": "count", "tickets": "count", "customers": "count", "satisfaction": "number:1",
                 "rated": "count"},
        names=names(report, *columns),
    ).under(t("pains.label")).anchored("pains").in_appendix()  # fmt: skip
