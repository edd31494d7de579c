"""Patterns of steps such as ``a->.*->[b|c]``: which paths hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

from crm_analytics.analyses.journey.ordered_match import chained
from crm_analytics.analyses.journey.steps import END, START, Steps
from crm_analytics.errors import ParameterError

if TYPE_CHECKING:
    import ibis.expr.types as ir

GAP = ".*"


def parse(pattern: str) -> list[list[tuple[str, ...]]]:
    """Blocks of steps that follow each other directly; between blocks anything may lie. () is any one step.

    >>> parse("a->.*->[b|c]->.")
    [[('a',)], [('b', 'c'), ()]]
    """
    words = [word.strip() for word in pattern.split("->")]
    if not all(words):
        raise ParameterError(f"the pattern '{pattern}' has an empty step; write a->.*->[b|c]")
    blocks: list[list[tuple[str, ...]]] = [[]]
    for word in words:
        if word == GAP:
            blocks.append([])
        elif word == ".":
            blocks[-1].append(())
        elif word.startswith("[") != word.endswith("]"):
            raise ParameterError(f"the pattern '{pattern}' has a bracket that is not closed: {word}")
        else:
            blocks[-1].append(tuple(e.strip() for e in word.removeprefix("[").removesuffix("]").split("|")))
    blocks = [block for block in blocks if block]
    for anchor, place, end in ((START, 0, 0), (END, -1, -1)):
        held = [(b, i) for b, block in enumerate(blocks) for i, step in enumerate(block) if anchor in step]
        allowed = (place % len(blocks), end % len(blocks[place])) if blocks else None
        if any(spot != allowed or len(blocks[spot[0]][spot[1]]) > 1 for spot in held):
            raise ParameterError(f"in the pattern '{pattern}' {anchor} may stand at its end of it only")
    return blocks


def matches(journey: Steps, pattern: str) -> ir.Table:
    """Which paths hold a pattern somewhere.

    Parameters
    ----------
    pattern : steps joined by ``->``: an event, ``[b|c]`` (either), ``.`` (any one step), ``.*`` (any number
        of steps, also none), ``path_start`` at the beginning and ``path_end`` at the end to anchor it

    Returns
    -------
    One row per path: path, person, matched

    Raises
    ------
    ParameterError : the pattern cannot be read, or names an unknown event
    """
    blocks = parse(pattern)
    have = set(journey.events()["event"])
    for event in {e for block in blocks for step in block for e in step} - have - {START, END}:
        journey.known(event)
    anchored = bool(blocks) and blocks[0][0] == (START,)
    ends = bool(blocks) and blocks[-1][-1] == (END,)
    if anchored:
        blocks[0] = blocks[0][1:]
    if ends:
        blocks[-1] = blocks[-1][:-1]
    # an anchor followed by a gap binds nothing: every path begins and ends
    anchored, ends = anchored and bool(blocks[0]), ends and bool(blocks[-1])
    blocks = [block for block in blocks if block]
    steps = journey.table.select("path", "person", "position", "at", "event", "next_event")
    if not blocks:
        return steps.select("path", "person").distinct().mutate(matched=ibis.literal(True))
    each = ibis.window(group_by=steps.path, order_by=steps.position)
    flags = {}
    for k, block in enumerate(blocks, 1):
        here = ibis.literal(True)
        for ahead, step in enumerate(block):
            event = steps.event.lead(ahead).over(each) if ahead else steps.event
            here = here & (event.isin(list(step)) if step else event.notnull()).fill_null(False)
        if k == 1 and anchored:
            here = here & (steps.position == 1)
        if k == len(blocks) and ends:
            here = here & steps.event.lead(len(block)).over(each).isnull()
        flags[f"is_{k}"] = here
    rows = chained(steps.mutate(**flags), [(f"is_{k}", len(b)) for k, b in enumerate(blocks, 1)])
    last = rows[f"began_{len(blocks)}"]
    return rows.group_by("path", "person").aggregate(matched=last.count() > 0)
