"""Weekly or monthly totals declared as daily purchases are noticed by their gaps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import btyd


def base_of(days: pd.DatetimeIndex, seed: int = 1) -> CustomerBase:
    rng = np.random.default_rng(seed)
    rows = [(f"c{k}", day) for k in range(40) for day in rng.choice(days, 8, replace=False)]
    frame = pd.DataFrame(rows, columns=["customer_id", "transaction_date"]).assign(unit_spend=5.0)
    return CustomerBase.open(frame, today="2027-01-01")


def test_weekly_totals_are_noticed():
    said = btyd.cadence(base_of(pd.date_range("2025-01-06", "2025-12-29", freq="7D")))
    assert (
        said
        == 'All but 0 of 280 gaps are whole weeks: the dates are those of weeks, not of days. Use unit "W".'
    )


def test_monthly_totals_are_noticed():
    assert 'Use unit "M"' in btyd.cadence(base_of(pd.date_range("2025-01-01", "2026-12-01", freq="MS")))


def test_days_are_not():
    assert btyd.cadence(base_of(pd.date_range("2025-01-01", "2025-12-31"))) == ""


def test_few_gaps_say_nothing():
    weekly = base_of(pd.date_range("2025-01-06", "2025-12-29", freq="7D"))
    few = weekly.customer_days.filter(weekly.customer_days.customer_id.isin(["c1", "c2"]))
    frame = weekly.collect(few)[["customer_id", "day", "spend"]]
    frame.columns = ["customer_id", "transaction_date", "unit_spend"]
    assert btyd.cadence(CustomerBase.open(frame, today="2027-01-01")) == ""


@pytest.mark.parametrize(("step", "said"), [(7, True), (1, False)], ids=["weeks", "days"])
def test_rows_declared_as_days_are_looked_at_too(step, said):
    rng = np.random.default_rng(2)
    recency = step * rng.integers(1, 30, 300).astype(float)
    rows = pd.DataFrame({"frequency": 2, "recency": recency, "T": recency + step * rng.integers(0, 9, 300)})
    assert bool(btyd.cadence(rows)) == said


def test_cdnow_is_of_days(past):
    assert btyd.cadence(past) == ""


def test_customers_of_a_row_count():
    rows = pd.DataFrame({"frequency": [1, 2, 3], "recency": [7.0, 14.0, 21.0], "T": 70.0, "customers": 100})
    assert btyd.cadence(rows).startswith("All but 0 of 300 gaps are whole weeks")
    assert btyd.cadence(rows.drop(columns="customers")) == ""
    assert btyd.cadence(rows.assign(recency=[7.0, 15.0, 21.0])) == ""


@pytest.mark.parametrize("digits", [12, 2])
def test_cdnow_in_weeks_said_to_be_days_is_noticed_by_the_fit(frame, digits):
    """clv.md 0.4: lifetimes' own Quickstart does this, and its value of customer 1 is 140.10, not 35.99."""
    rows = frame[["frequency", "recency", "T"]].round(digits)
    for kind in (btyd.BetaGeo, btyd.ParetoNBD, btyd.NBD, btyd.RegularBetaGeo):
        found = kind.fit(rows, unit="D")
        assert found.diagnosis.converged
        assert "Times said to be in days are fractions" in found.diagnosis.message
        assert 'sevenths as those of weeks: use unit "W"' in found.diagnosis.message
        assert "said to be" not in kind.fit(rows, unit="W").diagnosis.message
    assert "sevenths" in btyd.fit_covariates(btyd.BetaGeo, rows, unit="D").diagnosis.message
    assert btyd.cadence(rows).startswith("Times said to be in days are fractions for 2,128 of 2,357")


def test_weekly_totals_said_to_be_days_are_noticed_by_the_fit(frame, past):
    weekly = 7 * np.ceil(frame[["recency", "T"]])
    found = btyd.BetaGeo.fit(weekly.assign(frequency=frame["frequency"]), unit="D")
    assert "All but 0 of 946 gaps are whole weeks" in found.diagnosis.message
    days = btyd.BetaGeo.fit(btyd.summarize(past, "D").cells, unit="D")
    assert days.diagnosis.message.endswith(").")


def test_odd_fractions_are_asked_about(frame):
    months = frame[["frequency"]].assign(recency=frame["recency"] / 4.348, T=frame["T"] / 4.348)
    said = btyd.BetaGeo.fit(months, unit="D").diagnosis.message
    assert "are they weeks or months?" in said
