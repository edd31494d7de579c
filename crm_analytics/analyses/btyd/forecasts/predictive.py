"""How probable each number of purchases to come is, for customers with a history.

Whoever is still there at T starts afresh with what is known of him: in BG/NBD and MBG/NBD a customer who is
alive buys at a rate Gamma(r + x, alpha + T) and leaves after each further purchase with a probability
Beta(a, b + x) (MBG/NBD: b + x + 1), which is a new BG/NBD customer with these parameters; in Pareto/NBD the
hazard is Gamma(s, beta + T), a new Pareto/NBD customer. So the counts to come have the distribution of a new
customer, mixed with a zero for those who have gone (Fader & Hardie, notes 028 and 039).

It depends on recency through P(alive) alone, so it is computed for each pair (x, T), not for each customer.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.btyd.fitting.histories import History
from crm_analytics.analyses.btyd.fitting.special import nbd_probabilities
from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel

Array = NDArray[np.float64]
_DRAWN = 1_000  # futures of each cell, where a model has no closed distribution
_SMOOTHED = 5.0
_MOST = 4_096  # purchases beyond which the tail counts as one


def scores_of_counts(
    model: PurchaseModel, held: pd.DataFrame, t: float, *, seed: int = 1
) -> tuple[Array, Array, Array]:
    """How well a model foresaw the count of each row of a holdout.

    Parameters
    ----------
    model : fitted on the past
    held : frequency, recency, T, bought (what came within `t`)
    t : length of the holdout, in the model's unit
    seed : of the futures drawn where the model has no closed distribution

    Returns
    -------
    Three arrays, one value a row: log score ln P(bought), higher is better; continuous ranked probability
    score sum over n of (P(N <= n) - [bought <= n])^2, in purchases, lower is better; and the middle of the
    distribution function at `bought`, P(N < bought) + P(N = bought) / 2, uniform on average.

    Source
    ------
    Gneiting & Raftery (2007), Strictly proper scoring rules, JASA 102; for counts Czado, Gneiting & Held
    (2009), Biometrics 65.

    Examples
    --------
    >>> from crm_analytics.analyses.btyd.purchases.beta_geo import BetaGeo
    >>> model = BetaGeo({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}, unit="W")
    >>> one = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86], "bought": [1]})
    >>> log_score, crps, _ = scores_of_counts(model, one, 39)
    >>> round(float(np.exp(log_score[0])), 3), round(float(crps[0]), 3)
    (0.239, 0.338)
    """
    who, bought = History.of(held), held["bought"].to_numpy(float)
    alive = model.alive(who)
    found = np.empty((3, len(held)))
    rng = np.random.default_rng(seed)
    # Rows alike in x and in what came need tails of similar length.
    order = np.lexsort((who.T, bought, who.x))
    rows = 4_096
    for begin in range(0, len(order), rows):
        part = order[begin : begin + rows]
        p = _distribution(model, who.rows(part), t, int(bought[part].max()), rng)
        p = alive[part, None] * p
        p[:, 0] += 1 - alive[part]
        found[:, part] = _scores(p, bought[part].astype(np.intp))
    return found[0], found[1], found[2]


def counts_to_come(model: PurchaseModel, who: History, t: float, *, seed: int = 1) -> Array:
    """P(n purchases within t) of each customer: a row each, n = 0, 1, ... along it.

    What lies beyond the last column is less than a millionth.

    Parameters
    ----------
    seed : of the futures drawn where the model has no closed distribution

    Examples
    --------
    >>> from crm_analytics.analyses.btyd.purchases.beta_geo import BetaGeo
    >>> model = BetaGeo({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}, unit="W")
    >>> one = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86]})
    >>> chances = counts_to_come(model, History.of(one), 39)[0]
    >>> round(float(chances @ range(len(chances))), 3)  # 1.226 in Fader, Hardie & Lee (2005)
    1.226
    """
    alive = model.alive(who)
    p = alive[:, None] * _distribution(model, who, t, 0, np.random.default_rng(seed))
    p[:, 0] += 1 - alive
    return np.asarray(p)


def _distribution(
    model: PurchaseModel, who: History, t: float, bought: int, rng: np.random.Generator
) -> Array:
    """P(n) if alive, far enough that what lies beyond is less than a millionth."""
    pairs, inverse = pairs_of(who)
    if model.count_probabilities(pairs.rows(slice(1)), t, 0) is None:
        return _drawn(model, who, t, bought, rng)
    mean = model.while_alive(pairs, np.array([t]))[:, 0]
    most = int(min(max(bought, 8 + 2 * mean.max()), _MOST))
    while True:
        p = model.count_probabilities(pairs, t, most)
        if p is not None and (most >= _MOST or 1 - p.sum(axis=1).min() < 1e-6):
            return np.asarray(p[inverse])
        most *= 2


def pairs_of(who: History) -> tuple[History, NDArray[np.intp]]:
    """Histories that differ in x or T (recency counts as T), and which of them each customer has."""
    pairs, inverse = np.unique(np.stack([who.x, who.T]), axis=1, return_inverse=True)
    return History(pairs[0], pairs[1], pairs[1]), inverse.ravel()


def _drawn(model: PurchaseModel, who: History, t: float, bought: int, rng: np.random.Generator) -> Array:
    """From drawn futures, given alive, with a little of an NBD of equal mean and variance, as weighty as
    `_SMOOTHED` draws: so that nothing is impossible that was only not drawn.
    """
    size, alive = len(who), model.alive(who)
    drawn = np.stack([model.simulate(who, t, rng) for _ in range(_DRAWN)]).astype(np.intp)
    most = max(int(drawn.max()), bought)
    cells = np.bincount((drawn + np.arange(size) * (most + 1)).ravel(), minlength=size * (most + 1))
    mean, variance = np.maximum(drawn.mean(axis=0), 0.5 / _DRAWN), drawn.var(axis=0)
    shape = mean**2 / np.maximum(variance - mean, 0.01 * mean)
    smooth = nbd_probabilities(np.arange(most + 1.0)[None, :], shape[:, None], (shape / mean)[:, None], 1.0)
    p = (cells.reshape(size, most + 1) + _SMOOTHED * smooth) / (_DRAWN + _SMOOTHED)
    # the caller mixes with P(alive): what is left of zero is what comes from the living
    p[:, 0] = np.maximum(p[:, 0] - (1 - alive), 0.0)
    return np.asarray(p / np.maximum(alive, 1e-12)[:, None])


def _scores(p: Array, bought: NDArray[np.intp]) -> Array:
    row = np.arange(len(p))
    below = np.cumsum(p, axis=1)
    reached = np.arange(p.shape[1])[None, :] >= bought[:, None]
    log_score = np.log(np.maximum(p[row, bought], 1e-300))
    crps = ((below - reached) ** 2).sum(axis=1)
    middle = below[row, bought] - p[row, bought] / 2
    return np.stack([log_score, crps, middle])
