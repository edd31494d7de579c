"""Step matrix: which share of paths is where, step by step, from the start or around an event."""

from __future__ import annotations

import ibis
import pandas as pd

from crm_analytics.analyses.intervals import wilson
from crm_analytics.analyses.journey.steps import END, START, Steps
from crm_analytics.errors import ParameterError


def at_steps(journey: Steps, around: str | None, before: int, after: int) -> pd.DataFrame:
    """Counted steps: step, event, paths; without paths that have ended or not begun."""
    if before < 0 or after < 1:
        raise ParameterError("steps need before of 0 or more and after of 1 or more")
    steps = journey.table.select("path", "position", "event")
    if around is None:
        rows = steps.mutate(step=steps.position)
        low, high = 1, after
    else:
        journey.known(around)
        found = steps.filter(steps.event == around)
        middle = found.group_by("path").aggregate(middle=found.position.min())
        rows = steps.inner_join(middle, "path")
        rows = rows.mutate(step=rows.position - rows.middle)
        low, high = -before, after
    rows = rows.filter(rows.step.between(low, high))
    counted = rows.group_by("step", "event").aggregate(paths=rows.count())
    return journey.base.collect(counted).astype({"step": "int64"})


def step_matrix(journey: Steps, around: str | None = None, before: int = 3, after: int = 10) -> pd.DataFrame:
    """Share of paths at each event, step by step.

    Parameters
    ----------
    around : None: steps 1 to `after` from the start of each path. An event: steps ``-before`` to `after`
        around its first occurrence, over the paths that have it
    before, after : how many steps to look back (with `around`) and ahead

    Returns
    -------
    step, event, paths, of (all paths looked at), share, lower and upper (95 %, Wilson). Each step's shares
    sum to 1: a path that has ended is at path_end, one that has not begun at path_start.

    Raises
    ------
    ParameterError : an unknown event, or no step to look at
    """
    counted = at_steps(journey, around, before, after)
    of = journey.count()
    if around is not None:
        of = int(counted.loc[counted["step"] == 0, "paths"].sum())
    steps = range(1, after + 1) if around is None else range(-before, after + 1)
    present = counted.groupby("step")["paths"].sum().reindex(list(steps), fill_value=0)
    gone = (of - present).reset_index(name="paths")
    gone["event"] = [START if around is not None and step < 0 else END for step in gone["step"]]
    table = pd.concat([counted, gone[gone["paths"] > 0]], ignore_index=True)
    table["of"] = of
    table["share"] = table["paths"] / of
    table[["lower", "upper"]] = [wilson(int(n), of) for n in table["paths"]]
    table = table.sort_values(["step", "paths", "event"], ascending=[True, False, True], ignore_index=True)
    return table[["step", "event", "paths", "of", "share", "lower", "upper"]]


def variants(journey: Steps, length: int = 6) -> pd.DataFrame:
    """Distinct beginnings of paths, repeats folded: variant (events in order), paths, of, share.

    Parameters
    ----------
    length : how many different steps of a path are looked at
    """
    steps = journey.table
    each = ibis.window(group_by=steps.path, order_by=steps.position)
    steps = steps.mutate(again=steps.event == steps.event.lag().over(each))
    steps = steps.filter(~steps.again.fill_null(False))
    order = ibis.window(group_by=steps.path, order_by=steps.position)
    steps = steps.mutate(place=ibis.row_number().over(order))
    wide = steps.group_by("path").aggregate(
        **{f"step_{k}": steps.event.max(where=steps.place == k) for k in range(length)}
    )
    names = [f"step_{k}" for k in range(length)]
    frame = journey.base.collect(wide.group_by(names).aggregate(paths=wide.count()))
    frame["variant"] = [tuple(e for e in row if isinstance(e, str)) for row in frame[names].to_numpy()]
    frame["of"] = journey.count()
    frame["share"] = frame["paths"] / frame["of"]
    frame = frame.sort_values(["paths", "variant"], ascending=[False, True], ignore_index=True)
    return frame[["variant", "paths", "of", "share"]]
