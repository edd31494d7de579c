"""The intervals of forecasts hold what they promise; docs/coverage.md has the table of 600 bases a model."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.interval_coverage import BANDS, TRUTH, band, table

pytestmark = pytest.mark.slow
PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"


def test_ninety_percent_intervals_hold_the_truth_in_ninety_of_a_hundred_bases() -> None:
    found = table(60, first_seed=10_001)
    assert len(found) == len(TRUTH) * (len(BANDS) + 1)
    assert found["inside"].all(), found[~found["inside"]]
    assert (found["refused"] <= 3).all()


def test_the_committed_table_is_of_600_bases_and_all_inside() -> None:
    rows = [
        line.split("|")[1:-1] for line in PAGE.read_text(encoding="utf-8").splitlines() if "NBD |" in line
    ]
    assert len(rows) == len(TRUTH) * (len(BANDS) + 1)
    for model, _, bases, held, _, counts, inside, refused in ([c.strip() for c in row] for row in rows):
        assert int(bases) + int(refused) >= 600, model
        low, high = map(int, re.findall(r"\d+", counts))
        assert (low, high) == band(int(bases))
        assert (inside == "yes") == (low <= int(held) <= high)
        assert inside == "yes", (model, held)


def test_a_wrong_promise_would_be_seen() -> None:
    """With the band of 600 bases an interval that holds 85 of 100 is found out nearly always."""
    low, _ = band(600)
    assert low > 600 * 0.855
