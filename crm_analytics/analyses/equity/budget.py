"""One budget over channels and retention: what to spend next quarter, from effects that were measured.

Each lever has a curve of what its spend gains, measured by tests against people or regions that were held
back, and the value of what is gained. The best plan gives every lever its money down to the point where one
more coin gains the same everywhere, and nowhere less than one coin. A lever whose effect was never measured
gets no new plan: credit for sales tells who was near a sale, not what caused it. It gets a test instead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from crm_analytics.analyses import arguments
from crm_analytics.analyses.equity.response_curve import Curve, Response
from crm_analytics.errors import DataError, ParameterError
from crm_analytics.tables.object_cards import ObjectCard

CERTAINTY = 2.8  # standard errors between no effect and an effect that is found in four of five tests
QUARTER = 13  # weeks
LONGEST_TEST = 26  # weeks
WIN, KEEP = "win", "keep"


@dataclass(frozen=True, eq=False)
class Lever(ObjectCard):
    """Something money can be spent on, whose effect was measured.

    Attributes
    ----------
    name : channel, or what is done to keep customers
    kind : "win" or "keep"
    spend_now : a quarter
    curve : what a quarter's spend gains: customers, or money where `value` is 1
    value : margin that one of those gained will bring, money
    value_error : standard error of it
    tests : spend, gained, error of each test; empty where the curve was measured otherwise
    gain_error : standard error of all gains as a share of them, where there are no tests
    """

    name: str
    kind: str
    spend_now: float
    curve: Curve
    value: float = 1.0
    value_error: float = 0.0
    tests: pd.DataFrame = field(default_factory=pd.DataFrame)
    gain_error: float = 0.0

    @classmethod
    def of_tests(  # noqa: PLR0917
        cls, name: str, kind: str, spend_now: float, tests: pd.DataFrame, value: float,
        value_error: float = 0.0,
    ) -> Lever:  # fmt: skip
        """A lever whose curve goes through the results of tests: spend, gained, error."""
        arguments.amount("spend_now", spend_now)
        typical = spend_now or float(tests["spend"].max())
        curve = Response.measured(tests["spend"], tests["gained"], tests["error"], typical)
        return cls(name, kind, spend_now, curve, value, value_error, tests)

    def gained(self, spend: float) -> float:
        """Money that a spend gains, before its cost."""
        return self.value * self.curve.gained(spend)

    def drawn(self, chance: np.random.Generator) -> tuple[Curve, float]:
        """A curve and a value as they might as well have been measured."""
        value = max(self.value + self.value_error * chance.normal(), 0.0)
        if self.tests.empty:
            return self.curve, value * max(1 + self.gain_error * chance.normal(), 0.0)
        moved = self.tests["gained"] + self.tests["error"] * chance.normal(size=len(self.tests))
        typical = self.spend_now or float(self.tests["spend"].max())
        return Response.measured(self.tests["spend"], moved, self.tests["error"], typical), value


@dataclass(frozen=True)
class Unmeasured:
    """Something money is spent on, whose effect nobody measured.

    Attributes
    ----------
    name : channel
    spend_now : a quarter
    credited : customers that are credited to it a quarter; for comparison only
    """

    name: str
    spend_now: float
    credited: float = 0.0


@dataclass(frozen=True)
class Test:
    """The test that would measure a lever: it is switched off for half of all regions or people.

    Attributes
    ----------
    name : channel
    weeks : after which a channel that pays for itself is found in four of five tests; None where that takes
        more than half a year, or the value of a customer is not known
    break_even : customers a quarter that it must win to pay for itself; None where their value is not known
    """

    __test__ = False  # for pytest: a test in a market is no test of code

    name: str
    weeks: int | None
    break_even: float | None


@dataclass(frozen=True, eq=False)
class Plan(ObjectCard):
    """Next quarter's spend.

    Attributes
    ----------
    table : lever, kind, spend_now, spend, lower, upper (95 %), gain (money), gain_lower, gain_upper,
        next_coin (what one more coin gains); empty where nothing was measured
    budget : what there was to spend on the measured levers
    unspent : of it, because one more coin gains less than one coin anywhere
    profit, profit_lower, profit_upper : gains less spend
    tests : proposed for levers whose effect was not measured
    refusal : why there is no plan; empty where there is one
    """

    table: pd.DataFrame
    budget: float
    unspent: float
    profit: float | None
    profit_lower: float | None
    profit_upper: float | None
    tests: tuple[Test, ...]
    refusal: str = ""


COLUMNS = ("lever", "kind", "spend_now", "spend", "lower", "upper", "gain", "gain_lower", "gain_upper",
           "next_coin")  # fmt: skip


def allocate(curves: Sequence[Curve], values: Sequence[float], budget: float) -> list[float]:
    """The spend on each curve that gains most, at most `budget` in total, no coin for less than a coin.

    >>> allocate([Response(100.0, 0.01), Response(100.0, 0.01)], [2.0, 2.0], 60.0)
    [30.0, 30.0]
    """

    def spends(marginal: float) -> list[float]:
        return [c.spend_at(marginal / v) if v > 0 else 0.0 for c, v in zip(curves, values, strict=True)]

    found = spends(1.0)
    if sum(found) <= budget:
        return found
    low, high = 1.0, 2.0
    while sum(spends(high)) > budget:
        high *= 2
    for _ in range(200):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if sum(spends(middle)) > budget else (low, middle)
    found, above = spends(high), spends(low)
    left = budget - sum(found)
    for k, (some, more) in enumerate(zip(found, above, strict=True)):  # a group of customers in part
        step = min(left, max(more - some, 0.0))
        found[k], left = some + step, left - step
    return [round(x, 9) for x in found]


def plan(
    levers: Sequence[Lever],
    unmeasured: Sequence[Unmeasured] = (),
    *,
    budget: float | None = None,
    customers_per_week: float = 0.0,
    customer_value: float | None = None,
    draws: int = 200,
    seed: int = 1,
) -> Plan:
    """Plan next quarter's spend over the measured levers, and propose tests for the others.

    Parameters
    ----------
    budget : of the measured levers; by default what is spent on them now
    customers_per_week : new customers of the firm, for the length of the tests
    customer_value : margin that a new customer brings, for what a channel must win
    draws, seed : of the intervals

    Raises
    ------
    ParameterError : a negative budget, or two levers of one name.
    """
    names = [*(one.name for one in levers), *(one.name for one in unmeasured)]
    if len(set(names)) < len(names):
        raise ParameterError("two levers have the same name")
    if budget is not None:
        arguments.amount("budget", budget)
    tests = tuple(proposal(one, customers_per_week, customer_value) for one in unmeasured)
    if not levers:
        why = "no effect was measured" if unmeasured else "nothing is known of what money is spent on"
        return Plan(pd.DataFrame(columns=list(COLUMNS)), budget or 0.0, 0.0, None, None, None, tests, why)
    total = sum(one.spend_now for one in levers) if budget is None else budget
    best = allocate([one.curve for one in levers], [one.value for one in levers], total)
    chance = np.random.default_rng(seed)
    spent, gains = np.zeros((draws, len(levers))), np.zeros((draws, len(levers)))
    for d in range(draws):
        drawn = [one.drawn(chance) for one in levers]
        spent[d] = allocate([c for c, _ in drawn], [v for _, v in drawn], total)
        gains[d] = [v * c.gained(s) for (c, v), s in zip(drawn, best, strict=True)]
    low, high = np.quantile(spent, [0.025, 0.975], axis=0)
    gain_low, gain_high = np.quantile(gains, [0.025, 0.975], axis=0)
    rows = [
        (one.name, one.kind, one.spend_now, s, low[k], high[k], one.gained(s), gain_low[k], gain_high[k],
         one.value * one.curve.marginal(s))
        for k, (one, s) in enumerate(zip(levers, best, strict=True))
    ]  # fmt: skip
    profits = np.quantile(gains.sum(axis=1) - sum(best), [0.025, 0.975])
    profit = sum(one.gained(s) for one, s in zip(levers, best, strict=True)) - sum(best)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return Plan(
        table, total, max(total - sum(best), 0.0), profit, float(profits[0]), float(profits[1]), tests
    )


def proposal(lever: Unmeasured, customers_per_week: float, customer_value: float | None) -> Test:
    """The test that would measure a lever.

    It is switched off for half of all regions or people, drawn by lot. New customers of both halves are
    counted; their difference has a standard error of the root of all new customers.
    """
    if not customer_value or customer_value <= 0 or not lever.spend_now > 0:
        return Test(lever.name, None, None)
    needed = lever.spend_now / customer_value
    if not customers_per_week > 0:
        return Test(lever.name, None, needed)
    weeks = (CERTAINTY * 2 * QUARTER * math.sqrt(customers_per_week) / needed) ** 2
    return Test(lever.name, max(2, math.ceil(weeks)) if weeks <= LONGEST_TEST else None, needed)


def read_tests(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Results of tests by lever, checked.

    Parameters
    ----------
    frame : channel, spend (a quarter, in full), gained (customers a quarter against none), error (standard)

    Raises
    ------
    DataError : a column is missing, or a number is not one.
    """
    needed = ["channel", "spend", "gained", "error"]
    missing = [name for name in needed if name not in frame.columns]
    if missing:
        raise DataError(f"the results of tests need the columns {', '.join(needed)}; missing: {missing[0]}")
    numbers = frame[needed[1:]].apply(pd.to_numeric, errors="coerce")
    bad = numbers.isna().any(axis=1) | (numbers["spend"] <= 0) | (numbers["error"] <= 0)
    if bad.any():
        raise DataError(
            f"row {int(np.flatnonzero(bad)[0]) + 1} of the results of tests: spend and error are numbers "
            "above zero, and gained is a number"
        )
    given = numbers.assign(channel=frame["channel"].astype(str))
    return {str(name): part[needed[1:]].reset_index(drop=True) for name, part in given.groupby("channel")}
