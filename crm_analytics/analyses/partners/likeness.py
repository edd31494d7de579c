"""Who resembles a partner's customers, and which of the partner's customers resemble our best.

Both are rates of cells: customers are sorted into cells by when, how often and for how much they bought, the
share that is meant is counted in each cell on one half of the customers, drawn towards the mean share, and
tried on the other half. Only counts of cells reach Python, and the scores are joined back in the engine.

Misleads: a rate of a cell is no cause. Where the area under the curve is not told apart from one half, the
ranking is worth nothing, and `is_shown` says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.churn.measures.measures import Measure, auc
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.partners.matching import Matched
    from crm_analytics.tables.customer_base import CustomerBase

PARTS = 4  # quarters by each measure
PRIOR = 20.0  # customers by which the rate of a small cell is drawn to the mean
LEAST = 30  # of those meant, and of the others, in each half
CELL = ["first", "second", "third"]


@dataclass(frozen=True, eq=False)
class Likeness(ObjectCard):
    """How alike others are to those meant.

    Attributes
    ----------
    scored : Ibis: key column(s) and likeness (share of those meant in the customer's cell, 0..1)
    auc : on the half that was not counted: 0.5 is chance
    meant, others : people
    """

    scored: ir.Table
    auc: Measure
    meant: int
    others: int

    @property
    def is_shown(self) -> bool:
        """Whether the ranking is told apart from chance."""
        return self.auc.lower > 0.5


def like_partner(base: CustomerBase, matched: Matched, partner: str) -> Likeness:
    """How alike our customers are to those we share with a partner.

    Raises
    ------
    NotEnoughData : fewer than 30 shared customers, or 30 others, in a half.
    """
    history = base.purchase_history
    bought = history.filter(history.order_count > 0)
    shared = matched.records.filter(
        matched.records.partner_id == partner, matched.records.customer_id.notnull()
    )
    ids = shared.select("customer_id").distinct().mutate(meant=ibis.literal(1))
    table = bought.left_join(ids, "customer_id").drop("customer_id_right")
    places = {
        "first": table.last_day.epoch_days() if hasattr(table.last_day, "epoch_days") else table.last_day,
        "second": table.order_count,
        "third": table.revenue.cast("float64"),
    }
    quarters = {
        name: ibis.ntile(PARTS).over(order_by=[column, table.customer_id]).cast("int64")
        for name, column in places.items()
    }
    sorted_ = table.select("customer_id", meant=table.meant.fill_null(0).cast("int64"), **quarters)
    return _likeness(base, sorted_, ["customer_id"])


def like_our_best(base: CustomerBase, matched: Matched, partner: str) -> Likeness:
    """How alike a partner's records are to those of our best third of shared customers.

    Returns
    -------
    scored : token, customer_id (NULL: new to us), population, likeness

    Raises
    ------
    NotEnoughData : too few shared customers.
    """
    records = matched.records.filter(matched.records.partner_id == partner)
    history = base.purchase_history.select("customer_id", "revenue")
    joined = records.left_join(history, "customer_id").drop("customer_id_right")
    known = joined.filter(joined.revenue.notnull())
    third = ibis.ntile(3).over(order_by=[ibis.desc(known.revenue.cast("float64")), known.token])
    best = known.select("token", meant=(third == 0).cast("int64"))
    table = joined.left_join(best, "token").drop("token_right")
    sorted_ = table.select(
        "token", "customer_id", "population", "meant",
        first=_band(table.recency_days, (31, 92, 183)),
        second=_band(table.frequency, (2, 4, 8)),
        third=table.monetary_band.fill_null("").lower(),
    )  # fmt: skip
    return _likeness(base, sorted_, ["token", "customer_id", "population"])


def _band(column: ir.NumericColumn, bounds: tuple[int, ...]) -> ir.IntegerColumn:
    place = ibis.literal(0)
    for bound in bounds:
        place += (column >= bound).fill_null(False).cast("int64")
    return place


def _likeness(base: CustomerBase, table: ir.Table, keys: list[str]) -> Likeness:
    half = ibis.row_number().over(order_by=table[keys[0]]) % 2
    table = base.materialise(table.mutate(half=half.cast("int64")))
    told = table.filter(table.meant.notnull())
    counted = base.collect(
        told.group_by([*CELL, "half"])
        .aggregate(n=told.count(), meant=told.meant.sum())
        .order_by([*CELL, "half"])
    )
    sums = counted.groupby("half")[["meant", "n"]].sum().reindex([0, 1], fill_value=0)
    fewest = int(min(sums["meant"].min(), (sums["n"] - sums["meant"]).min()))
    if fewest < LEAST:
        raise NotEnoughData("likeness", fewest, LEAST, "customers in a half")
    first, second = counted[counted["half"] == 0], counted[counted["half"] == 1]
    tried = second.merge(_rates(first), on=CELL, how="left")
    meant, of = sums.to_numpy(float)[0]
    score = tried["likeness"].fillna(meant / of).to_numpy(float)
    ones, zeros = tried["meant"].to_numpy(int), (tried["n"] - tried["meant"]).to_numpy(int)
    y = np.repeat([1, 0], [ones.sum(), zeros.sum()])
    found = auc(y, np.concatenate([np.repeat(score, ones), np.repeat(score, zeros)]))
    rates = _rates(counted)
    joined = table.left_join(base.to_engine(rates), CELL)
    share = float(sums["meant"].sum() / sums["n"].sum())
    scored = joined.select(*keys, likeness=joined.likeness.fill_null(share))
    total = int(sums["meant"].sum())
    return Likeness(base.materialise(scored), found, total, int(sums["n"].sum()) - total)


def _rates(counted: pd.DataFrame) -> pd.DataFrame:
    cells = counted.groupby(CELL, as_index=False)[["n", "meant"]].sum()
    mean = cells["meant"].sum() / cells["n"].sum()
    return cells[CELL].assign(likeness=(cells["meant"] + PRIOR * mean) / (cells["n"] + PRIOR))
