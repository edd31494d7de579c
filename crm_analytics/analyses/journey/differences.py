"""The difference of two segments in every view of their journeys, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.analyses.intervals import Z95, share_difference, wilson
from crm_analytics.analyses.journey.conformance import conformance
from crm_analytics.analyses.journey.event_log import STAGES
from crm_analytics.analyses.journey.funnels import Step, funnel
from crm_analytics.analyses.journey.journey_map import journey_map
from crm_analytics.analyses.journey.metrics import NUMBERS, column_of, metrics
from crm_analytics.analyses.journey.patterns import matches
from crm_analytics.analyses.journey.step_matrix import step_matrix
from crm_analytics.analyses.journey.steps import Steps
from crm_analytics.analyses.journey.transitions import edges
from crm_analytics.errors import DataError, NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

FROM_PATHS = 30  # of each side: below, a share is uncertain by 18 points and more


@dataclass(frozen=True)
class Difference(ObjectCard):
    """Journeys of two segments side by side: everything is `a` less `b`, with 95 % intervals.

    Attributes
    ----------
    a, b : the journeys
    """

    a: Steps
    b: Steps

    def transitions(self) -> pd.DataFrame:
        """Chance that `next_event` follows `event`, in both.

        Returns
        -------
        event, next_event, a, b (proba_out), a_of, b_of (transitions that leave the event), difference, lower,
        upper, clear. Paths are the sampling units: the variance is that of a ratio of sums over paths, so
        a customer with a thousand steps counts as one. Where a share is 0 or 1 its spread
        is Wilson's. Every transition of either side is in it.
        """
        one, two = _leaving(self.a), _leaving(self.b)
        both = one.merge(two, on=["event", "next_event"], how="outer", suffixes=("_a", "_b"))
        for side in "ab":
            of = both.groupby("event")[f"of_{side}"].transform("max").fillna(0)
            both[f"of_{side}"] = of.astype("int64")
            both[f"p_{side}"] = (both[f"n_{side}"].fillna(0) / of).where(of > 0)
            people = both.groupby("event")[f"people_{side}"].transform("max").fillna(0).astype("int64")
            sure = both[f"n_{side}"].isna() | (both[f"n_{side}"] == of)  # never or always: no variance seen
            spread = (both[f"var_{side}"].fillna(0.0)).to_numpy(copy=True)
            spread[sure] = [_least_variance(n) for n in people[sure]]
            both[f"var_{side}"] = spread
        gap = both["p_a"] - both["p_b"]
        half = Z95 * np.sqrt(both["var_a"] + both["var_b"])
        table = pd.DataFrame(
            {
                "event": both["event"],
                "next_event": both["next_event"],
                "a": both["p_a"],
                "b": both["p_b"],
                "a_of": both["of_a"],
                "b_of": both["of_b"],
                "difference": gap,
                "lower": (gap - half).clip(lower=-1),
                "upper": (gap + half).clip(upper=1),
            }
        )
        return _sorted(table, ["event", "next_event"])

    def funnel(self, steps: Sequence[Step], within: float | None = None) -> pd.DataFrame:
        """Share that goes on to each step: step, name, a, b, a_of, b_of, difference, lower, upper, clear."""
        one, two = funnel(self.a, steps, within), funnel(self.b, steps, within)
        return _shares(one, two, ["step", "name"], "reached")

    def steps(self, around: str | None = None, before: int = 3, after: int = 10) -> pd.DataFrame:
        """Share at each event, step by step: step, event, a, b, a_of, b_of, difference, ..., clear."""
        one, two = (step_matrix(side, around, before, after) for side in (self.a, self.b))
        return _shares(one, two, ["step", "event"], "paths")

    def events(self) -> pd.DataFrame:
        """Share of paths that have each event: event, a, b, a_of, b_of, difference, ..., clear, lift."""
        table = _shares(self.a.events(), self.b.events(), ["event"], "paths")
        table["lift"] = (table["a"] / table["b"]).where(table["b"] > 0)
        return table

    def matches(self, pattern: str) -> pd.DataFrame:
        """Share of paths that hold a pattern: pattern, a, b, a_of, b_of, difference, lower, upper, clear."""
        counted = []
        for side in (self.a, self.b):
            found = matches(side, pattern)
            row = side.base.collect(found.aggregate(n=found.matched.cast("int64").sum()))
            of = side.count()
            n = row["n"].fillna(0).astype("int64")
            counted.append(pd.DataFrame({"pattern": [pattern], "paths": n, "of": [of]}))
        return _shares(counted[0], counted[1], ["pattern"], "paths")

    def metrics(self, events: Sequence[str] = ()) -> pd.DataFrame:
        """Means of the path metrics: metric, a, b, a_of, b_of, difference, lower, upper, clear (Welch)."""
        names = [*NUMBERS, *map(column_of, events)]
        one, two = (_moments(side, names, events) for side in (self.a, self.b))
        rows = []
        for name in names:
            (n_a, a, v_a), (n_b, b, v_b) = one[name], two[name]
            half = Z95 * float(np.sqrt(v_a / n_a + v_b / n_b))
            rows.append((name, a, b, n_a, n_b, a - b, a - b - half, a - b + half))
        columns = ["metric", "a", "b", "a_of", "b_of", "difference", "lower", "upper"]
        table = pd.DataFrame(rows, columns=columns)
        table["clear"] = (table["lower"] > 0) | (table["upper"] < 0)
        return table

    def conformance(self, expected: Sequence[str]) -> pd.DataFrame:
        """How far both follow an expected journey: metric (fitness, whole), a, b, ..., clear."""
        one, two = conformance(self.a, expected), conformance(self.b, expected)
        gap, half = one.mean - two.mean, Z95 * float(np.hypot(one.error, two.error))
        low, high = share_difference(one.whole, one.of, two.whole, two.of)
        whole = (one.whole / one.of, two.whole / two.of)
        rows = [
            ("fitness", one.mean, two.mean, one.of, two.of, gap, gap - half, gap + half),
            ("whole", *whole, one.of, two.of, whole[0] - whole[1], low, high),
        ]
        columns = ["metric", "a", "b", "a_of", "b_of", "difference", "lower", "upper"]
        table = pd.DataFrame(rows, columns=columns)
        table["clear"] = (table["lower"] > 0) | (table["upper"] < 0)
        return table

    def map(self, stages: Sequence[str] = STAGES, within: float = 90) -> pd.DataFrame:
        """Who goes on from each stage of the map: stage, next_stage, a, b, a_of, ..., clear."""
        keys = ["stage", "next_stage"]
        sides = [journey_map(side, None, stages, within).stages for side in (self.a, self.b)]
        table = _shares(sides[0], sides[1], keys, "went_on")
        place = table["stage"].map({stage: k for k, stage in enumerate(stages)})
        return table.loc[place.sort_values().index].reset_index(drop=True)


def difference(journey: Steps, a: Any, b: Any) -> Difference:
    """Two segments of a journey, to compare in any view.

    Parameters
    ----------
    a, b : customers (a table with customer_id, or a list of ids); nobody may be in both

    Raises
    ------
    DataError : somebody is in both: the intervals hold for different people only
    NotEnoughData : a segment has fewer than 30 paths
    """
    one, two = journey.segment(a).kept(), journey.segment(b).kept()
    shared = one.table.semi_join(two.table, one.table.person == two.table.person)
    both = int(shared.person.nunique().to_pyarrow().as_py())
    if both:
        raise DataError(f"{both:,} customers are in both segments; a difference needs different people")
    for side, name in ((one, "first"), (two, "second")):
        if side.count() < FROM_PATHS:
            raise NotEnoughData(f"The {name} segment of a difference", side.count(), FROM_PATHS, "paths")
    return Difference(one, two)


def _leaving(side: Steps) -> pd.DataFrame:
    """Transitions with n, of and the variance of n / of, all from whole numbers summed in the engine."""
    rows = edges(side)
    each = rows.group_by("path", "event", "next_event").aggregate(n=rows.count())
    out = rows.group_by("path", "event").aggregate(m=rows.count())
    both = each.inner_join(out, ["path", "event"])
    pairs = side.base.collect(
        both.group_by("event", "next_event").aggregate(
            n=both.n.sum(), nn=(both.n * both.n).sum(), nm=(both.n * both.m).sum()
        )
    )
    froms = side.base.collect(
        out.group_by("event").aggregate(of=out.m.sum(), mm=(out.m * out.m).sum(), people=out.count())
    )
    table = pairs.merge(froms, on="event")
    p = table["n"] / table["of"]
    squares = table["nn"] - 2 * p * table["nm"] + p * p * table["mm"]
    table["var"] = squares.clip(lower=0) / table["of"].astype(float) ** 2
    return table[["event", "next_event", "n", "of", "var", "people"]]


def _least_variance(paths: int) -> float:
    """Of a share that was never (or always) seen in so many paths: half the width of Wilson's interval."""
    lower, upper = wilson(0, paths)
    return ((upper - lower) / Z95) ** 2


