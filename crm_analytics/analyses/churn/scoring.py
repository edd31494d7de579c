"""Every customer's probability to leave, with the reasons, written into the engine in batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.churn.features.btyd_features import with_btyd
from crm_analytics.analyses.churn.features.features import WORDS, features
from crm_analytics.analyses.churn.features.own_features import with_own
from crm_analytics.analyses.churn.training import Churn
from crm_analytics.errors import ParameterError

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

BATCH = 100_000  # customers in Python at a time
EXPLAINED = 20_000  # of the likeliest to leave, where there are more customers
HIGH, LOW = 0.7, 0.3  # risk bands
GONE = "gone"
REASONS = 3


def score(base: CustomerBase, trained: Churn, *, explained: int = EXPLAINED) -> ir.Table:
    """Who will leave in the window after the base's day, and who has left already.

    Parameters
    ----------
    base : cut at the day of the scores
    trained : what `train` gave, perhaps on an earlier day
    explained : customers who are given reasons, the likeliest to leave first

    Returns
    -------
    Ibis table, one row for each customer who has bought: customer_id, churn_probability (NULL for who has
    left already), risk ("high" from .7, "low" below .3, "medium"; "gone": nothing bought for a whole window),
    value (money of the last so many days as the window has), value_at_risk (their product), reason_1 ..
    reason_3 (in words; NULL where nothing more speaks for leaving)

    Raises
    ------
    ParameterError : `explained` is negative
    """
    if explained < 0:
        raise ParameterError(f"explained = {explained}: a number of customers, 0 or more")
    table = base.materialise(_measured(base, trained))
    scored = base.materialise(_probabilities(base, trained, table))
    reasons = _reasons(base, trained, table, scored, explained)
    if reasons is None:
        joined = scored.mutate(**{f"reason_{k}": ibis.null("string") for k in range(1, REASONS + 1)})
    else:
        joined = scored.left_join(reasons, "customer_id").drop("customer_id_right")
    value = joined.value.fill_null(0.0)
    p = joined.churn_probability
    risk = ibis.cases((p.isnull(), GONE), (p >= HIGH, "high"), (p < LOW, "low"), else_="medium")
    return joined.select(
        "customer_id",
        "churn_probability",
        risk=risk,
        value=value,
        value_at_risk=p.fill_null(0.0) * value,
        **{f"reason_{k}": joined[f"reason_{k}"] for k in range(1, REASONS + 1)},
    )


def _measured(base: CustomerBase, trained: Churn) -> ir.Table:
    window = trained.window
    recent = base.customer_days.filter(
        lambda t: ibis.literal(base.day).delta(t.day, unit="day").cast("int64") < window
    )
    money = recent.group_by("customer_id").aggregate(value=recent.spend.sum().cast("float64"))
    table = with_own(base, with_btyd(base, features(base), window), trained.own)
    return table.left_join(money, "customer_id").drop("customer_id_right")


def _probabilities(base: CustomerBase, trained: Churn, table: ir.Table) -> ir.Table:
    place = ibis.row_number().over(order_by="customer_id")  # of the ids alone: a window holds all its columns
    ids = base.materialise(table.select("customer_id", batch=(place // BATCH).cast("int64")))
    last = ids.batch.max().to_pyarrow().as_py()
    found = []
    for k in range(0 if last is None else int(last) + 1):
        part = table.semi_join(ids.filter(ids.batch == k), "customer_id")
        frame = base.collect(part.order_by("customer_id"))
        wanted = frame.drop(columns=["customer_id", "value"])
        there = (frame["recency_days"] < trained.window).to_numpy()
        chance = np.full(len(frame), np.nan)
        if there.any():
            chance[there] = trained.probability(wanted[there])
        scores = frame[["customer_id", "value"]].assign(churn_probability=chance)
        found.append(base.to_engine(scores))
    return ibis.union(*found) if len(found) > 1 else found[0]


def _reasons(
    base: CustomerBase, trained: Churn, table: ir.Table, scored: ir.Table, explained: int
) -> ir.Table | None:
    """Of the likeliest leavers: what speaks most for leaving, in words; None where nobody is explained."""
    columns = [f"reason_{k}" for k in range(1, REASONS + 1)]
    there = scored.filter(scored.churn_probability.notnull())
    likeliest = there.order_by(ibis.desc("churn_probability"), "customer_id").limit(explained)
    frame = base.collect(table.semi_join(likeliest, "customer_id").order_by("customer_id"))
    if frame.empty:
        return None
    empty = pd.DataFrame({c: np.full(len(frame), None, object) for c in columns})
    if trained.model is None:
        leaves = trained.rule.leaves(frame["recency_days"])
        empty["reason_1"] = [trained.rule.words if one else None for one in leaves]
    else:
        wanted = frame.drop(columns=["customer_id", "value"])
        top = trained.model.explain(wanted).top(REASONS)
        for column in columns:
            if column in top:
                empty[column] = [None if name is None else WORDS.get(name, name) for name in top[column]]
    told = empty.astype("string")
    told.insert(0, "customer_id", frame["customer_id"].to_numpy())
    return base.to_engine(told)
