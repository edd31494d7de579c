"""How probable a number of purchases to come is, customer by customer."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crm_analytics.analyses.btyd.fitting.histories import HISTORY, History, checked
from crm_analytics.analyses.btyd.fitting.units import time_ahead
from crm_analytics.analyses.btyd.forecasts.predictive import pairs_of
from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel
from crm_analytics.errors import ParameterError


def probability_of_next(model: PurchaseModel, frame: pd.DataFrame, n: int, t: float) -> pd.Series:
    """P(a customer with this history makes exactly `n` purchases in the next `t` units).

    Parameters
    ----------
    model : BG/NBD, MBG/NBD, Pareto/NBD or NBD
    frame : frequency, recency, T, in the model's unit
    n : whole number >= 0
    t : time ahead, in the model's unit

    Raises
    ------
    ParameterError : n or t are out of range, or the model has no closed distribution of counts.

    Source
    ------
    Fader & Hardie, note 028 (Pareto/NBD) and note 039 (BG/NBD).

    Examples
    --------
    >>> from crm_analytics.analyses.btyd.purchases.beta_geo import BetaGeo
    >>> model = BetaGeo({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}, unit="W")
    >>> one = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86]})
    >>> [round(float(probability_of_next(model, one, n, 39)[0]), 3) for n in (0, 1, 2)]
    [0.445, 0.239, 0.144]
    """
    if not (isinstance(n, int | np.integer) and n >= 0):
        raise ParameterError(f"n must be a whole number >= 0, got {n!r}")
    ahead = time_ahead(t)
    f = checked(frame, HISTORY, model.LABEL)
    who = History.of(f)
    alive = model.alive(who)
    pairs, inverse = pairs_of(who)
    counts = model.count_probabilities(pairs, ahead, int(n))
    if counts is None:
        raise ParameterError(f"{model.LABEL} has no closed distribution of counts; draw futures instead")
    found = alive * counts[inverse, int(n)] + (1 - alive if n == 0 else 0.0)
    return pd.Series(found, f.index, name=f"probability_of_{n}")
