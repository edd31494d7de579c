"""One key figure of a base: the record that reports show, record and compare."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from crm_analytics.analyses.comparison import Change

COUNT, MONEY, SHARE, NUMBER = "count", "money", "share", "number"
UP, DOWN, NEITHER = "up", "down", ""  # which way is good

REACHED, MISSED, OPEN, UNKNOWN = "reached", "missed", "open", "unknown"  # how a figure stands to its target
# What stands beside the value of a figure in a record, under `<id>_<one of these>`.
BESIDE = ("lower", "upper", "error", "n", "previous", "year_ago", "at_least", "at_most", "met")


@dataclass(frozen=True)
class Target:
    """What a company wants of a key figure: a value, and whether it is the least or the most."""

    value: float
    at_least: bool = True

    def standing(self, kpi: Kpi) -> str:
        """Whether a figure reaches it; open where the figure's interval holds values on both sides.

        >>> share = Kpi("bought_again", SHARE, UP, 0.41, 90, 0.31, 0.51)
        >>> [Target(x).standing(share) for x in (0.3, 0.4, 0.6)]
        ['reached', 'open', 'missed']
        """
        if kpi.value is None:
            return UNKNOWN
        ends = [kpi.value, *(end for end in (kpi.lower, kpi.upper) if end is not None)]
        fits = {end >= self.value if self.at_least else end <= self.value for end in ends}
        if len(fits) > 1:
            return OPEN
        return REACHED if fits.pop() else MISSED


@dataclass(frozen=True)
class Kpi:
    """One key figure of a base at its day.

    Attributes
    ----------
    id, unit, direction : its name, "count", "money", "share" or "number", and which way is good
    value : None where it is refused
    n : cases behind it
    lower, upper : 95 % interval; None where the value is a count of what happened
    period : what it is of: "to date", "-13w" (the last 13 weeks) or "52w" (the next 52)
    against_previous, against_year : its change against the period before and against the same period a year
        ago; None where the data do not reach back
    refusal : why there is no value, in words; empty where there is one
    explained_in : the report that explains it
    target : what the company wants of it, of `[[target]]` in `crm.toml`; None where it says nothing
    error : standard error of a sum of money that came, with customers as the draw: two of them a year or a
        night apart differ by chance, though each is what it is; None for all other figures
    """

    id: str
    unit: str
    direction: str
    value: float | None
    n: int
    lower: float | None = None
    upper: float | None = None
    period: str = "to date"
    against_previous: Change | None = None
    against_year: Change | None = None
    refusal: str = ""
    explained_in: str = ""
    target: Target | None = None
    error: float | None = None

    @property
    def at_least(self) -> float | None:
        """The least that its target allows; None without such a target."""
        return self.target.value if self.target and self.target.at_least else None

    @property
    def at_most(self) -> float | None:
        """The most that its target allows; None without such a target."""
        return self.target.value if self.target and not self.target.at_least else None

    @property
    def met(self) -> str | None:
        """How it stands to its target, as `Target.standing` says; None without a target."""
        return self.target.standing(self) if self.target else None

    @property
    def previous(self) -> float | None:
        """Its value in the period before."""
        return self.against_previous.before if self.against_previous else None

    @property
    def year_ago(self) -> float | None:
        """Its value in the same period a year ago."""
        return self.against_year.before if self.against_year else None

    def facts(self) -> dict[str, Any]:
        """What a report records of it: the value under its id, the rest beside it; nothing that is unknown.

        >>> Kpi("buyers", COUNT, UP, 40, 40).facts()
        {'buyers': 40, 'buyers_n': 40}
        >>> Kpi("buyers", COUNT, UP, 40, 40, target=Target(50)).facts()
        {'buyers': 40, 'buyers_n': 40, 'buyers_at_least': 50, 'buyers_met': 'missed'}
        """
        beside = {part: getattr(self, part) for part in BESIDE}
        return {self.id: self.value} | {f"{self.id}_{k}": v for k, v in beside.items() if v is not None}


def refused(  # noqa: PLR0917
    name: str, unit: str, good: str, why: str, explained_in: str, period: str = "to date"
) -> Kpi:
    """A figure that cannot be told, and why in words."""
    return Kpi(name, unit, good, None, 0, period=period, refusal=why, explained_in=explained_in)


def packed(kpi: Kpi) -> dict[str, bytes]:
    """A figure in parts, as `CustomerBase.remember` keeps them."""
    return {"kpi": json.dumps(asdict(kpi), default=lambda number: number.item()).encode()}


def unpacked(parts: Mapping[str, bytes]) -> Kpi:
    """The figure of such parts.

    >>> kpi = Kpi("revenue", MONEY, UP, 40.5, 4, against_year=Change(40.5, 30.0, 0.35, 0.1, 0.6))
    >>> unpacked(packed(kpi)) == kpi
    True
    """
    kept = json.loads(parts["kpi"])
    for name in ("against_previous", "against_year"):
        kept[name] = kept[name] and Change(**kept[name])
    return Kpi(**(kept | {"target": kept["target"] and Target(**kept["target"])}))
