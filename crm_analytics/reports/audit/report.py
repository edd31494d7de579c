"""What the audit is made from, and when it takes its small form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from crm_analytics.analyses import audit
from crm_analytics.analyses.cohorts import Cohorts, cohorts
from crm_analytics.analyses.disclosure import ON_A_PAGE
from crm_analytics.analyses.drivers import by_attribute
from crm_analytics.pages import words
from crm_analytics.reports.shared.report import Report, attempt
from crm_analytics.reports.shared.small_form import SmallReport, too_small

if TYPE_CHECKING:
    import pandas as pd

    from crm_analytics.tables.customer_base import CustomerBase


HALF = "-26w"  # of drivers: customers who had bought before both spans are followed
YEAR = "-52w"  # whole weeks, so that both periods hold as many of each weekday
SPANS = (YEAR, "-26w", "-13w")  # tried in this order: only over a year are both periods of one season


@dataclass(frozen=True, kw_only=True, eq=False)
class AuditReport(Report):
    """Everything the sections show; a part that the data do not hold is None.

    Attributes
    ----------
    spread : how different customers are, over the last period
    change : the last period against the one before
    acquisition : first years by source
    cohorts : lenses 3 to 5
    drivers : groups whose buying changed otherwise than that of the others; None without history for it
    """

    spread: audit.ValueSpread | None
    change: audit.Change | None
    acquisition: audit.Acquisition | None
    cohorts: Cohorts | None
    drivers: pd.DataFrame | None

    @property
    def tree(self) -> audit.RevenueTree | None:
        """What revenue changed by; None without two periods that have revenue."""
        return self.change.tree if self.change else None

    @property
    def products(self) -> pd.DataFrame | None:
        """What was won and lost by category; None without two periods or without categories."""
        return self.change.products if self.change else None

    @property
    def window(self) -> str:
        """The time over which customers are said to differ: "52 weeks"; days where it is short."""
        days = self.spread.days if self.spread else 0
        return words.plural(days, "day") if days < 14 else f"{days // 7} weeks"

    @property
    def season(self) -> str:
        """That the two periods lie in different seasons; empty over a year."""
        if self.change is None or self.change.totals.span_days >= 357:
            return ""
        return " The two periods lie in different seasons, which is part of the change."

    @property
    def driver(self) -> str:
        """Who changed otherwise than the others, in a sentence; or that nobody is shown to have."""
        if self.drivers is None or self.drivers.empty:
            return ""
        clear = self.drivers[self.drivers["clear"]]
        if clear.empty:
            looked = words.plural(self.drivers["attribute"].nunique(), "attribute")
            return f""" No driver is clear: by {looked} of customers, no group is shown to have changed
                otherwise
                than the others."""
        row = clear.iloc[0]
        bounds = words.interval(row["lower"] - 1, row["upper"] - 1, "percent:0")
        what = "ordered" if row["measure"] == "orders" else "spent"
        way = "less" if row["ratio"] < 1 else "more"
        return f""" A driver is shown: against the change of all others, customers of
            {words.label(row["attribute"])} “{row["group"]}” {what}
            {words.percent(abs(row["ratio"] - 1), 0)} {way} ({bounds},
            {words.plural(row["customers"], "customer")})."""

    @property
    def cautions(self) -> str:
        """What to keep in mind with the two periods: their seasons, and where the data begin."""
        change, told = self.change, self.season
        if change is not None and (change.start - self.base.first_day).days < change.totals.span_days:
            told += f""" The data begin on {words.date(self.base.first_day)}: customers won before it who
                paused count as new."""
        return told


def prepare(
    base: CustomerBase, *, every: str = "auto", compare_to: str = "", show_customers: bool = False
) -> AuditReport | SmallReport:
    """Look at the base through the five lenses.

    Parameters
    ----------
    every : length of a cohort's period: month, quarter, year, or auto by the length of the history
    compare_to : length of the last period and of the one before it ("-52w"); empty: the longest of `SPANS`
        that the data hold twice, while how customers differ is shown over the last year
    """
    if small := too_small(base, show_customers):
        return small
    missing: dict[str, str] = {}
    return AuditReport(
        base=base,
        show_customers=show_customers,
        missing=missing,
        spread=attempt(missing, "spread", lambda: audit.value_spread(base, compare_to or YEAR)),
        change=_change(base, compare_to),
        acquisition=audit.acquisition(base, minimum=ON_A_PAGE),
        cohorts=cohorts(base, every),
        drivers=attempt(missing, "drivers", lambda: by_attribute(base, compare_to or HALF)),
    )


def _change(base: CustomerBase, compare_to: str) -> audit.Change | None:
    for span in (compare_to,) if compare_to else SPANS:
        found = audit.change(base, span, ON_A_PAGE)
        if found is not None:
            return found
    return None
