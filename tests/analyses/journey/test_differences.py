"""Differences of two segments: planted truth, coverage of the intervals, laws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics.errors import DataError, NotEnoughData
from tests.analyses.journey.paths import journey_of

GOES_ON = {"a": 0.6, "b": 0.3}  # planted: chance of A -> B


def drawn(seed, n=300):
    draw = np.random.default_rng(seed)
    paths = {}
    for side, chance in GOES_ON.items():
        for i in range(n):
            # customers differ in how long they go on, so that transitions of one are not independent
            turns = draw.integers(1, 6)
            paths[f"{side}{i:03}"] = [
                e for _ in range(turns) for e in ("A", "B" if draw.random() < chance else "C")
            ]
    return paths


@pytest.fixture(scope="module")
def difference():
    paths = drawn(1)
    made = journey_of(paths)
    sides = [[who for who in paths if who.startswith(side)] for side in "ab"]
    return made.difference(*sides)


def at(table, **wanted):
    for column, value in wanted.items():
        table = table[table[column] == value]
    return table.iloc[0]


def test_a_transition_recovers_planted_truth(difference):
    row = at(difference.transitions(), event="A", next_event="B")
    assert row["lower"] < 0.3 < row["upper"]
    assert row["upper"] - row["lower"] < 0.15
    assert row["clear"]


def test_every_view_has_intervals_and_denominators(difference):
    views = [
        difference.transitions(),
        difference.funnel(["A", "B", "C"]),
        difference.steps(after=4),
        difference.steps("B", before=1, after=2),
        difference.events(),
        difference.metrics(["B"]),
        difference.matches("A->.*->B"),
        difference.conformance(["A", "B"]),
        difference.map(within=0.001),
    ]
    for table in views:
        known = table.dropna(subset=["difference"])
        assert len(known)
        assert (known["lower"] <= known["difference"] + 1e-12).all()
        assert (known["difference"] <= known["upper"] + 1e-12).all()
        assert {"a", "b", "a_of", "b_of", "clear"} <= set(table)


def test_sides_exchanged_change_the_sign(difference):
    from crm_analytics.analyses.journey.differences import Difference

    other = Difference(difference.b, difference.a)
    for view in (lambda d: d.transitions(), lambda d: d.events(), lambda d: d.metrics()):
        key = [c for c in view(other) if c in ("event", "next_event", "metric")]
        one, two = view(difference).set_index(key).sort_index(), view(other).set_index(key).sort_index()
        pd.testing.assert_series_equal(one["difference"], -two["difference"])
        pd.testing.assert_series_equal(one["lower"], -two["upper"], check_names=False)


def test_the_mean_of_a_metric_is_that_of_the_paths(difference):
    row = at(difference.metrics(["B"]), metric="n_b")
    counts = {side: np.array([p.count("B") for w, p in drawn(1).items() if w[0] == side]) for side in "ab"}
    assert row["a"] == pytest.approx(counts["a"].mean())
    half = 1.959964 * np.sqrt(sum(c.var(ddof=1) / len(c) for c in counts.values()))
    assert row["upper"] - row["difference"] == pytest.approx(half, rel=1e-5)


@pytest.mark.slow
def test_intervals_of_transitions_cover_the_truth():
    hits = []
    for seed in range(60):
        paths = drawn(seed + 100, n=60)
        sides = [[who for who in paths if who.startswith(side)] for side in "ab"]
        row = at(journey_of(paths).difference(*sides).transitions(), event="A", next_event="B")
        hits.append(row["lower"] < 0.3 < row["upper"])
    assert 0.85 <= np.mean(hits) <= 1.0


def test_the_same_people_on_both_sides_are_refused(difference):
    made = difference.a
    with pytest.raises(DataError, match="different people"):
        made.difference(["a000", "a001"], ["a001"])


def test_thin_segments_say_how_many_are_needed(difference):
    with pytest.raises(NotEnoughData, match="30 paths"):
        difference.a.difference(["a000"], ["a001"])
