"""Pictures of a journey: funnel, step matrix, transitions, and the map of stages."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from crm_analytics.analyses.journey.journey import Journey
from crm_analytics.analyses.journey.journey_map import JourneyMap
from crm_analytics.analyses.plots import Picture
from crm_analytics.errors import ParameterError
from crm_analytics.pages import composed_figures, figures

MOST_EVENTS = 10
NOTHING = "No path has a step here."


def steps(journey: Journey, *, around: str | None = None, before: int = 3, after: int = 6) -> Picture:
    """Share of paths at each event, step by step from the start, or around an event."""
    frame = journey.steps(around, before=before, after=after)
    title = f"Paths by step around {around}" if around else "Paths by step"
    return Picture(frame=frame, title=title, draw=_step_matrix, empty=NOTHING)


def _step_matrix(frame: pd.DataFrame) -> figures.go.Figure:
    wide = frame.pivot(index="event", columns="step", values="share").fillna(0.0)
    order = wide.max(axis=1).sort_values(ascending=False, kind="stable").index[:MOST_EVENTS]
    wide = wide.loc[order]
    wide.columns = pd.Index([str(step) for step in wide.columns])
    return figures.heatmap(wide, fmt="percent:0", x_title="step")


def funnel(
    journey: Journey, *, steps: Sequence[str | tuple[str, ...]] = (), within: float | None = None
) -> Picture:
    """How many paths reach each of `steps` (events in order) after those before it."""
    if len(steps) < 2:
        seen = ", ".join(str(e) for e in journey.events()["event"].head(6))
        raise ParameterError(f"write .plot.funnel(steps=[at least two events]); the most frequent are {seen}")
    return Picture(
        frame=journey.funnel(list(steps), within),
        title="Paths that reach each step",
        draw=lambda f: figures.bars(f, "name", "reached", fmt="count"),
        empty=NOTHING,
    )


def transitions(journey: Journey, *, most: int = 20) -> Picture:
    """The most frequent transitions from event to event."""
    table = journey.transitions().head(most)
    return Picture(
        frame=table,
        title=f"The {len(table)} most frequent transitions",
        draw=lambda f: composed_figures.flows(f, "event", "next_event", "count"),
        empty=NOTHING,
    )


def stages(found: JourneyMap, *, segment: str = "") -> Picture:
    """Share of paths that reach each stage, and of those the share that goes on; of one segment."""
    rows = _of(found, segment)
    return Picture(
        frame=rows,
        title="Reach of each stage, and how many of them go on",
        draw=lambda f: figures.columns(
            f, "stage", ["reach", "conversion"], {"reach": "reach it", "conversion": "go on"}, fmt="percent:0"
        ),
        empty=NOTHING,
    )


def emotion(found: JourneyMap, *, segment: str = "") -> Picture:
    """Emotion in each stage with its interval, where customers said anything."""
    rows = _of(found, segment).dropna(subset=["emotion"]).reset_index(drop=True)
    return Picture(
        frame=rows,
        title="Emotion by stage",
        draw=lambda f: figures.intervals(
            f, "stage", "emotion", "emotion_lower", "emotion_upper", fmt="number:2"
        ),
        empty="Nobody has said anything in any stage.",
    )


def _of(found: JourneyMap, segment: str) -> pd.DataFrame:
    known = [str(name) for name in found.stages["segment"].unique()]
    if segment and segment not in known:
        raise ParameterError(f"no segment {segment[:40]!r} on the map: one of {', '.join(known)}")
    chosen = segment or (known[0] if known else "")
    return found.stages[found.stages["segment"].astype(str) == chosen].reset_index(drop=True)
