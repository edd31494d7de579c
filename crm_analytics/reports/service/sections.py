"""The service report below the first screen: one figure or table a function, each under its finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses.evidence import may_claim, told
from crm_analytics.analyses.service import (
    Arrivals,
    CostToServe,
    Recovery,
    Repeats,
    Summary,
)
from crm_analytics.pages import blocks, figures, words
from crm_analytics.reports.service.report import ServiceReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import interval

if TYPE_CHECKING:
    from collections.abc import Callable

    from crm_analytics.analyses.churn.survival.complaints import AfterComplaint
    from crm_analytics.analyses.voice import Topics
    from crm_analytics.pages.blocks import Block

SHOWN = 12  # rows of a table on the page
HOURS = 24


def _without(name: str) -> Callable[[ServiceReport], Block]:
    """What a section says where its part is not in the data."""

    def said(report: ServiceReport) -> Block:
        t = report.t
        note = blocks.note(t(f"{name}.none"), "" if report.tickets is None else report.why(name))
        return note.under(t(f"{name}.label")).anchored(name.replace("_", "-")).in_appendix()

    return said


def _names(report: ServiceReport, *columns: str) -> dict[str, str]:
    return {column: report.t(f"column.{column}") for column in columns}


@section(part="backlog", needs=_without("backlog"), small=small_form.weekdays)
def what_is_open(report: ServiceReport, table: pd.DataFrame) -> Block:
    """Tickets open at the end of each week."""
    t = report.t
    now, then = int(table["open"].iloc[-1]), int(table["open"].iloc[max(0, len(table) - 14)])
    columns = ["week_end", "opened", "solved", "open"]
    return blocks.chart(
        figures.lines(table, "week_end", ["open", "opened"], names=_names(report, "open", "opened"),
                      context=["opened"]),
        finding=t("backlog.finding", n=now, then=then),
        data=table[columns],
        caption=t("backlog.caption"),
        formats={"week_end": "date:short"},
        names=_names(report, *columns),
    ).under(t("backlog.label")).anchored("backlog")  # fmt: skip


@section(part="summary", needs=_without("times"), small=small_form.weekdays)
def how_long_it_takes(report: ServiceReport, found: Summary) -> Block:
    """First reply, first and final resolution, by the calendar and in opening hours."""
    t = report.t
    table = found.times[found.times["tickets"] > 0].reset_index(drop=True)
    if table.empty:
        return _without("times")(report)
    hours = table.assign(
        time=[t(f"time.{name}") for name in table["time"]],
        clock=[t(f"clock.{name}") for name in table["clock"]],
        median=table["median"] / 60, p90=table["p90"] / 60,
    )  # fmt: skip
    columns = ["time", "clock", "tickets", "median", "p90"]
    caption = "times.caption" if report.tickets and report.tickets.schedules else "times.caption_calendar"
    first = hours.iloc[0]
    return blocks.table(
        hours[columns],
        finding=t("times.finding", time=first["time"], hours=first["median"]),
        caption=t(caption),
        formats={"median": "number:1", "p90": "number:1"},
        names=_names(report, *columns),
    ).under(t("times.label")).anchored("times").in_appendix()  # fmt: skip


@section(part="summary", needs=_without("shares"), small=small_form.weekdays)
def how_well_it_goes(report: ServiceReport, found: Summary) -> Block:
    """One touch, reopened, reassigned, satisfied: shares with intervals."""
    t = report.t
    rows = [
        {"share_of": t(f"share.{name}"), "tickets": s.n, "share": s.value, "lower": s.interval[0],
         "upper": s.interval[1]}
        for name, s in found.shares.items() if s.value is not None
    ]  # fmt: skip
    if not rows:
        return _without("shares")(report)
    table = pd.DataFrame(rows)
    shown = table.assign(interval=blocks.together(table["lower"], table["upper"]))
    columns = ["share_of", "tickets", "share", "interval"]
    return blocks.chart(
        figures.intervals(table, "share_of", "share", "lower", "upper", fmt="percent:0"),
        finding=t("shares.finding", name=rows[0]["share_of"], share=rows[0]["share"]),
        data=shown[columns],
        caption=t("shares.caption"),
        formats={"share": "percent:0", "interval": "interval:percent:0"},
        names=_names(report, *columns),
    ).under(t("shares.label")).anchored("shares").in_appendix()  # fmt: skip


@section(part="targets", needs=_without("targets"), small=small_form.weekdays)
def targets_kept(report: ServiceReport, table: pd.DataFrame) -> Block:
    """Targets kept by the priority that applied."""
    t = report.t
    shown = table.assign(
        priority=[words.clean(p, 30) if p else t("unknown") for p in table["priority"]],
        interval=blocks.together(table["lower"], table["upper"]),
    ).head(SHOWN)
    kept, due = int(table["kept"].sum()), int(table["due"].sum())
    columns = ["priority", "due", "share", "interval"]
    return blocks.table(
        shown[columns],
        finding=t("targets.finding", kept=kept, due=due, share=kept / due),
        caption=t("targets.caption"),
        formats={"share": "percent:0", "interval": "interval:percent:0"},
        names=_names(report, *columns),
    ).under(t("targets.label")).anchored("targets").in_appendix()  # fmt: skip


@section(part="contacts", needs=_without("contacts"), small=small_form.weekdays)
def contacts_by_month(report: ServiceReport, table: pd.DataFrame) -> Block:
    """Tickets per 100 orders by month."""
    t = report.t
    last = table.tail(24).reset_index(drop=True)
    high = last.nlargest(1, "per_100").iloc[0]
    shown = last.assign(interval=blocks.together(last["lower"], last["upper"]))
    columns = ["month", "tickets", "orders", "per_100", "interval"]
    return blocks.chart(
        figures.lines(last, "month", ["per_100"], band=("lower", "upper"), names=_names(report, "per_100")),
        finding=t("contacts.finding", rate=high["per_100"], month=high["month"]),
        data=shown[columns],
        caption=t("contacts.caption"),
        formats={"month": "date:short", "per_100": "number:1", "interval": "interval:number:1"},
        names=_names(report, *columns),
    ).under(t("contacts.label")).anchored("contacts").in_appendix()  # fmt: skip


@section(part="products", needs=_without("products"), small=small_form.weekdays)
def products_that_cause_tickets(report: ServiceReport, table: pd.DataFrame) -> Block:
    """Products whose orders lead to more tickets than others."""
    t = report.t
    shown = table.head(SHOWN).reset_index(drop=True)
    shown["product"] = [words.clean(p, words.LONGEST_LABEL) for p in shown["product"]]
    shown["times"] = blocks.together(shown["ratio"], shown["lower"], shown["upper"])
    shown["more_than_chance"] = [
        t("yes") if clear else t("no") for clear in told(shown["clear"], "service.product_tickets")
    ]
    n = int((told(table["clear"], "service.product_tickets") & (table["ratio"] > 1)).sum())
    columns = ["product", "orders", "tickets", "per_100", "times", "more_than_chance"]
    return blocks.table(
        shown[columns],
        finding=t("products.finding", n=n) if n else t("products.finding_none"),
        caption=t("products.caption"),
        formats={"per_100": "number:1", "times": "estimate:number:1"},
        names=_names(report, *columns),
    ).under(t("products.label")).anchored("products").in_appendix()  # fmt: skip


@section(part="problems", needs=_without("problems"), small=small_form.weekdays)
def known_problems(report: ServiceReport, table: pd.DataFrame) -> Block:
    """What customers came with, by product, and what helped."""
    t = report.t
    shown = table.head(SHOWN).copy()
    for name in ("product", "type", "resolution"):
        shown[name] = [words.clean(x, 40) if isinstance(x, str) and x else t("unknown") for x in shown[name]]
    first = shown.iloc[0]
    columns = ["product", "type", "tickets", "customers", "days_to_solve", "resolution", "last_day"]
    return blocks.table(
        shown[columns],
        finding=t("problems.finding", product=first["product"], type=first["type"], n=first["tickets"]),
        caption=t("problems.caption"),
        formats={"days_to_solve": "number:1", "last_day": "date:short"},
        names=_names(report, *columns),
    ).under(t("problems.label")).anchored("problems").in_appendix()  # fmt: skip


@section(part="complaints", needs=_without("complaints"), small=small_form.weekdays)
def what_complaints_are_about(report: ServiceReport, found: Topics) -> Block:
    """Topics of what customers wrote, in single words."""
    t = report.t
    if found.table.empty:
        return _without("complaints")(report)
    shown = found.table.assign(
        words=[words.clean(", ".join(w), 80) for w in found.table["words"]],
        share=found.table["texts"] / found.texts,
    )
    columns = ["words", "people", "share"]
    return blocks.table(
        shown[columns],
        finding=t("complaints.finding", words=shown["words"].iloc[0], share=shown["share"].iloc[0]),
        caption=t("complaints.caption", n=found.texts),
        formats={"share": "percent:0"},
        names=_names(report, *columns),
    ).under(t("complaints.label")).anchored("complaints").in_appendix()  # fmt: skip


@section(part="cost", needs=_without("cost"), small=small_form.weekdays)
def what_serving_costs(report: ServiceReport, found: CostToServe) -> Block:
    """Cost of tickets against what customers bring, by fifths of customers."""
    t, money = report.t, report.currency
    table = found.bands.assign(band=[t("band", n=int(n)) for n in found.bands["band"]])
    brought = "brought_margin" if found.is_margin else "brought_revenue"
    table = table.rename(columns={"brought": brought})
    columns = ["band", "customers", "tickets", "cost", brought, "cost_share"]
    return blocks.chart(
        figures.bars(table, y="band", x="cost", context=brought),
        finding=t("cost.finding", cost=found.total, n=found.dear),
        data=table[columns],
        caption=t("cost.caption", days=found.days),
        formats={"cost": money, brought: money, "cost_share": "percent:0"},
        names=_names(report, *columns),
    ).under(t("cost.label")).anchored("cost").in_appendix()  # fmt: skip


@section(part="repeats", needs=_without("repeats"), small=small_form.weekdays)
def who_comes_again(report: ServiceReport, found: Repeats) -> Block:
    """How often a problem comes again."""
    t = report.t
    if found.share is None:
        return _without("repeats")(report)
    bounds = interval(t, found.lower, found.upper, "percent:0")
    return blocks.note(
        t("repeats.finding", share=found.share, interval=bounds, days=found.within),
        t("repeats.caption", n=found.tickets, people=found.customers),
    ).under(t("repeats.label")).anchored("repeats").in_appendix()  # fmt: skip


@section(part="leaving", needs=_without("leaving"), small=small_form.weekdays)
def after_a_complaint(report: ServiceReport, found: AfterComplaint) -> Block:
    """How much faster customers leave after a complaint."""
    t = report.t
    row = found.hazards.table.iloc[0]
    shown = not row["lower"] <= 1 <= row["upper"] and may_claim("service.complaint")
    bounds = interval(t, row["lower"], row["upper"], "number:1")
    table = found.spells.assign(
        complained=[t("after" if c else "before") for c in found.spells["complained"]],
        left_per_year=found.spells["left"] / (found.spells["days"] / 365.25),
    )
    columns = ["complained", "customers", "left", "left_per_year"]
    return blocks.table(
        table[columns],
        finding=t(f"leaving.finding{'' if shown else '_chance'}", times=row["hazard_ratio"], interval=bounds),
        caption=t.of(
            "leaving.caption" if found.back == found.back else "leaving.caption_plain",  # NaN: not known
            {"days": found.window, "pace": found.pace, "back": found.back},
        ),
        formats={"left_per_year": "number:2"},
        names=_names(report, *columns),
    ).under(t("leaving.label")).anchored("leaving").in_appendix()  # fmt: skip


@section(part="recovery", needs=_without("recovery"), small=small_form.weekdays)
def what_quick_help_changes(report: ServiceReport, found: Recovery) -> Block:
    """Buying again after a quick solution, matched, with its placebo."""
    t = report.t
    rows = [
        {"what": t(f"recovery.{name}"), "points": 100 * d.value, "lower": 100 * d.lower,
         "upper": 100 * d.upper, "helped": d.helped, "others": d.others}
        for name, d in (("effect", found.effect), ("placebo", found.placebo))
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    table["interval"] = blocks.together(table["lower"], table["upper"])
    columns = ["what", "helped", "others", "points", "interval"]
    verdict = "unlike" if not found.is_alike else found.evidence.name.lower()
    if verdict == "suggested":
        verdict = "not_told_apart"
    effect = found.effect
    bounds = interval(t, 100 * effect.lower, 100 * effect.upper, "number:0")
    slots = {"days": found.within, "points": abs(effect.value), "interval": bounds,
             "way": "up" if effect.value > 0 else "down"}  # fmt: skip
    return blocks.chart(
        figures.intervals(table, "what", "points", "lower", "upper", reference=0.0, fmt="number:0"),
        finding=t.of(f"recovery.{verdict}", slots),
        data=table[columns],
        caption=t("recovery.caption", days=found.within, followed=found.followed, n=found.complaints,
                  helped=found.raw[0], others=found.raw[1]),
        formats={"points": "number:1", "interval": "interval:number:1"},
        names=_names(report, *columns),
    ).under(t("recovery.label")).anchored("recovery").in_appendix()  # fmt: skip


@section(part="arrivals", needs=_without("arrivals"), small=small_form.weekdays)
def when_tickets_come(report: ServiceReport, found: Arrivals) -> Block:
    """Tickets by weekday and hour."""
    t = report.t
    wide = found.table.pivot(index="weekday", columns="hour", values="mean")
    wide.index = [t(f"day.{int(n)}") for n in wide.index]
    wide.columns = [f"{hour:02d}" for hour in wide.columns]
    busiest = found.table.nlargest(SHOWN, "mean").reset_index(drop=True)
    busiest["when"] = [
        t("when", day=t(f"day.{int(d)}"), hour=int(h))
        for d, h in zip(busiest["weekday"], busiest["hour"], strict=True)
    ]
    busiest["tickets_an_hour"] = blocks.together(busiest["mean"], busiest["lower"], busiest["upper"])
    columns = ["when", "tickets_an_hour", "busy"]
    formats = {"tickets_an_hour": "estimate:number:1"}
    if found.handle_minutes is not None:
        columns.append("minutes")
        formats["minutes"] = "number:0"
    first = busiest.iloc[0]
    return blocks.chart(
        figures.heatmap(wide, x_title=t("arrivals.x"), y_title=t("arrivals.y"), fmt="number:1"),
        finding=t("arrivals.finding", when=first["when"], mean=first["mean"],
                  interval=interval(t, first["lower"], first["upper"], "number:1")),
        data=busiest[columns],
        caption=t("arrivals.caption", weeks=found.weeks),
        formats=formats,
        names=_names(report, *columns),
    ).under(t("arrivals.label")).anchored("arrivals").in_appendix()  # fmt: skip
