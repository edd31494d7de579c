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
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block
    from crm_analytics.reports.audit.report import AuditReport

MOST_ROWS = 18  # cohorts of a triangle that a page has room for
GROUPS = 5  # shades of a stack
SEEN = 0.005  # of all revenue: less would be a key without a mark


@section(small=small_form.last_visits)
def do_they_come_back(report: AuditReport) -> Block:
    """The retention triangle: of each cohort, who bought again in each later period."""
    found = report.cohorts
    if found is None or have_lived(found) < MINIMUM:
        return _too_young(found)
    cells = named(found, found.retention[found.retention["age"] >= 1].reset_index(drop=True))
    data = cells[
        ["name", "age", "active", "customers", "share", "lower", "upper", "still_share", "returned_share",
         "partial"]
    ].rename(
        columns={
            **_titles(found), "active": "bought", "customers": "of", "still_share": "then or later",
            "returned_share": "came back by then",
        }
    )  # fmt: skip
    return blocks.chart(
        _triangle(found, cells, "share", "percent:0", "percent:0"),
        finding=cohort_findings.retention(found),
        data=data,
        caption="Share of each cohort (its customers stand beside its name) that bought at least once in "
        f"that {found.every}. {_left_out(cells)}{about_hatched(found)}{about_old(found)}",
        formats=dict.fromkeys(("share", "lower", "upper", "then or later", "came back by then"), "percent:0"),
    )


@section(small=small_form.weekdays)
def how_a_cohort_ages(report: AuditReport) -> Block:
    """Retention by age with intervals: the cohorts of the last year against those before."""
    found = report.cohorts
    if found is None or have_lived(found) < MINIMUM:
        return _too_young(found, "How a cohort ages is not known yet")
    both, finding = found.recent, cohort_findings.ageing(found)
    caption = """Ribbons: 95 % intervals. Each age counts the cohorts that have lived it to its end, so the
        oldest ages rest on the oldest cohorts alone; season and campaigns hit every cohort at another
        age."""
    if both is None:
        rows = found.ageing[found.ageing["age"] >= 1].reset_index(drop=True)
        columns = ["age", "cohorts", "active", "customers", "share", "lower", "upper"]
        return blocks.chart(
            figures.lines(rows, "age", ["share"], ("lower", "upper"), x_title=_axis(found), fmt="percent:0"),
            finding=finding,
            data=rows[columns].rename(columns=_titles(found)),
            caption=caption,
            formats=dict.fromkeys(("share", "lower", "upper"), "percent"),
        )
    rows = both.by_age[both.by_age["age"] >= 1].reset_index(drop=True)
    newer, earlier = f"won {span_in_short(both.newer)}", f"won {span_in_short(both.earlier)}"
    if found.newest is None or both.newer != found.newest.newer:  # else the triangle has said it
        finding += f". Those {newer} {cohort_findings.against(found, both)}"
    return blocks.chart(
        cohort_figures.ribbons(
            rows, "age", "share", "lower", "upper", names=(newer, earlier), x_title=_axis(found),
            fmt="percent:0",
        ),
        finding=finding,
        data=_side_by_side(found, rows),
        caption=f"Blue: customers {newer}; grey: {earlier}. Compared {age_in_words(found, both.age)}, the "
        f"oldest age that all newer cohorts have lived. {caption}",
        formats=dict.fromkeys(("share", "share, earlier"), "percent")
        | dict.fromkeys(("interval", "interval, earlier", "difference"), "interval:percent"),
    )  # fmt: skip


def _side_by_side(found: Cohorts, rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            f"{found.every}s later": rows["age"],
            "bought": rows["active"],
            "of": rows["customers"],
            "share": rows["share"],
            "interval": blocks.together(rows["lower"], rows["upper"]),
            "bought, earlier": rows["active_earlier"],
            "of, earlier": rows["customers_earlier"],
            "share, earlier": rows["share_earlier"],
            "interval, earlier": blocks.together(rows["lower_earlier"], rows["upper_earlier"]),
            "difference": blocks.together(rows["difference_lower"], rows["difference_upper"]),
        }
    )


@section(small=small_form.regulars)
def what_a_cohort_is_worth(report: AuditReport) -> Block:
    """The triangle of value: revenue per customer since the first purchase."""
    found, currency = report.cohorts, report.base.currency
    if found is None or have_lived(found) < MINIMUM:
        return _too_young(found, "What a cohort is worth later is not known yet")
    cells = named(found, found.cumulative_value)
    margin = bool(cells["margin"].notna().any())
    money = ["revenue", "value_per_customer", "lower", "upper", *(["margin_per_customer"] if margin else [])]
    return blocks.chart(
        _triangle(found, cells, "value_per_customer", f"compact:{currency}", f"money:{currency}"),
        finding=cohort_findings.value(found, currency),
        data=cells[["name", "age", "customers", *money, "partial"]].rename(columns=_titles(found)),
        caption="Revenue net of returns since the first purchase, divided by all customers of the cohort, "
        f"also those who never came back. {_left_out(cells)}{about_hatched(found)}{about_old(found)}"
        + ("" if margin else "Margin is not shown: it needs the cost of what was sold (unit_cost)."),
        formats=dict.fromkeys(money, f"money:{currency}"),
    )


