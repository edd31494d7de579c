"""What spending gains: curves that flatten, and where one more coin gains a given amount."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy.optimize import minimize

from crm_analytics.errors import DataError, ParameterError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

TYPICAL_BEND, BEND_SPREAD = 0.0, 0.8  # log of pace x spend, before the tests: its mean and spread


class Curve(Protocol):
    """Anything that spending gains, with falling marginal gain."""

    def gained(self, spend: float) -> float:
        """Gain at a spend."""

    def marginal(self, spend: float) -> float:
        """Gain of one more coin at a spend."""

    def spend_at(self, marginal: float) -> float:
        """The largest spend at which one more coin still gains this much; 0 where none does."""


@dataclass(frozen=True)
class Response:
    """Gain = ceiling x (1 - exp(-pace x spend)): the curve of Blattberg & Deighton.

    Blattberg & Deighton (1996), Manage marketing by the customer equity test, Harvard Business Review 74(4),
    136-144: a manager says what is reached at today's spend and what could be reached at most.

    >>> mail = Response.through(spend=100.0, reached=30.0, ceiling=60.0)
    >>> round(mail.gained(100.0), 6), round(mail.gained(200.0), 6), round(mail.marginal(0.0), 4)
    (30.0, 45.0, 0.4159)
    """

    ceiling: float
    pace: float

    def __post_init__(self) -> None:
        """Refuse a curve that does not rise or never flattens."""
        if not (self.ceiling >= 0 and self.pace > 0 and math.isfinite(self.ceiling * self.pace)):
            raise ParameterError("a response needs a ceiling of zero or more and a pace above zero")

    @classmethod
    def through(cls, spend: float, reached: float, ceiling: float) -> Response:
        """The curve that reaches `reached` at `spend` and ends at `ceiling`.

        Raises
        ------
        ParameterError : nothing is spent, or the ceiling is not above what is reached.
        """
        if not (spend > 0 and 0 < reached < ceiling):
            raise ParameterError(
                "a curve needs a spend above zero, and a ceiling above what is reached with it"
            )
        return cls(ceiling, -math.log1p(-reached / ceiling) / spend)

    @classmethod
    def measured(cls, spend: ArrayLike, gained: ArrayLike, error: ArrayLike, typical: float) -> Response:
        """The curve through results of tests, weighted by their errors.

        One test does not tell how fast a curve flattens; the bend, pace x typical spend, then comes from what
        is usual (around 1, between a fifth and five), and gives way to the tests as they get sharper.

        Parameters
        ----------
        spend, gained, error : of each test, the spend, what it gained against none, and the standard error
        typical : spend of a usual period

        Raises
        ------
        DataError : no test with a spend above zero and an error.
        """
        s, g, e = (np.atleast_1d(np.asarray(x, float)) for x in (spend, gained, error))
        keep = (s > 0) & np.isfinite(g) & (e > 0)
        if not keep.any() or not typical > 0:
            raise DataError("a response curve needs a test with a spend and a standard error above zero")
        s, g, w = s[keep], g[keep], 1 / e[keep] ** 2

        def best_ceiling(bend: float) -> tuple[float, float]:
            shape = 1 - np.exp(-math.exp(bend) / typical * s)
            ceiling = max(float((w * shape * g).sum() / (w * shape**2).sum()), 0.0)
            loss = float((w * (g - ceiling * shape) ** 2).sum()) / 2
            return ceiling, loss + ((bend - TYPICAL_BEND) / BEND_SPREAD) ** 2 / 2

        found = minimize(lambda b: best_ceiling(float(b[0]))[1], [TYPICAL_BEND], method="Nelder-Mead")
        bend = float(found.x[0])
        return cls(best_ceiling(bend)[0], math.exp(bend) / typical)

    def gained(self, spend: float) -> float:
        """Gain at a spend."""
        return -self.ceiling * math.expm1(-self.pace * spend)

    def marginal(self, spend: float) -> float:
        """Gain of one more coin at a spend."""
        return self.ceiling * self.pace * math.exp(-self.pace * spend)

    def spend_at(self, marginal: float) -> float:
        """The spend at which one more coin gains this much; 0 where even the first gains less."""
        first = self.ceiling * self.pace
        return math.log(first / marginal) / self.pace if first > marginal else 0.0


@dataclass(frozen=True, eq=False)
class Ladder:
    """Gain of contacting customers one group after another, the most rewarding first.

    Attributes
    ----------
    each : gain per contact of each group, falling
    contacts : customers of each group
    cost : of one contact
    """

    each: Array
    contacts: Array
    cost: float

    def __post_init__(self) -> None:
        """Refuse groups out of order and contacts for free."""
        if not self.cost > 0:
            raise ParameterError("a contact needs a cost above zero")
        if np.any(np.diff(self.each) > 1e-12 * max(1.0, float(np.abs(self.each).max(initial=0)))):
            raise ParameterError("the groups stand in falling order of what a contact gains")

    def gained(self, spend: float) -> float:
        """Gain at a spend."""
        reached = np.clip(spend / self.cost - np.r_[0.0, np.cumsum(self.contacts)[:-1]], 0, self.contacts)
        return float(reached @ self.each)

    def marginal(self, spend: float) -> float:
        """Gain of one more coin at a spend."""
        done = np.cumsum(self.contacts) * self.cost
        left = np.flatnonzero(done > spend * (1 + 1e-12))
        return float(self.each[left[0]] / self.cost) if len(left) else 0.0

    def spend_at(self, marginal: float) -> float:
        """The spend down to which each coin gains at least this much."""
        return float(self.contacts[self.each / self.cost >= marginal].sum() * self.cost)
