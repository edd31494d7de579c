"""Where the sections of the churn report stand, and what they say where their part is not in the data."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from crm_analytics.pages import blocks
from crm_analytics.reports.churn.report import ChurnReport
from crm_analytics.reports.shared.small_form import too_few

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block

FEW = too_few("small.comes_with_models")


def without(name: str) -> Callable[[ChurnReport], Block]:
    """One sentence that says what is missing; sections of the same part say the same one."""

    def said(report: ChurnReport) -> Block:
        return nothing(report, name)

    return said


def nothing(report: ChurnReport, name: str, why: str = "") -> Block:
    """The sentence itself."""
    t = report.t
    note = blocks.note(t(f"{name}.none"), why or t(f"{name}.none_why"))
    return note.under(t(f"{name}.label")).anchored(name).in_appendix()


def names_of(report: ChurnReport, *columns: str) -> dict[str, str]:
    """Headings of columns."""
    return {column: report.t(f"column.{column}") for column in columns}