def _triangle(found: Cohorts, cells: pd.DataFrame, value: str, short: str, fmt: str) -> go.Figure:
    kept = sorted(cells["cohort"].unique())[-MOST_ROWS:]
    shown = cells[cells["cohort"].isin(kept)].reset_index(drop=True)
    told = [
        f"{name}, {age_in_words(found, age)}: {words.say(x, fmt)}"
        + (" so far" if partial else f" ({words.interval(lower, upper, fmt)})")
        for name, age, x, lower, upper, partial in shown[
            ["name", "age", value, "lower", "upper", "partial"]
        ].itertuples(index=False)
    ]
    sizes = shown["name"] + " · " + shown["customers"].map(words.count)
    return cohort_figures.triangle(
        shown.assign(name=sizes, told=told), "name", "age", value, "partial", aside="left_truncated",
        x_title=_axis(found), fmt=short, hover="told",
    )  # fmt: skip


@section(small=small_form.favourites)
def who_brings_todays_revenue(report: AuditReport) -> Block:
    """The C3: revenue of each period by when its customers were won."""
    found, currency = report.cohorts, report.base.currency
    if found is None:
        return _too_young(found)
    groups = _groups(found)
    parts = found.whole.assign(won=found.whole["cohort"].map(groups))
    parts = parts.groupby(["period", "won"], sort=False)["revenue"].sum().reset_index()
    table = parts.pivot(index="period", columns="won", values="revenue").reindex(
        columns=[name for name in dict.fromkeys(groups.values()) if name in set(parts["won"])]
    )
    drawn = parts.assign(period=parts["period"].map(period_in_short))
    partial = found.periods.loc[found.periods["partial"], "period"].map(period_in_short)
    nobody = drawn["won"] == NOBODY
    if drawn.loc[nobody, "revenue"].abs().sum() < SEEN * drawn["revenue"].abs().sum():
        drawn = drawn[~nobody]
    old = ""
    if found.cohorts["left_truncated"].any():
        old = f"Customers won before {words.date(found.begin)} count as won when they are first seen. "
    return blocks.chart(
        cohort_figures.stack(
            drawn, "period", "won", "revenue", partial=set(partial), quiet=NOBODY, fmt=report.currency
        ),
        finding=cohort_findings.whole(found, currency),
        data=_by_period(found, table),
        caption=f"Revenue net of returns by {found.every}, stacked by when its customers first bought: the "
        f"oldest at the bottom. {about_hatched(found)}{old}",
        formats=dict.fromkeys(("revenue", *table.columns), report.currency)
        | {"won before": "percent:0", "interval": "interval:percent"},
    )


def _by_period(found: Cohorts, parts: pd.DataFrame) -> pd.DataFrame:
    rows = found.periods
    data = pd.DataFrame(
        {
            "period": rows["period"],
            "new customers": rows["new_customers"],
            "revenue": rows["revenue"],
            "won before": rows["share_before"],
            "interval": blocks.together(rows["lower"], rows["upper"]),
        }
    ).merge(parts, on="period", how="left")
    names = rows["period"].map(period_in_short)
    return data.assign(period=names + rows["partial"].map({True: " (not whole)", False: ""}))


def _groups(found: Cohorts) -> dict[str, str]:
    """Cohort -> the part of the stack it belongs to: years where there are some, else equal runs."""
    labels = sorted(set(found.whole["cohort"]) - {NOBODY})
    years = sorted({label[:4] for label in labels})
    if len(years) >= 3:
        first = years[-GROUPS:][0]
        names = {y: y if y > first or y == years[0] else f"until {first}" for y in years}
        parts = {label: names[max(label[:4], first)] for label in labels}
    else:
        size = -(-len(labels) // GROUPS)
        runs = [labels[start : start + size] for start in range(0, len(labels), size)]
        parts = {label: span_in_short(run) for run in runs for label in run}
    return {**parts, NOBODY: NOBODY}


def _axis(found: Cohorts) -> str:
    return f"{found.every}s after the {found.every} of the first purchase"


def _titles(found: Cohorts) -> dict[str, str]:
    return {"name": "won in", "age": f"{found.every}s later", "partial": f"{found.every} not whole"}


def _left_out(cells: pd.DataFrame) -> str:
    more = cells["cohort"].nunique() - MOST_ROWS
    return f"The {MOST_ROWS} newest cohorts; the table has {more} more. " if more > 0 else ""


def _too_young(found: Cohorts | None, what: str = "") -> Block:
    if found is None:
        return blocks.note("Cohorts begin with the first purchase", "Nobody has bought yet.")
    lived, every = have_lived(found), found.every
    need = f"{words.count(MINIMUM)} new customers with a whole {every} after their first; there are {lived}"
    if what:
        return blocks.note(what, f"That begins with {need}.")
    finding = f"No new customers have lived a whole {every} after their first yet"
    if lived:
        finding = f"""Only {words.plural(lived, "new customer")} can be followed into the {every} after their
            first: cohorts speak from {MINIMUM} on"""
    return blocks.note(
        finding,
        f"There are {words.plural(found.cohorts['customers'].sum(), 'customer')} in "
        f"{words.plural(len(found.cohorts), 'cohort')}. {about_hatched(found)}{about_old(found)}",
    )
