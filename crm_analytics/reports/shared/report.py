"""What every report says in the money of its base."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_analytics.pages import words

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase


class InMoney:
    """A report of a base, whose amounts are in its currency."""

    base: CustomerBase

    def money(self, amount: Any) -> str:
        """An amount in the base's currency."""
        return words.money(amount, self.base.currency)

    @property
    def currency(self) -> str:
        """As a format."""
        return f"money:{self.base.currency}"
