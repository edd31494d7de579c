"""Gamma-Gompertz/NBD: buying at a steady rate, leaving at a hazard that grows with age.

With S the survival of a customer of whom nothing is known, a history (x, t_x, T) has the likelihood

    L = Gamma(r+x)/Gamma(r) alpha^r { (alpha+T)^-(r+x) S(T) + G },
    G = integral over y from t_x to T of (alpha+y)^-(r+x) d(1 - S(y)),
    S(y) = (beta / D(y))^s,   D(y) = beta - 1 + e^(b y).

In d = ln D(y) - ln D(t_x) the distribution of leaving is a plain exponential, s e^(-s d), wherever the hazard
has its peak: so the integral is taken in d, by Gauss' rule in ln(1 + d / c). With Q(t) = e^(-b t) D(t) the
ages are y = t_x + ln(1 + Q(t_x) (e^d - 1)) / b, and a customer who is there at T is a new customer with
beta = Q(T): so everything to come is known from what a new customer does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import digamma, gammaln, logsumexp, polygamma

from crm_analytics.analyses.btyd.fitting.boundary_messages import meaning
from crm_analytics.analyses.btyd.fitting.histories import History
from crm_analytics.analyses.btyd.fitting.special import nbd_probabilities
from crm_analytics.analyses.btyd.purchases.pareto_nbd_likelihood import ParetoLikelihood
from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel, counts_and_times

Array = NDArray[np.float64]
NAMES = ("r", "alpha", "b", "s", "beta")
_NODES, _WEIGHTS = (half / 2 for half in np.polynomial.legendre.leggauss(48))
_NODES = _NODES + 0.5
_BLOCK = 2_048  # histories at a time
_CHUNK = 1 << 21  # numbers at a time
_LARGE = 500.0  # of which e^ is still a number
_AGELESS = 0.01  # of b, in units of the mean time seen: the hazard grows by less than 1 % in it


@dataclass(frozen=True, eq=False)
class GammaGompertzNBD(PurchaseModel):
    """Gamma-Gompertz/NBD, for customers without a contract: the hazard of leaving can grow with age.

    While alive a customer buys at a rate lambda ~ Gamma(r, alpha); the hazard of leaving at age t is
    b eta e^(b t) with eta ~ Gamma(s, beta). It can peak late, where that of Pareto/NBD falls from the first
    day. As b and beta go to 0 together it becomes Pareto/NBD with the same s and beta / b: then b and beta
    are not determined, and the diagnosis says to use Pareto/NBD.

    Attributes
    ----------
    params : r, alpha, b, s, beta; alpha in the unit of T, b per unit of T
    log_likelihood, covariance, customers, unit, diagnosis : as in `BetaGeo`

    Source
    ------
    Bemmaor & Glady (2012), Modeling purchasing behavior with sudden "death": a flexible customer lifetime
    model, Management Science 58(5), 1012-1021. Its printed expectation of purchases to come is in error; here
    all expectations are integrals.

    Examples
    --------
    >>> import pandas as pd
    >>> model = GammaGompertzNBD({"r": 0.6, "alpha": 10.0, "b": 0.05, "s": 0.6, "beta": 2.0}, unit="W")
    >>> one = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86]})
    >>> model.probability_alive(one).round(2).tolist(), model.expected_purchases(one, t=39).round(2).tolist()
    ([0.76], [0.97])
    """

    NAMES: ClassVar[tuple[str, ...]] = NAMES
    LABEL: ClassVar[str] = "GGompertz/NBD"

    @classmethod
    def scales(cls, scale: float) -> Array:
        """By which each parameter is multiplied when times are divided by `scale`."""
        return np.array([1.0, scale, 1 / scale, 1.0, 1.0])

    @staticmethod
    def limits(values: Mapping[str, float], edge: Collection[str]) -> str:
        """What parameters at a limit say of the customers, in words; times in units of the mean T."""
        if {"b", "beta"} & set(edge) and values["b"] < _AGELESS:
            return (
                "The hazard of leaving does not grow with age (b is at 0). The model is degenerate: it is "
                "Pareto/NBD, whose beta is beta / b here. Use Pareto/NBD."
            )
        return meaning({name: values[name] for name in ("r", "alpha")}, edge)

    @classmethod
    def likelihood_of(cls, cells: pd.DataFrame, scale: float) -> GompertzLikelihood:
        """Of cells whose times are divided by `scale`."""
        return GompertzLikelihood.of(cells, scale)

    def log_density(self, who: History) -> Array:
        """Log-likelihood of each history."""
        r, alpha, *_ = self.values
        braces = _by_blocks(lambda part: logsumexp(outcomes(self.values, part)[0], axis=1), who)
        return np.asarray(gammaln(r + who.x) - gammaln(r) + r * np.log(alpha) + braces)

    def rates(self) -> dict[str, tuple[float, Array]]:
        """Mean rate of buying and mean hazard of a new customer, each with the gradient of its log."""
        *_, b, s, beta = self.values
        return super().rates() | {"leaving": (float(b * s / beta), np.array([0.0, 0.0, 1.0, 1.0, -1.0]))}

    def alive(self, who: History) -> Array:
        """P(the customer has not left)."""

        def share(part: History) -> Array:
            log_weight, _ = outcomes(self.values, part)
            return np.asarray(np.exp(log_weight[:, 0] - logsumexp(log_weight, axis=1)))

        return _by_blocks(share, who)

    def while_alive(self, who: History, times: Array) -> Array:
        """Purchases within each of `times` if alive; a row for each customer, a column for each time."""
        r, alpha, b, s, beta = self.values
        some, inverse = np.unique(who.T, return_inverse=True)
        there = time_there(b, s, _rest(b, beta, some)[:, None], times[None, :])[inverse]
        return np.asarray(((r + who.x) / (alpha + who.T))[:, None] * there)

    def count_probabilities(self, who: History, t: float, most: int) -> Array:
        """Of a new customer with Gamma(r + x, alpha + T) and beta = Q(T), who stays to the end or leaves."""
        r, alpha, b, s, beta = self.values
        return _counts((r + who.x, alpha + who.T, b, s, _rest(b, beta, who.T)), t, most)

    def probability_of(self, n: ArrayLike, t: ArrayLike) -> Any:
        """P(a new customer makes exactly `n` repeat purchases in the `t` units after the first)."""
        count, times = counts_and_times(n, t)
        r, alpha, b, s, beta = self.values
        found = np.empty(count.shape)
        for at in np.ndindex(count.shape):
            params = (np.array([r]), np.array([alpha]), b, s, np.array([beta]))
            found[at] = _counts(params, float(times[at]), int(count[at]))[0, -1]
        return float(found) if found.ndim == 0 else found

    def _new(self, times: Array) -> Array:
        r, alpha, b, s, beta = self.values
        return np.asarray(r / alpha * time_there(b, s, np.asarray(beta), times))

    def simulate(self, who: History, t: float, rng: np.random.Generator) -> Array:
        """Purchases of each customer within `t`, in one drawn future."""
        rate, there = self._lives(who, t, rng)
        return rng.poisson(rate * there).astype(float)

    def simulate_times(
        self, who: History, horizon: float, rng: np.random.Generator
    ) -> tuple[NDArray[np.intp], Array]:
        """The customer (row) of each purchase of one drawn future, and when it comes."""
        rate, there = self._lives(who, horizon, rng)
        owner = np.repeat(np.arange(len(there)), rng.poisson(rate * there))
        return owner, rng.random(len(owner)) * there[owner]

    def _lives(self, who: History, horizon: float, rng: np.random.Generator) -> tuple[Array, Array]:
        """Of each customer: buying rate, and how much of the horizon the customer is there."""
        r, alpha, b, s, beta = self.values
        rate = rng.gamma(r + who.x) / (alpha + who.T)
        left = _age(rng.exponential(size=len(who)) / s, _rest(b, beta, who.T)) / b
        there = rng.random(len(who)) < self.alive(who)
        return rate, np.where(there, np.minimum(left, horizon), 0.0)


def outcomes(params: Array, who: History) -> tuple[Array, Array]:
    """What may have come of each customer: log weights and ages, first still there at T, then left at y."""
    r, alpha, b, s, beta = params
    x, recency, T = who.x[:, None], who.recency[:, None], who.T[:, None]
    shape, rest = r + x, _rest(b, beta, recency)
    d, log_step = _distances(
        _distance(b * (T - recency), rest), 1 / s, 1 / rest, (alpha + recency) * b / rest / shape
    )
    age = np.concatenate([T, recency + _age(d, rest) / b], axis=1)
    behind = b * recency + np.log(rest) - np.log(beta)  # ln D(t_x) - ln beta
    here = -s * (b * T + np.log(_rest(b, beta, T)) - np.log(beta))
    gone = np.log(s) - s * (behind + d) + log_step
    return -shape * np.log(alpha + age) + np.concatenate([here, gone], axis=1), age


def time_there(b: float, s: float, rest: Array, t: Array) -> Array:
    """Expected time of `t` before a customer leaves whose beta is `rest`; broadcasts."""
    rest, t = np.broadcast_arrays(rest, t)
    rest, t = rest[..., None], t[..., None]
    d, log_step = _distances(_distance(b * t, rest), 1 / (1 + s), 1 / rest)
    pace = rest / (b * (rest + (1 - rest) * np.exp(-d)))  # dy / dd
    return np.asarray((np.exp(log_step - s * d) * pace).sum(axis=-1))


def _counts(params: tuple[Array, Array, float, float, Array], t: float, most: int) -> Array:
    """P(n purchases within `t`), a row for each new customer, columns n = 0 .. most."""
    r, alpha, b, s, beta = (np.asarray(v)[..., None] for v in params)
    n = np.arange(most + 1.0)
    longest = _distance(b * t, beta)
    d, log_step = _distances(longest, 1 / s, 1 / beta, alpha * b / beta / (r + most))
    weight, u = s * np.exp(log_step - s * d), _age(d, beta) / b
    found = np.exp(-s * longest) * nbd_probabilities(n[None, :], r, alpha, t)
    rows = max(1, _CHUNK // (len(n) * len(_NODES)))
    for begin in range(0, len(r), rows):
        part = slice(begin, begin + rows)
        each = nbd_probabilities(n[None, :, None], r[part, :, None], alpha[part, :, None], u[part, None, :])
        found[part] += np.einsum("ink,ik->in", each, weight[part])
    return np.asarray(found)


def _distances(longest: Array, *scales: Any) -> tuple[Array, Array]:
    """Nodes from 0 to `longest`, dense on the shortest of the scales, and the logarithms of their steps."""
    c = 1 / sum(1 / np.asarray(scale) for scale in scales)
    reach = np.log1p(longest / c)
    d = c * np.expm1(reach * _NODES)
    with np.errstate(divide="ignore"):
        return d, np.log(c + d) + np.log(reach * _WEIGHTS)


def _rest(b: float, beta: float, t: Array) -> Array:
    """Q(t): what is beta for a customer who is there at t."""
    return np.asarray(beta * np.exp(-b * t) - np.expm1(-b * t))


def _age(d: Array, rest: Array) -> Array:
    """B times the age at a distance d: ln(1 + rest (e^d - 1)), where e^d is no number, too."""
    return np.where(d < _LARGE, np.log1p(rest * np.expm1(np.minimum(d, _LARGE))), d + np.log(rest))


def _distance(age: Array, rest: Array) -> Array:
    """The inverse of `_age`."""
    return np.where(age < _LARGE, np.log1p(np.expm1(np.minimum(age, _LARGE)) / rest), age - np.log(rest))


def _by_blocks(each: Any, who: History) -> Array:
    parts = [each(who.rows(slice(k, k + _BLOCK))) for k in range(0, len(who), _BLOCK)]
    return np.concatenate(parts) if parts else np.zeros(0)


@dataclass(frozen=True)
class GompertzLikelihood(ParetoLikelihood):
    """Minus the mean log-likelihood of weighted cells in log parameters, with gradient and Hessian."""

    def starts(self) -> list[Array]:
        """As for Pareto/NBD with b of 1, with a late peak, and nearly without age."""
        found = []
        for b, s, beta in ((1.0, 0.6, 0.8), (4.0, 0.5, 20.0), (0.05, 0.6, 0.03)):
            r, alpha, *_ = super().starts()[0]
            found.append(np.array([r, alpha, *np.log([b, s, beta])]))
        return found

    def value(self, log_params: Array) -> float:
        """The value alone."""
        return self(log_params)[0]

    def __call__(self, log_params: Array) -> tuple[float, Array, Array]:
        """Value, gradient (5) and Hessian (5, 5) at log r, alpha, b, s, beta."""
        params = np.exp(log_params)
        r, alpha = params[:2]
        n, x = self.customers_at, self.distinct
        value = float(n @ gammaln(r + x) + self.total * (r * np.log(alpha) - gammaln(r)))
        gradient, hessian = np.zeros(5), np.zeros((5, 5))
        gradient[0] = n @ digamma(r + x) + self.total * (np.log(alpha) - digamma(r))
        gradient[1] = self.total * r / alpha
        hessian[0, 0] = n @ polygamma(1, r + x) - self.total * polygamma(1, r)
        hessian[0, 1] = hessian[1, 0] = self.total / alpha
        hessian[1, 1] = -self.total * r / alpha**2
        for begin in range(0, len(self.x), _BLOCK):
            part = slice(begin, begin + _BLOCK)
            who = History(self.x[part], self.recency[part], self.T[part])
            one = _derivatives(params, who, self.weight[part])
            value, gradient, hessian = value + one[0], gradient + one[1], hessian + one[2]
        gradient = gradient * params  # to log parameters
        hessian = hessian * np.outer(params, params) + np.diag(gradient)
        return -value / self.total, -gradient / self.total, -hessian / self.total


def _derivatives(params: Array, who: History, w: Array) -> tuple[float, Array, Array]:
    """Ln of the braces: a mean over still there and every age of leaving, ages held while parameters move."""
    r, alpha, b, s, beta = params
    log_weight, y = outcomes(params, who)
    whole = logsumexp(log_weight, axis=1, keepdims=True)
    by = np.exp(log_weight - whole)
    left = np.append(0.0, np.ones(y.shape[1] - 1))  # 1 where the customer has left
    k, shape, rest = s + left, (r + who.x)[:, None], _rest(b, beta, y)
    per_a, per_d = 1 / (alpha + y), np.exp(-b * y) / rest
    at = np.stack(
        [
            np.log(per_a),
            -shape * per_a,
            left / b + left * y - k * y / rest,
            left / s + np.log(beta) - b * y - np.log(rest),
            s / beta - k * per_d,
        ]
    )
    mean = (at * by).sum(axis=2)
    # Squares about the mean: where r runs to infinity, those about zero would leave nothing of the rest.
    off, wb = at - mean[:, :, None], w[:, None] * by
    bend = np.einsum("ink,jnk,nk->ij", off, off, wb, optimize=True)
    second = {
        (0, 1): -per_a,
        (1, 1): shape * per_a**2,
        (2, 2): -left / b**2 - k * y**2 * (rest - 1) / rest**2,
        (2, 3): -y / rest,
        (2, 4): k * y * per_d / rest,
        (3, 3): -left / s**2 + 0 * y,
        (3, 4): 1 / beta - per_d,
        (4, 4): -s / beta**2 + k * per_d**2,
    }
    for (i, j), each in second.items():
        bend[i, j] += (wb * each).sum()
        bend[j, i] = bend[i, j]
    return float(w @ whole[:, 0]), mean @ w, bend
