"""The manager's layer of the strategy report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses.scorecards.scoring import GREY, WORSE, Scorecard
from crm_analytics.pages import blocks, figures, words
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import glossary_of, say
from crm_analytics.reports.strategy.report import StrategyReport

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block

OWN_WORDS = ("score", "target", "grey", "intention", "reality", "owner")
WORDS = ("margin", "customer", "revenue", "change")


@section(small=small_form.headline)
def headline(report: StrategyReport) -> Block:
    """Which model to begin with, and how far we are by it."""
    t, card = report.t, report.card
    model = report.model(card.framework)
    if not card.speaks:
        sentence = t("headline.bring", model=model, known=card.known)
    elif card.score is None:
        reality = card.judged[1] or 0.0
        sentence = t("headline.judged", model=model, share=reality)
    elif report.weakest:
        sentence = t(
            "headline.weakest",
            model=model,
            share=card.score,
            link=report.figure(report.weakest[0].measure.kpi),
        )
    else:
        sentence = t("headline.all_green", model=model, share=card.score)
    lede = [t("lede.question", question=t(f"question.{report.question.replace(' ', '_')}"))]
    lede.append(t("lede.why", model=model, steps=len(card.blocks), known=card.known))
    own = sum(line.kpi is not None and line.kpi.target is not None for line in card.lines)
    lede.append(t("lede.targets_own", n=own) if own else t("lede.targets"))
    return blocks.headline(sentence, lede, language=report.language, title=t("title"))


@section(small=small_form.kpis)
def kpis(report: StrategyReport) -> Block:
    """Score, what is known, figures that are better and worse than before."""
    t, card = report.t, report.card
    lines = card.lines
    known = [x for x in lines if x.status != GREY]
    plan, deed, judged = card.judged
    grey, worse = t("tile.grey"), sum(x.trend == WORSE for x in known)
    score = grey if card.score is None else words.percent(card.score, 0)
    done = grey if deed is None else words.percent(deed, 0)
    said = t("tile.nobody") if plan is None else t("tile.reality_note", share=plan, n=judged)
    models = words.count(sum(c.speaks for c in report.cards))
    items = [
        blocks.kpi(t("tile.score"), score, note=t("tile.score_note", n=len(known), all=len(lines))),
        blocks.kpi(t("tile.worse"), words.count(worse), note=t("tile.worse_note", n=len(known))),
        blocks.kpi(t("tile.reality"), done, note=said),
        blocks.kpi(t("tile.models"), models, note=t("tile.models_note", n=len(report.cards))),
    ]
    return blocks.kpis(*items)


@section(small=small_form.thanks)
def actions(report: StrategyReport) -> Block:
    """The next step for each weak link, or what to bring."""
    t, items = report.t, []
    for line in report.weakest:
        kpi = line.kpi
        assert kpi is not None
        do = t("action.improve", figure=report.figure(line.measure.kpi),
               target=say(t, line.target, kpi.unit), now=say(t, kpi.value, kpi.unit))  # fmt: skip
        where = report.explained(line)
        why = t("action.read", report=where) if where else t("action.weight", share=line.measure.weight)
        there = blocks.link(where, "", kpi.explained_in) if where else None
        fact = {"id": kpi.id, "who": "", "verb": "prepare", "whom": f"kpi={kpi.id}", "list": ""}
        items.append(blocks.action(do, why, report.owner(line), source=there, fact=fact))
    if len(items) < blocks.MOST_ACTIONS:
        for needs in report.suited[0].missing[:1]:
            n = int(report.card.needed()["needs"].eq(needs).sum())
            message = "action.assess" if needs == "assessments" else "action.bring"
            do = t.of(message, {"table": t_table(report, needs), "framework": report.card.framework.id})
            items.append(blocks.action(do, t("action.bring_why", n=n), t("role.data_owner")))
    if not items:
        items = [blocks.action(t("action.nothing_to_do"), t("action.nothing_why"))]
    return blocks.actions(*items[: blocks.MOST_ACTIONS])


def t_table(report: StrategyReport, name: str) -> str:
    """What a table is called."""
    message = f"table.{name}"
    return report.t(message) if report.t.knows(message) else words.clean(name.replace("_", " "), 40)


@section(small=small_form.regulars)
def findings(report: StrategyReport) -> Block:
    """Where we stand, what is weak, what nobody measured."""
    t, card = report.t, report.card
    found = []
    if card.speaks and report.weakest:
        names = report.figure(report.weakest[0].measure.kpi)
        found.append(blocks.finding(t("finding.weakest", figure=names), "weakest"))
    grey = sum(x.status == GREY for x in card.lines)
    if grey:
        found.append(blocks.finding(t("finding.grey", n=grey, all=len(card.lines)), "bring"))
    worse = [x for x in card.lines if x.trend == WORSE]
    found.append(
        blocks.finding(t("finding.worse", n=len(worse)) if worse else t("finding.not_worse"), "figures")
    )
    gap = _gap(report)
    if gap:
        found.append(gap)
    if len(report.suited) > 1:
        second = report.model(report.cards[1].framework)
        found.append(blocks.finding(t("finding.next_model", model=second), "suits"))
    return blocks.findings(*found[: blocks.MOST_FINDINGS])


def _gap(report: StrategyReport) -> dict[str, str] | None:
    rows = [
        (b.judgement.intention - b.judgement.reality, b)
        for b in report.card.blocks
        if b.judgement is not None and b.judgement.intention is not None and b.judgement.reality is not None
    ]
    if not rows:
        return blocks.finding(report.t("finding.nobody_asked"), "judged")
    gap, block = max(rows, key=lambda x: x[0])
    if gap <= 0:
        return None
    return blocks.finding(report.t("finding.gap", block=report.block(report.card, block)[:30]), "judged")


@section(small=small_form.favourites)
def where_we_stand(report: StrategyReport) -> Block:
    """The blocks of the framework that suits best."""
    t, card = report.t, report.card
    if not card.speaks:
        finding = t("stand.bring", model=report.model(card.framework), known=card.known)
        return blocks.note(finding, t("stand.bring_why")).under(t("stand.label")).anchored("stand")
    data = blocks_of(report, card)
    known = data.dropna(subset=["level"])
    model = report.model(card.framework)
    low = known.nsmallest(1, "level").iloc[0]
    return (
        blocks.chart(
            figures.bars(known, y="block", x="level", fmt="percent:0"),
            finding=t("stand.finding", block=low["block"], share=low["level"], model=model),
            data=data,
            caption=t("stand.caption"),
            formats={"level": "percent:0", "known": "percent:0"},
            names={name: t(f"column.{name}") for name in data.columns},
        )
        .under(t("stand.label"))
        .anchored("stand")
    )


def blocks_of(report: StrategyReport, card: Scorecard) -> pd.DataFrame:
    """One row per block: block, level, from_what, known, light."""
    rows = []
    for found in card.blocks:
        source = "data" if found.score is not None else "people" if found.level is not None else "nothing"
        rows.append(
            (report.block(card, found), found.level, report.t(f"from.{source}"), found.known,
             report.t(f"light.{found.status}"))
        )  # fmt: skip
    return pd.DataFrame(rows, columns=["block", "level", "from_what", "known", "light"])


@section(small=small_form.glossary)
def glossary(report: StrategyReport) -> Block:
    """The words of the page."""
    t = report.t
    own = {t(f"word.{name}"): t(f"meaning.{name}") for name in OWN_WORDS}
    return blocks.glossary(own | glossary_of(t, report.given.definitions, WORDS))
