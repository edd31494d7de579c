"""The proofs of the collaboration report, how it was made, and its numbers for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses import collaboration
from crm_analytics.analyses.collaboration.pipeline import LEAST, SILENCE
from crm_analytics.analyses.kpis import FACTS_VERSION
from crm_analytics.pages import blocks, figures, words
from crm_analytics.reports.collaboration.report import CollaborationReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.null_worlds import wrong
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.small_form import SmallReport

if TYPE_CHECKING:
    from collections.abc import Callable

    from crm_analytics.pages.blocks import Block


def _without(part: str, anchor: str) -> Callable[[CollaborationReport], Block]:
    """What is said where a part cannot be told, and why."""

    def said(report: CollaborationReport) -> Block:
        t = report.t
        note = blocks.note(t(f"{part}.none"), t.of(f"{part}.none_why", {"n": LEAST}))
        return note.under(t(f"{part}.label")).anchored(anchor).in_appendix()

    return said


@section(small="small.not_yet.teams")
def who_sees_whom(report: CollaborationReport) -> Block:
    """Customers by the one team that sees them, or by how many teams do."""
    t, table = report.t, report.teams
    if table.empty:
        return blocks.note(t("teams.none")).under(t("teams.label")).anchored("teams")
    named = [
        t("teams.only", team=t(f"team.{row['team']}"))
        if row["teams"] == 1
        else t("teams.several", n=row["teams"])
        for row in table.to_dict("records")
    ]
    data = pd.DataFrame({"seen_by": named, "customers": table["customers"]})
    alone = int(table.loc[table["teams"] == 1, "customers"].sum())
    chart = blocks.chart(
        figures.bars(data, "seen_by", "customers", fmt="count"),
        finding=t("teams.finding", n=alone, of=report.met),
        data=data,
        caption=t("teams.caption"),
        names={"seen_by": t("column.seen_by"), "customers": t("column.customers")},
    )
    return chart.under(t("teams.label")).anchored("teams")


@section(small="small.not_yet.contradictions", part="contradictions",
         needs=_without("against", "contradictions"))  # fmt: skip
def what_contradicts(report: CollaborationReport, found: tuple[list[collaboration.Rate], object]) -> Block:
    """Campaign messages that contradict what others do."""
    t, rates = report.t, found[0]
    frame = _rates(report, rates, [t(f"against.{rate.name}") for rate in rates])
    n = sum(rate.n for rate in rates)
    block = blocks.table(
        frame, finding=t("against.finding", n=n, of=rates[0].of), caption=t("against.caption"),
        names={name: t(f"column.{name}") for name in map(str, frame)},
    )  # fmt: skip
    return block.under(t("against.label")).anchored("contradictions").in_appendix()


def _rates(report: CollaborationReport, rates: list[collaboration.Rate], names: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "what": names,
            "cases": [rate.n for rate in rates],
            "of": [rate.of for rate in rates],
            "share": [words.percent(rate.share, 1) for rate in rates],
            "range": [words.interval(*rate.interval, "percent:1") for rate in rates],
        }
    )


@section(small="small.not_yet.hand_offs", part="hand_offs",
         needs=_without("handed", "handed-over"))  # fmt: skip
def what_is_handed_over(
    report: CollaborationReport, found: tuple[collaboration.Rate, dict[str, float]]
) -> Block:
    """Tickets that changed hands, and questions that were asked again."""
    t, (rate, took) = report.t, found
    rates, names = [rate], [t("handed.moved")]
    if report.repeated is not None:
        rates.append(report.repeated)
        names.append(t("handed.repeated"))
    frame = _rates(report, rates, names)
    caption = ""
    if {"with", "without"} <= took.keys():
        caption = t("handed.caption", moved=took["with"], others=took["without"])
    block = blocks.table(
        frame, finding=t("handed.finding", n=rate.n, of=rate.of), caption=caption,
        names={name: t(f"column.{name}") for name in map(str, frame)},
    )  # fmt: skip
    return block.under(t("handed.label")).anchored("handed-over").in_appendix()


@section(small="small.not_yet.pipeline", part="pipeline",
         needs=_without("pipeline", "pipeline"))  # fmt: skip
def sales_pipeline(report: CollaborationReport, found: collaboration.Pipeline) -> Block:
    """Amount, age, win rate and slippage of each stage."""
    t, stages = report.t, found.stages
    frame = pd.DataFrame(
        {
            "stage": [words.clean(s, words.LONGEST_LABEL) for s in stages["stage"]],
            "open": stages["open"],
            "amount": stages["amount"],
            "age": stages["age"].round(0),
            "win_rate": [
                t("kpi.not_known")
                if pd.isna(r)
                else f"{words.percent(r, 0)} ({words.interval(a, b, 'percent:0')})"
                for r, a, b in zip(stages["win_rate"], stages["lower"], stages["upper"], strict=True)
            ],
            "slipped": stages["slipped"],
            "slipped_amount": stages["slipped_amount"],
        }
    )
    block = blocks.table(
        frame,
        finding=t("pipeline.finding", value=found.expected, n=found.open),
        caption=t("pipeline.caption", days=found.cycle_days, silence=SILENCE),
        formats={"amount": report.currency, "slipped_amount": report.currency, "age": "number:0"},
        names={name: t(f"column.{name}") for name in map(str, frame)},
    )
    return block.under(t("pipeline.label")).anchored("pipeline").in_appendix()


@section(small=small_form.method)
def method(report: CollaborationReport) -> Block:
    """What counts as a contact, a contradiction, a hand-over, an opportunity."""
    t, base = report.t, report.base
    terms = ("contacts", "against", "handed", "repeated", "pipeline", "not_here")
    said = {
        t("method.data"): t("method.data_text", first=base.first_day, last=base.day, rows=base.counts["rows"])
    }
    said |= {t(f"method.{term}"): t.of(f"method.{term}_text", {"silence": SILENCE}) for term in terms}
    for last in report.handed.previous[:1]:
        text = t("method.previous_text", day=last["day"], headline=words.clean(last["headline"], 200))
        said[t("method.previous")] = text
    return blocks.method(said | wrong(t, "collaboration"))


@section(small=small_form.record)
def record(report: CollaborationReport | SmallReport) -> Block:
    """The key figures, for machines and for tests."""
    assert isinstance(report, CollaborationReport)
    facts = {name: value for kpi in report.kpis.values() for name, value in kpi.facts().items()}
    line = report.pipeline
    more = {} if line is None else {
        "pipeline_open": line.open, "pipeline_amount": float(line.stages["amount"].sum()),
        "pipeline_expected": line.expected, "pipeline_won": line.won, "pipeline_lost": line.lost,
    }  # fmt: skip
    return blocks.record(facts_version=FACTS_VERSION, **report.facts, **facts, **more)
