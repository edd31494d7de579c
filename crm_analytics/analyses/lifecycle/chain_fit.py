"""The Pfeifer-Carraway chain of a base: chances of buying again by periods since the last purchase."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
from scipy.stats import chi2

from crm_analytics.analyses.intervals import Z95, wilson
from crm_analytics.analyses.lifecycle.chain import RecencyChain, Vector
from crm_analytics.analyses.lifecycle.chain_variance import clustered_variance, each_gap
from crm_analytics.analyses.plots import Plots
from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.tables.days import Span, forward, shift
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

MINIMUM_AT_RISK = 30  # customer-periods: below, the chance of a state says little
MOST_STATES = 26
STEP = 1e-4


@dataclass(frozen=True)
class FittedChain(ObjectCard):
    """The chain, what it was counted from, and what the states are worth.

    Attributes
    ----------
    chain : the fitted `RecencyChain`
    states : recency (periods since the last purchase), at_risk (customer-periods observed), bought,
        p, lower, upper (95 %, Wilson), value (the paper's: the purchase that led to state 1 counts in
        it), ahead, ahead_lower, ahead_upper (value still to come, money; delta method, customers as the
        draw: the periods of one customer are one case), expected_periods
        (until lapse), expected_purchases (that of state 1 included), customers (there now)
    by_history : recency, first_at_risk, first_bought, first_p (the last purchase was the first),
        repeat_at_risk, repeat_bought, repeat_p
    chi_square, degrees, p_value : test that recency alone is enough to know the chance (order of the chain)
    period_days, margin, spend_per_purchase, purchases : the settings and averages used
    beyond : customers silent for longer than the last state
    """

    chain: RecencyChain
    states: pd.DataFrame
    by_history: pd.DataFrame
    chi_square: float
    degrees: int
    p_value: float
    period_days: int
    margin: float
    spend_per_purchase: float
    purchases: int
    beyond: int

    plot = Plots("crm_analytics.analyses.lifecycle.pictures", "ahead", "returning")

    @cached_property
    def rules(self) -> pd.DataFrame:
        """The stopping rules of the chain: stop_at, value, best."""
        return self.chain.stopping_rules()

    @property
    def stop_worth_it(self) -> int | None:
        """The best recency to stop contact at, if that is worth 1 % of a customer's value or more."""
        best = self.rules.loc[self.rules["best"]].iloc[0]
        gain = best["value"] - self.rules["value"].iloc[-1]
        return int(best["stop_at"]) if gain >= 0.01 * abs(best["value"]) else None

    @property
    def recency_is_enough(self) -> bool:
        """Whether the data do not contradict a chain that knows only the last purchase (5 %)."""
        return self.p_value >= 0.05

    @property
    def ahead_by_best_rule(self) -> float:
        """Value to come of a customer who just bought, where contact ends at the best recency."""
        best = self.rules.loc[self.rules["best"]].iloc[0]
        return float(best["value"]) - self.chain.contribution

    @property
    def stops(self) -> tuple[int, int] | None:
        """Best recency to stop contact at, after a first and after a later purchase; None if unknown.

        A first-time buyer who buys becomes a repeat buyer; so the repeat buyers' chain is valued first, and
        the first-time buyers' by going backwards from the last recency: contact goes on as long as it brings
        more than it costs.
        """
        known = self.by_history.dropna()
        thick = (known[["first_at_risk", "repeat_at_risk"]] >= MINIMUM_AT_RISK).all(axis=1).cummin()
        known = known[thick]
        if known.empty:
            return None
        chain = self.chain
        repeat = replace(chain, p=tuple(float(p) for p in known["repeat_p"]))
        again = float(repeat.stopping_rules()["value"].max())
        worth, stop = 0.0, len(known) + 1
        for state, p in reversed(list(enumerate(known["first_p"], start=1))):
            went_on = (p * again + (1 - p) * worth) / (1 + chain.discount) - chain.mailing_cost
            if went_on <= 0:
                stop = state
            worth = max(0.0, went_on)
        return stop, repeat.best_stop()

    def customers_from(self, state: int) -> int:
        """Customers who stand at a recency or later, today."""
        return int(self.states.loc[self.states["recency"] >= state, "customers"].sum()) + self.beyond


