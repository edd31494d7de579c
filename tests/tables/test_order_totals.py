"""A total of an order on every line of it is told; prices that happen to be alike are not."""

from __future__ import annotations

import pandas as pd
import pytest

from crm_analytics import CustomerBase

TODAY = "2026-07-01"


def lines(amount: str, of_order, of_line) -> pd.DataFrame:
    """Sixty orders of one to four lines; the amount of a line is that of its order plus that of the line."""
    rows = [
        {
            "order_id": f"o{order}",
            "transaction_date": f"2025-{1 + order % 12:02d}-{1 + order % 28:02d}",
            "customer_id": f"c{order % 17}",
            "sku": f"p{line}",
            amount: of_order(order) + of_line(line),
        }
        for order in range(60)
        for line in range(1 + order % 4)
    ]
    return pd.DataFrame(rows)


def opened(table: pd.DataFrame, amount: str) -> CustomerBase:
    how = {"unit_spend": amount, "transaction_id": "order_id", "product_id": "sku"}
    return CustomerBase.open(table, today=TODAY, mapping={"transactions": how})


@pytest.mark.parametrize("name", ["order_total", "Grand Total", "Rechnungsbetrag", "total"])
def test_the_total_of_an_order_on_each_of_its_lines_is_told(name) -> None:
    base = opened(lines(name, lambda order: 20.0 + order, lambda line: 0.0), name)
    [told] = [one for one in base.findings if one.kind == "order_total"]
    assert (told.severity, told.column, told.rows) == ("serious", "unit_spend", 135)
    assert "45 of 45 orders" in told.says
    assert "unit_spend = " in told.settles


@pytest.mark.parametrize(
    ("name", "of_order", "of_line"),
    [
        ("order_total", lambda order: 20.0 + order, lambda line: 3.0 * line),  # lines differ
        ("order_total", lambda order: 9.0, lambda line: 0.0),  # one price for all
        ("line_amount", lambda order: 20.0 + order, lambda line: 0.0),  # not called a total
    ],
)
def test_amounts_of_lines_are_not_taken_for_totals(name, of_order, of_line) -> None:
    base = opened(lines(name, of_order, of_line), name)
    assert "order_total" not in {one.kind for one in base.findings}


def with_totals(of_line, more: int = 0) -> pd.DataFrame:
    """Forty orders of two to four lines, each with one more line that is their sum, give or take."""
    rows = []
    for order in range(40):
        amounts = [of_line(order, line) for line in range(2 + order % 3)]
        about = {"order_id": f"o{order}", "transaction_date": f"2025-03-{1 + order % 28:02d}", "sku": ""}
        about["customer_id"] = f"c{order % 17}"
        rows += [{**about, "price": amount} for amount in (*amounts, sum(amounts) + more)]
    return pd.DataFrame(rows)


def test_the_total_of_an_order_on_a_line_of_its_own_is_told() -> None:
    base = opened(with_totals(lambda order, line: 5 + order + 3 * line), "price")
    [told] = [one for one in base.findings if one.kind == "order_total"]
    assert (told.severity, told.rows) == ("serious", 40)
    assert "40 of the first 40 orders" in told.says


def test_a_large_line_beside_small_ones_is_no_total() -> None:
    base = opened(with_totals(lambda order, line: 5 + order + 3 * line, more=1), "price")
    assert "order_total" not in {one.kind for one in base.findings}
