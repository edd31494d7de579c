"""Why something is not there, in the language of the page.

Analyses give their reasons in English. The catalogue that reports share holds the forms of these sentences
(``reason.*``), each with slots; a reason that has the form of one is said in the other language with what
stands in its slots. A reason of no known form becomes the plain sentence that the data do not suffice: a page
never mixes its language.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from crm_analytics.pages import locales
from crm_analytics.pages.sentences import sentences
from crm_analytics.reports.shared.spoken import SHARED, slug

if TYPE_CHECKING:
    from crm_analytics.pages.sentences import Sentences

FORMS, UNITS = "reason.", "counted_in."
_SLOT = re.compile(r"\{(\w+):\w+\}")


def spoken(reason: str, language: str) -> str:
    """A reason in a language, with a full stop where it had one.

    >>> spoken("this needs tickets.cost", "en")
    'this needs tickets.cost'
    >>> spoken("BG/NBD needs at least 1,000 repeat buyers, this base has 3.", "de")
    'Nötig sind mindestens 1.000 Wiederkäufer, vorhanden sind 3.'
    >>> spoken("the moon is not full", "de")
    'Dafür reichen die Daten nicht'
    """
    if language == locales.ENGLISH or not reason:
        return reason
    t = sentences(language, (SHARED,))
    stop = "." if reason.endswith(".") else ""
    return " ".join(_said(t, part) for part in _parts(reason)).rstrip(".") + stop


def _parts(reason: str) -> list[str]:
    """Sentences of a reason."""
    return re.split(r"(?<=[a-z)’'\d])\. (?=[A-Z])", reason.strip())


def _said(t: Sentences, reason: str) -> str:
    for message, form in _forms():
        if found := form.fullmatch(reason.rstrip(".")):
            with locales.speaking(t.language):
                return t.of(message, {k: _slot(t, k, text) for k, text in found.groupdict().items()})
    return t("reason.other")


def _slot(t: Sentences, name: str, text: str) -> str:
    """What stands in a slot: a number in the language's form, a unit by its name, or a name as it is."""
    if name == "unit":
        named = f"{UNITS}{slug(text)}"
        return t(named if t.knows(named) else f"{UNITS}other")
    return locales.separated(text) if re.fullmatch(r"[\d.,]+", text) else text


@cache
def _forms() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The English forms, those with the most words of their own first."""
    english = sentences(locales.ENGLISH, (SHARED,)).messages
    known = {name: text for name, text in english.items() if name.startswith(FORMS)}
    ordered = sorted(known, key=lambda name: -len(_SLOT.sub("", known[name])))
    return tuple((name, _pattern(known[name])) for name in ordered)


def _pattern(text: str) -> re.Pattern[str]:
    whole = ""
    for n, part in enumerate(_SLOT.split(text)):  # text, slot, text, slot, ...
        whole += f"(?P<{part}>.+?)" if n % 2 else re.escape(part)
    return re.compile(whole, re.IGNORECASE | re.DOTALL)