def fit_chain(
    base: CustomerBase,
    *,
    margin: float,
    contact_cost: float,
    every: Span = "4w",
    rate: float = 0.15,
    longest: int = MOST_STATES,
) -> FittedChain:
    """Count how customers of each recency bought in the following period, over the whole history.

    Parameters
    ----------
    margin : share of revenue left after the cost of goods, 0..1
    contact_cost : cost of keeping in touch with a customer for a period, money
    every : length of a period, e.g. ``"4w"``; counted back from the day of the base
    rate : annual effective rate of discount
    longest : states at most; they end earlier where fewer than `MINIMUM_AT_RISK` were seen

    Raises
    ------
    NotEnoughData : fewer than `MINIMUM_AT_RISK` purchases with a whole period after them.
    ParameterError : a setting is out of range.
    """
    _check_settings(margin, contact_cost, rate, longest)
    length = (shift(base.day, forward(every)) - base.day).days
    bought = base.materialise(_periods(base, length))
    gaps = _gaps(base, bought)
    states = hazards(gaps)
    states = states[(states["at_risk"] >= MINIMUM_AT_RISK).cummin() & (states["recency"] <= longest)]
    if states.empty:
        have = int(gaps.loc[gaps["gap"] > 0, "n"].sum())
        unit = f"purchases with {every} after them"
        raise NotEnoughData("The chain of buying again", have, MINIMUM_AT_RISK, unit)
    mean, purchases = _spend(bought)
    chain = RecencyChain(
        tuple(float(p) for p in states["p"]),
        margin * mean,
        contact_cost,
        (1 + rate) ** (length / 365.25) - 1,
    )
    history, statistic, degrees, p_value = _order_test(gaps, len(states))
    standing = gaps[gaps["open"]].groupby("gap")["n"].sum()
    return FittedChain(
        chain,
        _valued(
            base, bought, states, chain, margin=margin, mean=mean, purchases=purchases, standing=standing
        ),
        history,
        statistic,
        degrees,
        p_value,
        length,
        margin,
        mean,
        purchases,
        int(standing[standing.index >= len(states)].sum()),
    )


def _check_settings(margin: float, contact_cost: float, rate: float, longest: int) -> None:
    if not 0 < margin <= 1:
        raise ParameterError(f"margin is a share of revenue above 0 and up to 1, got {margin}")
    if contact_cost < 0 or rate < 0 or longest < 1:
        raise ParameterError("contact_cost and rate are zero or more, longest at least 1")


def _periods(base: CustomerBase, length: int) -> ir.Table:
    """One row per customer and period with a purchase: customer_id, back (0: the last period), spend."""
    days = base.exact_occasions
    back = ibis.literal(base.day).delta(days.day, unit="day").cast("int64") // length
    return days.mutate(back=back).group_by("customer_id", "back").aggregate(spend=days.spend.sum())


def _gaps(base: CustomerBase, bought: ir.Table) -> pd.DataFrame:
    """Periods from one purchase to the next, counted: gap, open (none followed yet), first, n."""
    gaps = each_gap(bought)
    counted = gaps.group_by("gap", "open", "first").aggregate(n=gaps.count())
    return base.collect(counted.order_by("gap", "open", "first"))


def hazards(gaps: pd.DataFrame) -> pd.DataFrame:
    """Chance of a purchase by periods since the last: recency, at_risk, bought, p, lower, upper.

    Parameters
    ----------
    gaps : gap (periods to the next purchase, or observed without one), open (no purchase followed), n

    >>> hazards(pd.DataFrame({"gap": [1, 2, 2], "open": [False, False, True], "n": [3, 2, 5]})).p.tolist()
    [0.3, 0.2857142857142857]
    """
    last = int(gaps["gap"].max()) if len(gaps) else 0
    rows = []
    for recency in range(1, last + 1):
        exposed = gaps[gaps["gap"] >= recency]
        n = int(exposed["n"].sum())
        k = int(exposed.loc[(exposed["gap"] == recency) & ~exposed["open"], "n"].sum())
        rows.append((recency, n, k, k / n, *wilson(k, n)))
    return pd.DataFrame(rows, columns=["recency", "at_risk", "bought", "p", "lower", "upper"])


