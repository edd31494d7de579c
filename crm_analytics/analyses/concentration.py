"""How unequally revenue is spread over customers: Lorenz curve, Gini, and whether 80/20 holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.plots import Plots
from crm_analytics.errors import NotEnoughData, check_name
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase


@dataclass(frozen=True)
class Concentration(ObjectCard):
    """How unequally value is spread over customers.

    Attributes
    ----------
    lorenz : customer_share, value_share, both 0..1, most valuable customers first
    gini : 0 (all worth the same) .. 1 (one customer is everything)
    top_share : share of value of the top 20 % of customers, with a 95 % interval
    share_for_80 : smallest share of customers that brings 80 % of the value
    """

    lorenz: pd.DataFrame
    gini: float
    top_share: float
    top_share_lower: float
    top_share_upper: float
    share_for_80: float
    customers: int

    plot = Plots("crm_analytics.analyses.concentration_pictures", "lorenz")

    @property
    def holds(self) -> bool:
        """Whether the top fifth brings 80 %, within the interval."""
        return self.top_share_lower <= 0.8 <= self.top_share_upper


def concentration(base: CustomerBase, values: ir.Table, column: str) -> Concentration:
    """Lorenz curve, Gini and the share of the top 20 %.

    Parameters
    ----------
    values : customer_id and `column`, one row per customer; who should not count is left out before

    The interval of the top share is 1.96 standard errors of its influence function,
    ``((x - q)+ + q p - s x) / mean`` for share s of the top p with threshold q (Beach & Davidson 1983).

    Raises
    ------
    NotEnoughData : no customer, or nothing to share out.
    """
    check_name("unknown column", column, values.columns)
    buyers = values.select("customer_id", x=values[column].cast("float64"))
    n = int(buyers.count().to_pyarrow().as_py())
    if n == 0:
        raise NotEnoughData("the concentration of value", 0, 1)
    place = ibis.row_number().over(order_by=[ibis.desc("x"), "customer_id"]) + 1
    ranked = buyers.mutate(place=place)
    steps = min(n, 100)
    step = ((ranked.place * steps + n - 1) / n).floor().cast("int64")
    by_step = ranked.group_by(step=step).aggregate(
        x=ranked.x.sum(), n=ranked.count(), rank_sum=(ranked.x * ranked.place).sum()
    )
    curve = base.collect(by_step.order_by("step"))
    total = float(curve["x"].sum())
    if total <= 0:
        raise NotEnoughData("the concentration of value (the total is not positive)", 0, 1)
    lorenz = pd.DataFrame(
        {
            "customer_share": np.concatenate([[0.0], curve["n"].cumsum() / n]),
            "value_share": np.concatenate([[0.0], curve["x"].cumsum() / total]),
        }
    )
    top = max(1, round(0.2 * n))
    q = ranked.filter(ranked.place == top).x.max().to_pyarrow().as_py()
    share = float(ranked.filter(ranked.place <= top).x.sum().to_pyarrow().as_py()) / total
    mean, p = total / n, top / n
    influence = ((ranked.x - q).clip(lower=0) + q * p - share * ranked.x) / mean
    error = float(influence.std().to_pyarrow().as_py() or 0.0) / np.sqrt(n)
    reached = ranked.mutate(
        running=ranked.x.sum().over(ibis.cumulative_window(order_by=[ibis.desc("x"), "customer_id"]))
    )
    for_80 = reached.filter(reached.running >= 0.8 * total).place.min().to_pyarrow().as_py()
    return Concentration(
        lorenz=lorenz,
        gini=(n + 1) / n - 2 * float(curve["rank_sum"].sum()) / (n * total),
        top_share=share,
        top_share_lower=max(0.0, share - 1.96 * error),
        top_share_upper=min(1.0, share + 1.96 * error) if share <= 1 else share + 1.96 * error,
        share_for_80=for_80 / n,
        customers=n,
    )
