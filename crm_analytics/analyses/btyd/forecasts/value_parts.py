"""Intervals of parts: what each segment, the best customers, and single customers will bring."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.btyd.covariates.covariates import CovariateFit
from crm_analytics.analyses.btyd.discounting.discounting import Discount
from crm_analytics.analyses.btyd.discounting.simulation import Foresight, worth_of_a_future
from crm_analytics.analyses.btyd.fitting.argument_order import model_first
from crm_analytics.analyses.btyd.fitting.histories import HISTORY, SPEND, History, checked
from crm_analytics.analyses.btyd.fitting.summary import cells_and_days
from crm_analytics.analyses.btyd.forecasts.value_totals import value_total
from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel
from crm_analytics.analyses.progress import watched
from crm_analytics.errors import ParameterError
from crm_analytics.tables.days import Span

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.btyd.fitting.summary import Summary
    from crm_analytics.analyses.btyd.spend.spend_model import SpendModel

MOST_ROWS = 20_000  # single customers at a time: every one of them is drawn in every draw
TOP, OTHERS = "top", "others"


@model_first
@watched("Drawing futures")
def value_by_group(
    model: PurchaseModel, spend: SpendModel, summary: Summary, groups: ir.Table, **wanted: Any
) -> pd.DataFrame:
    """Residual value of each group of customers, money, with an interval from parameters and chance together.

    All groups are drawn with the same parameters; the groups' own chance is independent, so that intervals
    of groups do not add up to that of the total.

    Parameters
    ----------
    model, spend : as in `value_total`
    summary : of all customers
    groups : Ibis table: customer_id, segment; customers without a group are left out
    wanted : horizon, rate, timing, level, draws, seed, net, as in `value_total`; goods sent back are taken
        off every group by the share of all customers

    Returns
    -------
    segment, customers, value, lower, upper, parameter_lower, parameter_upper; by value, largest first

    Raises
    ------
    ParameterError : nobody of the summary is in a group
    """
    history = summary.history
    named = groups.select("customer_id", segment=groups.segment.cast("string"))
    joined = history.inner_join(named, "customer_id")
    keys = ["segment", "frequency", "recency_days", "age_days"]
    counted = summary.base.collect(
        joined.group_by(keys)
        .aggregate(customers=joined.count(), total=joined.repeat_spend.sum())
        .order_by(keys)
    )
    if counted.empty:
        raise ParameterError("no customer of the summary is in one of the groups")
    kept = summary.kept_share if wanted.pop("net", True) else 1.0
    rows = []
    for name, part in counted.groupby("segment"):
        cells, days = cells_and_days(part.reset_index(drop=True), summary.unit)
        one = replace(summary, cells=cells, cell_days=days, whole=summary)
        total = value_total(one, model, spend, net=False, **wanted).times(kept)
        rows.append(
            (name, total.customers, total.mean, total.lower, total.upper,
             total.parameter_lower, total.parameter_upper)
        )  # fmt: skip
    columns = ["segment", "customers", "value", "lower", "upper", "parameter_lower", "parameter_upper"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.sort_values(["value", "segment"], ascending=[False, True], ignore_index=True)


def tops(scores: ir.Table, share: float = 0.2) -> ir.Table:
    """Who is in the best share of customers by forecast value: customer_id, segment ("top", "others").

    Parameters
    ----------
    scores : as `score` gives them (customer_id, lifetime_value)
    share : of customers, between 0 and 1
    """
    if not 0 < share < 1:
        raise ParameterError(f"share = {share}: a number between 0 and 1, like 0.2")
    order = [scores.lifetime_value.desc(), scores.customer_id]
    place = ibis.row_number().over(order_by=order)
    ranked = scores.select("customer_id", place=place, of=scores.count().over())
    inside = ranked.place < (ranked.of * share).round()
    return ranked.select("customer_id", segment=inside.ifelse(TOP, OTHERS))


@model_first
@watched("Drawing futures")
def value_intervals(
    model: PurchaseModel | CovariateFit,
    spend: SpendModel,
    frame: pd.DataFrame,
    *,
    horizon: Span = (52, "W"),
    rate: float = 0.15,
    timing: str = "end",
    level: float = 0.95,
    draws: int = 1_000,
    seed: int = 1,
) -> pd.DataFrame:
    """What single customers may bring: for most it is nothing, or much more than the mean.

    Parameters
    ----------
    frame : frequency, recency, T, monetary_value, in the model's unit, and the covariates of a
        `CovariateFit`; at most 20,000 rows
    horizon, rate, timing : as in `BetaGeo.lifetime_value`
    level : probability of the interval, 0..1; up to version 0.1 the default was 0.9
    draws : of parameters and futures together, >= 100
    seed : whole number

    Returns
    -------
    lifetime_value (mean at the fitted parameters; up to version 0.1 called value), lower, upper, nothing
    (probability of no purchase at all, from the draws), on the frame's index

    Raises
    ------
    ParameterError : too many rows, or a parameter is out of range
    DataError : a column is missing or holds impossible values

    Examples
    --------
    >>> from crm_analytics.analyses.btyd import BetaGeo, GammaGamma
    >>> model = BetaGeo({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}, unit="W")
    >>> spend = GammaGamma({"p": 6.25, "q": 3.74, "v": 15.44})
    >>> one = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86], "monetary_value": [22.35]})
    >>> value_intervals(model, spend, one, draws=400).round({"nothing": 1})["nothing"].tolist()
    [0.4]
    """
    if len(frame) > MOST_ROWS:
        raise ParameterError(
            f"{len(frame):,} rows; intervals of single customers are drawn for up to {MOST_ROWS:,}: "
            "take the best, or value_by_group"
        )
    if not 0 < level < 1 or draws < 100:
        raise ParameterError("level lies between 0 and 1, draws are 100 or more")
    if not isinstance(model, PurchaseModel | CovariateFit):
        raise ParameterError(f"{model.LABEL} counts {model.COUNTED}: intervals are those of forecast_total")
    discount = Discount.of(horizon, rate, timing, model.unit)
    f, money = checked(frame, HISTORY, model.LABEL), checked(frame, SPEND, spend.LABEL)
    mean = model.lifetime_value(spend, frame, horizon, rate, timing)
    who, means = History.of(f), money["monetary_value"].to_numpy()
    rng = np.random.default_rng(seed)
    found = np.array(
        [
            worth_of_a_future(pair, who, means, discount, rng)
            for pair in _drawn(model, spend, frame, draws, rng)
        ]
    )
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return pd.DataFrame(
        {"lifetime_value": mean, "lower": low, "upper": high, "nothing": (found == 0).mean(axis=0)},
        index=frame.index,
    )


def _drawn(
    model: PurchaseModel | CovariateFit,
    spend: SpendModel,
    frame: pd.DataFrame,
    draws: int,
    rng: np.random.Generator,
) -> list[tuple[Foresight, SpendModel]]:
    """Both at parameters drawn from what is known of them."""
    people = [one.for_customers(frame) for one in model.drawn(draws, rng)]
    return list(zip(people, spend.drawn(draws, rng), strict=True))
