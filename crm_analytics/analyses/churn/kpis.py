"""The key figure of churn: how many active customers will fall silent."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from crm_analytics.analyses.churn.silence import Silence, silence_of
from crm_analytics.analyses.kpi import COUNT, DOWN, Kpi, refused
from crm_analytics.errors import DataError

if TYPE_CHECKING:
    from crm_analytics.analyses.measured import Measured

REPORT = "churn"  # that explains it
FOUND = "churn.silence"  # what the churn report keeps with `Measured.once`


def will_fall_silent(given: Measured) -> Kpi:
    """Active customers who will buy nothing until they are at risk, expected."""
    found, why = given.once(FOUND, lambda: _found(given))
    if found is None:
        return refused("will_fall_silent", COUNT, DOWN, why, REPORT)
    return Kpi(
        "will_fall_silent", COUNT, DOWN, found.expected, found.customers, found.lower, found.upper,
        f"{found.window}d", explained_in=REPORT,
    )  # fmt: skip


def _found(given: Measured) -> tuple[Silence | None, str]:
    try:
        return silence_of(given.base), ""
    except DataError as error:
        return None, str(error)


KPIS: tuple[Callable[[Measured], Kpi], ...] = (will_fall_silent,)
