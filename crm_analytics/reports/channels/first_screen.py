"""The first screen of the channels report: which channels earn their money, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from crm_analytics.analyses.attribution.economics import LOSS, LUCRATIVE, NO_TOUCH_SEEN, UNDECIDED
from crm_analytics.pages import blocks, words
from crm_analytics.pages.blocks import Block
from crm_analytics.reports.channels.report import ChannelReport, Period
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section

Row = tuple[str, Callable[[Period], float | None], Callable[[Any], str], str]


def _spent(period: Period, verdict: str) -> pd.DataFrame:
    table = period.economics.channels
    return table[table["verdict"] == verdict]


@section(small=small_form.headline)
def headline(report: ChannelReport) -> Block:
    """Which channels pay under every model, which lose, and how much money hangs on the model."""
    if report.now is None:
        return _said_only(report)
    now = report.now
    good, bad = _spent(now, LUCRATIVE), pd.concat([_spent(now, LOSS), _spent(now, NO_TOUCH_SEEN)])
    if not now.spend:
        return _without_spend(report, now)
    parts = []
    if len(good):
        parts.append(f"{words.listing(good['channel'])} {_pays(good, 'earn')} their money under every model")
    if len(bad):
        lost = report.money(bad["spend"].sum())
        parts.append(f"{words.listing(bad['channel'])} {_pays(bad, 'lose')}: {lost} of spend")
    if not parts:
        parts = [f"No channel is shown to earn or to lose: {report.money(now.spend)} hang on the model"]
    sentence = "; ".join(parts)
    return blocks.headline(sentence[0].upper() + sentence[1:], _lede(report, now))


def _pays(channels: pd.DataFrame, verb: str) -> str:
    return verb if len(channels) > 1 else {"earn": "earns", "lose": "loses"}[verb]


def _lede(report: ChannelReport, now: Period) -> str:
    unsure = _spent(now, UNDECIDED)
    weeks = (now.day - now.after).days // 7
    bought = words.plural(now.paths.conversions, "purchase")
    lede = f"""In the last {weeks} weeks {bought} worth {report.money(now.paths.value)} followed a touch;
        {report.money(now.spend)} went into channels. """
    if len(unsure):
        lede += f"""For {words.listing(unsure["channel"])} ({report.money(unsure["spend"].sum())}) the sign
            hangs on the model or on chance: undecided. """
    return (
        lede
        + """Credit is not proof: whether these purchases would have come anyway only a test with
        customers or regions left out can tell."""
    )


def _without_spend(report: ChannelReport, now: Period) -> Block:
    share = now.share_of("markov")
    best = share.idxmax()
    return blocks.headline(
        f"{words.label(best)} leads to most: {words.percent(share.max(), 0)} of tracked revenue by the "
        "Markov model",
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
    for verdict, do, why in (
        (NO_TOUCH_SEEN, "Stop or tag {0}.", "Money is spent, and not one tracked touch is seen: {0}."),
        (LOSS, "Cut {0}, in a part of the regions first.", "It loses under every model: {0}."),
        (UNDECIDED, "Test {0}: leave it out for customers or regions drawn by lot.",
         "Models or chance disagree on its sign: {0}."),
        (LUCRATIVE, "Try more of {0}, in steps.",
         "It earns under every model: {0}; the next euro may earn less."),
    ):  # fmt: skip
        for row in _spent(now, verdict).to_dict("records")[:2]:
            span = words.interval(row["profit_low"], row["profit_high"], report.currency)
            name = words.label(row["channel"])
            items.append(
                blocks.action(
                    do.format(name),
                    why.format(f"profit {span}"),
                    "marketing",
                    f"{report.money(row['spend'])} spent",
                )
            )
    if not items:
        items.append(
            blocks.action(
                "Record what each channel costs, by day.",
                "Without channel_spend no profit can be told.",
                "marketing",
            )
        )
    return blocks.actions(*items[:5])
