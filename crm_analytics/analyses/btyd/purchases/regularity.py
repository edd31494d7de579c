"""How regularly customers buy: the k of (M)BG/CNBD-k that the gaps between purchases make likeliest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.btyd.fitting.histories import HISTORY, checked
from crm_analytics.analyses.btyd.fitting.units import days_per_unit
from crm_analytics.analyses.btyd.purchases.regular_model import RegularModel, RegularModifiedBetaGeo
from crm_analytics.analyses.plots import Plots
from crm_analytics.analyses.progress import watched
from crm_analytics.errors import DataError, ParameterError
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.analyses.btyd.fitting.summary import Summary

MOST = 6


@dataclass(frozen=True, eq=False)
class Regularity(ObjectCard):
    """Fits for k = 1, 2, ... side by side.

    table : k, r, alpha, a, b, log_likelihood, gain (over k = 1), converged
    k : of the highest log-likelihood among the fits that converged
    model : that fit
    words : what it means
    """

    table: pd.DataFrame
    k: int
    model: RegularModel
    words: str

    plot = Plots("crm_analytics.analyses.btyd.checks.pictures", "gains")


@watched("Fitting models of regular buying")
def regularity(
    source: Summary | pd.DataFrame,
    kind: type[RegularModel] = RegularModifiedBetaGeo,
    *,
    most: int = 4,
    unit: str | None = None,
    minimum: int = 100,
) -> Regularity:
    """Choose k by likelihood: all have the same number of parameters, so no penalty is needed.

    Parameters
    ----------
    source : a summary, whose base tells the gaps; or a frame with frequency, recency, T and log_gaps (the
        sum of the logarithms of the customer's gaps between purchases, in `unit`; 0 where there is none)
    kind : `RegularBetaGeo` or `RegularModifiedBetaGeo`
    most : the largest k to try, 1..6
    unit : of a frame
    minimum : customers below which a fit is refused

    Raises
    ------
    DataError : a frame has no log_gaps. NotEnoughData, ParameterError : as in `BetaGeo.fit`.

    Source
    ------
    Platzer & Reutterer (2016), Marketing Science 35(5), section 3.4.
    """
    if not (isinstance(most, int) and 1 <= most <= MOST):
        raise ParameterError(f"most must be a whole number from 1 to {MOST}, got {most!r}")
    log_gaps = _log_gaps(source, kind)
    fits = [kind.fit(source, unit, minimum=minimum, k=k, log_gaps=log_gaps) for k in range(1, most + 1)]
    table = pd.DataFrame([{"k": f.k, **f.params, "log_likelihood": f.log_likelihood} for f in fits])
    table["gain"] = table["log_likelihood"] - table["log_likelihood"][0]
    table["converged"] = [f.diagnosis.converged for f in fits]
    sound = table[table["converged"]] if table["converged"].any() else table
    best = fits[int(sound["k"].to_numpy()[sound["log_likelihood"].to_numpy().argmax()]) - 1]
    return Regularity(table, best.k, best, _words(best, float(table["gain"][best.k - 1])))


def _words(best: RegularModel, gain: float) -> str:
    if not best.diagnosis.converged:
        return f"No k converged. {best.diagnosis.message}"
    if best.k == 1:
        return "Customers buy at random, not regularly: k = 1 is likeliest, the model without regularity."
    return (
        f"Customers buy more regularly than at random: k = {best.k} is likeliest, by {gain:,.1f} "
        "log-likelihood units over k = 1. Who is overdue has left the sooner."
    )


def _log_gaps(source: Summary | pd.DataFrame, kind: type[RegularModel]) -> float:
    """The sum over all gaps of ln gap, in the unit of the source."""
    if isinstance(source, pd.DataFrame):
        if "log_gaps" not in source.columns:
            raise DataError(
                f"{kind.LABEL}: the frame has no column 'log_gaps': the sum of the logarithms of each "
                "customer's gaps between purchases; a summary brings its own"
            )
        f = checked(source, HISTORY, kind.LABEL)
        gaps = np.asarray(source["log_gaps"], float)
        bad = ~np.isfinite(gaps)
        if bad.any():
            raise DataError(f"{kind.LABEL}: 'log_gaps' is missing or infinite in {int(bad.sum()):,} rows")
        return float(f["customers"].to_numpy() @ gaps)
    gaps_by_length = gap_lengths(source)
    days, count = gaps_by_length["days"].to_numpy(float), gaps_by_length["gaps"].to_numpy(float)
    return float(count @ np.log(days / days_per_unit(source.unit)))


def gap_lengths(summary: Summary) -> pd.DataFrame:
    """Gaps between the purchase days of a customer, counted by their length: days, gaps; sorted."""
    base = summary.base
    t = base.exact_occasions
    before = t.day.lag().over(ibis.window(group_by="customer_id", order_by="day"))
    pairs = t.select("day", before=before)
    pairs = pairs.filter(pairs.before.notnull())
    each = pairs.select(days=pairs.day.delta(pairs.before, unit="day").cast("int64"))
    return base.collect(each.group_by("days").aggregate(gaps=each.count()).order_by("days"))
