"""How often each kind of finding was claimed of companies made up so that it is not there.

The numbers stand beside this module in `error_rates.csv`, which ``python -m benchmarks.nulls`` writes. Method
pages show them, and `evidence.grade` takes them, so that a kind that speaks too often loses its words.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

TABLE = Path(__file__).with_name("error_rates.csv")
EXPECTED, WEIGHT = 0.05, 20  # before a kind is tried it counts as 1 of 20, as its 95 % interval promises


@dataclass(frozen=True)
class Trials:
    """What a kind of finding did in made-up companies.

    Attributes
    ----------
    kind : "page.finding"
    worlds, claimed : companies in which it is not there, and how many of them it was claimed of
    there, found : companies in which it is there, and in how many of them it was found
    """

    kind: str
    worlds: int
    claimed: int
    there: int
    found: int

    @property
    def page(self) -> str:
        """The report that says it."""
        return self.kind.split(".", 1)[0]

    @property
    def rate(self) -> float:
        """Best guess of the share of null worlds in which it is claimed, 0 to 1.

        Trials are few, so they are taken together with the promise of a 95 % interval, as 1 of 20 more.

        >>> round(Trials("page.finding", 40, 2, 0, 0).rate, 3), Trials("page.finding", 20, 11, 0, 0).rate
        (0.05, 0.3)
        """
        return (self.claimed + EXPECTED * WEIGHT) / (self.worlds + WEIGHT)


@cache
def trials() -> Mapping[str, Trials]:
    """The trials of every kind of finding, by kind."""
    with TABLE.open(encoding="utf-8", newline="") as lines:
        rows = [
            Trials(row["kind"], *(int(row[name]) for name in ("worlds", "claimed", "there", "found")))
            for row in csv.DictReader(lines)
        ]
    return MappingProxyType({row.kind: row for row in rows})


def error_rate(kind: str) -> float:
    """Share of null worlds in which a kind of finding is claimed, 0 to 1; `EXPECTED` where none was tried.

    Raises
    ------
    KeyError : no such kind.

    >>> 0 < error_rate("voice.driver") < 0.1
    True
    """
    return trials()[kind].rate
