"""What the lifetime-value report is made from, and when it takes its small form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.fitting.units import days_per_unit
from crm_analytics.analyses.overview import overview
from crm_analytics.analyses.portfolio.value_tiers import value_tiers
from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.pages import words
from crm_analytics.reports.lifetime_value.data_warnings import has_mean, odd_dates, without_mean
from crm_analytics.reports.lifetime_value.diagnostics import Details, details
from crm_analytics.reports.lifetime_value.forecast import Forecast, Purchases
from crm_analytics.reports.lifetime_value.holdout import Evidence, evidence
from crm_analytics.reports.lifetime_value.value_drivers import Carriers, carriers
from crm_analytics.reports.shared.report import Report, attempt
from crm_analytics.reports.shared.small_form import SmallReport
from crm_analytics.tables.days import span_of

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

UNIT = "W"
NO_MONEY = "Purchases can be forecast from these data, their money cannot: see the first lines of this page"
_UNIT_NAMES = {"D": "day", "W": "week", "M": "month", "Y": "year"}


@dataclass(frozen=True, kw_only=True, eq=False)
class SmallValueReport(SmallReport):
    """The report of a base too small for the models: the textbook value is its answer."""

    textbook: btyd.TextbookValue
    reason: str  # why there is no forecast


@dataclass(frozen=True, kw_only=True, eq=False)
class Ahead(Report):
    """What every report with a forecast of purchases has."""

    horizon: tuple[int, str]
    textbook: btyd.TextbookValue
    details: Details
    evidence: Evidence | None  # None where the data do not reach back a holdout
    dates: str  # what is odd about the dates, empty where nothing is

    @property
    def weeks(self) -> float:
        """The horizon in the models' unit."""
        return _weeks(self.horizon)

    @property
    def span(self) -> str:
        """The horizon in words."""
        return words.plural(self.horizon[0], _UNIT_NAMES[self.horizon[1]])


@dataclass(frozen=True, kw_only=True, eq=False)
class UnpricedReport(Ahead):
    """The report where spend has no mean: purchases without money."""

    forecast: Purchases
    reason: str  # why nothing can be said of money
    priced: None = None
    carriers: None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class ValueReport(Ahead):
    """Everything the sections show."""

    rate: float
    timing: str
    forecast: Forecast
    carriers: Carriers
    earlier: btyd.TotalForecast | None
    earlier_day: date | None
    not_compared: str  # why there is no earlier forecast though there is an earlier day

    @property
    def priced(self) -> Forecast:
        """The forecast with what purchases are worth."""
        return self.forecast


def prepare(
    base: CustomerBase,
    *,
    horizon: str = "52w",
    holdout: str = "39w",
    rate: float = 0.15,
    timing: str = "end",
    compare_to: str = "-13w",
    show_customers: bool = False,
) -> ValueReport | UnpricedReport | SmallValueReport:
    """Fit the models at the day (forecast), a holdout before it (evidence), and at an earlier day.

    Too small a base gives the small form; spend without a mean gives purchases without money.

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
    missing: dict[str, str] = {}
    bought = attempt(missing, "forecast", lambda: _purchases(base, ahead), NotEnoughData)
    common: dict[str, Any] = {"base": base, "show_customers": show_customers, "textbook": textbook}
    if bought is None:
        return SmallValueReport(**common, seen=overview(base), reason=missing["forecast"])
    wanted: dict[str, Any] = {"horizon": ahead, "rate": rate, "timing": timing}
    tested = evidence(base, holdout, UNIT)
    found = details(bought.summary, (bought.model, bought.status), bought.spend, tested, **wanted)
    common |= {"horizon": ahead, "details": found, "evidence": tested, "dates": odd_dates(base)}
    if not has_mean(bought.spend):
        return UnpricedReport(
            **common,
            forecast=bought,
            reason=without_mean(bought.spend),
            missing={"priced": NO_MONEY, "carriers": NO_MONEY},
        )
    forecast = _priced(base, bought, wanted)
    before = base.earlier(compare_to)
    earlier, not_compared = _earlier(before, wanted)
    return ValueReport(
        **common,
        rate=rate,
        timing=timing,
        forecast=forecast,
        carriers=carriers(base, forecast, (before, earlier) if before and earlier else None, wanted),
        earlier=earlier.value if earlier else None,
        earlier_day=before.day if before else None,
        not_compared=not_compared,
    )


def _weeks(horizon: tuple[int, str]) -> float:
    return horizon[0] * days_per_unit(horizon[1]) / days_per_unit(UNIT)


def _purchases(base: CustomerBase, horizon: tuple[int, str]) -> Purchases:
    summary = btyd.summarize(base, unit=UNIT)
    model, spend = btyd.BetaGeo.fit(summary), btyd.GammaGamma.fit(summary)
    status = btyd.ModifiedBetaGeo.fit(summary)
    total = btyd.forecast_total(summary, model, _weeks(horizon))
    return Purchases(summary, model, status, spend, total)


def _priced(base: CustomerBase, bought: Purchases, wanted: dict[str, Any]) -> Forecast:
    summary, model, spend, status = bought.summary, bought.model, bought.spend, bought.status
    scored = base.materialise(btyd.score(summary, model, spend, status_model=status, **wanted))
    return Forecast(
        summary,
        model,
        status,
        spend,
        bought.purchases,
        scored,
        btyd.value_total(summary, model, spend, **wanted),
        value_tiers(base, scored),
    )


def _earlier(before: CustomerBase | None, wanted: dict[str, Any]) -> tuple[Forecast | None, str]:
    """The forecast of an earlier day; or why there is none, where that is not for want of data."""
    if before is None:
        return None, ""
    bought = attempt({}, "earlier", lambda: _purchases(before, wanted["horizon"]), NotEnoughData)
    if bought is None:
        return None, ""
    if not has_mean(bought.spend):
        return None, f"On {words.date(before.day)} no value could be told. {without_mean(bought.spend)}"
    return _priced(before, bought, wanted), ""
