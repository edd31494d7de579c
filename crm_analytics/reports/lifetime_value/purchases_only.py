"""Where spend has no mean: the sections about money say so, and those about purchases speak."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from crm_analytics.pages import blocks

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block

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
