"""Days of the month, and calendars of shops that sell in one month alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses.calendar import pay_days, seasonal_index
from crm_analytics.errors import NotEnoughData


def sold(seed: int, lift: float = 1.0, days: str = "2023-01-01 2025-12-31") -> pd.Series:
    """Poisson sales, weekends strong, the whole growing; the first five days of a month times `lift`."""
    draw = np.random.default_rng(seed)
    index = pd.date_range(*days.split())
    mean = np.linspace(20, 40, len(index)) * np.where(index.day_of_week >= 5, 1.8, 1.0)
    return pd.Series(draw.poisson(mean * np.where(index.day <= 5, lift, 1.0)).astype(float), index)


def test_pay_days_recover_planted_days() -> None:
    found = pay_days(sold(1, 1.4))
    assert found.best is not None
    assert found.best["first"] == 1
    planted = 1.4 / (1 + 0.4 * 5 / 30.4)
    assert found.best["lower"] < planted < found.best["upper"]


def test_days_of_the_month_are_claimed_in_few_worlds_without_any() -> None:
    claimed = sum(bool(pay_days(sold(seed)).parts["clear"].any()) for seed in range(100))
    assert claimed <= 11  # 5 % of 100, and what chance adds to that in 99 of 100 tries


def test_pay_days_do_not_depend_on_the_unit_of_sales() -> None:
    one, other = pay_days(sold(2)).parts, pay_days(1e6 * sold(2)).parts
    assert np.allclose(one[["index", "lower", "upper"]], other[["index", "lower", "upper"]])


def test_less_than_a_year_of_days_says_how_many_months_are_needed() -> None:
    with pytest.raises(NotEnoughData, match="12 whole months, this base has 5"):
        pay_days(sold(3, days="2025-01-15 2025-06-30"))


def test_a_shop_of_one_month_a_year_says_that_it_has_no_season_to_tell() -> None:
    months = pd.period_range("2023-01", periods=36, freq="M")
    only = pd.Series(np.where(months.month == 6, 50.0, 0.0), months)
    with pytest.raises(NotEnoughData, match="2 months of the year with purchases"):
        seasonal_index(only)
