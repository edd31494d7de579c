"""How well a score tells whom a campaign moves: Qini curve, its coefficient and AUUC, with intervals.

Members are ranked by the score, the highest first, whatever their arm. After a share of them the campaign
has gained what the treated brought less what the controls brought, scaled to as many members as the treated.
Members of equal score are taken pro rata, so that the order of the rows changes nothing.

Sources: Radcliffe (2007), "Using control groups to target on predicted lift", Direct Marketing Analytics
Journal, 14-21; Devriendt, Van Belle, Guns & Verbeke (2022), "Learning to rank for uplift modeling", IEEE
Transactions on Knowledge and Data Engineering 34, 4888-4904 (the kinds of curves and what sets them apart).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from crm_analytics.analyses import arguments
from crm_analytics.analyses.plots import Plots
from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.tables.object_cards import ObjectCard

Array = NDArray[np.float64]
SHARES = np.linspace(0.0, 1.0, 101)
TIES = 1e-12  # of the largest score: what differs by less is equal
GROUPS = 2_000  # of neighbours in score, kept for the curve of a large base


@dataclass(frozen=True)
class Qini(ObjectCard):
    """A ranking of members by what contacting them brings.

    Attributes
    ----------
    curve : share (of members contacted, best first), gained (outcome a treated member of all, brought by
        contacting that share), lower, upper, random (the same by contacting blindly)
    coefficient, lower, upper : area between the curve and the blind one; 0 for a score that knows nothing
    auuc, auuc_lower, auuc_upper : area under the curve
    members, customers : it was measured on
    level : of the intervals; they take customers as the draw and the score as given
    """

    curve: pd.DataFrame
    coefficient: float
    lower: float
    upper: float
    auuc: float
    auuc_lower: float
    auuc_upper: float
    members: int
    customers: int
    level: float

    plot = Plots("crm_analytics.analyses.campaigns.pictures", "curve")

    @property
    def is_clear(self) -> bool:
        """Whether the ranking is better than contacting blindly: the interval lies above zero."""
        return self.lower > 0


def qini(
    y: ArrayLike,
    treated: ArrayLike,
    score: ArrayLike,
    customers: ArrayLike | None = None,
    *,
    level: float = 0.95,
    draws: int = 200,
    seed: int = 1,
) -> Qini:
    """Qini curve of a score.

    Parameters
    ----------
    y : the outcome of each member (0/1, orders or money)
    treated : 0/1
    score : higher = contacted first
    customers : who each member is; customers in several campaigns are resampled as one. Default: all differ
    draws : bootstrap samples of the customers

    Raises
    ------
    ParameterError : lengths differ, a value is missing, or `treated` is neither 0 nor 1.
    NotEnoughData : fewer than two members in an arm.

    Examples
    --------
    >>> y, treated = [1, 0, 0, 0], [1, 0, 1, 0]
    >>> found = qini(y * 20, treated * 20, [0.9, 0.9, 0.1, 0.1] * 20)  # whoever has .9 buys where treated
    >>> float(found.curve["gained"].iloc[50]), round(found.coefficient, 3)
    (0.5, 0.125)
    """
    arguments.level(level)
    outcome, arm, rank = _checked(y, treated, score)
    group, groups = _groups(rank)
    names = np.arange(len(rank)) if customers is None else np.asarray(customers)
    order, who = np.unique(names, return_inverse=True)
    columns = np.column_stack([arm, 1 - arm, arm * outcome, (1 - arm) * outcome])
    row_order = np.lexsort((outcome, arm, group, who))  # sums must not know the order of the rows
    group, who, columns = group[row_order], who[row_order], columns[row_order]

    def curve(weight: Array | None) -> Array:
        weighted = columns if weight is None else columns * weight[who][:, None]
        summed = [np.bincount(group, weighted[:, i], groups).astype(np.float64) for i in range(4)]
        return _gained(summed)

    middle = curve(None)
    drawn = _resampled(curve, len(order), draws, seed)
    areas = np.array([_areas(c) for c in (middle, *drawn)])
    tail = (1 - level) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    area_low, area_high = np.quantile(areas[1:], [tail, 1 - tail], axis=0)
    table = pd.DataFrame(
        {"share": SHARES, "gained": middle, "lower": low, "upper": high, "random": SHARES * middle[-1]}
    )
    return Qini(
        curve=table,
        coefficient=float(areas[0, 0]),
        lower=float(area_low[0]),
        upper=float(area_high[0]),
        auuc=float(areas[0, 1]),
        auuc_lower=float(area_low[1]),
        auuc_upper=float(area_high[1]),
        members=len(rank),
        customers=len(order),
        level=level,
    )


def _checked(y: ArrayLike, treated: ArrayLike, score: ArrayLike) -> tuple[Array, Array, Array]:
    outcome, arm, rank = (np.asarray(x, dtype=float) for x in (y, treated, score))
    if not outcome.shape == arm.shape == rank.shape or rank.ndim != 1:
        raise ParameterError(
            f"outcome, treated and score must be of equal length, got {len(outcome)}, {len(arm)}, {len(rank)}"
        )
    if not all(np.isfinite(x).all() for x in (outcome, arm, rank)):
        raise ParameterError("an outcome, an arm or a score is missing or infinite")
    if not np.isin(arm, (0.0, 1.0)).all():
        raise ParameterError("treated must be 0 or 1")
    if min(arm.sum(), len(arm) - arm.sum()) < 2:
        raise NotEnoughData("a Qini curve", int(min(arm.sum(), len(arm) - arm.sum())), 2, "members an arm")
    return outcome, arm, rank


def _groups(rank: Array) -> tuple[NDArray[np.int64], int]:
    """The place of each member's score from the highest down; at most `GROUPS` of neighbours.

    Scores that differ by less than the rounding of their arithmetic are equal: .3 - .1 is .2.
    """
    order = np.argsort(-rank, kind="stable")
    steps = -np.diff(rank[order]) > TIES * max(float(np.abs(rank).max()), np.finfo(float).tiny)
    place = np.empty(len(rank), dtype=np.int64)
    place[order] = np.concatenate([[0], np.cumsum(steps)])
    count = np.bincount(place)
    if len(count) > GROUPS:
        place = ((np.cumsum(count) - 1) * GROUPS // len(rank))[place]
    return place.astype(np.int64), int(place.max()) + 1


def _gained(summed: list[Array]) -> Array:
    """The curve at `SHARES`, from treated, controls and their outcomes by group of equal scores."""
    sums = [np.concatenate([[0.0], np.cumsum(x)]) for x in summed]
    reached = (sums[0] + sums[1]) / (sums[0][-1] + sums[1][-1])
    n_t, n_c, y_t, y_c = (np.interp(SHARES, reached, x) for x in sums)
    ratio = np.divide(n_t, n_c, out=np.zeros_like(n_t), where=n_c > 0)
    return np.asarray((y_t - y_c * ratio) / sums[0][-1])


def _areas(curve: Array) -> tuple[float, float]:
    area = float(np.trapezoid(curve, SHARES))
    return area - float(curve[-1]) / 2, area


def _resampled(curve: Callable[[Array | None], Array], customers: int, draws: int, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    even = np.full(customers, 1 / customers)
    drawn = [curve(rng.multinomial(customers, even).astype(float)) for _ in range(draws)]
    found = np.array(drawn)
    return found[np.isfinite(found).all(axis=1)]
