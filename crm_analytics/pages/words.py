"""Numbers, money, days and labels as people read them, in English or in the language of `locales.speaking`.

Every function takes a plain value and gives plain text: no markup, no escaping except in `label`, which
writes for Plotly. What is not known is "–", and nothing is ever "-0". A minus is "−", so that a line break
never parts it from its number.

Shares are fractions: ``percent(0.632)`` is "63.2 %".
"""

from __future__ import annotations

import datetime as dt
import math
import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any

from crm_analytics.errors import NotebookError, nearest
from crm_analytics.pages import locales

UNKNOWN = "–"
MINUS = "−"
LONGEST_LABEL = 80
LONGEST_TEXT = 1200

_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹"}
_MONTHS = "January February March April May June July August September October November December"
# What draws nothing but changes how its neighbours are read: control, format (bidirectional marks, zero
# width), surrogate and private characters, line and paragraph separators.
_MARK = "[\u0300-\u036f\u0483-\u0489\u20d0-\u20ff]"
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


# --- text ---------------------------------------------------------------------------------------------------


def clean(value: object, limit: int = LONGEST_TEXT) -> str:
    r"""Any value as one harmless line of text: normalised, without unseen characters, of limited length.

    Joiners that emoji and some scripts need go too: a label must not say one thing and sort as another.

    >>> clean("Ann\u202e\u200b  Lee\n")
    'Ann Lee'
    >>> clean("x" * 100, limit=5)
    'xxxx…'
    """
    text = str(value)[: 8 * limit]
    text = re.sub(r"\s+", " ", text)
    text = "".join(c for c in text if unicodedata.category(c) not in _UNSEEN)
    text = unicodedata.normalize("NFC", re.sub(r" +", " ", text)).strip()
    # Marks stacked without end ("zalgo") climb over the lines above.
    text = re.sub(
        r"([\u0300-\u036f\u0483-\u0489\u20d0-\u20ff]{3})[\u0300-\u036f\u0483-\u0489\u20d0-\u20ff]+",
        r"\1",
        text,
    )
    # A name without a space would stretch a page made for sentences (scripts without spaces may run on).
    text = re.sub(r"[^\s\u2e80-\uffff]{81,}", lambda run: run[0][: LONGEST_LABEL - 1] + "…", text)
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def label(value: object) -> str:
    """Text from data, ready for a Plotly figure, which reads its labels as a small HTML.

    Charts made through `blocks.chart` are labelled already; do not label twice.

    >>> label("<b>AT&T</b> $5")
    '&lt;b&gt;AT&amp;T&lt;/b&gt; &#36;5'
    """
    text = clean(value, LONGEST_LABEL)
    for mark, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("$", "&#36;")):
        text = text.replace(mark, entity)
    return text


def listing(items: Iterable[object], last: str = "") -> str:
    """The items of a sentence; before the last one `last`, or "and" in the language spoken here.

    >>> listing(["A", "B", "C"]), listing(["A"]), listing([])
    ('A, B and C', 'A', '')
    >>> with locales.speaking("de"):
    ...     listing(["A", "B", "C"])
    'A, B und C'
    """
    words = [str(item) for item in items]
    last = last or locales.and_word()
    return f" {last} ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def plural(n: Any, one: str, many: str = "") -> str:
    """A number with its noun.

    >>> plural(1, "customer"), plural(2349, "customer"), plural(2, "company"), plural(0, "person", "people")
    ('1 customer', '2,349 customers', '2 companies', '0 people')
    """
    if not many:
        many = (
            one[:-1] + "ies"
            if re.search(r"[^aeiou]y$", one)
            else one + ("es" if one.endswith(("s", "x", "ch", "sh")) else "s")
        )
    return f"{count(n)} {one if count(n) == '1' else many}"


# --- numbers ------------------------------------------------------------------------------------------------


def is_unknown(value: Any) -> bool:
    """Whether there is nothing to say: None, NaN, NaT, NA, or a number without end.

    >>> is_unknown(None), is_unknown(float("nan")), is_unknown(0)
    (True, True, False)
    """
    if value is None or type(value).__name__ in {"NaTType", "NAType"}:
        return True
    try:
        return not math.isfinite(value)
    except (TypeError, ValueError, OverflowError):
        return False


def number(x: Any, digits: int = 0) -> str:
    """A number with `digits` decimals.

    >>> number(4413.602, 1), number(-0.04, 1), number(-3), number(None)
    ('4,413.6', '0.0', '−3', '–')
    """
    if is_unknown(x):
        return UNKNOWN
    text = f"{float(x):,.{digits}f}"
    return locales.separated(text.replace("-", MINUS if re.search("[1-9]", text) else ""))


def count(n: Any) -> str:
    """A whole number.

    >>> count(2349), count(float("nan"))
    ('2,349', '–')
    """
    return number(n, 0)


