"""No hidden count can be narrowed below k: by a linear programme over all totals, of one page or of two.

The attacker here is written apart from the code under test, and reads nothing but what is published.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog
from scipy.sparse import csr_array, eye_array, kron

from crm_analytics.analyses.cell_suppression import FRESH, HIDDEN, KEPT, suppress
from crm_analytics.errors import ParameterError

RESULT = Path(__file__).parents[1] / "data" / "cell_suppression_attacks.json"
TWO = [("a", "b"), ("a",), ("b",), ()]
MANY = 10_000
THREE = [("a", "b"), ("a", "c"), ("a",), ("b",), ("c",), ()]


def random_cells(draw: np.random.Generator) -> tuple[pd.DataFrame, list[tuple[str, ...]]]:
    """A table of two attributes or three, sparse or full, with small and large counts."""
    attributes = "ab" if draw.random() < 0.7 else "abc"
    sizes = [range(int(draw.integers(2, 5 if len(attributes) == 2 else 4))) for _ in attributes]
    frame = pd.DataFrame(list(itertools.product(*sizes)), columns=list(attributes)).astype(str)
    mean = draw.choice([2.0, 8.0, 40.0])
    people = draw.poisson(mean * draw.gamma(0.7, 1.5, len(frame)))
    frame["people"] = np.where(draw.random(len(frame)) < 0.15, 0, people)
    return frame, TWO if attributes == "ab" else THREE


def sums(cells: pd.DataFrame, found: pd.DataFrame) -> np.ndarray:
    """Which cells each number sums: read off its attributes."""
    names = [name for name in found if name not in ("value", "state")]
    numbers, each = found[names].to_numpy(object), cells[names].to_numpy(object)
    return ((numbers[:, None] == "*") | (numbers[:, None] == each[None])).all(axis=2).astype(float)


def widths(aims: np.ndarray, equal: tuple, within: tuple | None = None) -> np.ndarray | None:
    """Largest less least value of each sum under what is known; None where nothing fits what is known.

    Every end of every sum is a programme of its own; they are solved side by side, as blocks of one.
    """
    count, size = aims.shape
    if not count:
        return np.zeros(0)

    def side_by_side(system: tuple) -> tuple:
        return kron(eye_array(2 * count), csr_array(system[0]), format="csr"), np.tile(system[1], 2 * count)

    known = dict(zip(("A_eq", "b_eq"), side_by_side(equal), strict=True)) if len(equal[1]) else {}
    if within is not None and len(within[1]):
        known |= dict(zip(("A_ub", "b_ub"), side_by_side(within), strict=True))
    solved = linprog(np.vstack([aims, -aims]).ravel(), **known, bounds=(0, 1e5), method="highs")
    if solved.status == 2:
        return None
    parts = solved.x.reshape(2, count, size)
    return (aims * (parts[1] - parts[0])).sum(axis=1)


def narrowed(cells: pd.DataFrame, found: pd.DataFrame, k: int) -> list[str]:
    """Hidden numbers of one publication that its other numbers narrow below k."""
    atoms, hidden = sums(cells, found), (found["state"] == HIDDEN).to_numpy()
    found_widths = widths(atoms[hidden], (atoms[~hidden], found["value"].to_numpy()[~hidden]))
    return words_of("one page", found[hidden], found_widths, k)


def words_of(reading: str, hidden: pd.DataFrame, found: np.ndarray | None, k: int) -> list[str]:
    """The numbers that are narrowed, for a message."""
    if found is None:
        return []
    pairs = zip(hidden.to_dict("records"), found, strict=True)
    return [f"{reading}: {row} within {wide:.1f}" for row, wide in pairs if wide < k - 1e-3]


def differenced(cells: pd.DataFrame, first: pd.DataFrame, second: pd.DataFrame, k: int) -> list[str]:
    """What two pages together narrow, under the two strongest readings of a number that did not move.

    Either it moved by up to k - 1 unseen; or nobody moved but where a number says so.
    """
    atoms, n = sums(cells, first), len(cells)
    shown = [(page["state"] != HIDDEN).to_numpy() for page in (first, second)]
    value = [page["value"].to_numpy() for page in (first, second)]
    fresh = (second["state"] == FRESH).to_numpy()
    kept = (second["state"] == KEPT).to_numpy()
    zero = np.zeros_like(atoms)
    then, now = np.hstack([atoms, zero]), np.hstack([zero, atoms])
    certain = (np.vstack([then[shown[0]], now[fresh]]), np.concatenate([value[0][shown[0]], value[1][fresh]]))
    unseen = (
        np.vstack([now[kept], -now[kept]]),
        np.concatenate([value[1][kept] + k - 1, k - 1 - value[1][kept]]),
    )
    still = atoms[fresh].sum(axis=0) == 0
    same = np.hstack([np.eye(n), -np.eye(n)])[still]
    static = (
        np.vstack([certain[0], now[kept], same]),
        np.concatenate([certain[1], value[1][kept], np.zeros(still.sum())]),
    )
    broken = []
    for page, aims in ((first, then), (second, now)):
        hidden = (page["state"] == HIDDEN).to_numpy()
        found = widths(aims[hidden], static)
        if found is None:  # somebody moved unseen, and the attacker learns that much
            found = widths(aims[hidden], certain, unseen)
        broken += words_of("two pages", page[hidden], found, k)
    return broken


def two_days(seed: int) -> tuple[pd.DataFrame, pd.DataFrame, list[tuple[str, ...]], int]:
    """Random cells, the same a little later, the tables published of them, and the least count."""
    draw = np.random.default_rng([20, seed])
    cells, tables = random_cells(draw)
    k = int(draw.choice([3, 5, 10]))
    moves = draw.poisson(draw.choice([0.0, 0.3, 2.0, 12.0]), len(cells)) * draw.choice([-1, 1, 1], len(cells))
    return cells, cells.assign(people=(cells["people"] + moves).clip(lower=0)), tables, k


def attack(seeds: range) -> dict[str, int]:
    """Publish random tables, change them a little, publish again; attack each page and both."""
    counted = {"tables": 0, "hidden": 0, "narrower": 0, "narrower_by_two_pages": 0}
    for seed in seeds:
        cells, later, tables, k = two_days(seed)
        first = suppress(cells, tables, k=k)
        second = suppress(later, tables, k=k, before=first)
        counted["tables"] += 1
        counted["hidden"] += int((first["state"] == HIDDEN).sum())
        counted["narrower"] += len(narrowed(cells, first, k))
        counted["narrower_by_two_pages"] += len(differenced(cells, first, second, k))
    return counted


@pytest.mark.thorough
def test_no_programme_narrows_a_hidden_count_below_k_law() -> None:
    found = attack(range(150))
    assert found["hidden"] > 500
    assert (found["narrower"], found["narrower_by_two_pages"]) == (0, 0)


@pytest.mark.weekly
def test_ten_thousand_random_tables_are_attacked_in_vain_law() -> None:
    committed = json.loads(RESULT.read_text(encoding="utf-8"))
    assert attack(range(committed["tables"])) == committed
    rest = attack(range(committed["tables"], MANY))
    assert (rest["narrower"], rest["narrower_by_two_pages"]) == (0, 0)


def test_the_committed_attacks_found_nothing_law() -> None:
    """The file says how many tables were attacked; the weekly lane goes on from there to ten thousand."""
    committed = json.loads(RESULT.read_text(encoding="utf-8"))
    assert 1_000 <= committed["tables"] <= MANY
    assert committed["hidden"] > committed["tables"]
    assert committed["narrower"] == committed["narrower_by_two_pages"] == 0


def test_the_attacker_breaks_a_page_that_hides_small_cells_alone() -> None:
    cells = pd.DataFrame({"a": ["n", "n", "s", "s"], "b": ["y", "o", "y", "o"], "people": [3, 40, 30, 50]})
    careful = suppress(cells, TWO, k=5)
    naive = careful.assign(value=[3, 40, 30, 50, 43, 80, 33, 90, 123.0], state=FRESH)
    naive.loc[0, ["value", "state"]] = [np.nan, HIDDEN]
    assert len(narrowed(cells, naive, 5)) == 1
    assert narrowed(cells, careful, 5) == []


@pytest.mark.parametrize("seed", [11, 51])
def test_the_attacker_breaks_two_pages_that_are_careful_one_by_one(seed: int) -> None:
    cells, later, tables, k = two_days(seed)
    first = suppress(cells, tables, k=k)
    alone = suppress(later, tables, k=k)
    assert narrowed(later, alone, k) == []
    assert differenced(cells, first, alone, k)
    assert differenced(cells, first, suppress(later, tables, k=k, before=first), k) == []


def test_shown_numbers_are_true_and_hidden_ones_are_empty_law() -> None:
    for seed in range(40):
        cells, tables = random_cells(np.random.default_rng(seed))
        found = suppress(cells, tables, k=5)
        true = sums(cells, found) @ cells["people"].to_numpy()
        shown = (found["state"] == FRESH).to_numpy()
        assert np.array_equal(found["value"].to_numpy()[shown], true[shown])
        assert found["value"][~shown].isna().all()
        assert not ((true > 0) & (true < 5) & shown).any()


def test_the_order_of_cells_changes_nothing_law() -> None:
    cells, tables = random_cells(np.random.default_rng(4))
    keys = ["a", "b", "c"] if "c" in cells else ["a", "b"]
    one = suppress(cells, tables, k=5).sort_values(keys, ignore_index=True)
    other = suppress(cells.iloc[::-1], tables, k=5).sort_values(keys, ignore_index=True)
    assert one["state"].tolist() == other["state"].tolist()


@pytest.mark.parametrize(
    ("people", "k", "said"),
    [([1.5], 5, "whole numbers"), ([-1], 5, "0 or more"), ([3], 1, "2 or more")],
)
def test_cells_that_are_no_counts_says_so(people: list[float], k: int, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        suppress(pd.DataFrame({"a": ["x"], "people": people}), [("a",)], k=k)
