"""What running contracts are worth: planted rates, and one row by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.churn.contracts.contract_value import contract_value
from crm_analytics.analyses.churn.contracts.contracts import contracts
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.company import plan


@pytest.fixture(scope="module")
def company(demo_company):
    found = contracts(demo_company)
    return found, contract_value(found, draws=200)


def test_recovers_planted_monthly_cancelling(company):
    found, value = company
    # every contract has the same planted chance to end in a month, whatever its tenure
    wanted = sum((1 - plan.SUBSCRIPTION_CANCEL) ** np.arange(1, 13)) * value.running["contracts"].sum()
    _, lower, upper = value.months
    assert lower < wanted < upper
    assert found.rates["lower"].iloc[0] < plan.SUBSCRIPTION_CANCEL < found.rates["upper"].iloc[0]


def test_total_is_that_of_the_running_contracts_and_lies_in_its_interval(company):
    found, value = company
    assert value.running["contracts"].sum() == found.rates["running"].iloc[0]
    by_hand = sum(
        n * np.sum(value.model.survival(t + np.arange(1, 13)) / value.model.survival(t))
        for t, n in zip(value.running["tenure"], value.running["contracts"], strict=True)
    )
    months, lower, upper = value.months
    assert months == pytest.approx(by_hand, rel=1e-9)
    assert lower < months < upper < 12 * value.running["contracts"].sum()
    assert "running contracts are expected to last" in value.words


def test_money_is_the_price_of_a_month_while_a_contract_lasts(company):
    _, value = company
    money, lower, upper = value.money
    by_tenure = value.running["price_a_month"] * value.running["months_to_come"]
    assert money == pytest.approx(by_tenure.sum(), rel=1e-9)
    assert lower < money < upper


def test_the_interval_is_as_wide_as_parameters_and_chance_together(company):
    """All are planted alike, so the chance of n independent contracts is known, and the least there is."""
    _, value = company
    stay = (1 - plan.SUBSCRIPTION_CANCEL) ** np.arange(13)
    last = np.append(stay[:-1] - stay[1:], stay[-1])  # 0 .. 12 months
    variance = last @ np.arange(13) ** 2 - (last @ np.arange(13)) ** 2
    chance = 2 * 1.96 * np.sqrt(variance * value.running["contracts"].sum())
    width = value.months[2] - value.months[1]
    assert chance * 0.95 < width < 2.5 * chance


def test_what_was_seen_is_kaplan_meier_and_ends_with_what_was_seen(company):
    found, value = company
    stay = 1 - found.by_month.set_index("month")["rate"]
    seen = value.curve.set_index("month")["seen"]
    early = stay.index[stay.index <= 12]
    assert seen[early].to_numpy() == pytest.approx(stay[early].cumprod().to_numpy(), abs=1e-9)
    assert seen[value.seen + 1 :].isna().all()
    inside = value.curve.iloc[1:25]
    assert ((inside["lower"] < inside["seen"]) & (inside["seen"] < inside["upper"])).mean() > 0.8


def test_bic_takes_the_simpler_model_where_a_shape_tells_nothing(company):
    _, value = company
    table = value.comparison.set_index("model")
    assert table.loc["BdW", "log_likelihood"] >= table.loc["sBG", "log_likelihood"] - 1e-6
    assert table["bic"].idxmin() == value.model.LABEL


def test_few_contracts_are_refused():
    sales = pd.DataFrame({"customer_id": ["a"], "transaction_date": ["2026-03-01"], "unit_spend": [1.0]})
    subscriptions = pd.DataFrame(
        {"customer_id": ["a", "b"], "start_date": "2025-01-01", "cancelled_at": [None, "2025-06-01"]}
    )
    base = CustomerBase.open({"transactions": sales, "subscriptions": subscriptions}, today="2026-03-02")
    with pytest.raises(NotEnoughData, match="100"):
        contract_value(contracts(base))
