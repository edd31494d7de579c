"""Who will buy in the time ahead: P(buy in the next h) beside P(alive), and how far to trust it.

P(alive) cannot be observed and each model makes its own (CDNOW: BG/NBD 81 % alive on average, Pareto/NBD
45 %). Whether somebody buys within a quarter can be observed, and there the models agree: so decide by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import betainc

from crm_analytics.analyses.btyd.fitting.histories import HISTORY, checked
from crm_analytics.analyses.btyd.fitting.summary import Summary, summarize
from crm_analytics.analyses.btyd.fitting.units import time_ahead
from crm_analytics.analyses.btyd.forecasts.holdout import KEYS, held_out, length_of
from crm_analytics.analyses.btyd.purchases.dropout_model import DropoutModel
from crm_analytics.analyses.btyd.purchases.pareto_nbd import ParetoNBD
from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel
from crm_analytics.analyses.btyd.purchases.regular_model import RegularModel
from crm_analytics.analyses.intervals import wilson
from crm_analytics.errors import ParameterError

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

Array = NDArray[np.float64]
_NODES, _WEIGHTS = (half / 2 for half in np.polynomial.legendre.leggauss(64))
_NODES = _NODES + 0.5
_BLOCK = 16_384


def probability_active(model: PurchaseModel, frame: pd.DataFrame, h: float) -> pd.Series:
    """P(the customer buys at least once in the next `h` units), one a row, 0..1.

    Whoever stays silent for h has the history (x, t_x, T + h): so P(no purchase) is the ratio of two
    likelihoods, L(x, t_x, T + h) / L(x, t_x, T), whatever the model. For BG/NBD and MBG/NBD that comes to
    P(alive) {1 - [(alpha + T) / (alpha + T + h)]^(r + x)}; for Pareto/NBD to P(alive) times an integral over
    the time of the next purchase. Both are computed in these forms, which keep small chances exact.

    Parameters
    ----------
    model : fitted, or with given parameters
    frame : frequency, recency, T in the model's unit
    h : time ahead, in the model's unit

    Raises
    ------
    ParameterError : `h` is no number >= 0.
    DataError : a column is missing or holds impossible values.

    Source
    ------
    Fader & Hardie, note 039, section 5.3; P(active): Wuebben & Wangenheim (2008), Journal of Marketing 72.

    Examples
    --------
    A customer who bought once, long ago: BG/NBD calls him alive for certain, and yet he hardly buys.

    >>> from crm_analytics.analyses.btyd.purchases.beta_geo import BetaGeo
    >>> model = BetaGeo({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}, unit="W")
    >>> once = pd.DataFrame({"frequency": [0], "recency": [0.0], "T": [38.86]})
    >>> model.probability_alive(once).tolist(), probability_active(model, once, h=13).round(3).tolist()
    ([1.0], [0.062])
    """
    f = checked(frame, HISTORY, model.LABEL)
    x, recency, T = (f[c].to_numpy() for c in HISTORY)
    return pd.Series(chance_to_buy(model, (x, recency, T), h), f.index, name="probability_active")


def chance_to_buy(model: PurchaseModel, who: tuple[Array, Array, Array], h: float) -> Array:
    """The same for arrays of frequency, recency and T."""
    h = time_ahead(h, "h")
    x, recency, T = who
    if isinstance(model, DropoutModel):
        r, alpha, *_ = model.values
        return model._alive(x, recency, T) * -np.expm1(-(r + x) * np.log1p(h / (alpha + T)))
    if isinstance(model, ParetoNBD):
        return model._alive(x, recency, T) * _next_purchase(model, x, T, h)
    if isinstance(model, RegularModel):
        return _next_regular(model, x, recency, T, h)
    silent = model._log_density(x, recency, T + h) - model._log_density(x, recency, T)
    return np.asarray(-np.expm1(np.minimum(silent, 0.0)))


def _next_purchase(model: ParetoNBD, x: Array, T: Array, h: float) -> Array:
    """P(a purchase within h | alive): over its time u, rate (r + x) at u and still there, by Gauss' rule.

    In y = ln(1 + u / c) the integrand is smooth and positive: nothing cancels.
    """
    r, alpha, s, beta = model.values
    found = np.empty(len(x))
    for begin in range(0, len(x), _BLOCK):
        part = slice(begin, begin + _BLOCK)
        shape, end, rest = (r + x[part])[:, None], (alpha + T[part])[:, None], (beta + T[part])[:, None]
        # a busy customer's next purchase comes soon: the nodes are spread over that time
        c = np.minimum(end / np.maximum(shape, 1.0), rest)
        longest = np.log1p(h / c)
        u = c * np.expm1(longest * _NODES)
        log_f = np.log(shape) - (shape + 1) * np.log1p(u / end) - np.log(end) - s * np.log1p(u / rest)
        found[part] = (np.exp(log_f) * (c + u) * _WEIGHTS).sum(axis=1) * longest[:, 0]
    return np.minimum(found, 1.0)


def _next_regular(model: RegularModel, x: Array, recency: Array, T: Array, h: float) -> Array:
    """With j events since the last purchase, k - j more within h make the next."""
    r, alpha, *_ = model.values
    share = h / (alpha + T + h)
    parts = [
        there * betainc(model.k - j, r + model.k * x + j, share)
        for j, there in enumerate(model._shares(x, recency, T))
    ]
    return np.minimum(np.sum(parts, axis=0), 1.0)


def active_customers(
    summary: Summary, model: PurchaseModel, h: float, *, status: PurchaseModel | None = None
) -> ir.Table:
    """P(buy in the next `h`) and P(alive) of every customer; only cells pass through Python.

    Parameters
    ----------
    summary : whom to score, in the model's unit
    model : for P(buy)
    h : time ahead, in the model's unit
    status : where P(alive) comes from; default `model`

    Returns
    -------
    Ibis table, one row a customer: customer_id, probability_active, probability_alive.
    """
    for one in (model, status or model):
        if one.unit != summary.unit:
            raise ParameterError(
                f"the summary is in units of '{summary.unit}', {one.LABEL} was fitted in '{one.unit}': "
                "summarize in the model's unit"
            )
    x, recency, T = (summary.cells[c].to_numpy(float) for c in HISTORY)
    scores = pd.DataFrame(
        {
            "frequency": summary.cells["frequency"],
            "recency_days": summary.cell_days["recency_days"],
            "age_days": summary.cell_days["age_days"],
            "probability_active": chance_to_buy(model, (x, recency, T), h),
            "probability_alive": (status or model)._alive(x, recency, T),
        }
    )
    joined = summary.history.left_join(summary.base.to_engine(scores), KEYS)
    return joined.select("customer_id", "probability_active", "probability_alive")


@dataclass(frozen=True, eq=False)
class Reliability:
    """Whether P(buy in the next h) came true.

    model, h : what was asked, on the day `past` ends
    table : by tenths of customers, lowest chance first: group, customers, predicted, actual (shares), lower,
        upper (95 % interval of the actual share, Wilson), inside (whether it holds the predicted)
    brier : mean squared error of the chance, 0..1, lower is better
    reliability, resolution, uncertainty, within : brier = reliability - resolution + uncertainty + within;
        `within` is what the grouping hides (Stephenson, Coelho & Jolliffe 2008)
    skill : 1 - brier / uncertainty: 0 is as good as one chance for all
    buyers, customers : who bought, of how many
    alive : mean P(alive) of the same customers, for comparison
    """

    model: PurchaseModel
    h: float
    table: pd.DataFrame
    brier: float
    reliability: float
    resolution: float
    uncertainty: float
    within: float
    buyers: int
    customers: int
    alive: float

    @property
    def skill(self) -> float:
        """1 - brier / uncertainty."""
        return 1 - self.brier / self.uncertainty if self.uncertainty else float("nan")


def reliability(
    past: CustomerBase,
    future: CustomerBase,
    model: PurchaseModel,
    *,
    summary: Summary | None = None,
    groups: int = 10,
) -> Reliability:
    """P(buy before the holdout ends) held against who bought in it.

    Parameters
    ----------
    past, future : `base.as_of(a)` and `base.between(a, b)`; h is their distance
    model : fitted on `past`
    summary : of `past` in the model's unit, if there is one already
    groups : of about equal numbers of customers in the table; customers with equal histories stay together

    Raises
    ------
    ParameterError : `future` does not begin where `past` ends.

    Source
    ------
    Murphy (1973), Journal of Applied Meteorology 12, 595-600.
    """
    unit = model.unit or "W"
    h = length_of(past, future, unit)
    summary = summary or summarize(past, unit)
    return reliability_of(held_out(summary, future), model, h, groups)


def reliability_of(held: pd.DataFrame, model: PurchaseModel, h: float, groups: int = 10) -> Reliability:
    """The same for cells that are counted already (`holdout.held_out`)."""
    x, recency, T = (held[c].to_numpy(float) for c in HISTORY)
    n = held["customers"].to_numpy(float)
    p, came = chance_to_buy(model, (x, recency, T), h), (held["bought"] > 0).to_numpy(float)
    tenth = equal_groups(p, n, groups)
    total = n.sum()
    size, foreseen, bought = (np.bincount(tenth, w) for w in (n, n * p, n * came))
    mean, share = foreseen / size, bought / size
    overall = float(n @ came / total)
    brier = float(n @ (p - came) ** 2 / total)
    rel = float(size @ (mean - share) ** 2 / total)
    res = float(size @ (share - overall) ** 2 / total)
    unc = overall * (1 - overall)
    intervals = [wilson(round(k), round(m)) for k, m in zip(bought, size, strict=True)]
    table = pd.DataFrame(
        {
            "group": np.arange(1, len(size) + 1),
            "customers": size.astype(np.int64),
            "predicted": mean,
            "actual": share,
            "lower": [low for low, _ in intervals],
            "upper": [high for _, high in intervals],
        }
    )
    table["inside"] = table["predicted"].between(table["lower"], table["upper"])
    alive = float(n @ model._alive(x, recency, T) / total)
    counts = (round(float(n @ came)), round(float(total)))
    return Reliability(model, h, table, brier, rel, res, unc, brier - rel + res - unc, *counts, alive)


def equal_groups(value: Array, weight: Array, groups: int) -> NDArray[np.intp]:
    """Group of each row by rising `value`, about equal in weight; equal values stay together; 0, 1, ...

    >>> equal_groups(np.array([0.3, 0.1, 0.1, 0.9]), np.ones(4), 2).tolist()
    [1, 0, 0, 1]
    """
    levels, code = np.unique(value, return_inverse=True)
    at = np.bincount(code, weight, minlength=len(levels))
    middle = (np.cumsum(at) - at / 2) / at.sum()
    group = np.minimum((middle * groups).astype(np.intp), groups - 1)
    return np.asarray(np.unique(group, return_inverse=True)[1][code], np.intp)
