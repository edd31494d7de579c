"""The language in which numbers, money and days are written while a block is made.

English is the default and is written by `words` itself. Another language takes its separators, its order of
number and currency and its names of months from CLDR, by way of Babel.

>>> from crm_analytics.pages import words
>>> with speaking("de"):
...     words.money(1234.5, "EUR"), words.percent(0.632), words.date("1997-09-30")
('1.234 €', '63,2 %', '30. September 1997')
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

from babel import Locale
from babel.dates import format_date
from babel.numbers import get_currency_precision, get_decimal_symbol, get_group_symbol

from crm_analytics.errors import NotebookError

ENGLISH = "en"
LANGUAGES = (ENGLISH, "de")
_LANGUAGE: ContextVar[str] = ContextVar("language", default=ENGLISH)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Write numbers, money and days in `language` inside the block, in this thread alone.

    Raises
    ------
    NotebookError : there are no catalogues of this language.
    """
    token = _LANGUAGE.set(checked(language))
    try:
        yield
    finally:
        _LANGUAGE.reset(token)


def checked(language: str) -> str:
    """The language, or an error that names those there are."""
    if language not in LANGUAGES:
        raise NotebookError(f"no language '{language[:20]}'; there are {', '.join(LANGUAGES)}")
    return language


def language() -> str:
    """The language spoken here."""
    return _LANGUAGE.get()


def separated(text: str) -> str:
    """A number written the English way, with the separators of the language spoken here."""
    if (now := language()) == ENGLISH:
        return text
    group, decimal = _separators(now)
    return text.translate({ord(","): group, ord("."): decimal})


def separators() -> str:
    """Decimal and grouping separator, as Plotly wants them."""
    group, decimal = _separators(language())
    return decimal + group


@cache
def _separators(name: str) -> tuple[str, str]:
    return get_group_symbol(name), get_decimal_symbol(name)


@cache
def minor_digits(currency: str) -> int:
    """Digits after the decimal sign: 2 for EUR, 0 for JPY; 2 for what is no currency.

    >>> minor_digits("JPY"), minor_digits("EUR"), minor_digits("points")
    (0, 2, 2)
    """
    return get_currency_precision(currency) if len(currency) == 3 else 2


def day(value: dt.date, short: bool) -> str:
    """A day in the language spoken here."""
    return format_date(value, "d. MMM y" if short else "d. MMMM y", locale=language())


def plural_form(n: float) -> str:
    """The CLDR plural category of a number: "one" or "other" in English and German."""
    return str(Locale.parse(language()).plural_form(n))


@cache
def _and_word(name: str) -> str:
    """The word before the last item of a list, out of CLDR's pattern "{0} and {1}"."""
    return str(Locale.parse(name).list_patterns["standard"]["2"]).format("", "").strip()


def and_word() -> str:
    """The word before the last item of a list, in the language spoken here."""
    return _and_word(language())


def short_unit(name: str) -> str:
    """What stands behind a number in thousands, millions ...: "k", "M", "B" and "T" as they are in English.

    >>> with speaking("de"):
    ...     short_unit("B")
    ' Mrd.'
    """
    german = {"k": " Tsd.", "M": " Mio.", "B": " Mrd.", "T": " Bio."}
    return german[name] if language() == "de" else name


def to_word() -> str:
    """The word between the ends of a range, in the language spoken here; a dash where it has none here."""
    return {ENGLISH: "to", "de": "bis"}.get(language(), "–")