def _spend(bought: ir.Table) -> tuple[float, int]:
    """Mean of what a customer spends in a period with a purchase, and how many of these."""
    row = bought.aggregate(n=bought.count(), total=bought.spend.sum()).to_pyarrow().to_pylist()[0]
    return float(row["total"]) / int(row["n"]), int(row["n"])


def _valued(
    base: CustomerBase,
    bought: ir.Table,
    states: pd.DataFrame,
    chain: RecencyChain,
    *,
    margin: float,
    mean: float,
    purchases: int,
    standing: pd.Series,
) -> pd.DataFrame:
    """Values with intervals: the delta method over the chances and the mean contribution."""
    value = chain.value()[:-1]
    first = np.arange(len(value)) == 0  # the purchase just made is in the value and not to come
    gradient = np.empty((len(value), len(value)))  # state, chance
    for i, p in enumerate(states["p"]):
        step = STEP if p + STEP <= 1 else -STEP
        moved = replace(chain, p=tuple(q + step * (j == i) for j, q in enumerate(chain.p)))
        gradient[:, i] = (moved.value()[:-1] - value) / step
    by_money = margin * (_slope(chain) - first)
    variance = clustered_variance(
        base, bought, states, gradient, by_money=by_money, mean=mean, purchases=purchases
    )
    half, ahead = Z95 * np.sqrt(variance), value - first * chain.contribution
    here = standing.groupby(standing.index + 1).sum()  # who bought in the last period has recency 1
    table = states.assign(value=value, ahead=ahead, ahead_lower=ahead - half, ahead_upper=ahead + half)
    try:
        stays = chain.fundamental
        table["expected_periods"], table["expected_purchases"] = stays.sum(axis=1), stays[:, 0]
    except ParameterError:  # everybody always came back: no end to count
        table["expected_periods"] = table["expected_purchases"] = math.inf
    table["customers"] = [int(here.get(r, 0)) for r in table["recency"]]
    return table.round({c: 9 for c in table if table[c].dtype == "float64"})


def _slope(chain: RecencyChain) -> Vector:
    """How the values change with the contribution: they are linear in it."""
    moved = replace(chain, contribution=chain.contribution + 1)
    return moved.value()[:-1] - chain.value()[:-1]


def _order_test(gaps: pd.DataFrame, states: int) -> tuple[pd.DataFrame, float, int, float]:
    """Chi-square over the states: do first-time buyers come back as often as others of the same recency?"""
    parts = {
        name: hazards(gaps[gaps["first"] == first]) for name, first in (("first", True), ("repeat", False))
    }
    table = pd.DataFrame({"recency": range(1, states + 1)})
    for name, part in parts.items():
        own = part.rename(columns={c: f"{name}_{c}" for c in ("at_risk", "bought", "p")})
        table = table.merge(
            own[["recency", f"{name}_at_risk", f"{name}_bought", f"{name}_p"]], on="recency", how="left"
        )
    total, degrees = 0.0, 0
    for row in table.dropna().itertuples(index=False):
        n = np.array([row.first_at_risk, row.repeat_at_risk], dtype=float)
        k = np.array([row.first_bought, row.repeat_bought], dtype=float)
        p = k.sum() / n.sum()
        if (n * min(p, 1 - p)).min() < 5:
            continue  # too few to be judged by a chi-square
        total += float(((k - n * p) ** 2 / (n * p * (1 - p))).sum())
        degrees += 1
    return table, total, degrees, float(chi2.sf(total, degrees)) if degrees else 1.0
