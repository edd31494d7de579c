"""A balance in the place of amounts and one line far above all others are told; growing sales are not."""

from __future__ import annotations

import random
from collections.abc import Callable

import pandas as pd
import pytest

from crm_analytics import CustomerBase

Row = dict[str, object]


def sales(seed: int = 1, n: int = 200) -> list[Row]:
    chance = random.Random(seed)
    days = pd.date_range("2025-01-01", periods=n).strftime("%Y-%m-%d")
    names = ("customer_id", "transaction_date", "unit_spend")
    drawn = [(f"c{chance.randrange(12)}", day, chance.randrange(300, 9900) / 100) for day in days]
    return [dict(zip(names, row, strict=True)) for row in drawn]


def kinds(rows: list[Row]) -> dict[str, str]:
    base = CustomerBase.open(pd.DataFrame(rows), today="2026-07-01")
    return {finding.kind: finding.severity for finding in base.findings}


def balance(rows: list[Row], whose: Callable[[Row], object]) -> list[Row]:
    so_far: dict[object, float] = {}
    out = []
    for row in rows:
        so_far[whose(row)] = so_far.get(whose(row), 0.0) + float(str(row["unit_spend"]))
        out.append({**row, "unit_spend": round(so_far[whose(row)], 2)})
    return out


@pytest.mark.parametrize("whose", [lambda row: None, lambda row: row["customer_id"]])
def test_a_balance_is_no_amount(whose) -> None:
    assert kinds(balance(sales(), whose)).get("running_total") == "serious"


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows,
        lambda rows: sorted(rows, key=lambda row: row["unit_spend"]),  # a file in the order of its amounts
        lambda rows: [
            {**row, "unit_spend": 5 + i / 20 + row["unit_spend"] % 7} for i, row in enumerate(rows)
        ],
        lambda rows: [{**row, "unit_spend": 9.0} for row in rows],
    ],
)
def test_sales_that_grow_are_no_balance(change) -> None:
    found = kinds(change(sales()))
    assert not {"running_total", "one_large_line"} & found.keys()


def test_one_line_far_above_all_others_is_told() -> None:
    rows = sales()
    assert kinds([*rows, {**rows[-1], "unit_spend": 5000.0}]).get("one_large_line") == "warning"
    assert "one_large_line" not in kinds([*rows, *({**rows[-1], "unit_spend": 4000.0 + i} for i in range(3))])