def percent(x: Any, digits: int = 1) -> str:
    """A share, given as a fraction.

    >>> percent(0.632), percent(0.2, 0), percent(-0.0001)
    ('63.2 %', '20 %', '0.0 %')
    """
    return UNKNOWN if is_unknown(x) else number(100 * float(x), digits) + " %"


def money(x: Any, currency: str = "", digits: int | None = None) -> str:
    """An amount: whole from 100 on, with cents below, unless there are none or the currency has none.

    Parameters
    ----------
    digits : after the decimal sign, where a whole column has the same (see `cents_of`)

    >>> money(173116.4, "USD"), money(37.52, "USD"), money(-5, "USD"), money(1234, "SEK"), money(1234)
    ('$173,116', '$37.52', '−$5', '1,234 SEK', '1,234')
    >>> money(37.52, "JPY"), money(1.5e12, "IDR")
    ('¥38', '1,500,000,000,000 IDR')
    """
    if is_unknown(x):
        return UNKNOWN
    minor = locales.minor_digits(currency)
    cents = round(abs(float(x)), minor)
    if digits is None:
        digits = minor if cents < 100 and cents % 1 else 0
    text = _in_currency(number(cents, digits), currency)
    return MINUS + text if float(x) < 0 and re.search("[1-9]", text) else text


def cents_of(values: Iterable[Any], currency: str) -> int:
    """How many decimals all amounts of one column have: those of the currency where one of them needs cents.

    Amounts below 10 need them, and so do those below 100 where none is of four digits.

    >>> cents_of([38.5, 16], "USD"), cents_of([173116, 37.52], "USD"), cents_of([12000, 0.05], "EUR")
    (2, 0, 2)
    """
    minor = locales.minor_digits(currency)
    sizes = [round(abs(float(v)), minor) for v in values if not is_unknown(v)]
    small = [v for v in sizes if v < 100 and v % 1]
    return minor if small and (min(small) < 10 or max(sizes) < 1000) else 0


def compact(x: Any, currency: str = "") -> str:
    """A number short enough for the cell of a heat map or the tick of an axis: three digits at most.

    >>> compact(31427, "USD"), compact(1016), compact(2_500_000), compact(-950.4), compact(1234, "SEK")
    ('$31.4k', '1.02k', '2.5M', '−950', '1.23k SEK')
    >>> with locales.speaking("de"):
    ...     compact(2_500_000, "EUR")
    '2,5 Mio. €'
    """
    if is_unknown(x):
        return UNKNOWN
    size, unit = abs(float(x)), ""
    for unit_size, name in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if size >= 0.9995 * unit_size:
            size, unit = size / unit_size, locales.short_unit(name)
            break
    if not unit and size < 100 and currency:
        return money(x, currency)
    digits = max(0, 2 - int(math.log10(size))) if unit else (0 if size >= 100 or size == int(size) else 1)
    text = f"{size:,.{digits}f}"
    text = locales.separated(text.rstrip("0").rstrip(".") if "." in text else text)
    text = _in_currency(text + unit, currency)
    return MINUS + text if float(x) < 0 and re.search("[1-9]", text) else text


def _in_currency(text: str, currency: str) -> str:
    if locales.language() != locales.ENGLISH:
        return f"{text} {_SYMBOLS.get(currency, clean(currency, 12))}".strip()
    if currency in _SYMBOLS:
        return _SYMBOLS[currency] + text
    return f"{text} {clean(currency, 12)}".strip()


def date(day: Any, *, short: bool = False) -> str:
    """A day, from a date, a timestamp or ISO text.

    >>> date("1997-09-30"), date(dt.date(1997, 1, 1), short=True), date(None)
    ('30 September 1997', '1 Jan 1997', '–')
    """
    if is_unknown(day) or day == "":
        return UNKNOWN
    if isinstance(day, str):
        day = dt.date.fromisoformat(day[:10])
    if locales.language() != locales.ENGLISH:
        return locales.day(day, short)
    month = _MONTHS.split()[day.month - 1]
    return f"{day.day} {month[:3] if short else month} {day.year}"


# --- comparisons --------------------------------------------------------------------------------------------


def interval(low: Any, high: Any, fmt: str = "number:1") -> str:
    """A range in one format; the unit is said once.

    >>> interval(0.61, 0.654, "percent"), interval(1200, 1400, "money:USD"), interval(-2, 3.1)
    ('61.0–65.4 %', '$1,200–$1,400', '−2.0 to 3.1')
    """
    first, second = say(low, fmt), say(high, fmt)
    if UNKNOWN in (first, second):
        return UNKNOWN
    unit = re.search(r" [^\d ]+$", second)
    if unit and first.endswith(unit.group()):
        first = first[: -len(unit.group())]
    between = locales.to_word()
    return f"{first} {between} {second}" if MINUS in first + second else f"{first}–{second}"


