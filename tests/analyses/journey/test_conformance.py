"""Expected against actual journeys."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from crm_analytics.errors import ParameterError
from tests.analyses.journey.paths import PUBLISHED, journey_of


def plain(path, expected):
    """The longest common subsequence as in every textbook."""

    @functools.cache
    def best(i, j):
        if not i or not j:
            return 0
        if path[i - 1] == expected[j - 1]:
            return best(i - 1, j - 1) + 1
        return max(best(i - 1, j), best(i, j - 1))

    return best(len(path), len(expected))


@pytest.mark.parametrize("expected", ["ABCD", "AABB", "DCA"])
def test_the_common_order_matches_the_textbook(expected):
    draw = np.random.default_rng(6)
    paths = {f"c{i:02}": list(draw.choice(list("ABCD"), draw.integers(1, 10))) for i in range(70)}
    made = journey_of(paths)
    found = made.conformance(list(expected))
    table = made.base.collect(found.paths).set_index("path")
    right = {who: plain(path, expected) for who, path in paths.items()}
    assert table["in_order"].to_dict() == right
    assert (table["edits"] == table["length"] + len(expected) - 2 * table["in_order"]).all()
    assert found.mean == pytest.approx(np.mean([n / len(expected) for n in right.values()]))
    assert found.lower <= found.mean <= found.upper


def test_the_expected_journey_itself_fits_wholly():
    found = journey_of({"a": ["A", "B"], "b": ["A", "B"]}).conformance(["A", "B"])
    assert (found.mean, found.whole, found.of) == (1.0, 2, 2)


def test_steps_say_where_it_is_left():
    found = journey_of(PUBLISHED).conformance(["A", "B", "C"])
    assert found.steps["taken"].tolist() == [2, 3, 2]
    assert found.steps["in_turn"].tolist() == [2, 2, 2]


def test_an_empty_expectation_is_refused():
    with pytest.raises(ParameterError, match="1 to 30"):
        journey_of({"a": ["A"]}).conformance([])
