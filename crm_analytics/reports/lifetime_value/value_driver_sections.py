"""Who carries the value, by segment and by place today and to come; who is overlooked; what has changed."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.btyd.checks.drift import LIMIT
from crm_analytics.pages import blocks, figures, words
from crm_analytics.reports.lifetime_value.report import ValueReport
from crm_analytics.reports.shared.section import section

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block
    from crm_analytics.reports.lifetime_value.value_drivers import Carriers

TOP = 10
AT_RISK = "Value at risk: value to come × the chance that the customer has left already, by MBG/NBD."
_SMALL = blocks.note("This comes with the models", "Until then the list of customers is the answer.")


@section("By segment", part="carriers", needs="What each segment will bring cannot be told", small=_SMALL)
def value_by_segment(report: ValueReport, parts: Carriers) -> Block:
    """What each RFM segment will bring, with its interval."""
    table = parts.segments
    if table is None or table.empty:
        return blocks.note("Segments cannot be told yet", "They begin with 100 customers.")
    money, total = report.currency, float(table["value"].sum())
    first = table.iloc[0]
    return blocks.chart(
        figures.intervals(table, "segment", "value", "lower", "upper", fmt=money),
        finding=f"“{first['segment']}”, {words.plural(first['customers'], 'customer')}, will bring "
        f"{words.percent(first['value'] / total, 0)} of it: {report.money(first['value'])} "
        f"({words.interval(first['lower'], first['upper'], money)})",
        data=table[["segment", "customers", "value", "lower", "upper"]],
        caption="95 %, from the uncertainty of the parameters and from chance together; each segment by "
        "itself, "
        f"so they do not add up to the interval of the total. {_apart(report)}",
        formats=dict.fromkeys(("value", "lower", "upper"), money),
    )


def _apart(report: ValueReport) -> str:
    """Past, horizon, beyond, margin: the parts of what a base is worth."""
    parts, value = report.carriers, report.forecast.value.mean
    said = (
        f"Apart from it: {report.money(parts.past)} so far, which is past; "
        f"{words.percent(parts.beyond, 0)} of what customers will ever bring, discounted, lies beyond these "
        f"{report.span}."
    )
    if parts.margin is not None:
        said += (
            f" At the margin of the past, {words.percent(parts.margin, 0)}, "
            f"{report.money(parts.margin * value)} "
            "are left of it."
        )
    return said


@section(
    "Today and to come",
    part="carriers",
    needs="Today against to come cannot be told in money",
    small=_SMALL,
)
def today_and_to_come(report: ValueReport, parts: Carriers) -> Block:
    """Nine fields with a play and a ceiling."""
    table = parts.grid.fields
    shown = table[table["customers"] > 0].reset_index(drop=True)
    rising = table[(table["to_come"] == "Top 20 %") & (table["today"] != "Top 20 %")]
    money = report.currency
    finding = (
        f"{words.plural(rising['customers'].sum(), 'customer')} of the best fifth to come are not among "
        "today's best"
        if rising["customers"].sum()
        else "The best fifth to come are today's best"
    )
    return blocks.table(
        shown,
        finding=finding,
        caption="Today: by revenue of the last 52 weeks. To come: by forecast. "
        + (
            "Ceiling: forecast margin of a mean customer; more may not be spent on keeping one."
            if "ceiling" in shown
            else "Without unit costs there is no ceiling: the margin is not known."
        ),
        formats={"revenue": money, "value": money, "ceiling": money}
        if "ceiling" in shown
        else {"revenue": money, "value": money},
    )


@section(
    "Who is overlooked", part="carriers", needs="Who is overlooked cannot be told by value", small=_SMALL
)
def who_is_overlooked(report: ValueReport, parts: Carriers) -> Block:
    """High forecast, low past, not contacted."""
    grid = parts.grid
    many = int(grid.overlooked.count().to_pyarrow().as_py())
    if not many:
        return blocks.note(
            "Nobody is overlooked", "Whoever is in the best fifth to come has been looked after."
        )
    overlooked = grid.overlooked.left_join(
        report.forecast.scored.select("customer_id", "probability_alive"), "customer_id"
    ).drop("customer_id_right")
    found = report.base.collect(overlooked.order_by([ibis.desc("lifetime_value"), "customer_id"]).limit(TOP))
    money = report.currency
    value = found["lifetime_value"].astype("float64")
    shown = pd.DataFrame(
        {
            "customer": report.called(found["customer_id"]),
            "revenue_of_52_weeks": found["revenue"].astype("float64"),
            "value_to_come": value,
            "value_at_risk": value * (1 - found["probability_alive"].astype("float64")),
        }
    )
    if not report.forecast.tells_who_left:
        shown = shown.drop(columns="value_at_risk")
    known = "not contacted for 90 days" if grid.contacts_known else "contacts are not known"
    return blocks.table(
        shown,
        finding=f"{words.plural(many, 'customer')} of the best fifth to come bought little so far: {known}",
        caption="In the lower half by revenue of the last 52 weeks, in the best fifth by forecast."
        + (f" {AT_RISK}" if "value_at_risk" in shown else ""),
        formats={str(c): money for c in shown if c != "customer"},
    )


def _in_words(reason: str) -> str:
    """A reason with its days as people write them."""
    said = re.sub(r"\d{4}-\d{2}-\d{2}", lambda m: words.date(date.fromisoformat(m.group())), reason)
    return said[:1].upper() + said[1:]


@section(
    "Has anything changed since the last fit",
    part="carriers",
    needs="What has changed is not told where purchases have no price",
    small=blocks.note("There is no fit to compare with yet"),
)
def what_has_changed(report: ValueReport, parts: Carriers) -> Block:
    """Purchases against those of an earlier fit, added up week by week."""
    found = parts.drift
    if found is None or report.earlier_day is None:
        why = report.not_compared or "It needs four weeks and enough customers."
        return blocks.note("There is no earlier fit to compare with", why)
    table = found.tracking
    last = table.iloc[-1]
    shown = table.assign(
        lower=-LIMIT * table["standard_error"], upper=LIMIT * table["standard_error"], as_fitted=0.0
    )
    if found.refit:
        finding = f"{_in_words(found.reasons[0])}: fit again, or think of the season"
    else:
        finding = f"Nothing speaks for another fit since {words.date(report.earlier_day)}"
    stable = "; ".join(
        f"{row['of']} {words.number(row['psi'], 2)} ({row['reading']})"
        for _, row in found.stability.iterrows()
    )
    return blocks.chart(
        figures.lines(
            shown, "day", ["as_fitted", "cusum"], ("lower", "upper"),
            names={"as_fitted": "as fitted", "cusum": "came, less expected"}, context=("as_fitted",),
            fmt="count",
            zero=False,
        ),
        finding=finding,
        data=table,
        caption=f"Purchases of customers known on {words.date(report.earlier_day)}, less those the models "
        "of that "
        f"day expected, added up: {words.number(last['cusum'], 0)} by now. Band: {LIMIT:g} standard errors. "
        f"How customers are spread, against then (population stability, .1 is a move, .25 far): {stable}. A "
        "season moves it, too: the models here know none.",
        formats={"actual": "count"} | dict.fromkeys(("expected", "cusum", "standard_error"), "number:1"),
    )  # fmt: skip
