"""A column printed in any convention reads back to the same numbers and days, or is refused."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Callable
from decimal import Decimal

import ibis
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from crm_analytics.tables.date_columns import DateDoubt, date_value, decide_dates
from crm_analytics.tables.number_columns import number_text
from crm_analytics.tables.number_grammar import NumberDoubt, decide

TODAY = dt.date(2026, 6, 30)
CONNECTION = ibis.duckdb.connect()
CONNECTION.con.execute("SET TimeZone = 'UTC'")

FEW = settings(
    max_examples=20,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),  # each example asks the engine: no hunt for a smaller one
    suppress_health_check=[HealthCheck.too_slow],
)


def printed(columns: dict[str, list[str]]) -> ibis.Table:
    frame = pd.DataFrame({name: pd.Series(texts, dtype="str") for name, texts in columns.items()})
    return CONNECTION.create_table("printed", frame, overwrite=True)


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
    "whole without cents": printer(".", ",", 0, wrap="{sign}{number},-"),
    "whole without cents, in euros": printer(".", ",", 0, wrap="€ {sign}{number},--"),
    "whole francs": printer("'", ".", 0, wrap="{sign}{number}.\u2013"),
    "three places": printer("", ".", 3),
    "exponent": lambda value: f"{value:.3E}" if value == round(value) and abs(value) < 1000 else f"{value:E}",
    "exponent comma": lambda value: f"{value:E}".replace(".", ","),
}  # fmt: skip

cents = st.integers(-99_999_999, 99_999_999).map(lambda n: Decimal(n) / 100)
amounts = st.one_of(cents, st.integers(-9_999, 9_999).map(Decimal), st.integers(-9_999_999, 9_999_999).map(
    lambda n: Decimal(n) / 1000))  # fmt: skip


def reading_of(texts: list[str], decimal: str | None = None):
    """As `decide_numbers` has it, from shapes counted here: one query for many columns is enough then."""
    shapes = Counter(
        text.strip().translate(str.maketrans("12345678", "99999999")).replace("0", "9") for text in texts
    )
    zero_led = [
        sum(bool(re.fullmatch(rf"[^0-9]*0[{mark}][0-9]{{3}}[^0-9.,]*", t)) for t in texts) for mark in ".,"
    ]
    counts = [(shape, n) for shape, n in shapes.items() if shape]
    return decide(counts, decimal, (zero_led[0], zero_led[1]))


def read_numbers(
    columns: dict[str, list[str]], marks: dict[str, str]
) -> dict[str, list[Decimal | None] | None]:
    """The numbers of printed columns; None where one is refused."""
    table = printed(columns)
    readings = {name: reading_of(texts, marks.get(name)) for name, texts in columns.items()}
    values = {
        name: number_text(table[name], reading).try_cast("decimal(18, 4)")
        for name, reading in readings.items()
        if not isinstance(reading, NumberDoubt)
    }
    found = table.select(**values).to_pyarrow().to_pydict() if values else {}
    return {name: found.get(name) for name in columns}


def places_of(name: str) -> int:
    return 0 if "whole" in name else 3 if "three" in name or "exponent" in name else 2


@FEW
@given(st.lists(amounts, min_size=1, max_size=12))
def test_a_column_printed_in_any_convention_reads_back_or_is_refused_law(values: list[Decimal]) -> None:
    wanted = {name: [round(v, places_of(name)) for v in values] for name in CONVENTIONS}
    found = read_numbers({n: [CONVENTIONS[n](v) for v in wanted[n]] for n in CONVENTIONS}, {})
    assert {n: v for n, v in found.items() if v is not None} == {
        n: wanted[n] for n, v in found.items() if v is not None
    }


@FEW
@given(st.lists(amounts, min_size=1, max_size=12))
def test_with_its_decimal_mark_said_every_convention_reads_back_law(values: list[Decimal]) -> None:
    wanted = {name: [round(v, places_of(name)) for v in values] for name in CONVENTIONS}
    marks = {
        n: ","
        if CONVENTIONS[n](Decimal("1.5")).count(",") or n.startswith(("German whole", "whole without"))
        else "."
        for n in CONVENTIONS
    }
    assert read_numbers({n: [CONVENTIONS[n](v) for v in wanted[n]] for n in CONVENTIONS}, marks) == wanted


@pytest.mark.parametrize("name", ["US", "German", "plain", "Indian", "accounting"])
def test_a_column_of_two_thousand_amounts_is_never_in_doubt(name: str) -> None:
    values = [Decimal(n * n * 37 % 9_999_999) / 100 * (-1 if n % 9 == 0 else 1) for n in range(1, 2001)]
    assert read_numbers({"x": [CONVENTIONS[name](v) for v in values]}, {})["x"] == values


@FEW
@given(st.lists(st.text("0123456789.,'() -−€$\u00a0", max_size=9), min_size=1, max_size=6))
def test_what_is_read_has_the_digits_of_its_text_law(texts: list[str]) -> None:
    for text, value in zip(texts, read_numbers({"x": texts}, {})["x"] or [], strict=False):
        if value is not None:
            digits = "".join(c for c in text if c.isdigit()).strip("0")
            kept = f"{abs(value):f}".replace(".", "").strip("0")
            assert kept[:3] == digits[:3] or len(digits) > len(kept)  # beyond four decimals it is rounded


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

moments = st.datetimes(dt.datetime(2001, 1, 1), dt.datetime(2026, 6, 30)).map(
    lambda m: m.replace(microsecond=0)
)


def read_days(table: ibis.Table, name: str) -> list[dt.date | None] | None:
    reading = decide_dates(table, name, "en", TODAY, past=True)
    if isinstance(reading, DateDoubt):
        return None
    value = date_value(table[name], reading, "UTC").cast("date")
    return table.select(v=value).to_pyarrow().to_pydict()["v"]


@settings(FEW, max_examples=8)
@given(st.lists(moments, min_size=1, max_size=12))
def test_days_printed_in_any_form_read_back_or_are_refused_law(values: list[dt.datetime]) -> None:
    table = printed({name: [value.strftime(form) for value in values] for name, form in FORMATS.items()})
    wanted = [value.date() for value in values]
    wrong = {n: found for n in FORMATS if (found := read_days(table, n)) is not None and found != wanted}
    assert not wrong


@settings(FEW, max_examples=8)
@given(st.lists(moments, min_size=1, max_size=12), st.integers(-12, 14))
def test_epochs_and_offsets_are_the_same_moment_however_written_law(
    values: list[dt.datetime], hours: int
) -> None:
    aware = [value.replace(tzinfo=dt.UTC) for value in values]
    columns = {
        str(unit): [str(int(v.timestamp()) * unit) for v in aware] for unit in (1, 10**3, 10**6, 10**9)
    }
    local = [v.astimezone(dt.timezone(dt.timedelta(hours=hours))) for v in aware]
    columns["basic"] = [f"{v:%Y-%m-%dT%H:%M:%S%z}" for v in local]
    columns["extended"] = [v.isoformat() for v in local]
    columns["blank"] = [f"{v:%Y-%m-%d %H:%M:%S %z}" for v in local]
    table = printed(columns)
    assert {name: read_days(table, name) for name in columns} == {
        name: [v.date() for v in values] for name in columns
    }


@pytest.mark.parametrize("name", ["British", "American", "yy British", "yy American", "dashes"])
def test_a_year_of_days_is_never_in_doubt(name: str) -> None:
    days = pd.date_range("2025-01-01", "2025-12-31")
    table = printed({"x": days.strftime(FORMATS[name]).tolist()})
    assert read_days(table, "x") == [day.date() for day in days]
