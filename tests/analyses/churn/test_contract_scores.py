"""Which contracts end: a model where there are enough, held against a window unseen; else their rate."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.churn import contract_scores
from crm_analytics.errors import DataError, NotEnoughData, ParameterError

MONTH = pd.Timedelta(days=30.4375)
FIRST, LAST = pd.Timestamp("2024-01-01"), pd.Timestamp("2025-12-31")


def base_of(n: int, cheap: float = 0.03, dear: float = 0.15, **columns: object) -> CustomerBase:
    """Monthly contracts of two prices; those at 30 end five times as fast as those at 10."""
    rng = np.random.default_rng(4)
    price = np.where(rng.random(n) < 0.5, 10.0, 30.0)
    start = FIRST + pd.to_timedelta(rng.integers(0, 700, n), unit="D")
    end = start + rng.geometric(np.where(price == 10, cheap, dear), n) * MONTH
    frame = pd.DataFrame({
        "subscription_id": [f"s{i:05}" for i in range(n)], "customer_id": [f"c{i:05}" for i in range(n)],
        "start_date": start, "cancelled_at": pd.Series(end).where(end <= LAST), "amount": price,
        "recurrence_months": 1,
    }).assign(**columns)  # fmt: skip
    bought = pd.DataFrame(
        {"customer_id": ["c00000"] * 2, "transaction_date": [FIRST, LAST], "unit_spend": 1.0}
    )
    return CustomerBase.open({"transactions": bought, "subscriptions": frame}, today="2026-01-01")


@pytest.fixture(scope="module")
def many() -> CustomerBase:
    return base_of(6000)


def test_chances_recover_planted_truth(many: CustomerBase) -> None:
    found = contract_scores(many)
    assert found.method == "logistic", found.unmet
    price = found.scores["price_a_month"]
    for paid, rate in ((10.0, 0.03), (30.0, 0.15)):
        planted = 1 - (1 - rate) ** (91 / 30.4375)
        assert found.scores.loc[price == paid, "probability"].mean() == pytest.approx(planted, abs=0.04)
    assert (found.scores["at_risk"] == found.scores["probability"] * price).all()
    assert (found.scores.loc[price == 30.0, "reason"] == "its price").mean() > 0.9


def test_the_model_is_held_against_the_rate_on_a_window_it_has_not_seen(many: CustomerBase) -> None:
    table = contract_scores(many).evidence.set_index("method")
    assert table.loc["logistic", "auc_lower"] > table.loc["rate of its kind", "auc_upper"]
    assert table.loc["logistic", "brier"] < table.loc["rate of its kind", "brier"]
    assert (table["n"] > 1000).all()
    assert (table["ended"] > 0).all()


def test_contracts_that_end_after_the_day_change_no_chance() -> None:
    day, later = "2025-09-30", pd.Timestamp("2025-10-01")
    base = base_of(6000)
    subscriptions = base.collect(base.snapshot.tables["subscriptions"])
    bought = base.collect(base.snapshot.tables["transactions"])
    known = subscriptions["cancelled_at"].where(subscriptions["cancelled_at"] < later)
    blind = {"transactions": bought, "subscriptions": subscriptions.assign(cancelled_at=known)}
    one, other = (contract_scores(b.as_of(day)).scores
                  for b in (base, CustomerBase.open(blind, today="2026-01-01")))  # fmt: skip
    pd.testing.assert_frame_equal(one, other)


def test_few_contracts_have_the_rate_of_their_kind_and_say_so(demo_company: CustomerBase) -> None:
    found = contract_scores(demo_company)
    assert found.method == "rate of its kind"
    assert "contracts, at least 1,000 are needed" in " ".join(found.unmet)
    running = found.scores
    assert running["probability"].between(0, 1).all()
    assert running["subscription_id"].is_unique
    planted = 1 - (1 - 0.035) ** (91 / 30.4375)
    assert running["probability"].mean() == pytest.approx(planted, abs=0.03)
    assert found.expected == pytest.approx(running["probability"].sum())
    assert found.interval[0] < len(running) * planted < found.interval[1]


def test_refusals_say_what_is_missing_and_what_is_wrong() -> None:
    with pytest.raises(ParameterError, match="a whole number of days"):
        contract_scores(base_of(50), 30.5)  # type: ignore[arg-type]
    over = base_of(50, end_date=pd.Timestamp("2024-06-30"), start_date=FIRST)
    with pytest.raises(NotEnoughData, match="running contracts"):
        contract_scores(over)
    bought = pd.DataFrame({"customer_id": ["a"], "transaction_date": ["2025-12-31"], "unit_spend": [1.0]})
    with pytest.raises(DataError, match="subscriptions"):
        contract_scores(CustomerBase.open(bought, today="2026-01-01"))
