"""The channels report below the first screen: one figure or table a function, each under its finding."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from crm_analytics.analyses.attribution.economics import LOSS, NO_SPEND, NO_TOUCH_SEEN
from crm_analytics.pages import blocks, figures, words
from crm_analytics.pages.blocks import Block
from crm_analytics.reports.channels.report import (
    FEW,
    MODEL_NAMES,
    NOT_TRACKED,
    VERDICTS,
    ChannelReport,
    Period,
)
from crm_analytics.reports.shared.section import section

TOP_PATHS = 10
NOT_ASKED = blocks.note(
    "Customers were not asked how they heard of us",
    "It needs survey_responses with the instrument heard_from and the answer in text, or an "
    "acquisition_channel in the customers table.",
)


@section(part="now", needs=NOT_TRACKED, small=FEW)
def which_channels_pay(report: ChannelReport, now: Period) -> Block:
    """Credit less spend of each channel from the worst to the best that any model and chance allow."""
    table = now.economics.channels
    paid = table[table["verdict"] != NO_SPEND].reset_index(drop=True)
    if paid.empty:
        return blocks.note("What the channels cost is not known", "It needs the table channel_spend.")
    shown = paid.assign(middle=(paid["profit_low"] + paid["profit_high"]) / 2)
    sure = int(paid["verdict"].isin([LOSS, NO_TOUCH_SEEN]).sum() + (paid["profit_low"] > 0).sum())
    columns = [
        "channel",
        "verdict",
        "spend",
        "value_low",
        "value_high",
        "roas_low",
        "roas_high",
        "profit_low",
        "profit_high",
    ]
    return blocks.chart(
        figures.intervals(
            shown,
            "channel",
            "middle",
            "profit_low",
            "profit_high",
            reference=0.0,
            reference_label="even",
            highlight=paid.loc[paid["verdict"].isin([LOSS, NO_TOUCH_SEEN]), "channel"].tolist(),
            fmt=report.currency,
        ),
        finding=f"For {sure} of {words.plural(len(paid), 'paid channel')} every model puts credit on one "
        "side of spend; none says what a channel causes",
        data=paid[columns].assign(verdict=paid["verdict"].map(VERDICTS)),
        caption="Profit, if credit were earning: credited revenue times margin, less spend. Each bar runs "
        f"from the lowest to the highest of {len(MODEL_NAMES)} models with their 95 % intervals; the dot is "
        f"its middle, not an estimate. {report.margin_note}",
        formats=dict.fromkeys(
            ("spend", "value_low", "value_high", "profit_low", "profit_high"), report.currency
        )
        | {"roas_low": "number:2", "roas_high": "number:2"},
    )


@section(part="now", needs=NOT_TRACKED, small=FEW)
def what_each_model_says(report: ChannelReport, now: Period) -> Block:
    """Share of the tracked revenue by channel and model."""
    share = pd.DataFrame({MODEL_NAMES[m]: now.share_of(m) for m in now.credit["model"].unique()})
    order = share.mean(axis=1).sort_values(ascending=False).index
    share = share.loc[order]
    spread = (share.max(axis=1) - share.min(axis=1)).sort_values(ascending=False)
    widest = spread.index[0]
    low, high = share.loc[widest].min(), share.loc[widest].max()
    return blocks.chart(
        figures.heatmap(share, fmt="percent:0", x_title="model", y_title=""),
        finding=f"Models disagree most on {words.label(widest)}: {words.percent(low, 0)} to "
        f"{words.percent(high, 0)} of tracked revenue",
        data=share.reset_index(names="channel"),
        caption="Each column is one model and sums to 100 %. No row tells what would be lost without the "
        "channel.",
        formats=dict.fromkeys(share.columns, "percent"),
    )


@section(part="now", needs=NOT_TRACKED, small=FEW)
def who_begins_and_who_ends(report: ChannelReport, now: Period) -> Block:
    """How often each channel begins, assists and ends the path to a purchase."""
    roles = now.paths.roles()
    first = roles.nlargest(1, "assist_ratio").iloc[0] if roles["assist_ratio"].notna().any() else None
    finding = (
        f"{words.label(first['channel'])} prepares more than it closes: "
        f"{words.number(first['assist_ratio'], 1)} purchases helped for each one it ended"
        if first is not None and first["assist_ratio"] > 1
        else "Every channel ends about as many purchases as it prepares"
    )
    return blocks.chart(
        figures.columns(
            roles.head(8), "channel", ["begins", "assists", "ends"], fmt="count", x_title="channel"
        ),
        finding=finding,
        data=roles,
        caption="""Purchases in whose path the channel was the first, a middle or the last touch; a path of
            one touch counts as begun and ended.""",
        formats=dict.fromkeys(("purchases", "begins", "assists", "ends"), "count")
        | {"assist_ratio": "number:2"},
    )


@section(part="now", needs=NOT_TRACKED, small=FEW)
def which_paths_lead_to_purchases(report: ChannelReport, now: Period) -> Block:
    """The ten most frequent paths, with how often they end in a purchase; the rest is kept."""
    paths = now.paths.paths
    table = paths.assign(path=[" → ".join(p) for p in paths["path"]]).sort_values(
        ["conversions", "path"], ascending=[False, True]
    )
    top, rest = table.head(TOP_PATHS), table.iloc[TOP_PATHS:]
    if len(rest):
        rest = pd.DataFrame(
            [{"path": f"{words.count(len(rest))} other paths", **rest.drop(columns="path").sum()}]
        )
    shown = pd.concat([top, rest], ignore_index=True)
    shown["ends_in_purchase"] = shown["conversions"] / (shown["conversions"] + shown["nulls"])
    lengths = np.array([len(p) for p in paths["path"]])
    mean = float(np.average(lengths, weights=paths["conversions"]))
    share = top["conversions"].sum() / paths["conversions"].sum()
    return blocks.table(
        shown[["path", "conversions", "nulls", "ends_in_purchase", "value"]].rename(
            columns={"conversions": "purchases", "nulls": "without"}
        ),
        finding=f"The ten most frequent paths carry {words.percent(share, 0)} of tracked purchases; "
        f"a purchase takes {words.number(mean, 1)} touches",
        caption="Visits of the same channel within half an hour are one touch.",
        formats={
            "purchases": "count",
            "without": "count",
            "ends_in_purchase": "percent",
            "value": report.currency,
        },
    )


@section(part="now", needs=NOT_TRACKED, small=FEW)
def how_long_it_takes(report: ChannelReport, now: Period) -> Block:
    """Days from the first touch of a path to its purchase."""
    touches = now.paths.touches
    bought = touches.filter(touches.converted)
    first = bought.group_by("person", "path").aggregate(days=bought.days.max())
    whole = first.mutate(day=first.days.floor().cast("int64"))
    found = report.base.collect(whole.group_by("day").aggregate(purchases=whole.count()).order_by("day"))
    edges = [0, 1, 3, 7, 14, 30, np.inf]
    names = ["same day", "1–2 days", "3–6 days", "7–13 days", "14–29 days", "30 or more"]
    band = pd.cut(found["day"], edges, right=False, labels=names)
    table = found.groupby(band, observed=False)["purchases"].sum().reset_index(name="purchases")
    table = table.rename(columns={"day": "first_touch"}).astype({"first_touch": str})
    table["share"] = table["purchases"] / table["purchases"].sum()
    table = table[table["purchases"].cumsum() <= table["purchases"].sum()]
    running = found["purchases"].cumsum() / found["purchases"].sum()
    # a purchase on the day of the touch comes within one day
    median, late = (int(found["day"].to_numpy()[(running >= q).to_numpy().argmax()]) + 1 for q in (0.5, 0.9))
    return blocks.chart(
        figures.columns(
            table, "first_touch", ["purchases"], fmt="count", x_title="first touch before the purchase"
        ),
        finding=f"""Half of the tracked purchases come within {words.plural(median, "day")} of the first
            touch, nine in ten within {late}""",
        data=table,
        caption=f"""Only touches of the last {words.number(report.lookback, 0)} days before a purchase count;
            a longer window shows longer ways.""",
        formats={"purchases": "count", "share": "percent"},
    )


@section(part="now", needs=NOT_TRACKED, small=FEW)
def what_a_new_customer_costs(report: ChannelReport, now: Period) -> Block:
    """Cost of a first purchase by channel, and what comes back."""
    table = now.economics.channels
    if "cac" not in table or table["cac"].dropna().empty:
        return blocks.note(
            "What a new customer costs cannot be told",
            "It needs spend by channel and first purchases after a touch.",
        )
    columns = [
        c
        for c in ("channel", "spend", "new_customers", "cac", "value_per_cac", "payback_months")
        if c in table
    ]
    shown = table[table["cac"].notna()].sort_values("cac")[columns].reset_index(drop=True)
    dear, cheap = shown.iloc[-1], shown.iloc[0]
    paid = "payback_months" in shown
    return blocks.chart(
        figures.bars(shown, y="channel", x="cac", highlight=[str(dear["channel"])], fmt=report.currency),
        finding=f"A new customer costs {report.money(cheap['cac'])} by {words.label(cheap['channel'])} and "
        f"{report.money(dear['cac'])} by {words.label(dear['channel'])}",
        data=shown,
        caption="Spend divided by credited first purchases (mean of first touch, linear and Markov). "
        + (
            "Payback takes the margin of a customer to come evenly over a year."
            if paid
            else "Give customer_value, the margin a new customer brings in a year, to see value per cost "
            "and payback."
        ),
        formats={"spend": report.currency, "new_customers": "number:1", "cac": report.currency}
        | ({"value_per_cac": "number:2", "payback_months": "number:1"} if paid else {}),
    )


@section(small=NOT_ASKED)
def what_customers_say(report: ChannelReport) -> Block:
    """How customers say they heard of us, and what the register says."""
    if report.heard.empty:
        return NOT_ASKED
    heard = report.heard
    source = heard["source"].iloc[0]
    shown = heard[heard["source"] == source].head(8)
    top = shown.iloc[0]
    tracked_names = set(report.now.paths.roles()["channel"]) if report.now else set()
    hidden = [str(c) for c in shown["channel"] if c not in tracked_names]
    beyond = float(shown.loc[shown["channel"].isin(hidden), "share"].sum())
    finding = (
        f"{words.percent(beyond, 0)} of customers name a way that no click shows "
        f"({words.listing([words.label(h) for h in hidden[:3]])})"
        if report.now and hidden
        else f"{words.label(top['channel'])} is named most: {words.percent(top['share'], 0)} of "
        f"{words.plural(top['of'], 'customer')}"
    )
    return blocks.chart(
        figures.intervals(
            shown,
            "channel",
            "share",
            "lower",
            "upper",
            highlight=hidden if report.now else (),
            fmt="percent:0",
        ),
        finding=finding,
        data=heard,
        caption=(
            "Answers to “how did you hear of us”"
            if source == "survey"
            else "Acquisition channel in the register"
        )
        + " with 95 % intervals"
        + ("; orange: not among the tracked channels." if report.now and hidden else "."),
        formats={
            "customers": "count",
            "of": "count",
            "share": "percent",
            "lower": "percent",
            "upper": "percent",
        },
    )


@section(part="now", needs=NOT_TRACKED, small=FEW)
def what_only_a_test_can_tell(report: ChannelReport, now: Period) -> Block:
    """What the controls of campaigns tell of channels, and the test of every channel that costs money."""
    plan = report.plan
    if plan.empty:
        return blocks.note(
            "Whether a channel causes purchases only a test can tell",
            "What channels cost is not known, so no test can be proposed: it needs the table channel_spend.",
        )
    measured = [report.added(str(channel)) for channel in plan["channel"]]
    found = plan.assign(
        measured=["not measured" if row is None else str(row["verdict"]) for row in measured],
        orders_by_100=blocks.together(
            pd.Series([math.nan if row is None else 100 * row["lower"] for row in measured]),
            pd.Series([math.nan if row is None else 100 * row["upper"] for row in measured]),
        ),
        weeks=plan["weeks"].where(plan["weeks"] < 1_000),
        customers_each=plan["customers_each"].clip(upper=1e9).round(),
    )
    first = plan.iloc[0]
    return blocks.table(
        found,
        finding=f"Most money hangs on {words.label(first['channel'])}: it earns back its spend only if it "
        f"adds {words.percent(first['share_of_orders'], 0)} of all orders",
        caption="""Attribution shares out purchases that happened; it does not say which would have come
            anyway. Measured: by campaigns whose controls were drawn by lot, and only of their members. Size
            of each half for 80 % power at 95 %, over as many days as the spend is of; weeks: with half of all
            customers left out. It shows a channel that just earns back its spend; one that earns more shows
            sooner.""",
        formats={
            "spend": report.currency, "break_even_orders": "count", "share_of_orders": "percent",
            "customers_each": "count", "customers": "count", "weeks": "number:0",
            "orders_by_100": "interval:number:1",
        },
    )  # fmt: skip
