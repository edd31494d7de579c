"""Intervals of parts: groups, the best, single customers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses import btyd, rfm
from crm_analytics.analyses.btyd.discounting.discounting import Discount
from crm_analytics.analyses.btyd.discounting.simulation import worth_of_a_future
from crm_analytics.analyses.btyd.fitting.histories import History
from crm_analytics.errors import ParameterError

WANTED = {"horizon": (52, "W"), "rate": 0.15, "draws": 200}


@pytest.fixture(scope="module")
def fitted(cdnow):
    past = cdnow.as_of("1997-09-30")
    summary = btyd.summarize(past, "W")
    return past, summary, btyd.BetaGeo.fit(summary), btyd.GammaGamma.fit(summary)


def test_groups_sum_to_the_whole_and_each_has_its_interval(fitted):
    past, summary, model, spend = fitted
    groups = rfm.score(past).customers
    found = btyd.value_by_group(summary, model, spend, groups, **WANTED)
    whole = btyd.value_total(summary, model, spend, **WANTED)
    assert found["value"].sum() == pytest.approx(whole.mean, rel=1e-9)
    assert found["customers"].sum() == whole.customers
    assert ((found["lower"] < found["value"]) & (found["value"] < found["upper"])).all()
    assert (
        found["upper"] - found["lower"]
    ).sum() > whole.upper - whole.lower  # chance evens out in the whole
    assert found["value"].is_monotonic_decreasing


def test_the_best_fifth_is_worth_more_than_its_share(fitted):
    _, summary, model, spend = fitted
    scores = btyd.score(summary, model, spend, horizon=(52, "W"), rate=0.15)
    groups = btyd.tops(scores, 0.2)
    found = btyd.value_by_group(summary, model, spend, groups, **WANTED).set_index("segment")
    assert found.loc["top", "customers"] == round(0.2 * summary.customer_count)
    table = scores.to_pandas()
    best = table.nlargest(int(found.loc["top", "customers"]), "lifetime_value")["lifetime_value"].sum()
    assert found.loc["top", "value"] == pytest.approx(
        best, rel=0.01
    )  # equal histories share their mean spend
    assert found.loc["top", "lower"] > found.loc["others", "upper"]


def test_a_single_customer_may_bring_nothing(fitted):
    _, _, model, spend = fitted
    rows = pd.DataFrame(
        {"frequency": [0, 26], "recency": [0.0, 30.857], "T": [38.857, 31.0], "monetary_value": [0.0, 40.0]},
        index=["quiet", "keen"],
    )
    found = btyd.value_intervals(model, spend, rows, draws=600)
    assert found.loc["quiet", "lower"] == 0
    assert found.loc["quiet", "nothing"] > 0.7
    assert found.loc["keen", "nothing"] < 0.1
    assert found.loc["keen", "lower"] < found.loc["keen", "lifetime_value"] < found.loc["keen", "upper"]
    direct = model.lifetime_value(spend, rows, (52, "W"), 0.15)
    np.testing.assert_allclose(found["lifetime_value"], direct)


def test_single_intervals_hold_what_they_promise():
    """Customers drawn from the model itself: 90 % of futures lie inside, in each of two kinds of history."""
    model = btyd.BetaGeo({"r": 0.55, "alpha": 5.0, "a": 0.8, "b": 2.4}, unit="W")
    spend = btyd.GammaGamma({"p": 6.25, "q": 3.74, "v": 15.44})
    rows = pd.DataFrame(
        {"frequency": [3, 10], "recency": [30.0, 36.0], "T": [38.0, 38.0], "monetary_value": [30.0, 40.0]}
    )
    found = btyd.value_intervals(model, spend, rows, level=0.9, draws=2_000, seed=1)
    many = rows.loc[np.repeat([0, 1], 4_000)].reset_index(drop=True)
    who, means = History.of(many), many["monetary_value"].to_numpy(float)
    discount = Discount.of((52, "W"), 0.15, "end", "W")
    came = worth_of_a_future((model, spend), who, means, discount, np.random.default_rng(9))
    for k in (0, 1):
        inside = (came[many["frequency"] == rows.loc[k, "frequency"]] <= found.loc[k, "upper"]).mean()
        assert inside == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize("share", [0, 1, -0.2])
def test_a_share_that_is_none_says_so(fitted, share):
    _, summary, model, spend = fitted
    with pytest.raises(ParameterError, match="between 0 and 1"):
        btyd.tops(btyd.score(summary, model, spend), share)


def test_too_many_rows_are_told_another_way(fitted):
    _, _, model, spend = fitted
    rows = pd.DataFrame({"frequency": [0] * 20_001, "recency": 0.0, "T": 1.0, "monetary_value": 0.0})
    with pytest.raises(ParameterError, match="take the best, or value_by_group"):
        btyd.value_intervals(rows, model, spend)


def test_groups_of_others_say_so(fitted):
    past, summary, model, spend = fitted
    nobody = past.to_engine(pd.DataFrame({"customer_id": ["x"], "segment": ["a"]}))
    with pytest.raises(ParameterError, match="no customer of the summary"):
        btyd.value_by_group(summary, model, spend, nobody, **WANTED)
