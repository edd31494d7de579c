"""Patterns and the step matrix."""

from __future__ import annotations

import re

import numpy as np
import pytest

from crm_analytics.errors import ParameterError
from tests.analyses.journey.paths import PUBLISHED, journey_of

PATTERNS = {
    "A->B": "AB",
    "A->.*->[C|D]": "A.*[CD]",
    "A->.->C": "A.C",
    "path_start->A->.*->B->path_end": "^A.*B$",
    "A->B->.*->C->.": "AB.*C.",
    "[A|B]->.*->C->path_end": "[AB].*C$",
    "path_start->.*->D": "D",
    "A->B->.*->path_end": "AB",
}


@pytest.fixture(scope="module")
def paths():
    draw = np.random.default_rng(9)
    return {f"c{i:03}": list(draw.choice(list("ABCD"), draw.integers(1, 9))) for i in range(150)}


@pytest.fixture(scope="module")
def made(paths):
    return journey_of(paths)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_matches_the_regular_expression(pattern, paths, made):
    found = made.base.collect(made.matches(pattern)).set_index("path")["matched"]
    plain = {who: bool(re.search(PATTERNS[pattern], "".join(path))) for who, path in paths.items()}
    assert found.to_dict() == plain
    assert 0 < sum(plain.values()) < len(plain)


@pytest.mark.parametrize("pattern", ["A->", "[A|B", "A->path_start", "path_end->A"])
def test_a_pattern_that_cannot_be_read_says_so(pattern):
    with pytest.raises(ParameterError, match="pattern"):
        journey_of(PUBLISHED).matches(pattern)


def test_each_step_sums_to_one():
    made = journey_of(PUBLISHED)
    for table in (made.steps(after=8), made.steps("C", before=4, after=4)):
        assert np.allclose(table.groupby("step")["share"].sum(), 1)
        assert ((table["lower"] <= table["share"]) & (table["share"] <= table["upper"])).all()


def test_steps_around_an_event_look_at_paths_that_have_it():
    table = journey_of(PUBLISHED).steps("C", before=2, after=1)
    at = table[table["step"] == 0]
    assert at["event"].tolist() == ["C"]
    assert at["of"].tolist() == [2]
    before = table[table["step"] == -1]
    assert before["event"].tolist() == ["B"]


def test_variants_fold_repeats_and_keep_every_path():
    table = journey_of({"a": ["A", "A", "B"], "b": ["A", "B"], "c": ["B"]}).variants()
    assert table["variant"].tolist() == [("A", "B"), ("B",)]
    assert table["paths"].tolist() == [2, 1]
