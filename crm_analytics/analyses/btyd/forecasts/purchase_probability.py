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

from crm_analytics.analyses.btyd.fitting.argument_order import model_first
from crm_analytics.analyses.btyd.fitting.histories import HISTORY, History, checked
from crm_analytics.analyses.btyd.fitting.summary import Summary, summarize
from crm_analytics.analyses.btyd.fitting.units import time_ahead
from crm_analytics.analyses.btyd.forecasts.holdout import KEYS, held_out, length_of
from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel
from crm_analytics.analyses.intervals import wilson
from crm_analytics.analyses.plots import Plots
from crm_analytics.errors import ParameterError
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

Array = NDArray[np.float64]


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
    return pd.Series(chance_to_buy(model, History.of(f), h), f.index, name="probability_active")


def chance_to_buy(model: PurchaseModel, who: History, h: float) -> Array:
    """`probability_active` for arrays."""
    return model.active(who, time_ahead(h, "h"))


@model_first
def active_customers(
    model: PurchaseModel, summary: Summary, h: float, *, status: PurchaseModel | None = None
) -> ir.Table:
    """P(buy in the next `h`) and P(alive) of every customer; only cells pass through Python.

    Parameters
    ----------
    model : for P(buy)
    summary : whom to score, in the model's unit
    h : time ahead, in the model's unit
    status : where P(alive) comes from; default `model`

    Returns
    -------
    Ibis table, one row per customer: customer_id, probability_active, probability_alive.
    """
    for one in (model, status or model):
        if one.unit != summary.unit:
            raise ParameterError(
                f"the summary is in units of '{summary.unit}', {one.LABEL} was fitted in '{one.unit}': "
                "summarize in the model's unit"
            )
    who = History.of(summary.cells)
    scores = pd.DataFrame(
        {
            "frequency": summary.cells["frequency"],
            "recency_days": summary.cell_days["recency_days"],
            "age_days": summary.cell_days["age_days"],
            "probability_active": chance_to_buy(model, who, h),
            "probability_alive": (status or model).alive(who),
        }
    )
    joined = summary.history.left_join(summary.base.to_engine(scores), KEYS)
    return joined.select("customer_id", "probability_active", "probability_alive")


@dataclass(frozen=True, eq=False)
class Reliability(ObjectCard):
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

    plot = Plots("crm_analytics.analyses.btyd.checks.pictures", "reliability")

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
    who = History.of(held)
    n = held["customers"].to_numpy(float)
    p, came = chance_to_buy(model, who, h), (held["bought"] > 0).to_numpy(float)
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
    alive = float(n @ model.alive(who) / total)
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
