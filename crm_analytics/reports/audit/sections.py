"""The audit below the first screen: how customers differ, how they change, where they came from."""

from __future__ import annotations

import pandas as pd

from crm_analytics.analyses.audit import Acquisition, Change, RevenueTree, ValueSpread, sources_apart
from crm_analytics.pages import blocks, curves, figures, words
from crm_analytics.pages.blocks import Block
from crm_analytics.reports.audit.report import AuditReport
from crm_analytics.reports.shared.section import section

FACTORS = {  # on the axis, where a phone has little room, and in a sentence
    "customers": ("customers", "The number of customers"),
    "frequency": ("orders each", "Orders a customer"),
    "order_value": ("order value", "Money an order"),
    "items": ("… pieces", "Pieces an order"),
    "price": ("… price", "Money a piece"),
}
MOVES = {
    "new": ("new", "New customers"),
    "reactivated": ("came back", "Customers who came back"),
    "repeating": ("stayed", "Customers who stayed"),
    "increased": ("spent more", "Customers who stayed and spent more"),
    "decreased": ("spent less", "Customers who stayed and spent less"),
    "lapsed": ("lapsed", "Customers who lapsed"),
    "returned": ("returns alone", "Customers with returns alone"),
}
KINDS = {"tickets": "tickets", "campaign_members": "mails of campaigns", "events": "touches"}
SAME = "Nothing moved revenue: it is what it was before"
NO_PAST = "The data do not hold two whole periods"


@section(
    part="spread",
    needs=blocks.note("Too few customers bought lately to part them into tenths"),
    small="How different customers are is not shown",
)
def how_different_customers_are(report: AuditReport, spread: ValueSpread) -> Block:
    """Tenths of the customers by revenue."""
    deciles, currency = spread.deciles, report.currency
    top, low = deciles.iloc[0], deciles.iloc[5:]
    money = [
        c for c in ("revenue", "revenue_per_customer", "margin", "cost_to_serve", "profit") if c in deciles
    ]
    shares = [c for c in ("revenue_share", "profit_share") if c in deciles]
    return blocks.chart(
        figures.columns(
            deciles.assign(decile=deciles["decile"].map(str)),
            "decile",
            shares,
            {"revenue_share": "revenue", "profit_share": "profit"},
            x_title="tenth of the customers, highest revenue first",
            fmt="percent:0",
        ),
        finding=f"The first tenth brings {words.percent(top['revenue_share'], 0)} of revenue, "
        f"the lower half {words.percent(low['revenue_share'].sum(), 0)}",
        data=deciles,
        caption=f"Customers with a purchase in the last {report.window}, in ten equal groups by revenue. "
        f"{words.percent(spread.repeat_share, 0)} bought more than once in that time; the Gini coefficient "
        f"is {words.number(spread.concentration.gini, 2)}.",
        formats=dict.fromkeys(money, currency) | dict.fromkeys(shares, "percent"),
    )


NO_PROFIT = blocks.note(
    "Profit by customer is not known",
    """It needs the cost of what was sold: unit_cost in transactions or products. With the cost of tickets
    and mails it also shows what serving costs.""",
)


@section(part="spread", needs=NO_PROFIT, small="Who costs more than they bring is not shown")
def who_costs_more_than_they_bring(report: AuditReport, spread: ValueSpread) -> Block:
    """The whale curve: profit summed from the most profitable customer on."""
    if spread.below_zero is None:
        return NO_PROFIT
    n, lost = spread.below_zero
    if spread.whale.empty:
        total = report.money(spread.deciles["profit"].sum())
        return blocks.note(f"All customers together bring no profit ({total}), so there is no curve")
    costs = [
        f"{KINDS[kind]} {report.money(cost)}"
        for kind, cost in zip(spread.costs["kind"], spread.costs["cost"], strict=True)
    ]
    told = f"Cost to serve in the period: {words.listing(costs)}. " if costs else """No table says what
        serving costs (tickets, campaign_members or events with a cost): profit is margin. """  # fmt: skip
    if spread.uncosted > 0.005:
        told += (
            f"The cost of {words.percent(spread.uncosted)} of revenue is not known; it counts as no margin. "
        )
    finding = (
        f"{words.plural(n, 'customer')} cost more than they bring, {report.money(-lost)} together"
        if n
        else "No customer costs more than they bring"
    )
    return blocks.chart(
        curves.lorenz(spread.whale, "customer_share", "profit_share"),
        finding=finding,
        data=spread.whale,
        caption=f"{told}Where the curve falls at its end, customers lose money; its highest point is "
        f"{words.percent(spread.peak, 0)} of all profit.",
        formats={"customer_share": "percent", "profit_share": "percent"},
    )


