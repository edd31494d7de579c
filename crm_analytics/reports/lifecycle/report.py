"""What the lifecycle report is made from, and which of its parts a base is long enough for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses import lifecycle
from crm_analytics.analyses.lifecycle.rules import LAPSED
from crm_analytics.analyses.lifecycle.stage_value import contact_cost_of, stage_worth
from crm_analytics.analyses.overview import overview
from crm_analytics.errors import ParameterError
from crm_analytics.pages import words
from crm_analytics.reports.shared.margin import margin_of
from crm_analytics.reports.shared.report import Report, attempt
from crm_analytics.reports.shared.small_form import SmallReport, too_small

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

EVERY = "4w"
ASSUMED_MARGIN = 0.4
MARGIN_FROM = {
    "given": "as given",
    "unit costs": "from the unit costs",
    "assumed": "an assumption: no unit costs",
}
ASSUMED_CONTACT = 0.02  # of an average purchase: small beside it, and never nothing


@dataclass(frozen=True, kw_only=True, eq=False)
class LifecycleReport(Report):
    """Everything the sections show; parts the data are too short for are None, and `missing` says why."""

    staged: lifecycle.Stages
    flows: lifecycle.Flows | None
    dwell: lifecycle.Dwell
    forecast: lifecycle.Forecast | None
    chain: lifecycle.FittedChain | None
    check: lifecycle.ChainCheck | None
    worth: pd.DataFrame
    assumptions: str
    rate: float

    def size(self, stage: str) -> int:
        """Customers of a stage; 0 where it does not occur."""
        sizes = self.staged.sizes
        return int(sizes.loc[sizes["stage"] == stage, "customers"].sum())

    def flow(self, stage: str, column: str) -> float | None:
        """A figure of a stage's account; None without flows, or where it is not known."""
        if self.flows is None:
            return None
        row = self.flows.sizes[self.flows.sizes["stage"] == stage]
        if row.empty:
            return 0.0
        return None if row[column].isna().any() else float(row[column].iloc[0])

    def ripe(self, day: date | None) -> bool:
        """Whether customers could have lapsed by a day: stages then are comparable with those now."""
        last = [rule.where["recency_days"][0] for rule in self.staged.rules if rule.stage == LAPSED]
        return day is not None and (not last or (day - self.base.first_day).days >= last[0])

    @property
    def weeks(self) -> int:
        """Length of the compared period."""
        return (self.flows.now - self.flows.then).days // 7 if self.flows else 0


def prepare(
    base: CustomerBase,
    *,
    compare_to: str = "-13w",
    loyal_orders: int = 4,
    periods: int = 3,
    margin: float = 0.0,
    contact_cost: float = 0.0,
    rate: float = 0.15,
    show_customers: bool = False,
) -> LifecycleReport | SmallReport:
    """Put every customer into a stage and follow the moves between them.

    Parameters
    ----------
    compare_to : length of the period whose moves are shown, and of the one before
    loyal_orders : orders from which a customer is loyal
    periods : periods of four weeks the stage sizes are carried forward
    margin : share of revenue left after the cost of goods; 0 takes it from the data, or assumes 40 %
    contact_cost : cost of staying in touch with a customer for four weeks; 0 takes it from campaigns
    rate : annual effective rate of discount
    """
    seen = overview(base)
    if small := too_small(base, show_customers, seen):
        return small
    staged = lifecycle.stages(base, loyal_orders=loyal_orders)
    missing: dict[str, str] = {}
    share, cost, said = _settings(base, seen.revenue / max(1, seen.orders), margin, contact_cost)
    terms: dict[str, Any] = {"every": EVERY, "margin": share, "contact_cost": cost, "rate": rate}
    chain = attempt(missing, "chain", lambda: lifecycle.fit_chain(base, **terms))
    return LifecycleReport(
        base=base,
        show_customers=show_customers,
        missing=missing,
        staged=staged,
        flows=attempt(missing, "flows", lambda: lifecycle.flows(staged, compare_to), ParameterError),
        dwell=lifecycle.dwell(staged),
        forecast=attempt(missing, "forecast", lambda: lifecycle.forecast(staged, periods, every=EVERY)),
        chain=chain,
        check=attempt(missing, "check", lambda: lifecycle.check_chain(base, **terms)) if chain else None,
        worth=stage_worth(staged, chain),
        assumptions=said,
        rate=rate,
    )


def _settings(base: CustomerBase, order_value: float, margin: float, cost: float) -> tuple[float, float, str]:
    """Margin, contact cost, and where they come from."""
    share, counted = margin_of(base, margin).or_assumed(ASSUMED_MARGIN)
    said = f"Margin {words.percent(share)} of revenue ({MARGIN_FROM[counted.source]}); "
    paid = cost or contact_cost_of(base)
    whence = "as given" if cost else "from campaigns, per customer mailed" if paid else (
        f"an assumption: {words.percent(ASSUMED_CONTACT, 0)} of an average order"
    )  # fmt: skip
    paid = paid or ASSUMED_CONTACT * order_value
    return (
        share,
        paid,
        said
        + (
            f"staying in touch costs {words.money(paid, base.currency)} a customer and four weeks ({whence})."
        ),
    )
