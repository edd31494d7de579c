"""Ordered matches, gaps allowed, as window expressions: what funnels and patterns are both made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import ibis

if TYPE_CHECKING:
    import ibis.expr.types as ir


def chained(steps: ir.Table, blocks: Sequence[tuple[str, int]], seconds: float | None = None) -> ir.Table:
    """Add ``began_1``, ``began_2``, ...: where a match of the first k blocks that ends here began.

    Parameters
    ----------
    steps : path, position, at; for each block a boolean column: a match of it begins in this row
    blocks : (column, number of steps of the block); a block begins after the one before has ended
    seconds : longest time from the first step to the beginning of any other; None: no limit

    Returns
    -------
    The rows with ``began_k``: epoch second at which the match began, NULL where none of k blocks ends with
    the block that begins here. Without a limit the earliest beginning is kept, with one the latest, which
    is the one that can still be in time: so a customer who comes back later is not lost.
    """
    column, length = blocks[0]
    now = steps["at"].epoch_seconds()
    steps = steps.mutate(began_1=steps[column].ifelse(now, ibis.null("int64")))
    for k in range(2, len(blocks) + 1):
        before = ibis.window(group_by=steps.path, order_by=steps.position, preceding=(None, length))
        earlier = steps[f"began_{k - 1}"]
        since = (earlier.min() if seconds is None else earlier.max()).over(before)
        column, length = blocks[k - 1]
        here = steps[column] & since.notnull()
        if seconds is not None:
            here = here & (steps["at"].epoch_seconds() - since <= seconds)
        steps = steps.mutate(**{f"began_{k}": here.ifelse(since, ibis.null("int64"))})
    return steps
