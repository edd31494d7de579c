"""The social report below the first screen: one table or figure a function, each under its finding.

Texts and handles of authors stand on no page: they are personal, and they may be hostile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.evidence import may_claim
from crm_analytics.analyses.social.influence import HUBBELL, Influence
from crm_analytics.analyses.social.lead_lag import LeadLag
from crm_analytics.analyses.social.response import URGENCIES, Response
from crm_analytics.analyses.social.volume import OTHERS, worst_topic
from crm_analytics.pages import blocks, figures, words
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.customer_names import pseudonyms_of
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.spoken import slug
from crm_analytics.reports.shared.tiles import interval
from crm_analytics.reports.social.report import SocialReport, not_yet

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block

FIRST = 10  # mentions or authors on the page


def _names(report: SocialReport, *columns: str) -> dict[str, str]:
    return {column: report.t(f"column.{column}") for column in columns}


def _unknown(message: str, part: str) -> Callable[[SocialReport], Block]:
    def said(report: SocialReport) -> Block:
        return _note(report, message, report.why(part))

    return said


def _note(report: SocialReport, message: str, why: str = "") -> Block:
    note = blocks.note(report.t(f"{message}.none"), why)
    return note.under(report.t(f"{message}.label")).anchored(message).in_appendix()


@section(small=small_form.last_visits)
def who_waits(report: SocialReport) -> Block:
    """The mentions to answer first, and how many wait by urgency."""
    t, queue = report.t, report.queue
    if queue is None or queue.empty or report.queue_summary is None:
        return _note(report, "queue")
    shown = queue.head(FIRST).drop(columns="customer")
    shown["urgency"] = [t(f"urgency.{slug(name)}") for name in shown["urgency"]]
    shown["topic"] = _topics(report, shown["topic"])
    counts = dict(zip(report.queue_summary["urgency"], report.queue_summary["mentions"], strict=True))
    bad = int(counts[URGENCIES[0]] + counts[URGENCIES[1]])
    return (
        blocks.table(
            shown,
            finding=t("queue.finding", n=len(queue), bad=bad),
            caption=t("queue.caption"),
            names=_names(report, *shown.columns),
        )
        .under(t("queue.label"))
        .anchored("queue")
        .in_appendix()
    )


def _topics(report: SocialReport, topics: pd.Series) -> list[str]:
    """Topics that several authors wrote of; one of a single author might tell who it is."""
    known = set(report.voice.topics["topic"])
    return [words.clean(x, words.LONGEST_LABEL) if x in known else "" for x in topics]


@section(small=not_yet("topics"))
def what_about(report: SocialReport) -> Block:
    """Topics, and how they sound."""
    t, table = report.t, report.voice.topics
    if table.empty:
        return _note(report, "topics")
    named = table["topic"].replace(OTHERS, t("topics.others"))
    shown = table.assign(
        topic=[words.clean(x, words.LONGEST_LABEL) for x in named],
        sentiment=100 * table["sentiment"],
        range=blocks.together(100 * table["lower"], 100 * table["upper"]),
    ).drop(columns=["lower", "upper"])  # fmt: skip
    finding = t("topics.finding_most", topic=shown["topic"].iloc[0], n=int(shown["mentions"].iloc[0]))
    worst = worst_topic(table, report.voice.now.sentiment.value) if may_claim("social.topic_worse") else None
    if worst is not None:
        finding = t("topics.finding", topic=worst["topic"], value=100 * worst["sentiment"])
    return (
        blocks.chart(
            figures.bars(shown, y="topic", x="mentions", fmt="count"),
            finding=finding,
            data=shown,
            caption=t("topics.caption"),
            formats={"sentiment": "number:0", "range": "interval:number:0"},
            names=_names(report, *shown.columns),
        )
        .under(t("topics.label"))
        .anchored("topics")
        .in_appendix()
    )  # fmt: skip


@section(small=not_yet("brands"))
def whose_voice(report: SocialReport) -> Block:
    """Mentions of each brand as a share of all."""
    t, table = report.t, report.voice.brands
    if table.empty:
        return _note(report, "brands")
    shown = table.assign(
        brand=[words.clean(x, words.LONGEST_LABEL) for x in table["brand"]],
        range=blocks.together(table["lower"], table["upper"]),
    ).drop(columns=["lower", "upper"])
    share = report.voice.now.share_of_voice
    assert share is not None
    bounds = interval(t, share.lower, share.upper, "percent:0")
    return (
        blocks.chart(
            figures.bars(shown, y="brand", x="share", fmt="percent:0"),
            finding=t("brands.finding", share=share.value, interval=bounds),
            data=shown,
            caption=t("brands.caption"),
            formats={"share": "percent:0", "range": "interval:percent:0"},
            names=_names(report, *shown.columns),
        )
        .under(t("brands.label"))
        .anchored("brands")
        .in_appendix()
    )


@section(small=not_yet("answers"), part="response", needs=_unknown("answers", "response"))
def how_we_answer(report: SocialReport, found: Response) -> Block:
    """Share answered, time to an answer, complaints that became a ticket."""
    t = report.t
    shares = [
        ("answered", found.answered),
        ("negative_answered", found.negative_answered),
        ("to_ticket", found.to_ticket),
    ]
    rows = [
        (t(f"answers.{name}"), round(r.bottom), r.value, (r.lower, r.upper))
        for name, r in shares
        if r.value is not None and r.lower is not None
    ]
    if not rows:
        return _note(report, "answers")
    frame = pd.DataFrame(rows, columns=["what", "count", "share", "range"])
    hours = (found.median_hours, found.negative_hours)
    finding = t("answers.finding", share=found.answered.value or 0.0)
    if hours[1] is not None:
        finding = t("answers.finding_hours", hours=hours[1])
    return (
        blocks.table(
            frame,
            finding=finding,
            caption=t("answers.caption") if hours[0] is None else t("answers.caption_hours", hours=hours[0]),
            formats={"share": "percent:0", "range": "interval:percent:0"},
            names=_names(report, *frame.columns),
        )
        .under(t("answers.label"))
        .anchored("answers")
        .in_appendix()
    )


@section(small=not_yet("engagement"))
def how_much_is_liked(report: SocialReport) -> Block:
    """Likes, shares and comments for each impression, by platform."""
    t, table = report.t, report.engagement
    if table.empty or table["lower"].isna().all():
        return _note(report, "engagement")
    table = table.dropna(subset=["lower"]).reset_index(drop=True)
    shown = table.assign(range=blocks.together(table["lower"], table["upper"])).drop(
        columns=["lower", "upper"]
    )
    shown["platform"] = [words.clean(x, words.LONGEST_LABEL) for x in shown["platform"]]
    rate = float((table["engagement"] * table["impressions"]).sum() / table["impressions"].sum())
    return (
        blocks.table(
            shown,
            finding=t("engagement.finding", n=100 * rate),
            caption=t("engagement.caption"),
            formats={"impressions": "count", "engagement": "percent:1", "range": "interval:percent:1"},
            names=_names(report, *shown.columns),
        )
        .under(t("engagement.label"))
        .anchored("engagement")
        .in_appendix()
    )


@section(small=not_yet("influence"), part="influence", needs=_unknown("influence", "influence"))
def whose_word_is_answered(report: SocialReport, found: Influence) -> Block:
    """The authors who are answered most, and whether a centrality beats the plain count."""
    t = report.t
    order = "influence" if found.used == HUBBELL else "answers"
    top = report.base.collect(found.authors.order_by([ibis.desc(order), "author"]).limit(FIRST))
    shown = pd.DataFrame(
        {"author": pseudonyms_of(top["author"]), "is_customer": top["customer_id"].notna(),
         "answers": top["answers"].astype(int), "influence": top["influence"], "value": top["value"]}
    )  # fmt: skip
    shown["is_customer"] = [t("influence.yes") if known else "" for known in shown["is_customer"]]
    low, high = (words.say(x, "percent:0") for x in (found.gain_lower, found.gain_upper))
    message = "influence.finding" if found.used == HUBBELL else "influence.finding_count"
    return (
        blocks.table(
            shown,
            finding=t(message),
            caption=t(
                "influence.caption", n=found.answers, damping=found.damping,
                gain=t("interval", low=low, high=high),
            ),
            formats={"influence": "number:2", "value": report.currency},
            names=_names(report, *shown.columns),
        )
        .under(t("influence.label"))
        .anchored("influence")
        .in_appendix()
    )  # fmt: skip


@section(small=not_yet("sales"), part="moves", needs=_unknown("sales", "moves"))
def talk_and_sales(report: SocialReport, moves: LeadLag) -> Block:
    """Correlation of weekly mentions and purchases at each lag."""
    t, table = report.t, moves.lags
    frame = table.assign(low=-table["bound"])[["lag", "correlation", "bound", "low"]]
    finding = t("sales.finding_none") if not moves.clear else t("sales.finding", lag=moves.clear[0])
    return (
        blocks.chart(
            figures.lines(
                frame, "lag", ["correlation", "bound", "low"],
                names={name: t(f"column.{name}") for name in ("correlation", "bound", "low")}, fmt="number:2",
            ),
            finding=finding,
            data=frame,
            caption=t("sales.caption", weeks=moves.weeks),
            formats=dict.fromkeys(("correlation", "bound", "low"), "number:2"),
            names=_names(report, *frame.columns),
        )
        .under(t("sales.label"))
        .anchored("sales")
        .in_appendix()
    )  # fmt: skip