@section(
    part="change",
    needs=blocks.note("What changed is not known yet", f"{NO_PAST}."),
    small="What changed is not shown",
)
def who_made_the_change(report: AuditReport, change: Change) -> Block:
    """New, repeating and lapsed customers, and what each move did to revenue."""
    total = change.totals.revenue
    net = change.net_moves
    biggest = max(net, key=lambda move: abs(net[move]))
    moves = change.moves.assign(move=[MOVES[m][0] for m in change.moves["move"]])
    finding = f"{MOVES[biggest][1]} moved revenue most: {report.money(net[biggest])}; "
    finding += f"in total {report.money(total.now - total.before)}"
    names = [MOVES[m][0] for m in ("decreased", "lapsed")]
    return blocks.chart(
        figures.bars(moves, y="move", x="change", highlight=names, fmt=report.currency),
        finding=finding if net[biggest] else SAME,
        data=moves,
        caption=f"The {words.count(change.totals.span_days)} days up to {words.date(change.day)} against as "
        f"many before. New: first purchase in the data. Came back: bought earlier, but not in "
        "the period before. Spent more or less: bought in both; in part by chance, as much is often "
        f"followed by less. The bars sum to the whole change.{report.driver}{report.cautions}",
        formats={"customers": "count", "change": report.currency},
    )


@section(
    part="tree",
    needs=blocks.note("Why revenue changed is not known yet", f"{NO_PAST} with revenue."),
    small="Why revenue changed is not shown",
)
def why_revenue_changed(report: AuditReport, tree: RevenueTree) -> Block:
    """The revenue tree: customers, frequency, order value, and what order value is made of."""
    nodes = tree.nodes
    top = nodes[~nodes["factor"].isin(["items", "price"])]
    main = top.iloc[int(top["contribution"].abs().to_numpy().argmax())]
    effect, total = report.money(main["contribution"]), report.money(tree.change)
    made = f"moved revenue most: {effect}; in total {total}"
    if 0 < main["contribution"] * tree.change <= tree.change**2:
        made = f"made the largest part: {effect} of {total}"
    shown = nodes.assign(factor=[FACTORS[f][0] for f in nodes["factor"]])
    units = {
        name: [
            "count" if factor == "customers" else f"number:{2 if value >= 1 else 4}"
            for factor, value in zip(nodes["factor"], nodes[name], strict=True)
        ]
        for name in ("before", "now")
    }
    down = shown.loc[nodes["contribution"] < 0, "factor"].tolist()
    return blocks.chart(
        figures.bars(shown, y="factor", x="contribution", highlight=down, fmt=report.currency),
        finding=f"{FACTORS[main['factor']][1]} {made}" if main["contribution"] else SAME,
        data=shown,
        caption="Revenue is customers × orders a customer × money an order. Each contribution takes the "
        "middle of both periods for the other factors, so that the three sum to the change; pieces and price "
        "sum to money an order.",
        formats={"contribution": report.currency, **units},
    )


