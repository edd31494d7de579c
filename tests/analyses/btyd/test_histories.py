"""Bad histories: every message says what, where and the next step."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses import btyd
from crm_analytics.errors import DataError, NotEnoughData


def good(rows: int = 120) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    x = rng.integers(0, 5, rows)
    return pd.DataFrame({"frequency": x, "recency": np.where(x > 0, 10.0 + x, 0.0), "T": 30.0})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"frequency": None}, "no column 'frequency'"),
        ({"T": None, "t": 30.0}, "no column 'T'; did you mean 't'"),
        (
            {"recency": np.nan},
            "BG/NBD: 'recency' is missing or infinite in 120 of 120 rows \\(first at row 0\\)",
        ),
        ({"T": np.inf}, "'T' is missing or infinite"),
        ({"frequency": -1}, "'frequency' is negative"),
        ({"frequency": 1.5}, "'frequency' is no whole numbers"),
        ({"T": 5.0}, "have recency > T .*: nobody buys after the day"),
        ({"frequency": 0}, "'recency' is above zero though frequency is 0"),
        ({"frequency": "many"}, "column 'frequency' holds something that is no number"),
        ({"customers": -2}, "'customers' is negative"),
    ],
)
def test_bad_frames_say_what_and_where(change, says):
    frame = good()
    for name, value in change.items():
        frame = frame.drop(columns=name) if value is None else frame.assign(**{name: value})
    with pytest.raises(DataError, match=says):
        btyd.BetaGeo.fit(frame)


def test_predictions_check_their_frames_too(bg, gg):
    with pytest.raises(DataError, match="no column 'T'"):
        bg.probability_alive(pd.DataFrame({"frequency": [1], "recency": [1]}))
    with pytest.raises(DataError, match="no column 'monetary_value'"):
        gg.expected_spend(pd.DataFrame({"frequency": [1]}))


@pytest.mark.parametrize("model", [btyd.BetaGeo, btyd.ModifiedBetaGeo])
def test_only_one_timers_say_that_nobody_came_back(model):
    frame = pd.DataFrame({"frequency": 0, "recency": 0.0, "T": np.arange(500.0)})
    with pytest.raises(NotEnoughData, match="needs at least 30 repeat buyers, this base has 0") as caught:
        model.fit(frame)
    assert (caught.value.have, caught.value.need) == (0, 30)
    with pytest.raises(NotEnoughData, match="at least 1 repeat buyers"):
        model.fit(frame, minimum=1, minimum_repeat_buyers=0)


def test_too_few_customers_say_how_many_are_needed():
    with pytest.raises(NotEnoughData, match="BG/NBD needs at least 100 customers, this base has 40"):
        btyd.BetaGeo.fit(good(40))
    assert btyd.BetaGeo.fit(good(40), minimum=10).customers == 40
    with pytest.raises(NotEnoughData, match="needs at least 100 customers, this base has 0"):
        btyd.BetaGeo.fit(good(0))


def test_gamma_gamma_needs_repeat_buyers_with_spend():
    frame = pd.DataFrame({"frequency": [2] * 29 + [0] * 99 + [3], "monetary_value": [9.0] * 128 + [0.0]})
    with pytest.raises(NotEnoughData, match="Gamma-Gamma needs at least 30 repeat buyers, this base has 29"):
        btyd.GammaGamma.fit(frame)


def test_spend_without_variation_is_a_boundary_and_says_so():
    frame = pd.DataFrame({"frequency": [1, 2, 3, 4] * 30, "monetary_value": 9.0})
    model = btyd.GammaGamma.fit(frame)
    assert not model.diagnosis.converged
    assert "do not determine" in model.diagnosis.message


def test_everybody_bought_the_same_day():
    """All ages equal and nobody silent for long: the fit may be poor, but it never raises or says NaN."""
    frame = good(300).assign(T=30.0)
    model = btyd.BetaGeo.fit(frame)
    assert np.isfinite(list(model.params.values())).all()
    assert model.diagnosis.message


def test_weights_count_like_rows():
    frame = good(200)
    merged = frame.groupby(["frequency", "recency", "T"]).size().rename("customers").reset_index()
    by_rows, by_weight = btyd.BetaGeo.fit(frame), btyd.BetaGeo.fit(merged)
    assert by_rows.params == pytest.approx(by_weight.params, rel=1e-9)
    assert by_rows.log_likelihood == pytest.approx(by_weight.log_likelihood, rel=1e-12)
