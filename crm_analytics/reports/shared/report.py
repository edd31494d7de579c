"""What every prepared report has: its base, what is missing from it, and the words it always needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from crm_analytics.errors import CrmError, DataError
from crm_analytics.pages import locales, words
from crm_analytics.pages.sentences import sentences
from crm_analytics.reports.shared import customer_names, provenance
from crm_analytics.reports.shared.reasons import spoken
from crm_analytics.reports.shared.spoken import SHARED

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd

    from crm_analytics.tables.customer_base import CustomerBase

Made = TypeVar("Made")


@dataclass(frozen=True, kw_only=True, eq=False)
class Report:
    """A prepared report; its sections show it and compute nothing dear.

    A part that the data do not hold is None, and `missing` says why (see `attempt`).

    Attributes
    ----------
    base : the customers at the day of the report
    show_customers : names or ids on the page instead of pseudonyms
    missing : part -> why it is not there
    language : in which its sections write numbers, money and days
    """

    base: CustomerBase
    show_customers: bool = False
    language: str = locales.ENGLISH
    missing: dict[str, str] = field(default_factory=dict)

    def why(self, part: str) -> str:
        """Why a part is not there, as a sentence; empty where nothing is known of it."""
        reason = spoken(self.missing.get(part, "").rstrip("."), self.language)
        return f"{reason[:1].upper()}{reason[1:]}." if reason else ""

    def money(self, amount: Any) -> str:
        """An amount in the currency of the base."""
        return words.money(amount, self.base.currency)

    @property
    def annotations(self) -> list[tuple[date, str]]:
        """The dates that the company marked, for charts over days."""
        return [(one.day, one.label) for one in getattr(self.base, "annotations", ())]

    def annotated(self, seen: list[tuple[int, date, str]]) -> str:
        """What stands under a chart with marked dates: which number is what."""
        t = sentences(self.language, (SHARED,))
        listed = "; ".join(t("annotation.one", number=n, day=day, label=label) for n, day, label in seen)
        return t("annotation.all", listed=listed)

    @property
    def currency(self) -> str:
        """The currency of the base as a format of `words.say`."""
        return f"money:{self.base.currency}"

    def called(self, ids: pd.Series) -> pd.Series:
        """What to call each customer on the page: a pseudonym, unless names are allowed."""
        return customer_names.called(self.base, ids, self.show_customers)

    @property
    def facts(self) -> dict[str, Any]:
        """The facts that every record begins with."""
        counts = self.base.counts
        return {"day": self.base.day, "rows": counts["rows"], "customers": counts["customers"]}

    @property
    def method(self) -> dict[str, str]:
        """The items that every method begins with."""
        return {"Data": provenance.data(self.base), "Order": provenance.ORDER}


def attempt(
    missing: dict[str, str],
    part: str,
    make: Callable[[], Made],
    refused: type[CrmError] = DataError,
) -> Made | None:
    """A part of a report; None where the data do not hold it, and then `missing` says why.

    Parameters
    ----------
    part : its name in the report
    make : the analysis, with its arguments bound
    refused : the error that means "not with these data"; every other goes on to the caller

    Examples
    --------
    >>> def too_short():
    ...     raise DataError("the history is too short")
    >>> missing = {}
    >>> attempt(missing, "forecast", too_short), missing
    (None, {'forecast': 'the history is too short'})
    """
    try:
        return make()
    except refused as error:
        missing[part] = str(error)
        return None
