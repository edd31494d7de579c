"""What coupons, discounts and membership do, what was given away, and who buys with deals."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pandas as pd

from crm_analytics.analyses.campaigns import Incentives
from crm_analytics.analyses.campaigns.incentives.incentives import (
    AGAIN,
    MATCHED,
    RANDOMISED,
    STRATIFIED,
    WITHIN,
)
from crm_analytics.pages import blocks, figures, words
from crm_analytics.pages.blocks import Block
from crm_analytics.reports.campaigns.report import HUNDRED, CampaignsReport
from crm_analytics.reports.shared.section import section

UNKNOWN = "What coupons and membership do is not known"
NAMES = {
    "further_lines": "further lines of an order",
    "list_value": "order at list prices",
    "spend": "order as paid",
    "margin": "margin of an order",
    "repeat_orders": "repeat orders a year",
    "repeat_spend": "repeat spend a year",
    "repeat_margin": "margin of repeat orders a year",
}
HOW = {
    WITHIN: "same customers",
    RANDOMISED: "control group",
    STRATIFIED: "alike before",
    MATCHED: "began alike",
}


@section(part="incentives", needs=UNKNOWN, small="What incentives do is not shown")
def what_incentives_do(report: CampaignsReport, told: Incentives) -> Block:
    """Ratios of baskets with a deal and of members' buying, with intervals."""
    table = told.effects[(told.effects["unit"] == "ratio") & told.effects["lower"].notna()]
    if table.empty:
        return blocks.note(
            "What a deal does to an order is not known yet",
            "It begins with 30 customers who ordered with a deal and without one.",
        )
    shown = table.assign(
        what=[
            f"{'deal' if 'coupon' in i else 'member'}: {NAMES.get(o, o)}"
            for i, o in zip(table["incentive"], table["outcome"], strict=True)
        ],
        how=table["how"].map(HOW),
    )
    return blocks.chart(
        figures.intervals(
            shown,
            "what",
            "effect",
            "lower",
            "upper",
            reference=1.0,
            reference_label="as without",
            fmt="number:2",
        ),
        finding=_found(told),
        data=shown[["what", "effect", "lower", "upper", "n", "how", "verdict"]].reset_index(drop=True),
        caption="""Ratio of the means with and without. Deal: an order with a coupon or a discount against
            the same customers' orders without one. Members: against customers who came in the same
            quarter through the same channel with a first order of about the same value; who became a
            member was perhaps no chance, so this may be how they are, not what the programme does.""",
        formats=dict.fromkeys(("effect", "lower", "upper"), "number:2"),
    )


def _found(told: Incentives) -> str:
    parts = []
    if len(told.baskets):
        change = {r["outcome"]: float(r["ratio"]) - 1 for r in told.baskets.to_dict("records") if _shown(r)}
        lines, margin, found = change.get("further_lines"), change.get("margin"), []
        if lines is not None:
            way = "more" if lines >= 0 else "fewer"
            found.append(f"take {words.percent(abs(lines), 0)} {way} further lines")
        if margin is not None:
            found.append(f"leave {words.percent(abs(margin), 0)} {'more' if margin >= 0 else 'less'} margin")
        said = f"with a deal the same customers {words.listing(found)}"
        parts.append(said if found else "a deal is not shown to change what the same customers order")
    if told.membership is not None:
        row = next(r for r in told.membership.to_dict("records") if r["outcome"] == "repeat_orders")
        rate = float(row["ratio"]) - 1
        way = "more" if rate >= 0 else "less"
        parts.append(
            f"members buy again {words.percent(abs(rate), 0)} {way} often than others who began alike"
            if _shown(row)
            else "members are not shown to buy again more or less often than others who began alike"
        )
    said = "; ".join(parts)
    return said[:1].upper() + said[1:]


def _shown(row: dict[Hashable, Any]) -> bool:
    """Whether a ratio's interval leaves out 1."""
    return bool(row["lower"] > 1 or row["upper"] < 1)


