"""Customer-days of kept purchase lines, by period: a new row costs the days it falls on, not all of them.

A day depends on no line of another day. So the days of this month and the one before are kept each by itself,
for there most new rows lie, and earlier ones by month, so that the files stay few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis.backends import BaseBackend

from crm_analytics.tables.customer_days import customer_days
from crm_analytics.tables.kept_parts import KeptPart, names_in, write_by
from crm_analytics.tables.line_facts import days_of
from crm_analytics.tables.stored_lines import read_files

_PERIOD = "_period"


@dataclass(frozen=True)
class Periods:
    """What is made of the lines of each period.

    Attributes
    ----------
    edge : from this day on each day is a period, ``2026-10-01``; before it each month is, ``2026-09``
    days : files of customer-days by period, below the store's folder
    by_day : `LineFacts.days` by period, as records
    """

    edge: str
    days: dict[str, list[str]]
    by_day: dict[str, list[Any]]

    @classmethod
    def of(cls, state: Mapping[str, Any] | None, parts: Sequence[KeptPart]) -> Periods:
        """Those of the night before, which may be divided otherwise than they are to be now."""
        newest = date.fromisoformat(max((part.days[-1] for part in parts if part.days), default="1970-01-01"))
        edge = (newest.replace(day=1) - timedelta(days=1)).replace(day=1)
        known = state or {"days": {}, "by_day": {}}
        return cls(edge.isoformat(), dict(known["days"]), dict(known["by_day"]))

    @property
    def frame(self) -> pd.DataFrame:
        """`LineFacts.days` of all periods."""
        frame = pd.DataFrame([row for rows in self.by_day.values() for row in rows])
        return frame.assign(day=pd.to_datetime(frame["day"]))

    def period(self, day: str) -> str:
        """The period of a day."""
        return day if day >= self.edge else day[:7]

    def renewed(  # noqa: PLR0917
        self,
        connection: BaseBackend,
        parts: Sequence[KeptPart],
        changed: set[str],
        columns: Sequence[str],
        root: Path,
        place: Path,
    ) -> Periods:
        """With the periods of changed days made anew, and those that are divided otherwise now.

        Parameters
        ----------
        parts : all of them
        changed : days of which lines came, changed or went
        columns : of the lines
        root : the store's folder
        place : below it, for new files
        """
        wanted = {self.period(day) for part in parts for day in part.days}
        stays = (wanted & self.days.keys()) - {self.period(day) for day in changed}
        made = replace(
            self,
            days={name: self.days[name] for name in stays},
            by_day={name: self.by_day[name] for name in stays},
        )
        if anew := wanted - stays:
            files = tuple(
                root / name
                for part in parts
                if any(self.period(day) in anew for day in part.days)
                for name in part.files
            )
            some = self._only(read_files(connection, files).select(*columns), anew)
            made._make(connection, some, anew, root, place / "days")
        return replace(made, days=dict(sorted(made.days.items())), by_day=dict(sorted(made.by_day.items())))

    def _label(self, day: ir.StringValue) -> ir.StringValue:
        return (day >= self.edge).ifelse(day, day.left(7))

    def _only(self, lines: ir.Table, periods: set[str]) -> ir.Table:
        """The lines of some periods; their first moment lets the engine pass over the files' other parts."""
        begin = min(name if len(name) > 7 else f"{name}-01" for name in periods)
        day = lines.transaction_date.strftime("%Y-%m-%d")
        late = lines.transaction_date >= ibis.literal(date.fromisoformat(begin)).cast("timestamp")
        return lines.filter(late, self._label(day).isin(sorted(periods)))

    def _make(
        self, connection: BaseBackend, lines: ir.Table, periods: set[str], root: Path, folder: Path
    ) -> None:
        made = customer_days(lines, counted=True)
        label = self._label(made.day.strftime("%Y-%m-%d"))
        write_by(connection, made.mutate(**{_PERIOD: label}), folder, _PERIOD)
        frame = days_of(lines)
        rows = frame.assign(day=[f"{day:%Y-%m-%d}" for day in frame["day"]])
        labels = rows["day"].map(self.period)
        for name in periods:
            self.days[name] = list(names_in(folder / f"{_PERIOD}={name}", root))
            self.by_day[name] = rows[labels == name].to_dict("records")
