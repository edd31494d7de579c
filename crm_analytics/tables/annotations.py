"""Dates that the company marks itself: a launch, an outage, a price rise. Charts over days show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from crm_analytics.errors import ParameterError, nearest
from crm_analytics.tables.days import as_day

LONGEST_LABEL = 60
MOST = 200
_WORDS = ("day", "label")
_EXAMPLE = '[[annotation]] with day = "2026-03-01" and label = "Prices raised"'


@dataclass(frozen=True, order=True)
class Annotation:
    """One marked date and what happened on it."""

    day: date
    label: str

    def as_dict(self) -> dict[str, str]:
        """As JSON holds it; `read_annotations` reads it back."""
        return {**asdict(self), "day": self.day.isoformat()}


def read_annotations(given: Any) -> tuple[Annotation, ...]:
    """The marked dates of a mapping, the earliest first.

    Raises
    ------
    ParameterError : something else than a list of sections with a day and a label, too many, or too long.

    >>> read_annotations([{"day": "2026-03-01", "label": "Prices raised"}])
    (Annotation(day=datetime.date(2026, 3, 1), label='Prices raised'),)
    """
    if not isinstance(given, list) or not all(isinstance(one, Mapping) for one in given):
        raise ParameterError(f"mapping: annotation must be written as {_EXAMPLE}")
    if len(given) > MOST:
        raise ParameterError(f"mapping: at most {MOST} annotations can be shown, {len(given)} are given")
    return tuple(sorted({_annotation(one) for one in given}))


def _annotation(one: Mapping[str, Any]) -> Annotation:
    for word in one:
        if word not in _WORDS:
            raise ParameterError(f"mapping: [[annotation]] has no key '{word}'{nearest(word, _WORDS)}")
    label = one.get("label")
    if "day" not in one or not isinstance(label, str) or not label.strip():
        raise ParameterError(f"mapping: an annotation needs both, {_EXAMPLE}")
    label = " ".join(label.split())
    if len(label) > LONGEST_LABEL:
        raise ParameterError(
            f"mapping: the label of an annotation has at most {LONGEST_LABEL} letters, "
            f"'{label[:20]}...' has {len(label)}"
        )
    return Annotation(as_day(one["day"], "mapping: [[annotation]] day"), label)
