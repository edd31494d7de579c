"""The four groups and the significant customers, on bases small enough to work out by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from crm_analytics.analyses.portfolio.portfolio import (
    BELOW_ZERO,
    GROWABLE,
    VALUABLE,
    Portfolio,
    portfolio,
)
from crm_analytics.analyses.portfolio.strategic_customers import significant
from crm_analytics.tables.customer_base import CustomerBase

DAY = "2026-12-31"
IDS = [f"c{i:02}" for i in range(20)]


def found(
    sales: list[tuple[str, str, float]], values: dict[str, float], alive: dict[str, float] | None = None,
    **tables: pd.DataFrame,
) -> tuple[CustomerBase, Portfolio, pd.DataFrame]:  # fmt: skip
    """The portfolio of twenty customers worth 10 each but for those named."""
    rows = [*sales, ("c19", DAY, 1.0), *((c, "2026-06-01", 1.0) for c in IDS)]
    frame = pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"])
    base = CustomerBase.open({"transactions": frame, **tables}, today=DAY)
    scored = pd.DataFrame(
        {
            "customer_id": IDS,
            "lifetime_value": [values.get(c, 10.0) for c in IDS],
            "probability_alive": [(alive or {}).get(c, 0.9) for c in IDS],
        }
    )
    groups = portfolio(base, base.to_engine(scored))
    return base, groups, base.collect(groups.customers).set_index("customer_id")


def tickets(*rows: tuple[str, float]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "ticket_id": [f"t{i}" for i in range(len(rows))],
            "customer_id": [who for who, _ in rows],
            "created_at": "2026-11-01",
            "cost": [cost for _, cost in rows],
        }
    )


def test_who_has_left_is_not_below_zero_for_what_he_cost_once() -> None:
    _, _, table = found(
        [], {"c00": 5.0, "c01": 5.0}, {"c00": 0.01, "c01": 0.99}, tickets=tickets(("c00", 40), ("c01", 40))
    )
    assert table["group"]["c01"] == BELOW_ZERO
    assert table["group"]["c00"] != BELOW_ZERO
    assert table["value"]["c00"] == pytest.approx(5 - 0.01 * 40)


def test_a_christmas_buyer_is_not_four_times_more_growable() -> None:
    sales = [("c00", "2026-12-10", 59.0), ("c00", "2025-12-10", 60.0), ("c01", "2025-03-01", 50.0)]
    _, _, table = found(sales, {"c00": 55.0} | dict.fromkeys(IDS[10:14], 80.0))
    assert table["gap"]["c00"] == 0  # never more than 60 a year
    assert table["gap"]["c01"] == pytest.approx(0.9 * 50 - 10)
    assert table["group"]["c01"] == GROWABLE


def test_a_best_year_is_never_the_sum_of_two() -> None:
    edge = [("c00", "2026-01-02", 30.0), ("c00", "2026-01-01", 30.0)]  # 363 and 364 days before
    _, _, table = found(edge, {"c00": 0.0})
    assert table["gap"]["c00"] == pytest.approx(0.9 * 31)  # 30 and the 1 of June


def test_the_share_of_the_most_valuable_has_an_interval_that_holds_it() -> None:
    _, groups, _ = found([], dict.fromkeys(IDS[:4], 100.0))
    share, lower, upper = groups.top_share
    assert lower < share < upper
    assert share == pytest.approx(groups.groups.set_index("group")["value_share"][VALUABLE])
    assert share == pytest.approx(400 / 560)


def test_a_portfolio_worth_nothing_has_no_shares() -> None:
    _, groups, table = found([], dict.fromkeys(IDS, 0.0))
    assert groups.top_share is None
    assert groups.groups["value_share"].isna().all()
    assert len(table) == 20


def test_reasons_that_the_data_do_not_tell_are_missing_not_nought() -> None:
    base, groups, _ = found([], {"c00": 50.0})
    told = significant(base, groups).reasons.set_index("reason")["customers"]
    assert told["high future value"] == 1
    for reason in ("cost magnet", "benchmark", "inspiration", "door opener"):
        assert pd.isna(told[reason]), reason
    base, groups, _ = found([], {}, tickets=tickets(("c03", 40)))
    marked = significant(base, groups)
    assert marked.reasons.set_index("reason")["customers"]["cost magnet"] == 1
    reasons = base.collect(marked.customers).set_index("customer_id")["reasons"]
    assert "cost magnet" in reasons["c03"]
