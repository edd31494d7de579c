"""The set size under attack: everything published, added and taken from each other in every way."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses.disclosure import OTHERS, publishable
from crm_analytics.errors import ParameterError

MINIMUM = 5
REGIONS, AGES = list("NSEWX"), ["-30", "-60", "60+"]


def people(chance: np.random.Generator, number: int, nested: bool = False) -> pd.DataFrame:
    """Customers with attributes; `nested`: the age follows from the region but for a few."""
    region = chance.choice(REGIONS, number, p=chance.dirichlet([0.6] * 5))
    age = chance.choice(AGES, number, p=chance.dirichlet([0.6] * 3))
    if nested:
        follows = chance.random(number) < 0.9
        age = np.where(follows, np.array(AGES)[[REGIONS.index(r) % 3 for r in region]], age)
    return pd.DataFrame({"region": region, "age": age, "revenue": chance.gamma(2, 50, number).round(2)})


def grouped(base: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    counted = base.assign(customers=1)
    columns = ["customers", *[c for c in ("revenue", "moved") if c in base]]
    return counted.groupby(by, as_index=False)[columns].sum()


def recoded(base: pd.DataFrame, shown: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Each customer's published groups: what an attacker who knows the merges would assume."""
    made = base.copy()
    for attribute in by:
        kept = set(shown[attribute]) - {OTHERS}
        made[attribute] = made[attribute].where(made[attribute].isin(kept), OTHERS)
    return made


def smallest_left_over(published: list[np.ndarray]) -> int:
    """The attack: all sums and differences of published rows; how few customers one of them singles out.

    A published row is a vector over what there is to know (a customer's value); a combination that leaves
    few of them tells about those few.
    """
    rows = np.unique(np.array(published), axis=0)
    best = rows.shape[1]
    for signs in itertools.product((-1, 0, 1), repeat=min(len(rows), 9)):
        left = np.count_nonzero(np.array(signs) @ rows[: len(signs)])
        if left:
            best = min(best, left)
    return best


def vectors(base: pd.DataFrame, by: list[str]) -> list[np.ndarray]:
    """The published rows of a breakdown, and the total that stands on every page."""
    groups = [(base[by] == key).all(axis=1).to_numpy(int) for key in base[by].drop_duplicates().to_numpy()]
    return [np.ones(len(base), int), *groups]


@pytest.mark.parametrize("seed", range(25))
def test_total_minus_rest_singles_out_nobody(seed: int) -> None:
    chance = np.random.default_rng(seed)
    base = people(chance, int(chance.integers(5, 80)))
    shown = publishable(grouped(base, ["region"]), "region", minimum=MINIMUM)
    assert shown["customers"].sum() == len(base)
    assert smallest_left_over(vectors(recoded(base, shown, ["region"]), ["region"])) >= MINIMUM


@pytest.mark.parametrize("seed", range(15))
def test_two_breakdowns_crossed_single_out_nobody(seed: int) -> None:
    chance = np.random.default_rng(seed)
    base = people(chance, int(chance.integers(20, 150)), nested=True)
    by = ["region", "age"]
    shown = publishable(grouped(base, by), by, minimum=MINIMUM)
    told = recoded(base, shown, by)
    everything = vectors(told, ["region"]) + vectors(told, ["age"])
    assert smallest_left_over(everything) >= MINIMUM
    cells = vectors(told, by)  # the table of both is finer than either: its rows are the cells themselves
    assert min(v.sum() for v in cells) >= MINIMUM
    assert (np.sum(cells[1:], axis=0) == 1).all()


def test_attack_succeeds_where_two_breakdowns_are_made_apart() -> None:
    """Why all attributes go into one call: age 60+ lives in the north but for one."""
    base = pd.DataFrame({"region": ["N"] * 20 + ["S"] * 21, "age": ["60+"] * 21 + ["-60"] * 20})
    apart = vectors(base, ["region"]) + vectors(base, ["age"])
    assert all(len(publishable(grouped(base, [a]), a)) == 2 for a in ("region", "age"))
    assert smallest_left_over(apart) == 1
    together = publishable(grouped(base, ["region", "age"]), ["region", "age"])
    told = recoded(base, together, ["region", "age"])
    assert smallest_left_over(vectors(told, ["region"]) + vectors(told, ["age"])) >= MINIMUM


def test_attack_succeeds_where_one_small_group_alone_is_left_out() -> None:
    base = pd.DataFrame({"region": ["N"] * 20 + ["S"] * 20 + ["E"] * 2})
    naive = [v for v in vectors(base, ["region"]) if v.sum() >= MINIMUM]
    assert smallest_left_over(naive) == 2


