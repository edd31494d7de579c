"""The textbook's value: by hand, on CDNOW, on forty customers, and at the edges."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import btyd
from crm_analytics.errors import ParameterError


def base_of(rows: list[tuple[str, str, float]]) -> CustomerBase:
    lines = pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"])
    return CustomerBase.open(lines, today="2027-01-01")


def weekly(customers: int, weeks: int, stay: float = 1.0, seed: int = 1) -> CustomerBase:
    """Everybody buys once a week for 5, and leaves with probability 1 - stay after each."""
    rng = np.random.default_rng(seed)
    rows = []
    for one in range(customers):
        for week in range(weeks):
            rows.append((f"c{one}", str((pd.Timestamp("2026-01-05") + pd.Timedelta(weeks=week)).date()), 5.0))
            if rng.random() > stay:
                break
    return base_of(rows)


def test_cdnow_by_plain_pandas(past):
    found = btyd.textbook_value(past)
    days = past.collect(past.occasions)
    days["back"] = (pd.Timestamp("1997-09-30") - days["day"]).dt.days // 91
    days = days[days["back"] < 3]
    active = days[["customer_id", "back"]].drop_duplicates()
    pairs = set(active.itertuples(index=False, name=None))
    at_risk = [(c, k) for c, k in pairs if k > 0]
    retained = sum((c, k - 1) in pairs for c, k in at_risk)
    assert (found.period, found.period_days, found.periods) == ("quarter", 91, 3)
    assert (found.at_risk, found.retained) == (len(at_risk), retained)
    assert (found.occasions, found.active_periods, found.customers) == (len(days), len(active), 2357)
    assert found.average_purchase_value == pytest.approx(days["spend"].mean())
    assert found.purchases_per_year == pytest.approx(len(days) / len(active) * 365.25 / 91)
    churn = 1 - retained / len(at_risk)
    assert found.lifespan_years == pytest.approx(91 / 365.25 / churn)
    product = found.average_purchase_value * found.purchases_per_year * found.lifespan_years
    assert found.value == pytest.approx(product)
    assert f"{len(at_risk):,} customers" in found.rule


def test_forty_customers_and_eight_weeks_are_enough():
    found = btyd.textbook_value(weekly(40, 8, stay=0.8))
    assert found.customers == 40
    assert found.churn is not None
    assert found.value > 0
    assert np.isfinite(found.value)


def test_churn_recovers_planted_truth():
    found = btyd.textbook_value(weekly(3_000, 20, stay=0.7), period="week")
    assert found.churn == pytest.approx(0.3, abs=3 * np.sqrt(0.21 / found.at_risk))
    assert found.lifespan_years == pytest.approx(7 / 365.25 / found.churn)
    assert found.average_purchase_value == 5


def test_nobody_lost_is_capped_in_words():
    found = btyd.textbook_value(weekly(40, 8), period="fortnight")
    assert found.capped
    assert found.retained == found.at_risk
    assert found.churn == pytest.approx(3 / found.at_risk)
    assert "the most it may be at 95 % confidence" in found.rule


def test_ten_years_are_the_limit():
    found = btyd.textbook_value(weekly(300, 50), period="month")
    assert found.lifespan_years == 10
    assert "Limited to 10 years" in found.rule


def test_a_handful_of_customers_falls_back_to_the_span_seen():
    found = btyd.textbook_value(weekly(3, 3))
    assert found.churn is None
    assert "too few for a churn rate" in found.rule
    assert found.lifespan_years == pytest.approx(15 / 365.25)


def test_everybody_on_one_day():
    found = btyd.textbook_value(base_of([("a", "2026-01-05", 4.0), ("b", "2026-01-05", 6.0)]))
    assert found.average_purchase_value == 5
    assert np.isfinite(found.value)
    assert found.churn is None


def test_ingredients_show_their_n(past):
    table = btyd.textbook_value(past).ingredients
    assert table["ingredient"].tolist() == [
        "average purchase value",
        "purchases a year",
        "lifespan",
        "lifetime value",
    ]
    assert (table["n"] > 0).all()


def test_unknown_period_says_which_there_are(past):
    with pytest.raises(ParameterError, match="expected one of half-year, quarter, month"):
        btyd.textbook_value(past, period="decade")
