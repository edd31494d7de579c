"""What is to come for ever, of every model: the closed forms against long sums of expected purchases."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses import btyd
from crm_analytics.errors import ParameterError

REGULAR = {"r": 1.2, "alpha": 3.0, "a": 0.8, "b": 2.4}
KINDS = [btyd.RegularBetaGeo, btyd.RegularModifiedBetaGeo]
PLAIN = {btyd.RegularBetaGeo: btyd.BetaGeo, btyd.RegularModifiedBetaGeo: btyd.ModifiedBetaGeo}


@pytest.fixture(scope="module")
def some():
    return pd.DataFrame(
        {"frequency": [0, 0, 2, 26, 7], "recency": [0, 0, 30.4, 30.9, 5], "T": [0, 38.9, 38.9, 31, 38.9]}
    )


@pytest.fixture(scope="module")
def mixed(some):
    return some.assign(channel=["shop", "web", "web", "shop", "web"])


@pytest.fixture(scope="module")
def by_channel(draw_histories):
    frame = draw_histories(1_500, 60.0, {"r": 0.8, "alpha": 6.0, "a": 1.2, "b": 3.0}, 0, 5)
    frame["channel"] = np.where(np.arange(len(frame)) % 2, "shop", "web")
    return {
        kind: btyd.fit_covariates(kind, frame, buying=["channel"], leaving=["channel"], unit="Y")
        for kind in (btyd.BetaGeo, btyd.ModifiedBetaGeo, btyd.ParetoNBD)
    }


def long_sum(model, frame, timing, periods=900):
    """Purchases of one period after the other, each discounted at 5 %."""
    until = np.array([model.expected_purchases(frame, float(t)) for t in range(periods + 1)])
    paid = np.arange(1, periods + 1) - {"start": 1.0, "mid": 0.5, "end": 0.0}[timing]
    return 1.05**-paid @ np.diff(until, axis=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("timing", ["start", "mid", "end", "continuous"])
def test_dert_of_regular_buyers_with_one_event_a_purchase_is_that_of_bg(kind, timing, some):
    one, plain = kind(REGULAR, unit="W", k=1), PLAIN[kind](REGULAR, unit="W")
    np.testing.assert_allclose(
        btyd.dert(one, some, 0.15, timing, "M"), btyd.dert(plain, some, 0.15, timing, "M"), rtol=1e-9
    )
    money = (5.0, some, (12, "M"), 0.1, timing)
    np.testing.assert_allclose(one.lifetime_value(*money), plain.lifetime_value(*money), rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [2, 5])
def test_dert_of_regular_buyers_is_the_long_discounted_sum(kind, k, some):
    model = kind(REGULAR, unit="Y", k=k)
    for timing in ("start", "end"):
        found = btyd.dert(model, some, 0.05, timing, "Y")
        # what is beyond 300 years is worth 1e-7 of what is there at first
        np.testing.assert_allclose(found, long_sum(model, some, timing, 300), rtol=1e-6)
    at_once = btyd.dert(model, some, 0.05)
    early, late = (btyd.dert(model, some, 0.05, t, "Y") for t in ("start", "end"))
    assert ((late < at_once) & (at_once < early)).all()


def test_value_of_regular_buyers_within_a_horizon_is_the_discounted_sum(some):
    model = btyd.RegularModifiedBetaGeo(REGULAR, unit="Y", k=3)
    until = np.array([model.expected_purchases(some, float(t)) for t in range(6)])
    by_hand = 1.1 ** -np.arange(1.0, 6.0) @ np.diff(until, axis=0)
    np.testing.assert_allclose(model.lifetime_value(7.0, some, (5, "Y"), 0.1), 7 * by_hand, rtol=1e-9)
    without = model.lifetime_value(1.0, some, (5, "Y"), 0.0, "continuous")
    np.testing.assert_allclose(without, until[-1], rtol=1e-9)


@pytest.mark.parametrize("kind", [btyd.BetaGeo, btyd.ModifiedBetaGeo, btyd.ParetoNBD])
def test_dert_with_covariates_is_that_of_the_customers_own_parameters(kind, by_channel, mixed):
    fit = by_channel[kind]
    for timing in ("continuous", "end"):
        found = btyd.dert(fit, mixed, 0.15, timing, "Y")
        for channel, rows in mixed.groupby("channel"):
            own = btyd.dert(fit.model_of(channel=channel), rows, 0.15, timing, "Y")
            np.testing.assert_allclose(found[rows.index], own, rtol=1e-7)
    np.testing.assert_allclose(
        btyd.dert(fit, mixed, 0.05, "end", "Y"), long_sum(fit, mixed, "end"), rtol=1e-6
    )


def test_share_beyond_the_horizon_is_what_the_sums_leave_out(by_channel, mixed, some):
    models = [(btyd.RegularBetaGeo(REGULAR, unit="Y", k=2), some), (by_channel[btyd.ParetoNBD], mixed)]
    for model, frame in models:
        found = btyd.residual(model, frame, (10, "Y"), 0.05)
        whole, part = (long_sum(model, frame, "end", periods).sum() for periods in (300, 10))
        assert found.share_beyond == pytest.approx(1 - part / whole, abs=1e-6)
        assert 0 < found.share_beyond < 1
        assert (found.within < found.purchases).all()
        money = btyd.residual_value(model, 20.0, frame, 0.05, period="Y")
        np.testing.assert_allclose(money, 20 * found.purchases, rtol=1e-12)


def test_purchases_at_opportunities_have_a_finite_and_an_endless_value():
    model = btyd.BetaGeoBetaBinomial({"alpha": 1.2, "beta": 0.75, "gamma": 0.66, "delta": 2.78}, unit="Y")
    frame = pd.DataFrame({"frequency": [3, 0], "recency": [4, 0], "opportunities": [6, 6]})
    assert btyd.dert(model, frame, 0.1, "end").round(5)[0] == 1.62138
    until = np.array([model.expected_purchases(frame, t) for t in range(6)])
    by_hand = 1.1 ** -np.arange(1.0, 6.0) @ np.diff(until, axis=0)
    np.testing.assert_allclose(model.dert(frame, 0.1, periods=5), by_hand, rtol=1e-12)
    money = model.lifetime_value(30.0, frame, (60, "M"), 0.1)
    np.testing.assert_allclose(money, 30 * by_hand, rtol=1e-12)
    np.testing.assert_allclose(model.dert(frame, 0.0, periods=5), until[-1], rtol=1e-12)
    found = btyd.residual(model, frame, (5, "Y"), 0.1)
    assert found.share_beyond == pytest.approx(1 - by_hand.sum() / model.dert(frame, 0.1).sum())
    np.testing.assert_allclose(model.dert(frame, 0.1, periods=400), model.dert(frame, 0.1), rtol=1e-9)


def test_counted_models_say_why_nothing_is_paid_continuously():
    gifts = btyd.BetaGeoBetaBinomial({"alpha": 1.2, "beta": 0.75, "gamma": 0.66, "delta": 2.78}, unit="Y")
    frame = pd.DataFrame({"frequency": [3], "recency": [4], "opportunities": [6]})
    with pytest.raises(ParameterError, match="BG/BB counts one chance a period, nothing comes between two"):
        btyd.dert(gifts, frame)
    contracts = btyd.ShiftedBetaGeo({"gamma": 0.7, "delta": 1.2}, unit="Y")
    with pytest.raises(ParameterError, match="'continuous' has no meaning for it: take one of"):
        contracts.derl(3, timing="continuous")
    with pytest.raises(ParameterError, match=r"sBG foresees no purchases.*ask derl"):
        btyd.dert(contracts, frame)
    with pytest.raises(ParameterError, match=r"52 W are 1\.00 opportunities of one 'Y' each; give a whole"):
        gifts.lifetime_value(10.0, frame, (52, "W"))
