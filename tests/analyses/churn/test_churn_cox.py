"""Cox's regression against published values, planted ratios and its own refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses.churn.survival.cox import Hazards, cox
from crm_analytics.errors import NotEnoughData, ParameterError

# Freireich et al. (1963), weeks in remission: 6-MP (relapse observed or not), then the control arm
TREATED = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
RELAPSE = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
CONTROL = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
TRIAL = pd.DataFrame(
    {"duration": TREATED + CONTROL, "event": RELAPSE + [1] * 21, "control": [0] * 21 + [1] * 21}
)


def simulated(seed: int, n: int = 500) -> pd.DataFrame:
    """A plan of hazard ratio 2 against the most frequent one, and an age of 1.03 a year."""
    rng = np.random.default_rng(seed)
    plan, age = rng.choice(["basic", "gold", "plus"], n, p=[0.6, 0.2, 0.2]), rng.normal(45, 12, n)
    hazard = 0.01 * np.where(plan == "plus", 2.0, 1.0) * 1.03 ** (age - 45)
    days = rng.exponential(1 / hazard)
    return pd.DataFrame(
        {"plan": plan, "age": age, "duration": np.ceil(np.minimum(days, 150)), "event": days < 150}
    )


def test_hazard_ratio_matches_freireich_with_either_way_of_ties() -> None:
    efron = cox(TRIAL).table.iloc[0]  # R's survival: 1.5721, 4.82 (2.147, 10.81); Breslow 1.509, 4.523
    assert round(np.log(efron["hazard_ratio"]), 3) == 1.572
    assert efron[["lower", "upper"]].astype(float).round(2).tolist() == [2.15, 10.81]
    breslow = cox(TRIAL, ties="breslow").table.iloc[0]
    assert breslow[["hazard_ratio", "lower", "upper"]].astype(float).round(3).tolist() == [
        4.523,
        2.027,
        10.094,
    ]


@pytest.mark.slow
def test_cox_recovers_planted_ratios() -> None:
    inside = np.zeros(2)
    for seed in range(30):
        table = cox(simulated(seed)).table.set_index("feature")
        rows = table.loc[["plan: plus (against basic)", "age"]]
        inside += (rows["lower"] <= [2, 1.03]) & (rows["upper"] >= [2, 1.03])
    assert (inside >= 25).all()  # of 30; fewer happen once in a hundred times


def test_a_feature_that_changes_with_time_recovers_its_planted_ratio() -> None:
    rng = np.random.default_rng(8)
    change, patience = np.ceil(rng.exponential(80, 1500)), rng.exponential(100, 1500)
    end = np.where(patience < change, patience, change + (patience - change) / 2)
    left, end = end < 150, np.ceil(np.minimum(end, 150))
    before = pd.DataFrame({"entry": 0.0, "duration": np.minimum(end, change), "x": 0})
    before["event"] = left & (end <= change)
    after = pd.DataFrame({"entry": change, "duration": end, "x": 1, "event": left})[change < end]
    found = cox(pd.concat([before, after]), entry="entry").table.iloc[0]
    assert found["lower"] <= 2 <= found["upper"]
    assert found["upper"] / found["lower"] < 1.6
    ever = pd.DataFrame({"duration": end, "event": left, "x": change < end})
    assert cox(ever).table["hazard_ratio"].iloc[0] < 1  # who lived long enough to change: immortal time


def test_changing_ratio_says_so() -> None:
    rng = np.random.default_rng(2)
    x = rng.random(1000) < 0.5
    days = np.ceil(np.where(x, rng.weibull(2.5, 1000) * 100, rng.exponential(100, 1000)))
    found = cox(pd.DataFrame({"x": x, "duration": days, "event": True}))
    assert found.words.startswith("Not proportional: the ratio of x")
    assert found.proportional["correlation"].iloc[0] > 0.1


def test_order_of_rows_and_units_play_no_part_and_counts_are_rows() -> None:
    frame = simulated(4)
    found = cox(frame)
    assert cox(frame.sample(frac=1, random_state=1)).table.equals(found.table)
    counted = frame.groupby(list(frame.columns), as_index=False).size()
    assert cox(counted, count="size").table.equals(found.table)
    months = cox(frame.assign(duration=frame["duration"] / 30)).table
    assert np.allclose(months["hazard_ratio"], found.table["hazard_ratio"], rtol=1e-8)
    moved = cox(frame.assign(age=frame["age"] * 1000 + 1e6)).table
    assert np.allclose(moved["p"], found.table["p"], rtol=1e-6)


def test_many_rows_are_drawn_by_the_seed() -> None:
    frame = simulated(4)
    found = cox(frame, rows=400)
    assert (found.rows, found.drawn) == (500, 400)
    assert cox(frame, rows=400).table.equals(found.table)
    assert not cox(frame, rows=400, seed=2).table.equals(found.table)


def test_strata_have_baselines_of_their_own() -> None:
    # the trial's groups have opposite shares of old customers, whose hazard is another one
    rng = np.random.default_rng(6)
    old = rng.random(1500) < 0.5
    x = rng.random(1500) < np.where(old, 0.8, 0.2)
    days = np.ceil(rng.exponential(100 / np.where(old, 5, 1) / np.where(x, 1.5, 1)))
    frame = pd.DataFrame({"x": x, "old": old, "duration": days, "event": True})
    plain, own = cox(frame, features=["x"]), cox(frame, features=["x"], strata="old")
    assert own.table["lower"].iloc[0] <= 1.5 <= own.table["upper"].iloc[0]
    assert plain.table["lower"].iloc[0] > 1.8


def test_refusals_say_what_and_where() -> None:
    with pytest.raises(ParameterError, match="did you mean 'event'"):
        cox(TRIAL, event="events")
    with pytest.raises(ParameterError, match="missing in 1 of 42"):
        cox(TRIAL.assign(control=[np.nan] + [1] * 41))
    with pytest.raises(NotEnoughData, match="at least 10 events"):
        cox(TRIAL.assign(event=[1] * 5 + [0] * 37))
    with pytest.raises(ParameterError, match="no feature varies"):
        cox(TRIAL.assign(control=1))
    with pytest.raises(ParameterError, match="not before the entry"):
        cox(TRIAL.assign(entry=50), entry="entry")
    assert cox(TRIAL.assign(shop="one")).ignored == {"shop": "the same for everybody"}


def test_result_is_a_frozen_value() -> None:
    found = cox(TRIAL)
    assert isinstance(found, Hazards)
    with pytest.raises(AttributeError):
        found.events = 0  # type: ignore[misc]


def separated(rows: int = 300) -> pd.DataFrame:
    """`early` tells the event itself, `never` has no event, `noise` knows nothing."""
    rng = np.random.default_rng(0)
    duration, event = rng.exponential(10, rows), rng.random(rows) < 0.7
    return pd.DataFrame(
        {
            "duration": duration,
            "event": event,
            "early": -duration,
            "never": ((rng.random(rows) < 0.3) & ~event).astype(float),
            "noise": rng.normal(size=rows),
        }
    )


@pytest.mark.parametrize("feature", ["early", "never"])
def test_a_feature_that_separates_the_customers_has_no_ratio(feature: str) -> None:
    frame = separated()
    with pytest.raises(ParameterError, match=f"'{feature}' separates the customers"):
        cox(frame, features=[feature])
    found = cox(frame, features=[feature, "noise"])
    assert "no finite estimate" in found.ignored[feature]
    alone = cox(frame, features=["noise"])
    pd.testing.assert_frame_equal(found.table, alone.table)
