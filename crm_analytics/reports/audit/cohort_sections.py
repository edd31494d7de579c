"""The audit's cohorts: who comes back, how a cohort ages, its worth, and who brings today's revenue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import plotly.graph_objects as go

from crm_analytics.analyses.cohorts import MINIMUM, NOBODY, Cohorts
from crm_analytics.pages import blocks, cohort_figures, figures, words
from crm_analytics.reports.audit import cohort_findings
from crm_analytics.reports.audit.cohort_words import (
    about_hatched,
    about_old,
    age_in_words,
    have_lived,
    named,
    period_in_short,
    span_in_short,
)
from crm_analytics.reports.audit.report import AuditReport
from crm_analytics.reports.audit.sections import PERCENT, names, placed
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import interval

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block

MOST_ROWS = 18  # cohorts of a triangle that a page has room for
GROUPS = 5  # shades of a stack
SEEN = 0.005  # of all revenue: less would be a key without a mark


@section(small=small_form.folded(small_form.weekdays))
def do_they_come_back(report: AuditReport) -> Block:
    """The retention triangle: of each cohort, who bought again in each later period."""
    t, found = report.t, report.cohorts
    if found is None or have_lived(found) < MINIMUM:
        return _too_young(report, "cohorts")
    cells = named(found, found.retention[found.retention["age"] >= 1].reset_index(drop=True))
    columns = ["name", "age", "active", "customers", "share", "lower", "upper", "still_share"]
    columns += ["returned_share", "partial"]
    shares = ("share", "lower", "upper", "still_share", "returned_share")
    said = [t("come.caption", every=t(f"every.{found.every}")), cohort_findings.newest(t, found)]
    return placed(
        blocks.chart(
            _triangle(report, found, cells, "share", PERCENT, PERCENT),
            finding=cohort_findings.retention(t, found),
            data=_marked(report, cells[columns]),
            caption=" ".join([*said, *_marks(report, found, cells)]),
            formats=dict.fromkeys(shares, PERCENT),
            names=_titles(report, found, *columns),
        ),
        report,
        "cohorts",
    )


@section(small=small_form.folded(small_form.when_models_begin))
def how_a_cohort_ages(report: AuditReport) -> Block:
    """Retention by age with intervals: the cohorts of the last year against those before."""
    t, found = report.t, report.cohorts
    if found is None or have_lived(found) < MINIMUM:
        return _too_young(report, "age")
    both, said = found.recent, [t("age.caption")]
    if found.fading is not None:
        points = interval(t, 100 * found.fading.lower, 100 * found.fading.upper, "number:1")
        said.append(t("age.points", points=points))
    if both is None:
        rows = found.ageing[found.ageing["age"] >= 1].reset_index(drop=True)
        data = rows[["age", "cohorts", "active", "customers", "share", "lower", "upper"]]
        figure = figures.lines(
            rows, "age", ["share"], ("lower", "upper"), names=names(report, "share"),
            x_title=_axis(report, found), fmt=PERCENT,
        )  # fmt: skip
        formats = dict.fromkeys(("share", "lower", "upper"), "percent")
    else:
        rows = both.by_age[both.by_age["age"] >= 1].reset_index(drop=True)
        newer, earlier = span_in_short(both.newer), span_in_short(both.earlier)
        sides = (t("age.won", period=newer), t("age.won", period=earlier))
        figure = cohort_figures.ribbons(
            rows, "age", "share", "lower", "upper", names=sides, x_title=_axis(report, found), fmt=PERCENT
        )
        data, formats = _side_by_side(rows), dict.fromkeys(("share", "share_earlier"), "percent")
        formats |= dict.fromkeys(("interval", "interval_earlier"), "interval:percent")
        formats["difference"] = "interval:number:1"
        said.insert(0, t("age.sides", newer=newer, earlier=earlier, later=age_in_words(t, found, both.age)))
        said.append(cohort_findings.against(t, found, both))
    block = blocks.chart(
        figure,
        finding=cohort_findings.ageing(t, found),
        data=data,
        caption=" ".join(said),
        formats=formats,
        names=_titles(report, found, *data.columns),
    )
    return placed(block, report, "age")


def _side_by_side(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "age": rows["age"],
            "active": rows["active"],
            "customers": rows["customers"],
            "share": rows["share"],
            "interval": blocks.together(rows["lower"], rows["upper"]),
            "active_earlier": rows["active_earlier"],
            "customers_earlier": rows["customers_earlier"],
            "share_earlier": rows["share_earlier"],
            "interval_earlier": blocks.together(rows["lower_earlier"], rows["upper_earlier"]),
            "difference": blocks.together(100 * rows["difference_lower"], 100 * rows["difference_upper"]),
        }
    )


@section(small=small_form.comes_with_models)
def what_a_cohort_is_worth(report: AuditReport) -> Block:
    """The triangle of value: revenue per customer since the first purchase."""
    t, found = report.t, report.cohorts
    if found is None or have_lived(found) < MINIMUM:
        return _too_young(report, "worth")
    cells = named(found, found.cumulative_value)
    margin = bool(cells["margin"].notna().any())
    money = ["revenue", "value_per_customer", "lower", "upper", *(["margin_per_customer"] if margin else [])]
    columns = ["name", "age", "customers", *money, "partial"]
    said = [t("worth.caption"), *cohort_findings.value_of_newest(t, found), *_marks(report, found, cells)]
    if not margin:
        said.append(t("worth.no_margin"))
    symbol = f"compact:{report.base.currency}"
    return placed(
        blocks.chart(
            _triangle(report, found, cells, "value_per_customer", symbol, report.currency),
            finding=cohort_findings.value(t, found),
            data=_marked(report, cells[columns]),
            caption=" ".join(said),
            formats=dict.fromkeys(money, report.currency),
            names=_titles(report, found, *columns),
        ),
        report,
        "worth",
    )


def _triangle(  # noqa: PLR0917
    report: AuditReport, found: Cohorts, cells: pd.DataFrame, value: str, short: str, fmt: str
) -> go.Figure:
    t, kept = report.t, sorted(cells["cohort"].unique())[-MOST_ROWS:]
    shown = cells[cells["cohort"].isin(kept)].reset_index(drop=True)
    told = [
        t(
            "cell.partial" if partial else "cell.whole",
            **{"name": name, "later": age_in_words(t, found, age), "value": words.say(x, fmt)},
            **({} if partial else {"interval": interval(t, lower, upper, fmt)}),
        )
        for name, age, x, lower, upper, partial in shown[
            ["name", "age", value, "lower", "upper", "partial"]
        ].itertuples(index=False)
    ]
    sizes = shown["name"] + " · " + shown["customers"].map(words.count)
    return cohort_figures.triangle(
        shown.assign(name=sizes, told=told), "name", "age", value, "partial", aside="left_truncated",
        x_title=_axis(report, found), fmt=short, hover="told",
    )  # fmt: skip


@section(small=small_form.comes_with_models)
def who_brings_todays_revenue(report: AuditReport) -> Block:
    """The C3: revenue of each period by when its customers were won."""
    t, found = report.t, report.cohorts
    if found is None:
        return _too_young(report, "whole")
    groups = _groups(report, found)
    parts = found.whole.assign(won=found.whole["cohort"].map(groups))
    parts = parts.groupby(["period", "won"], sort=False)["revenue"].sum().reset_index()
    table = parts.pivot(index="period", columns="won", values="revenue").reindex(
        columns=[name for name in dict.fromkeys(groups.values()) if name in set(parts["won"])]
    )
    drawn = parts.assign(period=parts["period"].map(period_in_short))
    partial = found.periods.loc[found.periods["partial"], "period"].map(period_in_short)
    nobody = drawn["won"] == groups[NOBODY]
    if drawn.loc[nobody, "revenue"].abs().sum() < SEEN * drawn["revenue"].abs().sum():
        drawn = drawn[~nobody]
    data = _by_period(report, found, table)
    return placed(
        blocks.chart(
            cohort_figures.stack(
                drawn, "period", "won", "revenue", partial=set(partial), quiet=groups[NOBODY],
                fmt=report.currency,
            ),
            finding=cohort_findings.whole(t, found),
            data=data,
            caption=" ".join([t("whole.caption"), *about_hatched(t, found), *about_old(t, found)]),
            formats=dict.fromkeys(("revenue", *table.columns), report.currency)
            | {"share_before": PERCENT, "interval": "interval:percent"},
            names=names(report, "period", "new_customers", "revenue", "share_before", "interval"),
        ),
        report,
        "whole",
    )  # fmt: skip


def _by_period(report: AuditReport, found: Cohorts, parts: pd.DataFrame) -> pd.DataFrame:
    rows = found.periods
    data = pd.DataFrame(
        {
            "period": rows["period"],
            "new_customers": rows["new_customers"],
            "revenue": rows["revenue"],
            "share_before": rows["share_before"],
            "interval": blocks.together(rows["lower"], rows["upper"]),
        }
    ).merge(parts, on="period", how="left")
    called = [
        report.t("whole.partial", period=period_in_short(label)) if partial else period_in_short(label)
        for label, partial in zip(rows["period"], rows["partial"], strict=True)
    ]
    return data.assign(period=called)


def _groups(report: AuditReport, found: Cohorts) -> dict[str, str]:
    """Cohort -> the part of the stack it belongs to: years where there are some, else equal runs."""
    labels = sorted(set(found.whole["cohort"]) - {NOBODY})
    years = sorted({label[:4] for label in labels})
    if len(years) >= 3:
        first = years[-GROUPS:][0]
        called = {y: y if y > first or y == years[0] else report.t("whole.until", year=first) for y in years}
        parts = {label: called[max(label[:4], first)] for label in labels}
    else:
        size = -(-len(labels) // GROUPS)
        runs = [labels[start : start + size] for start in range(0, len(labels), size)]
        parts = {label: span_in_short(run) for run in runs for label in run}
    return {**parts, NOBODY: report.t("segment.no_purchase")}


def _axis(report: AuditReport, found: Cohorts) -> str:
    return report.t(f"axis.{found.every}")


def _titles(report: AuditReport, found: Cohorts, *columns: str) -> dict[str, str]:
    return names(report, *columns) | {"age": report.t(f"ages.{found.every}")}


def _marked(report: AuditReport, cells: pd.DataFrame) -> pd.DataFrame:
    said = [report.t("yes" if partial else "no") for partial in cells["partial"]]
    return cells.assign(partial=said).reset_index(drop=True)


def _marks(report: AuditReport, found: Cohorts, cells: pd.DataFrame) -> list[str]:
    """What was left out of a triangle, hatched or starred in it."""
    more = cells["cohort"].nunique() - MOST_ROWS
    left_out = [report.t("cell.more", rows=MOST_ROWS, more=more)] if more > 0 else []
    return [*left_out, *about_hatched(report.t, found), *about_old(report.t, found)]


def _too_young(report: AuditReport, name: str) -> Block:
    found, t = report.cohorts, report.t
    if found is None:
        return placed(blocks.note(t("young.nobody")), report, name)
    every = t(f"every.{found.every}")
    note = blocks.note(t("young.finding", need=MINIMUM, n=have_lived(found), every=every),
                       " ".join([*about_hatched(t, found), *about_old(t, found)]))  # fmt: skip
    return placed(note, report, name)
