"""Funnels: who came how far through steps in order, gaps allowed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses.intervals import wilson
from crm_analytics.analyses.journey.ordered_match import chained
from crm_analytics.analyses.journey.steps import Steps
from crm_analytics.errors import ParameterError

if TYPE_CHECKING:
    import ibis.expr.types as ir

Step = str | Sequence[str]  # an event, or several of which one is enough


def named(step: Step) -> str:
    """How a step is called: its events.

    >>> named(("Post Clicked", "Ad Clicked"))
    'Post Clicked or Ad Clicked'
    """
    return step if isinstance(step, str) else " or ".join(step)


def reached(journey: Steps, steps: Sequence[Step], within: float | None = None) -> ir.Table:
    """One row per path that took the first step: path, person, reached_k and taken_k for each step k.

    ``reached_k``: epoch second at which the path first stood at step k (NULL: never);
    ``taken_k``: seconds since the first step.
    """
    if len(steps) < 1:
        raise ParameterError("a funnel needs at least one step")
    if within is not None and not within > 0:
        raise ParameterError(f"within = {within}: it must be a number of days above 0")
    wanted = [[step] if isinstance(step, str) else list(step) for step in steps]
    have = set(journey.events()["event"])
    for event in {event for step in wanted for event in step} - have:
        journey.known(event)
    rows = journey.table.filter(journey.table.event.isin(sorted({e for step in wanted for e in step})))
    flags = {f"is_{k}": rows.event.isin(step) for k, step in enumerate(wanted, 1)}
    rows = rows.select("path", "person", "position", "at", **flags)
    seconds = None if within is None else within * 86_400
    rows = chained(rows, [(name, 1) for name in flags], seconds)
    now = rows["at"].epoch_seconds()
    found = {}
    for k in range(1, len(wanted) + 1):
        began = rows[f"began_{k}"]
        found[f"reached_{k}"] = now.min(where=began.notnull())
        found[f"taken_{k}"] = (now - began).min() if within is not None else None
    each = rows.group_by("path", "person").aggregate(
        **{name: value for name, value in found.items() if value is not None}
    )
    if within is None:  # the earliest beginning is the path's first step
        each = each.mutate(
            **{f"taken_{k}": each[f"reached_{k}"] - each.reached_1 for k in range(1, len(wanted) + 1)}
        )
    return each.filter(each.reached_1.notnull())


def funnel(journey: Steps, steps: Sequence[Step], within: float | None = None) -> pd.DataFrame:
    """How many paths reach each step after those before it, other steps in between allowed.

    Parameters
    ----------
    steps : events in order; a tuple of events is a step that any of them reaches
    within : days from the first step to the last; None: no limit. With a limit any beginning counts, so a
        customer who came back later is not lost

    Returns
    -------
    step, name, reached, of (paths that reached the step before; the first: all paths), share with lower and
    upper (95 %, Wilson), share_of_first, dropped, time_median and time_q90 (days since the first step; with
    a limit, of the shortest match)

    Raises
    ------
    ParameterError : no step, an unknown event, a limit that is not positive
    """
    each = reached(journey, steps, within)
    numbers = range(1, len(steps) + 1)
    wanted: dict[str, ir.Value] = {}
    for k in numbers:
        taken = each[f"taken_{k}"]
        wanted |= {
            f"n_{k}": each[f"reached_{k}"].count(),
            f"median_{k}": taken.quantile(0.5),
            f"late_{k}": taken.quantile(0.9),
        }
    row = journey.base.collect(each.aggregate(**wanted)).iloc[0]
    counts = [int(row[f"n_{k}"]) for k in numbers]
    before = [journey.count(), *counts[:-1]]
    frame = pd.DataFrame(
        {"step": list(numbers), "name": [named(s) for s in steps], "reached": counts, "of": before}
    )
    frame["share"] = [n / of if of else float("nan") for n, of in zip(counts, before, strict=True)]
    frame[["lower", "upper"]] = [wilson(n, of) for n, of in zip(counts, before, strict=True)]
    frame["share_of_first"] = frame["reached"] / counts[0] if counts[0] else float("nan")
    frame["dropped"] = frame["of"] - frame["reached"]
    frame["time_median"] = [float(row[f"median_{k}"]) / 86_400 for k in numbers]
    frame["time_q90"] = [float(row[f"late_{k}"]) / 86_400 for k in numbers]
    return frame


def time_between(journey: Steps, first: Step, then: Step) -> ir.Table:
    """One row per path that came from one step to the other: path, person, seconds (NULL: never came)."""
    each = reached(journey, [first, then])
    return each.select("path", "person", seconds=each.taken_2.cast("int64"))


def stopped_before(journey: Steps, steps: Sequence[Step], k: int, within: float | None = None) -> ir.Table:
    """Customers who reached step k - 1 and not step k: customer_id. To save as a list."""
    if not 2 <= k <= len(steps):
        raise ParameterError(f"k = {k}: a step from 2 to {len(steps)}")
    each = reached(journey, steps, within)
    fell = each[f"reached_{k - 1}"].notnull() & each[f"reached_{k}"].isnull()
    return each.filter(fell).select(customer_id=each.person).distinct()
