"""Key figures of customer equity, and of what winning and keeping customers costs and brings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from crm_analytics.analyses.audit.acquisition import cost_of_winning
from crm_analytics.analyses.comparison import YEAR
from crm_analytics.analyses.contact_effect import MEASURED, contact_effect
from crm_analytics.analyses.equity import relationship_kpis as relationship
from crm_analytics.analyses.equity.acquisition_balance import return_on_customer as ratio
from crm_analytics.analyses.equity.valuation import YEARS, remembered
from crm_analytics.analyses.kpi import DOWN, MONEY, SHARE, UP, Kpi, refused
from crm_analytics.errors import CrmError, DataError

if TYPE_CHECKING:
    from crm_analytics.analyses.equity.firm_equity import Amount, FirmEquity
    from crm_analytics.analyses.measured import Measured

EQUITY = "customer_equity"  # the report that explains these figures
AHEAD = f"{YEARS}y"


def customer_equity(given: Measured) -> Kpi:
    """Margin to come from present and future customers, less the cost of winning them, in today's money."""
    return _part(given, "customer_equity", lambda found: found.total)


def equity_of_present_customers(given: Measured) -> Kpi:
    """The part of customer equity that present customers will bring."""
    return _part(given, "equity_of_present_customers", lambda found: found.residual)


def equity_of_future_customers(given: Measured) -> Kpi:
    """The part of customer equity that future customers will bring, less the cost of winning them."""
    return _part(given, "equity_of_future_customers", lambda found: found.future)


def _part(given: Measured, name: str, part: Callable[[FirmEquity], Amount]) -> Kpi:
    found = _equity(given)
    if isinstance(found, str):
        return refused(name, MONEY, UP, found, EQUITY, AHEAD)
    amount = part(found)
    return Kpi(name, MONEY, UP, amount.value, found.customers, amount.lower, amount.upper, AHEAD,
               explained_in=EQUITY)  # fmt: skip


def equity_now(given: Measured) -> FirmEquity:
    """The equity of the base; raises NotEnoughData where it is too small."""
    return given.once("equity.now", lambda: remembered(given.base, margin=given.margin))


def _equity(given: Measured) -> FirmEquity | str:
    """The equity of the base, or why there is none."""
    try:
        return equity_now(given)
    except CrmError as error:
        return str(error)


def new_customer_value(given: Measured) -> Kpi:
    """Margin that a customer won today brings within the horizon, before the cost of winning."""
    found = _equity(given)
    if isinstance(found, str):
        return refused("new_customer_value", MONEY, UP, found, EQUITY, AHEAD)
    return Kpi("new_customer_value", MONEY, UP, found.new_customer, found.customers,
               *found.new_customer_range, AHEAD, explained_in=EQUITY)  # fmt: skip


def acquisition_cost(given: Measured) -> Kpi:
    """Cost of a customer won in the last year: what was booked for them, and spend on channels."""
    found = cost_of_winning(given.base)
    if found is None:
        why = "neither a cost of acquisition nor spend on channels is in the data"
        return refused("acquisition_cost", MONEY, DOWN, why, EQUITY)
    won = found.total
    low, high = (None, None) if found.booked is None else (won.lower, won.upper)
    return Kpi("acquisition_cost", MONEY, DOWN, won.value, won.n, low, high, explained_in=EQUITY)


def equity_a_year_ago(given: Measured) -> FirmEquity:
    """The equity as it was known 52 weeks earlier.

    Raises
    ------
    DataError : the data do not reach back so far, or are too few.
    """
    day = given.base.day - timedelta(days=YEAR)
    if day < given.base.first_day:
        raise DataError("the data do not reach back a year")
    return given.once("equity.before", lambda: remembered(given.base.as_of(day), margin=given.margin))


def return_on_customer(given: Measured) -> Kpi:
    """Profit of the year and the change of customer equity, over the equity a year ago; contracts left out.

    The profit is that of purchases, so the equity is, too.
    """
    name, base = "return_on_customer", given.base
    found = _equity(given)
    if isinstance(found, str):
        return refused(name, SHARE, UP, found, EQUITY)
    try:
        before = equity_a_year_ago(given)
        profit = relationship.revenue_since(base, YEAR) * (1.0 if given.margin is None else given.margin)
        now, then = (one.present.value + one.future.value for one in (found, before))
        value = ratio(profit, now, then)
    except CrmError as error:
        return refused(name, SHARE, UP, str(error), EQUITY)
    return Kpi(name, SHARE, UP, value, found.customers, explained_in=EQUITY)


def campaign_effect(given: Measured) -> Kpi:
    """Orders that a contact adds, as a share of the orders without it, measured against control groups."""
    found = contact_effect(given.base)
    if found.source != MEASURED:
        why = "no campaign with a control group is in the data"
        return refused("campaign_effect", SHARE, UP, why, "campaigns")
    return Kpi("campaign_effect", SHARE, UP, found.value, found.contacts, found.lower, found.upper,
               explained_in="campaigns")  # fmt: skip


def campaigns_with_control(given: Measured) -> Kpi:
    """Share of campaigns that held some customers back, so that their effect can be measured."""
    name = "campaigns_with_control"
    members = given.base.tables.get("campaign_members")
    if members is None:
        return refused(name, SHARE, UP, "there is no table of campaign members", "campaigns")
    each = members.group_by("campaign_id").aggregate(held=(members.treatment == "control").sum())
    row = each.aggregate(n=each.count(), held=(each.held > 0).sum()).to_pyarrow().to_pylist()[0]
    return relationship.share_of(name, int(row["held"] or 0), int(row["n"]), "campaigns",
                                 "there are no campaigns")  # fmt: skip


def share_of_wallet(given: Measured) -> Kpi:
    """What customers say to spend with us, of all they spend on such goods."""
    name = "share_of_wallet"
    answers = given.base.tables.get("survey_responses")
    if answers is None:
        return refused(name, SHARE, UP, "nobody was asked", EQUITY)
    asked = answers.filter(answers.instrument == "share_of_wallet", answers.score.notnull())
    top = asked.scale_max.fill_null(100.0) if "scale_max" in asked.columns else 100.0
    share = (asked.score / top).clip(0, 1)
    row = asked.aggregate(n=share.count(), mean=share.mean(), sd=share.std()).to_pyarrow().to_pylist()[0]
    return relationship.mean_of(name, row, SHARE, EQUITY, "nobody was asked")


KPIS: tuple[Callable[[Measured], Kpi], ...] = (
    customer_equity, equity_of_present_customers, equity_of_future_customers, new_customer_value,
    acquisition_cost, return_on_customer, campaign_effect, campaigns_with_control, share_of_wallet,
    *relationship.KPIS,
)  # fmt: skip
