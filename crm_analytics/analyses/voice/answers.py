"""Answers to surveys, one per person and question, on one scale.

Whoever answers fifty times is one person: of each question the latest answer counts, and the others are
counted as repeated. An answer outside its own scale is set aside. Surveys on different scales (1 to 5, 1 to
7, 0 to 10) become shares of their scale and can then stand together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import ibis

from crm_analytics.analyses.rating_scales import USUAL, Scale
from crm_analytics.tables.contract import TABLES
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

NEEDS = {"survey_responses": ("respondent_id", "responded_at", "instrument", "question")}
NPS, CSAT, CES = "nps", "csat", "ces"
INSTRUMENTS = (NPS, CSAT, CES)
OWN = {NPS: Scale(0, 10), CSAT: Scale(1, 5), CES: Scale(1, 7)}  # where the data do not say their scale
KEPT = (
    "respondent_id", "customer_id", "responded_at", "instrument", "question", "brand", "driver", "score",
    "scale_min", "scale_max", "text", "ticket_id",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Answers(ObjectCard):
    """Answers of a span of days.

    Attributes
    ----------
    each : respondent_id, customer_id, responded_at, day, instrument, question, brand, driver, score, share
        (of the scale, 0 to 1; NULL without a scale), low, high, text, ticket_id; one row per person
        and question
    given, repeated, off_scale, without_scale : answers: all, set aside as earlier ones of the same person and
        question, outside their scale, and without a scale that holds all answers to the question
    """

    base: CustomerBase
    each: ir.Table
    given: int
    repeated: int
    off_scale: int
    without_scale: int

    def of(self, instrument: str) -> ir.Table:
        """Answers of an instrument that have a place on its scale."""
        return self.each.filter(self.each.instrument == instrument, self.each.share.notnull())


def answers(base: CustomerBase, start: date | None = None, end: date | None = None) -> Answers:
    """The answers of ``(start, end]``, up to the base's day without ends.

    The scale of an answer is the one it carries. Where it carries none, the usual scale of its instrument is
    taken if all answers to the question fit on it, else the narrowest usual scale that holds them.

    Raises
    ------
    DataError : the source has no answers.
    """
    base.require(NEEDS)
    table = base.tables["survey_responses"]
    each = table.select(**{name: _column(table, name) for name in KEPT})
    each = _with_scale(each)
    day = each.responded_at.date()
    if start is not None:
        each = each.filter(day > ibis.literal(start))
    if end is not None:
        each = each.filter(day <= ibis.literal(end))
    keys = ["respondent_id", "instrument", "question", "brand", "driver"]
    filled = {f"_{k}": each[k].fill_null("") for k in keys}
    # of two answers of one moment the lower counts: something must decide
    order = [ibis.desc("responded_at"), ibis.asc("score"), ibis.asc("text")]
    latest = ibis.window(group_by=list(filled), order_by=order)
    each = each.mutate(**filled).mutate(place=ibis.row_number().over(latest))
    off = (each.low.notnull() & ((each.score < each.low) | (each.score > each.high))).fill_null(False)
    first = each.place == 0
    sums = each.aggregate(
        given=each.count(), repeated=each.count(where=~first), off=each.count(where=first & off),
        bare=each.count(where=first & each.score.notnull() & each.low.isnull()),
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    share = (each.score - each.low) / (each.high - each.low)
    kept = each.mutate(share=share, day=each.responded_at.date()).filter(first, ~off)
    kept = kept.select(*[c for c in KEPT if not c.startswith("scale_")], "day", "share", "low", "high")
    return Answers(base, base.materialise(kept), *(int(sums[n] or 0) for n in sums))


def _column(table: ir.Table, name: str) -> ir.Value:
    if name in table.columns:
        return table[name]
    return ibis.null(TABLES["survey_responses"][name].engine_type)


def _with_scale(each: ir.Table) -> ir.Table:
    """Answers with low and high, the ends of their scale."""
    told = (each.scale_max > each.scale_min).fill_null(False)
    bare = each.filter(~told, each.score.notnull())
    ends = bare.group_by("instrument", "question").aggregate(least=bare.score.min(), most=bare.score.max())
    low, high = _usual(ends)
    ends = ends.mutate(low=low, high=high).select("instrument", "question", "low", "high")
    joined = each.left_join(ends, ["instrument", "question"])
    return joined.select(
        *KEPT,
        low=told.ifelse(joined.scale_min, joined.low),
        high=told.ifelse(joined.scale_max, joined.high),
    )


def _usual(ends: ir.Table) -> tuple[ir.Value, ir.Value]:
    lows, highs = [], []
    for instrument, scale in OWN.items():
        fits = (ends.instrument == instrument) & (ends.least >= scale.low) & (ends.most <= scale.high)
        lows.append((fits, scale.low))
        highs.append((fits, scale.high))
    for low, high in USUAL:
        fits = (ends.least >= low) & (ends.most <= high)
        lows.append((fits, low))
        highs.append((fits, high))
    nothing = ibis.null("float64")
    return ibis.cases(*lows, else_=nothing), ibis.cases(*highs, else_=nothing)
