"""Amounts and days that are written in ways we do not read: refused or set aside, with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm_analytics import CustomerBase
from crm_analytics.errors import DataError

TODAY = "2026-07-01"


def opened(
    folder: Path, days: list[str], amounts: list[str], mapping: dict | None = None, **how
) -> CustomerBase:
    rows = [f"c{i % 11}\t{day}\t{amount}" for i, (day, amount) in enumerate(zip(days, amounts, strict=True))]
    (folder / "sales.tsv").write_text("\n".join(["customer_id\ttransaction_date\tunit_spend", *rows]) + "\n")
    return CustomerBase.open(folder / "sales.tsv", mapping=mapping, today=TODAY, **how)


def western(n: int) -> list[str]:
    return [f"2025-0{1 + i % 9}-1{i % 9}" for i in range(n)]


# -- calendars -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "calendar"),
    [
        ("114/{m:02d}/{d:02d}", "Minguo"),
        ("民國114年{m}月{d}日", "Minguo"),
        ("114{m:02d}{d:02d}", "Minguo"),
        ("{d}.{m}.R7", None),  # no way to write it that we know: refused all the same
        ("R7.{m}.{d}", "Japanese"),
        ("令和7年{m}月{d}日", "Japanese"),
        ("平成31年{m}月{d}日", "Japanese"),
        ("1404/{m:02d}/{d:02d}", "Persian"),
        ("{d:02d}/{m:02d}/1404", "Persian"),
        ("1404{m:02d}{d:02d}", "Persian"),
        ("۱۴۰۴/{m:02d}/{d:02d}", "Persian"),
        ("1447-{m:02d}-{d:02d}", "Islamic"),
        ("{d:02d}-{m:02d}-1446", "Islamic"),
        ("5786-{m:02d}-{d:02d}", "Hebrew"),
    ],
)
def test_years_of_another_calendar_are_refused_by_its_name(tmp_path, form: str, calendar: str | None) -> None:
    days = [form.format(m=1 + i % 9, d=1 + i % 28) for i in range(60)]
    with pytest.raises(DataError) as refusal:
        opened(tmp_path, days, ["7.00"] * 60)
    assert ("calendar" in str(refusal.value)) == (calendar is not None)
    assert calendar is None or f"days seem to be of the {calendar}" in str(refusal.value)


@pytest.mark.parametrize("day", ["1812-05-{d:02d}", "soon", "2199-05-{d:02d}", "14.5.{d:02d}x"])
def test_other_days_that_are_not_read_name_no_calendar(tmp_path, day: str) -> None:
    with pytest.raises(DataError) as refusal:
        opened(tmp_path, [day.format(d=1 + i % 28) for i in range(60)], ["7.00"] * 60)
    assert "days seem" not in str(refusal.value)


@pytest.mark.parametrize(
    ("day", "told"),
    [
        ("{d:02d}.{m:02d}.68", True),
        ("1947-{m:02d}-{d:02d}", True),
        ("1997-{m:02d}-{d:02d}", False),
        ("{d:02d}.{m:02d}.25", False),
    ],
)
def test_sales_of_long_ago_are_told(tmp_path, day: str, told: bool) -> None:
    """Two digits of a Thai year, or a year of the Indian calendar, read as years of the West."""
    days = [day.format(d=1 + i % 28, m=1 + i % 6) for i in range(60)]
    assert ("old_days" in {one.kind for one in opened(tmp_path, days, ["7.00"] * 60).findings}) == told


# -- zones ---------------------------------------------------------------------------------------------


def test_the_short_name_of_a_zone_is_refused_and_the_hint_reads_it(tmp_path) -> None:
    times = [f"{day} 23:30:00 PST" for day in western(60)]
    with pytest.raises(DataError, match=r"short name of a zone.* -08:00") as refusal:
        opened(tmp_path, times, ["7.00"] * 60)
    form = "%Y-%m-%d %H:%M:%S PST"
    assert form in str(refusal.value)
    how = {"column": "transaction_date", "format": form, "zone": "America/Los_Angeles"}
    base = opened(tmp_path, times, ["7.00"] * 60, {"transactions": {"transaction_date": how}})
    assert base.counts["rows"] == 60


@pytest.mark.parametrize("end", ["+01:00[Europe/Paris]", "Z[UTC]", "+0100[CET]"])
def test_the_name_of_a_zone_behind_an_offset_is_read(tmp_path, end: str) -> None:
    base = opened(tmp_path, [f"{day}T23:30:00{end}" for day in western(60)], ["7.00"] * 60,
                  {"timezone": "Europe/Paris"})  # fmt: skip
    assert base.counts["rows"] == 60
    assert str(base.counts["first_day"]) == ("2025-01-11" if end.startswith("Z") else "2025-01-10")


def test_the_name_of_a_zone_without_an_offset_is_refused(tmp_path) -> None:
    with pytest.raises(DataError, match="is not a date"):
        opened(tmp_path, [f"{day}T23:30:00[Europe/Paris]" for day in western(60)], ["7.00"] * 60)


# -- amounts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "worth"),
    [("1.2k", 1200), ("1,5 Mio", 1_500_000), ("$1.2M", 1_200_000), ("12 Tsd.", 12_000), ("3万", 30_000),
     ("1,5 Mio €", 1_500_000), ("2 bn", 2e9)],
)  # fmt: skip
def test_a_shortened_amount_is_set_aside_by_its_name_and_weighs_what_it_stands_for(
    tmp_path, amount: str, worth: float
) -> None:
    amounts = ["7.00" if i % 40 else amount for i in range(200)]
    base = opened(tmp_path, western(200), amounts, max_rejected=1.0)
    assert base.rejected["rule"].unique().tolist() == ["is a shortened number, such as 1.2k or 1,5 Mio"]
    [told] = [one for one in base.findings if one.kind == "shortened_amounts"]
    assert (told.severity, told.rows, told.money) == ("serious", 5, 5 * worth)
    assert "2.5 % of all" in told.says
    assert base.accounts["transactions"].lost_money == pytest.approx(5 * worth)
    with pytest.raises(DataError, match="rounded: export them in full"):
        opened(tmp_path, western(200), amounts)


@pytest.mark.parametrize("amount", ["12 kr", "7 CR", "7x"])
def test_other_words_behind_amounts_are_no_shortened_amounts(tmp_path, amount: str) -> None:
    base = opened(tmp_path, western(200), ["7.00" if i % 40 else amount for i in range(200)])
    assert "shortened_amounts" not in {one.kind for one in base.findings}


def test_a_mark_in_the_place_of_the_comma_says_what_to_write(tmp_path) -> None:
    with pytest.raises(DataError, match="write 12,50 € in the source"):
        opened(tmp_path, western(60), ["12€50"] * 60)
