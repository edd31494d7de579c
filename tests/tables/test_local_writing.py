"""Clocks of the East and Buddhist years are read; bookings and short amounts are refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm_analytics import CustomerBase
from crm_analytics.errors import DataError, ParameterError


def opened(
    folder: Path, days: list[str], amounts: list[str], mapping: dict[str, str] | None = None
) -> CustomerBase:
    lines = [
        f'k{n % 3},"{day}","{amount}"' for n, (day, amount) in enumerate(zip(days, amounts, strict=True))
    ]
    (folder / "shop.csv").write_text("\n".join(["customer_id,transaction_date,unit_spend", *lines]) + "\n")
    return CustomerBase.open(folder / "shop.csv", mapping=mapping, today="2026-01-01")


DAYS = [f"2025-03-{day:02}" for day in range(1, 13)]
AMOUNTS = [f"{n}.50" for n in range(1, 13)]


@pytest.mark.parametrize("day", ["{}", "2025/3/{:d}", "2025년 3월 {:d}일", "2025. 3. {:d}."])
@pytest.mark.parametrize(
    ("clock", "hour"),
    [("오전 12:05", 0), ("오전 9:05:00", 9), ("오후 12:05", 12), ("오후 3:05", 15), ("上午 9:05", 9),
     ("下午 03:05:00", 15), ("午後 3:05", 15), ("9:05 a. m.", 9), ("3:05:00 p. m.", 15)],
)  # fmt: skip
def test_halves_of_the_day_are_read_before_and_behind_the_clock(
    tmp_path: Path, day: str, clock: str, hour: int
) -> None:
    days = [f"{day.format(DAYS[n - 1] if day == '{}' else n)} {clock}" for n in range(1, 13)]
    lines = opened(tmp_path, days, AMOUNTS).transactions
    moments = sorted(lines.transaction_date.to_pyarrow().to_pylist())
    assert [(m.day, m.hour, m.minute) for m in moments] == [(n, hour, 5) for n in range(1, 13)]


def test_a_thirteenth_hour_of_the_afternoon_is_no_time(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a date"):
        opened(tmp_path, [f"{day} 오후 13:05" for day in DAYS], AMOUNTS)


@pytest.mark.parametrize(
    ("end", "says"),
    [(" Cr", "is_return"), (" Dr.", "is_return"), ("Dr", "is_return"), ("k", "in full"), (" Mio", "in full"),
     (" Tsd.", "in full"), ("M", "in full")],
)  # fmt: skip
def test_ends_of_amounts_are_refused_with_what_to_do(tmp_path: Path, end: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        opened(tmp_path, DAYS, [amount + end for amount in AMOUNTS])


@pytest.mark.parametrize("day", ["{:02}/03/2568", "2568-03-{:02}"])
def test_buddhist_years_are_refused_with_what_to_do(tmp_path: Path, day: str) -> None:
    with pytest.raises(DataError, match='say calendar = "buddhist"'):
        opened(tmp_path, [day.format(n + 12) for n in range(1, 13)], AMOUNTS)


@pytest.mark.parametrize("day", ["{}/3/{}", "{1}-03-{0:02}", "{} Mar {} 10:30", "{1}03{0:02}"])
@pytest.mark.parametrize("year", [2025, 2568])
def test_years_of_either_calendar_are_read_where_the_mapping_says_so(tmp_path: Path, day: str, year) -> None:
    days = [day.format(n + 12, year) for n in range(1, 13)]
    base = opened(tmp_path, days, AMOUNTS, {"calendar": "buddhist"})
    assert (str(base.counts["first_day"]), str(base.day)) == ("2025-03-13", "2025-03-24")


def test_the_leap_day_is_that_of_the_western_year(tmp_path: Path) -> None:
    base = opened(tmp_path, ["28/2/2567", "29/2/2567", "1/3/2567"], AMOUNTS[:3], {"calendar": "buddhist"})
    assert base.counts["rows"] == 3


def test_an_unknown_calendar_says_which_there_are(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="gregorian or buddhist"):
        opened(tmp_path, DAYS, AMOUNTS, {"calendar": "thai"})
