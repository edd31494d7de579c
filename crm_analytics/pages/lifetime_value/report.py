"""What the lifetime-value report is made from, and when it takes its small form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import ibis.expr.types as ir

from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.units import days_per_unit
from crm_analytics.analyses.overview import overview
from crm_analytics.analyses.value_tiers import ValueTiers, value_tiers
from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.pages import words
from crm_analytics.pages.in_money import InMoney
from crm_analytics.pages.lifetime_value.carriers import Carriers, carriers
from crm_analytics.pages.lifetime_value.details import Details, Evidence, details, evidence
from crm_analytics.pages.small_form import SmallReport
from crm_analytics.tables.days import span_of

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

UNIT = "W"
_UNIT_NAMES = {"D": "day", "W": "week", "M": "month", "Y": "year"}


@dataclass(frozen=True)
class Forecast:
    """The models at the day, and what they say of everybody together."""

    summary: btyd.Summary
    model: btyd.BetaGeo
    status: btyd.ModifiedBetaGeo
    spend: btyd.GammaGamma
    scored: ir.Table
    value: btyd.TotalForecast
    purchases: btyd.TotalForecast
    tiers: ValueTiers

    @property
    def tells_who_left(self) -> bool:
        """Whether the data determine dropout; where they do not, nobody can be called lost."""
        return self.model.diagnosis.converged and self.status.diagnosis.converged


@dataclass(frozen=True)
class SmallValueReport(SmallReport):
    """The report of a base too small for the models: the textbook value is its answer."""

    textbook: btyd.TextbookValue
    reason: str  # why there is no forecast


@dataclass(frozen=True)
class ValueReport(InMoney):
    """Everything the sections show."""

    base: CustomerBase
    show_customers: bool
    horizon: tuple[int, str]
    rate: float
    timing: str
    textbook: btyd.TextbookValue
    forecast: Forecast
    details: Details
    carriers: Carriers
    evidence: Evidence | None  # None where the data do not reach back a holdout
    earlier: btyd.TotalForecast | None
    earlier_day: date | None

    @property
    def weeks(self) -> float:
        """The horizon in the models' unit."""
        return self.horizon[0] * days_per_unit(self.horizon[1]) / days_per_unit(UNIT)

    @property
    def span(self) -> str:
        """The horizon in words."""
        return words.plural(self.horizon[0], _UNIT_NAMES[self.horizon[1]])


def prepare(
    base: CustomerBase,
    *,
    horizon: str = "52w",
    holdout: str = "39w",
    rate: float = 0.15,
    timing: str = "end",
    compare_to: str = "-13w",
    show_customers: bool = False,
) -> ValueReport | SmallValueReport:
    """Fit the models at the day (forecast), a holdout before it (evidence), and at an earlier day.

    Parameters
    ----------
    horizon : how far ahead value is counted ("52w", "12m")
    holdout : how long before the day the evidence is fitted
    rate : annual effective rate of discount
    timing : when the purchases of a period are paid: start, mid, end or continuous
    """
    ahead = span_of(horizon)
    if ahead[0] <= 0 or span_of(holdout)[0] <= 0:
        raise ParameterError(f"horizon and holdout must be longer than nothing, got {horizon} and {holdout}")
    textbook = btyd.textbook_value(base)
    try:
        forecast = _forecast(base, ahead, rate, timing)
    except NotEnoughData as error:
        return SmallValueReport(base, overview(base), show_customers, textbook, str(error))
    before = base.earlier(compare_to)
    try:
        earlier = _forecast(before, ahead, rate, timing) if before else None
    except NotEnoughData:
        earlier = None
    wanted = {"horizon": ahead, "rate": rate, "timing": timing}
    return ValueReport(
        base,
        show_customers,
        ahead,
        rate,
        timing,
        textbook,
        forecast,
        details(
            forecast.summary,
            (forecast.model, forecast.status),
            forecast.spend,
            horizon=ahead,
            rate=rate,
            timing=timing,
        ),
        carriers(base, forecast, (before, earlier) if before and earlier else None, wanted),
        evidence(base, holdout, UNIT),
        earlier.value if earlier else None,
        before.day if before else None,
    )


def _forecast(base: CustomerBase, horizon: tuple[int, str], rate: float, timing: str) -> Forecast:
    summary = btyd.summarize(base, unit=UNIT)
    model, spend = btyd.BetaGeo.fit(summary), btyd.GammaGamma.fit(summary)
    status = btyd.ModifiedBetaGeo.fit(summary)
    money: dict[str, Any] = {"horizon": horizon, "rate": rate, "timing": timing}
    scored = base.materialise(btyd.score(summary, model, spend, status_model=status, **money))
    ahead = horizon[0] * days_per_unit(horizon[1]) / days_per_unit(UNIT)
    return Forecast(
        summary,
        model,
        status,
        spend,
        scored,
        btyd.value_total(summary, model, spend, **money),
        btyd.forecast_total(summary, model, ahead),
        value_tiers(base, scored),
    )
