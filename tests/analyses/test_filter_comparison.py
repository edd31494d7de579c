"""Two filters in one call: means as pandas counts them, and intervals that hold what they promise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.comparison import compare_filters
from crm_analytics.errors import NotEnoughData, ParameterError


def drawn(rng: np.random.Generator, n: int, means: dict[str, float]) -> dict[str, pd.DataFrame]:
    """Customers of two countries with skewed spend of known means."""
    country = rng.choice(list(means), n)
    spend = rng.gamma(2.0, np.array([means[c] for c in country]) / 2)
    ids = [f"c{i}" for i in range(n)]
    lines = pd.DataFrame({"customer_id": ids, "unit_spend": spend.round(2), "transaction_date": "2026-01-05"})
    return {"transactions": lines, "customers": pd.DataFrame({"customer_id": ids, "country": country})}


def test_intervals_recover_planted_truth_as_often_as_they_promise() -> None:
    truth, held = 100.0 / 80.0 - 1, 0
    for seed in range(40):
        base = CustomerBase.open(
            drawn(np.random.default_rng(seed), 400, {"A": 100.0, "B": 80.0}), today="2026-02-01"
        )
        row = compare_filters(base, {"country": "A"}, {"country": "B"}).figures.iloc[0]
        held += bool(row["lower"] <= truth <= row["upper"])
    assert held >= 34  # 38 expected; fewer than 34 in one of three hundred such series


def test_means_are_those_of_the_rows_law(small_company) -> None:
    found = compare_filters(small_company, {"channel": "web"}, {"channel": "store"}, span="-52w")
    day = pd.Timestamp(small_company.day)
    lines = small_company.collect(small_company.transactions)
    lines = lines[
        (lines["transaction_date"].dt.normalize() > day - pd.Timedelta(days=364))
        & lines["customer_id"].notna()
    ]
    for place, channel in (("first", "web"), ("second", "store")):
        mine = lines[lines["channel"] == channel]
        day_spend = mine.assign(
            day=mine["transaction_date"].dt.normalize(), bought=~mine["is_return"].fillna(False)
        )
        days = day_spend.groupby(["customer_id", "day"]).agg(
            spend=("unit_spend", "sum"), bought=("bought", "any")
        )
        orders = days[days["bought"] & (days["spend"] >= 0)].groupby("customer_id").size()
        row = found.figures.set_index("figure").loc["orders_per_customer"]
        assert row[place] == pytest.approx(orders.mean(), rel=1e-12)
    assert found.shared > 0


def test_a_group_against_itself_differs_by_nothing_law(small_company) -> None:
    found = compare_filters(small_company, {"channel": "web"}, {"channel": "web"})
    assert found.shared == found.customers[0] == found.customers[1]
    assert found.figures[["change", "lower", "upper"]].abs().to_numpy().max() < 1e-9


def test_a_thin_or_unknown_group_says_which() -> None:
    base = CustomerBase.open(drawn(np.random.default_rng(1), 6, {"A": 1.0, "B": 1.0}), today="2026-02-01")
    with pytest.raises(NotEnoughData, match=r"A comparison with 'country [AB]' needs at least 5 buyers"):
        compare_filters(base, {"country": "A"}, {"country": "B"})
    with pytest.raises(ParameterError, match="nobody has country C"):
        compare_filters(base, {"country": "A"}, {"country": "C"})
