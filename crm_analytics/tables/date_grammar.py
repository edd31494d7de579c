"""How a day or a moment is written: ISO 8601, days and months in either order, month names, epochs.

As with numbers, texts are judged by shape (every digit written as 9). A shape belongs to one *family*, a
regular expression whose groups are the parts; the same expression is checked here and used in the engine.
Only day-and-month families leave a choice, which the values settle (`date_columns`), never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

CLOCK = (
    r"(?:[T ,]+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?)?"
    r"[ \x{202f}\x{a0}]?([AaPp][.]?[ \x{202f}\x{a0}]?[Mm][.]?)?"
)
OFFSET = r"(?:UTC|GMT)?(Z|z|UTC|GMT|[+-][0-1][0-9]:?[0-5][0-9]|[+-][0-1][0-9])"
NAMED_ZONE = r"(?:\[[^\[\]]*\])?"  # Java adds it: 2026-01-31T09:30+01:00[Europe/Paris]
ZONE = rf" ?(?:{OFFSET}{NAMED_ZONE})?(?: [(][^()]*[)])?"  # browsers add its name in brackets
_WORD = r"([^\s0-9.,/-]{3,12})[.]?"
_WEEKDAY = r"(?:[^\s0-9.,/-]{2,12}[.,]* )?"
ORDERS = ("DMY", "MDY", "YMD")


@dataclass(frozen=True)
class Family:
    """Dates written alike.

    Attributes
    ----------
    parts : what each group of `pattern` is: Y year, y two-digit year, M month, D day, B month name, J day of
        the year, W week, U weekday, E epoch; 1, 2, 3 for fields whose order the values must settle.
    orders : readings of 1, 2, 3 that can be meant
    """

    name: str
    pattern: str
    parts: str
    orders: tuple[str, ...] = ()
    clock: bool = True


def _d(n: str) -> str:
    return f"([0-9]{{{n}}})"


_NAMED = rf"{_WEEKDAY}{_d('1,2')}(?:st|nd|rd|th|er|[.º])?[- /]*(?:de )?{_WORD}[- /,]*(?:de )?{_d('4')}"
_NAMED += r"(?: ?[гр][.]?)?"  # a Russian or Ukrainian year has a letter behind it
_BASIC = rf"((?:19|20)[0-9]{{2}}){_d('2')}{_d('2')}T?{_d('2')}{_d('2')}{_d('2')}?"

FAMILIES: tuple[Family, ...] = (
    Family("year first", rf"{_d('4')}[-/.]{_d('1,2')}[-/.]{_d('1,2')}", "YMD"),
    Family("year first, points apart", rf"{_d('4')}[.] {_d('1,2')}[.] {_d('1,2')}[.]?", "YMD"),
    Family("year first in signs", rf"{_d('4')}[年년] ?{_d('1,2')}[月월] ?{_d('1,2')}[日일]", "YMD"),
    Family("compact", rf"{_d('4')}{_d('2')}{_d('2')}", "YMD"),
    Family("compact moment", _BASIC, "YMDhms", clock=False),
    Family("week", rf"{_d('4')}-?W{_d('2')}-?([1-7])", "YWU"),
    Family("day of the year", rf"{_d('4')}-{_d('3')}", "YJ"),
    Family("slashes", rf"{_d('1,2')}[/-]{_d('1,2')}[/-]{_d('4')}", "123", ("DMY", "MDY")),
    Family("dots", rf"{_d('1,2')}[.] ?{_d('1,2')}[.] ?{_d('4')}", "DMY"),
    Family("short slashes", rf"{_d('1,2')}[/-]{_d('1,2')}[/-]{_d('2')}", "123", ("DMY", "MDY", "YMD")),
    Family("short dots", rf"{_d('1,2')}[.] ?{_d('1,2')}[.] ?{_d('2')}", "123", ("DMY", "YMD")),
    Family("name between", _NAMED, "DBY"),
    Family("name between, short", rf"{_d('1,2')}[- /]{_WORD}[- /]{_d('2')}", "DBy"),
    Family("name first", rf"{_WEEKDAY}{_WORD}[ -]{_d('1,2')}(?:st|nd|rd|th)?,?[ -]{_d('4')}", "BDY"),
    Family(
        "clock before the year",
        rf"{_WEEKDAY}{_WORD} +{_d('1,2')} {_d('2')}:{_d('2')}:{_d('2')} {_d('4')}",
        "BDhmsY",
        clock=False,
    ),
    Family("name in the middle", rf"{_d('4')}[- /]{_WORD}[- /]{_d('1,2')}", "YBD"),
    Family("epoch", r"([0-9]{9,10}|[0-9]{12,13}|[0-9]{15,16}|[0-9]{18,19})(?:[.][0-9]*)?", "E", clock=False),
)  # fmt: skip


def full_pattern(family: Family) -> str:
    """The whole expression of a family, with clock and zone where it may have them; for the engine."""
    tail = f"{CLOCK}{ZONE}" if family.clock else ZONE if family.parts != "E" else ""
    return f"^{family.pattern}{tail}$"


def python_pattern(pattern: str) -> str:
    """An expression of the engine's for Python: the one spelling that differs is that of code points."""
    return re.sub(r"\\x\{([0-9a-f]+)\}", lambda m: chr(int(m[1], 16)), pattern)