@pytest.mark.parametrize("seed", range(25))
def test_neighbouring_days_single_out_nobody(seed: int) -> None:
    chance = np.random.default_rng(seed)
    today = people(chance, int(chance.integers(20, 120)))
    new = chance.random(len(today)) < chance.choice([0.02, 0.1, 0.3])
    bought = chance.random(len(today)) < chance.choice([0.0, 0.05, 0.3])
    today["moved"] = (new | bought).astype(int)
    yesterday = today[~new].drop(columns="moved")
    first = publishable(grouped(yesterday, ["region"]), "region", minimum=MINIMUM)
    counts = ["customers", "moved"]
    second = publishable(grouped(today, ["region"]), "region", count=counts, minimum=MINIMUM, before=first)
    if len(second) == 0:
        return
    # What there is to know: each customer's value yesterday, and today's where it moved.
    number, moved = len(today), today["moved"].to_numpy(bool)
    rows = vectors(recoded(today, second, ["region"]), ["region"])
    published = [np.concatenate([np.where(moved, 0, row), np.where(moved, row, 0)]) for row in rows]
    for row in vectors(recoded(yesterday, first, ["region"]), ["region"]) if len(first) else []:
        whole = np.zeros(number, int)
        whole[~new] = row
        published.append(np.concatenate([whole, np.zeros(number, int)]))
    if 0 < moved.sum() < MINIMUM:
        pytest.fail("a page must not be shown where all that moved are too few")
    assert smallest_left_over(published) >= MINIMUM


def test_attack_succeeds_where_groups_merged_yesterday_stand_alone_today() -> None:
    """Why the page before is given: yesterday (d, e) and c, today d and (c, e): without c, e is left."""
    yesterday = pd.DataFrame({"region": list("abcde"), "customers": [20, 20, 6, 4, 4]})
    today = yesterday.assign(customers=[20, 20, 6, 9, 4], moved=[0, 0, 0, 5, 0])
    counts = ["customers", "moved"]
    first = publishable(yesterday, "region")
    assert first["region"].tolist() == ["a", "b", "c", "others"]
    careless = publishable(today, "region", count=counts)
    assert careless["region"].tolist() == ["a", "b", "d", "others"]
    assert careless["customers"].iloc[-1] - first["customers"].iloc[2] == 4
    careful = publishable(today, "region", count=counts, before=first)
    assert careful["region"].tolist() == ["a", "b", "c", "others"]


@pytest.mark.parametrize("seed", range(12))
def test_sums_are_kept_and_order_of_rows_changes_nothing(seed: int) -> None:
    chance = np.random.default_rng(seed)
    frame = grouped(people(chance, 100), ["region", "age"])
    shown = publishable(frame, ["region", "age"])
    assert shown["revenue"].sum() == pytest.approx(frame["revenue"].sum())
    assert (shown["customers"] >= MINIMUM).all()
    mixed = publishable(frame.sample(frac=1, random_state=seed), ["region", "age"])
    keys = ["region", "age"]
    pd.testing.assert_frame_equal(
        shown.sort_values(keys, ignore_index=True), mixed.sort_values(keys, ignore_index=True)
    )


def test_nothing_is_hidden_where_all_groups_are_large() -> None:
    frame = pd.DataFrame({"region": ["b", "a"], "customers": [5, 6]})
    pd.testing.assert_frame_equal(publishable(frame, "region"), frame, check_dtype=False)


def test_unknown_attributes_are_others_and_empty_groups_are_left_out() -> None:
    frame = pd.DataFrame({"region": ["a", None, "c"], "customers": [9, 7, 0]})
    assert publishable(frame, "region")["region"].tolist() == ["a", "others"]


def test_fewer_than_the_set_size_in_all_shows_nothing() -> None:
    assert publishable(pd.DataFrame({"region": ["a", "b"], "customers": [2, 2]}), "region").empty
    assert publishable(pd.DataFrame({"region": [], "customers": pd.Series([], dtype=int)}), "region").empty


@pytest.mark.parametrize(
    ("frame", "by", "more", "says"),
    [
        ({"region": ["a"], "customers": [1]}, "age", {}, "no column 'age'"),
        ({"region": ["a"]}, "region", {}, "no column 'customers'"),
        ({"region": ["a"], "who": ["Ann"], "customers": [9]}, "region", {}, "'who' cannot be summed"),
        ({"region": ["a"], "customers": [-1]}, "region", {}, "0 or more"),
        ({"region": ["a"], "customers": [1]}, "region", {"minimum": 1}, "2 or more"),
    ],
)
def test_wrong_breakdown_says_what_is_wrong(frame: dict, by: str, more: dict, says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        publishable(pd.DataFrame(frame), by, **more)
