"""The seasonal index: planted in the demo company, absent in CDNOW, and what a forecast gains by it."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.checks import seasonal
from crm_analytics.errors import ParameterError
from crm_analytics.tables.company import plan


@pytest.fixture(scope="module")
def whole(demo_company):
    return btyd.summarize(demo_company)


@pytest.fixture(scope="module")
def found(whole):
    return btyd.season(whole, btyd.ModifiedBetaGeo.fit(whole))


def planted(demo_company, folder):
    """The season of all segments together, by month: each segment's own, weighted by what it buys."""
    truth = pd.read_feather(folder / "truth_customers.feather")
    bought = demo_company.collect(demo_company.purchase_history.select("customer_id", "order_count")).merge(
        truth[["customer_id", "segment"]], on="customer_id"
    )
    repeats = (bought["order_count"] - 1).clip(lower=0).groupby(bought["segment"]).sum()
    season = np.array(plan.SEASON)
    months = np.zeros(12)
    for s in plan.SEGMENTS:
        own = 1 + s.season * (season - 1)
        months += repeats.get(s.name, 0) * own / own.mean()
    return months / repeats.sum()


def test_index_recovers_planted_season_by_month(found, demo_company, demo_company_folder):
    """Within the intervals, widened by 5 %: campaigns, sales and growth are planted beside the season."""
    truth = planted(demo_company, demo_company_folder)
    months = found.months
    assert found.known
    assert found.years == 3
    assert found.p < 1e-10
    inside = (months["lower"] - 0.05 <= truth) & (truth <= months["upper"] + 0.05)
    assert inside.all(), pd.DataFrame({"found": months["index"], "truth": truth})
    assert np.corrcoef(months["index"], truth)[0, 1] > 0.97


def test_index_has_mean_one_over_a_year(found):
    days = pd.date_range("2025-01-01", "2025-12-31", freq="D")
    assert found.index_of(days).mean() == pytest.approx(1)
    assert found.factor(datetime.date(2024, 12, 31), datetime.date(2025, 12, 31)) == pytest.approx(1)
    assert found.factor(datetime.date(2025, 11, 30), datetime.date(2025, 12, 31)) > 1.25
    with pytest.raises(ParameterError, match="must lie after the start"):
        found.factor(datetime.date(2025, 1, 1), datetime.date(2025, 1, 1))


def test_weeks_are_drawn_towards_one(found):
    raw = found.weeks["actual"] / found.weeks["expected"]
    shrunk = found.weeks["index"] / found.weeks["index"].mean()
    assert (np.abs(shrunk - 1) <= np.abs(raw / raw.mean() - 1) + 0.02).all()
    assert found.weeks["actual"].sum() == found.purchases
    assert found.weeks["expected"].sum() == pytest.approx(found.purchases)


def test_season_learnt_before_helps_after(demo_company):
    past, future = demo_company.as_of("2024-12-31"), demo_company.between("2024-12-31", "2025-12-31")
    summary = btyd.summarize(past)
    model = btyd.ParetoNBD.fit(summary)  # what each segment is drawn from
    both = btyd.seasonal_tracking(past, future, model, summary=summary)
    assert both.season.years == 2
    assert both.helps
    assert both.seasonal_error < 0.8 * both.error
    held = both.table[both.table["holdout"]]
    months = pd.PeriodIndex(pd.to_datetime(held["day"]), freq="M").month
    december, july = (held[months == m] for m in (12, 7))
    assert december["seasonal"].sum() > 1.15 * december["expected"].sum()
    assert july["seasonal"].sum() < 0.95 * july["expected"].sum()
    assert both.actual == held["actual"].sum()
    assert "lowers the error of a period" in both.words


def test_less_than_a_year_says_so_and_changes_nothing(past, future, summary, mbg):
    both = btyd.seasonal_tracking(past, future, mbg, summary=summary)
    assert not both.season.known
    assert both.helps is None
    assert both.words == "No seasonal index: it needs a year of data, this base has 273 of 365 days."
    np.testing.assert_allclose(both.table["seasonal"], both.table["expected"], rtol=1e-9, atol=1e-9)
    assert (both.season.weeks["index"] == 1).all()
    assert both.season.months.empty


def test_few_purchases_say_so(cdnow, cdnow_lines):
    few = cdnow_lines[cdnow_lines["customer_id"].isin(sorted(cdnow_lines["customer_id"].unique())[:250])]
    base = CustomerBase.open(few, today="2026-01-01")
    summary = btyd.summarize(base)
    found = btyd.season(summary, btyd.ModifiedBetaGeo({"r": 0.5, "alpha": 6, "a": 0.9, "b": 1.6}, unit="W"))
    assert not found.known
    assert "needs 520 repeat purchases, this base has" in found.words


def test_one_year_says_that_each_week_was_seen_once(cdnow):
    summary = btyd.summarize(cdnow)
    found = btyd.season(summary, btyd.ModifiedBetaGeo.fit(summary))
    assert found.years == 1
    assert "Each week was seen once" in found.words


def test_daily_expectation_sums_to_the_tracking(past, future, summary, mbg):
    daily = seasonal._by_day(summary, mbg, 273)
    tracked = btyd.evidence(past, future, mbg, draws=100).tracking
    assert daily["expected"].sum() == pytest.approx(tracked["cumulative_expected"].iloc[-1], rel=1e-9)
    assert daily["actual"].sum() == 2457


def test_a_model_without_unit_says_so(past, future, mbg):
    with pytest.raises(ParameterError, match="does not know its unit"):
        btyd.seasonal_tracking(past, future, btyd.ModifiedBetaGeo(mbg.params))
