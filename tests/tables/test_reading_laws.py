"""A column printed in any convention reads back to the same numbers and days, or is refused; never to others."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import ibis
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_analytics.tables.date_columns import DateDoubt, date_value, decide_dates
from crm_analytics.tables.number_columns import decide_numbers, number_text
from crm_analytics.tables.number_grammar import NumberDoubt

TODAY = dt.date(2026, 6, 30)
CONNECTION = ibis.duckdb.connect()
CONNECTION.con.execute("SET TimeZone = 'UTC'")

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def column(texts: list[str]) -> ibis.Table:
    return CONNECTION.create_table("printed", pd.DataFrame({"x": pd.Series(texts, dtype="str")}), overwrite=True)


# -- numbers ---------------------------------------------------------------------------------------


def grouped(whole: str, mark: str, *, lakh: bool = False) -> str:
    last, rest = whole[-3:], whole[:-3]
    size = 2 if lakh else 3
    groups = []
    while rest:
        groups.insert(0, rest[-size:])
        rest = rest[:-size]
    return mark.join([*groups, last])


def printer(mark: str, point: str, places: int, *, lakh: bool = False, wrap: str = "{sign}{number}"):
    """One way to print numbers: group mark, decimal mark, decimals, and where the sign and currency stand."""

    def show(value: Decimal) -> str:
        whole, _, fraction = f"{abs(value):.{places}f}".partition(".")
        number = (grouped(whole, mark, lakh=lakh) if mark else whole) + (point + fraction if fraction else "")
        negative = value < 0
        if "(" in wrap:
            return wrap.format(number=number) if negative else number
        return wrap.format(sign="-" if negative else "", minus="\u2212" if negative else "", number=number)

    return show


CONVENTIONS: dict[str, Callable[[Decimal], str]] = {
    "plain": printer("", ".", 2),
    "whole": printer("", ".", 0),
    "US": printer(",", ".", 2),
    "US whole": printer(",", ".", 0),
    "US three": printer(",", ".", 3),
    "German": printer(".", ",", 2),
    "German whole": printer(".", ",", 0),
    "German three": printer("", ",", 3),
    "French": printer("\u202f", ",", 2),
    "blanks": printer(" ", ",", 2),
    "Swiss": printer("'", ".", 2),
    "Swiss curly": printer("\u2019", ".", 2),
    "Indian": printer(",", ".", 2, lakh=True),
    "Indian whole": printer(",", ".", 0, lakh=True),
    "accounting": printer(",", ".", 2, wrap="({number})"),
    "accounting dollars": printer(",", ".", 2, wrap="($ {number})"),
    "SAP": printer(".", ",", 2, wrap="{number}{sign}"),
    "minus sign": printer(",", ".", 2, wrap="{minus}{number}"),
    "dollars": printer(",", ".", 2, wrap="{sign}${number}"),
    "dollars inside": printer(",", ".", 2, wrap="${sign}{number}"),
    "euros behind": printer(".", ",", 2, wrap="{sign}{number}\u00a0€"),
    "code": printer("'", ".", 2, wrap="CHF {sign}{number}"),
    "rupees": printer(",", ".", 2, lakh=True, wrap="{sign}₹{number}"),
    "reais": printer(".", ",", 2, wrap="{sign}R$ {number}"),
    "three places": printer("", ".", 3),
    "exponent": lambda value: f"{value:.3E}" if value == round(value) and abs(value) < 1000 else f"{value:E}",
    "exponent comma": lambda value: f"{value:E}".replace(".", ","),
}  # fmt: skip

cents = st.integers(-99_999_999, 99_999_999).map(lambda n: Decimal(n) / 100)
amounts = st.one_of(cents, st.integers(-9_999, 9_999).map(Decimal), st.integers(-9_999_999, 9_999_999).map(
    lambda n: Decimal(n) / 1000))  # fmt: skip


def read_numbers(texts: list[str], decimal: str | None = None) -> list[Decimal | None] | None:
    """The numbers of a printed column; None where it is refused."""
    table = column(texts)
    reading = decide_numbers(table, "x", decimal)
    if isinstance(reading, NumberDoubt):
        return None
    value = number_text(table.x, reading).try_cast("decimal(18, 4)")
    return [row["v"] for row in table.select(v=value).to_pyarrow().to_pylist()]


@pytest.mark.parametrize("name", CONVENTIONS)
@FEW
@given(st.data())
def test_a_column_printed_in_any_convention_reads_back_or_is_refused_law(name: str, data: st.DataObject) -> None:
    places = 0 if "whole" in name else 3 if "three" in name or "exponent" in name else 2
    values = [round(v, places) for v in data.draw(st.lists(amounts, min_size=1, max_size=12))]
    found = read_numbers([CONVENTIONS[name](v) for v in values])
    assert found is None or found == values


@pytest.mark.parametrize("name", CONVENTIONS)
@FEW
@given(st.data())
def test_with_its_decimal_mark_said_every_convention_reads_back_law(name: str, data: st.DataObject) -> None:
    places = 0 if "whole" in name else 3 if "three" in name or "exponent" in name else 2
    values = [round(v, places) for v in data.draw(st.lists(amounts, min_size=1, max_size=12))]
    show = CONVENTIONS[name]
    comma = show(Decimal("1.5")).count(",") == 1 or name == "German whole"
    assert read_numbers([show(v) for v in values], "," if comma else ".") == values


@FEW
@given(st.lists(st.text("0123456789.,'() -−€$%eE\u00a0", max_size=9), min_size=1, max_size=6))
def test_what_no_convention_prints_is_never_a_number_law(texts: list[str]) -> None:
    """Every text that is read is one of a number: its digits, in their order, are those of the value."""
    found = read_numbers(texts)
    for text, value in zip(texts, found or [], strict=False):
        if value is None or "e" in text.lower() or "%" in text:
            continue
        digits = "".join(c for c in text if c.isdigit()).strip("0")
        kept = f"{abs(value):f}".replace(".", "").strip("0")
        if "." in text or "," in text:
            assert kept.startswith(digits[:14]) or digits.startswith(kept)
        else:
            assert kept == digits


# -- days ------------------------------------------------------------------------------------------

FORMATS = {
    "ISO": "%Y-%m-%d", "ISO moment": "%Y-%m-%dT%H:%M:%S", "ISO blank": "%Y-%m-%d %H:%M:%S.%f",
    "ISO UTC": "%Y-%m-%dT%H:%M:%SZ", "basic": "%Y%m%d", "basic moment": "%Y%m%dT%H%M%S", "ordinal": "%Y-%j",
    "week": "%G-W%V-%u", "Japan": "%Y/%m/%d", "Japan short": "%Y/%-m/%-d", "British": "%d/%m/%Y",
    "American": "%m/%d/%Y", "American clock": "%m/%d/%Y %I:%M %p", "American short": "%-m/%-d/%Y %-H:%M",
    "German": "%d.%m.%Y", "German moment": "%d.%m.%Y %H:%M", "dashes": "%d-%m-%Y", "dashes US": "%m-%d-%Y",
    "yy British": "%d/%m/%y", "yy American": "%m/%d/%y", "yy dashes": "%d-%m-%y", "yy first": "%y-%m-%d",
    "yy German": "%d.%m.%y", "month name": "%d %b %Y", "month long": "%B %d, %Y", "Oracle": "%d-%b-%y",
    "mail": "%a, %d %b %Y %H:%M:%S +0000",
}  # fmt: skip

moments = st.datetimes(dt.datetime(2001, 1, 1), dt.datetime(2026, 6, 30)).map(lambda m: m.replace(microsecond=0))


def read_days(texts: list[str], zone: str = "UTC") -> list[dt.date | None] | None:
    table = column(texts)
    reading = decide_dates(table, "x", "en", TODAY, past=True)
    if isinstance(reading, DateDoubt):
        return None
    value = date_value(table.x, reading, zone).cast("date")
    return [row["v"] for row in table.select(v=value).to_pyarrow().to_pylist()]


@pytest.mark.parametrize("name", FORMATS)
@FEW
@given(st.lists(moments, min_size=1, max_size=12))
def test_days_printed_in_any_form_read_back_or_are_refused_law(name: str, values: list[dt.datetime]) -> None:
    found = read_days([value.strftime(FORMATS[name]) for value in values])
    assert found is None or found == [value.date() for value in values]


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9])
@FEW
@given(st.lists(moments, min_size=1, max_size=12))
def test_epochs_of_every_unit_read_back_law(unit: int, values: list[dt.datetime]) -> None:
    seconds = [int(value.replace(tzinfo=dt.UTC).timestamp()) for value in values]
    assert read_days([str(n * unit) for n in seconds]) == [value.date() for value in values]


@FEW
@given(st.lists(moments, min_size=1, max_size=8), st.integers(-12, 14), st.booleans())
def test_offsets_are_the_same_moment_however_written_law(
    values: list[dt.datetime], hours: int, colon: bool
) -> None:
    zone = dt.timezone(dt.timedelta(hours=hours))
    texts = []
    for value in values:
        local = value.replace(tzinfo=dt.UTC).astimezone(zone)
        offset = f"{'-' if hours < 0 else '+'}{abs(hours):02d}{':' if colon else ''}00"
        texts.append(f"{local:%Y-%m-%dT%H:%M:%S}{offset}")
    assert read_days(texts) == [value.date() for value in values]