@section(
    part="products",
    needs=blocks.note(
        "Where revenue was won and lost is not known",
        "It needs two whole periods, product_id in transactions and category_0_name in products.",
    ),
    small="What was won and lost by product is not shown",
)
def where_it_was_won_and_lost(report: AuditReport, table: pd.DataFrame) -> Block:
    """Gains and losses of each product category."""
    first = table.iloc[0]
    doubt = "" if first["lower"] * first["upper"] > 0 else ", which may be chance"
    shown = table.drop(columns=["before", "lower", "upper"])  # more columns than these do not fit on paper
    shown.insert(3, "interval", blocks.together(table["lower"], table["upper"]))
    names = {
        "level": "category",
        "switched_from": "switched in",
        "switched_to": "switched out",
    }
    worse = table.loc[table["change"] < 0, "level"].tolist()
    return blocks.chart(
        figures.bars(table.head(10), y="level", x="change", highlight=worse, fmt=report.currency),
        finding=f"{words.label(first['level'])} moved most: {report.money(first['change'])} "
        f"({words.interval(first['lower'], first['upper'], report.currency)}{doubt})",
        data=shown.rename(columns=names),
        caption="Change of revenue by category. The table parts it: customers new to us or lost to us, those "
        "who bought more or less of it, and what customers switched in from other categories or out to "
        "them. Intervals: 95 %, over customers.",
        formats=dict.fromkeys(
            [names.get(c, c) for c in shown.columns if c not in ("level", "interval")], report.currency
        )
        | {"interval": f"interval:{report.currency}"},
    )


@section(
    part="acquisition",
    needs=blocks.note(
        "Where customers come from is not known",
        "It needs acquisition_channel in customers, and customers whose first year has passed.",
    ),
    small="What a customer is worth by source is not shown",
)
def where_good_customers_come_from(report: AuditReport, found: Acquisition) -> Block:
    """The first year of customers by acquisition source."""
    sources = found.sources.head(10)
    money = [
        c for c in ("revenue", "revenue_lower", "revenue_upper", "margin", "cost", "profit") if c in sources
    ]
    clear = _apart_in_words(found)
    return blocks.chart(
        figures.intervals(
            sources, "source", "revenue", "revenue_lower", "revenue_upper",
            reference=float((sources["revenue"] * sources["customers"]).sum() / sources["customers"].sum()),
            reference_label="all customers", fmt=report.currency,
        ),
        finding=clear or "No source is shown to bring better customers than the others",
        data=sources,
        caption=f"Revenue of a customer in the first {found.days} days, with 95 % intervals; only the "
        f"{words.count(found.followed)} customers for whom these have passed. Repeat share: a second order "
        "within that time.",
        formats=dict.fromkeys(money, report.currency)
        | dict.fromkeys(("repeat_share", "lower", "upper"), "percent"),
    )  # fmt: skip


def _apart_in_words(found: Acquisition) -> str:
    apart = sources_apart(found.sources)
    apart = apart[apart["clear"]]
    parts = []
    for rows, more in ((apart[apart["difference"] > 0], "more"), (apart[apart["difference"] < 0], "less")):
        if len(rows):
            parts.append(f"{words.listing(rows['source'].map(words.label))} bring {more} than all others")
    return f"In their first year customers from {', from '.join(parts)}" if parts else ""


NO_COSTS = blocks.note(
    "What winning and keeping costs is not known",
    """It needs acquisition_cost in customers, and a cost in tickets, campaign_members or events. That winning
    costs five times as much is often said; here it would be counted.""",
).under("Winning or keeping")


@section(part="acquisition", needs=NO_COSTS, small="What winning and keeping costs is not shown")
def does_winning_cost_more_than_keeping(report: AuditReport, found: Acquisition) -> Block:
    """The cost of a new customer against the cost of serving an old one for a year."""
    if found.winning is None or found.keeping is None or found.ratio is None:
        return NO_COSTS
    five = "as often said" if found.ratio.lower <= 5 <= found.ratio.upper else "not five times as much"
    parts = {"winning one": found.winning, "keeping one for a year": found.keeping}
    rows = [(name, e.value, e.lower, e.upper, e.n) for name, e in parts.items()]
    table = pd.DataFrame(rows, columns=["cost of", "money", "lower", "upper", "customers"])
    interval = words.interval(found.ratio.lower, found.ratio.upper, "number:1")
    return blocks.table(
        table,
        finding=f"Winning a customer costs {words.number(found.ratio.value, 1)} times as much as keeping one "
        f"({interval}): {five}",
        caption=f"""Winning: acquisition_cost of customers won in the last {found.days} days. Keeping:
            tickets, mails and touches in the same time, of customers won before it who bought in it.
            Discounts are in neither.""",
        formats=dict.fromkeys(("money", "lower", "upper"), report.currency) | {"customers": "count"},
    ).under("Winning or keeping")
