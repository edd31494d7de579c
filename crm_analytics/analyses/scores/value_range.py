"""What one customer may bring, with its range: computed for the cells, scaled to each customer in the engine.

In Gamma-Gamma a customer who bought x times again for m on average spends at a rate Gamma(p x + q, v + x m),
and N purchases to come are worth Gamma(p N, rate). So their worth is (v + x m) times G(p N) / G(p x + q), and
that ratio depends on the cell alone: its quantiles are worked out once for all customers of a cell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import gammaincinv

from crm_analytics.analyses.btyd.fitting.histories import History
from crm_analytics.analyses.btyd.forecasts.predictive import counts_to_come
from crm_analytics.errors import ParameterError

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel
    from crm_analytics.analyses.btyd.spend.gamma_gamma import GammaGamma
    from crm_analytics.analyses.value_to_come import ValueToCome

Array = NDArray[np.float64]
POINTS = 1_000  # at which each distribution is looked at
BATCH = 2_048  # cells at a time


def worth_ratios(
    model: PurchaseModel,
    spend: GammaGamma,
    cells: pd.DataFrame,
    t: float,
    *,
    level: float = 0.95,
    seed: int = 1,
) -> tuple[Array, Array]:
    """The two ends, in units of (v + x m), between which a customer of each cell will bring with `level`.

    Parameters
    ----------
    cells : frequency, recency, T, in the model's unit
    t : length of the time ahead, in the model's unit
    level : probability of the range, between 0 and 1
    seed : of the points at which three distributions are paired; equal cells have equal ends

    Source
    ------
    Fader & Hardie (2013), The Gamma-Gamma model of monetary value, for the posterior; the ratio of two
    independent gammas is beta prime (Johnson, Kotz & Balakrishnan 1995, ch. 27).

    Examples
    --------
    >>> from crm_analytics.analyses.btyd import BetaGeo, GammaGamma
    >>> model = BetaGeo({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}, unit="W")
    >>> spend = GammaGamma({"p": 6.25, "q": 3.74, "v": 15.44})
    >>> cells = pd.DataFrame({"frequency": [0, 9], "recency": [0.0, 38.0], "T": [38.86, 38.86]})
    >>> low, high = worth_ratios(model, spend, cells, 52)
    >>> (high * (15.44 + np.array([0, 9 * 20.0]))).round(-1).tolist()
    [80.0, 430.0]
    """
    if not 0 < level < 1:
        raise ParameterError(f"level = {level}: a probability between 0 and 1, like 0.95")
    who, rng = History.of(cells), np.random.default_rng(seed)
    p, q = spend.params["p"], spend.params["q"]
    even = (np.arange(POINTS) + 0.5) / POINTS
    counted, spent, rated = even, rng.permutation(even), rng.permutation(even)
    tails = [(1 - level) / 2, (1 + level) / 2]
    found = np.zeros((2, len(who)))
    rates: dict[float, Array] = {}  # x -> G(p x + q) at the points
    for begin in range(0, len(who), BATCH):
        rows = slice(begin, begin + BATCH)
        part = who.rows(rows)
        purchases = _at(counts_to_come(model, part, t), counted)
        numbers, place = np.unique(purchases, return_inverse=True)
        money = np.zeros((len(numbers), POINTS))
        for i, n in enumerate(numbers):
            money[i] = gammaincinv(p * n, spent) if n else 0.0
        for x in np.unique(part.x):
            if x not in rates:
                rates[float(x)] = gammaincinv(p * x + q, rated)
        worth = money[place.reshape(purchases.shape), np.arange(POINTS)]
        worth /= np.stack([rates[float(x)] for x in part.x])
        found[:, rows] = np.quantile(worth, tails, axis=1)
    return found[0], found[1]


def _at(chances: Array, levels: Array) -> NDArray[np.intp]:
    """How many purchases each row's distribution has at each level: one search for all rows."""
    below = np.minimum(np.cumsum(chances, axis=1), 1.0)
    below[:, -1] = 1.0
    row = np.arange(len(below))[:, None]
    found = np.searchsorted((below + row).ravel(), (levels + row).ravel(), side="left")
    return np.asarray(found.reshape(len(below), len(levels)) - row * below.shape[1])


def value_ranges(found: ValueToCome, *, level: float = 0.95) -> ir.Table:
    """What each customer will bring over the forecast's horizon, and its range.

    The range is one customer's own chance: how often they buy, and for how much. That the whole forecast may
    be too high or too low is not in it; the total's interval says that.

    Returns
    -------
    Ibis: customer_id, probability_alive, expected_purchases, value_to_come, value_lower, value_upper
    """
    models, inside = found.foundation.models, found.inside
    horizon = found.horizon
    t = models.business_weeks(horizon[0] * _DAYS[horizon[1]] / 7)
    low, high = worth_ratios(found.model, found.spend, inside.cells, t, level=level)
    ends = pd.DataFrame(
        {
            "frequency": inside.cells["frequency"],
            "recency_days": inside.cell_days["recency_days"],
            "age_days": inside.cell_days["age_days"],
            "low": low * found.factor,
            "high": high * found.factor,
        }
    )
    base, v = inside.base, found.spend.params["v"]
    history = inside.history
    joined = history.left_join(base.to_engine(ends), ["frequency", "recency_days", "age_days"])
    scale = v + history.frequency.cast("float64") * history.monetary_value.fill_null(0.0)
    each = joined.select("customer_id", value_lower=joined.low * scale, value_upper=joined.high * scale)
    scored = found.scored
    both = scored.left_join(each, "customer_id")
    return both.select(
        scored.customer_id, scored.probability_alive, scored.expected_purchases, scored.value_to_come,
        each.value_lower, each.value_upper,
    )  # fmt: skip


_DAYS = {"D": 1.0, "W": 7.0, "M": 365.25 / 12, "Y": 365.25}
