"""The small form of a report: what is known of a base too small for its models, and when they begin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses import btyd
from crm_analytics.analyses.overview import Overview, overview
from crm_analytics.pages import blocks, figures, words
from crm_analytics.reports.shared.report import Report

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block
    from crm_analytics.tables.customer_base import CustomerBase

SILENT = pd.Timedelta(days=14)  # behind the others: time to ask after somebody
SEGMENTS_FROM = 100  # customers; five bins then hold twenty each, and a share is sure to ± 10 points


@dataclass(frozen=True, kw_only=True, eq=False)
class SmallReport(Report):
    """What the small form of any report is made from."""

    seen: Overview
    nothing: str = ""  # with customers enough: what there is none of


def too_small(base: CustomerBase, show_customers: bool, seen: Overview | None = None) -> SmallReport | None:
    """The small form of a report, where the base is too small for any; None where it is not.

    Parameters
    ----------
    seen : the overview of the base, where it is at hand
    """
    seen = seen or overview(base)
    if seen.customers >= SEGMENTS_FROM and seen.revenue > 0:
        return None
    return SmallReport(base=base, show_customers=show_customers, seen=seen)


def headline(report: SmallReport) -> Block:
    """What there is, in one sentence."""
    base, seen = report.base, report.seen
    again = seen.returning / seen.customers if seen.customers else 0.0
    if report.nothing:
        have = f"{words.plural(seen.customers, 'customer')} with {words.plural(seen.orders, 'order')}"
        return blocks.headline(report.nothing, f"In all, there are {have}.", thin=True)
    return blocks.headline(
        f"{words.plural(seen.customers, 'customer')}, {words.plural(seen.orders, 'order')}, "
        f"{report.money(seen.revenue)} so far; {words.percent(again, 0)} came back",
        f"From {words.date(base.first_day)} to {words.date(base.day)}. That is too little for a statistical "
        "model, and enough to know your customers by heart: here is what is known, and from how many "
        "customers on each model begins.",
        thin=True,
    )


def kpis(report: SmallReport) -> Block:
    """Four plain counts."""
    seen = report.seen
    per_order = seen.revenue / seen.orders if seen.orders else None
    return blocks.kpis(
        blocks.kpi("Customers", words.count(seen.customers), note=f"{words.count(seen.returning)} came back"),
        blocks.kpi("Orders", words.count(seen.orders), note="days on which a customer bought"),
        blocks.kpi("Revenue", report.money(seen.revenue), note="net of returns"),
        blocks.kpi("An order is worth", report.money(per_order), note="on average"),
    )


def thanks(report: SmallReport) -> Block:
    """Whom to thank: the customers who came most often; and whom to ask after."""
    regulars = report.seen.regulars
    again = regulars[regulars["order_count"] > 1]
    if again.empty:
        return blocks.actions(
            blocks.action(
                "Ask every customer to come back once.",
                "Nobody has bought on two days yet; the second purchase is what models are made of.",
            )
        )
    missed = again[again["last_day"] < again["last_day"].max() - SILENT].head(3)
    best = again.drop(missed.index).head(3)
    items = [
        _who(report, best, "Thank {} in person.", "They came {} times."),
        _who(report, missed, "Ask after {}.", "They came {} times, and not for two weeks."),
    ]
    return blocks.actions(*(item for item in items if item))


def _who(report: SmallReport, rows: pd.DataFrame, do: str, why: str) -> dict[str, str] | None:
    if rows.empty:
        return None
    return blocks.action(
        do.format(words.listing(report.called(rows["customer_id"]))),
        why.format(words.listing(rows["order_count"].map(words.count))),
        value_at_stake=f"{report.money(rows['revenue'].sum())} so far",
    )


def regulars(report: SmallReport) -> Block:
    """The customers who came most often, with their last visit."""
    frame = report.seen.regulars.copy()
    frame["customer_id"] = report.called(frame["customer_id"])
    frame = frame.rename(
        columns={"customer_id": "customer", "order_count": "orders", "last_day": "last_visit"}
    )
    first = frame.iloc[0]
    return blocks.table(
        frame,
        finding=f"{first['customer']} came most often: {words.plural(first['orders'], 'time')}",
        caption="Ten customers at the most, by number of orders.",
        formats={"revenue": report.currency, "last_visit": "date:short"},
    ).under("Regulars")


def last_visits(report: SmallReport) -> Block:
    """The regulars by their last visit, the longest silent first."""
    frame = report.seen.regulars.sort_values(["last_day", "customer_id"], ignore_index=True)
    frame["customer_id"] = report.called(frame["customer_id"])
    frame["days_silent"] = (pd.Timestamp(report.base.day) - frame["last_day"]).dt.days
    first = frame.iloc[0]
    return blocks.table(
        frame[["customer_id", "last_day", "days_silent", "order_count"]].rename(
            columns={"customer_id": "customer", "last_day": "last_visit", "order_count": "orders"}
        ),
        finding=f"{first['customer_id']} has been away longest of the regulars: "
        f"{words.plural(first['days_silent'], 'day')}",
        caption="The ten customers who came most often.",
        formats={"last_visit": "date:short"},
    ).under("Last visits")


def favourites(report: SmallReport) -> Block:
    """What they buy; where no product is known, on which day they come."""
    seen = report.seen
    if seen.favourites.empty:
        return weekdays(report)
    best = seen.favourites.iloc[0]
    symbol = report.money(0).partition("0")[0]
    return blocks.chart(
        figures.bars(seen.favourites, y="product", x="revenue", prefix=symbol),
        finding=f"{best['product']} brings most: {report.money(best['revenue'])}",
        data=seen.favourites,
        caption="Revenue by product; the table counts who bought it, and how often.",
        formats={"revenue": report.currency},
    ).under("Favourites")


def weekdays(report: SmallReport) -> Block:
    """On which day of the week they come."""
    seen = report.seen
    top = seen.weekdays.nlargest(1, "orders").iloc[0]
    return blocks.chart(
        figures.columns(seen.weekdays, x="weekday", ys=["orders"]),
        finding=f"{top['weekday']} is the busiest day, with {words.plural(top['orders'], 'order')}",
        data=seen.weekdays,
        caption="Orders by day of the week. With so few, a difference of two or three is chance.",
    ).under("Busiest day")


def when_models_begin(report: SmallReport) -> Block:
    """From how many customers on each model speaks."""
    seen = report.seen
    rows = [
        ("Segments (RFM)", SEGMENTS_FROM, "customers", seen.customers),
        ("Lifetime value (BG/NBD)", btyd.MINIMUM_CUSTOMERS, "customers", seen.customers),
        ("… of whom bought again", btyd.MINIMUM_REPEAT_BUYERS, "customers", seen.returning),
        ("Spend per order (Gamma-Gamma)", btyd.MINIMUM_REPEAT_BUYERS, "repeat buyers", seen.returning),
    ]
    frame = pd.DataFrame(rows, columns=["model", "begins_at", "counted", "you_have"])
    frame["still_missing"] = (frame["begins_at"] - frame["you_have"]).clip(lower=0)
    missing = int(frame["still_missing"].max())
    return blocks.table(
        frame,
        finding=f"Models begin {words.plural(missing, 'customer')} from here"
        if missing
        else "There are customers enough, but no money or no repeat purchases to model",
        caption="Below these numbers a model would give figures that mean nothing; so it says nothing.",
    ).under("From how many customers on")


def method(report: SmallReport) -> Block:
    """How the plain counts were made."""
    left_out = "Forecasts, segments, intervals: with so few customers chance decides them."
    return blocks.method(report.method | {"Not in here": left_out})


def record(report: SmallReport) -> Block:
    """The key numbers of a small base."""
    return blocks.record(**report.facts)


def too_few(
    what: str, text: str = "That begins with {needed} customers; there are {customers}."
) -> Callable[[SmallReport], Block]:
    """A section's small form: that it says nothing yet, and from how many customers it will.

    Parameters
    ----------
    what : the sentence
    text : what stands under it, with {needed}, {customers} ("12 customers") and {number}
    """

    def said(report: SmallReport) -> Block:
        n = words.plural(report.seen.customers, "customer")
        if report.nothing:
            return blocks.note("There is nothing to show", f"{report.nothing}.")
        if report.seen.customers >= SEGMENTS_FROM:
            return blocks.note(what, f"There are {n}, but no revenue to speak of.")
        counted = {"needed": words.count(SEGMENTS_FROM), "number": words.count(report.seen.customers)}
        return blocks.note(what, text.format(**counted, customers=n))

    return said
