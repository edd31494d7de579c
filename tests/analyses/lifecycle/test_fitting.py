from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses.lifecycle.chain_check import check_chain
from crm_analytics.analyses.lifecycle.chain_fit import fit_chain
from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.tables.customer_base import CustomerBase

TRUTH = (0.5, 0.3, 0.2, 0.1)
DAY = date(2025, 12, 31)


def planted(first=TRUTH, repeat=TRUTH, customers=1500, periods=30, seed=12):
    """Customers who buy by their recency in periods of four weeks, spending 10 or 30."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(customers):
        at, recency, orders = int(rng.integers(0, periods)), 1, 0
        while at < periods and recency <= len(TRUTH):
            p = 1.0 if not orders else (first if orders == 1 else repeat)[recency - 1]
            if rng.random() < p:
                day = DAY - timedelta(days=28 * (periods - 1 - at) + int(rng.integers(0, 28)))
                rows.append((f"c{i:05d}", day, float(rng.choice([10, 30]))))
                recency, orders = 1, orders + 1
            else:
                recency += 1
            at += 1
    frame = pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"])
    end = pd.DataFrame([("last", DAY, 20.0)], columns=frame.columns)
    return CustomerBase.open(pd.concat([frame, end], ignore_index=True), today=DAY)


@pytest.fixture(scope="module")
def fitted():
    return fit_chain(planted(), margin=0.5, contact_cost=1.0, rate=0.1, longest=4)


def test_chances_recover_planted_truth(fitted):
    assert len(fitted.states) == 4
    for truth, row in zip(TRUTH, fitted.states.itertuples(), strict=True):
        assert row.lower <= truth <= row.upper
    assert fitted.spend_per_purchase == pytest.approx(20, abs=0.6)
    assert fitted.recency_is_enough
    assert fitted.degrees == 4


def test_intervals_of_the_value_hold_the_planted_value(fitted):
    truth = replace(fitted.chain, p=TRUTH, contribution=10.0).value()[:-1]
    truth[0] -= 10
    inside = (fitted.states["ahead_lower"] <= truth) & (truth <= fitted.states["ahead_upper"])
    assert inside.all()
    width = fitted.states["ahead_upper"] - fitted.states["ahead_lower"]
    assert (width < fitted.states["ahead"]).all()


def test_a_stop_that_changes_nothing_is_not_advised(fitted):
    assert fitted.stop_worth_it is None


def test_every_buyer_stands_in_one_state(fitted):
    assert fitted.customers_from(1) == 1501
    assert fitted.beyond > 0


def test_a_chain_that_forgets_history_is_found_out():
    found = fit_chain(planted(first=(0.15, 0.1, 0.05, 0.05), seed=8), margin=0.5, contact_cost=1.0, longest=4)
    assert not found.recency_is_enough
    assert (found.by_history["first_p"] < found.by_history["repeat_p"]).all()


def test_discount_of_a_period_compounds_to_that_of_a_year(fitted):
    assert (1 + fitted.chain.discount) ** (365.25 / 28) == pytest.approx(1.1)


def test_dear_contact_is_stopped_early():
    found = fit_chain(planted(customers=400), margin=0.5, contact_cost=4.0, longest=4)
    assert found.chain.best_stop() < 5
    assert found.stop_worth_it == found.chain.best_stop()
    assert found.rules["value"].max() >= found.states["value"].iloc[0]


def test_last_forecast_of_purchases_holds_where_the_chain_is_true():
    check = check_chain(planted(customers=800), margin=0.5, contact_cost=1.0)
    assert check is not None
    assert check.periods == 10
    assert check.expected == pytest.approx(check.actual, rel=0.1)
    assert check.customers > 300


def test_nothing_is_checked_where_the_data_are_too_short():
    base = planted(customers=60, periods=3)
    assert check_chain(base, margin=0.5, contact_cost=1.0) is None


def test_fit_chain_says_what_it_needs():
    frame = pd.DataFrame({"customer_id": ["a", "b"], "transaction_date": [DAY] * 2, "unit_spend": [1.0] * 2})
    few = CustomerBase.open(frame, today=DAY)
    with pytest.raises(NotEnoughData, match="at least 30 purchases"):
        fit_chain(few, margin=0.5, contact_cost=1)
    with pytest.raises(ParameterError, match="margin"):
        fit_chain(few, margin=0, contact_cost=1)
    with pytest.raises(ParameterError, match="contact_cost"):
        fit_chain(few, margin=0.5, contact_cost=-1)
