"""What the lifetime-value report is made from, and when it takes its small form."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

import ibis

from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.fitting.units import days_per_unit
from crm_analytics.analyses.kpi import Kpi
from crm_analytics.analyses.kpis import measure
from crm_analytics.analyses.overview import overview
from crm_analytics.analyses.portfolio.fading_accounts import FadingAccounts, fading_accounts
from crm_analytics.analyses.portfolio.value_tiers import value_tiers
from crm_analytics.analyses.value_to_come import (
    ValueToCome,
    of_models,
    purchases_to_come,
    value_to_come,
)
from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.pages.sentences import Sentences
from crm_analytics.reports.lifetime_value.data_warnings import has_mean, odd_dates
from crm_analytics.reports.lifetime_value.diagnostics import Details, chances, details
from crm_analytics.reports.lifetime_value.forecast import Forecast, Purchases
from crm_analytics.reports.lifetime_value.holdout import Evidence, evidence
from crm_analytics.reports.lifetime_value.value_drivers import Carriers, carriers
from crm_analytics.reports.shared.customer_lists import write_lists
from crm_analytics.reports.shared.handed_in import HandedIn, handed_in
from crm_analytics.reports.shared.plans import Plans, plans
from crm_analytics.reports.shared.reasons import spoken
from crm_analytics.reports.shared.report import Report, attempt
from crm_analytics.reports.shared.small_form import SmallReport
from crm_analytics.reports.shared.spoken import catalogue
from crm_analytics.reports.shared.tiles import span
from crm_analytics.tables.days import shift, span_of

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

UNIT = "W"
ENDS = ("lower", "upper", "parameter_lower", "parameter_upper")
KPIS = ("value_to_come", "margin_to_come", "value_per_customer", "purchases_to_come", "still_customers",
        "value_at_risk", "customers_at_risk", "customers_lapsed", "customers_bought")  # fmt: skip


@dataclass(frozen=True)
class Growth:
    """The revenue to come against what was to come at an earlier day.

    day : the earlier one
    before : undiscounted revenue that was to come then, with its 95 % interval
    change, lower, upper : of the revenue to come, as a share of it, as if the two were independent
    new, known : money that customers won since then add, and by how much that of the others changed
    """

    day: date
    before: float
    change: float
    lower: float
    upper: float
    new: float
    known: float


@dataclass(frozen=True, kw_only=True, eq=False)
class SmallValueReport(SmallReport):
    """The report of a base too small for the models: the textbook value is its answer."""

    textbook: btyd.TextbookValue
    reason: str  # why there is no forecast

    @property
    def own(self) -> Sentences:
        """The sentences of this report; `t` are those that all reports share."""
        return catalogue(self.language, __file__, self.base.currency)


@dataclass(frozen=True, kw_only=True, eq=False)
class Ahead(Report):
    """What every report with a forecast of purchases has."""

    horizon: tuple[int, str]
    textbook: btyd.TextbookValue
    details: Details
    evidence: Evidence | None  # None where the data do not reach back a holdout
    accounts: FadingAccounts | None  # None where no account is large and regular enough
    odd_dates: str  # "week" or "month" where dates look like totals of one, empty where not
    t: Sentences
    plan: Plans
    handed: HandedIn

    @cached_property
    def kpis(self) -> dict[str, Kpi]:
        """The key figures of the page."""
        return measure(self.plan.given, KPIS)

    @property
    def weeks(self) -> float:
        """The horizon in the models' unit."""
        return _weeks(self.horizon)

    @property
    def span(self) -> str:
        """The horizon in words."""
        return span(self.t, *self.horizon)


@dataclass(frozen=True, kw_only=True, eq=False)
class UnpricedReport(Ahead):
    """The report where spend has no mean: purchases without money."""

    forecast: Purchases
    priced: None = None
    carriers: None = None

    @cached_property
    def kpis(self) -> dict[str, Kpi]:
        """The key figures of the page: purchases are forecast, their money is not."""
        found, total = measure(self.plan.given, KPIS), self.forecast.purchases
        purchases = replace(
            found["purchases_to_come"],
            value=total.mean,
            lower=total.lower,
            upper=total.upper,
            n=self.forecast.summary.customer_count,
            refusal="",
        )
        return found | {"purchases_to_come": purchases}


