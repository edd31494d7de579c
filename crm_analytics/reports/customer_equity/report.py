"""What the customer-equity report is made from, and when it takes its small form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses import arguments, btyd
from crm_analytics.analyses.disclosure import ON_A_PAGE, shared
from crm_analytics.analyses.equity import survey
from crm_analytics.analyses.equity.acquisition_balance import Balance, balance
from crm_analytics.analyses.equity.brand_equity import CustomerEquity
from crm_analytics.analyses.equity.budget import Plan, plan, read_tests
from crm_analytics.analyses.equity.future_customers import PER_YEAR, QUARTER
from crm_analytics.analyses.equity.kpis import equity_a_year_ago, equity_now
from crm_analytics.analyses.equity.levers import levers_of
from crm_analytics.analyses.equity.response_curve import Response
from crm_analytics.analyses.equity.switching_value import Market, ends
from crm_analytics.analyses.equity.valuation import by_group
from crm_analytics.analyses.kpi import Kpi
from crm_analytics.analyses.kpis import measure
from crm_analytics.analyses.measured import Measured
from crm_analytics.errors import CrmError, DataError, ParameterError
from crm_analytics.pages.sentences import Sentences
from crm_analytics.reports.shared.handed_in import HandedIn, handed_in
from crm_analytics.reports.shared.margin import margin_of
from crm_analytics.reports.shared.report import Report, attempt
from crm_analytics.reports.shared.small_form import SmallReport, too_small
from crm_analytics.reports.shared.spoken import catalogue

if TYPE_CHECKING:
    from crm_analytics.analyses.equity.firm_equity import FirmEquity
    from crm_analytics.tables.customer_base import CustomerBase

DRAWS = 40  # of respondents, for the intervals of brands
KPIS = (
    "customer_equity", "equity_of_present_customers", "equity_of_future_customers", "new_customer_value",
    "acquisition_cost", "return_on_customer", "customers_retained", "new_customers",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Brands:
    """Equity of brands, by the survey.

    Attributes
    ----------
    fitted : by Rust, Lemon & Zeithaml
    own : the brand that is ours
    table : brand, equity, share, lower, upper (of the share, 95 %)
    drivers : of our brand, with gain_lower and gain_upper
    """

    fitted: CustomerEquity
    own: str
    table: pd.DataFrame
    drivers: pd.DataFrame


@dataclass(frozen=True, kw_only=True, eq=False)
class EquityReport(Report):
    """Everything the sections show; a part that the data do not hold is None."""

    t: Sentences
    given: Measured
    firm: FirmEquity | None
    before: FirmEquity | None
    channels: pd.DataFrame | None
    brands: Brands | None
    budget: Plan | None
    balance: Balance | None
    handed: HandedIn
    improvement_cost: float = 0.0

    @cached_property
    def kpis(self) -> dict[str, Kpi]:
        """The key figures of the page."""
        return measure(self.given, KPIS)


def prepare(
    base: CustomerBase,
    *,
    own_brand: str = "Ours",
    population: int = 0,
    tests: str = "",
    budget: float = 0.0,
    most_won: float = 0.0,
    most_kept: float = 0.0,
    improvement_cost: float = 0.0,
    margin: float = 0.0,
    compare_to: str = "-13w",
    show_customers: bool = False,
    language: str = "en",
    run: str = "",
) -> EquityReport | SmallReport:
    """Value present and future customers, brands where people were asked, and next quarter's budget.

    Parameters
    ----------
    own_brand : our brand in the survey
    population : customers of the category, for the equity of brands; 0: as many as bought from us
    tests : a CSV with results of tests: channel, spend, gained, error
    budget : of the measured levers, next quarter; 0: what is spent on them now
    most_won : new customers a year with unlimited money, as you judge it; 0: not known
    most_kept : share of customers kept a year with unlimited money, as you judge it; 0: not known
    improvement_cost : of a rating a tenth of a point better, for its return; 0: not known
    margin : share of revenue; 0: from the data
    compare_to : length of a period
    """
    if small := too_small(base, show_customers, language=language):
        return small
    arguments.amount("budget", budget)
    arguments.amount("most_won", most_won)
    arguments.share("most_kept", most_kept)
    arguments.amount("improvement_cost", improvement_cost)
    results = _tests(tests)
    missing: dict[str, str] = {}
    given = Measured(base, compare_to, None, "", margin_of(base, margin).share)
    firm = attempt(missing, "firm", lambda: equity_now(given))
    before = attempt(missing, "before", lambda: equity_a_year_ago(given)) if firm else None
    return EquityReport(
        base=base,
        show_customers=show_customers,
        missing=missing,
        language=language,
        t=catalogue(language, __file__, base.currency),
        given=given,
        firm=firm,
        before=before,
        channels=attempt(missing, "channels", lambda: _channels(base, firm)),
        brands=attempt(missing, "brands", lambda: _brands(base, firm, own_brand, population)),
        budget=attempt(missing, "budget", lambda: _budget(base, firm, results, budget)),
        balance=attempt(missing, "balance", lambda: _balance(given, firm, most_won, most_kept), CrmError),
        handed=handed_in(run),
        improvement_cost=improvement_cost,
    )


def _tests(path: str) -> dict[str, pd.DataFrame]:
    if not path:
        return {}
    place = Path(path).expanduser()
    if not place.is_file():
        raise ParameterError(f"tests: there is no file {place.name}")
    return read_tests(pd.read_csv(place))


def _known(firm: FirmEquity | None) -> FirmEquity:
    if firm is None:
        raise DataError("the value of customers is not known")
    return firm


def _channels(base: CustomerBase, firm: FirmEquity | None) -> pd.DataFrame:
    found = _known(firm)
    people = base.tables.get("customers")
    if people is None or "acquisition_channel" not in people.columns:
        raise DataError("the customers have no channel of acquisition")
    groups = shared(people, "acquisition_channel", ON_A_PAGE)
    groups = groups.select("customer_id", segment=groups.acquisition_channel.fill_null("not known"))
    table = by_group(base, groups, found, btyd.summarize(base, unit="W"))
    if table.empty:
        raise DataError("the customers have no channel of acquisition")
    return table


def _brands(base: CustomerBase, firm: FirmEquity | None, own: str, population: int) -> Brands:
    found = _known(firm)
    answers = survey.of_base(base)
    number = answers.brand(own)
    share = 1.0 if found.margin is None else found.margin
    history = base.occasions
    recent = history.filter(history.day > base.day - pd.Timedelta(days=364))
    orders = recent.count().to_pyarrow().as_py() / max(recent.customer_id.nunique().to_pyarrow().as_py(), 1)
    market = Market(
        population=population or found.customers, purchases_per_year=max(orders, 0.5),
        contribution=found.basket * share, years=found.years, rate=found.rate,
    )  # fmt: skip
    fitted = CustomerEquity.fit(answers, market)
    drawn = fitted.bootstrap(DRAWS)
    shares = [one.brands / one.brands.sum() for one in drawn]
    bounds = [ends([float(s.iloc[j]) for s in shares]) for j in range(len(answers.brands))]
    table = pd.DataFrame(
        {"brand": fitted.brands.index, "equity": fitted.brands.to_numpy(),
         "share": (fitted.brands / fitted.brands.sum()).to_numpy(),
         "lower": [b[0] for b in bounds], "upper": [b[1] for b in bounds]}
    )  # fmt: skip
    drivers = fitted.driver_table(own)
    gains = [one.driver_table(own).set_index("driver")["gain"] for one in drawn[: DRAWS // 2]]
    low, high = zip(*(ends([float(g[d]) for g in gains]) for d in drivers["driver"]), strict=True)
    drivers = drivers.assign(gain_lower=low, gain_upper=high)
    order = table["brand"].ne(answers.brands[number])
    table = table.assign(order=order).sort_values(["order", "share"], ascending=[True, False])
    return Brands(
        fitted=fitted, own=own, table=table.drop(columns="order").reset_index(drop=True), drivers=drivers
    )


def _budget(
    base: CustomerBase, firm: FirmEquity | None, results: dict[str, pd.DataFrame], budget: float
) -> Plan:
    found = _known(firm)
    levers, rest = levers_of(base, found, results)
    if not levers and not rest:
        raise DataError("the data do not say what money is spent on: no channel_spend, no measured campaign")
    weekly = float(found.acquired.forecast.sum()) / PER_YEAR / (QUARTER / 7)
    return plan(
        levers, rest, budget=budget or None, customers_per_week=weekly, customer_value=found.new_customer
    )


def _balance(given: Measured, firm: FirmEquity | None, most_won: float, most_kept: float) -> Balance:
    found = _known(firm)
    if not most_won or not most_kept:
        raise DataError(
            "it needs your judgement of what unlimited money would win and keep: most_won, most_kept"
        )
    kpis = measure(given, ("acquisition_cost", "customers_retained", "revenue_per_buyer", "new_customers"))
    unknown = [k.refusal for k in kpis.values() if k.value is None]
    if unknown:
        raise DataError(unknown[0])
    won, cost = kpis["new_customers"].value or 0.0, kpis["acquisition_cost"].value or 0.0
    win = Response.through(won * cost / most_won, won / most_won, 1.0)
    kept = kpis["customers_retained"].value or 0.0
    yearly = (kpis["revenue_per_buyer"].value or 0.0) * (1.0 if found.margin is None else found.margin)
    lever = levers_of(given.base, found)[0]
    spent = (
        next((one.spend_now for one in lever if one.kind == "keep"), 0.0) * PER_YEAR / max(found.customers, 1)
    )
    keep = Response.through(spent, kept, most_kept)
    return balance(win, keep, margin=yearly, rate=found.rate)
