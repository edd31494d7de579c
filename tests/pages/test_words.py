"""Numbers and texts as people read them."""

from __future__ import annotations

import datetime as dt
import decimal
import unicodedata

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_analytics.errors import NotebookError
from crm_analytics.pages import words

UNKNOWN = [
    None,
    float("nan"),
    float("inf"),
    -np.inf,
    pd.NA,
    pd.NaT,
    np.float64("nan"),
    decimal.Decimal("NaN"),
]


@pytest.mark.parametrize("nothing", UNKNOWN)
@pytest.mark.parametrize(
    "say", [words.count, words.money, words.percent, words.number, words.compact, words.date]
)
def test_what_is_unknown_says_dash(nothing, say):
    assert say(nothing) == "–"


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [
        (173116, "USD", "$173,116"),
        (99.994, "USD", "$99.99"),
        (99.999, "USD", "$100"),
        (0, "EUR", "€0"),
        (-0.001, "USD", "$0"),
        (-5, "USD", "−$5"),
        (-1234.5, "EUR", "−€1,234"),
        (12.5, "SEK", "12.50 SEK"),
        (1e15, "", "1,000,000,000,000,000"),
        (decimal.Decimal("37.52"), "GBP", "£37.52"),
        (np.float64(37.52), "USD", "$37.52"),
    ],
)
def test_money_says_cents_only_below_a_hundred(amount, currency, said):
    assert words.money(amount, currency) == said


@given(st.floats(allow_nan=False, allow_infinity=False, width=32), st.integers(0, 3))
def test_no_number_is_ever_minus_zero(x, digits):
    for said in (words.number(x, digits), words.percent(x, digits), words.money(x, "USD"), words.compact(x)):
        assert "-" not in said
        assert not said.startswith("−") or any(c in "123456789" for c in said)


@given(st.floats(min_value=-1e14, max_value=1e14))
def test_compact_is_short(x):
    assert len(words.compact(x, "USD").strip("−")) <= 6


def test_compact_rounds_into_the_next_unit():
    assert [words.compact(v) for v in (999.4, 999.6, 999_600, 12_345, 0, 0.5)] == [
        "999",
        "1k",
        "1M",
        "12.3k",
        "0",
        "0.5",
    ]


def test_change_says_way_and_absence():
    assert words.change(118.5, 100) == "▲ 18.5 %"
    assert words.change(81.5, 100) == "▼ 18.5 %"
    assert words.change(0.403, 0.343, "points") == "▲ 6.0 points"
    assert words.change(1.00001, 1) == "unchanged"
    assert words.change(5, 0) == "no earlier period"
    assert words.change(5, None, missing="") == ""
    assert words.change(-5, -10) == "▲ 50.0 %"
    assert words.change(90, 100, "money:USD") == "▼ $10"


def test_interval_says_the_unit_once():
    assert words.interval(0.61, 0.654, "percent") == "61.0–65.4 %"
    assert words.interval(-0.02, 0.03, "percent") == "−2.0 to 3.0 %"
    assert words.interval(10.5, 20.25, "money:SEK") == "10.50–20.25 SEK"
    assert words.interval(None, 1, "count") == "–"


def test_dates_of_all_kinds():
    days = [
        "1997-09-30",
        "1997-09-30T10:00:00",
        dt.date(1997, 9, 30),
        pd.Timestamp("1997-09-30"),
        dt.datetime(1997, 9, 30),
    ]
    assert {words.date(d) for d in days} == {"30 September 1997"}
    assert words.date("1997-09-30", short=True) == "30 Sep 1997"


def test_plural_says_one_and_many():
    assert [words.plural(n, "customer") for n in (0, 1, 1.2, 2)] == [
        "0 customers",
        "1 customer",
        "1 customer",
        "2 customers",
    ]
    assert words.plural(2, "day") == "2 days"
    assert words.plural(2, "purchase") == "2 purchases"


def test_unknown_format_says_the_nearest_name():
    with pytest.raises(NotebookError, match="did you mean 'money'"):
        words.say(1, "mony:USD")
    with pytest.raises(NotebookError, match="number"):
        words.say(1, "number:two")


@given(st.text(max_size=300))
def test_labels_hold_no_markup_and_nothing_unseen(text):
    label = words.label(text)
    assert not set("<>$") & set(label)
    assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs"} for c in label)
    assert len(words.clean(text, 80)) <= 80


@given(st.text(max_size=300))
def test_cleaning_twice_changes_nothing(text):
    once = words.clean(text, 80)
    assert words.clean(once, 80) == once


@pytest.mark.parametrize(
    ("hostile", "harmless"),
    [
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)&gt;"),
        ("abc\u202edcba", "abcdcba"),
        ("a\u200bb\u2066c\ufeff", "abc"),
        ("AT&amp;T $x$", "AT&amp;amp;T &#36;x&#36;"),
        ("two\nlines\tand\x00 more", "two lines and more"),
        ("e\u0301", "é"),
    ],
)
def test_labels_say_what_was_there_without_doing_it(hostile, harmless):
    assert words.label(hostile) == harmless


def test_a_megabyte_is_cut_short():
    assert len(words.clean("x" * 1_000_000)) == 80
    assert len(words.clean("word " * 200_000)) <= 1200


def test_a_column_has_one_number_of_decimals():
    assert words.same_digits([31.3, 7.5, 9]) == 1
    assert words.same_digits([]) == 0
    assert words.same_digits([None, float("nan")]) == 0
