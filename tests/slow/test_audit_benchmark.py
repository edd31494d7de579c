"""The audit stays linear in rows and within its memory; seconds are for a quiet machine, not for a test."""

from __future__ import annotations

import pytest

from benchmarks import audit

SMALL, LARGE = 50_000, 200_000
MILLION = 1_000_000

pytestmark = [pytest.mark.slow, pytest.mark.alone]


@pytest.fixture(scope="module")
def found() -> dict[int, dict]:
    return {customers: audit.run(customers) for customers in (SMALL, LARGE)}


def test_seconds_per_row_do_not_grow(found):
    per_row = {n: sum(f["seconds"].values()) / f["rows"] for n, f in found.items()}
    assert per_row[LARGE] <= 1.3 * per_row[SMALL]  # a quadratic step would make it 4


def test_a_million_customers_would_stay_within_the_memory(found):
    growth = max(0.0, found[LARGE]["gib"] - found[SMALL]["gib"]) / (LARGE - SMALL)
    assert found[LARGE]["gib"] + growth * (MILLION - LARGE) <= audit.GOAL
