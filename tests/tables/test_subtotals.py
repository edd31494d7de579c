"""Sums among the purchase lines are no sales; sales without a customer that happen to add up are."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.tables.incremental import open_incrementally
from crm_analytics.tables.row_store import RowStore
from crm_analytics.tables.source_ref import read_source

TODAY = "2026-07-01"
COLUMNS = ["customer_id", "transaction_date", "unit_spend", "store_id", "item"]
DAYS = pd.date_range("2025-03-01", periods=300).strftime("%Y-%m-%d").tolist()
STORES = ("north", "south", "west")
Line = tuple[str, str, int, str, str]


def sales(
    n: int = 300, nobody: float = 0.0, prices: tuple[int, ...] = (4, 7, 9, 12), seed: int = 1
) -> list[Line]:
    """Sales of nine months, some of them without a customer."""
    chance = random.Random(seed)
    return [
        (
            "" if chance.random() < nobody else f"c{chance.randrange(40)}",
            DAYS[i * 300 // n],
            chance.choice(prices) * chance.choice([1, 1, 2, 3]),
            chance.choice(STORES),
            chance.choice(["pan", "pot"]),
        )
        for i in range(n)
    ]


def total(lines: list[Line], day: str = "", store: str = "", who: str = "", item: str = "") -> Line:
    return who, day, sum(line[2] for line in lines), store, item


def in_months(lines: list[Line], **sum_of: str) -> list[list[Line]]:
    """Lines by month, each month with its sum below it."""
    months = sorted({line[1][:7] for line in lines})
    blocks = [[line for line in lines if line[1].startswith(month)] for month in months]
    return [[*block, total(block, **{"day": block[-1][1], **sum_of})] for block in blocks]


def flat(blocks: list[list[Line]]) -> list[Line]:
    return [line for block in blocks for line in block]


def opened(folder: Path, lines: list[Line]) -> CustomerBase:
    pd.DataFrame(lines, columns=COLUMNS).to_csv(folder / "sales.csv", index=False)
    return CustomerBase.open(folder / "sales.csv", today=TODAY)


def orders_with_sums(lines: list[Line]) -> list[Line]:
    """Every five lines with their sum, and every thirty with theirs."""
    out: list[Line] = []
    for first in range(0, len(lines), 30):
        for at in range(first, first + 30, 5):
            out += [*lines[at : at + 5], total(lines[at : at + 5], lines[at][1])]
        out.append(total(lines[first : first + 30], lines[first][1]))
    return out


def carried(lines: list[Line]) -> list[Line]:
    """Every fifty lines all that came before, at the foot of the page and at the head of the next."""
    out: list[Line] = []
    for first in range(0, len(lines), 50):
        carry = total(lines[:first], lines[first][1])
        out += [*([carry, carry] if first else []), *lines[first : first + 50]]
    return out


SUMS: dict[str, Callable[[list[Line]], list[Line]]] = {
    "below each month": lambda s: flat(in_months(s)),
    "above each month": lambda s: flat(in_months(s))[::-1],
    "and of all": lambda s: [*flat(in_months(s)), total(s, s[-1][1])],
    "carried from page to page": carried,
    "without a day": lambda s: flat(in_months(s, day="")),
    "in two levels": orders_with_sums,
    "of shops, at the end": lambda s: [
        *s,
        *(total([x for x in s if x[3] == store], s[-1][1], store) for store in STORES),
    ],
    "of shops, without a day": lambda s: [
        *(total([x for x in s if x[3] == store], "", store) for store in STORES),
        *s,
    ],
}


@pytest.mark.parametrize("how", SUMS)
@pytest.mark.parametrize("nobody", [0.0, 0.2])
def test_sums_of_blocks_are_no_sales_and_real_ones_stay(tmp_path, how: str, nobody: float) -> None:
    if nobody and how.startswith("of shops"):
        pytest.skip("a shop with other lines of nobody is not told from its sum")
    lines = sales(300, nobody)
    base = opened(tmp_path, SUMS[how](lines))
    assert (base.counts["rows"], base.counts["revenue"]) == (300, sum(line[2] for line in lines))
    [told] = [one for one in base.findings if one.kind == "subtotals"]
    assert told.severity == "serious"
    assert told.rows == base.accounts["transactions"].totals == len(SUMS[how](lines)) - 300
    assert base.accounts["transactions"].broken == 0


def test_the_line_that_settles_subtotals_settles_them(tmp_path) -> None:
    lines = sales()
    base = opened(tmp_path, flat(in_months(lines)))
    [told] = [one for one in base.findings if one.kind == "subtotals"]
    assert told.settles == '[transactions]\nexcept = { "customer_id" = [""] }'
    mapping = {"transactions": {"except": {"customer_id": [""]}}}
    settled = CustomerBase.open(tmp_path / "sales.csv", today=TODAY, mapping=mapping)
    assert settled.counts["revenue"] == base.counts["revenue"]
    assert "subtotals" not in {one.kind for one in settled.findings}


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("nobody", "prices"), [(0.4, (4, 7, 9)), (0.5, (7,)), (0.9, (5, 10)), (1.0, (7,))])
def test_cash_sales_that_happen_to_add_up_are_sales_law(tmp_path, nobody: float, prices, seed: int) -> None:
    lines = [("c1", DAYS[0], 3, "north", "pan"), *sales(400, nobody, prices, seed)]
    base = opened(tmp_path, lines)
    assert (base.counts["rows"], base.counts["revenue"]) == (401, sum(line[2] for line in lines))
    assert not {"subtotals", "total_word"} & {one.kind for one in base.findings}


def test_a_sum_whose_block_has_a_broken_line_is_told(tmp_path) -> None:
    lines = flat(in_months(sales()))
    broken = [(who, day, "?" if i == 3 else spend, store, item)
              for i, (who, day, spend, store, item) in enumerate(lines)]  # fmt: skip
    [told] = [one for one in opened(tmp_path, broken).findings if one.kind == "subtotals"]
    assert "1 other line without a customer" in told.says


@pytest.mark.parametrize("word", ["Zwischensumme", "Subtotal March", "Summe Januar", "小计", "Übertrag"])
@pytest.mark.parametrize("who", ["", "c1"])
def test_sums_that_are_rounded_are_told_by_their_word(tmp_path, word: str, who: str) -> None:
    """In a column that no field is read from; with a customer as a spreadsheet fills it down."""
    lines = flat(in_months(sales(), item=word, who=who))
    inexact = [(a, b, c + 1 if e == word else c, d, e) for a, b, c, d, e in lines]
    [told] = [one for one in opened(tmp_path, inexact).findings if one.kind == "total_word"]
    assert (told.column, told.rows) == ("item", 10)
    assert told.severity == ("warning" if who else "serious")
    assert '"item" = [' in told.settles


def test_sums_with_a_customer_that_hold_half_of_the_money_are_serious(tmp_path) -> None:
    lines = flat(in_months(sales(), item="Summe", who="c1"))
    [told] = [one for one in opened(tmp_path, lines).findings if one.kind == "total_word"]
    assert told.severity == "serious"


def test_a_brand_called_total_is_no_sum(tmp_path) -> None:
    lines = [(a, b, c, d, "Total" if i % 7 == 0 else e) for i, (a, b, c, d, e) in enumerate(sales(300, 0.3))]
    assert "total_word" not in {one.kind for one in opened(tmp_path, lines).findings}


def test_new_files_with_sums_are_read_with_all_others(tmp_path) -> None:
    """What was kept of the files of before does not hide sums in a new one."""
    source = tmp_path / "shop"
    source.mkdir()
    lines = sales()
    for number, part in enumerate((lines[:150], lines[:3], flat(in_months(lines[150:])))):
        pd.DataFrame(part, columns=COLUMNS).to_csv(source / f"sales_{number}.csv", index=False)
        if number:
            where = read_source(source)
            kept = open_incrementally(where, None, dt.date(2026, 7, 1), 0.05, RowStore(tmp_path / "kept"))
    plain = CustomerBase.open(source, today=TODAY)
    assert kept.accounts["transactions"].totals == plain.accounts["transactions"].totals == 6
    assert kept.tables["transactions"].unit_spend.sum().to_pyarrow().as_py() == plain.counts["revenue"]
