"""What the identity report is made from, and when it takes its small form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses.identity.effects import effects, segment_moves
from crm_analytics.analyses.identity.who_is_who import WhoIsWho, who_is_who
from crm_analytics.analyses.kpi import Kpi
from crm_analytics.analyses.kpis import measure
from crm_analytics.analyses.measured import Measured
from crm_analytics.pages.sentences import Sentences
from crm_analytics.reports.shared.report import Report, attempt
from crm_analytics.reports.shared.small_form import SmallReport, too_small
from crm_analytics.reports.shared.spoken import catalogue

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

KPIS = ("duplicate_records", "duplicate_share", "pairs_to_review", "identified_revenue_share")


@dataclass(frozen=True, kw_only=True, eq=False)
class IdentityReport(Report):
    """Everything the sections show; a part that the data do not hold is None, and why stands in `missing`.

    Attributes
    ----------
    span : period of the key figures
    found : who is who; None without a table of customers
    changes : key figures before and after merging; None where nothing is merged
    segments : customers by segment, before and after
    """

    t: Sentences
    span: str
    found: WhoIsWho | None
    changes: pd.DataFrame | None
    segments: pd.DataFrame | None

    @cached_property
    def kpis(self) -> dict[str, Kpi]:
        """The key figures of the page."""
        given = Measured(self.base, span=self.span)
        if self.found is not None:
            given.__dict__["who_is_who"] = self.found  # found already, perhaps with the model
        return measure(given, KPIS)

    @property
    def effect(self) -> dict[str, tuple[float, float]]:
        """Before and after, by the id of a figure; empty where nothing is merged."""
        table = self.changes
        if table is None:
            return {}
        return {str(i): (float(b), float(a)) for i, b, a in table[["id", "before", "after"]].to_numpy()}


def prepare(
    base: CustomerBase,
    *,
    model: bool = False,
    compare_to: str = "-13w",
    show_customers: bool = False,
    language: str = "en",
) -> IdentityReport | SmallReport:
    """Find out who is who, or take it from the identity state, and what merging changes.

    Parameters
    ----------
    model : weigh pairs that no rule finds, too; it needs the extra `identity`, and minutes on a large base
    compare_to : the period of the key figures, and which one it is held against
    language : of the page: "en" or "de"
    """
    if small := too_small(base, show_customers, language=language):
        return small
    missing: dict[str, str] = {}
    found = attempt(missing, "found", lambda: who_is_who(base, model=model))
    changes = segments = None
    if found is not None and found.merged:
        changes = effects(found)
        segments = attempt(missing, "segments", lambda: segment_moves(found))
    return IdentityReport(
        base=base,
        show_customers=show_customers,
        missing=missing,
        language=language,
        t=catalogue(language, __file__, base.currency),
        span=compare_to,
        found=found,
        changes=changes,
        segments=segments,
    )
