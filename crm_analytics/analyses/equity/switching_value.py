"""Lifetime value to each brand of customers that switch, and the market they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from crm_analytics.analyses import arguments
from crm_analytics.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]


def lifetime_values(
    now: ArrayLike,
    switching: ArrayLike,
    *,
    purchases_per_year: ArrayLike,
    years: float,
    rate: float,
    contribution: ArrayLike,
) -> Array:
    """Lifetime value of respondents to each brand: respondents x brands.

    Parameters
    ----------
    now : respondents x brands, chances of the next purchase (A)
    switching : respondents x brands x brands, or one matrix for all (M)
    purchases_per_year : of the category, one number or one per respondent (f)
    years : the horizon (H)
    rate : annual rate of discount (d)
    contribution : of a purchase to each brand, volume times contribution per unit

    Examples
    --------
    >>> value = lifetime_values([[0.8, 0.2]], [[0.8, 0.2], [0.3, 0.7]], purchases_per_year=2, years=3,
    ...                         rate=0.10, contribution=10)
    >>> value.round(4).tolist()
    [[40.3712, 20.5796]]
    """
    state = np.array(now, float)
    matrix = np.broadcast_to(np.asarray(switching, float), (len(state), state.shape[1], state.shape[1]))
    often = np.broadcast_to(np.asarray(purchases_per_year, float), (len(state),))
    last = np.floor(years * often + 1e-9)
    total = np.zeros_like(state)
    for t in range(int(last.max()) + 1):
        counts = (t <= last) * (1 + rate) ** (-t / often)
        total += counts[:, None] * state
        state = np.einsum("ij,ijk->ik", state, matrix)
    return total * np.asarray(contribution, float)


@dataclass(frozen=True, kw_only=True)
class Market:
    """What a choice is worth, and how many choose.

    Attributes
    ----------
    population : customers of the category
    purchases_per_year : of the category, by one of them
    contribution : of one purchase to a brand, money: one number, or one per brand
    years, rate : horizon, and annual rate of discount
    """

    population: float
    purchases_per_year: float
    contribution: float | tuple[float, ...]
    years: float = 3.0
    rate: float = 0.10

    def __post_init__(self) -> None:
        """Refuse what is no market."""
        arguments.amount("population", self.population)
        if not self.purchases_per_year > 0 or not self.years > 0:
            raise ParameterError("purchases_per_year and years must be above zero")
        arguments.share("rate", self.rate)


def ends(draws: Sequence[float] | Array, level: float = 0.95) -> tuple[float, float]:
    """The ends of an interval from draws.

    >>> ends([1.0, 2.0, 3.0], level=0.5)
    (1.5, 2.5)
    """
    low, high = np.quantile(np.asarray(draws, float), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
