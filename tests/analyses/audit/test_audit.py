"""Lens 1 and 2 and acquisition on small bases counted by hand, and on the demo company's truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses import audit
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.company import plan
from crm_analytics.tables.customer_base import CustomerBase

DAY = "2025-12-31"


def opened(rows: list[tuple[str, str, float]], **tables: pd.DataFrame) -> CustomerBase:
    sales = pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"])
    return CustomerBase.open({"transactions": sales, **tables}, today=DAY).as_of(DAY)


@pytest.fixture(scope="module")
def company(demo_company: CustomerBase) -> CustomerBase:
    return demo_company.as_of(DAY)


FIVE = [  # openretailscience's example, and two more: reactivated, and a return alone
    ("1", "2024-06-01", 10.0), ("1", "2025-06-01", 12.0),
    ("2", "2024-06-01", 10.0), ("2", "2025-06-01", 7.0),
    ("3", "2024-06-01", 10.0),
    ("4", "2025-06-01", 10.0),
    ("5", "2025-06-01", 11.0),
    ("6", "2023-03-01", 10.0), ("6", "2025-03-01", 9.0),
    ("7", "2023-03-01", 10.0), ("7", "2024-03-01", -10.0),
    ("8", "2023-01-01", 10.0), ("9", "2025-12-31", 4.0),
]  # fmt: skip


def test_new_repeating_lapsed_matches_openretailscience_example() -> None:
    found = audit.change(opened(FIVE))
    assert found is not None
    counts = found.groups.set_index("group")["customers"].to_dict()
    assert counts == {"new": 3, "reactivated": 1, "repeating": 2, "lapsed": 1}
    moves = found.moves.set_index("move")
    assert moves["change"].to_dict() == {
        "new": 25, "reactivated": 9, "increased": 2, "decreased": -3, "lapsed": -10, "returned": 10,
    }  # fmt: skip
    net = {"new": 25, "repeating": -1, "reactivated": 9, "lapsed": -10, "returned": 10}
    assert found.net_moves == net
    assert found.repeat_rate[0] == pytest.approx(2 / 3)
    assert found.repeat_rate[3] == 3


def test_moves_and_tree_and_products_sum_to_the_change(company: CustomerBase) -> None:
    found = audit.change(company)
    assert found is not None
    change = found.totals.revenue.now - found.totals.revenue.before
    assert found.moves["change"].sum() == pytest.approx(change)
    assert found.tree is not None
    assert sum(
        found.tree.contribution(f) for f in ("customers", "frequency", "order_value")
    ) == pytest.approx(change)
    assert found.products is not None
    assert found.products["change"].sum() == pytest.approx(change)
    parts = found.products[["new", "lost", "increased", "decreased", "switched_from", "switched_to"]]
    assert np.allclose(parts.sum(axis=1), found.products["change"])


def test_a_period_that_is_not_whole_is_not_compared() -> None:
    assert audit.change(opened([r for r in FIVE if r[1] > "2024-04"])) is None


def test_deciles_hold_all_and_fall(company: CustomerBase) -> None:
    found = audit.value_spread(company)
    deciles = found.deciles
    assert deciles["revenue_share"].sum() == pytest.approx(1)
    assert deciles["customers"].max() - deciles["customers"].min() <= 1
    assert deciles["revenue_per_customer"].is_monotonic_decreasing
    assert deciles["profit"].sum() == pytest.approx((deciles["margin"] - deciles["cost_to_serve"]).sum())
    assert found.whale["profit_share"].iloc[-1] == pytest.approx(1)
    assert found.peak is not None
    assert found.peak >= 1
    assert found.uncosted == pytest.approx(0)


def test_whale_falls_back_where_customers_cost_more_than_they_bring() -> None:
    rows = [(f"c{i}", "2025-07-01", 100.0) for i in range(40)]
    sales = pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"]).assign(
        unit_cost=60.0
    )
    solved = {"created_at": "2025-07-01", "last_solved_at": "2025-07-01"}
    tickets = pd.DataFrame(
        {"ticket_id": ["a", "b"], "customer_id": ["c1", "c2"], "cost": [240.0, 140.0], **solved}
    )
    base = CustomerBase.open({"transactions": sales.assign(unit_cost=60.0), "tickets": tickets}, today=DAY)
    found = audit.value_spread(base)
    assert found.below_zero == (2, -300.0)
    assert found.peak == pytest.approx(1520 / 1220)


def test_too_few_customers_are_refused_in_words() -> None:
    with pytest.raises(NotEnoughData, match="30"):
        audit.value_spread(opened(FIVE))


def test_acquisition_counts_first_years_alone() -> None:
    people = pd.DataFrame(
        {"customer_id": list("123456789"), "acquisition_channel": ["ad"] * 5 + ["friend"] * 4,
         "acquisition_cost": [5.0] * 5 + [1.0] * 4}
    )  # fmt: skip
    found = audit.acquisition(opened(FIVE, customers=people))
    assert found is not None
    sources = found.sources.set_index("source")
    assert sources["customers"].to_dict() == {"ad": 3, "friend": 3}  # 4, 5 and 9 came within the year
    assert sources["repeated"].to_dict() == {"ad": 0, "friend": 0}
    assert found.winning is not None
    assert found.winning.value == pytest.approx((5 + 5 + 1) / 3)
    assert found.keeping is None


def test_a_return_after_the_first_year_counts_in_no_first_year() -> None:
    people = pd.DataFrame({"customer_id": ["a"], "acquisition_channel": ["ad"]})
    rows = [("a", "2023-01-01", 10.0), ("a", "2023-12-31", 5.0), ("a", "2024-01-01", 7.0), ("z", DAY, 1.0)]
    found = audit.acquisition(opened(rows, customers=people))
    assert found is not None
    assert found.sources["revenue"].tolist() == [15.0]


def test_an_unknown_cost_is_not_nothing() -> None:
    people = pd.DataFrame(
        {"customer_id": list("12368"), "acquisition_channel": ["ad", "ad", "ad", "tv", "tv"]}
    )
    people["acquisition_cost"] = [6.0, None, 2.0, None, None]
    found = audit.acquisition(opened(FIVE, customers=people))
    assert found is not None
    cost = found.sources.set_index("source")["cost"]
    assert cost["ad"] == pytest.approx(4.0)
    assert np.isnan(cost["tv"])


def test_costs_of_winning_recover_planted_truth(company: CustomerBase) -> None:
    found = audit.acquisition(company)
    assert found is not None
    cost = found.sources.set_index("source")["cost"]
    for source in ("search", "social", "display", "direct"):
        n = found.sources.set_index("source")["customers"][source]
        planted = plan.ACQUISITION_COST[source] * 0.98  # the second key of a person costs nothing
        assert cost[source] == pytest.approx(planted, rel=3.5 / 3 / np.sqrt(n) + 0.02)
    assert found.ratio is not None
    assert found.ratio.lower < found.ratio.value < found.ratio.upper


def test_quality_of_sources_recovers_planted_truth(company: CustomerBase) -> None:
    found = audit.acquisition(company)
    assert found is not None
    revenue = found.sources.set_index("source")
    better = [c.name for c in plan.CHANNELS if c.quality > 1]
    worse = [c.name for c in plan.CHANNELS if c.quality < 1]
    mean = {
        side: (revenue.loc[names, "revenue"] * revenue.loc[names, "customers"]).sum()
        / revenue.loc[names, "customers"].sum()
        for side, names in (("better", better), ("worse", worse))
    }
    assert mean["better"] > 1.1 * mean["worse"]
    apart = audit.sources_apart(found.sources).set_index("source")
    clear = apart[apart["clear"]]
    assert not set(clear.index[clear["difference"] > 0]) & set(worse)
    assert not set(clear.index[clear["difference"] < 0]) & set(better)


def test_without_a_channel_there_is_no_table() -> None:
    assert audit.acquisition(opened(FIVE)) is None


def test_interval_of_a_category_takes_customers_as_the_draw() -> None:
    draw = np.random.default_rng(8)
    change = draw.normal(3, 20, 80).round(2)
    rows = [(f"c{i}", "2024-06-01", 100.0, "p") for i in range(80)]
    rows += [(f"c{i}", "2025-06-01", 100.0 + x, "p") for i, x in enumerate(change)]
    rows += [("z", "2024-01-01", 5.0, "q"), ("z", DAY, 5.0, "q")]
    sales = pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend", "product_id"])
    goods = pd.DataFrame({"product_id": ["p", "q"], "category_0_name": ["tea", "cups"]})
    base = CustomerBase.open({"transactions": sales, "products": goods}, today=DAY)
    found = audit.gain_loss_by(base, "-52w")
    assert found is not None
    tea = found.set_index("level").loc["tea"]
    every = np.append(change, 0.0)  # z bought no tea
    assert tea["change"] == pytest.approx(every.sum())
    half = 1.959964 * np.sqrt(len(every)) * every.std(ddof=1)
    assert tea["upper"] - tea["change"] == pytest.approx(half)
    assert tea["change"] - tea["lower"] == pytest.approx(half)
