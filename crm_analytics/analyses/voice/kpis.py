"""Key figures of surveys: of the last period, against the period before and the same a year ago."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import ibis

from crm_analytics.analyses.comparison import YEAR, Change
from crm_analytics.analyses.intervals import wilson
from crm_analytics.analyses.kpi import NUMBER, SHARE, UP, Kpi, refused
from crm_analytics.analyses.voice.answers import CES, CSAT, NPS, Answers, answers
from crm_analytics.analyses.voice.scores import Score, score
from crm_analytics.errors import DataError, NotEnoughData
from crm_analytics.tables.days import shift

if TYPE_CHECKING:
    from crm_analytics.analyses.measured import Measured

REPORT = "voice"
NO_ANSWERS = "too few answers to a survey"


def net_promoter_score(given: Measured) -> Kpi:
    """Promoters less detractors in the last period, in points."""
    return _score(given, "net_promoter_score", NPS, NUMBER)


def satisfied_answers(given: Measured) -> Kpi:
    """Share of satisfied answers in the last period: four of five or better."""
    return _score(given, "satisfied_answers", CSAT, SHARE)


def ease_score(given: Measured) -> Kpi:
    """How easy customers found it in the last period: mean share of the scale."""
    return _score(given, "ease_score", CES, SHARE)


def response_rate(given: Measured) -> Kpi:
    """Share of the buyers of the last period who answered a survey in it."""
    start = shift(given.base.day, given.span)
    found = answers_of(given, start, given.base.day)
    days = given.base.exact_occasions
    buyers = days.filter(days.day > ibis.literal(start)).select("customer_id").distinct()
    n = int(buyers.count().to_pyarrow().as_py() or 0)
    if found is None or not n:
        return refused("response_rate", SHARE, UP, NO_ANSWERS, REPORT, given.span)
    said = found.each.filter(found.each.customer_id.notnull()).select("customer_id").distinct()
    k = int(buyers.semi_join(said, "customer_id").count().to_pyarrow().as_py() or 0)
    return Kpi("response_rate", SHARE, UP, k / n, n, *wilson(k, n), given.span, explained_in=REPORT)


KPIS: tuple[Callable[[Measured], Kpi], ...] = (
    net_promoter_score, satisfied_answers, ease_score, response_rate,
)  # fmt: skip


def answers_of(given: Measured, start: date, end: date) -> Answers | None:
    """The answers of a span of days, made once for all figures; None without any."""

    def make() -> Answers | None:
        try:
            return answers(given.base, start, end)
        except DataError:
            return None

    return given.once(f"voice.{start}.{end}", make)


def score_of(given: Measured, instrument: str, start: date, end: date) -> Score | None:
    """The score of an instrument in a span of days; None where too few answered."""

    def make() -> Score | None:
        found = answers_of(given, start, end)
        try:
            return score(found, instrument) if found is not None else None
        except NotEnoughData:
            return None

    return given.once(f"voice.{instrument}.{start}.{end}", make)


def spans(given: Measured) -> tuple[tuple[date, date], ...]:
    """The last period, the one before, and the same a year ago: (start, end]."""
    day, middle = given.base.day, shift(given.base.day, given.span)
    length, year = day - middle, day - timedelta(days=YEAR)
    return (middle, day), (middle - length, middle), (year - length, year)


def _score(given: Measured, name: str, instrument: str, unit: str) -> Kpi:
    now, before, year = (score_of(given, instrument, *span) for span in spans(given))
    if now is None:
        return refused(name, unit, UP, NO_ANSWERS, REPORT, given.span)
    kpi = Kpi(name, unit, UP, now.value, now.n, now.lower, now.upper, given.span, explained_in=REPORT)
    return replace(kpi, against_previous=_then(now, before), against_year=_then(now, year))


def _then(now: Score, then: Score | None) -> Change | None:
    """What it was; a difference of scores is no relative change, and is told on the page in points."""
    return None if then is None else Change(now.value, then.value, None, None, None)
