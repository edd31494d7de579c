"""What running contracts will pay, and what customers of fixed prices are worth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.worlds.contracts import BOX
from benchmarks.worlds.rivals import base_of, day_of
from benchmarks.worlds.shops import SHOPS
from crm_analytics import CustomerBase
from crm_analytics.analyses import btyd
from crm_analytics.analyses.forecasting.contract_payments import contract_payments
from crm_analytics.analyses.value_to_come import value_to_come

DAY = 1003
START = pd.Timestamp("2022-01-03")


@pytest.fixture(scope="module")
def box():
    drawn = BOX.draw(4)
    return drawn, base_of(drawn).as_of(day_of(DAY))


def clubs(day):
    """600 members: monthly ones at 9 leave at a tenth of their renewals, yearly ones at 96 at a half."""
    rng = np.random.default_rng(8)
    bought, held = [], []
    for i in range(600):
        yearly = i % 2 == 0
        cycle, price = (365.25, 96.0) if yearly else (30.4375, 9.0)
        born, paid = rng.uniform(0, 1400), rng.geometric(0.5 if yearly else 0.1)
        due = [born + k * cycle for k in range(paid) if born + k * cycle < 2000]
        bought += [(f"c{i}", START + pd.Timedelta(days=int(t)), price) for t in due]
        ends = born + paid * cycle
        held.append((f"c{i}", born, 12 if yearly else 1, ends - 1))
    subscriptions = pd.DataFrame(
        [
            (f"s{i}", c, START + pd.Timedelta(days=int(b)), m, START + pd.Timedelta(days=int(e)))
            for i, (c, b, m, e) in enumerate(held)
        ],
        columns=["subscription_id", "customer_id", "start_date", "recurrence_months", "cancelled_at"],
    )
    lines = pd.DataFrame(bought, columns=["customer_id", "transaction_date", "unit_spend"])
    end = START + pd.Timedelta(days=2000)
    subscriptions = subscriptions[subscriptions["start_date"] < end]
    whole = CustomerBase.open({"transactions": lines, "subscriptions": subscriptions}, today=end.date())
    return whole.as_of((START + pd.Timedelta(days=day)).date()), lines


@pytest.mark.parametrize("quarters", [1, 4])
def test_plans_and_renewals_tell_what_comes(quarters):
    day = 1450
    base, lines = clubs(day)
    found = contract_payments(base, (1, 4))[quarters]
    at = (lines["transaction_date"] - START).dt.days
    known = lines.loc[at <= day, "customer_id"].unique()
    later = lines[at.between(day + 1, day + 91 * quarters) & lines["customer_id"].isin(known)]
    assert found["purchases"] == pytest.approx(len(later), rel=0.1)
    assert found["value"] == pytest.approx(later["unit_spend"].sum(), rel=0.15)
    assert found["buyers"] == pytest.approx(later["customer_id"].nunique(), rel=0.1)


def test_contracts_lead_where_most_customers_have_one(box):
    drawn, base = box
    outlook = value_to_come(base, (13, "W"))
    came = drawn.came(DAY, 13)
    for what, total in (("purchases", outlook.purchases), ("buyers", outlook.buyers)):
        assert total.covers(came[what])
        assert total.mean == pytest.approx(came[what], rel=0.06)
        ways = outlook.learnt[what].ways.set_index("way")["weight"]
        assert ways["contracts"] > 0.5


def test_shops_have_no_such_way():
    base = base_of(next(one for one in SHOPS if one.name == "steady").draw(3)).as_of(day_of(DAY))
    assert contract_payments(base, (1, 4)) == {}


def spenders(each):
    """A summary's frame: customers who bought five times more, of so much a purchase."""
    return pd.DataFrame({"frequency": 5, "monetary_value": each, "customers": 1})


def test_customers_of_fixed_prices_are_priced_by_their_own_means():
    frame = spenders(np.repeat([9.0, 96.0, 1200.0], [300, 150, 4]))
    exact = btyd.GammaGamma.pricing(frame)
    assert exact.params["q"] > 1
    expected = exact.expected_spend(frame)
    np.testing.assert_allclose(expected, frame["monetary_value"], rtol=0.05)


def test_spend_without_a_limit_still_has_no_mean():
    rng = np.random.default_rng(3)
    level = rng.pareto(0.6, 400) + 1
    frame = spenders(level * rng.gamma(2.0, 0.5, 400))
    fitted = btyd.GammaGamma.fit(frame)
    assert btyd.GammaGamma.pricing(frame).params == fitted.params
    assert fitted.params["q"] < 1
