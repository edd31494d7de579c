"""A report in a language: its sentences, and the names that its pages translate."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crm_analytics.pages import words
from crm_analytics.pages.sentences import Sentences, sentences

SHARED = Path(__file__).with_name("catalogue")


def catalogue(language: str, report: str, currency: str) -> Sentences:
    """The sentences of a report: those of the page, those that reports share, its own.

    Parameters
    ----------
    report : file of the report's package, ``__file__``

    Raises
    ------
    NotebookError : no such language.
    """
    return sentences(language, (SHARED, Path(report).with_name("catalogue")), currency)


def segment_name(t: Sentences, name: object) -> str:
    """What a segment is called in the language; a name that the catalogue does not know stays as it is.

    >>> from crm_analytics.pages.sentences import Sentences
    >>> t = Sentences("de", {"segment.one_timers": "Einmalkäufer"})
    >>> segment_name(t, "One-timers"), segment_name(t, "Gold")
    ('Einmalkäufer', 'Gold')
    """
    message = f"segment.{slug(name)}"
    return t(message) if t.knows(message) else words.clean(name, words.LONGEST_LABEL)


def slug(name: object) -> str:
    """A name as part of a message id."""
    return re.sub(r"\W+", "_", str(name).lower()).strip("_")


def meaning(t: Sentences, name: str, slots: Mapping[str, Any]) -> str:
    """What a word of `definitions.WORDS` means in a base.

    Parameters
    ----------
    slots : `at_risk_days` and `lapsed_days`, None where the data do not tell

    >>> t = catalogue("en", __file__, "EUR")
    >>> meaning(t, "at_risk", {"at_risk_days": 90, "lapsed_days": None})
    'Silent for 90 days or more. After so long, under half of customers buy again within a year.'
    """
    message = f"meaning.{name}"
    if name in ("at_risk", "lapsed") and slots[f"{name}_days"] is None:
        message += "_unknown"
    elif name == "at_risk" and slots["lapsed_days"] is None:
        message += "_open"
    return t.of(message, slots)
