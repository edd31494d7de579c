"""The calendar: published indices, planted seasons, and what is refused."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.calendar import (
    calendar,
    calendar_of,
    classical,
    country_of,
    holiday_effects,
    outlook,
    seasonal_index,
    stl,
    week_pattern,
)
from crm_analytics.errors import NotEnoughData, ParameterError

# Box & Jenkins (1976), Series G: thousands of airline passengers, January 1949 to December 1960
AIR_PASSENGERS = [
    112, 118, 132, 129, 121, 135, 148, 148, 136, 119, 104, 118, 115, 126, 141, 135, 125, 149, 170, 170, 158,
    133, 114, 140, 145, 150, 178, 163, 172, 178, 199, 199, 184, 162, 146, 166, 171, 180, 193, 181, 183, 218,
    230, 242, 209, 191, 172, 194, 196, 196, 236, 235, 229, 243, 264, 272, 237, 211, 180, 201, 204, 188, 235,
    227, 234, 264, 302, 293, 259, 229, 203, 229, 242, 233, 267, 269, 270, 315, 364, 347, 312, 274, 237, 278,
    284, 277, 317, 313, 318, 374, 413, 405, 355, 306, 271, 306, 315, 301, 356, 348, 355, 422, 465, 467, 404,
    347, 305, 336, 340, 318, 362, 348, 363, 435, 491, 505, 404, 359, 310, 337, 360, 342, 406, 396, 420, 472,
    548, 559, 463, 407, 362, 405, 417, 391, 419, 461, 472, 535, 622, 606, 508, 461, 390, 432,
]  # fmt: skip
# R's decompose(AirPassengers, "multiplicative")$figure
AIR_INDICES = [
    0.9102, 0.8836, 1.0074, 0.9759, 0.9814, 1.1128, 1.2266, 1.2199, 1.0605, 0.9218, 0.8012, 0.8988,
]  # fmt: skip
SEASON = np.array([0.85, 0.80, 0.90, 0.95, 0.95, 0.90, 0.80, 0.85, 1.00, 1.05, 1.30, 1.65])
SEASON = SEASON / SEASON.mean()


def air() -> pd.Series:
    return pd.Series(AIR_PASSENGERS, pd.period_range("1949-01", periods=144, freq="M"), dtype=float)


def months_of(cycles: int, values: np.ndarray) -> pd.Series:
    return pd.Series(values, pd.period_range("2020-01", periods=12 * cycles, freq="M"))


def test_classical_indices_match_air_passengers() -> None:
    found = classical(air())
    assert found.indices["index"].round(4).tolist() == AIR_INDICES
    assert found.season_strength > 0.9


@pytest.mark.parametrize("way", [classical, stl])
def test_parts_recompose_to_the_series_and_indices_average_one(way) -> None:
    found = way(air())
    parts = found.table.dropna()
    np.testing.assert_allclose(parts["trend"] * parts["seasonal"] * parts["remainder"], parts["observed"])
    assert found.indices["index"].mean() == pytest.approx(1, abs=1e-12)
    assert 0 <= found.season_strength <= 1


def test_the_index_holds_the_published_one() -> None:
    found = seasonal_index(air())
    assert found.months["index"].mean() == pytest.approx(1, abs=1e-12)
    assert np.abs(found.months["index"] - AIR_INDICES).max() < 0.025  # another method, the same season
    assert found.is_shown
    # 472 -> passengers of 1960 over those of 1949: 476.2 / 126.7 in eleven years
    assert found.trend_lower < (476.17 / 126.67) ** (1 / 11) - 1 < found.trend_upper


@pytest.mark.parametrize(("cycles", "least"), [(1, 0.95), (2, 0.92), (3, 0.92)])
def test_intervals_of_the_index_recover_planted_truth(cycles: int, least: float) -> None:
    draw = np.random.default_rng(cycles)
    held = []
    for _ in range(60):
        growth = np.exp(draw.normal(0, 0.1) * np.arange(12 * cycles) / 12)
        noise = np.exp(draw.normal(0, 0.08, 12 * cycles))
        found = seasonal_index(
            months_of(cycles, draw.poisson(400 * np.tile(SEASON, cycles) * growth * noise))
        )
        held.append((found.months["lower"] <= SEASON) & (found.months["upper"] >= SEASON))
    assert np.mean(held) >= least


def test_a_season_is_shown_in_few_series_without_one() -> None:
    draw = np.random.default_rng(4)
    shown = [
        seasonal_index(months_of(3, draw.poisson(300 * np.exp(draw.normal(0, 0.1, 36))))).is_shown
        for _ in range(100)
    ]
    assert sum(shown) <= 11  # 5 % expected; more than 11 of 100 has a chance below 1 %


def test_one_cycle_is_said_so_widened_and_never_shown() -> None:
    one = seasonal_index(months_of(1, 400 * SEASON))
    three = seasonal_index(months_of(3, np.tile(400 * SEASON, 3) * np.exp(np.sin(np.arange(36)) * 0.05)))
    assert "One year was seen" in one.words
    assert not one.is_firm
    assert not one.is_shown
    wide, narrow = ((f.months["upper"] - f.months["lower"]).mean() for f in (one, three))
    assert wide > 1.5 * narrow


def test_less_than_a_cycle_says_how_many_months_are_needed() -> None:
    with pytest.raises(NotEnoughData, match="needs at least 12 whole months, this base has 11"):
        seasonal_index(months_of(1, np.full(12, 9.0)).iloc[:11])
    with pytest.raises(NotEnoughData, match="needs at least 24 steps, this base has 23"):
        classical(air().iloc[:23])


def test_months_without_sales_have_index_zero_and_a_bound() -> None:
    values = np.tile([100.0] * 7 + [0.0] + [120.0] * 4, 3) + np.tile(np.arange(12.0), 3)
    values[7::12] = 0  # closed in August
    found = seasonal_index(months_of(3, values))
    august = found.months.iloc[7]
    assert august["index"] == 0
    assert 0 < august["upper"] < 1


@pytest.fixture(scope="module")
def shop() -> CustomerBase:
    """Three years: twice as much in December, no Sundays, closed on Christmas Day, times of day."""
    draw = np.random.default_rng(9)
    days = pd.date_range("2023-01-01", "2025-12-31")
    mean = np.where(days.month == 12, 24.0, 12.0) * np.array([1, 1, 1, 1, 1.5, 1.5, 0])[days.day_of_week]
    mean[(days.month == 12) & (days.day == 25)] = 0
    at = days.repeat(draw.poisson(mean))
    hour = draw.choice([10, 12, 17], len(at), p=[0.2, 0.3, 0.5])
    frame = pd.DataFrame(
        {
            "customer_id": draw.integers(0, 900, len(at)).astype(str),
            "transaction_id": np.arange(len(at)).astype(str),
            "transaction_date": at + pd.to_timedelta(hour, unit="h"),
            "unit_spend": 5.0,
        }
    )
    people = pd.DataFrame({"customer_id": np.arange(900).astype(str), "country": ["Germany"] * 900})
    return CustomerBase.open({"transactions": frame, "customers": people}, today="2026-01-01")


def test_the_calendar_recovers_planted_truth(shop: CustomerBase) -> None:
    found = calendar(shop)
    december = found.months.months.iloc[11]
    assert december["lower"] < 24 / 13 < december["upper"]  # 12 months of 12 and one of twice that
    assert found.months.is_shown
    assert found.factor(date(2025, 11, 30), date(2025, 12, 31)) == pytest.approx(24 / 13, rel=0.06)
    year = pd.date_range("2025-01-01", "2025-12-31")
    assert found.index_of(year).mean() == pytest.approx(1, abs=1e-9)


def test_rows_after_the_day_change_no_index(shop: CustomerBase) -> None:
    past = shop.as_of("2024-12-31")
    again = CustomerBase.open(
        {"transactions": shop.collect(past.transactions), "customers": shop.collect(past.customers)},
        today="2026-01-01",
    )
    pd.testing.assert_frame_equal(calendar(past).months.months, calendar(again).months.months)


def test_a_calendar_without_a_season_multiplies_by_one() -> None:
    days = pd.date_range("2023-01-01", "2025-12-31")
    flat = calendar_of(
        pd.Series(np.random.default_rng(2).poisson(30, len(days)), days).astype(float), "orders"
    )
    assert not flat.months.is_shown
    assert flat.factor(date(2025, 1, 1), date(2025, 2, 1)) == 1


def test_the_week_recovers_planted_truth(shop: CustomerBase) -> None:
    found = week_pattern(shop)
    truth = np.array([1, 1, 1, 1, 1.5, 1.5, 0])
    truth = truth / truth.mean()
    table = found.weekdays
    assert ((table["lower"] - 0.02 <= truth) & (truth <= table["upper"] + 0.02)).all()
    assert table["index"].mean() == pytest.approx(1)
    hours = found.hours.groupby("hour")["orders"].sum()
    assert hours.idxmax() == 17
    assert set(hours.index) == {10, 12, 17}


def test_a_date_without_a_time_has_no_hours() -> None:
    days = pd.date_range("2025-01-06", periods=140)
    base = CustomerBase.open(
        pd.DataFrame({"customer_id": "a", "transaction_date": days, "unit_spend": 1.0}), today="2026-01-01"
    )
    assert week_pattern(base).hours.empty


def test_a_closed_holiday_is_found_and_ordinary_ones_are_not(shop: CustomerBase) -> None:
    assert country_of(shop) == "DE"
    table = holiday_effects(calendar(shop).daily, "DE").table
    clear = table[table["clear"] & (table["window"] == "on the day")]
    assert clear["holiday"].tolist() == ["Christmas Day"]
    assert clear["ratio"].iloc[0] == 0


def test_an_unknown_country_says_which_letters_to_give() -> None:
    days = pd.date_range("2025-01-01", periods=365)
    with pytest.raises(ParameterError, match="no calendar of the country 'Narnia' is known"):
        holiday_effects(pd.Series(1.0, days), "Narnia")


@pytest.mark.parametrize("peak", [1.0, 5.0])
def test_the_outlook_holds_what_came_in_most_planted_worlds(peak: float) -> None:
    """Sharp peaks from December 1 to 21, a falling trend, noise by the week: drawn, not fitted."""
    held, total = 0, 0
    for seed in range(4):
        draw = np.random.default_rng(seed)
        days = pd.date_range("2022-01-01", "2025-12-31")
        mean = 40 * np.exp(-0.1 * np.arange(len(days)) / 365)
        mean = mean * np.where((days.month == 12) & (days.day <= 21), peak, 1)
        mean = mean * np.repeat(draw.gamma(50, 1 / 50, len(days) // 7 + 1), 7)[: len(days)]
        whole = pd.Series(draw.poisson(mean).astype(float), days)
        for end in ("2024-10-27", "2025-05-18", "2025-11-02"):
            past = whole[:end]
            found = outlook(past)
            came = whole.iloc[len(past) : len(past) + 56].sum()
            held += found.lower <= came <= found.upper
            total += 1
    assert held >= 0.85 * total


def test_the_outlook_of_a_short_past_says_that_no_season_is_in_it() -> None:
    days = pd.date_range("2025-01-01", periods=300)
    found = outlook(pd.Series(10.0, days))
    assert found.way == "level"
    assert "none is in it" in found.words
    assert found.expected == pytest.approx(560)
    assert found.weeks["expected"].sum() == pytest.approx(found.expected)
    with pytest.raises(NotEnoughData, match="the next 8 weeks needs at least 40 weeks with sales"):
        outlook(pd.Series(10.0, days[:200]))


def shop_with_a_christmas(first: str, grown: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0, 1.0)) -> pd.Series:
    """Sales a day up to the end of 2025: much in November and December, little in January and February."""
    days = pd.date_range("2023-01-01", "2025-12-31")
    months = np.array([0.87, 0.86, 0.94, 1, 1, 1, 0.96, 0.96, 1, 1.03, 1.13, 1.27])[days.month - 1]
    growth = np.interp(np.arange(len(days)) / 365.25, [0, 1, 1.85, 2.15, 3], grown)
    return pd.Series(np.round(200 * months * growth), days)[first:]


def test_a_shown_season_is_in_the_outlook_though_the_level_erred_least() -> None:
    """Growth that leapt in one winter hid the season from the days tried; the months still show it."""
    found = outlook(shop_with_a_christmas("2023", (0.1, 0.7, 0.85, 1.105, 1.16)))
    errors = found.trials.set_index("way")["error"]
    assert errors.idxmin() == "level"
    assert found.way == "last year"
    assert found.is_for_season
    assert not found.misses_season
    assert found.season == pytest.approx(0.865 / 1.2, abs=0.05)
    assert found.expected / found.year_ago == pytest.approx(1.05 * 1.25, rel=0.06)  # and not a December's


def test_an_outlook_too_young_for_a_season_that_is_shown_says_that_it_misses_it() -> None:
    found = outlook(shop_with_a_christmas("2023-11-15"))
    assert found.way == "level"
    assert found.misses_season
    assert found.season == pytest.approx(0.865 / 1.2, abs=0.05)
    assert not found.is_for_season
    flat = outlook(pd.Series(10.0, pd.date_range("2023-11-15", "2025-12-31")))
    assert flat.season == 1
    assert not flat.misses_season


SHAPES = {
    "none": [1.0] * 12,
    "Christmas": [0.8, 0.75, 0.85, 0.9, 0.9, 0.9, 0.85, 0.85, 0.95, 1.1, 1.5, 1.9],
    "garden": [0.4, 0.5, 1.2, 2, 2.2, 1.6, 1, 0.8, 0.9, 0.7, 0.4, 0.3],
}


def test_within_two_years_the_outlook_holds_what_came_with_a_season_and_without() -> None:
    """Shops of 12 to 17 months that grow, stand or shrink, drawn by another hand: the mean of the last weeks
    alone held December's level against January in one shop of four.
    """
    held, errors, total = 0, [], 0
    for place, (shape, growth, months) in enumerate(
        (s, g, m) for s in SHAPES.values() for g in (0.75, 1.0, 1.5) for m in (12.5, 17.0)
    ):
        for end in ("2025-01-05", "2025-03-31", "2025-10-01"):
            draw = np.random.default_rng([place, int(end[5:7])])
            last = pd.Timestamp(end)
            days = pd.date_range(last - pd.Timedelta(days=int(months * 30.4)), last + pd.Timedelta(days=56))
            by_month = np.interp(days.day_of_year, np.arange(14) * 30.4 - 15, [shape[-1], *shape, shape[0]])
            weeks = np.exp(draw.normal(0, 0.12, len(days) // 7 + 1)).repeat(7)[: len(days)]
            mean = 300 * growth ** (np.arange(len(days)) / 365) * by_month * weeks
            whole = pd.Series(draw.poisson(mean) * draw.gamma(20, 1, len(days)), days)
            found = outlook(whole[:end])
            came = whole[-56:].sum()
            assert found.way == "between"
            assert found.weeks["expected"].sum() == pytest.approx(found.expected)
            held += found.lower <= came <= found.upper
            errors.append(abs(np.log(found.expected / came)))
            total += 1
    assert held >= 0.9 * total
    assert np.mean(errors) < 0.2