@cache
def _compiled(family: Family) -> re.Pattern[str]:
    # a shape's digits are all nines: what limits a digit is judged by the values, not by the shape
    loose = full_pattern(family).replace("[0-1]", "[0-9]").replace("[0-5]", "[0-9]").replace("[1-7]", "[0-9]")
    loose = loose.replace("(?:19|20)", "[0-9]{2}")
    return re.compile(python_pattern(loose))


PLAIN = re.compile(r"9999-99-99(?:[T ]99:99:99(?:[.]9{1,6})?)?")


EPOCH = FAMILIES[-1]
BASIC = next(family for family in FAMILIES if family.name == "compact moment")


def family_of(shape: str) -> Family | None:
    """The family a shape belongs to.

    >>> shapes = ("9999-99-99T99:99:99+99:99", "9/9/9999 9:99 PM", "99-99-99", "9 Jan 9999", "9999999999",
    ...     "99999999", "9999-W99-9", "soon")
    >>> [getattr(family_of(shape), "name", None) for shape in shapes]
    ['year first', 'slashes', 'short slashes', 'name between', 'epoch', 'compact', 'week', None]
    """
    text = shape.strip()
    for family in FAMILIES:
        if match := _compiled(family).fullmatch(text):
            separators = set(re.findall(r"(?<=9)[-/.](?=9)", match[0][: match.end(_last_field(family))]))
            if len(separators) <= 1:
                return family
    return None


def zoned(shape: str) -> bool:
    """Whether a shape ends in a zone or an offset.

    >>> zoned("9999-99-99T99:99:99Z"), zoned("9999-99-99 99:99:99 -9999"), zoned("9999-99-99")
    (True, True, False)
    >>> zoned("Tue Dec 99 9999 99:99:99 GMT+9999 (Central European Time)"), zoned("99999999T999999+9999")
    (True, True)
    """
    return (
        re.search(
            r":99([.,]9+)?( ?[APap][.]? ?[Mm][.]?)? ?([Zz]|UTC|GMT|(UTC|GMT)?[+-]99(:?99)?)"
            r"(\[[^\[\]]*\])?( [(][^()]*[)])?$"
            r"|9[zZ]$|9T?9{4,6}[+-]99(:?99)?$",
            shape.strip(),
        )
        is not None
    )


def _last_field(family: Family) -> int:
    return len([p for p in family.parts if p not in "hms"])


@cache
def month_names(language: str) -> dict[str, int]:
    """Month names and their abbreviations in small letters, without points, in a language.

    >>> month_names("de")["märz"], month_names("en")["sept"], month_names("fr")["févr"]
    (3, 9, 2)

    Raises
    ------
    KeyError : no such language.
    """
    from babel import Locale, UnknownLocaleError

    try:
        locale = Locale.parse(language.replace("-", "_"))
    except (UnknownLocaleError, ValueError, TypeError):
        raise KeyError(language) from None
    names: dict[str, int] = {}
    for context in ("format", "stand-alone"):
        for width in ("wide", "abbreviated"):
            for number, name in locale.months[context][width].items():
                names.setdefault(str(name).lower().rstrip("."), number)
    if language.startswith("en"):
        names.setdefault("sept", 9)
    for name, number in list(names.items()):
        if len(name) > 4:
            names.setdefault(name[:3], number) if _alone(name[:3], names, number) else None
    return names


def _alone(short: str, names: dict[str, int], number: int) -> bool:
    return {n for name, n in names.items() if name.startswith(short)} == {number}


def language_of(words: Iterable[str]) -> str | None:
    """The language in which all of these words are months, to be offered; None where there is none.

    >>> language_of(["okt", "dez", "mai"])
    'de'
    """
    wanted = {w.lower().rstrip(".") for w in words}
    languages = (
        "en",
        "de",
        "fr",
        "es",
        "it",
        "nl",
        "pt",
        "pl",
        "sv",
        "da",
        "nb",
        "fi",
        "cs",
        "tr",
        "ru",
        "uk",
    )
    return next((code for code in languages if wanted and wanted <= month_names(code).keys()), None)
