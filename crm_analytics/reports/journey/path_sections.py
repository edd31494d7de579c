"""The journey report below the first screen: the ways customers take, and what buyers do differently."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses.evidence import told
from crm_analytics.analyses.journey import PURCHASE, Journey, daily_states
from crm_analytics.analyses.journey.before_purchase import before_purchase
from crm_analytics.pages import blocks, curves, figures
from crm_analytics.reports.journey.report import JourneyReport
from crm_analytics.reports.journey.sections import names, not_tracked
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.report import attempt
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import interval

if TYPE_CHECKING:
    from crm_analytics.analyses.journey.period import Period
    from crm_analytics.pages.blocks import Block

DEEP = 6  # different steps of a visit that are looked at
RARE = 0.02  # of visits: a first step that fewer take is told with the others
KEPT = 0.05  # of visits out of turn: below, the order is kept
HOLLOW = 0.95  # a step that nearly all take sets nobody apart
MOST = 9  # rows of a heat map
HUNDRED = 100


def _of_visits(now: Period) -> Journey:
    """Each visit with a tracked step as a path: a purchase in a shop shows no way."""
    visits = now.journey.sessions()
    tracked_ones = visits.table.filter(visits.table.source == 0).select("path").distinct()
    return replace(visits, table=visits.table.semi_join(tracked_ones, "path")).kept()


@section(part="tracked", needs=not_tracked, small=small_form.weekdays)
def ways_through_a_visit(report: JourneyReport, now: Period) -> Block:
    """How far visits come, by the step that they begin with."""
    t = report.t
    table = by_first_step(_of_visits(now).variants(DEEP))
    table = table.assign(begins=[report.event(e) if e else t("others") for e in table["begins"]])
    ended, of = int(table["visits"].sum() - table["went_on"].sum()), int(table["visits"].sum())
    shown = table.assign(share=table["went_on"] / table["visits"], ordered=table["bought"] / table["visits"])
    columns = ["begins", "visits", "went_on", "share", "ordered"]
    return blocks.chart(
        figures.bars(shown, y="begins", x="share", context="ordered", fmt="percent:0"),
        finding=t("ways.finding", share=ended / of),
        data=shown[columns],
        caption=t("ways.caption", n=of, minutes=now.journey.session_minutes, rare=RARE),
        formats={"visits": "count", "went_on": "count", "share": "percent:0", "ordered": "percent:0"},
        names=names(report, "begins", "visits", "went_on", "ordered") | {"share": t("column.share_went_on")},
    ).under(t("ways.label")).anchored("ways").in_appendix()  # fmt: skip


def by_first_step(ways: pd.DataFrame) -> pd.DataFrame:
    """Visits by their first step: begins, visits, went_on (to a step of another kind), bought.

    First steps of fewer than 2 % of visits are one row without a name, so that every visit is in it.

    >>> ways = pd.DataFrame({"variant": [("Ad", "View"), ("Ad",), ("Mail", "View", "Order Completed")],
    ...                      "paths": [30, 60, 10]})
    >>> by_first_step(ways).to_numpy().tolist()
    [['Ad', 90, 30, 0], ['Mail', 10, 10, 10]]
    """
    first = [variant[0] for variant in ways["variant"]]
    table = pd.DataFrame(
        {
            "begins": first,
            "visits": ways["paths"],
            "went_on": ways["paths"] * [int(len(set(variant)) > 1) for variant in ways["variant"]],
            "bought": ways["paths"] * [int(PURCHASE in variant) for variant in ways["variant"]],
        }
    )
    sums = table.groupby("begins")["visits"].transform("sum")
    table["begins"] = table["begins"].where(sums >= RARE * table["visits"].sum(), "")
    found = table.groupby("begins", as_index=False)[["visits", "went_on", "bought"]].sum()
    order = found.assign(last=found["begins"] == "")
    order = order.sort_values(["last", "visits", "begins"], ascending=[True, False, True])
    return order.drop(columns="last").reset_index(drop=True)


@section(part="tracked", needs=not_tracked, small=small_form.weekdays)
def step_by_step(report: JourneyReport, now: Period) -> Block:
    """Which share of visits is where, step by step around the first purchase."""
    t, made = report.t, _of_visits(now)
    label, anchor = t("steps.label"), "steps"
    if PURCHASE not in set(made.events()["event"]):
        return blocks.note(t("steps.none")).under(label).anchored(anchor).in_appendix()
    table = made.steps(PURCHASE, before=4, after=2)
    wide = table.pivot(index="event", columns="step", values="share").fillna(0.0).drop(columns=0)
    told = _first_choice(wide)
    if told is None:
        return blocks.note(t("steps.same")).under(label).anchored(anchor).in_appendix()
    place, event = told
    finding = t("steps.finding", n=-place, share=wide.loc[event, place], event=_place(report, event))
    order = wide.max(axis=1).sort_values(ascending=False, kind="stable").index[:MOST]
    wide = wide.loc[order].rename(index={name: _place(report, name) for name in order})
    wide.columns = [f"{int(k):+d}".replace("-", "−") for k in wide.columns]
    return blocks.chart(
        figures.heatmap(wide, fmt="percent:0", x_title=t("steps.x"), y_title=""),
        finding=finding,
        data=wide.reset_index(names="step"),
        caption=t("steps.caption", n=int(table["of"].iloc[0])),
        formats=dict.fromkeys(wide.columns, "percent:0"),
        names=names(report, "step"),
    ).under(label).anchored(anchor).in_appendix()  # fmt: skip


def _first_choice(wide: pd.DataFrame) -> tuple[int, str] | None:
    """The place nearest to the purchase where visits differ, and its most frequent step."""
    for place in sorted((k for k in map(int, wide.columns) if k < 0), reverse=True):
        shares = wide[place].drop("path_start", errors="ignore")
        if len(shares) and 0 < shares.max() < HOLLOW:
            return place, str(shares.idxmax())
    return None


def _place(report: JourneyReport, event: object) -> str:
    known = {"path_start": "steps.begun", "path_end": "steps.ended"}
    return report.t(known[str(event)]) if event in known else report.event(event)


@section(part="tracked", needs=not_tracked, small=small_form.weekdays)
def what_buyers_do_differently(report: JourneyReport, now: Period) -> Block:
    """Share of buyers who had done a thing at their first purchase, less that of others at the same step."""
    t = report.t
    found = attempt({}, "buyers", lambda: before_purchase(now.journey))
    if found is None:
        return blocks.note(t("differ.none")).under(t("differ.label")).anchored("differ").in_appendix()
    every = found.events[~found.events["event"].isin(now.steps)]  # without them nobody can buy
    table = every.head(MOST).reset_index(drop=True)
    if table.empty:
        return blocks.note(t("differ.alike")).under(t("differ.label")).anchored("differ").in_appendix()
    clear = table[
        told(table["clear"], "journey.buyers_apart") & (table[["share", "elsewhere"]].max(axis=1) < HOLLOW)
    ]
    finding = t("differ.alike")
    if len(clear):
        top = clear.iloc[int(clear["difference"].abs().argmax())]
        slots = {"event": report.event(top["event"]), "share": top["share"], "others": top["elsewhere"]}
        finding = t.of("differ.more" if top["difference"] > 0 else "differ.less", slots)
    shown = table.assign(
        event=[report.event(name) for name in table["event"]],
        points=HUNDRED * table["difference"], low=HUNDRED * table["lower"], high=HUNDRED * table["upper"],
    )  # fmt: skip
    shown["interval"] = blocks.together(shown["low"], shown["high"])
    shown["beyond_chance"] = [
        t("yes") if clear else t("no") for clear in told(table["clear"], "journey.buyers_apart")
    ]
    columns = ["event", "buyers", "share", "elsewhere", "points", "interval", "beyond_chance"]
    return blocks.chart(
        curves.intervals(shown, "event", "points", "low", "high", reference=0.0,
                         reference_label=t("differ.same"), fmt="number:0"),
        finding=finding,
        data=shown[columns],
        caption=t("differ.caption", n=len(found.events)),
        formats={"buyers": "count", "share": "percent:0", "elsewhere": "percent:0", "points": "number:0",
                 "interval": "interval:number:0"},
        names=names(report, *columns) | {"share": t("column.share_of_buyers")},
    ).under(t("differ.label")).anchored("differ").in_appendix()  # fmt: skip


@section(part="tracked", needs=not_tracked, small=small_form.weekdays)
def against_the_expected_journey(report: JourneyReport, now: Period) -> Block:
    """How far visits that reach the funnel follow the expected order."""
    t, visits = report.t, _of_visits(now)
    have = set(visits.events()["event"])
    expected = [step for step in now.steps if step in have]
    if len(expected) < 2:
        return blocks.note(t("order.none")).under(t("order.label")).anchored("order").in_appendix()
    begun = visits.matches(f"[{'|'.join(expected)}]")
    begun = begun.filter(begun.matched)
    some = replace(visits, table=visits.table.semi_join(begun, "path")).kept()
    found = some.conformance(expected)
    table = found.steps.assign(skipped=found.steps["share"] - found.steps["in_turn_share"])
    ahead = table.nlargest(1, "skipped").iloc[0]
    skips = ahead["skipped"] >= KEPT
    slots = {
        "step": report.event(ahead["event"]),
        "share": ahead["skipped"] if skips else found.whole / found.of,
    }
    shown = table.assign(step=[report.event(name) for name in table["event"]])
    columns = ["step", "taken", "of", "share", "in_turn_share", "skipped"]
    return blocks.chart(
        figures.bars(shown, y="step", x="in_turn_share", context="share", fmt="percent:0"),
        finding=t.of("order.skipped" if skips else "order.kept", slots),
        data=shown[columns],
        caption=t("order.caption", n=found.of, whole=found.whole, mean=found.mean,
                  interval=interval(t, found.lower, found.upper, "percent:0")),
        formats={"taken": "count", "of": "count"}
        | dict.fromkeys(("share", "in_turn_share", "skipped"), "percent:0"),
        names=names(report, "step", "taken", "in_turn_share", "skipped")
        | {"of": t("column.visits"), "share": t("column.at_all")},
    ).under(t("order.label")).anchored("order").in_appendix()  # fmt: skip


@section(small=small_form.weekdays)
def how_many_are_active(report: JourneyReport) -> Block:
    """Customers by the time since their last step, on the last day of each week of the period."""
    t, table = report.t, daily_states(report.base)
    silent = {"at_risk_wau": "a_week", "at_risk_mau": "a_month", "dormant": "longer"}
    table["shown"] = table["state"].map(silent).fillna("today")
    wide = table.pivot_table(index="day", columns="shown", values="customers", aggfunc="sum").fillna(0)
    wide = wide[wide.index > pd.Timestamp(report.now.after)]
    weeks = wide.iloc[::-1].iloc[::7].iloc[::-1]
    lately = 1 - weeks.get("longer", pd.Series(0, index=weeks.index)) / weeks.sum(axis=1)
    data = weeks.reset_index()
    known = [name for name in ("a_week", "a_month", "longer") if name in weeks]
    called = {name: t(f"silent.{name}") for name in ("today", *known) if name in weeks}
    columns = ["day", *called]
    return blocks.chart(
        curves.lines(data, "day", known, names=called, fmt="count"),
        finding=t("active.finding", share=lately.iloc[-1], before=lately.iloc[0]),
        data=data[columns],
        caption=t("active.caption", n=int(weeks.iloc[-1].sum())),
        formats={"day": "date:short", **dict.fromkeys(called, "count")},
        names=called | {"day": t("column.day")},
    ).under(t("active.label")).anchored("active").in_appendix()  # fmt: skip
