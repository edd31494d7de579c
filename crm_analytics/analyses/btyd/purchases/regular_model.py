"""BG/CNBD-k and MBG/CNBD-k: customers who buy more regularly than by chance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaln, gammaln, logsumexp

from crm_analytics.analyses.btyd.discounting.discounting import Discount
from crm_analytics.analyses.btyd.fitting.histories import HISTORY, cells_of, require_customers, unit_of
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
        *,
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
        return replace(found, k=k, log_likelihood=total)._with_cadence(source, cells)

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

    def _log_density(self, x: Array, recency: Array, T: Array) -> Array:
        if self.k > 1:
            raise ParameterError(f"{self.LABEL}: the likelihood needs every gap, not recency alone")
        return log_density(self.values, (x, recency, T), self.k, self.SHIFT)

    def _shares(self, x: Array, recency: Array, T: Array) -> Array:
        """P(there with j events since the last purchase), j = 0 .. k - 1; what is missing to one has left."""
        terms = log_terms(self.values, (x, recency, T), self.k, self.SHIFT)
        return np.asarray(np.exp(terms[:-1] - logsumexp(terms, axis=0)))

    def _alive(self, x: Array, recency: Array, T: Array) -> Array:
        return np.asarray(self._shares(x, recency, T).sum(axis=0))

    def _ahead(self, x: Array, recency: Array, T: Array, times: Array) -> Array:
        """Expected purchases within each of `times`; one row a customer.

        Given j events since the last purchase the rate is Gamma(r + k x + j, alpha + T), and the n-th
        purchase comes with event k n - j; it is made by whoever stayed after the n - 1 before it.
        """
        r, alpha, a, b = self.values
        whole = np.zeros((len(x), len(times)))
        shares = self._shares(x, recency, T)
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

    def _discounted(self, x: Array, recency: Array, T: Array, discount: Discount) -> Array:
        return discounted_regular(self, (x, recency, T), discount)

    def _roughly(self, x: Array, recency: Array, T: Array, discount: Discount) -> Array:
        ends = np.linspace(0.0, discount.horizon, _FEW + 1)
        hats = np.array([np.interp(discount.times, ends, hat) for hat in np.eye(_FEW + 1)])
        return np.asarray(self._ahead(x, recency, T, ends[1:]) @ (hats @ discount.weights)[1:])

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

    def _while_alive(self, x: Array, T: Array, times: Array) -> Array:
        raise ParameterError(
            f"{self.LABEL}: what a customer buys hangs on recency, too; ask expected_purchases"
        )

    def _rows(self, source: Any) -> pd.DataFrame:
        return cells_of(source, HISTORY, self.LABEL)

    def _expected(self, rows: pd.DataFrame, t: float) -> Array:
        return self.expected_purchases(rows, t).to_numpy()

    def _drawn(self, rows: pd.DataFrame, t: float, rng: np.random.Generator) -> Array:
        x, recency, T = (rows[c].to_numpy(float) for c in HISTORY)
        return self._counts(x, recency, T, t, rng)

    @classmethod
    def _likelihood_of(cls, cells: pd.DataFrame, scale: float) -> RegularLikelihood:
        raise ParameterError(
            f"{cls.LABEL}: its likelihood hangs on k, which is not known here; fit it with k, and ask "
            "BG/NBD, MBG/NBD or Pareto/NBD for the effects of cohorts"
        )

    def _objective(self, source: Any) -> tuple[RegularLikelihood, Array]:
        cells = cells_of(source, HISTORY, self.LABEL)
        scale = float(np.average(cells["T"], weights=cells["customers"])) or 1.0
        return RegularLikelihood.of(cells, scale, self.k, self.SHIFT), self._scales(scale)

    def _grid(self, cells: pd.DataFrame, bins: int) -> RegularLikelihood:
        return RegularLikelihood.of(cells, 1.0, self.k, self.SHIFT).coarse(bins)

    def _lives(
        self, x: Array, recency: Array, T: Array, rng: np.random.Generator
    ) -> tuple[NDArray[np.intp], Array, Array]:
        """One draw a customer: events since the last purchase (k: has left), their rate, chance to leave."""
        r, alpha, a, b = self.values
        shares = np.cumsum(self._shares(x, recency, T), axis=0)
        since = (rng.random(len(x)) > shares).sum(axis=0)
        rate = rng.gamma(r + self.k * x + np.minimum(since, self.k - 1)) / (alpha + T)
        return since, rate, np.clip(rng.beta(a, b + x + self.SHIFT), 1e-12, 1.0)

    def _counts(self, x: Array, recency: Array, T: Array, t: float, rng: np.random.Generator) -> Array:
        since, rate, leave = self._lives(x, recency, T, rng)
        made = (rng.poisson(rate * t) + since) // self.k
        return np.where(since < self.k, np.minimum(made, rng.geometric(leave)), 0).astype(float)

    def _futures(
        self, x: Array, recency: Array, T: Array, horizon: float, rng: np.random.Generator
    ) -> tuple[NDArray[np.intp], Array]:
        since, rate, leave = self._lives(x, recency, T, rng)
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
