"""Funnels: earliest match, gaps, limits, laws."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from crm_analytics.errors import ParameterError
from tests.analyses.journey.paths import PUBLISHED, journey_of

DAY = 1440


def reached(paths, steps, within=None, minutes=1):
    return journey_of(paths, minutes).funnel(steps, within)["reached"].tolist()


def plainly(path, steps):
    """The greedy match in plain Python."""
    left = iter(path)
    return sum(1 for _ in itertools.takewhile(bool, (step in left for step in steps)))


def test_a_funnel_matches_the_plain_search():
    draw = np.random.default_rng(4)
    paths = {f"c{i}": list(draw.choice(list("ABCD"), draw.integers(1, 9))) for i in range(60)}
    for steps in (["A", "B", "C"], ["A", "A", "B"], ["D", "C", "B", "A"]):
        far = [plainly(path, steps) for path in paths.values()]
        assert reached(paths, steps) == [sum(n >= k for n in far) for k in range(1, len(steps) + 1)]


def test_one_step_is_never_two():
    assert reached({"a": ["A"], "b": ["A", "A"]}, ["A", "A"]) == [2, 1]


def test_counts_fall_and_denominators_stand_in_the_row():
    table = journey_of(PUBLISHED).funnel(["A", "B", "C"])
    assert table["of"].tolist() == [3, 2, 2]
    assert table["reached"].is_monotonic_decreasing
    assert (table["of"] - table["reached"] == table["dropped"]).all()


def test_a_limit_counts_the_customer_who_came_back_in_time():
    path = {"late": ["A", "X", "X", "B"], "back": ["A", "X", "X", "A", "B"]}
    assert reached(path, ["A", "B"], within=2, minutes=DAY) == [2, 1]
    assert reached(path, ["A", "B"], within=3, minutes=DAY) == [2, 2]
    assert reached(path, ["A", "B"], minutes=DAY) == [2, 2]


def test_times_are_days_since_the_first_step():
    table = journey_of({"a": ["A", "X", "B"], "b": ["A", "X", "B"]}, minutes=DAY).funnel(["A", "B"])
    assert table["time_median"].tolist() == [0, 2]


def test_any_of_several_events_reaches_a_step():
    assert reached({"a": ["A", "C"], "b": ["B", "C"], "c": ["C"]}, [("A", "B"), "C"]) == [2, 2]


def test_those_who_stopped_can_be_listed():
    from crm_analytics.analyses.journey.funnels import stopped_before

    made = journey_of({"a": ["A", "B"], "b": ["A"], "c": ["B"]})
    assert made.base.collect(stopped_before(made, ["A", "B"], 2))["customer_id"].tolist() == ["b"]


def test_an_unknown_event_says_the_nearest():
    with pytest.raises(ParameterError, match="Product Viewed"):
        journey_of({"a": ["Product Viewed"]}).funnel(["Product Vewed"])
