"""The voice report below the first screen: one figure or table a function, each under its finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses import voice
from crm_analytics.analyses.evidence import told
from crm_analytics.pages import blocks, figures, words
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.spoken import segment_name
from crm_analytics.reports.shared.tiles import interval
from crm_analytics.reports.voice.report import VoiceReport

if TYPE_CHECKING:
    from collections.abc import Callable

    from crm_analytics.pages.blocks import Block

SHOWN = 12


def _without(name: str, *, layer: bool = True) -> Callable[[VoiceReport], Block]:
    """What a section says where its part is not in the data."""

    def said(report: VoiceReport) -> Block:
        t = report.t
        note = blocks.note(t(f"{name}.none"), "" if report.answers is None else report.why(name))
        note = note.under(t(f"{name}.label")).anchored(name.replace("_", "-"))
        return note.in_appendix() if layer else note

    return said


def _names(report: VoiceReport, *columns: str) -> dict[str, str]:
    return {column: report.t(f"column.{column}") for column in columns}


def _format(instrument: str) -> str:
    return "number:0" if instrument == voice.NPS else "percent:0"


@section(part="segments", needs=_without("segments"), small=small_form.every_regular)
def scores_by_segment(report: VoiceReport, found: pd.DataFrame) -> Block:
    """The score of each segment with its interval."""
    t, fmt = report.t, _format(report.instrument)
    table = found.assign(segment=[segment_name(t, s) for s in found["segment"]])
    table["score"] = blocks.together(table["value"], table["lower"], table["upper"])
    ends = voice.apart(table)
    finding = t("segments.finding_alike")
    if ends is not None:
        best, worst = ends
        finding = t(
            "segments.finding", segment=best["segment"], other=worst["segment"],
            value=words.say(best["value"], fmt), low=words.say(worst["value"], fmt),
        )  # fmt: skip
    columns = ["segment", "n", "score"]
    return blocks.chart(
        figures.intervals(table, "segment", "value", "lower", "upper", fmt=fmt),
        finding=finding,
        data=table[columns],
        caption=t("segments.caption"),
        formats={"score": f"estimate:{fmt}"},
        names=_names(report, *columns),
    ).under(t("segments.label")).anchored("segments")  # fmt: skip


@section(part="periods", needs=_without("periods"), small=small_form.weekdays)
def scores_over_time(report: VoiceReport, found: pd.DataFrame) -> Block:
    """Each score in the last period, the one before and a year ago."""
    t = report.t
    formats = [_format(name) for name in found["instrument"]]
    both = blocks.together(found["value"], found["lower"], found["upper"])
    table = found.assign(
        instrument=[t(f"instrument.{name}") for name in found["instrument"]],
        period=[t(f"period.{name}") for name in found["period"]],
        score=both,
    )
    first = found.iloc[0]
    columns = ["instrument", "period", "n", "score"]
    return blocks.table(
        table[columns],
        finding=t("periods.finding", name=t(f"instrument.{first['instrument']}"),
                  value=words.say(first["value"], formats[0]),
                  interval=interval(t, first["lower"], first["upper"], formats[0])),
        caption=t("periods.caption"),
        formats={"score": [f"estimate:{fmt}" for fmt in formats]},
        names=_names(report, *columns),
    ).under(t("periods.label")).anchored("periods").in_appendix()  # fmt: skip


@section(part="bias", needs=_without("bias"), small=small_form.weekdays)
def who_answers(report: VoiceReport, found: voice.ResponseBias) -> Block:
    """Response rate by segment, and the score weighted to all buyers."""
    t = report.t
    table = found.groups.assign(segment=[segment_name(t, s) for s in found.groups["segment"]])
    table["points"] = blocks.together(100 * table["difference"], 100 * table["lower"], 100 * table["upper"])
    columns = ["segment", "buyers", "answered", "rate", "points"]
    caption = t("bias.caption")
    if found.plain is not None and found.weighted is not None:
        bounds = interval(t, found.weighted.lower, found.weighted.upper, "number:0")
        caption = f"{caption} " + t("bias.weighted", plain=found.plain.value, weighted=found.weighted.value,
                                    interval=bounds)  # fmt: skip
    if table.empty:
        return _without("bias")(report)
    return blocks.chart(
        figures.bars(table, y="segment", x="rate", fmt="percent:0"),
        finding=t("bias.finding", share=found.rate, n=found.buyers,
                  interval=interval(t, found.lower, found.upper, "percent:0")),
        data=table[columns],
        caption=caption,
        formats={"rate": "percent:0", "points": "estimate:number:1"},
        names=_names(report, *columns),
    ).under(t("bias.label")).anchored("bias").in_appendix()  # fmt: skip


@section(part="drivers", needs=_without("drivers"), small=small_form.weekdays)
def what_moves_the_score(report: VoiceReport, found: pd.DataFrame) -> Block:
    """Mean answers of people with and without an experience."""
    t = report.t
    named = [t(f"driver.{name}") for name in found["driver"]]
    table = found.assign(driver=[f"{name[:1].upper()}{name[1:]}" for name in named])
    table["points"] = blocks.together(table["difference"], table["lower"], table["upper"])
    table["clear"] = told(table["clear"], "voice.driver")
    table["more_than_chance"] = [t("yes") if clear else t("no") for clear in table["clear"]]
    first = table.iloc[0]
    message = "drivers.finding" if first["clear"] else "drivers.finding_none"
    columns = ["driver", "with_it", "without", "mean_with", "mean_without", "points", "more_than_chance"]
    return blocks.chart(
        figures.intervals(table, "driver", "difference", "lower", "upper", reference=0.0, fmt="number:1"),
        finding=t.of(message, {"driver": first["driver"], "points": first["difference"]}),
        data=table[columns],
        caption=t("drivers.caption"),
        formats={"mean_with": "number:1", "mean_without": "number:1", "points": "estimate:number:1"},
        names=_names(report, *columns),
    ).under(t("drivers.label")).anchored("drivers").in_appendix()  # fmt: skip


@section(part="reasons", needs=_without("reasons"), small=small_form.favourites)
def why_they_buy(report: VoiceReport, found: pd.DataFrame) -> Block:
    """The reasons people gave, beside what those people do."""
    t = report.t
    table = found.head(SHOWN).copy()
    table["reason"] = [words.clean(r, 40) if r else t("others") for r in table["reason"]]
    table["top_segment"] = [segment_name(t, s) if s else t("unknown") for s in table["top_segment"]]
    table["share_of_answers"] = blocks.together(table["share"], table["lower"], table["upper"])
    first = table.iloc[0]
    columns = ["reason", "people", "share_of_answers", "orders_year", "spend_year", "top_segment"]
    return blocks.chart(
        figures.bars(table, y="reason", x="share", fmt="percent:0"),
        finding=t("reasons.finding", reason=first["reason"], share=first["share"],
                  orders=first["orders_year"]),
        data=table[columns],
        caption=t("reasons.caption"),
        formats={"share_of_answers": "estimate:percent:0", "orders_year": "number:1",
                 "spend_year": report.currency},
        names=_names(report, *columns),
    ).under(t("reasons.label")).anchored("reasons").in_appendix()  # fmt: skip


@section(part="reasons_of", needs=_without("reasons_of"), small=small_form.favourites)
def reasons_by_segment(report: VoiceReport, found: pd.DataFrame) -> Block:
    """Which reason each segment gives most."""
    t = report.t
    top = found.drop_duplicates("segment").reset_index(drop=True)
    top = top.assign(
        segment=[segment_name(t, s) for s in top["segment"]],
        reason=[words.clean(r, 40) for r in top["reason"]],
    )
    first = top.nlargest(1, "share").iloc[0]
    told = {"segment": first["segment"], "reason": first["reason"], "share": first["share"]}
    columns = ["segment", "reason", "people", "of", "share"]
    return blocks.table(
        top[columns],
        finding=t("reasons_of.finding", **told),
        caption=t("reasons_of.caption"),
        formats={"share": "percent:0"},
        names=_names(report, *columns),
    ).under(t("reasons_of.label")).anchored("reasons-of").in_appendix()  # fmt: skip


@section(part="topics", needs=_without("topics"), small=small_form.weekdays)
def what_they_write_about(report: VoiceReport, found: voice.Topics) -> Block:
    """Topics of free texts, in single words."""
    t = report.t
    if found.table.empty:
        return _without("topics")(report)
    table = found.table.assign(
        words=[words.clean(", ".join(w), 80) for w in found.table["words"]],
        share=found.table["texts"] / found.texts,
    )
    columns = ["words", "people", "share"]
    if table["mean_share"].notna().any():
        columns.append("mean_share")
    first = table.iloc[0]
    return blocks.table(
        table[columns],
        finding=t("topics.finding", words=first["words"], share=first["share"]),
        caption=t("topics.caption", n=found.texts),
        formats={"share": "percent:0"} | ({"mean_share": "percent:0"} if "mean_share" in columns else {}),
        names=_names(report, *columns),
    ).under(t("topics.label")).anchored("topics").in_appendix()  # fmt: skip


@section(part="said", needs=_without("said"), small=small_form.weekdays)
def said_against_done(report: VoiceReport, found: pd.DataFrame) -> Block:
    """What people said they would do, and what they did."""
    t = report.t
    ids = ["_".join(s.replace(",", "").split()) for s in found["statement"]]
    table = found.assign(statement=[t(f"statement.{name}") for name in ids])
    table["did_share"] = blocks.together(table["share"], table["lower"], table["upper"])
    table["points"] = blocks.together(
        100 * table["difference"], 100 * table["difference_lower"], 100 * table["difference_upper"]
    )
    first = table.iloc[0]
    columns = ["statement", "said", "did_share", "others", "others_share", "points"]
    return blocks.table(
        table[columns],
        finding=t("said.finding", statement=first["statement"], share=first["share"],
                  others=first["others_share"]),
        caption=t("said.caption"),
        formats={"did_share": "estimate:percent:0", "others_share": "percent:0",
                 "points": "estimate:number:0"},
        names=_names(report, *columns),
    ).under(t("said.label")).anchored("said").in_appendix()  # fmt: skip


@section(part="heard", needs=_without("heard"), small=small_form.weekdays)
def how_they_say_they_came(report: VoiceReport, found: pd.DataFrame) -> Block:
    """The channel that people name against the one that is recorded."""
    t = report.t
    told = voice.agreement(found)
    assert told is not None
    table = found.head(SHOWN).assign(
        stated=[words.clean(s, 40) for s in found["stated"].head(SHOWN)],
        same=blocks.together(found["share"], found["lower"], found["upper"]).head(SHOWN),
    )
    columns = ["stated", "people", "recorded", "same"]
    return blocks.table(
        table[columns],
        finding=t("heard.finding", share=told[0], n=told[3],
                  interval=interval(t, told[1], told[2], "percent:0")),
        caption=t("heard.caption"),
        formats={"same": "estimate:percent:0"},
        names=_names(report, *columns),
    ).under(t("heard.label")).anchored("heard").in_appendix()  # fmt: skip
