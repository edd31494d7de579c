"""The journey map: each stage's reach, conversion, time, effort, emotion and money at stake, by segment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ibis
import pandas as pd

from crm_analytics.analyses.intervals import wilson
from crm_analytics.analyses.journey.emotion import emotion, pain_points
from crm_analytics.analyses.journey.event_log import PURCHASE, SOURCES, STAGES
from crm_analytics.analyses.journey.steps import Steps
from crm_analytics.analyses.plots import Plots
from crm_analytics.errors import ParameterError, nearest
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

ALL = "all"
AGAIN = "purchase again"
DAY = 86_400


@dataclass(frozen=True)
class JourneyMap(ObjectCard):
    """A map of stages.

    Attributes
    ----------
    stages : one row per segment and stage: segment, stage, next_stage, paths (of the segment), reached (the
        stage "purchase" by buying, any other by any step), reach (share of paths), of (first reached at
        least `within` days before the base's day), went_on (of those, within so many days), conversion
        with lower and upper (95 %), dropped (of - went_on), days_median, days_q90 (until then, of those who
        went on), next_value (mean money in the first `within` days from then on, of those who had so long),
        present (paths with a step in the stage), steps_per_path, tickets_per_path (effort, of the present),
        emotion with emotion_lower, emotion_upper and scores (n), at_stake (dropped x next_value)
    pains : see `emotion.pain_points`
    within : days
    """

    stages: pd.DataFrame
    pains: pd.DataFrame
    within: float

    card_frame = "stages"
    plot = Plots("crm_analytics.analyses.journey.pictures", "stages", "emotion")

    def opportunities(self) -> pd.DataFrame:
        """Stages by what is at stake: segment, stage, next_stage, of, dropped, next_value, at_stake.

        It is a ceiling: as if all who dropped out went on and then spent like those who did.
        """
        columns = ["segment", "stage", "next_stage", "of", "dropped", "next_value", "at_stake"]
        table = self.stages.dropna(subset=["at_stake"])[columns]
        order = table.assign(_size=table["at_stake"].round(2))
        order = order.sort_values(["_size", "segment", "stage"], ascending=[False, True, True])
        return order.drop(columns="_size").reset_index(drop=True)


def journey_map(
    journey: Steps,
    segments: ir.Table | None = None,
    stages: Sequence[str] = STAGES,
    within: float = 90,
    minimum: int = 1,
) -> JourneyMap:
    """Draw the map of a journey (Bernard & Andritsos 2017; stages of Lemon & Verhoef 2016).

    Parameters
    ----------
    segments : customer_id, segment; by default all paths are one segment. Visitors and customers without one
        are left out
    stages : in their order, at least two
    within : days in which a path must go on to count as gone on, and over which money is summed, > 0
    minimum : a ticket's subject of fewer customers is called "others"

    Raises
    ------
    ParameterError : fewer than two stages, a stage no step has, a time that is not positive
    """
    _check(journey, stages, within)
    people = journey.table.select("person").distinct()
    if segments is None:
        people = people.mutate(segment=ibis.literal(ALL))
    else:
        named = segments.select(person="customer_id", segment=segments.segment.cast("string"))
        people = people.inner_join(named, "person")
    people = journey.base.materialise(people)
    each = journey.base.materialise(_times(journey, stages).inner_join(people, "person"))
    table = _reach(journey, each, stages, within)
    table = table.merge(_effort(journey, people), on=["segment", "stage"], how="left")
    felt = emotion(journey, people).rename(columns={"lower": "emotion_lower", "upper": "emotion_upper"})
    table = table.merge(felt, on=["segment", "stage"], how="left")
    table[["present", "scores"]] = table[["present", "scores"]].fillna(0).astype("int64")
    table["at_stake"] = table["dropped"] * table["next_value"]
    return JourneyMap(table, pain_points(journey, minimum), float(within))


def _check(journey: Steps, stages: Sequence[str], within: float) -> None:
    if len(stages) < 2:
        raise ParameterError("a journey map needs at least two stages")
    if not within > 0:
        raise ParameterError(f"within = {within}: it must be a number of days above 0")
    found = journey.table.select("stage").distinct().to_pyarrow().to_pydict()["stage"]
    for stage in stages:
        if stage not in found and stage not in STAGES:
            raise ParameterError(f"no step has the stage '{stage}'{nearest(stage, sorted(map(str, found)))}")


def _times(journey: Steps, stages: Sequence[str]) -> ir.Table:
    """One row per path, epoch seconds: t_k when stage k was first reached, n_k when what follows it was."""
    steps, numbers = journey.table, range(1, len(stages) + 1)
    bought = steps.event == PURCHASE
    flags = {k: _is_in(steps, name) for k, name in enumerate(stages, 1)}
    at = steps["at"].epoch_seconds()
    wanted: dict[str, ir.Value] = {}
    for k, here in flags.items():
        wanted |= {f"p_{k}": steps.position.min(where=here), f"t_{k}": at.min(where=here)}
    each = journey.base.materialise(steps.group_by("path", "person").aggregate(**wanted))
    then = {k: bought if follows(stages, k) == AGAIN else flags[k + 1] for k in numbers}
    rows = steps.select("path", "position", at=at, **{f"then_{k}": flag for k, flag in then.items()})
    rows = rows.inner_join(each.drop("person"), "path")
    found = {
        f"n_{k}": rows["at"].min(where=rows[f"then_{k}"] & (rows.position > rows[f"p_{k}"])) for k in numbers
    }
    return each.inner_join(rows.group_by("path").aggregate(**found), "path")


def _is_in(steps: ir.Table, stage: str) -> ir.BooleanValue:
    inside = steps.stage == stage
    return inside & (steps.event == PURCHASE) if stage == STAGES[1] else inside


def follows(stages: Sequence[str], k: int) -> str:
    """What comes after stage k (from 1): the next stage; from the purchase on, the next purchase.

    Nobody must open a ticket or answer a survey; what counts after a purchase is another.

    >>> [follows(STAGES, k) for k in (1, 2, 3)]
    ['purchase', 'purchase again', 'purchase again']
    """
    if k == len(stages) or STAGES[1] in stages[:k]:
        return AGAIN
    return stages[k]


def _reach(journey: Steps, each: ir.Table, stages: Sequence[str], within: float) -> pd.DataFrame:
    midnight = dt.datetime.combine(journey.base.day + dt.timedelta(days=1), dt.time(), dt.UTC)
    end, long = int(midnight.timestamp()), round(within * DAY)
    each = each.left_join(_values(journey, each, len(stages), long), "path")
    wanted: dict[str, ir.Value] = {"paths": each.count()}
    for k in range(1, len(stages) + 1):
        here, then = each[f"t_{k}"], each[f"n_{k}"]
        whole = (here <= end - long).fill_null(False)
        on = whole & (then - here <= long).fill_null(False)
        had_time = (then <= end - long).fill_null(False)
        wanted |= {
            f"reached_{k}": here.count(),
            f"of_{k}": whole.cast("int64").sum(),
            f"went_{k}": on.cast("int64").sum(),
            f"median_{k}": (then - here).quantile(0.5, where=on),
            f"late_{k}": (then - here).quantile(0.9, where=on),
            f"buyers_{k}": had_time.cast("int64").sum(),
            f"money_{k}": each[f"value_{k}"].sum(where=had_time),
        }
    frame = journey.base.collect(each.group_by("segment").aggregate(**wanted)).sort_values("segment")
    numbers = range(1, len(stages) + 1)
    return pd.DataFrame(
        [
            _stage_row({str(c): v for c, v in row.items()}, k, stages)
            for row in frame.to_dict("records")
            for k in numbers
        ]
    )


def _values(journey: Steps, each: ir.Table, stages: int, long: int) -> ir.Table:
    """One row per path with money: path, value_k (in the first `long` seconds of what follows stage k)."""
    paid = journey.table.filter(journey.table.value.notnull()).select("path", "at", "value")
    numbers = range(1, stages + 1)
    paid = paid.inner_join(each.select("path", *(f"n_{k}" for k in numbers)), "path")
    now = paid["at"].epoch_seconds()
    inside = {k: ((now >= paid[f"n_{k}"]) & (now < paid[f"n_{k}"] + long)).fill_null(False) for k in numbers}
    return paid.group_by("path").aggregate(
        **{f"value_{k}": paid.value.sum(where=where) for k, where in inside.items()}
    )


def _stage_row(row: dict[str, Any], k: int, stages: Sequence[str]) -> dict[str, Any]:
    of, went, buyers = int(row[f"of_{k}"]), int(row[f"went_{k}"]), int(row[f"buyers_{k}"])
    lower, upper = wilson(went, of)
    nan = float("nan")
    return {
        "segment": row["segment"],
        "stage": stages[k - 1],
        "next_stage": follows(stages, k),
        "paths": int(row["paths"]),
        "reached": int(row[f"reached_{k}"]),
        "reach": row[f"reached_{k}"] / row["paths"],
        "of": of,
        "went_on": went,
        "conversion": went / of if of else nan,
        "lower": lower if of else nan,
        "upper": upper if of else nan,
        "dropped": of - went,
        "days_median": float(row[f"median_{k}"]) / DAY if went else nan,
        "days_q90": float(row[f"late_{k}"]) / DAY if went else nan,
        "next_value": float(row[f"money_{k}"]) / buyers if buyers else nan,
    }


def _effort(journey: Steps, people: ir.Table) -> pd.DataFrame:
    steps = journey.table.inner_join(people, "person")
    found = steps.group_by("segment", "stage").aggregate(
        present=steps.path.nunique(),
        steps=steps.count(),
        tickets=(steps.source == SOURCES.index("tickets")).cast("int64").sum(),
    )
    frame = journey.base.collect(found)
    frame["steps_per_path"] = frame["steps"] / frame["present"]
    frame["tickets_per_path"] = frame["tickets"] / frame["present"]
    return frame.drop(columns=["steps", "tickets"])
