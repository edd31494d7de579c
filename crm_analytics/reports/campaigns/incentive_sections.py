"""What coupons, discounts and membership do, what was given away, and who buys with deals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses.campaigns import Incentives
from crm_analytics.analyses.campaigns.incentives.incentives import AGAIN, RANDOMISED, STRATIFIED, WITHIN
from crm_analytics.analyses.campaigns.measurement.treatment_effects import LESS, MORE
from crm_analytics.analyses.evidence import may_claim
from crm_analytics.pages import blocks, figures, words
from crm_analytics.reports.campaigns.first_screen import ratio_of
from crm_analytics.reports.campaigns.placement import (
    FEW,
    names_of,
    nothing,
    verdict,
    without,
    without_constant,
)
from crm_analytics.reports.campaigns.report import HUNDRED, CampaignsReport
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.spoken import slug
from crm_analytics.reports.shared.tiles import interval

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block

HALF = 0.5
HOW = {WITHIN: "within", RANDOMISED: "randomised", STRATIFIED: "stratified"}


@section(part="incentives", needs=without("deals"), small=FEW)
def what_incentives_do(report: CampaignsReport, told: Incentives) -> Block:
    """Ratios of baskets with a deal and of members' buying, with intervals."""
    t = report.t
    table = told.effects[(told.effects["unit"] == "ratio") & told.effects["lower"].notna()]
    if table.empty:
        return nothing(report, "deals")
    table = table.reset_index(drop=True)
    shown = table.assign(
        what=[
            t(f"ratio.{'deal' if 'coupon' in i else 'member'}_{o}")
            for i, o in zip(table["incentive"], table["outcome"], strict=True)
        ],
        interval=blocks.together(table["lower"], table["upper"]),
        verdict=[verdict(report, v) for v in table["verdict"]],
    )
    columns = ["what", "effect", "interval", "n", "verdict"]
    return blocks.chart(
        figures.intervals(
            shown, "what", "effect", "lower", "upper", reference=1.0, reference_label=t("deals.same"),
            fmt="number:2",
        ),
        finding=_found(report, told),
        data=shown[columns],
        caption=t("deals.caption"),
        formats={"effect": "number:2", "interval": "interval:number:2"},
        names=names_of(report, *columns),
    ).under(t("deals.label")).anchored("deals").in_appendix()  # fmt: skip


def _found(report: CampaignsReport, told: Incentives) -> str:
    t = report.t
    row = None if told.baskets.empty else ratio_of(told.baskets, "margin")
    if row is not None and not row["lower"] <= 1 <= row["upper"]:
        change = row["ratio"] - 1
        bounds = interval(t, row["lower"] - 1, row["upper"] - 1, "percent:0")
        way = "more" if change > 0 else "less"
        return t("finding.deal", way=way, share=abs(change), interval=bounds)
    member = None if told.membership is None else ratio_of(told.membership, "repeat_orders")
    differ = member is not None and not member["lower"] <= 1 <= member["upper"]
    if member is not None and differ and may_claim("campaigns.members_differ"):
        change = member["ratio"] - 1
        bounds = interval(t, member["lower"] - 1, member["upper"] - 1, "percent:0")
        return t("finding.members", way="more" if change > 0 else "less", share=abs(change), interval=bounds)
    return t("deals.chance")