def direction(now: Any, before: Any) -> str:
    """Which way it went: "up", "down", "flat", or "" where one of the two is unknown.

    >>> direction(12, 10), direction(1, 1), direction(1, None)
    ('up', 'flat', '')
    """
    if is_unknown(now) or is_unknown(before):
        return ""
    step = float(now) - float(before)
    return (
        "flat"
        if abs(step) <= 1e-9 * max(abs(float(now)), abs(float(before)))
        else "up"
        if step > 0
        else "down"
    )


def change(now: Any, before: Any, fmt: str = "percent", *, missing: str = "no earlier period") -> str:
    """What changed, with an arrow.

    `fmt` is "percent" (of the earlier value), "points" (between two shares) or any format of `say`.

    >>> change(118.5, 100), change(0.403, 0.343, "points"), change(90, 100, "count")
    ('▲ 18.5 %', '▲ 6.0 points', '▼ 10')
    >>> change(5, 5), change(5, None)
    ('unchanged', 'no earlier period')
    """
    way = direction(now, before)
    if not way or (fmt == "percent" and not before):
        return missing
    step = abs(float(now) - float(before))
    if fmt == "points":
        size = number(100 * step, 1) + " points"
    else:
        size = percent(step / abs(float(before))) if fmt == "percent" else say(step, fmt)
    if not re.search("[1-9]", size):
        way = "flat"
    return {"up": f"▲ {size}", "down": f"▼ {size}", "flat": "unchanged"}[way]


# --- formats by name ----------------------------------------------------------------------------------------

_FORMATS = ("auto", "text", "count", "number", "percent", "money", "compact", "date", "interval", "estimate")


def say(value: Any, fmt: str = "auto") -> str:
    """One value in a format by name: ``count``, ``number:1``, ``percent``, ``percent:0``, ``money:USD``,
    ``compact:USD``, ``date``, ``date:short``, ``text`` or ``auto``; of several numbers, ``interval:percent``
    (lower, upper) or ``estimate:percent`` (value, lower, upper).

    Raises
    ------
    NotebookError : the format does not exist.

    >>> say(0.632, "percent"), say(37.5, "money:USD"), say(12.345, "number:1"), say(12), say(True), say("A")
    ('63.2 %', '$37.50', '12.3', '12', 'yes', 'A')
    >>> say((0.61, 0.65), "interval:percent:0"), say((0.63, 0.61, 0.65), "estimate:number:2")
    ('61–65 %', '0.63 (0.61–0.65)')
    """
    kind, _, extra = fmt.partition(":")
    if kind not in _FORMATS or (kind in {"number", "percent"} and extra and not extra.isdigit()):
        raise NotebookError(f"no format '{fmt}'{nearest(kind, _FORMATS)}; known: {', '.join(_FORMATS)}")
    if is_unknown(value):
        return UNKNOWN
    ways: dict[str, Callable[[], str]] = {
        "auto": lambda: _auto(value),
        "text": lambda: clean(value),
        "count": lambda: count(value),
        "number": lambda: number(value, int(extra or 1)),
        "percent": lambda: percent(value, int(extra or 1)),
        "money": lambda: money(value, extra),
        "compact": lambda: compact(value, extra),
        "date": lambda: date(value, short=extra == "short"),
        "interval": lambda: interval(value[0], value[1], extra),
        "estimate": lambda: f"{say(value[0], extra)} ({interval(value[1], value[2], extra)})",
    }
    return ways[kind]()


def same_digits(values: Iterable[Any]) -> int:
    """How many decimals let the numbers of one column be read as one: none to three.

    >>> same_digits([31.26, 7.5]), same_digits([1, 2.0, None]), same_digits([0.63, 2.1]), same_digits([0.075])
    (1, 0, 2, 3)
    """
    known = [abs(float(v)) for v in values if not is_unknown(v)]
    if all(abs(v - round(v)) < 1e-9 for v in known):
        return 0
    return next((digits for digits, least in ((1, 10), (2, 1)) if max(known) >= least), 3)


def _auto(value: Any) -> str:
    if isinstance(value, bool) or type(value).__name__ == "bool_":
        return "yes" if value else "no"
    if isinstance(value, dt.date):
        return date(value, short=True)
    if isinstance(value, str):
        return clean(value)
    try:
        x = float(value)
    except (TypeError, ValueError):
        return clean(value)
    if x == int(x):
        return count(x)
    return number(x, min(8, max(0, 2 - math.floor(math.log10(abs(x))))) if abs(x) < 100 else 1)


def align(fmt: str, values: Iterable[Any]) -> str:
    """Whether a table's column stands left ("text") or right ("number").

    >>> align("auto", [1, 2]), align("auto", ["a"]), align("money:USD", [])
    ('number', 'text', 'number')
    """
    kind = fmt.partition(":")[0]
    if kind != "auto":
        return "text" if kind in {"text", "date", "interval", "estimate"} else "number"
    known = [v for v in values if not is_unknown(v)]
    numbers = [v for v in known if not isinstance(v, str | bool | dt.date) and hasattr(v, "__float__")]
    return "number" if known and len(numbers) == len(known) else "text"
