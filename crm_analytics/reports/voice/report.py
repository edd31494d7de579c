"""What the voice report is made from, and its small form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import ibis
import pandas as pd

from crm_analytics.analyses import rfm, voice
from crm_analytics.analyses.actions import Action, Expected, expected_margin
from crm_analytics.analyses.definitions import ACTIVE, AT_RISK
from crm_analytics.analyses.kpi import Kpi
from crm_analytics.analyses.kpis import measure
from crm_analytics.analyses.voice.answers import INSTRUMENTS
from crm_analytics.analyses.voice.kpis import score_of, spans
from crm_analytics.analyses.voice.scores import DETRACTOR
from crm_analytics.errors import CrmError
from crm_analytics.pages.sentences import Sentences
from crm_analytics.reports.shared.customer_lists import write_lists
from crm_analytics.reports.shared.handed_in import HandedIn, handed_in
from crm_analytics.reports.shared.plans import Plans, plans
from crm_analytics.reports.shared.report import Report, attempt
from crm_analytics.reports.shared.small_form import SmallReport, too_small
from crm_analytics.reports.shared.spoken import catalogue

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

KPIS = ("net_promoter_score", "satisfied_answers", "ease_score", "response_rate")
YEAR, RECENT = 365, 30  # days


@dataclass(frozen=True, kw_only=True, eq=False)
class VoiceReport(Report):
    """Everything the sections show; a part that the data do not hold is None."""

    t: Sentences
    plan: Plans
    handed: HandedIn
    answers: voice.Answers | None
    instrument: str = voice.NPS  # the score that leads the page
    periods: pd.DataFrame | None = None
    segments: pd.DataFrame | None = None
    bias: voice.ResponseBias | None = None
    drivers: pd.DataFrame | None = None
    reasons: pd.DataFrame | None = None
    reasons_of: pd.DataFrame | None = None
    topics: voice.Topics | None = None
    said: pd.DataFrame | None = None
    heard: pd.DataFrame | None = None
    own_actions: tuple[Action, ...] = ()

    @cached_property
    def kpis(self) -> dict[str, Kpi]:
        """The key figures of the page."""
        return measure(self.plan.given, KPIS)


def prepare(
    base: CustomerBase,
    *,
    compare_to: str = "-13w",
    effect: float = 0.05,
    language: str = "en",
    show_customers: bool = False,
    run: str = "",
) -> VoiceReport | SmallReport:
    """Read what customers answered, at the day of a base.

    Parameters
    ----------
    compare_to : length of a period ("-13w")
    effect : of a contact, where the data hold no measured one
    language : of the page: "en" or "de"
    run : folder of the run that makes the page; empty outside a run
    """
    if small := too_small(base, show_customers, language=language):
        return small
    missing: dict[str, str] = {}
    plan = plans(base, span=compare_to, effect=effect)
    same: dict[str, Any] = {
        "base": base, "show_customers": show_customers, "missing": missing, "language": language,
        "t": catalogue(language, __file__, base.currency), "plan": plan, "handed": handed_in(run),
    }  # fmt: skip
    found = attempt(missing, "answers", lambda: voice.answers(base))
    if found is None or not found.given:
        return VoiceReport(**same, answers=None)
    start = base.day - timedelta(days=YEAR)
    last = voice.answers(base, start)
    scored = rfm.score(base).customers.select("customer_id", "segment")
    groups = base.materialise(scored)
    instrument = _leading(found)
    actions = _actions(plan, found)
    write_lists(base, actions, run, show_customers)
    parts: dict[str, Any] = {
        "periods": lambda: _periods(plan),
        "segments": lambda: voice.scores_by_group(last, instrument, groups),
        "bias": lambda: voice.response_bias(last, groups, start),
        "drivers": lambda: voice.score_drivers(found, instrument),
        "reasons": lambda: voice.stated_reasons(found, groups),
        "reasons_of": lambda: voice.reasons_by_segment(found, groups),
        "topics": lambda: voice.topics(base, voice.free_texts(found)),
        "said": lambda: voice.said_and_done(
            voice.answers(base, end=base.day - timedelta(days=voice.FOLLOWED))
        ),
        "heard": lambda: voice.heard_from(found),
    }
    made = {name: _or_none(attempt(missing, name, make, CrmError)) for name, make in parts.items()}
    return VoiceReport(**same, answers=found, instrument=instrument, own_actions=actions, **made)


def _or_none(found: Any) -> Any:
    """An empty table is nothing to show."""
    return None if isinstance(found, pd.DataFrame) and found.empty else found


def _leading(found: voice.Answers) -> str:
    """The instrument that most people answered."""
    counts = (
        found.each.filter(found.each.share.notnull()).group_by("instrument").aggregate(n=lambda t: t.count())
    )
    rows = {str(r["instrument"]): int(r["n"]) for r in counts.to_pyarrow().to_pylist()}
    return max(INSTRUMENTS, key=lambda name: rows.get(name, 0))


def _periods(plan: Plans) -> pd.DataFrame:
    """Each score in the last period, the one before and a year ago: instrument, period, value, lower, ..."""
    rows = []
    for instrument in INSTRUMENTS:
        for period, span in zip(("last", "before", "year"), spans(plan.given), strict=True):
            found = score_of(plan.given, instrument, *span)
            if found is not None:
                rows.append(
                    {"instrument": instrument, "period": period, "n": found.n, "value": found.value,
                     "lower": found.lower, "upper": found.upper}
                )  # fmt: skip
    return pd.DataFrame(rows)


def _actions(plan: Plans, found: voice.Answers) -> tuple[Action, ...]:
    """Customers who would not recommend the shop, and said so in the last days."""
    each = found.of(voice.NPS)
    recent = found.base.day - timedelta(days=RECENT)
    low = each.filter(each.high == 10, each.score <= DETRACTOR, each.customer_id.notnull())
    low = low.filter(low.day > ibis.literal(recent)).select("customer_id").distinct()
    groups = plan.audiences.customers if plan.audiences is not None else plan.given.standings
    mine = groups.filter(groups.standing.isin([ACTIVE, AT_RISK])).semi_join(low, "customer_id")
    n = int(mine.count().to_pyarrow().as_py())
    if not n:
        return ()
    whom = {"standing": (ACTIVE, AT_RISK), "answer": ("detractor",)}
    return (
        Action("unhappy_answers", "account_managers", "call", whom, n, "unhappy_answers",
               _worth(plan, mine, n), plan.effect, plan.cost, mine),
    )  # fmt: skip


def _worth(plan: Plans, mine: ir.Table, n: int) -> Expected | None:
    if plan.audiences is None:
        return None
    near = plan.audiences.near.of_groups(mine.select("customer_id", segment=ibis.literal("unhappy")))
    value, low, high = (float(near.iloc[0][c]) for c in ("value", "lower", "upper"))
    return expected_margin(value, low, high, n, plan.given.margin, plan.effect, plan.cost)
