"""Discounting: published totals, the order of timings, units."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.discounting.discounting import Discount
from crm_analytics.errors import ParameterError

# clv.md §3.5 counts a year of 52 weeks; the same factor a week as an annual rate on 365.25 days
RATE_52 = 1.15 ** (365.25 / 364) - 1


@pytest.mark.parametrize(
    ("timing", "rate", "total"),
    [("end", RATE_52, 70_966.29), ("mid", RATE_52, 71_061.73), ("end", 0.0, 75_707.92)],
)
def test_residual_value_matches_clv_section_3_5(bg, gg, frame, timing, rate, total):
    found = bg.lifetime_value(gg, frame, (52, "W"), rate, timing).sum()
    assert found == pytest.approx(total, abs=0.0051)


def test_twelve_periods_match_clv_section_3_5(bg, gg, frame):
    """Twelve periods of 52/12 weeks, each paid at its end; calendar months are 30.4375 days instead."""
    ends = np.arange(13) * 52 / 12
    totals = [bg.expected_purchases(frame, t) @ gg.expected_spend(frame) for t in ends]
    factor = 1.15 ** (-np.arange(1, 13) / 12)
    assert factor @ np.diff(totals) == pytest.approx(70_645.93, abs=0.005)


def test_customer_1_matches_clv_section_3_5(bg, gg, frame):
    one = frame.head(1)
    assert bg.lifetime_value(gg, one, (52, "W"), RATE_52).iloc[0] == pytest.approx(35.9927, abs=5e-5)
    assert bg.lifetime_value(gg, one, (52, "W"), 0.15).iloc[0] == pytest.approx(36.0007, abs=5e-5)


def test_one_timers_carry_19_percent(bg, gg, frame):
    value = bg.lifetime_value(gg, frame, (52, "W"), 0.0)
    assert value[frame["frequency"] == 0].sum() / value.sum() == pytest.approx(0.190, abs=5e-4)


def test_holdout_spend_matches_clv_section_3_5(bg, gg, frame):
    found = bg.expected_purchases(frame, 39) @ gg.expected_spend(frame)
    assert found == pytest.approx(59_931.63, abs=0.005)


@pytest.mark.parametrize("horizon", [(52, "W"), (365, "D"), (12, "M"), (3, "Y")])
@pytest.mark.parametrize("rate", [0.05, 0.15, 2.0])
def test_earlier_payment_is_worth_more(bg, gg, frame, horizon, rate):
    start, mid, end, steady = (
        bg.lifetime_value(gg, frame.head(80), horizon, rate, timing).to_numpy()
        for timing in ("start", "mid", "end", "continuous")
    )
    assert (start >= mid).all()
    assert (mid >= end).all()
    assert (start >= steady).all()
    assert (steady >= end).all()


@pytest.mark.parametrize("timing", ["start", "mid", "end", "continuous"])
def test_without_discount_value_is_purchases_times_spend(bg, gg, frame, timing):
    f = frame.head(200)
    plain = bg.expected_purchases(f, 52) * gg.expected_spend(f)
    np.testing.assert_allclose(bg.lifetime_value(gg, f, (52, "W"), 0.0, timing), plain, rtol=1e-8)
    np.testing.assert_allclose(bg.lifetime_value(gg, f, (52, "W"), 1e-9, timing), plain, rtol=1e-8)


def test_folding_many_periods_into_few_is_exact(mbg, named):
    """Week by week, without the series."""
    factor = 1.15 ** (-7 * np.arange(1, 261) / 365.25)
    totals = np.array([[0.0] * 5] + [mbg.expected_purchases(named, t) for t in range(1, 261)])
    slow = factor @ np.diff(totals, axis=0)
    np.testing.assert_allclose(mbg.lifetime_value(1.0, named, (260, "W"), 0.15), slow, rtol=1e-9)


def test_continuous_payment_is_the_limit_of_short_periods(bg, named):
    steady = bg.lifetime_value(1.0, named, (364, "D"), 0.5, "continuous")
    daily = bg.lifetime_value(1.0, named, (364, "D"), 0.5, "mid")
    np.testing.assert_allclose(steady, daily, rtol=1e-6)


def test_units_of_the_model_do_not_matter(past, gg):
    values = []
    for unit in ("D", "W", "M"):
        summary = btyd.summarize(past, unit)
        frame = past.collect(summary.customers).sort_values("customer_id").head(60)
        values.append(btyd.BetaGeo.fit(summary).lifetime_value(gg, frame, (12, "M"), 0.15).to_numpy())
    np.testing.assert_allclose(values[1], values[0], rtol=1e-6)
    np.testing.assert_allclose(values[2], values[0], rtol=1e-6)


def test_spend_may_be_a_number_or_a_series(bg, gg, frame):
    f = frame.head(5)
    by_model = bg.lifetime_value(gg, f)
    by_series = bg.lifetime_value(gg.expected_spend(f).sample(frac=1, random_state=1), f)
    pd.testing.assert_series_equal(by_model, by_series)
    with pytest.raises(ParameterError, match="no value for some rows"):
        bg.lifetime_value(gg.expected_spend(f).head(2), f)


def test_a_model_without_unit_refuses(gg, frame):
    given = btyd.BetaGeo({"r": 1, "alpha": 1, "a": 1, "b": 1})
    with pytest.raises(ParameterError, match="does not know its unit of time; fit it with unit="):
        given.lifetime_value(gg, frame)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (((52, "Q"), 0.1, "end"), "unknown unit of time 'Q'"),
        (((0, "W"), 0.1, "end"), "whole number of periods from 1 on, got 0"),
        (((1.5, "Y"), 0.1, "end"), "whole number of periods from 1 on, got 1.5"),
        ((52, 0.1, "end"), "expected \\(number, unit\\) like"),
        (((52, "W"), -0.1, "end"), "annual effective rate >= 0"),
        (((52, "W"), float("nan"), "end"), "annual effective rate >= 0"),
        (((52, "W"), 0.1, "ends"), "did you mean 'end'"),
    ],
)
def test_bad_terms_say_what_is_expected(arguments, says):
    with pytest.raises(ParameterError, match=says):
        Discount.of(*arguments, "W")


def test_factor_follows_the_timing():
    d = {timing: Discount.of((2, "Y"), 0.1, timing, "Y") for timing in ("start", "mid", "end", "continuous")}
    moment = np.array([0.25, 1.75])
    assert d["end"].factor(moment) == pytest.approx([1 / 1.1, 1 / 1.21])
    assert d["start"].factor(moment) == pytest.approx([1, 1 / 1.1])
    assert d["mid"].factor(moment) == pytest.approx([1.1**-0.5, 1.1**-1.5])
    assert d["continuous"].factor(moment) == pytest.approx(1.1**-moment)
