"""Amounts that stand for unknown are told, whatever the size of the table; real prices are not."""

from __future__ import annotations

import pandas as pd
import pytest

from crm_analytics import CustomerBase


def found(amounts: list[float]) -> list[tuple[int, float | None]]:
    rows = pd.DataFrame({
        "customer_id": [f"k{n % 7}" for n in range(len(amounts))],
        "transaction_date": pd.date_range("2025-01-01", periods=len(amounts)),
        "unit_spend": amounts,
    })  # fmt: skip
    base = CustomerBase.open(rows, today="2026-01-01")
    return [(f.rows, f.money) for f in base.findings if f.kind == "placeholder_amount"]


USUAL = [12.5, 8.0, 30.0, 19.99, 9.99, 7.2, 15.0, 11.0, 22.0]


@pytest.mark.parametrize("odd", [9999, 9999.99, 999999, 99999.9, -99999, 999999999])
def test_one_amount_of_nines_in_a_small_table_is_told(odd: float) -> None:
    assert found([*USUAL, odd]) == [(1, pytest.approx(odd))]


@pytest.mark.parametrize(
    "amounts",
    [USUAL, [*USUAL, 9998.0], [*USUAL, 99.99], [n * 500 for n in USUAL] + [9999.99], [*USUAL, 99989.99]],
)
def test_real_prices_are_not_told(amounts: list[float]) -> None:
    assert found(amounts) == []
