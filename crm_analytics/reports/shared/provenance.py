"""Which data a page rests on, in the words every method section uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_analytics.pages import words

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

ORDER = "All lines of a customer on one day, unless they are only returns."


def data(base: CustomerBase) -> str:
    """Lines, days, and what was set aside, anonymous or returned."""
    counts = base.counts
    parts = [
        f"{words.plural(counts['rows'], 'purchase line')}, "
        f"{words.date(base.first_day)} to {words.date(base.day)}",
        f"{words.plural(counts['rejected'], 'broken line')} set aside",
    ]
    if counts["anonymous_rows"]:
        parts.append(
            f"{words.plural(counts['anonymous_rows'], 'line')} without a customer "
            f"({words.money(counts['anonymous_spend'], base.currency)}), counted but in no model"
        )
    if counts["returns"]:
        parts.append(f"{words.plural(counts['returns'], 'return')} taken off revenue")
    if base.timezone:
        parts.append(f"days of {base.timezone}")
    told = [finding.sentence for finding in base.findings if finding.severity == "warning"]
    return " ".join(["; ".join(parts) + ".", *told])
