"""Calendar months, quarters and years as whole numbers: the same arithmetic here and in the engine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from crm_analytics.errors import ParameterError, nearest

if TYPE_CHECKING:
    import ibis.expr.types as ir

MONTHS = {"month": 1, "quarter": 3, "year": 12}
MONTHLY_UP_TO = 18  # months of history; more rows than that nobody reads
QUARTERLY_UP_TO = 72


@dataclass(frozen=True)
class Calendar:
    """The periods that the days from `begin` to `day` touch.

    Attributes
    ----------
    every : "month", "quarter" or "year"
    begin, day : first and last day of the data in view
    """

    every: str
    begin: date
    day: date

    @classmethod
    def choose(cls, begin: date, day: date, every: str = "auto") -> Calendar:
        """The calendar asked for; "auto" takes months up to 18, quarters up to 72 months of history.

        >>> [Calendar.choose(date(2020, 1, 1), date(year, 12, 31)).every for year in (2020, 2022, 2026)]
        ['month', 'quarter', 'year']
        """
        if every == "auto":
            months = 12 * (day.year - begin.year) + day.month - begin.month + 1
            every = "month" if months <= MONTHLY_UP_TO else "quarter" if months <= QUARTERLY_UP_TO else "year"
        if every not in MONTHS:
            known = (*MONTHS, "auto")
            raise ParameterError(
                f"every is one of {', '.join(known)}, got {str(every)[:40]!r}{nearest(str(every), known)}"
            )
        return cls(every, begin, day)

    def number(self, day: date) -> int:
        """The period of a day, counted from the year 0."""
        return (12 * day.year + day.month - 1) // MONTHS[self.every]

    def number_of(self, days: ir.DateColumn) -> ir.IntegerColumn:
        """As `number`, in the engine."""
        months = 12 * days.year().cast("int64") + days.month().cast("int64") - 1
        return (months // MONTHS[self.every]).cast("int64")

    def start(self, number: int) -> date:
        """First day of a period."""
        months = number * MONTHS[self.every]
        return date(months // 12, months % 12 + 1, 1)

    def end(self, number: int) -> date:
        """Last day of a period."""
        return self.start(number + 1) - timedelta(days=1)

    def label(self, number: int) -> str:
        """A name that sorts by time: "2026-03", "2026-Q1", "2026"."""
        day = self.start(number)
        if self.every == "quarter":
            return f"{day.year}-Q{(day.month - 1) // 3 + 1}"
        return f"{day.year}-{day.month:02d}" if self.every == "month" else str(day.year)

    def is_whole(self, number: int) -> bool:
        """Whether every day of the period is in view: none before `begin`, none after `day`."""
        return self.begin <= self.start(number) and self.end(number) <= self.day

    @property
    def first(self) -> int:
        """The period of `begin`."""
        return self.number(self.begin)

    @property
    def last(self) -> int:
        """The period of `day`, which may not have ended."""
        return self.number(self.day)