@section(part="incentives", needs=without("deals"), small=FEW)
def do_offers_bring_people_back(report: CampaignsReport, told: Incentives) -> Block:
    """Offers by the customers held back, and who comes back after an order with a deal."""
    t = report.t
    table = told.effects[told.effects["unit"] == "difference"]
    wanted = table["outcome"].str.startswith(("orders", "spend", "profit", "bought"))
    table = table[wanted].reset_index(drop=True)
    if table.empty:
        return nothing(report, "back")
    money = table["outcome"].str.startswith(("spend", "profit"))
    by = money.map({True: 1, False: HUNDRED})
    fmt = [report.currency if m else "number:1" for m in money]
    shown = pd.DataFrame(
        {
            "what": [_outcome(report, name) for name in table["outcome"]],
            "effect": table["effect"] * by,
            "interval": blocks.together(table["lower"] * by, table["upper"] * by),
            "compared": [t(f"how.{HOW.get(how, 'matched')}") for how in table["how"]],
            "customers": table["n"],
            "verdict": [verdict(report, v) for v in table["verdict"]],
        }
    )
    clear = table.index[table["verdict"].isin([MORE, LESS])].tolist()
    finding = t("back.finding_none")
    if clear:
        way = "more" if table.loc[clear[0], "verdict"] == MORE else "less"
        finding = t("back.finding", way=way, what=shown.loc[clear[0], "what"])
    data = without_constant(shown, "verdict")
    return blocks.table(
        data,
        finding=finding,
        caption=t("back.caption", days=AGAIN),
        formats={"customers": "count", "effect": fmt, "interval": [f"interval:{f}" for f in fmt]},
        names=names_of(report, *data.columns),
    ).under(t("back.label")).anchored("back").in_appendix()  # fmt: skip


def _outcome(report: CampaignsReport, name: str) -> str:
    """An outcome and its days in words: "orders in 14 days"."""
    what, _, days = name.partition(" in ")
    if not days:
        return report.t("outcome_in.bought", days=AGAIN)
    return report.t(f"outcome_in.{slug(what)}", days=int(days.split()[0]))


@section(part="incentives", needs=without("deals"), small=FEW)
def what_was_given_away(report: CampaignsReport, told: Incentives) -> Block:
    """Money taken off orders that would have come anyway."""
    t = report.t
    if told.offers is None or not told.offers.given_away["redeemed"].iloc[0]:
        return nothing(report, "given", t("given.none_why", value=told.discount, n=told.deals))
    row = told.offers.given_away.iloc[0]
    table = told.offers.redemption
    shown = table.assign(
        segment=[t("given.all") if pd.isna(s) else words.clean(s, 40) for s in table["segment"]],
        interval=blocks.together(table["lower"], table["upper"]),
    )
    bounds = interval(t, row["given_away_lower"], row["given_away_upper"], report.currency)
    finding = t("given.finding", value=row["given_away"], of=row["discount"], interval=bounds)
    if not row["anyway_lower"] > HALF:
        finding = t("given.chance", of=row["discount"], interval=bounds)
    columns = ["segment", "treated", "orders", "redeemed", "share", "interval"]
    return blocks.table(
        shown[columns],
        finding=finding,
        caption=t("given.caption", least=row["given_away_at_least"], other=row["discount_elsewhere"]),
        formats={"share": "percent:0", "interval": "interval:percent:0"}
        | dict.fromkeys(("treated", "orders", "redeemed"), "count"),
        names=names_of(report, *columns),
    ).under(t("given.label")).anchored("given").in_appendix()  # fmt: skip


@section(part="incentives", needs=without("deals"), small=FEW)
def who_buys_with_deals(report: CampaignsReport, told: Incentives) -> Block:
    """Customers by the share of orders they make with a deal when one is at hand."""
    t = report.t
    if told.customers is None:
        return nothing(report, "deals")
    bands: list[Any] = told.proneness[["low", "high"]].to_numpy().tolist()
    table = told.proneness.assign(band=[words.interval(low, high, "percent:0") for low, high in bands])
    prone = table[table["low"] >= HALF]
    n, of = int(prone["customers"].sum()), int(table["customers"].sum())
    share = prone["deals"].sum() / max(1, table["deals"].sum())
    columns = ["band", "customers", "at_hand", "deals", "spend"]
    return blocks.chart(
        figures.bars(table, "band", "customers", fmt="count"),
        finding=t("prone.finding", n=n, of=of, share=share),
        data=table[columns],
        caption=t("prone.caption"),
        formats=dict.fromkeys(("customers", "at_hand", "deals"), "count") | {"spend": report.currency},
        names=names_of(report, *columns),
    ).under(t("prone.label")).anchored("prone").in_appendix()  # fmt: skip
