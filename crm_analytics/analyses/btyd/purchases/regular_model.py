"""BG/CNBD-k and MBG/CNBD-k: customers who buy more regularly than by chance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaln, gammaln, logsumexp

from crm_analytics.analyses.btyd.discounting.discounting import Discount
from crm_analytics.analyses.btyd.fitting.histories import (
    HISTORY,
    History,
    cells_of,
    one_frame,
    require_customers,
    unit_of,
)
from crm_analytics.analyses.btyd.fitting.optimise import best_of, newton
from crm_analytics.analyses.btyd.purchases.dropout_model import moments
from crm_analytics.analyses.btyd.purchases.purchase_model import (
    MINIMUM_CUSTOMERS,
    MINIMUM_REPEAT_BUYERS,
    PurchaseModel,
    counts_and_times,
)
from crm_analytics.analyses.btyd.purchases.regular_likelihood import RegularLikelihood, log_density, log_terms
from crm_analytics.analyses.btyd.purchases.regular_worth import discounted_regular
from crm_analytics.analyses.btyd.totals.purchase_totals import total_of_rows
from crm_analytics.analyses.btyd.totals.uncertainty import Interval, TotalForecast
from crm_analytics.errors import ParameterError

Array = NDArray[np.float64]
_COARSE_FROM = 5_000
_ROWS = 2_048
_NEGLIGIBLE = 1e-11
_FEW = 6  # times between which purchases are taken to grow straight, where that is near enough
_STRETCH, _LONGEST = 4, 64  # purchases summed at a time, at first and at most


@dataclass(frozen=True, eq=False)
class RegularModel(PurchaseModel):
    """What BG/CNBD-k and MBG/CNBD-k have in common; use `RegularBetaGeo` or `RegularModifiedBetaGeo`."""

    k: int = 1

    NAMES: ClassVar[tuple[str, ...]] = ("r", "alpha", "a", "b")
    TIMES: ClassVar[tuple[str, ...]] = ("alpha",)
    SHIFT: ClassVar[int] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (isinstance(self.k, int) and 1 <= self.k <= 20):
            raise ParameterError(f"{self.LABEL}: k must be a whole number from 1 to 20, got {self.k!r}")

    @classmethod
    def fit(
        cls,
        source: Any,
        unit: str | None = None,
        *lifetimes: Any,
        minimum: int = MINIMUM_CUSTOMERS,
        minimum_repeat_buyers: int | None = None,
        k: int = 2,
        log_gaps: float = float("nan"),
    ) -> Self:
        """Fit by maximum likelihood for one k; `regularity` chooses k.

        Parameters
        ----------
        source, unit, minimum, minimum_repeat_buyers : as in `BetaGeo.fit`
        k : events to a purchase, 1..20; 1 is the model without regularity
        log_gaps : sum of the logarithms of all times between purchases, in the unit. The parameters do not
            need it; without it the log-likelihood is NaN for k > 1
        """
        one_frame(f"{cls.__name__}.fit", HISTORY, lifetimes)
        cells = cells_of(source, HISTORY, cls.LABEL)
        weight, x = cells["customers"].to_numpy(float), cells["frequency"].to_numpy(float)
        buyers = (
            min(MINIMUM_REPEAT_BUYERS, minimum) if minimum_repeat_buyers is None else minimum_repeat_buyers
        )
        require_customers(cls.LABEL, weight, x > 0, minimum, buyers)
        scale = float(weight @ cells["T"].to_numpy(float) / weight.sum()) or 1.0
        likelihood = RegularLikelihood.of(cells, scale, k, cls.SHIFT)
        small = likelihood.coarse() if len(cells) > _COARSE_FROM else likelihood
        optimum = best_of(small, small.starts())
        if small is not likelihood:
            optimum = newton(likelihood, optimum.at)
        found = cls._from_optimum(optimum, likelihood, scale, unit_of(source, unit))
        total = found.log_likelihood
        if k > 1:
            repeats = float(weight @ x)
            total += (k - 1) * (log_gaps - repeats * np.log(scale)) - repeats * float(gammaln(k))
        return replace(found, k=k, log_likelihood=total).with_note_on_unit(source, cells)

    def to_json(self) -> dict[str, Any]:
        """As plain values for a JSON file."""
        return super().to_json() | {"k": self.k}

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return replace(super().from_json(facts), k=facts["k"])

    # -- what it says --------------------------------------------------------------------------------

    def probability_of(self, n: ArrayLike, t: ArrayLike) -> Any:
        """P(a new customer makes exactly `n` repeat purchases in the `t` units after the first)."""
        count, times = counts_and_times(n, t)
        r, alpha, a, b = self.values
        share = times / (alpha + times)

        def reached(some: Array) -> Array:
            return np.where(some > 0, betainc(np.maximum(self.k * some, 1), r, share), 1.0)

        def stayed(chances: Array) -> Array:
            return np.asarray(np.exp(betaln(a, b + chances) - betaln(a, b)))

        chances = count + self.SHIFT
        still = stayed(chances) * (reached(count) - reached(count + 1))
        left = np.exp(betaln(a + 1, b + np.maximum(chances, 1) - 1) - betaln(a, b))
        found = still + np.where(chances > 0, left * reached(count), 0.0)
        return float(found) if found.ndim == 0 else found

    # -- in its own way ------------------------------------------------------------------------------

    @property
    def sufficient(self) -> bool:
        """For k = 1 alone: else the likelihood needs every gap between purchases."""
        return self.k == 1

    def log_density(self, who: History) -> Array:
        """Log-likelihood of each history, for k = 1."""
        if not self.sufficient:
            raise ParameterError(f"{self.LABEL}: the likelihood needs every gap, not recency alone")
        return log_density(self.values, (who.x, who.recency, who.T), self.k, self.SHIFT)

    def shares(self, who: History) -> Array:
        """P(there with j events since the last purchase), j = 0 .. k - 1; what is missing to one has left."""
        terms = log_terms(self.values, (who.x, who.recency, who.T), self.k, self.SHIFT)
        return np.asarray(np.exp(terms[:-1] - logsumexp(terms, axis=0)))

    def alive(self, who: History) -> Array:
        """P(the customer has not left)."""
        return np.asarray(self.shares(who).sum(axis=0))

    def purchases(self, who: History, times: Array) -> Array:
        """Expected purchases within each of `times`; a row for each customer, a column for each time.

        Given j events since the last purchase the rate is Gamma(r + k x + j, alpha + T), and the n-th
        purchase comes with event k n - j; it is made by whoever stayed after the n - 1 before it.
        """
        (r, alpha, a, b), (x, T) = self.values, (who.x, who.T)
        whole = np.zeros((len(x), len(times)))
        shares = self.shares(who)
        order = np.argsort(x, kind="stable")  # alike ones together need sums of like length
        for begin in range(0, len(x), _ROWS):
            rows = order[begin : begin + _ROWS]
            for j in range(self.k):
                some, first, stretch = rows, 1, _STRETCH
                while len(some):
                    n = np.arange(first, first + stretch)
                    m, shape = (b + x[some] + self.SHIFT)[:, None], (r + self.k * x[some] + j)[:, None]
                    stay = np.exp(betaln(a, m + n - 1) - betaln(a, m)) * shares[j, some, None]
                    share = times / (alpha + T[some, None] + times)
                    come = betainc((self.k * n - j)[None, None, :], shape[:, :, None], share[:, :, None])
                    added = np.einsum("in,itn->it", stay, come)
                    whole[some] += added
                    # a part as large as the last of the stretch may be still to come, and again
                    last = stay[:, -1:] * come[:, :, -1] * stretch
                    some = some[(last > _NEGLIGIBLE * whole[some]).any(axis=1)]
                    first, stretch = first + stretch, min(2 * stretch, _LONGEST)
        return whole

    def discounted(self, who: History, discount: Discount) -> Array:
        """Expected purchases, discounted; a mean over rates and chances to leave, see `regular_worth`."""
        return discounted_regular(self, who, discount)

    def roughly_discounted(self, who: History, discount: Discount) -> Array:
        """The same, with purchases taken to grow straight between a few times."""
        ends = np.linspace(0.0, discount.horizon, _FEW + 1)
        hats = np.array([np.interp(discount.times, ends, hat) for hat in np.eye(_FEW + 1)])
        return np.asarray(self.purchases(who, ends[1:]) @ (hats @ discount.weights)[1:])

    def active(self, who: History, h: float) -> Array:
        """With j events since the last purchase, k - j more within h make the next."""
        r, alpha, *_ = self.values
        share = h / (alpha + who.T + h)
        parts = [
            there * betainc(self.k - j, r + self.k * who.x + j, share)
            for j, there in enumerate(self.shares(who))
        ]
        return np.minimum(np.sum(parts, axis=0), 1.0)

    def _new(self, times: Array) -> Array:
        r, alpha, a, b = self.values
        flat = np.atleast_1d(times).ravel()
        share = flat / (alpha + flat)
        found, first = np.zeros(len(flat)), 1
        while True:
            n = np.arange(first, first + _LONGEST)
            stay = np.exp(betaln(a, b + n - 1 + self.SHIFT) - betaln(a, b))
            added = betainc((self.k * n)[None, :], r, share[:, None]) @ stay
            found += added
            first += _LONGEST
            if (added <= _NEGLIGIBLE * (found + 1e-300)).all():
                return found.reshape(np.shape(times))

    def while_alive(self, who: History, times: Array) -> Array:
        """Refused: it depends on recency."""
        raise ParameterError(
            f"{self.LABEL}: what a customer buys depends on recency, too; ask expected_purchases"
        )

    def total_purchases(self, source: Any, t: float, wanted: Interval) -> TotalForecast:
        """Of all customers within `t`, by drawing alone."""
        return total_of_rows(source, self, t, wanted)

    def rows_of(self, source: Any) -> pd.DataFrame:
        """Cells of equal histories."""
        return cells_of(source, HISTORY, self.LABEL)

    def expected_of(self, rows: pd.DataFrame, t: float) -> Array:
        """Expected purchases of a customer of each row within `t`."""
        return self.expected_purchases(rows, t).to_numpy()

    def simulate_rows(self, rows: pd.DataFrame, t: float, rng: np.random.Generator) -> Array:
        """Purchases of a customer of each row in one drawn future."""
        return self.simulate(History.of(rows), t, rng)

    @classmethod
    def likelihood_of(cls, cells: pd.DataFrame, scale: float) -> RegularLikelihood:
        """Refused: k is not known to the class."""
        raise ParameterError(
            f"{cls.LABEL}: its likelihood depends on k, which is not known here; fit it with k, and ask "
            "BG/NBD, MBG/NBD or Pareto/NBD for the effects of cohorts"
        )

    def objective(self, source: Any) -> tuple[RegularLikelihood, Array]:
        """What the fit made least, and by what its parameters are multiplied to be ours."""
        cells = cells_of(source, HISTORY, self.LABEL)
        scale = float(np.average(cells["T"], weights=cells["customers"])) or 1.0
        return RegularLikelihood.of(cells, scale, self.k, self.SHIFT), self.scales(scale)

    def merged(self, cells: pd.DataFrame, bins: int) -> RegularLikelihood:
        """Cells merged on a grid of recency and T."""
        return RegularLikelihood.of(cells, 1.0, self.k, self.SHIFT).coarse(bins)

    def _lives(self, who: History, rng: np.random.Generator) -> tuple[NDArray[np.intp], Array, Array]:
        """Of each customer: events since the last purchase (k: has left), their rate, chance to leave."""
        (r, alpha, a, b), (x, T) = self.values, (who.x, who.T)
        shares = np.cumsum(self.shares(who), axis=0)
        since = (rng.random(len(x)) > shares).sum(axis=0)
        rate = rng.gamma(r + self.k * x + np.minimum(since, self.k - 1)) / (alpha + T)
        return since, rate, np.clip(rng.beta(a, b + x + self.SHIFT), 1e-12, 1.0)

    def simulate(self, who: History, t: float, rng: np.random.Generator) -> Array:
        """Purchases of each customer within `t`, in one drawn future."""
        since, rate, leave = self._lives(who, rng)
        made = (rng.poisson(rate * t) + since) // self.k
        return np.where(since < self.k, np.minimum(made, rng.geometric(leave)), 0).astype(float)

    def simulate_times(
        self, who: History, horizon: float, rng: np.random.Generator
    ) -> tuple[NDArray[np.intp], Array]:
        """The customer (row) of each purchase of one drawn future, and when it comes."""
        since, rate, leave = self._lives(who, rng)
        events = np.where(since < self.k, rng.poisson(rate * horizon), 0)
        last = rng.geometric(leave)
        owner, share, rank = moments(events, rng)
        purchase, left = np.divmod(rank + 1 + since[owner], self.k)
        kept = (left == 0) & (purchase <= last[owner])
        return owner[kept], share[kept] * horizon


@dataclass(frozen=True, eq=False)
class RegularBetaGeo(RegularModel):
    """BG/CNBD-k: as BG/NBD, but the time between purchases is Erlang-k. With k = 1 it is BG/NBD.

    Attributes
    ----------
    params : r, alpha, a, b; r and alpha are of events, k of which make a purchase
    k : events to a purchase
    log_likelihood : of all times of purchases; the rest as in `BetaGeo`

    Source
    ------
    Platzer & Reutterer (2016), Ticking away the moments, Marketing Science 35(5), 779-799.

    Examples
    --------
    Five purchases in ten weeks, then five weeks of silence: the more regular, the more it means.

    >>> five = pd.DataFrame({"frequency": [5], "recency": [10.0], "T": [15.0]})
    >>> params = {"r": 2.0, "alpha": 1.0, "a": 0.8, "b": 2.4}
    >>> [round(float(RegularBetaGeo(params, k=k).probability_alive(five)[0]), 2) for k in (1, 2, 3)]
    [0.37, 0.3, 0.23]
    """

    SHIFT: ClassVar[int] = 0
    LABEL: ClassVar[str] = "BG/CNBD-k"


@dataclass(frozen=True, eq=False)
class RegularModifiedBetaGeo(RegularModel):
    """MBG/CNBD-k: as `RegularBetaGeo`, but a customer can leave after the first purchase, too."""

    SHIFT: ClassVar[int] = 1
    LABEL: ClassVar[str] = "MBG/CNBD-k"
