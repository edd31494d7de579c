"""The strategy report below the first screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses.scorecards.scoring import Line
from crm_analytics.pages import blocks, words
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.small_form import too_few
from crm_analytics.reports.shared.tiles import interval, say
from crm_analytics.reports.strategy.first_screen import t_table
from crm_analytics.reports.strategy.report import StrategyReport

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block

FEW = too_few("small.not_yet.strategy")


def _names(report: StrategyReport, frame: pd.DataFrame) -> dict[str, str]:
    return {str(column): report.t(f"column.{column}") for column in frame.columns}


@section(small=small_form.last_visits)
def which_model_suits(report: StrategyReport) -> Block:
    """Every framework in the order in which to take it up."""
    t = report.t
    rows = []
    for one, card in zip(report.suited, report.cards, strict=True):
        bring = words.listing([t_table(report, x) for x in one.missing[:3]]) if one.missing else ""
        answers = t("suits.yes" if one.answers else "suits.no")
        rows.append((report.model(card.framework), answers, one.known, one.steps, card.score, bring))
    table = pd.DataFrame(rows, columns=["model", "answers", "known", "steps", "score", "missing"])
    return (
        blocks.table(
            table,
            finding=t("suits.finding", model=rows[0][0]),
            caption=t("suits.caption"),
            formats={"known": "percent:0", "score": "percent:0"},
            names=_names(report, table),
        )
        .under(t("suits.label"))
        .anchored("suits")
        .in_appendix()
    )


@section(small=FEW)
def weakest_links(report: StrategyReport) -> Block:
    """Of each framework, the three figures that lose most, and the report that explains each."""
    t = report.t
    rows = [
        _weak(report, line, report.model(card.framework))
        for card in report.cards
        if card.speaks
        for line in card.weakest()
    ]
    if not rows:
        return blocks.note(t("weakest.none")).under(t("weakest.label")).anchored("weakest").in_appendix()
    table = pd.DataFrame(rows, columns=["model", "figure", "now", "target", "score", "explained_in", "owner"])
    return (
        blocks.table(
            table,
            finding=t("weakest.finding", figure=table.iloc[0]["figure"], model=table.iloc[0]["model"]),
            caption=t("weakest.caption"),
            formats={"score": "percent:0"},
            names=_names(report, table),
        )
        .under(t("weakest.label"))
        .anchored("weakest")
        .in_appendix()
    )


def _weak(report: StrategyReport, line: Line, model: str) -> tuple[object, ...]:
    kpi, t = line.kpi, report.t
    assert kpi is not None
    return (
        model, report.figure(line.measure.kpi), say(t, kpi.value, kpi.unit), say(t, line.target, kpi.unit),
        line.score, report.explained(line), report.owner(line),
    )  # fmt: skip


@section(small=FEW)
def every_figure(report: StrategyReport) -> Block:
    """Every figure of the framework that suits best: value, interval, n, target, previous, trend, owner."""
    t, card = report.t, report.card
    titles = {b.block.id: report.block(card, b) for b in card.blocks}
    rows = []
    for line in card.lines:
        kpi, unit = line.kpi, line.kpi.unit if line.kpi else "number"
        known = kpi is not None and kpi.value is not None
        bounds = (
            interval(
                t,
                kpi.lower,
                kpi.upper,
                {"share": "percent:0", "money": report.currency}.get(unit, "number:1"),
            )
            if kpi is not None and known and kpi.lower is not None
            else ""
        )
        rows.append(
            (
                titles[line.block], report.figure(line.measure.kpi), t(f"light.{line.status}"),
                say(t, kpi.value, unit) if kpi is not None and known else "", bounds,
                kpi.n if kpi is not None and known else None,
                say(t, line.target, unit) if kpi is not None and line.target is not None else "",
                say(t, line.before, unit) if line.before is not None else "",
                t(f"trend.{line.trend or 'none'}"), line.score, line.measure.weight, report.owner(line),
            )
        )  # fmt: skip
    columns = ["block", "figure", "light", "now", "range", "n", "target", "previous", "trend", "score",
               "weight", "owner"]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    table = table.dropna(axis=1, how="all")
    return (
        (
            blocks.table(
                table,
                finding=t(
                    "figures.finding", n=sum(x.score is not None for x in card.lines), all=len(card.lines)
                ),
                caption=t("figures.caption"),
                formats={"score": "percent:0", "weight": "percent:0"},
                names=_names(report, table),
            )
            .under(t("figures.label"))
            .anchored("figures")
            .in_appendix()
        )
        if rows
        else blocks.note(t("figures.none")).anchored("figures").in_appendix()
    )


@section(small=FEW)
def intention_and_reality(report: StrategyReport) -> Block:
    """What people judge: what was decided, and what is done; never averaged."""
    t, rows = report.t, []
    for card in report.cards:
        for found in card.blocks:
            judged = found.judgement
            if judged is None or (judged.intention is None and judged.reality is None):
                continue
            rows.append(
                (report.model(card.framework), report.block(card, found), judged.intention, judged.reality,
                 judged.intention_before, judged.reality_before, judged.practices)
            )  # fmt: skip
    if not rows:
        note = blocks.note(t("judged.none"), t("judged.none_why", framework=report.card.framework.id))
        return note.under(t("judged.label")).anchored("judged").in_appendix()
    columns = ["model", "block", "intention", "reality", "intention_before", "reality_before", "practices"]
    table = pd.DataFrame(rows, columns=columns).dropna(axis=1, how="all")
    shares = [c for c in columns[2:6] if c in table]
    caption = t("judged.caption")
    for card in report.cards:
        bench, reality = card.framework.benchmark, card.judged[1]
        if bench and reality is not None:
            caption = f"{caption} {t('judged.benchmark', share=reality, **dict(bench))}"
    table[shares] = table[shares].astype(float)
    low = table.dropna(subset=["reality"]).nsmallest(1, "reality") if "reality" in table else table.head(0)
    finding = (
        t(
            "judged.finding",
            block=low.iloc[0]["block"],
            model=low.iloc[0]["model"],
            share=low.iloc[0]["reality"],
        )
        if len(low)
        else t("judged.only_intention")
    )
    return (
        blocks.table(
            table,
            finding=finding,
            caption=caption,
            formats=dict.fromkeys(shares, "percent:0"),
            names=_names(report, table),
        )
        .under(t("judged.label"))
        .anchored("judged")
        .in_appendix()
    )


@section(small=FEW)
def formulas(report: StrategyReport) -> Block:
    """The formula of each weak link with its numbers."""
    t = report.t
    if not report.weakest:
        return blocks.note(t("formulas.none")).under(t("formulas.label")).in_appendix()
    rows = [(report.figure(x.measure.kpi), *_steps(report, x)) for x in report.weakest]
    columns = ["figure", "now", "floor", "target", "steps_taken", "score", "weight"]
    table = pd.DataFrame(rows, columns=columns)
    first = table.iloc[0]
    return (
        blocks.table(
            table,
            finding=t("formulas.finding", figure=first["figure"], steps=first["steps_taken"]),
            caption=t("formulas.caption"),
            formats={"score": "percent:0", "weight": "percent:0"},
            names=_names(report, table),
        )
        .under(t("formulas.label"))
        .in_appendix()
    )


def _steps(report: StrategyReport, line: Line) -> tuple[object, ...]:
    kpi, t = line.kpi, report.t
    assert kpi is not None
    now, floor, target = (say(t, x, kpi.unit) for x in (kpi.value, line.floor, line.target))
    steps = f"({now} − {floor}) / ({target} − {floor})"
    return now, floor, target, steps, line.score, line.measure.weight


@section(small=FEW)
def what_to_bring(report: StrategyReport) -> Block:
    """What each framework still lacks: the table or the people, and how many figures wait for it."""
    t, rows = report.t, []
    for card in report.cards:
        needed = card.needed()
        for needs, part in needed.groupby("needs", sort=True):
            waiting = (
                words.listing([report.figure(k) for k in part["kpi"] if k][:4]) if part["kpi"].any() else ""
            )
            rows.append((report.model(card.framework), t_table(report, str(needs)), len(part), waiting))
    if not rows:
        return blocks.note(t("bring.none")).under(t("bring.label")).anchored("bring").in_appendix()
    table = pd.DataFrame(rows, columns=["model", "needs", "waiting", "figure"])
    return (
        blocks.table(
            table,
            finding=t("bring.finding", n=int(table["waiting"].sum())),
            caption=t("bring.caption"),
            names=_names(report, table),
        )
        .under(t("bring.label"))
        .anchored("bring")
        .in_appendix()
    )
