"""The blocks of a source check as one HTML page, made without a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import nbformat.v4 as nb

import crm_analytics
from crm_analytics.pages import page
from crm_analytics.pages.blocks import MIME, Block
from crm_analytics.reports.source_check import sections
from crm_analytics.reports.source_check.sections import Readiness

if TYPE_CHECKING:
    import pandas as pd

    from crm_analytics.tables.customer_base import CustomerBase

_TITLE = "# Data check\n\nWas everything read, was it read right, and what can be said from it?"


def build(base: CustomerBase, rejected: pd.DataFrame, reports: Sequence[Readiness]) -> str:
    """One self-contained HTML file.

    Parameters
    ----------
    base : the opened source
    rejected : of its inspection: what was set aside, by rule
    reports : what each report would be able to say
    """
    findings = base.snapshot.findings
    shown: list[tuple[str, Block | None]] = [
        ("", sections.headline(base, findings)),
        ("", sections.key_numbers(base)),
        ("", sections.next_steps(findings, base)),
        ("Findings", sections.found(findings, base)),
        ("Rows", sections.accounts(base)),
        ("", sections.broken(rejected)),
        ("Time", sections.months(base)),
        ("Columns", sections.readings(base, show_customers=base.show_customers)),
        ("Reports", sections.possible(reports)),
        ("", sections.method(base)),
        ("", sections.record(base, findings)),
    ]
    cells = [nb.new_markdown_cell(_TITLE)]
    for label, block in shown:
        if block is None:
            continue
        if label:
            cells.append(nb.new_markdown_cell(f"## {label}"))
        output = nb.new_output("display_data", data={MIME: block.to_json()})
        cells.append(nb.new_code_cell("", outputs=[output]))
    return page.build(nb.new_notebook(cells=cells), _context(base))


def _context(base: CustomerBase) -> page.PageContext:
    counts = base.counts
    return page.PageContext(
        report="Data check",
        label=base.label,
        as_of=base.day,
        version=crm_analytics.__version__,
        data_hash=base.data_hash,
        parameters={},
        rows=counts["rows"],
        rejected=counts["rejected"],
        first_day=counts["first_day"],
        last_day=counts["last_day"],
    )
