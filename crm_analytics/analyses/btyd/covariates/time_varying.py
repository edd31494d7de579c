"""Pareto/NBD whose buying and leaving follow covariates that change with time.

Within a period a customer buys at lambda exp(gamma'x) and leaves at mu exp(delta'y), with x and y those of
the period (Bachmann, Meierer & Naef 2021, Marketing Science 40(4)). With the activity cumulated since the
first purchase, L(t) of buying and M(t) of leaving, a history (x, t_x, T) has

    Gamma(r+x)/Gamma(r) alpha^r beta^s  prod exp(gamma'x(t_j))
        { (alpha+L(T))^-(r+x) (beta+M(T))^-s + int s M'(u) (beta+M(u))^-(s+1) (alpha+L(u))^-(r+x) du },

u from t_x to T. L and M are straight within a period (the paper's B_i and D_i are where their lines begin at
time 0), so we integrate period by period by Gauss' rule, whose parts are all positive. Customers with one
walk of covariates, one first day, one frequency and one recency are one cell: of the covariates at their
purchases only the sum matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import gammaln

from crm_analytics.analyses.btyd.fitting.histories import require_customers
from crm_analytics.analyses.btyd.purchases.purchase_model import MINIMUM_CUSTOMERS, MINIMUM_REPEAT_BUYERS
from crm_analytics.errors import DataError, ParameterError

Array = NDArray[np.float64]
NAMES = ("r", "alpha", "s", "beta")
_NODES, _WEIGHTS = (v / 2 for v in np.polynomial.legendre.leggauss(12))
_STEP = 1e-4  # of differences


@dataclass(frozen=True)
class Activity:
    """What one process does in each period: its rate over that of covariates at 0, one row per walk."""

    rate: Array  # (walks, periods); period k runs from k to k + 1

    def cumulated(self, walk: NDArray[np.intp], at: Array) -> Array:
        """From time 0 to `at`."""
        whole = np.concatenate([np.zeros((len(self.rate), 1)), np.cumsum(self.rate, axis=1)], axis=1)
        period = np.minimum(at.astype(np.intp), self.rate.shape[1] - 1)
        return np.asarray(whole[walk, period] + self.rate[walk, period] * (at - period))


@dataclass(frozen=True)
class Pieces:
    """Spans of time within one period each, of all cells together.

    cell : whose; start, length : since the first purchase
    slopes, levels : of L and of M: rate in the span, and what was cumulated at its start; (2, pieces)
    """

    cell: NDArray[np.intp]
    start: Array
    length: Array
    slopes: Array
    levels: Array

    @property
    def intercepts(self) -> Array:
        """Where the line of each span would begin at time 0: D_i of the paper, and B_i + the L until t_x."""
        return self.levels - self.slopes * self.start

    @classmethod
    def between(
        cls, activities: Sequence[Activity], walk: NDArray[np.intp], first: Array, span: tuple[Array, Array]
    ) -> Pieces:
        """Of each cell from one time to another, both on the clock of the periods."""
        since, until = span
        begin = np.minimum(since.astype(np.intp), activities[0].rate.shape[1] - 1)
        count = np.maximum(np.ceil(until).astype(np.intp), begin + 1) - begin
        cell = np.repeat(np.arange(len(walk)), count)
        period = begin[cell] + np.arange(len(cell)) - np.repeat(np.cumsum(count) - count, count)
        start = np.maximum(period, since[cell])
        length = np.maximum(np.minimum(period + 1.0, until[cell]) - start, 0.0)
        slopes = np.stack([a.rate[walk[cell], period] for a in activities])
        born = [a.cumulated(walk, first) for a in activities]
        levels = [a.cumulated(walk[cell], start) - b[cell] for a, b in zip(activities, born, strict=True)]
        return cls(cell, start - first[cell], length, slopes, np.stack(levels))

    def integral(self, function: Any) -> Array:
        """The integral of function(L, M, slopes) over the spans of each cell; one row per cell."""
        inside = self.length[:, None] * (_NODES + 0.5)
        bought, left = (self.levels[k][:, None] + self.slopes[k][:, None] * inside for k in (0, 1))
        each = (function(self.cell, bought, left, self.slopes) * _WEIGHTS).sum(axis=1) * self.length
        return np.asarray(np.bincount(self.cell, each), float)


@dataclass(frozen=True, eq=False)
class TimeVaryingFit:
    """A fitted Pareto/NBD with covariates that change.

    params : r, alpha, s, beta of a customer whose covariates are 0, times in periods
    coefficients : process ("buying", "leaving"), covariate, coefficient, standard_error
    log_likelihood : total over customers
    cells : walk, first, frequency, recency, T, customers
    """

    params: dict[str, float]
    coefficients: pd.DataFrame
    log_likelihood: float
    cells: pd.DataFrame
    _likelihood: _Likelihood

    def probability_alive(self) -> pd.Series:
        """P(the customer has not left), one per row of `cells`."""
        here, gone = self._likelihood.parts(self._at)
        return pd.Series(1 / (1 + np.exp(gone - here)), self.cells.index, name="probability_alive")

    def expected_purchases(self, t: float) -> pd.Series:
        """Purchases of a customer of each cell in the next `t` periods; covariates must reach so far.

        Raises
        ------
        ParameterError : they do not.
        """
        likelihood, (r, alpha, s, beta) = self._likelihood, np.exp(self._at[:4])
        if not 0 <= t <= likelihood.periods - likelihood.end:
            raise ParameterError(
                f"covariates reach {likelihood.periods - likelihood.end:g} periods ahead, not {t:g}: give "
                "those of the periods to come too"
            )
        activities = likelihood.activities(self._at)
        day = np.full(len(self.cells), likelihood.end)
        pieces = Pieces.between(activities, likelihood.walk, likelihood.first, (day, day + t))
        bought, left = (likelihood.so_far(a) for a in activities)

        def buys(cell: NDArray[np.intp], _: Array, then: Array, slopes: Array) -> Array:
            return np.asarray(slopes[0][:, None] * ((beta + left[cell, None]) / (beta + then)) ** s)

        ahead = pieces.integral(buys) * (r + likelihood.x) / (alpha + bought)
        return (self.probability_alive() * ahead).rename("expected_purchases")

    @property
    def _at(self) -> Array:
        logs = np.log([self.params[n] for n in NAMES])
        return np.concatenate([logs, self.coefficients["coefficient"].to_numpy(float)])


@dataclass(frozen=True, eq=False)
class _Likelihood:
    """Of cells, at log r, alpha, s, beta, then gamma, then delta."""

    walk: NDArray[np.intp]
    first: Array
    x: Array
    last: Array  # time of the last purchase
    weight: Array
    end: float
    at_purchases: Array  # sum over all repeat purchases of all customers, by covariate of buying
    buying: Array  # (walks, periods, covariates)
    leaving: Array

    @property
    def periods(self) -> int:
        return self.buying.shape[1]

    def activities(self, at: Array) -> tuple[Activity, Activity]:
        cut = 4 + self.buying.shape[2]
        return Activity(np.exp(self.buying @ at[4:cut])), Activity(np.exp(self.leaving @ at[cut:]))

    def so_far(self, activity: Activity) -> Array:
        """Cumulated from the first purchase to the day."""
        day = np.full(len(self.first), self.end)
        return activity.cumulated(self.walk, day) - activity.cumulated(self.walk, self.first)

    def parts(self, at: Array) -> tuple[Array, Array]:
        """Ln of the two parts of the braces of each cell: still there, and left before the day."""
        r, alpha, s, beta = np.exp(at[:4])
        activities = self.activities(at)
        day = np.full(len(self.x), self.end)
        bought, left = (self.so_far(a) for a in activities)
        shape = r + self.x
        here = -shape * np.log(alpha + bought) - s * np.log(beta + left)
        pieces = Pieces.between(activities, self.walk, self.first, (self.last, day))

        def leaves(cell: NDArray[np.intp], bought: Array, left: Array, slopes: Array) -> Array:
            log_f = -shape[cell, None] * np.log(alpha + bought) - (s + 1) * np.log(beta + left)
            return np.asarray(s * slopes[1][:, None] * np.exp(log_f - here[cell, None]))

        with np.errstate(divide="ignore"):
            return here, here + np.log(pieces.integral(leaves))

    def __call__(self, at: Array) -> float:
        """Minus the mean log-likelihood."""
        r, alpha, s, beta = np.exp(at[:4])
        fixed = gammaln(r + self.x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
        moved = self.at_purchases @ at[4 : 4 + self.buying.shape[2]]
        return -float(self.weight @ (fixed + np.logaddexp(*self.parts(at))) + moved) / float(
            self.weight.sum()
        )


def fit_time_varying(
    purchases: pd.DataFrame,
    covariates: pd.DataFrame,
    end: float,
    *,
    buying: Sequence[str] = (),
    leaving: Sequence[str] = (),
) -> TimeVaryingFit:
    """Fit Pareto/NBD with covariates that change with time.

    Parameters
    ----------
    purchases : customer_id, walk, time: every purchase occasion up to `end`, the first included; times in
        periods since the first covariate, so that time 2.5 lies in period 2
    covariates : walk, period (0, 1, ... without gaps) and the covariates; may reach past `end`, for forecasts
    end : the day, on the same clock
    buying, leaving : covariates of each process

    Raises
    ------
    DataError : walks or periods are missing, or purchases lie outside of them.
    NotEnoughData : under 100 customers or 30 repeat buyers.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> when = rng.uniform(0, 20, 600)
    >>> bought = pd.DataFrame({"customer_id": np.arange(600) // 3, "walk": "all", "time": when})
    >>> weeks = pd.DataFrame({"walk": "all", "period": range(30), "sale": np.arange(30) % 2})
    >>> fit_time_varying(bought, weeks, 20, buying=["sale"]).coefficients["covariate"].tolist()
    ['sale']
    """
    likelihood, walks = _likelihood_of(purchases, covariates, end, (buying, leaving))
    x, weight, age = likelihood.x, likelihood.weight, end - likelihood.first
    require_customers("Pareto/NBD", weight, x > 0, MINIMUM_CUSTOMERS, MINIMUM_REPEAT_BUYERS)
    exposed = float(weight @ age)
    guess = [0.5, 0.5 * exposed / float(weight @ x), 0.6, exposed / float(weight.sum()) / 2]
    start = np.concatenate([np.log(guess), np.zeros(len(buying) + len(leaving))])
    found = minimize(likelihood, start, method="BFGS", jac="3-point", options={"gtol": 1e-7})
    errors = np.sqrt(np.diag(np.linalg.pinv(_curvature(likelihood, found.x)) / weight.sum()))
    coefficients = pd.DataFrame(
        {
            "process": ["buying"] * len(buying) + ["leaving"] * len(leaving),
            "covariate": [*buying, *leaving],
            "coefficient": found.x[4:],
            "standard_error": errors[4:],
        }
    )
    cells = pd.DataFrame({"walk": walks[likelihood.walk], "first": likelihood.first, "frequency": x})
    cells = cells.assign(recency=likelihood.last - likelihood.first, T=age, customers=weight)
    params = dict(zip(NAMES, np.exp(found.x[:4]).tolist(), strict=True))
    return TimeVaryingFit(params, coefficients, -found.fun * float(weight.sum()), cells, likelihood)


def _likelihood_of(
    purchases: pd.DataFrame, covariates: pd.DataFrame, end: float, of: tuple[Sequence[str], Sequence[str]]
) -> tuple[_Likelihood, pd.Index]:
    """What the fit makes least, and the names of the walks."""
    wide = covariates.set_index(["walk", "period"]).sort_index().unstack("period")
    periods = np.sort(covariates["period"].unique())
    names = list(dict.fromkeys([*of[0], *of[1]]))
    if list(periods) != list(range(len(periods))) or wide[names].isna().to_numpy().any():
        raise DataError("covariates need every walk in every period, counted 0, 1, 2, ... without gaps")
    walk, time = wide.index.get_indexer(pd.Index(purchases["walk"])), purchases["time"].to_numpy(float)
    if (walk < 0).any() or not ((time >= 0) & (time <= end)).all() or end > len(periods):
        raise DataError(f"purchases need a walk of the covariates and a time between 0 and {end:g}")
    empty = np.zeros((len(wide), len(periods), 0))
    buying, leaving = (
        np.stack([wide[n].to_numpy(float) for n in some], axis=-1) if some else empty for some in of
    )
    known = purchases.assign(walk=walk).sort_values(["customer_id", "time"])
    each = known.groupby("customer_id").agg(
        walk=("walk", "first"), first=("time", "min"), last=("time", "max"), n=("time", "size")
    )
    cells = each.groupby(["walk", "first", "last", "n"]).size().reset_index(name="customers")
    again = known[known.duplicated("customer_id")]
    place = np.minimum(again["time"].to_numpy(float).astype(np.intp), len(periods) - 1)
    at_purchases = buying[again["walk"].to_numpy(), place].sum(axis=0)
    first, last, count, weight = (cells[c].to_numpy(float) for c in ("first", "last", "n", "customers"))
    which = cells["walk"].to_numpy()
    found = _Likelihood(which, first, count - 1, last, weight, float(end), at_purchases, buying, leaving)
    return found, wide.index


def _curvature(function: Any, at: Array) -> Array:
    """The matrix of second differences."""
    steps = np.eye(len(at)) * _STEP
    found = np.empty((len(at), len(at)))
    for i, a in enumerate(steps):
        for j, b in enumerate(steps[: i + 1]):
            near, far = (
                function(at + a + b) + function(at - a - b),
                function(at + a - b) + function(at - a + b),
            )
            found[i, j] = found[j, i] = (near - far) / (4 * _STEP**2)
    return found
