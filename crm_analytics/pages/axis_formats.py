"""What all figures share: reading a column, and saying its numbers on bars, axes and in hovers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from crm_analytics.errors import NotebookError, nearest
from crm_analytics.pages import locales, words

LETTER = 7.6  # px of a letter at 14 px, a little more than the widest common fonts need


@dataclass(frozen=True)
class Wording:
    """A format of `words.say`, or else what stands before and after the number."""

    fmt: str = ""
    prefix: str = ""
    suffix: str = ""

    def say(self, values: Iterable[Any]) -> list[str]:
        """The values of one column, with as many decimals each as all of them need."""
        known = list(values)
        kind, _, currency = self.fmt.partition(":")
        if kind == "money":
            digits = words.cents_of(known, currency)
            return [words.money(v, currency, digits) for v in known]
        if self.fmt:
            return [words.say(v, self.fmt) for v in known]
        digits = words.same_digits(known)
        return [
            words.UNKNOWN if words.is_unknown(v) else self._between(words.number(v, digits)) for v in known
        ]

    def _between(self, text: str) -> str:
        sign = words.MINUS if text.startswith(words.MINUS) else ""
        return f"{sign}{self.prefix}{text.removeprefix(words.MINUS)}{self.suffix}"

    def axis(self, values: Iterable[float | None] = ()) -> dict[str, Any]:
        """The same words for the ticks of an axis.

        Parameters
        ----------
        values : what is drawn along it; amounts below zero get ticks of their own, because a prefix would
            stand before the sign
        """
        kind, _, extra = self.fmt.partition(":")
        known = [float(v) for v in values if v is not None]
        if kind in {"money", "compact"} and known and min(known) < 0:
            at = even_steps(min(known), max(known))
            short = words.compact if locales.language() == locales.ENGLISH else words.money
            return {"tickvals": at, "ticktext": [short(x, extra) for x in at]}
        if kind == "percent":
            return {"ticksuffix": " %"}
        if kind in {"money", "compact"}:
            before, after = words.money(0, extra).split("0")
            affixes = {"tickprefix": before, "ticksuffix": after}
            if locales.language() != locales.ENGLISH:  # k, M and B are English
                return {**affixes, "tickformat": ",~r"}
            return {**affixes, "exponentformat": "B", "minexponent": 3}
        return {"tickprefix": self.prefix, "ticksuffix": self.suffix, "tickformat": ",~g"}

    def scaled(self, values: Iterable[Any]) -> list[float | None]:
        """The values as they are drawn: shares as percent, what is unknown as a gap."""
        factor = 100 if self.fmt.startswith("percent") else 1
        return [None if words.is_unknown(v) else factor * float(v) for v in values]


def even_steps(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers from `low` to `high`, at most about `most`, with 0 among them where it lies between.

    >>> even_steps(-15_187, 45_431)
    [-10000.0, 0.0, 10000.0, 20000.0, 30000.0, 40000.0]
    """
    if not high > low:
        return [float(low)]
    rough = (high - low) / most
    size = 10 ** math.floor(math.log10(rough))
    step = next(k * size for k in (1, 2, 5, 10) if k * size >= rough * 0.95)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [float(k * step) for k in range(first, last + 1)]


def column(frame: pd.DataFrame, name: str) -> pd.Series:
    """A column of the figure's frame, or an error with the nearest name."""
    if name not in frame.columns:
        known = [str(c) for c in frame.columns]
        raise NotebookError(f"the figure's frame has no column '{name}'{nearest(name, known)}")
    return frame[name]


def texts(values: Iterable[Any]) -> list[str]:
    """Names on an axis."""
    return [words.clean(words.say(v), words.LONGEST_LABEL) for v in values]


def name_of(name: str, names: Mapping[str, str] | None = None) -> str:
    """What a column is called."""
    return (names or {}).get(name, name.replace("_", " "))
