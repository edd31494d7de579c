from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses.lifecycle.forecasting import _ahead, forecast
from crm_analytics.analyses.lifecycle.stage_history import stages
from crm_analytics.errors import NotEnoughData, ParameterError


@pytest.fixture(scope="module")
def staged(base):
    return stages(base)


@pytest.fixture(scope="module")
def ahead(staged):
    return forecast(staged)


def test_nobody_is_lost_and_newcomers_come_on_top(ahead, staged):
    total = ahead.sizes.groupby("period")["customers"].sum()
    known = staged.sizes["customers"].sum()
    np.testing.assert_allclose(total.iloc[-1], known + ahead.newcomers * total.index[-1], rtol=1e-6)
    assert total.iloc[0] >= known
    assert (total.diff().dropna() >= 0).all()
    assert (ahead.sizes["lower"] <= ahead.sizes["customers"]).all()
    assert (ahead.sizes["customers"] <= ahead.sizes["upper"]).all()


def test_the_check_is_the_forecast_of_that_day(ahead, staged):
    then = staged.base.day - timedelta(days=3 * ahead.every)
    made = forecast(stages(staged.base.as_of(then), staged.rules)).sizes
    made = made[made["period"] == 3].set_index("stage")
    check = ahead.check.set_index("stage").loc[made.index]
    np.testing.assert_allclose(check["expected"], made["customers"], atol=1e-5)
    np.testing.assert_allclose(check["lower"], made["lower"], atol=1e-5)
    assert check["actual"].to_dict() == staged.sizes.set_index("stage")["customers"].loc[made.index].to_dict()


def test_the_forecast_beats_leaving_all_as_it_was(ahead):
    ours, naive = ahead.errors
    assert ours < naive
    assert ahead.check["inside"].mean() > 0.6


def test_stages_that_end_after_fixed_days_are_foretold_to_the_head():
    """100 in A for 0, 1, 2 periods each; all leave A after the third, as a chain over stages cannot say."""
    rows = []
    for back in range(6):
        rows += [(back, "", -1, "A", 0, 100), (back, "A", 0, "A", 1, 100), (back, "A", 1, "A", 2, 100)]
        rows += [(back, "A", 2, "B", 0, 100)]
        rows += [(back, "B", 0, "B", 1, 100)]
    moves = pd.DataFrame(rows, columns=["back", "from_stage", "from_age", "stage", "age", "n"])
    moves = moves[~((moves["stage"] == "B") & (moves["age"] == 1))]
    sizes, newcomers, learned = _ahead(moves, 0, 2, 13, ["A", "B"])
    assert (newcomers, learned) == (100, 6)
    assert sizes[sizes["stage"] == "A"]["customers"].tolist() == [300, 300]
    assert sizes[sizes["stage"] == "B"]["customers"].tolist() == [200, 300]


def test_two_state_chain_recovers_planted_truth():
    """Chances 0.2 and 0.1, whatever the age: sizes follow x P^t."""
    rows = []
    for back in range(8):
        for age in range(14):
            older = min(age + 1, 13)
            rows += [(back, "A", age, "A", older, 800), (back, "A", age, "B", 0, 200)]
            rows += [(back, "B", age, "B", older, 900), (back, "B", age, "A", 0, 100)]
    moves = pd.DataFrame(rows, columns=["back", "from_stage", "from_age", "stage", "age", "n"])
    sizes, _, _ = _ahead(moves, 0, 5, 13, ["A", "B"])
    now = sizes[sizes["period"] == 1]["now"].to_numpy(dtype=float)
    truth = now @ np.linalg.matrix_power(np.array([[0.8, 0.2], [0.1, 0.9]]), 5)
    found = sizes[sizes["period"] == 5]
    np.testing.assert_allclose(found["customers"], truth, rtol=1e-9)
    assert (found["upper"] - found["lower"]).min() > 0


def moves_of(chance):
    """Moves between A and B in which so many of A leave in each period back; all of B come back."""
    rows = []
    for back in range(39):
        leave = round(1000 * chance(back))
        for age in range(14):
            older = min(age + 1, 13)
            rows += [(back, "A", age, "A", older, 1000 - leave), (back, "A", age, "B", 0, leave)]
            rows += [(back, "B", age, "A", 0, 500)]
    return pd.DataFrame(rows, columns=["back", "from_stage", "from_age", "stage", "age", "n"])


def test_a_season_comes_again_as_last_year():
    """Half of A leave in one period of thirteen, the next one: the mean of last year says less."""
    moves = moves_of(lambda back: 0.5 if back % 13 == 12 else 0.05)
    sizes, _, _ = _ahead(moves, 0, 1, 13, ["A", "B"])
    gone, lately = sizes[sizes["stage"] == "B"].iloc[0], 14 * 1000 * (0.5 + 12 * 0.05) / 13
    came = 14 * 1000 * 0.5  # all of A stand in states of 1,000 each when the last period begins
    assert gone["lower"] <= came <= gone["upper"]
    assert abs(gone["customers"] - came) < 0.5 * abs(lately - came)


def test_periods_that_differ_without_a_season_widen_the_forecast():
    rng = np.random.default_rng(1)
    wild = 0.05 + 0.4 * rng.random(39)
    widths = []
    for chance in (lambda _: 0.25, lambda back: wild[back]):
        sizes, _, _ = _ahead(moves_of(chance), 0, 1, 13, ["A", "B"])
        widths.append(float((sizes["upper"] - sizes["lower"]).iloc[0]))
    assert widths[1] > 2 * widths[0]


def test_forecast_says_how_many_periods_it_needs(staged):
    with pytest.raises(NotEnoughData, match="at least 4 periods of 30w"):
        forecast(staged, every="30w")


@pytest.mark.parametrize("wrong", [{"periods": 0}, {"window": 2}, {"every": "x"}])
def test_forecast_says_what_it_cannot_use(staged, wrong):
    with pytest.raises(ParameterError):
        forecast(staged, **wrong)
