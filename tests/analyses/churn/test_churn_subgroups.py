"""Groups for which the model errs more: planted ones are found, chance is not, few customers stay hidden."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses.churn.measures.measures import auc, calibration_error
from crm_analytics.analyses.churn.measures.subgroups import subgroups
from crm_analytics.errors import NotEnoughData, ParameterError


def customers(seed: int, n: int = 3000) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Calibrated probabilities, and attributes that have nothing to do with anything."""
    rng = np.random.default_rng(seed)
    p = rng.beta(2, 4, n)
    frame = pd.DataFrame({"region": rng.choice(list("abcd"), n), "age": rng.choice(["<40", "40+"], n)})
    return rng.random(n) < p, p, frame


@pytest.mark.slow
def test_groups_without_any_difference_are_seldom_said_to_differ() -> None:
    wrong = sum(subgroups(*customers(seed)).table["differs"].any() for seed in range(100))
    assert wrong <= 11  # 5 % of 100 are allowed; more happen once in a hundred times


def test_check_recovers_planted_truth() -> None:
    left, p, frame = customers(1)
    chance = np.random.default_rng(2)
    odd = (frame["region"] == "c").to_numpy()
    said = np.where(odd, np.clip(p + 0.15, 0, 1), p)
    row = subgroups(left, said, frame).table.set_index("group").loc["c"]
    assert row["differs"]
    assert row["lower"] <= -0.15 <= row["upper"]
    assert "fewer left than was said" in row["how"]
    blind = np.where(odd, chance.permutation(p), p)  # equal in the mean, but tells nothing
    found = subgroups(left, blind, frame)
    row = found.table.set_index("group").loc["c"]
    assert row["differs"]
    assert row["auc_lower"] <= 0.5 <= row["auc_upper"]
    assert "leavers are told worse" in found.words
    assert "region c" in found.words


def test_numbers_of_a_group_are_those_of_its_customers() -> None:
    left, p, frame = customers(3)
    table = subgroups(left, p, frame[["region"]]).table
    for row in table.to_dict("records"):
        own = (frame["region"] == row["group"]).to_numpy()
        assert row["n"] == own.sum()
        assert row["churned"] == left[own].sum()
        assert [row["auc"], row["auc_lower"], row["auc_upper"]] == pytest.approx(list(auc(left[own], p[own])))
        assert row["calibration_error"] == pytest.approx(calibration_error(left[own], p[own]).value)
    assert table["n"].sum() == len(left)


def test_order_of_rows_and_of_columns_plays_no_part() -> None:
    left, p, frame = customers(4)
    mixed = np.random.default_rng(5).permutation(len(left))
    one, other = subgroups(left, p, frame), subgroups(left[mixed], p[mixed], frame.iloc[mixed])
    pd.testing.assert_frame_equal(one.table, other.table, check_exact=True)


def test_small_groups_are_among_the_others() -> None:
    left, p, frame = customers(6, 300)
    region = frame["region"].copy()
    region[:3] = "island"
    region[3:9] = None
    found = subgroups(left, p, region, minimum=10)
    assert "island" not in found.table["group"].tolist()
    assert found.table["n"].min() >= 10
    assert found.table["n"].sum() == 300
    loose = subgroups(left, p, region, minimum=2).table.set_index("group")
    assert loose.loc["island", "n"] == 3
    assert loose.loc["unknown", "n"] == 6
    assert loose.loc["island", "thin"]
    assert np.isnan(loose.loc["island", "p_auc"])  # too few to compare
    assert not loose.loc["island", "differs"]


def test_a_group_where_nobody_left_has_an_interval_of_more_than_nothing() -> None:
    left, p = np.r_[np.zeros(60), np.ones(30), np.zeros(60)], np.full(150, 0.2)
    table = subgroups(left, p, ["quiet"] * 60 + ["loud"] * 90).table.set_index("group")
    assert table.loc["quiet", "upper"] - table.loc["quiet", "lower"] > 0.1
    assert np.isnan(table.loc["quiet", "auc"])


def test_refusals_say_what_and_where() -> None:
    left, p, frame = customers(7, 100)
    with pytest.raises(ParameterError, match="100 customers and 99 rows"):
        subgroups(left, p, frame.iloc[:99])
    with pytest.raises(NotEnoughData, match="check of groups"):
        subgroups(np.zeros(100), p, frame)
    with pytest.raises(NotEnoughData, match="at least 200"):
        subgroups(left, p, frame, minimum=200)
    with pytest.raises(ParameterError, match="between 0 and 1"):
        subgroups(left, p * 3, frame)
