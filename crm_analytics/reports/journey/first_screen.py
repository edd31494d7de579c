"""The manager's layer of the journey report: where customers stop, what that is worth, whom to write to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses.disclosure import ON_A_PAGE
from crm_analytics.analyses.evidence import told
from crm_analytics.analyses.journey import journey_map
from crm_analytics.pages import blocks, words
from crm_analytics.reports.journey.report import VOICE, JourneyReport, segments_before
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.spoken import segment_name
from crm_analytics.reports.shared.tiles import (
    action_of,
    format_of,
    glossary_of,
    interval,
    plain_action,
    say,
    tile,
)
from crm_analytics.reports.shared.trends import past_of

if TYPE_CHECKING:
    from crm_analytics.analyses.journey.period import Period
    from crm_analytics.pages.blocks import Block

WORDS = ("at_risk", "segment", "margin", "contact_effect", "change", "customer")
OWN_WORDS = ("step", "journey", "visit", "funnel", "stage", "feeling", "point")
FOUR = 4  # numbers on the first screen
PURCHASE_STAGE, BEFORE_STAGE = "purchase", "pre_purchase"
HUNDRED = 100
ENOUGH = 30  # buyers of a segment; below, a share is uncertain by 18 points and more
HOLLOW = 0.9  # a subject with nearly all complaints is no subject


@section(small=small_form.headline)
def headline(report: JourneyReport) -> Block:
    """How many of those who began bought, and where most stop."""
    t, worst, table = report.t, report.now.worst, report.now.funnel
    if worst is None or table is None:
        row = report.now.again
        if not row["of"]:
            sentence = t("headline.nobody", days=report.within)
        else:
            sentence = t("headline.again", share=row["conversion"], days=report.within)
        return blocks.headline(
            sentence,
            [t("lede.not_tracked"), *_complaints(report)],
            language=report.language,
            title=t("title"),
        )
    first, last = table.iloc[0], table.iloc[-1]
    slots = {
        "first": report.event(first["name"], 16), "last": report.event(last["name"], 16),
        "n": HUNDRED * last["share_of_first"], "worst": report.event(worst["name"], 16),
    }  # fmt: skip
    shorter = t.of("headline.funnel_short", slots)
    sentence = shorter if len(table) < 3 else blocks.fitting(t.of("headline.funnel", slots), shorter)
    return blocks.headline(sentence, _lede(report, worst), language=report.language, title=t("title"))


def _lede(report: JourneyReport, worst: pd.Series) -> list[str]:
    t, now = report.t, report.now
    bounds = interval(t, worst["lower"], worst["upper"], "percent:0")
    said = [
        t("lede.worst", n=worst["dropped"], of=worst["of"], came=report.event(worst["came"]),
          days=report.within, share=worst["share"], interval=bounds)
    ]  # fmt: skip
    done = report.kpis["funnel_completion"]
    change = done.against_year or done.against_previous
    if change is not None:
        message = "lede.year" if done.against_year else "lede.before"
        said.append(t(message, n=HUNDRED * change.before))
    said += _complaints(report)
    if now.visitors:
        said.append(t("lede.visitors", n=now.visitors))
    return said


def _complaints(report: JourneyReport) -> list[str]:
    pains = report.now.map.pains
    if pains.empty:
        return []
    n = int(pains["complaints"].sum())
    return [report.t("lede.complaints", n=n, of=int(pains["tickets"].sum()))]


@section(small=small_form.kpis)
def kpis(report: JourneyReport) -> Block:
    """Who comes to the end, who buys again, how fast, how satisfied; what is known of them."""
    t, found = report.t, report.kpis
    known = [kpi for kpi in found.values() if kpi.value is not None][:FOUR]
    if not known:
        return blocks.kpis(tile(t, found["journeys"]))
    return blocks.kpis(*(tile(t, kpi, _then(report, kpi.id), past_of(report)) for kpi in known))


def _then(report: JourneyReport, name: str) -> str:
    """What a figure was a year ago, where nothing is claimed of the change."""
    t, kpi = report.t, report.kpis[name]
    if name == VOICE and kpi.lower is not None:
        bounds = interval(t, kpi.lower, kpi.upper, format_of(t, kpi.unit))
        return t.of("tile.last_weeks", {"range": bounds})
    change = kpi.against_year or kpi.against_previous
    if change is None or change.change is not None:
        return ""
    return t("tile.was" if kpi.against_year else "tile.was_before", value=say(t, change.before, kpi.unit))


@section(small=small_form.thanks)
def actions(report: JourneyReport) -> Block:
    """Whom to write to; what stops customers; what they complain about."""
    t, now, plan = report.t, report.now, report.plan
    items = [action_of(t, action, plan) for action in report.own_actions]
    items += [one for one in (_watch(report, now), _pain(report, now)) if one]
    if now.tracked and now.funnel is None:
        items.append(
            blocks.action(t("action.name_steps.do"), t("action.name_steps.why"), t("role.data_owner"))
        )
    if not now.tracked:
        items.append(blocks.action(t("action.record.do"), t("action.record.why"), t("role.shop")))
    items += [action_of(t, action, plan) for action in plan.actions]
    if not items:
        items = [blocks.action(t("action.nothing.do"), t("action.nothing.why"))]
    return blocks.actions(*items[: blocks.MOST_ACTIONS])


def _watch(report: JourneyReport, now: Period) -> dict[str, Any] | None:
    """The worst step, and what one in a hundred more is worth there."""
    worst = now.worst
    if worst is None:
        return None
    t = report.t
    do = t("action.watch.do", came=report.event(worst["came"]), worst=report.event(worst["name"]))
    why = t("action.watch.why", share=1 - worst["share"], of=worst["of"])
    point = one_point_more(report, BEFORE_STAGE)
    if point is not None:
        message = "action.watch.worth" if report.plan.given.margin else "action.watch.worth_revenue"
        why = f"{why} {t(message, value=point, days=report.within)}"
    return plain_action(t, "watch", "shop", do, why)


def one_point_more(report: JourneyReport, stage: str) -> float | None:
    """Margin (revenue where it is not known) of one in a hundred more who goes on from a stage."""
    table = report.now.map.stages
    row = table[table["stage"] == stage]
    if row.empty or pd.isna(row.iloc[0]["next_value"]) or not row.iloc[0]["of"]:
        return None
    margin = report.plan.given.margin
    return float(0.01 * row.iloc[0]["of"] * row.iloc[0]["next_value"] * (1.0 if margin is None else margin))


def _pain(report: JourneyReport, now: Period) -> dict[str, Any] | None:
    row = worst_pain(now)
    if row is None:
        return None
    t = report.t
    return plain_action(
        t, "pain", "service", t("action.pain.do", subject=words.clean(row["subject"], 40)),
        t("action.pain.why", n=row["complaints"], of=int(now.map.pains["complaints"].sum())),
    )  # fmt: skip


def worst_pain(now: Period) -> pd.Series | None:
    """The subject with the most complaints, where subjects tell anything; None where one holds nearly all."""
    pains = now.map.pains
    if pains.empty:
        return None
    named = pains[(pains["complaints"] > 0) & (pains["subject"] != "others")]
    total = pains["complaints"].sum()
    if len(named) < 2 or named.iloc[0]["complaints"] >= HOLLOW * total:
        return None
    return named.iloc[0]


@section(small=small_form.regulars)
def findings(report: JourneyReport) -> Block:
    """What the report found, each with the way to its proof."""
    found = [_lost(report), _device(report), _goods(report), _time(report), _segments(report)]
    kept = [one for one in found if one]
    if not kept:
        kept = [blocks.finding(report.t("none.bring"))]
    return blocks.findings(*kept[: blocks.MOST_FINDINGS])


def _lost(report: JourneyReport) -> dict[str, str] | None:
    worst = report.now.worst
    return None if worst is None else blocks.finding(lost_sentence(report, worst), "funnel")


def lost_sentence(report: JourneyReport, worst: pd.Series) -> str:
    """Where most stop, with its number."""
    slots = {
        "share": 1 - worst["share"], "came": report.event(worst["came"], 18),
        "worst": report.event(worst["name"], 18),
    }  # fmt: skip
    return report.t.of("finding.lost", slots)


def _device(report: JourneyReport) -> dict[str, str] | None:
    return (
        None if report.devices is None else blocks.finding(device_sentence(report, report.devices), "device")
    )


def device_sentence(report: JourneyReport, table: pd.DataFrame) -> str:
    """The device that stands out most beyond chance, or that none does."""
    return _apart(report, table, "device", "finding.device")


def _goods(report: JourneyReport) -> dict[str, str] | None:
    return None if report.goods is None else blocks.finding(goods_sentence(report, report.goods), "goods")


def goods_sentence(report: JourneyReport, table: pd.DataFrame) -> str:
    """The goods that are looked at and left most beyond chance, or that none are."""
    worse = table[told(table["clear"], "") & (table["difference"] < 0)]
    return _apart(report, worse if len(worse) else table, "goods", "finding.goods")


def _apart(report: JourneyReport, table: pd.DataFrame, column: str, message: str) -> str:
    t, clear = report.t, table[told(table["clear"], "")]
    if clear.empty:
        return t(f"{message}_alike")
    row = clear.iloc[int(clear["difference"].abs().argmax())]
    name = words.clean(row[column], 18)
    low, high = sorted(abs(HUNDRED * float(row[f"difference_{end}"])) for end in ("lower", "upper"))
    known = f"{column}.{name.lower()}"
    slots = {
        "name": t(known) if t.knows(known) else name,
        "points": abs(row["difference"]),
        "way": "up" if row["difference"] > 0 else "down",
        "interval": interval(t, low, high, "number:0"),
    }  # fmt: skip
    sentence = t.of(message, slots)
    return f"{sentence[:1].upper()}{sentence[1:]}"


def _time(report: JourneyReport) -> dict[str, str] | None:
    kpi = report.kpis["days_to_next_purchase"]
    if kpi.value is None:
        return None
    row = report.now.again
    return blocks.finding(
        report.t("finding.time", half=row["days_median"], late=row["days_q90"], days=report.within), "map"
    )


def _segments(report: JourneyReport) -> dict[str, str] | None:
    bought = by_segment(report)
    if bought is None:
        return None
    return blocks.finding(segments_sentence(report, bought), "segments")


def by_segment(report: JourneyReport) -> pd.DataFrame | None:
    """Who buys again, by the segment when the period began, the most first; None for fewer than two."""
    table = report.plan.given.once("journey.segments", lambda: _of_segments(report))
    bought = table[table["stage"] == PURCHASE_STAGE]
    bought = bought.sort_values(["conversion", "segment"], ascending=[False, True], ignore_index=True)
    return bought if len(bought) > 1 else None


def _of_segments(report: JourneyReport) -> pd.DataFrame:
    now = report.now
    stages = list(now.map.stages["stage"])
    table = journey_map(now.journey, segments_before(report, now), stages, report.within, ON_A_PAGE).stages
    # before the purchase customers are known by their purchase alone: nearly all of them bought
    return table[(table["stage"] != BEFORE_STAGE) & (table["of"] >= ENOUGH)]


def segments_sentence(report: JourneyReport, bought: pd.DataFrame) -> str:
    """The segments that buy again most and least; that they are alike where their intervals meet."""
    t, first, last = report.t, bought.iloc[0], bought.iloc[-1]
    if first["lower"] <= last["upper"]:
        return t("finding.segments_alike", days=report.within)
    slots = {
        "first": segment_name(t, first["segment"])[:20], "high": first["conversion"],
        "last": segment_name(t, last["segment"])[:20], "low": last["conversion"], "days": report.within,
    }  # fmt: skip
    return t.of("finding.segments", slots)


@section(small=small_form.glossary)
def glossary(report: JourneyReport) -> Block:
    """The words of the page."""
    t = report.t
    own = {t(f"own_word.{name}"): t(f"own_meaning.{name}") for name in OWN_WORDS}
    return blocks.glossary(own | glossary_of(t, report.plan.given.definitions, WORDS))
