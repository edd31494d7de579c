"""When they buy: the weeks ahead, seasons, the week, holidays and the days of the month."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crm_analytics.analyses.calendar.outlook import BETWEEN, LEVEL
from crm_analytics.analyses.evidence import may_claim, told
from crm_analytics.pages import blocks, figures
from crm_analytics.pages.blocks import together
from crm_analytics.reports.products.placement import (
    factor_range,
    names,
    placed,
    short,
    shown,
    strongest,
    without,
)
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import interval

if TYPE_CHECKING:
    from crm_analytics.analyses.calendar import (
        Calendar,
        HolidayEffects,
        Outlook,
        PayDays,
        WeekPattern,
    )
    from crm_analytics.analyses.products.category_months import CategoryMonths
    from crm_analytics.analyses.products.habitual_day import HabitualDays
    from crm_analytics.pages.blocks import Block
    from crm_analytics.reports.products.report import ProductReport

ROWS = 12  # of a heat map
FIELDS = 24  # of its table
WEEKDAYS = range(7)


@section(part="ahead", needs=without("ahead", manager=True), small=small_form.weekdays)
def when_to_stock(report: ProductReport, found: Outlook) -> Block:
    """The next eight weeks, by category where there is one."""
    t, money = report.t, report.currency
    bounds = interval(t, found.lower, found.upper, money)
    finding = t("ahead.finding", n=len(found.weeks), value=found.expected, interval=bounds)
    used = found.way.replace(" ", "_")
    way = t(f"ahead.for_season.{used}" if found.is_for_season else f"ahead.way.{used}")
    caption = [way]
    if found.way != BETWEEN:
        caption.append(t("ahead.trials", n=int(found.trials["trials"].iloc[0])))
        caption += [t("ahead.no_season")] if set(found.trials["way"]) == {LEVEL} else []
    if report.ahead_by is None:
        data = found.weeks.assign(range=together(found.weeks["lower"], found.weeks["upper"]))
        block = blocks.chart(
            figures.lines(found.weeks, "start", ["expected"], ("lower", "upper"), fmt=money,
                          names={"expected": t("column.expected")}),
            finding=finding,
            data=data[["start", "expected", "range"]],
            caption=" ".join([t("ahead.weeks"), *caption]),
            formats={"start": "date:short", "expected": money, "range": f"interval:{money}"},
            names=names(report, "start", "expected", "range"),
        )  # fmt: skip
        return shown(report, block, "ahead")
    table = report.ahead_by
    then = "year_ago" if table["year_ago"].notna().all() else "before"
    data = pd.DataFrame(
        {
            "category": [short(name, 40) for name in table["category"]],
            "expected": table["expected"],
            "range": together(table["lower"], table["upper"]),
            "then": table[then],
            "pieces": table["units"],
            "pieces_range": together(table["units_lower"], table["units_upper"]),
        }
    )
    block = blocks.chart(
        figures.bars(data, y="category", x="expected", context="then", fmt=money),
        finding=finding,
        data=data,
        caption=" ".join([t(f"ahead.caption_{then}"), *caption]),
        formats={"expected": money, "range": f"interval:{money}", "then": money, "pieces": "count",
                 "pieces_range": "interval:count"},
        names=names(report, "category", "expected", "range", "pieces", "pieces_range")
        | {"then": t(f"ahead.{then}", n=len(found.weeks)) if then == "before" else t("ahead.year_ago")},
    )  # fmt: skip
    return shown(report, block, "ahead")


@section(part="category_months", needs=without("category_months"), small="small.not_yet.seasons")
def which_category_when(report: ProductReport, found: CategoryMonths) -> Block:
    """Each category's share of a month's orders against its usual share."""
    t, cells = report.t, found.cells
    if cells.empty:
        note = blocks.note(t("category_months.none"), t("category_months.needs"))
        return placed(report, note, "category_months")
    clear = cells[told(cells["clear"], "products.month")]
    if clear.empty:
        once = cells["once"].any()
        finding = t("category_months.finding_once" if once else "category_months.finding_none")
    else:
        row = clear.nlargest(1, "index").iloc[0]
        bounds = interval(t, row["lower"], row["upper"], "number:0")
        slots = {"category": short(row["category"], 40), "month": t(f"month.{int(row['month'])}")}
        finding = t.of("category_months.finding", slots | {"index": row["index"], "interval": bounds})
    top = cells.groupby("category")["orders"].sum().nlargest(ROWS).index
    grid = cells[cells["category"].isin(top)].pivot(index="category", columns="month", values="index")
    months = [int(m) for m in grid.columns]
    grid.columns = pd.Index([t(f"month_short.{m}") for m in months])
    grid.index = pd.Index([short(name) for name in grid.index])
    cells = cells.sort_values("p_adjusted", kind="stable").head(FIELDS)
    data = pd.DataFrame(
        {
            "category": [short(c, 40) for c in cells["category"]],
            "month": [t(f"month.{int(m)}") for m in cells["month"]],
            "orders": cells["orders"],
            "index": cells["index"],
            "range": together(cells["lower"], cells["upper"]),
            "years": cells["years"],
            "clear": [t("yes") if c else t("no") for c in told(cells["clear"], "products.month")],
        }
    )
    block = blocks.chart(
        figures.heatmap(grid.loc[~grid.index.duplicated()], fmt="number:0"),
        finding=finding,
        data=data,
        caption=t("category_months.caption", n=round(12 * found.years), shown=len(cells)),
        formats={"orders": "count", "index": "number:0", "range": "interval:number:0", "years": "count"},
        names=names(report, *data.columns),
    )
    return placed(report, block, "category_months")


@section(part="calendar", needs=without("calendar"), small="small.not_yet.season")
def when_they_buy(report: ProductReport, found: Calendar) -> Block:
    """Orders by month of the year against the mean month, with strength and growth."""
    t, season = report.t, found.months
    best = strongest(season.months)
    slots = {"month": t(f"month.{int(best['month'])}"), "index": best["index"],
             "interval": factor_range(report, best["lower"], best["upper"])}  # fmt: skip
    message = "finding" if season.is_shown else ("finding_flat" if season.is_firm else "finding_one")
    caption = [t("calendar.caption", n=season.cycles)]
    if not season.is_firm:
        caption.append(t("calendar.one_year"))
    if season.is_firm and np.isfinite(season.trend):
        bounds = interval(t, season.trend_lower, season.trend_upper, "percent:0")
        way = "up" if season.trend > 0 else "down"
        caption.append(t("calendar.trend", way=way, share=abs(season.trend), interval=bounds))
    second = found.stl if season.is_firm else None
    if second is not None and season.is_shown:
        caption.append(t("calendar.strength", strength=second.season_strength))
    table = season.months
    data = pd.DataFrame(
        {
            "month": [t(f"month_short.{int(m)}") for m in table["month"]],
            "index": table["index"],
            "range": together(table["lower"], table["upper"]),
        }
    )
    classical = found.classical if season.is_firm else None
    if classical is not None:
        data["moving_average"] = (
            classical.indices.set_index("phase")["index"].reindex(table["month"]).to_numpy()
        )
    block = blocks.chart(
        figures.columns(data, "month", ["index"], fmt="number:1"),
        finding=t.of(f"calendar.{message}", slots),
        data=data,
        caption=" ".join(caption),
        formats={"index": "number:2", "range": "interval:number:2"}
        | ({"moving_average": "number:2"} if classical is not None else {}),
        names=names(report, *data.columns),
    )
    return placed(report, block, "calendar")


@section(part="week", needs=without("week"), small=small_form.comes_with_models)
def on_which_day_and_hour(report: ProductReport, found: WeekPattern) -> Block:
    """Orders by day of the week, and by hour where the data tell it."""
    t, days = report.t, found.weekdays
    row = days.nlargest(1, "index").iloc[0]
    slots = {"day": t(f"day.{row['weekday']}"), "index": row["index"],
             "interval": factor_range(report, row["lower"], row["upper"])}  # fmt: skip
    stands_out = found.strongest is not None and may_claim("products.weekday")
    finding = t.of("week.finding" if stands_out else "week.finding_none", slots)
    said = [t(f"day.{day}") for day in days["weekday"]]
    if found.hours.empty:
        data = pd.DataFrame(
            {"day": said, "index": days["index"], "range": together(days["lower"], days["upper"])}
        )
        figure = figures.columns(data, "day", ["index"], fmt="number:1")
        caption = t("week.caption", n=found.weeks)
    else:
        hours = found.hours
        grid = hours.pivot(index="weekday", columns="hour", values="index").reindex(days["weekday"])
        grid.index, grid.columns = pd.Index(said), pd.Index([str(h) for h in grid.columns])
        figure = figures.heatmap(grid, fmt="number:1", x_title=t("week.hour"))
        data = grid.T.rename_axis("hour").reset_index()
        caption = t("week.caption_hours", n=found.weeks)
    block = blocks.chart(
        figure,
        finding=finding,
        data=data,
        caption=caption,
        formats={"index": "number:2", "range": "interval:number:2"}
        if found.hours.empty
        else dict.fromkeys(said, "number:1"),
        names=names(report, *data.columns) if found.hours.empty else names(report, "hour"),
    )
    return placed(report, block, "week")


@section(part="holidays", needs=without("holidays"), small="small.not_yet.holidays")
def around_holidays(report: ProductReport, found: HolidayEffects) -> Block:
    """Orders on public holidays, and in the week before, against ordinary days."""
    t, table = report.t, found.table
    if table.empty:
        return placed(report, blocks.note(t("holidays.none"), t("holidays.needs")), "holidays")
    clear = table[told(table["clear"], "products.holiday")]
    if clear.empty:
        finding = t("holidays.finding_none", n=table["holiday"].nunique())
    else:
        row = clear.iloc[0]
        window = "before" if row["window"] == "week before" else "on"
        slots = {"holiday": short(row["holiday"], 40), "ratio": row["ratio"],
                 "interval": factor_range(report, row["lower"], row["upper"])}  # fmt: skip
        finding = t.of(f"holidays.finding_{window}", slots)
    data = pd.DataFrame(
        {
            "holiday": [short(name, 40) for name in table["holiday"]],
            "when": [t("holidays.before" if w == "week before" else "holidays.on") for w in table["window"]],
            "occurrences": table["occurrences"],
            "orders": table["sold"],
            "ordinary": table["expected"],
            "ratio": table["ratio"],
            "range": together(table["lower"], table["upper"]),
            "clear": [t("yes") if c else t("no") for c in told(table["clear"], "products.holiday")],
        }
    )
    order = data.assign(last=~table["clear"]).sort_values("last", kind="stable").drop(columns="last")
    block = blocks.table(
        order.reset_index(drop=True),
        finding=finding,
        caption=t("holidays.caption", country=found.country),
        formats={"occurrences": "count", "orders": "count", "ordinary": "count", "ratio": "number:2",
                 "range": "interval:number:2"},
        names=names(report, *data.columns),
    )  # fmt: skip
    return placed(report, block, "holidays")


@section(part="pay_days", needs=without("pay_days"), small="small.not_yet.pay_days")
def around_pay_days(report: ProductReport, found: PayDays) -> Block:
    """Orders by sixth of the month, as they follow the days on which wages are paid."""
    t, table = report.t, found.parts
    best = found.best if told(table["clear"], "products.days_of_month").any() else None
    if best is None:
        finding = t("pay_days.finding_none")
    else:
        bounds = factor_range(report, best["lower"], best["upper"])
        slots = {"first": best["first"], "last": best["last"], "index": best["index"], "interval": bounds}
        finding = t.of("pay_days.finding", slots)
    spans = zip(table["first"], table["last"], strict=True)
    data = pd.DataFrame(
        {
            "days": [f"{first}–{last}" for first, last in spans],
            "index": table["index"],
            "range": together(table["lower"], table["upper"]),
            "clear": [t("yes") if c else t("no") for c in told(table["clear"], "products.days_of_month")],
        }
    )
    block = blocks.chart(
        figures.columns(data, "days", ["index"], fmt="number:2", x_title=t("pay_days.axis")),
        finding=finding,
        data=data,
        caption=t("pay_days.caption", n=found.months),
        formats={"index": "number:2", "range": "interval:number:2"},
        names=names(report, *data.columns),
    )
    return placed(report, block, "pay_days")


@section(part="own_day", needs=without("own_day"), small=small_form.comes_with_models)
def who_keeps_to_a_day(report: ProductReport, found: HabitualDays) -> Block:
    """Customers with a weekday of their own."""
    t = report.t
    message = "finding" if found.share > 0 and may_claim("products.own_day") else "finding_none"
    data = pd.DataFrame(
        {
            "day": [t(f"day.{day}") for day in found.weekdays["weekday"]],
            "customers": found.weekdays["customers"],
            "share_of_orders": found.weekdays["shop"],
        }
    )
    block = blocks.table(
        data,
        finding=t.of(f"own_day.{message}", {"share": found.share, "n": found.looked_at}),
        caption=t("own_day.caption"),
        formats={"customers": "count", "share_of_orders": "percent:0"},
        names=names(report, *data.columns),
    )
    return placed(report, block, "own_day")
