"""The manager's layer of the social report: the news, four numbers, what to do next, what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_analytics.analyses.evidence import grade, may_claim
from crm_analytics.analyses.social.response import URGENCIES
from crm_analytics.pages import blocks, figures
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import action_of, glossary_of, interval, tile
from crm_analytics.reports.shared.trends import past_of
from crm_analytics.reports.social.report import SocialReport

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block

OWN_WORDS = ("mention", "sentiment", "negative", "reach", "waiting", "engagement")
SHOWN_WEEKS = 52


@section(small=small_form.headline)
def headline(report: SocialReport) -> Block:
    """Whether talk got better or worse; else how it sounds."""
    t = report.t
    return blocks.headline(_news(report), _lede(report), language=report.language, title=t("title"))


def _news(report: SocialReport) -> str:
    t, change, now = report.t, report.voice.sentiment_change, report.voice.now
    if change is not None and report.voice.before is not None:
        n = min(now.sentiment.clusters, report.voice.before.sentiment.clusters)
        found = grade(*change, n, kind="social.tone_changed")
        if found.is_news:
            way = "better" if change[0] > 0 else "worse"
            values = (now.sentiment.value, report.voice.before.sentiment.value)
            slots = {"way": way, "now": 100 * (values[0] or 0.0), "then": 100 * (values[1] or 0.0)}
            return t.of("headline.shown", slots)
    if now.negative.value is None:
        return t("headline.count", n=now.mentions)
    bounds = interval(t, now.negative.lower, now.negative.upper, "percent:0")
    return t("headline.level", share=now.negative.value, interval=bounds)


def _lede(report: SocialReport) -> list[str]:
    t, found = report.t, report.voice
    texts = [t("lede.volume", n=found.now.mentions, authors=found.now.authors)]
    if found.before is not None:
        texts[0] = t(
            "lede.volume_before",
            n=found.now.mentions,
            authors=found.now.authors,
            before=found.before.mentions,
        )
    if report.response is not None and report.response.answered.value is not None:
        texts.append(t("lede.answered", share=report.response.answered.value))
    if report.said.mentions_aside:
        texts.append(t("lede.aside", n=report.said.mentions_aside, authors=report.said.authors_aside))
    return texts


@section(small=small_form.kpis)
def kpis(report: SocialReport) -> Block:
    """Mentions, how they sound, how many are answered, how many wait."""
    found = report.kpis
    names = ["brand_mentions", "mention_sentiment", "mentions_answered", "mentions_waiting"]
    if found["share_of_voice"].value is not None:
        names[1:2] = ["share_of_voice", "mention_sentiment"]
        names.remove("brand_mentions")
    return blocks.kpis(*(tile(report.t, found[name], past=past_of(report)) for name in names))


@section(small=small_form.thanks)
def actions(report: SocialReport) -> Block:
    """Which mentions to answer first."""
    t = report.t
    items = [action_of(t, action, report.plan, _why(report)) for action in report.actions]
    if not items:
        items = [blocks.action(t("action.nothing_waits.do"), t("action.nothing_waits.why"))]
    return blocks.actions(*items[: blocks.MOST_ACTIONS])


def _why(report: SocialReport) -> str:
    assert report.queue is not None
    bad = int(report.queue["urgency"].str.startswith(URGENCIES[1]).sum())
    return report.t("answer_why", bad=bad)


@section(small=small_form.regulars)
def findings(report: SocialReport) -> Block:
    """What the report found, each with the way to its proof."""
    t, now = report.t, report.voice.now
    found = []
    if now.negative.value is not None:
        found.append(blocks.finding(t("finding.negative", share=now.negative.value, n=now.mentions), "weeks"))
    found.append(_change(report))
    if report.response is not None and report.response.negative_answered.value is not None:
        share = report.response.negative_answered.value
        found.append(blocks.finding(t("finding.answered", share=share), "answers"))
    found.append(_moves(report))
    found.append(blocks.finding(t("finding.joined", n=report.said.joined), "queue"))
    return blocks.findings(*found[:5])


def _change(report: SocialReport) -> dict[str, str]:
    t, change = report.t, report.voice.sentiment_change
    if change is None or report.voice.before is None:
        return blocks.finding(t("finding.no_before"), "weeks")
    n = min(report.voice.now.sentiment.clusters, report.voice.before.sentiment.clusters)
    found = grade(*change, n, kind="social.tone_changed")
    way = "better" if change[0] > 0 else "worse"
    message = "shown" if found.is_news else "same"
    return blocks.finding(t.of(f"finding.change_{message}", {"way": way}), "weeks")


def _moves(report: SocialReport) -> dict[str, str]:
    t, moves = report.t, report.moves
    if moves is None:
        return blocks.finding(t("finding.moves_unknown"), "sales")
    if not moves.clear or not may_claim("social.talk_and_sales"):
        return blocks.finding(t("finding.moves_none"), "sales")
    lag = moves.clear[0]
    message = "together" if lag == 0 else "talk_first" if lag > 0 else "sales_first"
    return blocks.finding(t.of(f"finding.moves_{message}", {"n": abs(lag)}), "sales")


@section(small=small_form.favourites)
def how_much_and_how(report: SocialReport) -> Block:
    """Mentions week by week, and how many of them are negative."""
    t, weeks = report.t, report.voice.weeks.tail(SHOWN_WEEKS).reset_index(drop=True)
    if weeks.empty:
        return blocks.note(t("weeks.none")).under(t("weeks.label")).anchored("weeks")
    frame = weeks.assign(sentiment=100 * weeks["sentiment"])
    top = frame.nlargest(1, "mentions").iloc[0]
    columns = ["start", "mentions", "sentiment", "negative"]
    return (
        blocks.chart(
            figures.lines(
                frame, "start", ["mentions"], names={"mentions": t("column.mentions")}, fmt="count"
            ),
            finding=t("weeks.finding", n=int(top["mentions"]), day=top["start"]),
            data=frame[columns],
            caption=t("weeks.caption"),
            formats={"start": "date:short", "sentiment": "number:0", "negative": "percent:0"},
            names={name: t(f"column.{name}") for name in columns},
        )
        .under(t("weeks.label"))
        .anchored("weeks")
    )


@section(small=small_form.glossary)
def glossary(report: SocialReport) -> Block:
    """The words of the page."""
    t = report.t
    own = {t(f"own_word.{name}"): t(f"own_meaning.{name}") for name in OWN_WORDS}
    return blocks.glossary(own | glossary_of(t, report.plan.given.definitions, ("revenue", "change")))
