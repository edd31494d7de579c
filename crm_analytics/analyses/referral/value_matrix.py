"""Customers by what they bring themselves and by whom they bring: the matrix of lifetime and referral value.

Source: V. Kumar, J. A. Petersen & R. P. Leone (2007), "How Valuable Is Word of Mouth?", *Harvard Business
Review* 85(10), 139-146. Both values are split at their medians, high means above the median. Where most
customers refer nobody, the median referral value is 0 and high means: brought somebody of worth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

CHAMPIONS, AFFLUENTS, ADVOCATES, MISERS = "champions", "affluents", "advocates", "misers"
QUADRANTS = (CHAMPIONS, AFFLUENTS, ADVOCATES, MISERS)


@dataclass(frozen=True, eq=False)
class ValueMatrix(ObjectCard):
    """The four groups of a base at its day.

    Attributes
    ----------
    customers : Ibis: customer_id, clv, crv, quadrant
    cells : quadrant, customers, clv, crv (means), of all four
    clv_cut, crv_cut : high is above
    """

    customers: ir.Table
    cells: pd.DataFrame
    clv_cut: float
    crv_cut: float


def value_matrix(
    base: CustomerBase, clv: ir.Table, crv: ir.Table, cuts: tuple[float, float] | None = None
) -> ValueMatrix:
    """Sort customers into champions, affluents, advocates and misers.

    Parameters
    ----------
    clv, crv : customer_id, value (one money); who has no referral value has 0
    cuts : of another matrix, so that two days are sorted alike; by default the medians

    Examples
    --------
    >>> from crm_analytics import CustomerBase
    >>> base = CustomerBase.open(pd.DataFrame({"customer_id": ["a"], "transaction_date": ["2026-01-01"],
    ...                                        "unit_spend": [1.0]}), today="2026-01-02")
    >>> clv = base.to_engine(pd.DataFrame({"customer_id": list("abcd"), "value": [1219., 370., 180., 130.]}))
    >>> crv = base.to_engine(pd.DataFrame({"customer_id": list("abcd"), "value": [49., 590., 670., 64.]}))
    >>> value_matrix(base, clv, crv).customers.order_by("customer_id").quadrant.to_list()
    ['affluents', 'champions', 'advocates', 'misers']
    """
    table = clv.select("customer_id", clv=clv.value).left_join(
        crv.select("customer_id", crv=crv.value), "customer_id"
    )
    table = table.select("customer_id", clv=table.clv.cast("float64"), crv=table.crv.fill_null(0.0))
    if cuts is None:
        row = table.aggregate(clv=table.clv.quantile(0.5), crv=table.crv.quantile(0.5))
        middle = row.to_pyarrow().to_pylist()[0]
        cuts = (float(middle["clv"] or 0.0), float(middle["crv"] or 0.0))
    rich, spreads = table.clv > cuts[0], table.crv > cuts[1]
    quadrant = ibis.cases((rich & spreads, CHAMPIONS), (rich, AFFLUENTS), (spreads, ADVOCATES), else_=MISERS)
    sorted_ = base.materialise(table.mutate(quadrant=quadrant))
    each = {c: sorted_[c].round(6).cast("decimal(28, 6)").sum().cast("float64") for c in ("clv", "crv")}
    found = base.collect(sorted_.group_by("quadrant").aggregate(customers=sorted_.count(), **each))
    cells = found.set_index("quadrant").reindex(QUADRANTS).fillna(0.0).reset_index()
    for name in ("clv", "crv"):
        cells[name] = cells[name] / cells["customers"].clip(lower=1)
    return ValueMatrix(sorted_, cells.astype({"customers": "int64"}), *cuts)


def moves(base: CustomerBase, then: ValueMatrix, now: ValueMatrix) -> pd.DataFrame:
    """How customers of the earlier matrix stand now.

    Returns
    -------
    before, now (quadrants), customers: cells that are not empty, in the order of `QUADRANTS`. Who was no
    customer then is not in it.
    """
    both = then.customers.select("customer_id", before="quadrant").inner_join(
        now.customers.select("customer_id", now="quadrant"), "customer_id"
    )
    found = base.collect(both.group_by(["before", "now"]).aggregate(customers=both.count()))
    order = {name: place for place, name in enumerate(QUADRANTS)}
    return found.sort_values(["before", "now"], key=lambda s: s.map(order), ignore_index=True)
