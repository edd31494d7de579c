"""The manager's layer of the voice report: the score and its change, what to do, what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses import voice
from crm_analytics.analyses.evidence import grade, may_claim, told
from crm_analytics.analyses.voice.kpis import score_of, spans
from crm_analytics.pages import blocks, words
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.spoken import segment_name
from crm_analytics.reports.shared.tiles import action_of, glossary_of, interval, plain_action, say, span, tile
from crm_analytics.reports.shared.trends import past_of
from crm_analytics.reports.voice.report import VoiceReport
from crm_analytics.tables.days import span_of

if TYPE_CHECKING:
    from crm_analytics.analyses.voice import Score
    from crm_analytics.pages.blocks import Block

WORDS = ("segment", "at_risk", "lapsed", "margin", "contact_effect", "customer")
OWN_WORDS = ("nps", "csat", "ces", "promoter", "detractor", "response_rate")


def score_words(report: VoiceReport, found: Score) -> tuple[str, str]:
    """A score of the leading instrument and its interval, in words."""
    fmt = "number:0" if report.instrument == voice.NPS else "percent:0"
    return words.say(found.value, fmt), interval(report.t, found.lower, found.upper, fmt)


@section(small=small_form.headline)
def headline(report: VoiceReport) -> Block:
    """The score of the last period, against a year ago."""
    t = report.t
    if report.answers is None:
        return blocks.headline(
            t("none.headline"), t("none.lede"), thin=True, language=report.language, title=t("title")
        )
    return blocks.headline(_news(report), _lede(report), language=report.language, title=t("title"))


def _news(report: VoiceReport) -> str:
    t, given = report.t, report.plan.given
    now, _, year = (score_of(given, report.instrument, *one) for one in spans(given))
    length = span(t, *span_of(given.span.lstrip("-")))
    if now is None:
        assert report.answers is not None
        return t("headline.few", n=report.answers.given, span=length)
    value, bounds = score_words(report, now)
    name = t(f"instrument.{report.instrument}")
    if year is None:
        return t("headline.no_year", name=name, value=value, interval=bounds)
    change, low, high = voice.difference(now, year)
    found = grade(change, low, high, min(now.n, year.n), kind="voice.score_changed")
    then, _ = score_words(report, year)
    way = "up" if change > 0 else "down"
    message = "shown" if found.is_news else "steady"
    return t.of(
        f"headline.{message}",
        {"name": name, "value": value, "then": then, "way": way, "interval": bounds},
    )


def _lede(report: VoiceReport) -> list[str]:
    t, found = report.t, report.answers
    assert found is not None
    said = [t("lede.answers", n=found.given)]
    if found.repeated:
        said.append(t("lede.repeated", n=found.repeated))
    if found.off_scale:
        said.append(t("lede.off_scale", n=found.off_scale))
    rate = report.kpis["response_rate"]
    if rate.value is not None:
        length = span(t, *span_of(report.plan.given.span.lstrip("-")))
        said.append(t("lede.rate", share=rate.value, span=length))
    return said


@section(small=small_form.kpis)
def kpis(report: VoiceReport) -> Block:
    """NPS, satisfied answers, ease, response rate; what the data hold of them."""
    t, found = report.t, report.kpis
    known = [kpi for kpi in found.values() if kpi.value is not None]
    if report.answers is None or not known:
        return blocks.kpis(tile(t, found["response_rate"]))
    tiles = []
    for kpi in known:
        change = kpi.against_year or kpi.against_previous
        note = ""
        if change is not None and change.change is None and kpi.lower is not None:
            fmt = "number:0" if kpi.id == "net_promoter_score" else "percent:0"
            bounds = interval(t, kpi.lower, kpi.upper, fmt)
            message = "tile.was" if kpi.against_year else "tile.was_before"
            note = t(message, interval=bounds, value=say(t, change.before, kpi.unit))
        tiles.append(tile(t, kpi, note, past_of(report)))
    return blocks.kpis(*tiles)


@section(small=small_form.thanks)
def actions(report: VoiceReport) -> Block:
    """Whom to call, and what to mend first."""
    t = report.t
    items = [action_of(t, action, report.plan) for action in report.own_actions]
    worst = _worst(report)
    if worst is not None:
        items.append(plain_action(
            t, "mend", "everyone", t("action.mend.do", driver=t(f"driver.{worst['driver']}")),
            t("action.mend.why", points=abs(worst["difference"]),
              interval=interval(t, -worst["upper"], -worst["lower"], "number:1")),
        ))  # fmt: skip
    if not items:
        items = [blocks.action(t("action.nothing.do"), t("action.none.why"))]
    return blocks.actions(*items[: blocks.MOST_ACTIONS])


def _worst(report: VoiceReport) -> pd.Series | None:
    """What goes with the lowest answers, where that is more than chance."""
    if report.drivers is None:
        return None
    bad = report.drivers[told(report.drivers["clear"], "voice.driver") & (report.drivers["difference"] < 0)]
    return None if bad.empty else bad.iloc[0]


@section(small=small_form.regulars)
def findings(report: VoiceReport) -> Block:
    """What the report found, each with the way to its proof."""
    if report.answers is None:
        return blocks.findings(blocks.finding(report.t("none.headline")))
    found = [_segments(report), _driver(report), _bias(report), _reason(report), _said(report)]
    told = [one for one in found if one] or [blocks.finding(report.t("finding.little"))]
    return blocks.findings(*told)


def _segments(report: VoiceReport) -> dict[str, str] | None:
    table = report.segments
    if table is None or len(table) < 2:
        return None
    t, fmt = report.t, "number:0" if report.instrument == voice.NPS else "percent:0"
    ends = voice.apart(table)
    if ends is None:
        return blocks.finding(t("finding.segments_alike"), "segments")
    best, worst = ends
    names = {"best": segment_name(t, best["segment"])[:22], "worst": segment_name(t, worst["segment"])[:22]}
    return blocks.finding(
        t(
            "finding.segments",
            **names,
            high=words.say(best["value"], fmt),
            low=words.say(worst["value"], fmt),
        ),
        "segments",
    )


def _driver(report: VoiceReport) -> dict[str, str] | None:
    if report.drivers is None:
        return None
    t, worst = report.t, _worst(report)
    if worst is None:
        return blocks.finding(t("finding.no_driver"), "drivers")
    bounds = interval(t, worst["lower"], worst["upper"], "number:1")
    return blocks.finding(
        t(
            "finding.driver",
            driver=_capital(t(f"driver.{worst['driver']}")),
            points=worst["difference"],
            interval=bounds,
        ),
        "drivers",
    )


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _bias(report: VoiceReport) -> dict[str, str] | None:
    found = report.bias
    if found is None:
        return None
    t = report.t
    far = found.groups[told(found.groups["clear"], "voice.response_differs")]
    if far.empty:
        return blocks.finding(t("finding.no_bias", share=found.rate), "bias")
    most = far.assign(size=far["difference"].abs()).nlargest(1, "size").iloc[0]
    way = "up" if most["difference"] > 0 else "down"
    name = segment_name(t, most["segment"])[:24]
    return blocks.finding(
        t("finding.bias", segment=name, way=way, share=most["rate"], all=found.rate), "bias"
    )


def _reason(report: VoiceReport) -> dict[str, str] | None:
    if report.reasons is None:
        return None
    first = report.reasons.iloc[0]
    if not first["reason"]:
        return None
    name = words.clean(first["reason"], 30)
    return blocks.finding(report.t("finding.reason", reason=name, share=first["share"]), "reasons")


def _said(report: VoiceReport) -> dict[str, str] | None:
    t = report.t
    told = voice.agreement(report.heard) if report.heard is not None else None
    if told is not None:
        share, low, high, _ = told
        return blocks.finding(
            t("finding.heard", share=share, interval=interval(t, low, high, "percent:0")), "said"
        )
    if report.said is None:
        return None
    row = report.said.iloc[0]
    clear = row["difference_lower"] > 0 or row["difference_upper"] < 0
    message = "finding.said" if clear and may_claim("voice.promoters_return") else "finding.said_alike"
    return blocks.finding(t(message, share=row["share"], others=row["others_share"]), "said")


@section(small=small_form.glossary)
def glossary(report: VoiceReport) -> Block:
    """The words of the page."""
    t = report.t
    own = {t(f"own_word.{name}"): t(f"own_meaning.{name}") for name in OWN_WORDS}
    return blocks.glossary(own | glossary_of(t, report.plan.given.definitions, WORDS))
