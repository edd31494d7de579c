"""The first screen of the channels report: what channels are shown to add, and how to find out the rest."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import pandas as pd

from crm_analytics.analyses.attribution.economics import NO_TOUCH_SEEN
from crm_analytics.analyses.campaigns.measurement.treatment_effects import LESS, MORE
from crm_analytics.pages import blocks, words
from crm_analytics.pages.blocks import Block
from crm_analytics.reports.channels.report import ChannelReport, Period
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section

MOST = 3  # actions
LONGEST = 52.0  # weeks of a test
MILLIONS = 1e6
HUNDRED = 100
Row = tuple[str, Callable[[Period], float | None], Callable[[Any], str], str]


def _spent(period: Period, verdict: str) -> pd.DataFrame:
    table = period.economics.channels
    return table[table["verdict"] == verdict]


@section(small=small_form.headline)
def headline(report: ChannelReport) -> Block:
    """What channels are shown to add; else which stands last before purchases, and that no more is known."""
    if report.now is None:
        return _said_only(report)
    now = report.now
    if not now.spend:
        return _without_spend(report, now)
    shown = _shown(report)
    if len(shown):
        parts = [
            f"{words.label(row['channel'])} is shown to {'add' if row['verdict'] == MORE else 'cost'} orders"
            f": {_added(row)}"
            for row in shown.to_dict("records")[:2]
        ]
        sentence = "; ".join(parts)
    else:
        share = now.share_of("last")
        sentence = f"""{words.label(share.idxmax())} stands last before {words.percent(share.max(), 0)} of
            tracked sales; whether any channel causes sales is unknown"""
    return blocks.headline(sentence[0].upper() + sentence[1:], _lede(report, now))


def _shown(report: ChannelReport) -> pd.DataFrame:
    """Channels whose effect the controls of campaigns show."""
    return report.measured[report.measured["verdict"].isin([MORE, LESS])]


def _added(row: Mapping[Hashable, Any]) -> str:
    bounds = words.interval(HUNDRED * row["lower"], HUNDRED * row["upper"])
    return f"{words.number(HUNDRED * row['orders_added'], 1)} by {HUNDRED} contacts ({bounds})"


def _lede(report: ChannelReport, now: Period) -> str:
    weeks = (now.day - now.after).days // 7
    bought = words.plural(now.paths.conversions, "purchase")
    lede = f"""In the last {weeks} weeks {bought} worth {report.money(now.paths.value)} followed a touch;
        {report.money(now.spend)} went into channels. """
    gone = _spent(now, NO_TOUCH_SEEN)
    if len(gone):
        lede += f"""{words.listing(gone["channel"])} cost {report.money(gone["spend"].sum())}, and not one
            touch of it is tracked. """
    if len(_shown(report)):
        lede += """That was measured by campaigns whose controls were drawn by lot, and holds for their
            members. """
    return (
        lede
        + """Credit is not earning: whether these purchases would have come anyway only a test with customers
        or regions left out by lot can tell."""
    )


def _without_spend(report: ChannelReport, now: Period) -> Block:
    share = now.share_of("markov")
    best = share.idxmax()
    return blocks.headline(
        f"{words.label(best)} stands before most: {words.percent(share.max(), 0)} of tracked revenue by the "
        "Markov model; whether it causes any is unknown",
        "What the channels cost is not known (the table channel_spend is missing), so nothing can be said "
        "about profit. " + _lede(report, now).split("; ", maxsplit=1)[0] + ".",
    )


def _said_only(report: ChannelReport) -> Block:
    heard = report.heard
    if heard.empty:
        return blocks.headline(
            "Where customers come from is not known: nothing is tracked, and nobody was asked",
            f"{report.why('now')} Ask new customers how they heard of you (survey_responses, instrument "
            "heard_from) or record an acquisition_channel.",
            thin=True,
        )
    top = heard.iloc[0]
    how = "say they heard of us by" if top["source"] == "survey" else "are registered as won by"
    interval = words.interval(top["lower"], top["upper"], "percent:0")
    return blocks.headline(
        f"{words.percent(top['share'], 0)} of customers {how} {words.label(top['channel'])} ({interval})",
        report.why("now"),
    )


@section(small=small_form.kpis)
def kpis(report: ChannelReport) -> Block:
    """Tracked purchases, return on spend, cost of a new customer, share that is untracked."""
    if report.now is None:
        items = [
            blocks.kpi(
                "Customers asked" if source == "survey" else "Customers registered",
                words.count(part["of"].iloc[0]),
                note=f"most by {words.label(part['channel'].iloc[0])}",
            )
            for source, part in report.heard.groupby("source", sort=False)
        ]
        return blocks.kpis(*(items or [blocks.kpi("Tracked purchases", "0")]))
    now, before = report.now, report.before
    share = words.percent(now.paths.conversions / (now.paths.conversions + now.paths.untracked), 0)
    rows: list[Row] = [
        ("Tracked purchases", _tracked, words.count, f"{share} of all; the rest had no touch in the window")
    ]
    if now.spend:
        rows += [
            ("Revenue per money spent", _roas, _times, "all tracked revenue / all spend; no model needed"),
            ("Spend on channels", _spend, report.money, "same period"),
            ("Cost of a new customer", _cac, report.money, f"{words.count(_new(now))} first purchases"),
        ]
    return blocks.kpis(
        *(
            _kpi(label, of(now), of(before) if before else None, worded, note)
            for label, of, worded, note in rows
        )
    )


def _tracked(period: Period) -> float | None:
    return period.paths.conversions


def _spend(period: Period) -> float | None:
    return period.spend


def _kpi(label: str, now: float | None, before: float | None, worded: Any, note: str) -> dict[str, str]:
    if now is None:
        return blocks.kpi(label, "–", note=note)
    if before is None:
        return blocks.kpi(label, worded(now), "no earlier period", note)
    said = words.change(now, before)
    return blocks.kpi(
        label, worded(now), said, f"{worded(before)} before; {note}", words.direction(now, before)
    )


def _times(x: float) -> str:
    return f"{words.number(x, 2)} ×"


def _roas(period: Period) -> float | None:
    return period.paths.value / period.spend if period.spend else None


def _new(period: Period) -> int:
    return int(period.paths.paths["new_customers"].sum())


def _cac(period: Period) -> float | None:
    return period.spend / _new(period) if period.spend and _new(period) else None


@section(small=small_form.thanks)
def actions(report: ChannelReport) -> Block:
    """What to do with the money, and how to find out what attribution cannot tell."""
    if report.now is None:
        return blocks.actions(
            blocks.action(
                "Ask every new customer how they heard of you, and write it down.",
                "It is the only evidence a shop without clicks has; from 100 answers on a share is sure to "
                "± 10 points.",
                "shop",
            )
        )
    now, items = report.now, []
    items += [
        blocks.action(
            f"Stop or tag {words.label(row['channel'])}.",
            "Money is spent, and not one tracked touch is seen.",
            "marketing",
            f"{report.money(row['spend'])} spent",
        )
        for row in _spent(now, NO_TOUCH_SEEN).to_dict("records")[:1]
    ]
    for row in report.plan.to_dict("records"):
        known = report.added(str(row["channel"]))
        if len(items) < MOST and (known is None or known["verdict"] not in {MORE, LESS}):
            items.append(_test(report, row))
    if not items:
        items.append(
            blocks.action(
                "Record what each channel costs, by day.",
                "Without channel_spend no profit can be told.",
                "marketing",
            )
        )
    return blocks.actions(*items[:MOST])


def _test(report: ChannelReport, row: dict[Hashable, Any]) -> dict[str, str]:
    """The test of a channel: size, length and power."""
    name, weeks = words.label(row["channel"]), row["weeks"]
    must = f"""To earn back its spend it must add {words.plural(round(row["break_even_orders"]), "order")}
        ({words.percent(row["share_of_orders"])} of all). """
    if not weeks <= LONGEST:
        each = (
            words.count(math.ceil(row["customers_each"])) if row["customers_each"] < MILLIONS else "millions"
        )
        why = f"""{must}The customers are too few to see that within a year ({each} in each half are
            needed): test
            by region, or together with others."""
    else:
        why = f"""{must}Leave it out for half of the {words.count(row["customers"])} customers, drawn by
            lot, for
            {words.plural(max(1, math.ceil(weeks)), "week")}: that shows it in 80 of 100 such tests."""
    return blocks.action(
        f"Test {name}: leave it out for customers drawn by lot.",
        why,
        "marketing",
        f"{report.money(row['spend'])} spent",
    )
