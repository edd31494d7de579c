"""BG/BB: buying at a coin's toss on each opportunity, leaving by another, never coming back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from crm_analytics.analyses.btyd.discounting.discounting import spend_of_each
from crm_analytics.analyses.btyd.discounting.periods import earlier, periods_of, rate_per_period
from crm_analytics.analyses.btyd.fitting.fitted import FittedModel
from crm_analytics.analyses.btyd.fitting.histories import require_customers
from crm_analytics.analyses.btyd.fitting.opportunities import (
    OPPORTUNITY_HISTORY,
    checked_opportunities,
    opportunity_cells,
    whole_count,
    whole_counts,
)
from crm_analytics.analyses.btyd.fitting.optimise import Optimum, best_of, diagnose, log_covariance
from crm_analytics.analyses.btyd.fitting.special import beta_nodes
from crm_analytics.analyses.btyd.opportunity_models.bg_bb_likelihood import (
    NAMES,
    OpportunityLikelihood,
    log_likelihood,
    probability_of_count,
)
from crm_analytics.analyses.btyd.purchases.purchase_model import MINIMUM_CUSTOMERS, MINIMUM_REPEAT_BUYERS
from crm_analytics.analyses.btyd.totals.purchase_totals import total_of_rows
from crm_analytics.analyses.btyd.totals.uncertainty import Interval, TotalForecast
from crm_analytics.tables.days import Span

if TYPE_CHECKING:
    from crm_analytics.analyses.btyd.discounting.discounting import Spend

Array = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class BetaGeoBetaBinomial(FittedModel):
    """Purchases that can happen once a period only: donations a year, events, boxes of a month.

    At each opportunity a customer who is still there buys with probability p ~ Beta(alpha, beta); before
    each the customer leaves for ever with probability theta ~ Beta(gamma, delta). A history is (frequency,
    recency, opportunities): bought at how many, at which last (0 for none), of how many. The opportunity at
    which a customer was won does not count.

    Attributes
    ----------
    params : alpha, beta, gamma, delta
    log_likelihood : total over customers
    covariance : of the parameters on their natural scale
    customers : fitted on
    unit : the period between two opportunities, "D", "W", "M" or "Y"; needed for discounting only
    diagnosis : whether the optimum can be trusted

    Source
    ------
    Fader, Hardie & Shang (2010), Customer-Base Analysis in a Discrete-Time Noncontractual Setting,
    Marketing Science 29(6), 1086-1108.

    Examples
    --------
    >>> model = BetaGeoBetaBinomial({"alpha": 1.204, "beta": 0.750, "gamma": 0.657, "delta": 2.783}, unit="Y")
    >>> two = pd.DataFrame({"frequency": [0, 4], "recency": [0, 5], "opportunities": [6, 6]})
    >>> model.probability_alive(two).round(2).tolist(), model.expected_purchases(two, t=10).round(2).tolist()
    ([0.11, 0.7], [0.13, 3.63])
    """

    NAMES: ClassVar[tuple[str, ...]] = NAMES
    LABEL: ClassVar[str] = "BG/BB"
    COUNTED: ClassVar[str] = "opportunities"

    @classmethod
    def fit(
        cls,
        source: pd.DataFrame,
        unit: str | None = None,
        *,
        minimum: int = MINIMUM_CUSTOMERS,
        minimum_repeat_buyers: int | None = None,
    ) -> Self:
        """Fit by maximum likelihood. Needs at least 100 customers and 30 repeat buyers.

        Parameters
        ----------
        source : frame with frequency, recency, opportunities (or lifetimes' n_periods) and optionally
            customers (a weight); equal rows are merged first
        unit : the period between two opportunities
        minimum : customers below which the fit is refused
        minimum_repeat_buyers : the same for customers who bought again; default 30, or less if `minimum` is

        Raises
        ------
        DataError : a column is missing or holds impossible values.
        NotEnoughData : too few customers, or too few who came back.
        """
        cells = opportunity_cells(source, cls.LABEL)
        weight, x = cells["customers"].to_numpy(), cells["frequency"].to_numpy()
        buyers = (
            min(MINIMUM_REPEAT_BUYERS, minimum) if minimum_repeat_buyers is None else minimum_repeat_buyers
        )
        require_customers(cls.LABEL, weight, x > 0, minimum, buyers)
        likelihood = OpportunityLikelihood.of(cells)
        return cls._from_optimum(best_of(likelihood, likelihood.starts()), likelihood, unit)

    @classmethod
    def at(cls, source: pd.DataFrame, params: dict[str, float], unit: str | None = None) -> Self:
        """The model at given parameters, with log-likelihood and covariance from these customers."""
        likelihood = OpportunityLikelihood.of(opportunity_cells(source, cls.LABEL))
        log_params = np.log([params[name] for name in cls.NAMES])
        optimum = Optimum(log_params, *likelihood(log_params), iterations=0)
        return cls._from_optimum(optimum, likelihood, unit, at_rest=1e-4)

    def objective(self, source: pd.DataFrame) -> tuple[OpportunityLikelihood, Array]:
        """What the fit made least, and by what its parameters are multiplied to be ours."""
        return OpportunityLikelihood.of(opportunity_cells(source, self.LABEL)), np.ones(len(self.NAMES))

    @classmethod
    def _from_optimum(
        cls,
        optimum: Optimum,
        likelihood: OpportunityLikelihood,
        unit: str | None,
        at_rest: float = 1e-6,
    ) -> Self:
        log_cov = log_covariance(optimum, likelihood.total)
        values = np.exp(optimum.at)
        return cls(
            dict(zip(cls.NAMES, values, strict=True)),
            float(-optimum.value * likelihood.total),
            pd.DataFrame(np.outer(values, values) * log_cov, index=cls.NAMES, columns=cls.NAMES),
            round(likelihood.total),
            unit,
            diagnose(optimum, log_cov, cls.NAMES, at_rest),
        )

    def log_likelihood_of(self, frame: pd.DataFrame) -> float:
        """Log-likelihood of other histories under these parameters, total over customers."""
        f = checked_opportunities(frame, self.LABEL)
        return float(self._each(f)[0] @ f["customers"].to_numpy())

    # -- what it says of a customer ------------------------------------------------------------------

    def probability_alive(self, frame: pd.DataFrame, ahead: int = 1) -> pd.Series:
        """P(the customer is still there `ahead` opportunities on), one a row, 0..1.

        Parameters
        ----------
        frame : frequency, recency, opportunities
        ahead : 1 is the next opportunity, as in the paper; 0 the last one seen
        """
        f, steps = checked_opportunities(frame, self.LABEL), whole_count(ahead, "ahead")
        n = f["opportunities"].to_numpy()
        found = np.exp(self._each(f)[1]) * self._stay(n, steps)[:, -1]
        return pd.Series(found, f.index, name="probability_alive")

    def expected_purchases(self, frame: pd.DataFrame, t: int) -> pd.Series:
        """Expected purchases of each customer at the next `t` opportunities, 0..t."""
        f, steps = checked_opportunities(frame, self.LABEL), whole_count(t, "t")
        x, n = f["frequency"].to_numpy(), f["opportunities"].to_numpy()
        there = self._stay(n, steps)[:, 1:].sum(axis=1)
        found = np.exp(self._each(f)[1]) * self._buy(x, n) * there
        return pd.Series(found, f.index, name="expected_purchases")

    def conditional_probability_of(self, count: int, frame: pd.DataFrame, t: int) -> pd.Series:
        """P(each customer buys at exactly `count` of the next `t` opportunities), 0..1.

        What is known of a customer who is there is again a pair of betas, with x and n added in.
        """
        f, wanted, steps = (
            checked_opportunities(frame, self.LABEL),
            whole_count(count, "count"),
            whole_count(t, "t"),
        )
        alpha, beta, gamma, delta = self.values
        pairs, inverse = np.unique(f[["frequency", "opportunities"]].to_numpy(), axis=0, return_inverse=True)
        known = [(alpha + x, beta + n - x, gamma, delta + n) for x, n in pairs]
        later = [float(probability_of_count(one, wanted, steps)) for one in known]
        alive = np.exp(self._each(f)[1])
        found = alive * np.array(later)[inverse.ravel()]
        if wanted == 0:
            found = found + (1 - alive)
        return pd.Series(found, f.index, name="probability")

    def dert(
        self, frame: pd.DataFrame, rate: float = 0.15, timing: str = "end", periods: int | None = None
    ) -> pd.Series:
        """Discounted purchases still to come of each customer (paper, equation 14).

        Parameters
        ----------
        frame : frequency, recency, opportunities
        rate : annual effective rate of discount, > 0 (or 0 with `periods`); the model's unit says how long a
            period is
        timing : when a purchase of a period is paid: its "start", "mid" or "end" (the paper's). There is no
            "continuous": a period has one opportunity, and nothing is bought between two
        periods : count only the next ones; None for ever

        Raises
        ------
        ParameterError : the model has no unit, or a parameter is out of range.

        Examples
        --------
        >>> model = BetaGeoBetaBinomial({"alpha": 1.2, "beta": 0.75, "gamma": 0.66, "delta": 2.78}, unit="Y")
        >>> one = pd.DataFrame({"frequency": [3], "recency": [4], "opportunities": [6]})
        >>> model.dert(one, rate=0.1).round(5).tolist()
        [1.62138]
        """
        f = checked_opportunities(frame, self.LABEL)
        each = rate_per_period(rate, self.unit, endless=periods is None)
        x, n = f["frequency"].to_numpy(), f["opportunities"].to_numpy()
        there = self._there(n, each, periods) * earlier(each, timing, self.LABEL)
        return pd.Series(np.exp(self._each(f)[1]) * self._buy(x, n) * there, f.index, name="dert")

    def lifetime_value(
        self,
        spend: Spend,
        frame: pd.DataFrame,
        horizon: Span = (5, "Y"),
        rate: float = 0.15,
        timing: str = "end",
    ) -> pd.Series:
        """Residual value of each customer within a horizon, money; as `BetaGeo.lifetime_value`.

        Parameters
        ----------
        spend, rate : as there; a Gamma-Gamma model needs monetary_value in the frame
        frame : frequency, recency, opportunities
        horizon : number of periods and their unit; together whole opportunities of the model
        timing : "start", "mid" or "end" of a period, as in `dert`
        """
        periods = periods_of(horizon, self.unit, self.COUNTED)
        found = self.dert(frame, rate, timing, periods) * spend_of_each(spend, frame, len(frame))
        return found.rename("lifetime_value")

    def _there(self, n: Whole, each: float, periods: int | None) -> Array:
        """Sum over j from 1 of P(there j opportunities on) / (1 + each)^j, given there now."""
        some, inverse = np.unique(n, return_inverse=True)
        if periods is not None:
            steps = whole_count(periods, "periods")
            found = self._stay(some, steps)[:, 1:] @ (1 + each) ** -np.arange(1.0, steps + 1)
        else:
            gamma, delta = self.values[2:]
            leave, weight = beta_nodes(gamma, delta + some)
            found = ((1 - leave) / (each + leave) * weight).sum(axis=1)
        return np.asarray(found[inverse.ravel()])

    # -- what it says of anybody ---------------------------------------------------------------------

    def expected_purchases_new(self, t: ArrayLike) -> Any:
        """Expected purchases of a new customer at the first `t` opportunities; whole numbers."""
        times = whole_counts(t, "t")
        alpha, beta = self.values[:2]
        stay = self._stay(np.zeros(1, np.int64), int(times.max(initial=0)))[0, 1:]
        found = alpha / (alpha + beta) * np.concatenate([[0.0], np.cumsum(stay)])[times]
        return float(found) if found.ndim == 0 else found

    def probability_of(self, n: ArrayLike, t: int) -> Any:
        """P(a new customer buys at exactly `n` of the first `t` opportunities); paper, equation 7."""
        found = probability_of_count(tuple(self.values), whole_counts(n, "n"), whole_count(t, "t"))
        return float(found) if found.ndim == 0 else found

    # -- one drawn future ----------------------------------------------------------------------------

    def total_purchases(self, source: pd.DataFrame, t: float, wanted: Interval) -> TotalForecast:
        """Of all customers at the next `t` opportunities, by drawing alone; see `forecast_total`."""
        return total_of_rows(source, self, t, wanted)

    def rows_of(self, source: pd.DataFrame) -> pd.DataFrame:
        """Cells of equal histories."""
        return opportunity_cells(source, self.LABEL)

    def expected_of(self, rows: pd.DataFrame, t: float) -> Array:
        """Purchases expected of each row within `t`."""
        return self.expected_purchases(rows, int(t)).to_numpy()

    def simulate_rows(self, rows: pd.DataFrame, t: float, rng: np.random.Generator) -> Array:
        """Purchases of each row in one drawn future.

        Given there, p is Beta(alpha + x, beta + n - x), theta Beta(gamma, delta + n), independent.
        """
        alpha, beta, gamma, delta = self.values
        x, n = rows["frequency"].to_numpy(), rows["opportunities"].to_numpy()
        there = rng.random(len(rows)) < np.exp(self._each(rows)[1])
        leave = np.clip(rng.beta(gamma, delta + n), 1e-12, 1.0)
        met = np.minimum(rng.geometric(leave) - 1, int(t))
        bought = rng.binomial(met, rng.beta(alpha + x, beta + n - x))
        return np.where(there, bought, 0).astype(float)

    # -- parts ---------------------------------------------------------------------------------------

    def _each(self, checked: pd.DataFrame) -> tuple[Array, Array]:
        """Ln L and ln P(there at the last opportunity seen), computed once for equal histories."""
        rows, inverse = np.unique(
            checked[list(OPPORTUNITY_HISTORY)].to_numpy(np.int64), axis=0, return_inverse=True
        )
        total, alive = log_likelihood(self.values, *rows.T)
        return total[inverse.ravel()], alive[inverse.ravel()]

    def _buy(self, x: Whole, n: Whole) -> Array:
        """P(buys at an opportunity | there, history)."""
        alpha, beta = self.values[:2]
        return np.asarray((alpha + x) / (alpha + beta + n))

    def _stay(self, n: Whole, steps: int) -> Array:
        """P(there j opportunities on | there now), one row per customer, j = 0..steps."""
        gamma, delta = self.values[2:]
        some, inverse = np.unique(n, return_inverse=True)
        each = -np.log1p(gamma / (delta + some[:, None] + np.arange(steps)))
        found = np.exp(np.cumsum(np.concatenate([np.zeros((len(some), 1)), each], axis=1), axis=1))
        return np.asarray(found[inverse.ravel()])
