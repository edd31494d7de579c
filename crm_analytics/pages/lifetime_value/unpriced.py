"""Where spend has no mean: the sections about money say so, and those about purchases speak."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from crm_analytics.pages import blocks, words

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block
    from crm_analytics.pages.lifetime_value.report import UnpricedReport

WHY = "Purchases can be forecast from these data, their money cannot: see the first lines of this page."


class Unpriced:
    """A report that tells nothing of money."""


def or_unpriced(instead: str | Callable[[Any], Block]) -> Callable[[Any], Any]:
    """Give a note, or another block, where the report tells nothing of money."""

    def choose(section: Callable[[Any], Block]) -> Callable[[Any], Block]:
        @wraps(section)
        def shown(report: Any) -> Block:
            if not isinstance(report, Unpriced):
                return section(report)
            return blocks.note(instead, WHY) if isinstance(instead, str) else instead(report)

        return shown

    return choose


def actions(report: UnpricedReport) -> Block:
    """First the amounts, then the customers who are due."""
    likely = report.details.chances.iloc[:2]["customers"].sum()
    items = [
        blocks.action(
            "Look at the largest amounts.",
            "A misplaced digit, a wholesale buyer or another currency is enough to leave spend without an "
            "average; without them this page tells what customers will bring.",
            "whoever looks after the data",
        )
    ]
    if likely:
        items.append(
            blocks.action(
                f"Be ready for {words.plural(likely, 'customer')} who will likelier buy than not.",
                "That is their chance of buying in the next 13 weeks.",
                "campaigns",
            )
        )
    return blocks.actions(*items)
