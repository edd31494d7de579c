"""Equity of one firm, winning against keeping, return on customer: laws, published figures, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import btyd
from crm_analytics.analyses.equity.acquisition_balance import (
    balance,
    constant_retention_value,
    customer_value,
    return_on_customer,
)
from crm_analytics.analyses.equity.contract_equity import contract_equity
from crm_analytics.analyses.equity.firm_equity import pack, unpack
from crm_analytics.analyses.equity.future_customers import Acquisition, _error, _pace, future_table
from crm_analytics.analyses.equity.response_curve import Response
from crm_analytics.analyses.equity.valuation import MODELS, _present, by_group, firm_equity
from crm_analytics.analyses.value_to_come import value_to_come
from crm_analytics.errors import CrmError, NotEnoughData, ParameterError


def test_marginal_costs_and_value_meet_at_the_optimum_law() -> None:
    """Pfeifer (2005): marginal cost of winning = marginal cost of keeping = value of a customer."""
    chance = np.random.default_rng(1)
    for _ in range(20):
        win = Response(chance.uniform(0.1, 0.9), chance.uniform(0.02, 0.3))
        keep = Response(chance.uniform(0.5, 0.95), chance.uniform(0.02, 0.3))
        found = balance(win, keep, margin=chance.uniform(50, 500), rate=0.1)
        assert found.marginal_winning == pytest.approx(found.value, rel=1e-8)
        assert found.marginal_keeping == pytest.approx(found.value, rel=1e-8)


def test_no_other_spend_is_better_than_the_balance_law() -> None:
    win, keep, margin = Response(0.4, 0.08), Response(0.85, 0.05), 120.0
    best = balance(win, keep, margin=margin, rate=0.12)
    for a in np.linspace(0, 3 * best.winning, 25):
        for r in np.linspace(0, 3 * best.keeping, 25):
            here = win.gained(a) * customer_value(r, keep, margin, 0.12) - a
            assert here <= best.equity + 1e-9


def test_sensitivities_lie_in_the_published_band() -> None:
    """Gupta, Lehmann & Stuart (2004): one per cent better retention is worth about five, margin one."""
    value = constant_retention_value(100.0, 0.8, 0.12)
    better = constant_retention_value(100.0, 0.8 * 1.01, 0.12)
    assert 0.03 < better / value - 1 < 0.07
    assert constant_retention_value(101.0, 0.8, 0.12) / value == pytest.approx(1.01)


def test_return_on_customer_matches_its_definition_and_refuses_negative_equity() -> None:
    assert return_on_customer(50.0, 980.0, 1000.0) == pytest.approx(0.03)
    for before in (0.0, -5.0):
        with pytest.raises(ParameterError, match="not above zero"):
            return_on_customer(50.0, 980.0, before)


def test_balance_says_what_is_no_response() -> None:
    with pytest.raises(ParameterError, match="without a margin"):
        balance(Response(0.3, 0.1), Response(0.8, 0.1), margin=0.0)
    with pytest.raises(ParameterError, match="at most one"):
        balance(Response(1.3, 0.1), Response(0.8, 0.1), margin=10.0)
    with pytest.raises(ParameterError, match="ceiling above"):
        Response.through(10.0, 0.5, 0.4)
    cheap = balance(Response(0.3, 0.001), Response(0.8, 0.001), margin=5.0)
    assert (cheap.winning, cheap.keeping, cheap.equity) == (0.0, 0.0, 0.0)
    assert cheap.marginal_winning is None


def test_a_quarter_that_broke_with_the_year_before_sets_the_pace() -> None:
    season = np.array([50.0, 80.0, 120.0, 400.0])
    assert _pace(np.tile(season, 3)).tolist() == season.tolist()
    stopped = np.concatenate([season, season, [50.0, 80.0, 0.0, 0.0]])
    assert _pace(stopped).tolist() == [0.0] * 4
    doubled = np.concatenate([season, season[:3], [1000.0]])
    assert _pace(doubled).tolist() == (2.5 * season).tolist()
    assert _pace(np.array([3.0, 3, 3, 4, 3, 3, 3, 1])).tolist() == [3.0, 3, 3, 1]  # so few tell nothing


def test_future_adds_up_by_hand() -> None:
    past = pd.DataFrame({"quarter": [], "new_customers": []})
    won = Acquisition(past, np.array([10.0, 20.0, 30.0, 40.0]), 1.0, 0.1)
    found = future_table(won, np.array([1.0, 0.5]), 100.0, 0.5, 3.0, 0.0)
    assert found["orders"].tolist() == [10.0, 25.0]  # 20 first orders, and half of 10
    assert found["discounted"].tolist() == [10 * 50 - 30, 25 * 50 - 60]


@pytest.mark.parametrize("model", ["BG/NBD", "Pareto/NBD"])
def test_chance_and_parameters_of_present_customers_match_the_drawn_total(
    small_company: CustomerBase, model: str
) -> None:
    summary = btyd.summarize(small_company, unit="W")
    fitted, spend = MODELS[model].fit(summary), btyd.GammaGamma.fit(summary)
    found = _present(fitted, spend, summary, (52, 0.10)).times(summary.kept_share)
    drawn = btyd.value_total(summary, fitted, spend, horizon=(52, "W"), rate=0.10, draws=100)
    assert found.value == pytest.approx(drawn.mean, rel=1e-9)
    assert found.upper - found.lower == pytest.approx(drawn.upper - drawn.lower, rel=0.35)


def test_the_first_year_is_the_forecast_of_the_other_pages_law(small_company: CustomerBase) -> None:
    found = firm_equity(small_company, margin=1.0, cost=0.0, years=1, rate=0.0)
    year = value_to_come(small_company, (52, "W")).total
    assert found.present.value == pytest.approx(year.mean)
    assert found.present.lower <= year.lower * 1.001
    assert found.present.upper >= year.upper * 0.999


def test_doubt_grows_with_the_years_law(small_company: CustomerBase) -> None:
    one, three = (firm_equity(small_company, margin=0.4, cost=0.0, years=n) for n in (1, 3))
    for name in ("present", "future"):
        wide = [getattr(found, name).error / getattr(found, name).value for found in (one, three)]
        assert wide[1] > 1.4 * wide[0]


def test_new_customers_are_doubted_by_what_earlier_years_were_off_by() -> None:
    steady, halved = np.full(12, 300.0), np.repeat([600.0, 300.0, 150.0], 4)
    assert 0.05 < _error(steady) < _error(halved)
    assert np.exp(1.96 * _error(halved)) > 2  # a year that was half of the one before is inside
    assert _error(np.repeat([600.0, 0.0], 4)) == 0  # nobody comes any more


def test_laws_of_firm_equity(small_company: CustomerBase) -> None:
    found = firm_equity(small_company, margin=0.4, cost=10.0)
    assert found.contracts is not None
    assert found.residual.value == pytest.approx(found.present.value + found.contracts.value)
    assert found.total.value == pytest.approx(found.residual.value + found.future.value)
    rich = firm_equity(small_company, margin=0.8, cost=20.0)
    assert rich.total.value == pytest.approx(2 * found.total.value)
    assert found.timing.sum() == pytest.approx(1)
    levers = found.sensitivity.set_index("lever")["change"]
    assert (levers > 0).all()
    future = levers["acquisition"]
    assert future == pytest.approx(0.01 * found.future.value)
    assert found.new_customer > found.basket * 0.4 * 0.9  # the first order alone
    again = unpack(pack(found))
    assert again.total == found.total
    assert again.sensitivity.equals(found.sensitivity)
    with_rate = firm_equity(small_company, margin=0.4, cost=10.0, rate=0.3)
    assert with_rate.total.value < found.total.value


def test_groups_add_up_to_present_customers_law(small_company: CustomerBase) -> None:
    found = firm_equity(small_company, margin=0.4, cost=0.0)
    summary = btyd.summarize(small_company, unit="W")
    groups = summary.history.select("customer_id", segment=(summary.history.frequency > 0).cast("string"))
    table = by_group(small_company, groups, found, summary)
    assert table["value"].sum() == pytest.approx(found.present.value, rel=1e-6)
    assert table["customers"].sum() == found.customers


def test_rows_after_the_day_are_invisible_law(small_company: CustomerBase) -> None:
    before = firm_equity(small_company.as_of("2024-12-31"), margin=0.4, cost=0.0)
    assert before.customers < firm_equity(small_company, margin=0.4, cost=0.0).customers
    assert before.acquired.past["quarter"].max().isoformat() == "2024-12-31"


def test_thin_data_say_how_much_they_need() -> None:
    rows = [(f"c{i}", f"2026-0{1 + i % 2}-0{1 + j}", 5.0) for i in range(120) for j in range(1 + i % 3)]
    frame = pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"])
    base = CustomerBase.open(frame, today="2026-06-01")
    with pytest.raises(CrmError):
        firm_equity(base)
    with pytest.raises(NotEnoughData, match="100 customers"):
        firm_equity(CustomerBase.open(frame.head(30), today="2026-06-01"))
    with pytest.raises(ParameterError, match="did you mean 'BG/NBD'"):
        firm_equity(base, model="BG/NB")


def with_contracts(share_as_lines: float) -> CustomerBase:
    """Contracts of €20 a month; each month one in twenty ends. A share of them is paid as lines, too."""
    chance = np.random.default_rng(4)
    day, rows, paid = pd.Timestamp("2025-12-31"), [], []
    for k in range(1200):
        start = day - pd.DateOffset(months=int(chance.integers(1, 30)))
        end = start + pd.DateOffset(months=int(chance.geometric(0.05)))
        rows.append((f"c{k}", start, end if end <= day else None, 1, 20.0))
        if k < share_as_lines * 1200:
            paid.append((f"c{k}", start, 20.0))
    asked = ["customer_id", "start_date", "cancelled_at", "recurrence_months", "amount"]
    sold = ["customer_id", "transaction_date", "unit_spend"]
    lines = pd.DataFrame([("c0", day, 5.0), *paid], columns=sold)
    tables = {"transactions": lines, "subscriptions": pd.DataFrame(rows, columns=asked)}
    return CustomerBase.open(tables, today="2026-01-01")


def test_running_contracts_are_worth_what_they_will_pay() -> None:
    base = with_contracts(0)
    found = contract_equity(base, years=2, rate=0.10, margin=0.5)
    asked = base.tables["subscriptions"]
    running = int(asked.filter(asked.cancelled_at.isnull()).count().to_pyarrow().as_py())
    months = np.arange(1, 25)
    planted = running * 20 * 0.5 * float((0.95**months) @ (1.1 ** (-months / 12)))
    assert found is not None
    assert found.value == pytest.approx(planted, rel=0.12)
    assert found.lower < found.value < found.upper
    twice = contract_equity(base, years=2, rate=0.10, margin=1.0)
    assert twice is not None
    assert twice.value == pytest.approx(2 * found.value)


def test_contracts_that_are_paid_as_purchases_are_not_counted_twice() -> None:
    assert contract_equity(with_contracts(0.9), years=2, rate=0.10, margin=0.5) is None
    assert contract_equity(with_contracts(0.1), years=2, rate=0.10, margin=0.5) is not None
