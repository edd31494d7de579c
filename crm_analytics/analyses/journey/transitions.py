"""What follows what: the transition table with virtual start and end, and its eight weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.journey.steps import END, START, Steps
from crm_analytics.errors import ParameterError, nearest

if TYPE_CHECKING:
    import ibis.expr.types as ir

WEIGHTS = (
    "count",
    "share_of_total",
    "avg_per_path",
    "proba_out",
    "proba_in",
    "unique_paths",
    "time_median",
    "time_q95",
)
WIDEST = 1_000  # events of a matrix; the table of transitions knows no limit


def edges(journey: Steps) -> ir.Table:
    """One row per transition: path, event, next_event (with path_start and path_end), seconds."""
    steps = journey.table
    inner = steps.select(
        "path", event="event", next_event=steps.next_event.fill_null(END), seconds="seconds_to_next"
    )
    first = steps.filter(steps.position == 1)
    begins = first.select(
        "path", event=ibis.literal(START), next_event=first.event, seconds=ibis.null("int64")
    )
    return inner.union(begins, distinct=False)


def transitions(journey: Steps, weight: str | None = None) -> pd.DataFrame:
    """Transitions between events, with a virtual start and end of each path.

    Parameters
    ----------
    weight : one of `WEIGHTS`: give the matrix of this weight instead, rows from, columns to

    Returns
    -------
    event, next_event, count; share_of_total (of all transitions); avg_per_path (count / paths); proba_out
    (of those that leave `event`; sums to 1); proba_in (of those that reach `next_event`; sums to 1);
    unique_paths; time_median, time_q95 (seconds; missing at start and end); from_count, to_count, paths (the
    denominators). The most frequent first. A matrix has path_start first, path_end last and the events by
    frequency between them.

    Raises
    ------
    ParameterError : there is no such weight, or a matrix would have more than 1,000 events
    """
    if weight is not None and weight not in WEIGHTS:
        raise ParameterError(f"no weight '{weight}'{nearest(weight, WEIGHTS)}; known: {', '.join(WEIGHTS)}")
    found = edges(journey)
    each = found.group_by("event", "next_event").aggregate(
        count=found.count(),
        unique_paths=found.path.nunique(),
        time_median=found.seconds.quantile(0.5),
        time_q95=found.seconds.quantile(0.95),
    )
    table = weighed(journey.base.collect(each), journey.count())
    return table if weight is None else matrix(table, weight)


def weighed(each: pd.DataFrame, paths: int) -> pd.DataFrame:
    """Add the shares to counted transitions (event, next_event, count, ...)."""
    table = each.sort_values(["count", "event", "next_event"], ascending=[False, True, True])
    table = table.reset_index(drop=True)
    table["from_count"] = table.groupby("event")["count"].transform("sum")
    table["to_count"] = table.groupby("next_event")["count"].transform("sum")
    table["paths"] = paths
    table["share_of_total"] = table["count"] / table["count"].sum()
    table["avg_per_path"] = table["count"] / paths
    table["proba_out"] = table["count"] / table["from_count"]
    table["proba_in"] = table["count"] / table["to_count"]
    return table[["event", "next_event", *WEIGHTS, "from_count", "to_count", "paths"]]


def matrix(table: pd.DataFrame, weight: str) -> pd.DataFrame:
    """Rows from, columns to; no transition is 0, and NaN for times."""
    if table["event"].nunique() > WIDEST:
        raise ParameterError(
            f"a matrix of {table['event'].nunique():,} events is too wide; fold the rare ones first: "
            "journey.folded(50).transitions(...)"
        )
    names = table.drop_duplicates("event").sort_values(["from_count", "event"], ascending=[False, True])
    order = [START, *(name for name in names["event"] if name != START), END]
    wide = table.pivot(index="event", columns="next_event", values=weight).reindex(order, columns=order)
    return wide if weight.startswith("time_") else wide.fillna(0).astype(table[weight].dtype)
