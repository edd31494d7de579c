"""The manager's layer of the channels report: what channels are shown to add, and how to learn the rest."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses.attribution.economics import LOSS, LUCRATIVE, NO_SPEND, NO_TOUCH_SEEN
from crm_analytics.analyses.audiences import held_back
from crm_analytics.analyses.campaigns.measurement.treatment_effects import LESS, MORE
from crm_analytics.analyses.evidence import grade, told
from crm_analytics.pages import blocks, words
from crm_analytics.reports.channels.report import LONGEST, ChannelReport, Holdout, Period
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import action_of, glossary_of, interval, plain_action, say, span, tile
from crm_analytics.reports.shared.trends import past_of
from crm_analytics.tables.days import span_of

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block

WORDS = ("margin", "contact_effect", "change", "customer")
OWN_WORDS = ("touch", "path", "credit", "tracked", "spend_per_new_customer", "acquisition_cost", "test")
NEWS = 0.1  # a change smaller than this is no news, however sure
HUNDRED = 100
FOUR = 4  # numbers on the first screen
SHORT = 24  # letters of a channel in a sentence


def short(name: object, letters: int = SHORT) -> str:
    """A channel as a sentence can hold it."""
    return words.clean(name, letters)


@section(small=small_form.headline)
def headline(report: ChannelReport) -> Block:
    """What channels are shown to add; else what changed; else which stands last, as all that is known."""
    t = report.t
    if report.now is None:
        sentence, lede = _said_only(report)
        return blocks.headline(
            sentence, lede, thin=report.heard.empty, language=report.language, title=t("title")
        )
    sentence = _news(report, report.now)
    return blocks.headline(
        opened(sentence), _lede(report, report.now), language=report.language,
        title=t("title"),
    )  # fmt: skip


def _news(report: ChannelReport, now: Period) -> str:
    t, shown = report.t, _shown(report)
    if len(shown):
        row = shown.iloc[0]
        bounds = interval(t, HUNDRED * row["lower"], HUNDRED * row["upper"], "number:1")
        way = "more" if row["verdict"] == MORE else "less"
        number = abs(HUNDRED * row["orders_added"])
        return t.of(
            f"headline.shown.{way}", {"channel": short(row["channel"]), "n": number, "interval": bounds}
        )
    rate = report.kpis["sales_per_spend"]
    change = rate.against_year
    if change is not None and change.change is not None and abs(change.change) >= NEWS:
        found = grade(change.change, change.lower, change.upper, rate.n)
        if found.is_news:
            slots = {
                "way": "up" if change.change > 0 else "down",
                "share": abs(change.change),
                "interval": interval(t, change.lower, change.upper, "percent:0"),
            }
            return t.of("headline.rate.shown", slots)
    share = now.share_of("last")
    return t("headline.steady", channel=short(share.idxmax()), share=float(share.max()))


def _shown(report: ChannelReport) -> pd.DataFrame:
    """Channels whose effect the controls of campaigns show."""
    clear = report.measured["verdict"].isin([MORE, LESS])
    return report.measured[told(clear, "channels.channel_works")]


def _lede(report: ChannelReport, now: Period) -> list[str]:
    t, kpis = report.t, report.kpis
    slots: dict[str, Any] = {
        "span": _span(report),
        "n": now.paths.conversions,
        "value": now.paths.value,
        "spend": kpis["channel_spend"].value,
    }
    said = [t.of("lede.tracked" if slots["spend"] else "lede.no_spend", slots)]
    if report.measured.empty:
        said.append(t("lede.not_measured"))
    elif len(_shown(report)):
        said.append(t("lede.measured_shown"))
    else:
        row = report.measured.iloc[0]
        bounds = interval(t, HUNDRED * row["lower"], HUNDRED * row["upper"], "number:1")
        number = HUNDRED * row["orders_added"]
        said.append(t("lede.measured_chance", channel=short(row["channel"]), n=number, interval=bounds))
    said.append(t("lede.only_a_test"))
    return said


def _span(report: ChannelReport) -> str:
    return span(report.t, *span_of(report.plan.given.span.lstrip("-")))


def _said_only(report: ChannelReport) -> tuple[str, str]:
    t = report.t
    if report.heard.empty:
        return t("none.headline"), t("none.lede")
    top = report.heard.iloc[0]
    slots = {
        "channel": short(top["channel"]), "share": top["share"],
        "interval": interval(t, top["lower"], top["upper"], "percent:0"),
    }  # fmt: skip
    return t.of(f"headline.said.{top['source']}", slots), t("none.tracked")


@section(small=small_form.kpis)
def kpis(report: ChannelReport) -> Block:
    """Tracked sales over spend, spend, spend per new customer, how much is tracked; what is known of them."""
    t = report.t
    known = [kpi for kpi in report.kpis.values() if kpi.value is not None][:FOUR]
    if not known:
        return blocks.kpis(tile(t, report.kpis["tracked_share"]))
    return blocks.kpis(*(tile(t, kpi, _then(report, kpi.id), past_of(report)) for kpi in known))


def _then(report: ChannelReport, name: str) -> str:
    """What a figure was a year ago, where nothing is claimed of the change."""
    t, kpi = report.t, report.kpis[name]
    change = kpi.against_year or kpi.against_previous
    if change is None or change.change is not None:
        return ""
    return t("tile.was" if kpi.against_year else "tile.was_before", value=say(t, change.before, kpi.unit))


@section(small=small_form.thanks)
def actions(report: ChannelReport) -> Block:
    """What nobody sees, what to test and how, whom to write to."""
    t, items = report.t, []
    if report.now is not None:
        items += [one for one in (_untouched(report, report.now), _test(report), _no_spend(report)) if one]
    else:
        message = "ask" if report.heard.empty else "track"
        items.append(
            blocks.action(t(f"action.{message}.do"), t(f"action.{message}.why"), t("role.marketing"))
        )
    items += [action_of(t, action, report.plan) for action in report.plan.actions]
    if not items:
        items = [blocks.action(t("action.nothing.do"), t("action.nothing.why"))]
    return blocks.actions(*items[: blocks.MOST_ACTIONS])


def _untouched(report: ChannelReport, now: Period) -> dict[str, Any] | None:
    """The channel that costs most and of which nothing is seen."""
    table = now.economics.channels
    table = table[table["verdict"] == NO_TOUCH_SEEN]
    if table.empty:
        return None
    t, row = report.t, table.nlargest(1, "spend").iloc[0]
    return plain_action(
        t, "untouched", "marketing", t("action.untouched.do", channel=short(row["channel"])),
        t("action.untouched.why", spend=row["spend"], span=_span(report)),
    )  # fmt: skip


def _test(report: ChannelReport) -> dict[str, Any] | None:
    """The test to begin with and its list; where none shows anything within a year, that."""
    found = report.holdout
    if found is None:
        return None
    t = report.t
    slots: dict[str, Any] = {
        "channels": channels_in(report, found),
        "spend": found.spend,
        "span": _span(report),
        "share": found.share,
        "weeks": math.ceil(max(found.weeks, 1)) if found.fits else 0,
        "longest": LONGEST,
    }
    if not report.own_actions:
        do, why = (t.of(f"action.region.{part}", slots) for part in ("do", "why"))
        return plain_action(t, "wait", "marketing", do, why, "untested=channels")
    (action,) = report.own_actions
    return action_of(t, action, report.plan, more=slots | {"held": held_back(action.customers)})


def channels_in(report: ChannelReport, found: Holdout) -> str:
    """The channels of a test, three by name at the most."""
    names = [short(name, 16) for name in found.channels]
    if len(names) > 3:
        return report.t("channels.many", first=names[0], second=names[1], n=len(names) - 2)
    return report.t(f"channels.{len(names)}", **dict(zip(("first", "second", "third"), names, strict=False)))


def _no_spend(report: ChannelReport) -> dict[str, Any] | None:
    if report.now is None or report.now.spend:
        return None
    t = report.t
    return blocks.action(t("action.record_spend.do"), t("action.record_spend.why"), t("role.marketing"))


@section(small=small_form.regulars)
def findings(report: ChannelReport) -> Block:
    """What the report found, each with the way to its proof."""
    now, found = report.now, [_heard(report)]
    if now is not None:
        found = [_credit(report, now), _trend(report), _payback(report), _pairs(report, now), *found]
    kept = [one for one in found if one]
    if not kept:
        kept = [blocks.finding(report.t("none.bring"))]
    return blocks.findings(*kept[: blocks.MOST_FINDINGS])


def _credit(report: ChannelReport, now: Period) -> dict[str, str] | None:
    t, table = report.t, now.economics.channels
    paid = table[table["verdict"] != NO_SPEND]
    if paid.empty:
        return None
    below = paid[paid["verdict"] == LOSS]
    if len(below):
        row = below.iloc[-1]
        slots = {"channel": short(row["channel"], 16), "spend": row["spend"]}
        return blocks.finding(shortest(report, "finding.below", slots), "pays")
    above = int((paid["verdict"] == LUCRATIVE).sum())
    return blocks.finding(t("finding.above", n=above, of=len(paid)), "pays")


def shortest(report: ChannelReport, message: str, slots: dict[str, Any]) -> str:
    """A sentence, or its form without the amount where the amount has too many digits for one glance."""
    t = report.t
    return opened(blocks.fitting(t.of(message, slots), t.of(f"{message}_short", slots)))


def opened(sentence: str) -> str:
    """A sentence that may begin with a name from the data, with a capital."""
    return f"{sentence[:1].upper()}{sentence[1:]}"


def _trend(report: ChannelReport) -> dict[str, str] | None:
    if report.trend is None:
        return None
    return blocks.finding(trend_sentence(report, report.trend), "trend")


def trend_sentence(report: ChannelReport, table: pd.DataFrame) -> str:
    """The channel whose share of tracked sales moved most beyond chance, or that none did."""
    t = report.t
    clear = table[(table["lower"] > 0) | (table["upper"] < 0)]
    if clear.empty:
        return t(f"trend.steady_{report.against}")
    row = clear.iloc[int(clear["change"].abs().argmax())]
    slots = {
        "channel": short(row["channel"], 16), "now": row["share_now"], "before": row["share_before"],
        "way": "up" if row["change"] > 0 else "down",
    }  # fmt: skip
    return opened(t.of(f"trend.moved_{report.against}", slots))


def _payback(report: ChannelReport) -> dict[str, str] | None:
    found = report.payback
    if found is None:
        return None
    message = "finding.payback" if found.months else "finding.no_payback"
    return blocks.finding(shortest(report, message, {"cost": found.cost, "n": found.months}), "payback")


def _pairs(report: ChannelReport, now: Period) -> dict[str, str] | None:
    several, pairs = now.together
    if pairs.empty:
        return blocks.finding(report.t("finding.alone"), "together")
    row = pairs.iloc[0]
    slots = {"share": several, "one": short(row["one"], 14), "other": short(row["other"], 14)}
    return blocks.finding(shortest(report, "finding.together", slots), "together")


def _heard(report: ChannelReport) -> dict[str, str] | None:
    if report.heard.empty:
        return None
    t, source = report.t, report.heard["source"].iloc[0]
    rows = report.heard[report.heard["source"] == source]
    unseen = unseen_ways(report)
    if len(unseen):
        share = float(rows.loc[rows["channel"].isin(unseen), "share"].sum())
        slots = {"share": share, "first": short(unseen[0], 14)}
        return blocks.finding(t.of(f"finding.unseen.{source}", slots), "heard")
    top = rows.iloc[0]
    slots = {"share": top["share"], "channel": short(top["channel"], 16)}
    return blocks.finding(t.of(f"finding.heard.{source}", slots), "heard")


def unseen_ways(report: ChannelReport) -> list[str]:
    """Ways that customers name and nothing tracks, the most named first; empty without tracking."""
    if report.now is None or report.heard.empty:
        return []
    seen = set(report.now.paths.roles()["channel"])
    rows = report.heard[report.heard["source"] == report.heard["source"].iloc[0]]
    return [str(name) for name in rows["channel"] if name not in seen]


@section(small=small_form.glossary)
def glossary(report: ChannelReport) -> Block:
    """The words of the page."""
    t = report.t
    own = {t(f"own_word.{name}"): t(f"own_meaning.{name}") for name in OWN_WORDS}
    return blocks.glossary(own | glossary_of(t, report.plan.given.definitions, WORDS))
