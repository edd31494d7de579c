"""Actual journeys held against the expected one: how much of it they follow, and where they leave it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.intervals import Z95, wilson
from crm_analytics.analyses.journey.funnels import funnel
from crm_analytics.analyses.journey.steps import Steps
from crm_analytics.errors import ParameterError
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

LONGEST = 30  # expected steps: the engine looks at each path once for each of them


@dataclass(frozen=True)
class Conformance(ObjectCard):
    """How actual paths follow an expected one.

    Attributes
    ----------
    paths : Ibis table, one row per path: path, person, length, in_order (the most expected steps the path
        takes
        in their order, other steps allowed between: the longest common subsequence), fitness (in_order /
        expected steps), detours (steps that are not among those), edits (steps to insert or delete until
        the path is the expected one)
    steps : expected step by step: step, event, taken (paths that take it at all), of, share, lower, upper,
        in_turn (paths that take it after all those before it), in_turn_share
    of, mean, error, lower, upper : paths, their mean fitness, its standard error and 95 % interval
    whole : paths that take all expected steps in order
    """

    paths: ir.Table
    steps: pd.DataFrame
    of: int
    mean: float
    error: float
    lower: float
    upper: float
    whole: int

    card_frame = "steps"


def conformance(journey: Steps, expected: Sequence[str]) -> Conformance:
    """Hold every path against an expected order of events.

    Parameters
    ----------
    expected : events in the order a journey should take them, 1 to 30; an event may come more than once

    Raises
    ------
    ParameterError : nothing is expected, too much is, or an event is unknown

    Notes
    -----
    The longest common subsequence by its usual recurrence, one expected step at a time as a running maximum
    over the path, so it is exact and linear in the number of steps. Edits count insertions and deletions:
    ``length + expected - 2 in_order`` (Wagner & Fischer 1974 without substitution).
    """
    if not 1 <= len(expected) <= LONGEST:
        raise ParameterError(f"an expected journey has 1 to {LONGEST} steps, not {len(expected)}")
    for event in expected:
        journey.known(event)
    rows = journey.table.select("path", "person", "position", "event")
    before = ibis.window(group_by=rows.path, order_by=rows.position, preceding=(None, 1))
    upto = ibis.window(group_by=rows.path, order_by=rows.position, preceding=None, following=0)
    rows = rows.mutate(lcs_0=ibis.literal(0, "int64"))
    for k, event in enumerate(expected, 1):
        shorter = rows[f"lcs_{k - 1}"]  # never falls along a path, so its maximum before is its last
        longer = (rows.event == event).ifelse(shorter.max().over(before).fill_null(0) + 1, 0)
        rows = rows.mutate(longer=longer)
        rows = rows.mutate(**{f"lcs_{k}": ibis.greatest(rows[f"lcs_{k - 1}"], rows.longer.max().over(upto))})
    n = len(expected)
    each = rows.group_by("path", "person").aggregate(
        length=rows.count(), in_order=rows[f"lcs_{n}"].max().cast("int64")
    )
    each = each.mutate(
        fitness=each.in_order / n,
        detours=each.length - each.in_order,
        edits=each.length + n - 2 * each.in_order,
    )
    found = each.aggregate(
        of=each.count(),
        total=each.in_order.sum(),
        squares=(each.in_order * each.in_order).sum(),
        whole=(each.in_order == n).sum(),
    )
    row = journey.base.collect(found).iloc[0]
    of, total = int(row["of"]), int(row["total"])
    mean = total / (n * of)
    variance = max(int(row["squares"]) / (n * n) - of * mean * mean, 0.0) / max(of - 1, 1)
    error = math.sqrt(variance / of)
    half = Z95 * error
    steps = _step_by_step(journey, expected, of)
    return Conformance(
        each, steps, of, mean, error, max(mean - half, 0), min(mean + half, 1), int(row["whole"])
    )


def _step_by_step(journey: Steps, expected: Sequence[str], of: int) -> pd.DataFrame:
    taken = journey.events().set_index("event")["paths"]
    in_turn = funnel(journey, expected)["reached"]
    frame = pd.DataFrame({"step": range(1, len(expected) + 1), "event": list(expected)})
    frame["taken"] = [int(taken[event]) for event in expected]
    frame["of"] = of
    frame["share"] = frame["taken"] / of
    frame[["lower", "upper"]] = [wilson(int(n), of) for n in frame["taken"]]
    frame["in_turn"] = in_turn
    frame["in_turn_share"] = in_turn / of
    return frame
