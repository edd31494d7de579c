"""The intervals of forecasts hold what they promise; docs/coverage.md has the table of 600 bases a model."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from benchmarks.interval_coverage import COVERED, band, table

PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"
FEW, BASES = 4, 600


@pytest.mark.weekly
def test_ninety_percent_intervals_hold_the_truth_in_ninety_of_a_hundred_bases() -> None:
    found = table(60, first_seed=10_001, workers=2)
    assert set(found["model"]) == set(COVERED)
    assert found["inside"].all(), found[~found["inside"]]
    # A fit that says it did not converge is no forecast; it may not happen more often than in the table.
    for model, refused in found.groupby("model")["refused"].max().items():
        share = max(refused_of_600()[str(model)], 1) / BASES
        assert refused <= binom.ppf(0.999, 60, share), model


def rows_of_the_page() -> list[list[str]]:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[1:]]  # below the head


def refused_of_600() -> dict[str, int]:
    """How many fits of each model were refused when the committed table was made."""
    return {row[0]: int(row[-1]) for row in rows_of_the_page()}


@pytest.mark.slow
@pytest.mark.parametrize("model", COVERED)
def test_first_bases_made_anew_agree_with_the_committed_table(model: str) -> None:
    """The same seeds: what was held and missed in the first bases is among what was in all of them."""
    found = table(FEW, models=[model]).set_index("interval")
    committed = {row[1]: row for row in rows_of_the_page() if row[0] == model}
    assert set(found.index) == set(committed)
    for interval, row in found.iterrows():
        _, _, bases, held, _, counts, _, refused = committed[str(interval)]
        assert tuple(map(int, re.findall(r"\d+", counts))) == band(int(bases))
        assert int(bases) + int(refused) >= BASES
        assert row["held"] <= int(held), interval
        assert row["of"] - row["held"] <= int(bases) - int(held), interval
        assert row["refused"] <= int(refused), interval
        assert row["inside"], interval


def simulated(chance: float, seed: int) -> dict[str, bool]:
    """An interval that holds with this chance, whatever it promises."""
    return {"total": bool(np.random.default_rng(seed).random() < chance)}


@pytest.mark.parametrize(("chance", "inside"), [(0.90, True), (0.83, False), (0.96, False)])
def test_a_wrong_promise_is_seen_and_a_kept_one_is_not(
    chance: float, inside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(COVERED, "promise", functools.partial(simulated, chance))
    assert table(BASES, models=["promise"])["inside"].tolist() == [inside]
