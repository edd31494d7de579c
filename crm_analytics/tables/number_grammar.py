"""How a number is written: sign, currency mark, grouping, decimal point or comma, exponent, per cent.

Texts are judged by their *shape* (every digit written as 9), so a column of millions of rows is decided
from a few hundred shapes, and from all of its values. Two readings exist, by the decimal mark; most shapes
allow one of them (``9,999.99`` is read with a point), some allow both and mean the same (``999``), and few
allow both and mean different numbers (``9,999``). A column that leaves a choice is refused, not guessed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache

POINT, COMMA = ".", ","
DIGITS, NINES = "0123456789", "9999999999"
MINUS = "-\u2212\u2010\u2011\u2012\u2013\ufe63\uff0d"  # hyphen-minus, U+2212 and the dashes used for it
APOSTROPHES = "'\u2019\u02bc\u00b4"
BLANKS = " \u00a0\u202f\u2009\u2007"
# the zeros of Arabic, Persian, Hindi, Bengali, Thai, and of full width
_SCRIPTS = (0x0660, 0x06F0, 0x0966, 0x09E6, 0x0E50, 0xFF10)
OTHER_SIGNS = (
    "".join(chr(zero + n) for zero in _SCRIPTS for n in range(10)) + "\u066b\u066c\uff0c\uff0e\uff0f\uff1a"
)
HIDDEN = "\u200b\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"  # directions
ASCII_SIGNS = DIGITS * len(_SCRIPTS) + ".,,./:"
ODD_SIGNS = frozenset(OTHER_SIGNS + HIDDEN)
_GROUPS = {POINT: (COMMA, *APOSTROPHES, *BLANKS), COMMA: (POINT, *APOSTROPHES, *BLANKS)}
_LOCAL_SIGNS = frozenset(
    ("kr", "kr.", "fr", "fr.", "sfr", "sfr.", "zł", "kč", "ft", "lei", "rs", "rs.", "r", "rp", "rp.", "rm",
     "s/", "s/.", "руб", "руб.", "р.", "лв", "лв.", "дин", "din", "kn", "tl", "us$", "r$", "a$", "c$", "ca$",
     "au$", "nz$", "hk$", "s$", "nt$", "mx$", "rmb", "元", "円", "원", "dh", "dhs", "บาท", "zl", "грн",
     "грн.", "euro", "euros", "eur.", "ريال", "ریال", "تومان", "درهم")
)  # fmt: skip
_CODES = {"€": "EUR", "£": "GBP", "₹": "INR", "₩": "KRW", "₽": "RUB", "₺": "TRY", "₴": "UAH", "₫": "VND",
          "₪": "ILS", "฿": "THB", "₦": "NGN", "₱": "PHP", "US$": "USD", "R$": "BRL", "A$": "AUD",
          "C$": "CAD", "ZŁ": "PLN", "KČ": "CZK", "FT": "HUF", "SFR.": "CHF",
          "RMB": "CNY"}  # fmt: skip
_NO_CENTS = re.compile(r"(?<=9)([.,])(?:[-\u2013\u2014\u2212=]{1,2})(?=[^9]*$)")  # 12,- and 12.-- are 12
_CLOSED = re.compile(r"(?<=9)(?:/[-=]|:-)$")  # 12/- and 12:- are 12
_TEXT = re.compile(r"^'(?=[-+(.]?\s*9)")  # Excel's sign that a number is text
BOOKED = frozenset(("cr", "dr"))
SHORTENED = frozenset(("k", "m", "mn", "mio", "mill", "million", "millionen", "tsd", "mrd", "bn", "万", "만"))
PARTED = frozenset("€$£¥")  # 12€50
_LAST_WORD = re.compile(r"9\s*([^\W\d_]+)[.]?(?:\s*(?:[€$£¥]|[a-z]{3}))?$|9([€$£¥])99$")
_EXPONENT = re.compile(r"[+-]?9+([.,]9*)?[eE][+-]?9{1,3}")


@dataclass(frozen=True)
class Written:
    """One shape under one decimal mark: its sign, mark and kind."""

    negative: bool = False
    mark: str = ""
    percent: bool = False
    exponent: bool = False


@dataclass(frozen=True)
class NumberReading:
    """How a whole column of text is read as numbers.

    Attributes
    ----------
    decimal : the decimal mark
    plain : every value is digits with a decimal point: the engine's own cast reads it
    shapes : accepted shapes, each as it is written
    marks : currency marks in the column, as codes where a mark has one meaning
    unread : rows whose text is no number under this reading
    foreign : some digits are those of another script
    mixed : some of them are numbers under the other decimal mark
    words : what ends texts that are no numbers here: of a booking (cr, dr), of a shortened number (k, mio);
        or the mark that stands for a decimal comma
    """

    decimal: str
    plain: bool
    shapes: dict[str, Written] = field(default_factory=dict)
    marks: frozenset[str] = frozenset()
    unread: int = 0
    foreign: bool = False
    mixed: bool = False
    words: frozenset[str] = frozenset()


@dataclass(frozen=True)
class NumberDoubt:
    """A column that could be read in two ways, and how many rows prove each."""

    mixed: bool
    points: int
    commas: int


def shapes_of_both(shape: str) -> dict[str, Written]:
    """A shape under each decimal mark that can read it.

    >>> sorted(shapes_of_both("(€9.999,99)")), shapes_of_both("(€9.999,99)")[","].negative
    ([','], True)
    >>> [sorted(shapes_of_both(shape)) for shape in ("9,99,999.9", "9,999", "9,99.9")]
    [['.'], [',', '.'], []]
    >>> shapes_of_both("99,-")  # a price without cents, and no minus
    {',': Written(negative=False, mark='', percent=False, exponent=False)}
    >>> [d for shape in ("Rs. 9,99,999.99/-", "9999:-", "'9.99") for d in shapes_of_both(shape)]
    ['.', '.', ',', '.']
    """
    text = _TEXT.sub("", _CLOSED.sub("", shape.strip(BLANKS + "\t")), count=1)
    text = _NO_CENTS.sub(r"\1", text)
    for sign in MINUS[1:]:
        text = text.replace(sign, "-")
    if _EXPONENT.fullmatch(text):
        decimal = [COMMA] if COMMA in text else [POINT] if POINT in text else [POINT, COMMA]
        return {d: Written(text.startswith("-"), exponent=True) for d in decimal}
    parts = _parts(text)
    if parts is None:
        return {}
    body, written = parts
    return {d: written for d in (POINT, COMMA) if _body(d).fullmatch(body)}


def ambiguous(shape: str) -> bool:
    """Whether a shape means one number with a decimal point and another with a decimal comma.

    >>> ambiguous("9,999"), ambiguous("9,99"), ambiguous("9,999,999")
    (True, False, False)
    """
    return len(shapes_of_both(shape)) == 2 and ("," in shape or "." in shape)


def decide(
    counts: Iterable[tuple[str, int]], decimal: str | None, zero_led: tuple[int, int] = (0, 0)
) -> NumberReading | NumberDoubt:
    """The one reading of a column, or the doubt that is left.

    Parameters
    ----------
    counts : shape and number of rows, blank texts left out
    decimal : as the mapping says; None where it says nothing
    zero_led : rows like ``0.125`` and rows like ``0,125``: no group begins with a lone zero

    >>> decide([("9,999.99", 3), ("99.99", 90)], None).decimal
    '.'
    >>> decide([("9,999", 3), ("999", 90)], None)
    NumberDoubt(mixed=False, points=0, commas=0)
    """
    found = [(shape, n, shapes_of_both(shape)) for shape, n in counts]
    rows = {POINT: zero_led[0], COMMA: zero_led[1]}
    doubtful = 0
    for shape, n, both in found:
        if len(both) == 1:
            rows[next(iter(both))] += n
        elif both and ambiguous(shape):
            doubtful += n
    proven = [d for d in (POINT, COMMA) if rows[d]]
    if decimal is None:
        if doubtful and len(proven) != 1:
            return NumberDoubt(bool(proven), rows[POINT], rows[COMMA])
        decimal = max((POINT, COMMA), key=lambda d: rows[d]) if proven else POINT
    shapes = {shape: both[decimal] for shape, _, both in found if decimal in both}
    percents = sum(n for shape, n, _ in found if shape in shapes and shapes[shape].percent)
    if percents and percents < sum(n for shape, n, _ in found if shape in shapes):
        rest = percents * 2 < sum(n for shape, n, _ in found if shape in shapes)
        shapes = {s: w for s, w in shapes.items() if w.percent != rest}  # 12 and 12 % are not the same kind
    unread = sum(n for shape, n, _ in found if shape not in shapes)
    pointed = decimal == POINT or not any(POINT in shape for shape in shapes)
    plain = unread == 0 and pointed and all(_PLAIN.fullmatch(shape) for shape in shapes)
    marks = frozenset(code_of(w.mark) for w in shapes.values() if w.mark)
    mixed = any(both and decimal not in both for _, _, both in found)
    ends = (_LAST_WORD.search(shape.strip().lower()) for shape, _, _ in found if shape not in shapes)
    words = frozenset(end[1] or end[2] for end in ends if end) & (BOOKED | SHORTENED | PARTED)
    return NumberReading(decimal, plain, shapes, marks, unread, mixed=mixed, words=words)


def code_of(mark: str) -> str:
    """The currency's code where a mark has one meaning, else the mark.

    >>> code_of("€"), code_of("usd"), code_of("$")
    ('EUR', 'USD', '$')
    """
    return _CODES.get(mark.upper(), mark.upper() if mark.isalpha() else mark)


def same_currency(marks: Iterable[str]) -> bool:
    """Whether these marks can all mean one currency ("$" and "USD" can, "$" and "€" cannot)."""
    codes = {m for m in marks if not (m == "$" and any(o.endswith("D") for o in marks if len(o) == 3))}
    return len(codes) <= 1


_PLAIN = re.compile(r"\s*-?9+(\.9*)?([eE][+-]?9+)?\s*|\s*-?\.9+\s*", re.ASCII)


@cache
def _body(decimal: str) -> re.Pattern[str]:
    whole = ["9+"]
    for mark in _GROUPS[decimal]:
        g = re.escape(mark)
        whole.append(f"9{{1,3}}(?:{g}999)+")
        if mark == COMMA:
            whole.append(f"9{{1,2}}(?:{g}99)+{g}999")  # lakh and crore
    d = re.escape(decimal)
    return re.compile(f"(?:{'|'.join(whole)})(?:{d}9*)?|{d}9+")


def _parts(text: str) -> tuple[str, Written] | None:
    """The digits of a number, with its sign and mark taken off; None where anything else stands there."""
    negative = percent = False
    mark = ""
    signs = brackets = 0
    while True:
        text = text.strip(BLANKS)
        if not text:
            return None
        if text[0] == "(" and text[-1] == ")":
            negative, brackets, text = True, 1, text[1:-1]
        elif text[0] in "+-":
            negative, signs, text = negative or text[0] == "-", signs + 1, text[1:]
        elif text[-1] in "+-":
            negative, signs, text = negative or text[-1] == "-", signs + 1, text[:-1]
        elif text[-1] == "%" and not percent:
            percent, text = True, text[:-1]
        elif not mark and (found := _mark(text)):
            mark, text = found
        else:
            break
        if signs + brackets > 1:
            return None
    return text, Written(negative, mark, percent)


def _mark(text: str) -> tuple[str, str] | None:
    """A currency mark at either end, and the rest."""
    before = re.match(r"[^9()+\-.,'%]+\.?|S/\.?", text)
    after = re.search(r"[^9()+\-,'%.\s][^9()+\-,'%]*$", text)
    for match, rest in ((before, text[before.end() :] if before else ""),
                        (after, text[: after.start()] if after else "")):  # fmt: skip
        if match and rest and _is_mark(match[0].strip(BLANKS)):
            return match[0].strip(BLANKS), rest
    return None


@cache
def _is_mark(text: str) -> bool:
    if text.lower() in _LOCAL_SIGNS or (len(text) == 1 and unicodedata.category(text) == "Sc"):
        return True
    return len(text) == 3 and text.isascii() and text.isalpha() and text.upper() in _iso_codes()


@cache
def _iso_codes() -> frozenset[str]:
    from babel import Locale

    return frozenset(Locale("en").currencies)
