"""Verdict words against the numbers beside them: no word says more than its own interval."""

from __future__ import annotations

import pandas as pd
import pytest

from crm_analytics.analyses.attribution.incremental import incremental
from crm_analytics.analyses.campaigns import Evaluation, evaluate
from crm_analytics.analyses.campaigns.measurement.treatment_effects import LESS, MORE, NO_EFFECT, TOO_LITTLE
from crm_analytics.analyses.profiling.traits import EXPECTED, LEVEL, compare
from tests.nulls.worlds import campaigns, open_base


@pytest.fixture(scope="module")
def found() -> Evaluation:
    return evaluate(open_base(campaigns(1, "equal", "often", customers=500)), learner=None)


def said(lower: float, upper: float) -> str:
    if pd.isna(lower) or pd.isna(upper):
        return TOO_LITTLE
    return MORE if lower > 0 else LESS if upper < 0 else NO_EFFECT


def test_each_verdict_of_a_campaign_is_that_of_its_interval_law(found: Evaluation) -> None:
    for table in (found.pooled, found.campaigns, found.segments, found.response):
        right = [said(*ends) for ends in table[["adjusted_lower", "adjusted_upper"]].to_numpy()]
        assert table["verdict"].tolist() == right


def test_segment_that_stands_out_is_above_the_others_by_its_interval_law(found: Evaluation) -> None:
    table = found.segments
    assert (table["stands_out"] == (table["above_others_lower"] > 0)).all()
    orders = table[table["outcome"] == "orders"].set_index("segment")
    assert orders["stands_out"].to_dict() == {
        "quality": True,
        "price": False,
    }  # only quality buyers are moved
    assert (table["p"] <= 1).all()


def test_channel_is_called_by_its_interval_law() -> None:
    tables = campaigns(1, "equal", "all", customers=500)
    tables["campaigns"]["channel"] = ["email", "email", "post"]
    table = incremental(open_base(tables))
    assert set(table["channel"]) == {"email", "post"}
    assert table["verdict"].tolist() == [said(*ends) for ends in table[["lower", "upper"]].to_numpy()]


def test_clear_habits_are_those_of_the_corrected_chance_law() -> None:
    counts = pd.DataFrame(
        {"g": ["a", "a", "b", "b", "c", "c"], "attribute": "x", "level": ["u", "v"] * 3,
         "customers": [90, 10, 50, 50, 48, 52]}
    )  # fmt: skip
    table = compare(counts, "g")
    assert (table["clear"] == (table["p_adjusted"] < LEVEL)).all()
    clear = table[table["clear"]]
    assert not ((clear["lower"] <= 0) & (clear["upper"] >= 0)).any()
    few = counts.assign(customers=[35, EXPECTED - 3, 500, 5, 500, 5])
    assert not compare(few, "g")["clear"].any()
