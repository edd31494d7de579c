"""The channels report below the first screen: one figure or table a function, each under its finding."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crm_analytics.analyses.attribution.economics import LOSS, LUCRATIVE, NO_SPEND, NO_TOUCH_SEEN
from crm_analytics.analyses.campaigns.measurement.treatment_effects import LESS, MORE
from crm_analytics.pages import blocks, figures
from crm_analytics.reports.channels.first_screen import (
    channels_in,
    opened,
    short,
    shortest,
    trend_sentence,
    unseen_ways,
)
from crm_analytics.reports.channels.report import LONGEST, MODELS, ChannelReport, Period
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.spoken import slug

if TYPE_CHECKING:
    from collections.abc import Callable

    from crm_analytics.analyses.attribution.payback import Payback
    from crm_analytics.pages.blocks import Block

TOP = 10  # paths and pairs on the page
MOST_WEEKS = 1_000  # beyond, a test never ends
EDGES = [0, 1, 3, 7, 14, 30, math.inf]  # days before a purchase
BANDS = ("same_day", "1_2", "3_6", "7_13", "14_29", "30_more")


def _not_tracked(report: ChannelReport) -> Block:
    """One sentence for all that tracking would tell; the page says it once."""
    t = report.t
    return (
        blocks.note(t("none.sections"), f"{t('none.table')} {report.why('now')}")
        .under(t("none.label"))
        .in_appendix()
    )


def _without(name: str) -> Callable[[ChannelReport], Block]:
    """What a section says where its part is not in the data."""

    def said(report: ChannelReport) -> Block:
        if report.now is None:
            return _not_tracked(report)
        t = report.t
        note = blocks.note(t(f"{name}.none"))
        return note.under(t(f"{name}.label")).anchored(name).in_appendix()

    return said


def by_evidence(report: ChannelReport, table: pd.DataFrame) -> pd.DataFrame:
    """Channels shown to add orders first, those shown to cost orders last, and between them by their spend.

    Credit ranks nothing: of a channel without a comparison it is not known whether it causes a purchase.
    """
    known = [report.added(str(name)) for name in table["channel"]]
    place = {MORE: 0, LESS: 2}
    ranked = table.assign(
        place=[1 if row is None else place.get(str(row["verdict"]), 1) for row in known],
        added=[0.0 if row is None else -float(row["orders_added"]) for row in known],
    )
    ranked["added"] = ranked["added"].where(ranked["place"] != 1, 0.0)
    order = ranked.sort_values(["place", "added", "spend", "channel"], ascending=[True, True, False, True])
    return order.drop(columns=["place", "added"]).reset_index(drop=True)


def _measured(report: ChannelReport, channel: object) -> str:
    """What the controls of campaigns tell of a channel, in a word."""
    row = report.added(str(channel))
    return report.t("measured.not" if row is None else f"measured.{slug(row['verdict'])}")


def _names(report: ChannelReport, *columns: str) -> dict[str, str]:
    return {column: report.t(f"column.{column}") for column in columns}


@section(part="now", needs=_not_tracked, small=small_form.weekdays)
def which_channels_pay(report: ChannelReport, now: Period) -> Block:
    """Channels shown to add orders first, then by their spend; credit less spend under every model."""
    t, table = report.t, now.economics.channels
    paid = by_evidence(report, table[table["verdict"] != NO_SPEND])
    if paid.empty:
        return blocks.note(t("pays.none"), t("pays.bring")).under(t("pays.label")).anchored("pays")
    middle = (paid["profit_low"] + paid["profit_high"]) / 2
    sure = int(paid["verdict"].isin([LOSS, LUCRATIVE, NO_TOUCH_SEEN]).sum())
    data = paid.assign(
        measured=[_measured(report, name) for name in paid["channel"]],
        verdict=[t(f"verdict.{slug(name)}") for name in paid["verdict"]],
        credited=blocks.together(paid["value_low"], paid["value_high"]),
        times=blocks.together(paid["roas_low"], paid["roas_high"]),
        left=blocks.together(paid["profit_low"], paid["profit_high"]),
    )
    columns = ["channel", "measured", "verdict", "spend", "credited", "times", "left"]
    return blocks.chart(
        figures.intervals(
            paid.assign(middle=middle), "channel", "middle", "profit_low", "profit_high", reference=0.0,
            reference_label=t("pays.even"), fmt=report.currency,
            highlight=paid.loc[paid["verdict"].isin([LOSS, NO_TOUCH_SEEN]), "channel"].tolist(),
        ),
        finding=t("pays.finding", n=sure, of=len(paid)),
        data=data[columns],
        caption=t("pays.caption", models=len(MODELS)),
        formats={"spend": report.currency, "credited": f"interval:{report.currency}",
                 "times": "interval:number:1", "left": f"interval:{report.currency}"},
        names=_names(report, *columns),
    ).under(t("pays.label")).anchored("pays")  # fmt: skip


@section(part="trend", needs=_without("trend"), small=small_form.weekdays)
def against_the_earlier_period(report: ChannelReport, table: pd.DataFrame) -> Block:
    """Credited sales of each channel now and in the earlier period."""
    t = report.t
    data = table.assign(interval=blocks.together(table["lower"], table["upper"]))
    columns = ["channel", "now", "before", "share_now", "share_before", "interval"]
    money = report.currency
    return blocks.chart(
        figures.bars(table, y="channel", x="share_now", context="share_before", fmt="percent:0"),
        finding=trend_sentence(report, table),
        data=data[columns],
        caption=t(f"trend.caption_{report.against}"),
        formats={"now": money, "before": money, "share_now": "percent:0", "share_before": "percent:0",
                 "interval": "interval:percent:0"},
        names=_names(report, *columns),
    ).under(t("trend.label")).anchored("trend").in_appendix()  # fmt: skip


@section(part="now", needs=_not_tracked, small=small_form.weekdays)
def what_each_model_says(report: ChannelReport, now: Period) -> Block:
    """Share of the tracked revenue by channel, from the lowest model to the highest."""
    t = report.t
    models = [name for name in MODELS if name in set(now.credit["model"])]
    share = pd.DataFrame({name: now.share_of(name) for name in models})
    share = share.loc[share.mean(axis=1).sort_values(ascending=False).index]
    ends = pd.DataFrame({"low": share.min(axis=1), "high": share.max(axis=1)})
    place = int((ends["high"] - ends["low"]).argmax())
    widest, wide = ends.index[place], ends.iloc[place]
    data = share.reset_index(names="channel")
    shown = data.assign(
        low=ends["low"].to_numpy(), high=ends["high"].to_numpy(), middle=ends.mean(axis=1).to_numpy()
    )
    return blocks.chart(
        figures.intervals(shown, "channel", "middle", "low", "high", fmt="percent:0"),
        finding=t("models.finding", channel=short(widest), low=wide["low"],
                  high=wide["high"]),
        data=data,
        caption=t("models.caption"),
        formats=dict.fromkeys(models, "percent:0"),
        names=_names(report, "channel") | {name: t(f"model.{name}") for name in models},
    ).under(t("models.label")).anchored("models").in_appendix()  # fmt: skip


@section(part="now", needs=_not_tracked, small=small_form.weekdays)
def who_begins_and_who_ends(report: ChannelReport, now: Period) -> Block:
    """How often each channel begins, assists and ends the path to a purchase."""
    t, roles = report.t, now.paths.roles()
    ratio = roles["assist_ratio"].fillna(0.0)
    first = roles.iloc[int(ratio.argmax())]
    finding = (
        opened(t("roles.finding", channel=short(first["channel"]), n=ratio.max()))
        if ratio.max() > 1
        else t("roles.even")
    )
    columns = ["channel", "purchases", "begins", "assists", "ends", "assist_ratio"]
    return blocks.table(
        roles[columns],
        finding=finding,
        caption=t("roles.caption"),
        formats=dict.fromkeys(("purchases", "begins", "assists", "ends"), "count")
        | {"assist_ratio": "number:1"},
        names=_names(report, *columns),
    ).under(t("roles.label")).anchored("roles").in_appendix()  # fmt: skip


@section(part="now", needs=_not_tracked, small=small_form.weekdays)
def which_channels_meet(report: ChannelReport, now: Period) -> Block:
    """Pairs of channels on the way to the same purchase."""
    t = report.t
    several, pairs = now.together
    if pairs.empty:
        return blocks.note(t("finding.alone")).under(t("together.label")).anchored("together").in_appendix()
    shown = pairs.head(TOP)
    named = [t("pair", one=short(a), other=short(b)) for a, b in shown[["one", "other"]].to_numpy()]
    shown = shown.assign(pair=named)
    columns = ["pair", "purchases", "share"]
    return blocks.chart(
        figures.bars(shown, y="pair", x="share", fmt="percent:0"),
        finding=t("together.finding", share=several),
        data=shown[columns],
        caption=t("together.caption"),
        formats={"purchases": "count", "share": "percent:0"},
        names=_names(report, *columns),
    ).under(t("together.label")).anchored("together").in_appendix()  # fmt: skip


@section(part="now", needs=_not_tracked, small=small_form.weekdays)
def which_paths_lead_to_purchases(report: ChannelReport, now: Period) -> Block:
    """The ten most frequent paths, with how often they end in a purchase; the rest is kept."""
    t, paths = report.t, now.paths.paths
    table = paths.assign(path=[" → ".join(p) for p in paths["path"]]).sort_values(
        ["conversions", "path"], ascending=[False, True]
    )
    top, rest = table.head(TOP), table.iloc[TOP:]
    if len(rest):
        others = {"path": t("paths.others", n=len(rest)), **rest.drop(columns="path").sum()}
        rest = pd.DataFrame([others])
    shown = pd.concat([top, rest], ignore_index=True)
    shown = shown.rename(columns={"conversions": "purchases", "nulls": "without"})
    shown["ends_in_purchase"] = shown["purchases"] / (shown["purchases"] + shown["without"])
    lengths = np.array([len(p) for p in paths["path"]])
    mean = float(np.average(lengths, weights=paths["conversions"]))
    share = float(top["conversions"].sum() / paths["conversions"].sum())
    columns = ["path", "purchases", "without", "ends_in_purchase", "value"]
    return blocks.table(
        shown[columns],
        finding=t("paths.finding", share=share),
        caption=t("paths.caption", n=mean),
        formats={"purchases": "count", "without": "count", "ends_in_purchase": "percent:0",
                 "value": report.currency},
        names=_names(report, *columns),
    ).under(t("paths.label")).anchored("paths").in_appendix()  # fmt: skip


@section(part="now", needs=_not_tracked, small=small_form.weekdays)
def how_long_it_takes(report: ChannelReport, now: Period) -> Block:
    """Days from the first touch of a path to its purchase."""
    t, touches = report.t, now.paths.touches
    bought = touches.filter(touches.converted)
    first = bought.group_by("person", "path").aggregate(days=bought.days.max())
    whole = first.mutate(day=first.days.floor().cast("int64"))
    found = report.base.collect(whole.group_by("day").aggregate(purchases=whole.count()).order_by("day"))
    band = pd.cut(found["day"], EDGES, right=False, labels=list(BANDS))
    table = found.groupby(band, observed=False)["purchases"].sum().reset_index(name="purchases")
    table = table[table["purchases"].cumsum().shift(fill_value=0) < table["purchases"].sum()]
    table["first_touch"] = [t(f"band.{name}") for name in table["day"]]
    table["share"] = table["purchases"] / table["purchases"].sum()
    running = (found["purchases"].cumsum() / found["purchases"].sum()).to_numpy()
    # a purchase on the day of the touch comes within one day
    half, late = (int(found["day"].to_numpy()[(running >= q).argmax()]) + 1 for q in (0.5, 0.9))
    columns = ["first_touch", "purchases", "share"]
    return blocks.chart(
        figures.bars(table, y="first_touch", x="purchases", fmt="count"),
        finding=t("length.finding", half=half, late=late),
        data=table[columns],
        caption=t("length.caption", days=report.lookback),
        formats={"purchases": "count", "share": "percent:0"},
        names=_names(report, *columns),
    ).under(t("length.label")).anchored("length").in_appendix()  # fmt: skip


@section(part="payback", needs=_without("payback"), small=small_form.weekdays)
def what_a_new_customer_brings(report: ChannelReport, found: Payback) -> Block:
    """Margin of a new customer, month by month, against the spend per new customer."""
    t, table = report.t, found.curve
    slots = {"cost": found.cost, "n": found.months}
    data = table.assign(interval=blocks.together(table["lower"], table["upper"]))
    columns = ["month", "margin", "interval"]
    return blocks.chart(
        figures.lines(table, "month", ["margin"], band=("lower", "upper"),
                      names=_names(report, "margin"), fmt=report.currency, x_title=t("payback.x")),
        finding=shortest(report, "finding.payback" if found.months else "finding.no_payback", slots),
        data=data[columns],
        caption=t("payback.caption", n=found.customers, cost=found.cost, margin=report.margin_note),
        formats={"month": "count", "margin": report.currency, "interval": f"interval:{report.currency}"},
        names=_names(report, *columns),
    ).under(t("payback.label")).anchored("payback").in_appendix()  # fmt: skip


@section(part="now", needs=_not_tracked, small=small_form.weekdays)
def what_a_new_customer_costs(report: ChannelReport, now: Period) -> Block:
    """Spend of each channel by first purchases credited to it."""
    t, table = report.t, now.economics.channels
    if "cac" not in table or table["cac"].dropna().empty:
        note = blocks.note(t("cost.none"), t("cost.bring"))
        return note.under(t("cost.label")).anchored("cost").in_appendix()
    shown = table[table["cac"].notna()].sort_values(["cac", "channel"]).reset_index(drop=True)
    columns = [c for c in ("channel", "spend", "new_customers", "cac", "value_per_cac", "payback_months")
               if c in shown]  # fmt: skip
    dear, cheap = shown.iloc[-1], shown.iloc[0]
    finding = (
        t("cost.finding", cheap=short(cheap["channel"], 14), low=cheap["cac"],
          dear=short(dear["channel"], 14), high=dear["cac"])
        if len(shown) > 1 else t("cost.one", channel=short(cheap["channel"]), cost=cheap["cac"])
    )  # fmt: skip
    return blocks.chart(
        figures.bars(shown, y="channel", x="cac", fmt=report.currency),
        finding=finding,
        data=shown[columns],
        caption=t("cost.caption"),
        formats={"spend": report.currency, "new_customers": "number:1", "cac": report.currency}
        | {name: "number:1" for name in ("value_per_cac", "payback_months") if name in columns},
        names=_names(report, *columns),
    ).under(t("cost.label")).anchored("cost").in_appendix()  # fmt: skip


@section(small=small_form.regulars)
def what_customers_say(report: ChannelReport) -> Block:
    """How customers say they heard of us, and what the register says."""
    t, heard = report.t, report.heard
    if heard.empty and report.now is None:
        return _not_tracked(report)
    if heard.empty:
        note = blocks.note(t("heard.none"), t("heard.bring"))
        return note.under(t("heard.label")).anchored("heard").in_appendix()
    source = heard["source"].iloc[0]
    shown = heard[heard["source"] == source].head(8)
    top, unseen = shown.iloc[0], unseen_ways(report)
    slots = {"share": top["share"], "channel": short(top["channel"]), "of": top["of"]}
    finding = t.of(f"heard.finding.{source}", slots)
    if unseen:
        share = float(shown.loc[shown["channel"].isin(unseen), "share"].sum())
        finding = t(f"finding.unseen.{source}", share=share, first=short(unseen[0], 14))
    data = heard.assign(
        source=[t(f"source.{name}") for name in heard["source"]],
        interval=blocks.together(heard["lower"], heard["upper"]),
    )
    columns = ["source", "channel", "customers", "share", "interval"]
    block = blocks.chart(
        figures.intervals(shown, "channel", "share", "lower", "upper", highlight=unseen, fmt="percent:0"),
        finding=finding,
        data=data[columns],
        caption=t(f"heard.caption.{source}", of=top["of"])
        + (f" {t('heard.unseen')}" if unseen else ""),
        formats={"customers": "count", "share": "percent:0", "interval": "interval:percent:0"},
        names=_names(report, *columns),
    ).under(t("heard.label")).anchored("heard")  # fmt: skip
    return block if report.now is None else block.in_appendix()


@section(part="now", needs=_not_tracked, small=small_form.weekdays)
def what_only_a_test_can_tell(report: ChannelReport, now: Period) -> Block:
    """What the controls of campaigns tell of channels, and the test of every channel that costs money."""
    t, plan, best = report.t, report.tests, report.holdout
    if plan.empty or best is None:
        note = blocks.note(t("test.none"), t("pays.bring"))
        return note.under(t("test.label")).anchored("test").in_appendix()
    measured = [report.added(str(channel)) for channel in plan["channel"]]
    data = plan.assign(
        measured=[_measured(report, name) for name in plan["channel"]],
        orders_by_100=blocks.together(
            pd.Series([math.nan if row is None else 100 * row["lower"] for row in measured]),
            pd.Series([math.nan if row is None else 100 * row["upper"] for row in measured]),
        ),
        weeks=plan["weeks"].where(plan["weeks"] < MOST_WEEKS),
        customers_each=plan["customers_each"].clip(upper=1e9).round(),
    )
    columns = ["channel", "spend", "break_even_orders", "share_of_orders", "customers_each", "weeks",
               "measured", "orders_by_100"]  # fmt: skip
    slots = {"channels": channels_in(report, best), "weeks": math.ceil(best.weeks) if best.fits else 0}
    return blocks.table(
        data[columns],
        finding=t.of("test.finding" if best.fits else "test.region", slots),
        caption=t("test.caption", longest=LONGEST),
        formats={
            "spend": report.currency, "break_even_orders": "count", "share_of_orders": "percent:1",
            "customers_each": "count", "weeks": "count", "orders_by_100": "interval:number:1",
        },
        names=_names(report, *columns),
    ).under(t("test.label")).anchored("test").in_appendix()  # fmt: skip
