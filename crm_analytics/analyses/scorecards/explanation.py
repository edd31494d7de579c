"""A key figure's formula with its numbers."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from crm_analytics.analyses.kpis import REGISTRY
from crm_analytics.analyses.scorecards.framework import UP

if TYPE_CHECKING:
    from crm_analytics.analyses.scorecards.scoring import Line, Scorecard


def explain(card: Scorecard, kpi: str) -> str:
    """How a key figure of a scorecard came to its score, step by step.

    Raises
    ------
    ParameterError : the framework has no such figure (the nearest is offered).
    """
    block, measure = card.framework.measure(kpi)
    line = next(x for x in card.lines if x.block == block.id and x.measure.kpi == kpi)
    lines = [f"{kpi}: {definition(kpi)}"]
    if line.score is None:
        return "\n".join([*lines, f"grey: {line.refusal} (needs {measure.needs})"])
    return "\n".join([*lines, *_steps(line)])


def definition(kpi: str) -> str:
    """What a key figure is, in the words of the function that computes it; empty where there is none."""
    make = REGISTRY.get(kpi)
    return (inspect.getdoc(make) or "").split("\n\n")[0] if make else ""


def _steps(line: Line) -> list[str]:
    kpi, measure = line.kpi, line.measure  # of the line: the company's own target stands there
    assert kpi is not None
    interval = "" if kpi.lower is None or kpi.upper is None else f" ({kpi.lower:.6g} to {kpi.upper:.6g})"
    way = "at least" if measure.direction == UP else "at most"
    given = f" = {measure.target}" if isinstance(measure.target, str) else ""
    found = [
        f"value  = {kpi.value:.10g}{interval}, n = {kpi.n:,}, {kpi.period}",
        f"target : {way} {line.target:.10g}{given}; {line.floor:.10g} scores nothing",
        f"score  = ({kpi.value:.10g} - {line.floor:.10g}) / ({line.target:.10g} - {line.floor:.10g})"
        f" = {line.score:.10g} within 0 and 1: {line.status}",
        f"weight = {measure.weight:g} of block '{line.block}'",
    ]
    if line.before is not None:
        found.append(f"before = {line.before:.10g}{f', {line.trend}' if line.trend else ''}")
    if kpi.explained_in:
        found.append(f"see the report {kpi.explained_in}")
    return found