@section(
    "Do offers bring people back",
    part="incentives",
    needs=UNKNOWN,
    small="Whether offers bring people back is not shown",
)
def do_offers_bring_people_back(report: CampaignsReport, told: Incentives) -> Block:
    """Offers by their control groups, and who comes back after an order with a deal."""
    table = told.effects[told.effects["unit"] == "difference"]
    wanted = table["outcome"].str.startswith(("orders", "spend", "profit", "bought"))
    table = table[wanted].reset_index(drop=True)
    if table.empty:
        return blocks.note(
            "Whether offers bring people back is not known", "There are too few orders with a deal."
        )
    money = table["outcome"].str.startswith(("spend", "profit"))
    by = money.map({True: 1, False: HUNDRED})
    fmt = [report.currency if m else "number:1" for m in money]
    shown = pd.DataFrame(
        {
            "incentive": table["incentive"],
            "outcome": table["outcome"] + money.map({True: ", each", False: f", by {HUNDRED}"}),
            "effect": table["effect"] * by,
            "interval": blocks.together(table["lower"] * by, table["upper"] * by),
            "compared": table["how"].map(HOW),
            "customers": table["n"],
            "verdict": table["verdict"],
        }
    )
    clear = shown[shown["verdict"].isin(["more", "less"])]
    finding = (
        f"{clear.iloc[0]['incentive'].capitalize()}: {clear.iloc[0]['verdict']} {clear.iloc[0]['outcome']}"
        if len(clear)
        else "No effect of offers on coming back is shown"
    )
    return blocks.table(
        shown,
        finding=finding,
        caption=f"""Control group: members of campaigns with an offer, treated against held back, in the
            campaign's days and in 90 days, where a purchase only brought forward no longer counts. Alike
            before: the next order within {AGAIN} days, orders with a deal against those without, among
            customers of the same number of orders, days since the last and mean value.""",
        formats={"customers": "count", "effect": fmt, "interval": [f"interval:{f}" for f in fmt]},
    )


@section(part="incentives", needs=UNKNOWN, small="What was given away is not shown")
def what_was_given_away(report: CampaignsReport, told: Incentives) -> Block:
    """Money taken off orders that would have come anyway."""
    if told.offers is None or not told.offers.given_away["redeemed"].iloc[0]:
        return blocks.note(
            "Whether discounts were given away is not known",
            f"{report.money(told.discount)} were taken off {words.plural(told.deals, 'order')}; without a "
            "campaign "
            "with an offer code and a control group nobody knows how many would have come anyway.",
        )
    row = told.offers.given_away.iloc[0]
    table = told.offers.redemption.assign(segment=told.offers.redemption["segment"].fillna("all"))
    fits = words.interval(row["given_away_lower"], row["given_away_upper"], report.currency)
    return blocks.table(
        table,
        finding=f"""Of {report.money(row["discount"])} taken off in campaigns
            {report.money(row["given_away"])} ({fits}) went to orders that would have come anyway""",
        caption=f"""Would have come anyway: what controls ordered against what the treated ordered, if those
            orders used the offer as often as the added ones. The interval holds also if every added order
            used it; then it was at least {report.money(row["given_away_at_least"])}. Another
            {report.money(row["discount_elsewhere"])} were taken off outside campaigns, of which no
            control group tells. The table: orders of the treated in the campaign's days, and the share
            that used the code.""",
        formats=dict.fromkeys(("share", "lower", "upper"), "percent:0")
        | dict.fromkeys(("treated", "orders", "redeemed"), "count"),
    )


@section("Who buys with deals", part="incentives", needs=UNKNOWN, small="Who buys with deals is not shown")
def who_buys_with_deals(report: CampaignsReport, told: Incentives) -> Block:
    """Customers by the share of orders they make with a deal when one is at hand."""
    if told.customers is None:
        return blocks.note(UNKNOWN)
    table = told.proneness.assign(
        band=[
            words.interval(low, high, "percent:0") for low, high in told.proneness[["low", "high"]].to_numpy()
        ]
    )
    prone = table[table["low"] >= 0.5]
    n, of = int(prone["customers"].sum()), int(table["customers"].sum())
    return blocks.chart(
        figures.columns(
            table, "band", ["customers"], x_title="orders with a deal, of those with one at hand"
        ),
        finding=f"""{words.plural(n, "customer")} of {words.count(of)} buy with a deal in half of the cases
            or more: {words.percent(prone["deals"].sum() / max(1, table["deals"].sum()), 0)} of all deals""",
        data=table[["band", "customers", "at_hand", "deals", "spend"]],
        caption="""At hand: an own offer within its days, a day on which a public code was used by two
            customers or more, or the order used one. The share is drawn towards that of all where few
            orders tell. Customers without an order at hand are not in it.""",
        formats=dict.fromkeys(("customers", "at_hand", "deals"), "count") | {"spend": report.currency},
    )
