"""A decimal comma without quotation marks loses no cents in silence; other two digits are no cents."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from crm_analytics import CustomerBase
from crm_analytics.errors import DataError

TODAY = "2026-07-01"
HEADER = "customer_id,transaction_date,unit_spend"


def opened(folder: Path, header: str, ends: list[str], mapping: dict | None = None) -> CustomerBase:
    lines = [f"c{i % 11},2025-0{1 + i % 9}-1{i % 7},{end}" for i, end in enumerate(ends)]
    (folder / "sales.csv").write_text("\n".join([header, *lines]) + "\n")
    return CustomerBase.open(folder / "sales.csv", today=TODAY, mapping=mapping)


def amounts(cents: list[str], n: int = 80) -> list[str]:
    chance = random.Random(3)
    return [f"{chance.randrange(3, 99)},{chance.choice(cents)}" for _ in range(n)]


USUAL = ["00", "50", "90", "95", "99"]
ANY = [f"{cents:02d}" for cents in range(100)]


@pytest.mark.parametrize(
    ("header", "ends"),
    [
        (HEADER + ",", amounts(USUAL)),  # a column without a name
        (HEADER + ",note", amounts(USUAL)),
        (HEADER + ",note", amounts(ANY, 200)),
        (HEADER + ",note", [f"{one}," for one in amounts(USUAL)]),  # and one cell more, that is empty
        (HEADER + ",note", ["7,50" if i in (5, 9) else "7.00,gift" for i in range(60)]),
        (HEADER + ",note", ["7,50" if i == 5 else "7.25," for i in range(60)]),
        (HEADER + ",note", ["1.250,50" if i == 5 else "7.25," for i in range(60)]),
    ],
)
def test_cents_in_the_next_column_are_told(tmp_path, header: str, ends: list[str]) -> None:
    [told] = [one for one in opened(tmp_path, header, ends).findings if one.kind == "split_amounts"]
    assert told.severity == "serious"
    assert told.rows == sum("," in one and one.split(",")[1].isdigit() for one in ends)


def test_the_line_that_settles_split_amounts_settles_them(tmp_path) -> None:
    ends = amounts(USUAL)
    [told] = [o for o in opened(tmp_path, HEADER + ",note", ends).findings if o.kind == "split_amounts"]
    assert told.settles == '[transactions]\nunit_spend = \'"unit_spend" + "note" / 100\''
    base = opened(
        tmp_path, HEADER + ",note", ends, {"transactions": {"unit_spend": '"unit_spend" + "note" / 100'}}
    )
    assert base.counts["revenue"] == pytest.approx(sum(float(one.replace(",", ".")) for one in ends))
    assert "split_amounts" not in {one.kind for one in base.findings}


@pytest.mark.parametrize(
    ("header", "ends"),
    [
        (HEADER + ",store", [f"{100 + i},{1 + i % 12:02d}" for i in range(80)]),
        (HEADER + ",hour", [f"{100 + i},{i % 24:02d}" for i in range(80)]),
        (HEADER + ",minute", [f"{100 + i},{i * 7 % 60:02d}" for i in range(80)]),
        (
            HEADER + ",vat",
            [f"{100 + i},{('19', '07')[i % 3 == 0]}" if i % 2 else f"{i}.50,19" for i in range(80)],
        ),
        (HEADER + ",vat", [f"{100 + i},20" for i in range(80)]),
        (HEADER + ",unit_quantity", [f"{100 + i},{10 + i * 7 % 90}" for i in range(80)]),
        (HEADER + ",age", [f"{100 + i}.25,{18 + i % 60}" for i in range(80)]),
        (HEADER + ",note", ['"12,50",gift'] * 80),
    ],
)
def test_other_two_digits_are_no_cents(tmp_path, header: str, ends: list[str]) -> None:
    assert "split_amounts" not in {one.kind for one in opened(tmp_path, header, ends).findings}


def test_cents_without_a_column_are_refused_with_a_hint(tmp_path) -> None:
    with pytest.raises(DataError, match="may hold a decimal comma"):
        opened(tmp_path, HEADER, amounts(USUAL))
