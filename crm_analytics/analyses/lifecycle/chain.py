"""The Markov chain of a customer relationship: value per recency state and when to stop mailing.

Source: P. E. Pfeifer and R. L. Carraway (2000), "Modeling Customer Relationships as Markov Chains",
*Journal of Interactive Marketing* 14(2), 43-55. State r means that the last purchase lies r periods
back; from it a customer buys with `p[r - 1]` (back to state 1) or slips to r + 1; the state past the last
is "lapsed" and ends it. Rewards: a purchase is worth `contribution`, each state mailed costs `mailing_cost`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.errors import ParameterError
from crm_analytics.tables.object_cards import ObjectCard

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class RecencyChain(ObjectCard):
    """A relationship that is kept up for `len(p)` periods without a purchase, then given up.

    Parameters
    ----------
    p : chance of a purchase in the next period, by periods since the last purchase (1, 2, ...), 0..1
    contribution : what a purchase leaves before mailing (the paper's NC), money
    mailing_cost : cost of keeping up the relationship for a period (M), money
    discount : rate a period (d), e.g. 0.2

    Raises
    ------
    ParameterError : a chance outside 0..1, no state, a negative rate or cost.

    Examples
    --------
    The paper's Jane Doe:

    >>> chain = RecencyChain((0.3, 0.2, 0.15, 0.05), contribution=40, mailing_cost=4, discount=0.2)
    >>> [round(float(v), 3) for v in chain.value()]
    [52.32, 5.554, 1.251, -1.82, 0.0]
    >>> chain.best_stop()
    4
    """

    p: Sequence[float]
    contribution: float
    mailing_cost: float
    discount: float

    def __post_init__(self) -> None:
        if not len(self.p) or not all(0 <= share <= 1 for share in self.p):
            raise ParameterError(f"p needs at least one chance of buying, each 0..1, got {list(self.p)}")
        if not (np.isfinite(self.contribution) and np.isfinite(self.mailing_cost)) or self.mailing_cost < 0:
            raise ParameterError("contribution and mailing_cost must be amounts, the cost not below zero")
        if not 0 <= self.discount < float("inf"):
            raise ParameterError(f"discount must be a rate a period of zero or more, got {self.discount}")

    @cached_property
    def matrix(self) -> Vector:
        """P: chances between the states 1..n and lapsed; every row sums to one (eq. 1)."""
        n = len(self.p)
        moves = np.zeros((n + 1, n + 1))
        for state, share in enumerate(self.p):
            moves[state, 0] += share
            moves[state, state + 1] += 1 - share
        moves[n, n] = 1.0
        return moves

    @cached_property
    def reward(self) -> Vector:
        """R: what a period in each state brings, ``(NC - M, -M, ..., -M, 0)``, money."""
        gains = np.full(len(self.p) + 1, -float(self.mailing_cost))
        gains[0] += self.contribution
        gains[-1] = 0.0
        return gains

    def value(self, periods: int | None = None) -> Vector:
        """Expected present value of a customer now in each state, lapsed last; money.

        ``sum over t = 0..periods of [P / (1 + d)]^t R``; without `periods` for ever,
        ``[I - P / (1 + d)]^-1 R``. The purchase that brought a customer to state 1 is counted in it.
        """
        if periods is not None:
            if periods < 0:
                raise ParameterError(f"periods must be zero or more, got {periods}")
            total = self.reward.copy()
            for _ in range(periods):
                total = self.reward + self.matrix @ total / (1 + self.discount)
            return total
        n = len(self.p)
        left = np.eye(n) - self.matrix[:n, :n] / (1 + self.discount)
        return np.append(_solve(left, self.reward[:n]), 0.0)

    @cached_property
    def fundamental(self) -> Vector:
        """N = (I - Q)^-1: expected periods spent in each state (columns) from each state (rows).

        The row sums are the expected periods until lapse; the first column is the expected number of
        purchases, today's included for state 1.

        Raises
        ------
        ParameterError : nobody ever lapses from some state, so the sums are infinite.
        """
        n = len(self.p)
        return _solve(np.eye(n) - self.matrix[:n, :n], np.eye(n))

    def stop_at(self, state: int) -> RecencyChain | None:
        """The same relationship given up on reaching `state`; None where it is given up at once."""
        if not 1 <= state <= len(self.p) + 1:
            raise ParameterError(f"stop_at takes a state from 1 to {len(self.p) + 1}, got {state}")
        if state == 1:
            return None
        return RecencyChain(self.p[: state - 1], self.contribution, self.mailing_cost, self.discount)

    def stopping_rules(self) -> pd.DataFrame:
        """What each stopping rule is worth: one row per rule.

        Columns: stop_at (periods since the last purchase at which mailing ends; n + 1: as the chain
        stands), value (of a customer who has just bought, that purchase included), best (bool).
        """
        values = [float(self.contribution)]  # given up at once: the purchase just made and no more
        for state in range(2, len(self.p) + 2):
            kept = self.stop_at(state)
            values.append(float(kept.value()[0]) if kept else values[0])
        best = max(range(len(values)), key=lambda i: (round(values[i], 9), -i))
        return pd.DataFrame(
            {
                "stop_at": range(1, len(values) + 1),
                "value": values,
                "best": [i == best for i in range(len(values))],
            }
        )

    def best_stop(self) -> int:
        """The state at which to give up for the highest value; of equal rules the earliest."""
        rules = self.stopping_rules()
        return int(rules.loc[rules["best"], "stop_at"].iloc[0])


def _solve(left: Vector, right: Vector) -> Vector:
    try:
        found = np.asarray(np.linalg.solve(left, right), dtype=np.float64)
    except np.linalg.LinAlgError:
        found = np.full_like(right, np.inf)
    if not np.isfinite(found).all() or abs(np.linalg.det(left)) < 1e-12:
        raise ParameterError("nobody ever lapses in this chain and nothing is discounted: no finite value")
    return found
