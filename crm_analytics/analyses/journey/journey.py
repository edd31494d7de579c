"""`journey`: the steps of a base, and every view of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses.arguments import base_given
from crm_analytics.analyses.journey.conformance import Conformance, conformance
from crm_analytics.analyses.journey.differences import Difference, difference
from crm_analytics.analyses.journey.event_log import SOURCES
from crm_analytics.analyses.journey.funnels import funnel
from crm_analytics.analyses.journey.metrics import metrics
from crm_analytics.analyses.journey.patterns import matches
from crm_analytics.analyses.journey.step_matrix import step_matrix, variants
from crm_analytics.analyses.journey.steps import Steps, steps_of
from crm_analytics.analyses.journey.transitions import transitions
from crm_analytics.analyses.plots import Plots
from crm_analytics.analyses.progress import watched
from crm_analytics.errors import NotEnoughData, ParameterError, nearest

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase


@dataclass(frozen=True)
class Journey(Steps):
    """The steps of a base with every view of them; each view is a function of its own module."""

    plot = Plots("crm_analytics.analyses.journey.pictures", "steps", "funnel", "transitions")

    def transitions(self, weight: str | None = None) -> pd.DataFrame:
        """What follows what; see `transitions.transitions`."""
        return transitions(self, weight)

    def funnel(self, steps: Sequence[str | Sequence[str]], within: float | None = None) -> pd.DataFrame:
        """How many paths reach each step in order; see `funnels.funnel`."""
        return funnel(self, steps, within)

    def steps(self, around: str | None = None, before: int = 3, after: int = 10) -> pd.DataFrame:
        """Share of paths at each event, step by step; see `step_matrix.step_matrix`."""
        return step_matrix(self, around, before, after)

    def variants(self, length: int = 6) -> pd.DataFrame:
        """Distinct beginnings of paths; see `step_matrix.variants`."""
        return variants(self, length)

    def matches(self, pattern: str) -> ir.Table:
        """Which paths hold a pattern such as ``a->.*->[b|c]``; see `patterns.matches`."""
        return matches(self, pattern)

    def metrics(self, events: Sequence[str] = ()) -> ir.Table:
        """One row per path: length, duration, active days and more; see `metrics.metrics`."""
        return metrics(self, events)

    def difference(self, a: Any, b: Any) -> Difference:
        """Two segments to compare in any view; see `differences.difference`."""
        return difference(self, a, b)

    def conformance(self, expected: Sequence[str]) -> Conformance:
        """Actual paths against an expected one; see `conformance.conformance`."""
        return conformance(self, expected)


@watched("Putting steps in order")
def journey(
    base: CustomerBase,
    sources: Sequence[str] | None = None,
    session_minutes: float = 30,
    stages: Mapping[str, str] | None = None,
) -> Journey:
    """The steps of every customer and visitor of a base, in order.

    Parameters
    ----------
    sources : of `SOURCES`; by default all that the base has
    session_minutes : a silence longer than this begins a new session, minutes > 0
    stages : event -> stage, before any other rule. Else: the event's own stage; a purchase is "purchase";
        anything else is "pre_purchase" before the first purchase and "post_purchase" after it

    Raises
    ------
    DataError : a source is not in the base
    NotEnoughData : there is not one step
    ParameterError : an unknown source, or a silence that is not positive

    Notes
    -----
    A purchase that the events mark as ``is_conversion`` and the transactions hold too (same customer, same
    day) is one step, called "Order Completed", at its tracked time. Steps at equal times are ordered by
    source, then row id, then name, then channel.

    >>> from crm_analytics import CustomerBase
    >>> base = CustomerBase.open({
    ...     "transactions": pd.DataFrame({"customer_id": ["a"], "unit_spend": [9.0],
    ...         "transaction_date": ["2026-01-05 10:00"]}),
    ...     "events": pd.DataFrame({"customer_id": ["a", "a"], "event": ["Visit", "Cart"],
    ...         "channel": ["web", "web"], "timestamp": ["2026-01-05 09:00", "2026-01-05 09:50"]})},
    ...     today="2026-02-01")
    >>> journey(base).table.order_by("position").execute()[["event", "session", "stage"]].values.tolist()
    [['Visit', 1, 'pre_purchase'], ['Cart', 2, 'pre_purchase'], ['Order Completed', 2, 'purchase']]
    """
    base_given(base, "journey.journey")
    if not session_minutes > 0:
        raise ParameterError(f"session_minutes = {session_minutes}: it must be above 0")
    have = tuple(name for name in SOURCES if name in base.snapshot.tables)
    for name in sources or ():
        if name not in SOURCES:
            raise ParameterError(f"no source '{name}'{nearest(name, SOURCES)}; known: {', '.join(SOURCES)}")
        base.require({name: ()})
    chosen = tuple(name for name in have if sources is None or name in sources)
    table = base.materialise(steps_of(base, chosen, session_minutes, stages or {}))
    made = Journey(base, table, chosen, float(session_minutes))
    if made.count() == 0:
        raise NotEnoughData("A journey", 0, 1, "steps")
    return made