@dataclass(frozen=True, kw_only=True, eq=False)
class ValueReport(Ahead):
    """Everything the sections show."""

    rate: float
    timing: str
    forecast: Forecast
    carriers: Carriers
    outlook: ValueToCome
    growth: Growth | None  # against a forecast of an earlier day
    last_year: float  # revenue of all customers over the last horizon

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
    effect: float = 0.05,
    language: str = "en",
    run: str = "",
) -> ValueReport | UnpricedReport | SmallValueReport:
    """Fit the models at the day (forecast), a holdout before it (evidence), and at an earlier day.

    Too small a base gives the small form; spend without a mean gives purchases without money.

    Parameters
    ----------
    horizon : how far ahead value is counted ("52w", "12m")
    holdout : how long before the day the evidence is fitted
    rate : annual effective rate of discount
    timing : when the purchases of a period are paid: start, mid, end or continuous
    compare_to : length of a period, and how far back the earlier forecast lies
    effect : of a contact, where the data hold no measured one
    language : of the page: "en" or "de"
    run : folder of the run that makes the page: what it hands in, and where lists go; empty outside a run
    """
    ahead = span_of(horizon)
    if ahead[0] <= 0 or span_of(holdout)[0] <= 0:
        raise ParameterError(f"horizon and holdout must be longer than nothing, got {horizon} and {holdout}")
    textbook = btyd.textbook_value(base)
    missing: dict[str, str] = {}
    bought = attempt(missing, "forecast", lambda: _purchases(base, ahead), NotEnoughData)
    common: dict[str, Any] = {"base": base, "show_customers": show_customers, "textbook": textbook}
    common["language"] = language
    if bought is None:
        return _small(common, missing["forecast"])
    made = attempt(missing, "forecast", lambda: _to_come(base, bought, ahead), NotEnoughData)
    if made is None:
        return _small(common, missing["forecast"])
    wanted: dict[str, Any] = {"horizon": ahead, "rate": rate, "timing": timing}
    tested = evidence(base, holdout, UNIT)
    found = details(bought.summary, (bought.model, bought.status), bought.spend, tested, **wanted)
    common |= {"horizon": ahead, "evidence": tested, "odd_dates": odd_dates(base)}
    common["accounts"] = attempt({}, "accounts", lambda: fading_accounts(base), NotEnoughData)
    common["t"] = catalogue(language, __file__, base.currency)
    common["handed"] = handed_in(run)
    if not isinstance(made, ValueToCome):
        plan = plans(base, span=compare_to, effect=effect, no_outlook="spend has no mean")
        return UnpricedReport(**common, details=found, forecast=replace(bought, purchases=made), plan=plan)
    outlook = made
    plan = plans(base, span=compare_to, effect=effect, outlook=outlook)
    write_lists(base, plan.actions, run, show_customers)
    assert plan.audiences is not None
    found = replace(found, chances=chances(plan.audiences.near))
    forecast = _priced(base, outlook, wanted)
    before = base.earlier(compare_to)
    earlier = _earlier(before, ahead)
    known = (before, earlier) if before is not None and earlier is not None else None
    return ValueReport(
        **common,
        details=found,
        plan=plan,
        outlook=outlook,
        rate=rate,
        timing=timing,
        forecast=forecast,
        carriers=carriers(base, forecast, outlook, earlier.plain if earlier else None, wanted),
        growth=_growth(base, outlook, *known) if known else None,
        last_year=_last(base, f"-{horizon.lstrip('+-')}"),
    )


def _growth(
    base: CustomerBase,
    outlook: ValueToCome,
    before: CustomerBase,
    earlier: ValueToCome,
) -> Growth:
    """What came in since the earlier day: customers won since, and what is to come from the others."""
    then = earlier.total
    history = base.purchase_history.select("customer_id", "first_day")
    scored = outlook.scored.inner_join(history, "customer_id")
    since = scored.first_day > ibis.literal(before.day)
    new = float(scored.value_to_come.sum(where=since).to_pyarrow().as_py() or 0.0)
    now = outlook.total
    half = math.hypot(now.upper - now.mean, then.upper - then.mean) / then.mean
    change = now.mean / then.mean - 1
    return Growth(
        before.day, then.mean, change, change - half, change + half, new, now.mean - new - then.mean
    )


def _last(base: CustomerBase, back: str) -> float:
    """Revenue of all known customers since a day, net."""
    since = shift(base.day, back)
    days = base.customer_days
    total = days.filter(days.day > ibis.literal(since)).spend.sum().to_pyarrow().as_py()
    return float(total or 0)


def _weeks(horizon: tuple[int, str]) -> float:
    return horizon[0] * days_per_unit(horizon[1]) / days_per_unit(UNIT)


def _purchases(base: CustomerBase, horizon: tuple[int, str]) -> Purchases:
    summary = btyd.summarize(base, unit=UNIT)
    model, spend = btyd.BetaGeo.fit(summary), btyd.GammaGamma.pricing(summary)
    status = btyd.ModifiedBetaGeo.fit(summary)
    total = btyd.forecast_total(summary, model, _weeks(horizon))
    return Purchases(summary, model, status, spend, total)


def _small(common: dict[str, Any], reason: str) -> SmallValueReport:
    said = spoken(reason, common["language"])
    return SmallValueReport(**common, seen=overview(common["base"]), reason=said)


def _to_come(
    base: CustomerBase, bought: Purchases, horizon: tuple[int, str]
) -> ValueToCome | btyd.TotalForecast:
    """What is to come: in money, or in purchases alone where their money has no mean."""
    if has_mean(bought.spend):
        return of_models(base, bought.summary, (bought.model, bought.status, bought.spend), horizon)
    return purchases_to_come(base, bought.summary, bought.model, bought.spend, horizon)


def _priced(base: CustomerBase, outlook: ValueToCome, wanted: dict[str, Any]) -> Forecast:
    """Discounted, for the sections; the range of the value is that of the undiscounted one, in proportion."""
    scored = base.materialise(outlook.discounted(wanted["rate"], wanted["timing"]))
    mean = float(scored.lifetime_value.sum().to_pyarrow().as_py() or 0.0)
    share = mean / outlook.total.mean if outlook.total.mean else 1.0
    ends = {name: getattr(outlook.total, name) * share for name in ENDS}
    return Forecast(
        outlook.inside,
        outlook.model,
        outlook.status,
        outlook.spend,
        outlook.purchases,
        scored,
        replace(outlook.total, mean=mean, **ends),
        value_tiers(base, scored),
    )


def _earlier(before: CustomerBase | None, horizon: tuple[int, str]) -> ValueToCome | None:
    """The forecast of an earlier day; None where the data of then do not hold one."""
    if before is None:
        return None
    return attempt({}, "earlier", lambda: value_to_come(before, horizon), NotEnoughData)
