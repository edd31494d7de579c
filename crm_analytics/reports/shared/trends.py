"""The small line beside a key figure: its last periods, or what earlier runs of the report said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from crm_analytics.analyses.kpi_history import OF_A_DAY, OF_A_PERIOD, history

if TYPE_CHECKING:
    from crm_analytics.analyses.kpi import Kpi
    from crm_analytics.analyses.measured import Measured
    from crm_analytics.reports.shared.handed_in import HandedIn
    from crm_analytics.reports.shared.plans import Plans

FEWEST = 4  # periods, or runs: fewer are no line
MOST = 12


@dataclass(frozen=True, eq=False)
class Past:
    """Where the line of a figure comes from.

    Attributes
    ----------
    given : of the base, with the length of a period
    handed : earlier runs of the report
    """

    given: Measured
    handed: HandedIn

    def points(self, kpi: Kpi) -> tuple[str, list[float]]:
        """Where the values are from ("periods", "runs"), and the values, the oldest first.

        No values where fewer than `FEWEST` are known.
        """
        if kpi.id in OF_A_PERIOD or kpi.id in OF_A_DAY:
            past = self.given.once("kpi_history", lambda: history(self.given))
            found = [point.value for point in past.get(kpi.id, ())]
            if len(found) >= FEWEST:
                return "periods", found
        told = [last["facts"].get(kpi.id) for last in reversed(self.handed.previous)]
        found = [float(value) for value in (*told, kpi.value) if isinstance(value, int | float)]
        return "runs", found[-MOST:] if len(found) >= FEWEST else []


class Planned(Protocol):
    """A report with a plan, to which earlier runs are handed in."""

    @property
    def plan(self) -> Plans:
        """What it plans from."""

    @property
    def handed(self) -> HandedIn:
        """Facts of earlier runs."""


def past_of(report: Planned) -> Past:
    """Where the lines of a report's figures come from."""
    return Past(report.plan.given, report.handed)
