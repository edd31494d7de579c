r"""Sentences by message id, with typed slots and plurals, from catalogues in several languages.

A sentence is never glued from fragments: it stands whole in a catalogue, once per language, and has slots.
A slot says what kind of thing stands there, so that each language writes it its own way:

=============================================  ==================================================
``{n:count}``                                  a whole number
``{n:count|one=customer|other=customers}``     the number and its noun, by the language's plural forms
``{n:plural|one=has|other=have}``              the word alone
``{x:number.1}``, ``{x:share}``, ``{x:share.1}``   a number with decimals; a fraction as per cent
``{x:money}``, ``{day:date}``, ``{day:date.short}``   an amount in the currency of the report; a day
``{who:name}``                                 text from data: cleaned, of limited length
``{text:sentence}``                            another message of the catalogues, already said
``{way:choice|up=rose|down=fell}``             one of several words
=============================================  ==================================================

A catalogue is a TOML file: ``id = "sentence"``, tables join their names with a dot. Catalogues of a language
are read one over the other: those of the page, those that reports share, those of a report.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from crm_analytics.errors import NotebookError, nearest
from crm_analytics.pages import locales, words

OWN = Path(__file__).with_name("catalogue")
KINDS = ("count", "plural", "number", "share", "points", "money", "date", "name", "sentence", "choice")
_SLOT = re.compile(r"\{(\w+):(\w+)(?:\.(\w+))?((?:\|\w+=[^|{}]*)*)\}")


@dataclass(frozen=True)
class Slot:
    """One slot of a sentence: its name, its kind, what stands after the dot, and its words by form."""

    name: str
    kind: str
    extra: str
    forms: Mapping[str, str]


@dataclass(frozen=True)
class Sentences:
    """The messages of one language, and the currency that amounts are in.

    >>> text = "{n:count|one=customer is|other=customers are} quiet, {x:share} of all"
    >>> said = Sentences("en", {"quiet": text})
    >>> said("quiet", n=1, x=0.021), said("quiet", n=2349, x=0.5)
    ('1 customer is quiet, 2 % of all', '2,349 customers are quiet, 50 % of all')
    """

    language: str
    messages: Mapping[str, str]
    currency: str = ""

    def __call__(self, message: str, **values: Any) -> str:
        """The sentence `message`, its slots filled.

        Raises
        ------
        NotebookError : no such message, a slot without a value or a value without a slot.
        """
        text = self.messages.get(message)
        if text is None:
            raise NotebookError(f"no message '{message}'{nearest(message, list(self.messages))}")
        wanted = {slot.name for slot in slots_of(text)}
        if wanted != values.keys():
            odd = sorted(wanted ^ values.keys())
            raise NotebookError(f"message '{message}' has the slots {sorted(wanted)}; wrong here: {odd}")
        with locales.speaking(self.language):
            return _SLOT.sub(lambda m: self._filled(_slot(m), values[m[1]]), text)

    def of(self, message: str, values: Mapping[str, Any]) -> str:
        """The sentence `message`, with those of `values` that it has slots for."""
        wanted = {slot.name for slot in slots_of(self.messages.get(message, ""))}
        return self(message, **{name: value for name, value in values.items() if name in wanted})

    def knows(self, message: str) -> bool:
        """Whether there is such a message."""
        return message in self.messages

    def _filled(self, slot: Slot, value: Any) -> str:
        match slot.kind:
            case "count":
                number, noun = words.count(value), slot.forms
                return f"{number} {_form(slot, value)}" if noun else number
            case "plural":
                return _form(slot, value)
            case "choice":
                return _chosen(slot, str(value))
            case "name":
                return words.clean(value, words.LONGEST_LABEL)
            case "sentence":
                return str(value)
        return self._number(slot, value)

    def _number(self, slot: Slot, value: Any) -> str:
        digits = int(slot.extra) if slot.extra.isdigit() else None
        match slot.kind:
            case "money":
                return words.money(value, self.currency)
            case "share":
                return words.percent(value, digits or 0)
            case "points":
                return words.number(None if words.is_unknown(value) else 100 * value, digits or 0)
            case "date":
                return words.date(value, short=slot.extra == "short")
        return words.number(value, digits or 0)


def _form(slot: Slot, value: Any) -> str:
    # What is shown decides: "1 customer" for 0.9 as for 1, and "0 customers" for what is not known.
    n = 0 if words.is_unknown(value) else abs(round(float(value)))
    return slot.forms.get(locales.plural_form(n), slot.forms["other"])


def _chosen(slot: Slot, value: str) -> str:
    if value not in slot.forms:
        raise NotebookError(f"slot '{slot.name}' is one of {', '.join(slot.forms)}; got '{value[:40]}'")
    return slot.forms[value]


def _slot(match: re.Match[str]) -> Slot:
    forms = dict(part.split("=", 1) for part in match[4].split("|") if part)
    return Slot(match[1], match[2], match[3] or "", MappingProxyType(forms))


def slots_of(text: str) -> list[Slot]:
    """The slots of a sentence, in its order.

    Raises
    ------
    NotebookError : a brace that is no slot, a kind that does not exist, a plural without "other".
    """
    found = [_slot(match) for match in _SLOT.finditer(text)]
    if re.search(r"[{}]", _SLOT.sub("", text)):
        raise NotebookError(f"a brace that is no slot in '{text[:80]}'")
    for slot in found:
        if slot.kind not in KINDS:
            raise NotebookError(f"no kind of slot '{slot.kind}'{nearest(slot.kind, KINDS)}")
        if (slot.kind == "plural" or (slot.forms and slot.kind == "count")) and "other" not in slot.forms:
            raise NotebookError(f"slot '{slot.name}' needs the form 'other'")
    return found


def sentences(language: str, folders: Sequence[Path] = (), currency: str = "") -> Sentences:
    """The catalogues of a language: the page's own, then those in `folders`, later ones over earlier.

    Parameters
    ----------
    language : "en" or "de"
    folders : each with ``en.toml`` and ``de.toml``
    currency : of the amounts, "EUR"; empty where it is not known

    Raises
    ------
    NotebookError : no such language, a catalogue is missing, or a sentence in it cannot be read.
    """
    locales.checked(language)
    messages: dict[str, str] = {}
    for folder in (OWN, *folders):
        messages |= _read(folder / f"{language}.toml")
    return Sentences(language, MappingProxyType(messages), currency)


@cache
def _read(path: Path) -> Mapping[str, str]:
    try:
        found = dict(_flat(tomllib.loads(path.read_text(encoding="utf-8"))))
    except OSError:
        raise NotebookError(f"there is no catalogue {path.parent.name}/{path.name}") from None
    for text in found.values():
        slots_of(text)
    return MappingProxyType(found)


def _flat(tree: Mapping[str, Any], above: str = "") -> list[tuple[str, str]]:
    found = []
    for key, value in tree.items():
        name = f"{above}.{key}" if above else key
        found += _flat(value, name) if isinstance(value, Mapping) else [(name, " ".join(str(value).split()))]
    return found
