"""What a reader of the numbers must know of the data: one record a finding, for `crm check` and the pages."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

SEVERITIES = ("serious", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """Something in the data that is not what it seems, or that was read in a way to be known.

    Attributes
    ----------
    kind : a slug, stable for machines ("dominant_id", "placeholder_date", "imported_twice", ...)
    severity : serious (numbers are probably wrong), warning (look at it), note (what was done)
    table, column : where; column may be empty
    says : one or two plain sentences, with the counts; no customer's name or id, no text of a cell
    rows : purchase lines or rows it touches
    money : what these rows are worth in the base's currency; None where they have no amount
    settles : the lines of `mapping.toml` that settle it, empty where none can
    """

    kind: str
    severity: str
    table: str
    column: str
    says: str
    rows: int = 0
    money: float | None = None
    settles: str = ""

    @property
    def sentence(self) -> str:
        """What was found, and the line that settles it, in one run of text."""
        if not self.settles:
            return self.says
        return f"{self.says} Say in mapping.toml: {' '.join(self.settles.split())}"

    def as_dict(self) -> dict[str, Any]:
        """The record as plain data, for JSON."""
        return asdict(self)


def counted(n: float, noun: str) -> str:
    """A count with its noun: "1 line", "1,204 lines".

    >>> counted(1, "line"), counted(1204, "line")
    ('1 line', '1,204 lines')
    """
    return f"{int(n):,} {noun if int(n) == 1 else noun + 's'}"


def by_weight(findings: list[Finding]) -> list[Finding]:
    """The serious first, then by the money and rows they touch."""
    return sorted(
        findings,
        key=lambda f: (SEVERITIES.index(f.severity), -abs(f.money or 0.0), -f.rows, f.kind, f.column),
    )
