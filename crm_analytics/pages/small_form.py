"""The small form of a report: what is known of a base too small for its models, and when they begin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses import btyd
from crm_analytics.analyses.overview import Overview
from crm_analytics.pages import blocks, figures, provenance, words
from crm_analytics.pages.people import called

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block
    from crm_analytics.tables.customer_base import CustomerBase

SEGMENTS_FROM = 100  # customers; five bins then hold twenty each, and a share is sure to ± 10 points


def headline(base: CustomerBase, seen: Overview) -> Block:
    """What there is, in one sentence."""
    again = seen.returning / seen.customers if seen.customers else 0.0
    return blocks.headline(
        f"{words.plural(seen.customers, 'customer')}, {words.plural(seen.orders, 'order')}, "
        f"{words.money(seen.revenue, base.currency)} so far; {words.percent(again, 0)} came back",
        f"From {words.date(base.first_day)} to {words.date(base.day)}. That is too little for a statistical "
        "model, and enough to know your customers by heart: here is what is known, and from how many "
        "customers on each model begins.",
        thin=True,
    )


def kpis(base: CustomerBase, seen: Overview) -> Block:
    """Four plain counts."""
    per_order = seen.revenue / seen.orders if seen.orders else None
    return blocks.kpis(
        blocks.kpi("Customers", words.count(seen.customers), note=f"{words.count(seen.returning)} came back"),
        blocks.kpi("Orders", words.count(seen.orders), note="days on which a customer bought"),
        blocks.kpi("Revenue", words.money(seen.revenue, base.currency), note="net of returns"),
        blocks.kpi("An order is worth", words.money(per_order, base.currency), note="on average"),
    )


def thanks(base: CustomerBase, seen: Overview, show_customers: bool) -> Block:
    """Whom to thank: the customers who came most often."""
    best = seen.regulars[seen.regulars["order_count"] > 1].head(3)
    if best.empty:
        return blocks.actions(
            blocks.action(
                "Ask every customer to come back once.",
                "Nobody has bought on two days yet; the second purchase is what models are made of.",
            )
        )
    names = words.listing(called(base, best["customer_id"], show_customers))
    silent = seen.regulars[
        seen.regulars["last_day"] < seen.regulars["last_day"].max() - pd.Timedelta(days=14)
    ]
    items = [
        blocks.action(
            f"Thank {names} in person.",
            f"They came {words.listing(best['order_count'].map(words.count))} times.",
            value_at_stake=f"{words.money(best['revenue'].sum(), base.currency)} so far",
        )
    ]
    missed = silent[silent["order_count"] > 1]
    if len(missed):
        items.append(
            blocks.action(
                f"Ask after {words.listing(called(base, missed['customer_id'].head(3), show_customers))}.",
                "They used to come and were last seen more than two weeks before the others.",
                value_at_stake=f"{words.money(missed['revenue'].head(3).sum(), base.currency)} so far",
            )
        )
    return blocks.actions(*items)


def regulars(base: CustomerBase, seen: Overview, show_customers: bool) -> Block:
    """The customers who came most often, with their last visit."""
    frame = seen.regulars.copy()
    frame["customer_id"] = called(base, frame["customer_id"], show_customers)
    frame = frame.rename(
        columns={"customer_id": "customer", "order_count": "orders", "last_day": "last_visit"}
    )
    first = frame.iloc[0]
    return blocks.table(
        frame,
        finding=f"{first['customer']} came most often: {words.plural(first['orders'], 'time')}",
        caption="Ten customers at the most, by number of orders.",
        formats={"revenue": f"money:{base.currency}", "last_visit": "date:short"},
    )


def favourites(base: CustomerBase, seen: Overview) -> Block:
    """What they buy, or on which day they come where no product is known."""
    if seen.favourites.empty:
        top = seen.weekdays.loc[seen.weekdays["orders"].idxmax()]
        return blocks.chart(
            figures.columns(seen.weekdays, x="weekday", ys=["orders"]),
            finding=f"{top['weekday']} is the busiest day, with {words.plural(top['orders'], 'order')}",
            data=seen.weekdays,
            caption="Orders by day of the week. With so few, a difference of two or three is chance.",
        )
    best = seen.favourites.iloc[0]
    return blocks.chart(
        figures.bars(seen.favourites, y="product", x="revenue", prefix=_prefix(base.currency)),
        finding=f"{best['product']} brings most: {words.money(best['revenue'], base.currency)}",
        data=seen.favourites,
        caption="Revenue by product; the table counts who bought it, and how often.",
        formats={"revenue": f"money:{base.currency}"},
    )


def when_models_begin(seen: Overview) -> Block:
    """From how many customers on each model speaks."""
    rows = [
        ("Segments (RFM)", SEGMENTS_FROM, "customers", seen.customers),
        ("Lifetime value (BG/NBD)", btyd.MINIMUM_CUSTOMERS, "customers", seen.customers),
        ("… of whom bought again", btyd.MINIMUM_REPEATERS, "customers", seen.returning),
        ("Spend per order (Gamma-Gamma)", btyd.MINIMUM_REPEATERS, "repeat buyers", seen.returning),
    ]
    frame = pd.DataFrame(rows, columns=["model", "begins_at", "counted", "you_have"])
    frame["still_missing"] = (frame["begins_at"] - frame["you_have"]).clip(lower=0)
    missing = int(frame["still_missing"].max())
    return blocks.table(
        frame,
        finding=f"Models begin {words.plural(missing, 'customer')} from here"
        if missing
        else "There are customers enough for the models, but too short a time",
        caption="Below these numbers a model would give figures that mean nothing; so it says nothing.",
    )


def method(base: CustomerBase) -> Block:
    """How the plain counts were made."""
    return blocks.method(
        {
            "Data": provenance.data(base),
            "Order": provenance.ORDER,
            "Not in here": "Forecasts, segments, intervals: with so few customers chance decides them.",
        }
    )


def _prefix(currency: str) -> str:
    return words.money(0, currency).replace("0", "") if words.money(0, currency)[0] != "0" else ""
