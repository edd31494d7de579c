"""How much to spend on winning customers and how much on keeping them.

Of each prospect, A is spent on winning and a share a(A) is won; of each customer, R is spent on keeping each
year and a share r(R) stays. With margin m a year, paid at its start, and discount d, a new customer is worth

    V(R) = m + (m r(R) - R) / (1 + d - r(R)),          and a prospect          a(A) V(R) - A.

At the optimum the marginal cost of winning, the marginal cost of keeping and the value of a customer are one
and the same: 1 / a'(A) = 1 / r'(R) = V. Blattberg & Deighton (1996), Harvard Business Review 74(4), 136-144;
Pfeifer (2005), The optimal ratio of acquisition and retention costs, Journal of Targeting, Measurement and
Analysis for Marketing 13(2), 179-188.

When it misleads: both ceilings are judgements, and one rate of retention stands for customers of all ages.
"""

from __future__ import annotations

from dataclasses import dataclass

from scipy.optimize import brentq

from crm_analytics.analyses import arguments
from crm_analytics.analyses.equity.response_curve import Response
from crm_analytics.errors import ParameterError


@dataclass(frozen=True)
class Balance:
    """The best spend on winning and on keeping.

    Attributes
    ----------
    winning, keeping : spend per prospect, and per customer and year
    won, kept : share of prospects won, share of customers kept a year
    value : of a customer, V
    equity : of a prospect
    marginal_winning, marginal_keeping : cost of one more customer won, and kept; None where nothing is spent
        and the law does not bind
    """

    winning: float
    keeping: float
    won: float
    kept: float
    value: float
    equity: float
    marginal_winning: float | None
    marginal_keeping: float | None


def customer_value(keeping: float, retention: Response, margin: float, rate: float) -> float:
    """V: a customer's margins to come, the first one included, less what keeping costs.

    >>> round(customer_value(0.0, Response(0.8, 1e9), margin=100.0, rate=0.10), 2)  # nobody stays unasked
    100.0
    """
    kept = retention.gained(keeping)
    return margin + (margin * kept - keeping) / (1 + rate - kept)


def balance(acquisition: Response, retention: Response, *, margin: float, rate: float = 0.10) -> Balance:
    """The spend at which winning, keeping and the value of a customer balance.

    Parameters
    ----------
    acquisition : share of prospects won by spend per prospect
    retention : share of customers kept a year by spend per customer
    margin : of a customer a year, before the cost of keeping
    rate : annual rate of discount

    Raises
    ------
    ParameterError : a ceiling is above one, or there is no margin.

    Examples
    --------
    >>> found = balance(Response(0.3, 0.1), Response(0.8, 0.05), margin=100.0)
    >>> abs(found.marginal_winning - found.value) < 1e-6, abs(found.marginal_keeping - found.value) < 1e-6
    (True, True)
    """
    arguments.share("rate", rate)
    if not margin > 0:
        raise ParameterError(
            f"margin = {margin}: a customer without a margin is not worth keeping or winning"
        )
    if acquisition.ceiling > 1 or retention.ceiling > 1:
        raise ParameterError("a ceiling is a share of prospects or customers, at most one")

    def excess(keeping: float) -> float:
        return retention.marginal(keeping) * customer_value(keeping, retention, margin, rate) - 1

    keeping = 0.0
    if excess(0.0) > 0:
        high = 1.0
        while excess(high) > 0:
            high *= 2
        keeping = float(brentq(excess, 0.0, high, xtol=1e-12, rtol=1e-14))
    value = customer_value(keeping, retention, margin, rate)
    winning = acquisition.spend_at(1 / value)
    won = acquisition.gained(winning)
    return Balance(
        winning, keeping, won, retention.gained(keeping), value, won * value - winning,
        1 / acquisition.marginal(winning) if winning else None,
        1 / retention.marginal(keeping) if keeping else None,
    )  # fmt: skip


def return_on_customer(profit: float, equity: float, equity_before: float) -> float:
    """Return on customer: (profit of the year + change of customer equity) / equity before.

    Peppers & Rogers (2005), Return on Customer. It is above the cost of capital where a firm creates value,
    and below zero where it earns by using up its customers.

    Raises
    ------
    ParameterError : the equity before was zero or negative, so that a ratio to it says nothing.

    >>> return_on_customer(50.0, 980.0, 1000.0)
    0.03
    """
    if not equity_before > 0:
        raise ParameterError(
            "the customer equity a year ago is not above zero, so no return on it can be told"
        )
    return (profit + equity - equity_before) / equity_before


def constant_retention_value(margin: float, retention: float, rate: float) -> float:
    """Value of a customer with the same margin and the same chance to stay each year: m r / (1 + i - r).

    Gupta, Lehmann & Stuart (2004), Valuing customers, Journal of Marketing Research 41(1), equation 3.

    >>> round(constant_retention_value(100.0, 0.8, 0.12), 1)
    250.0
    """
    return margin * retention / (1 + rate - retention)