def _moments(side: Steps, names: Sequence[str], events: Sequence[str]) -> dict[str, tuple[int, float, float]]:
    found = metrics(side, events)
    wanted: dict[str, Any] = {}
    for name in names:
        x = found[name].cast("decimal(38, 4)").fill_null(0)
        wanted |= {f"{name}_sum": x.sum(), f"{name}_squares": (x * x).cast("decimal(38, 4)").sum()}
    row = side.base.collect(found.aggregate(n=found.count(), **wanted)).iloc[0]
    n = int(row["n"])
    moments = {}
    for name in names:
        mean = float(row[f"{name}_sum"]) / n
        moments[name] = (n, mean, max(float(row[f"{name}_squares"]) - n * mean * mean, 0.0) / (n - 1))
    return moments


def _shares(one: pd.DataFrame, two: pd.DataFrame, keys: list[str], counted: str) -> pd.DataFrame:
    columns = [*keys, counted, "of"]
    both = one[columns].merge(two[columns], on=keys, how="outer", suffixes=("_a", "_b"))
    for side, frame in (("a", one), ("b", two)):
        both[f"{counted}_{side}"] = both[f"{counted}_{side}"].fillna(0).astype("int64")
        both[f"of_{side}"] = both[f"of_{side}"].fillna(frame["of"].max()).astype("int64")
    table = both[keys].copy()
    for side in "ab":
        of = both[f"of_{side}"]
        table[side] = (both[f"{counted}_{side}"] / of).where(of > 0)
    table["a_of"], table["b_of"] = both["of_a"], both["of_b"]
    table["difference"] = table["a"] - table["b"]
    numbers = both[[f"{counted}_a", "of_a", f"{counted}_b", "of_b"]].to_numpy()
    table[["lower", "upper"]] = [share_difference(*map(int, row)) for row in numbers]
    return _sorted(table, keys)


def _sorted(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    table["clear"] = (table["lower"] > 0) | (table["upper"] < 0)
    if keys[0] == "step":
        return table.sort_values(keys, ignore_index=True)
    size = table["difference"].abs().round(12)
    order = table.assign(_size=size).sort_values(["_size", *keys], ascending=[False, *[True] * len(keys)])
    return order.drop(columns="_size").reset_index(drop=True)
