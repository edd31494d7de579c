"""Scores of every customer, computed for the cells and joined to customers in the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crm_analytics.analyses.btyd.discounting.discounting import Discount
from crm_analytics.analyses.btyd.fitting.histories import History
from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel
from crm_analytics.analyses.btyd.spend.banded_spend import BandedGammaGamma
from crm_analytics.errors import ParameterError

if TYPE_CHECKING:
    from crm_analytics.analyses.btyd.fitting.summary import Summary
    from crm_analytics.analyses.btyd.spend.spend_model import SpendModel


def score(
    summary: Summary,
    model: PurchaseModel,
    spend: SpendModel,
    *,
    horizon: tuple[int, str] = (52, "W"),
    rate: float = 0.15,
    timing: str = "end",
    status_model: PurchaseModel | None = None,
    net: bool = True,
) -> ir.Table:
    """What to expect of every customer.

    Parameters
    ----------
    summary : whom to score; the model may have been fitted on another one of the same unit
    model, spend : for purchases and for the money of each; spend is a `GammaGamma` or `BandedGammaGamma`
    horizon : number of periods and their unit
    rate : annual effective rate of discount
    timing : when the purchases of a period are paid: "start", "mid", "end" or "continuous"
    status_model : where P(alive) comes from; default `model`. Give a `ModifiedBetaGeo`: BG/NBD calls
        every one-time buyer alive
    net : lifetime_value less the goods that will be sent back on later days, by the share of all customers so
        far (`summary.kept_share`); expected_spend is the net of a purchase day either way

    Returns
    -------
    Ibis table, one row per customer: customer_id, frequency, recency, T, monetary_value,
    expected_purchases (in the horizon, undiscounted), probability_alive, expected_spend (a purchase),
    lifetime_value (discounted money of the horizon). Only cells pass through Python.

    Raises
    ------
    ParameterError : the models and the summary have different units, or a parameter is out of range.
    """
    status = status_model or model
    for one in (model, status):
        if not isinstance(one, PurchaseModel):
            raise ParameterError(
                f"{one.LABEL}: score values the cells of a summary, and those know "
                f"{'no ' + one.COUNTED if one.COUNTED else 'no covariates'}; ask lifetime_value of a frame"
            )
        if one.unit != summary.unit:
            raise ParameterError(
                f"the summary is in units of '{summary.unit}', {one.LABEL} was fitted in '{one.unit}': "
                "summarize in the model's unit"
            )
    scored = score_with(summary, model, spend, Discount.of(horizon, rate, timing, model.unit), status)
    if not net or summary.kept_share == 1.0:
        return scored
    return scored.mutate(lifetime_value=scored.lifetime_value * summary.kept_share)


def score_with(
    summary: Summary, model: PurchaseModel, spend: SpendModel, discount: Discount, status: PurchaseModel
) -> ir.Table:
    """As `score`, with a discount of any length, and times that need not be those of the calendar."""
    scores = score_cells(summary, model, discount, status)
    brought = summary.base.to_engine(scores)
    history = summary.history
    keys = ["frequency", "recency_days", "age_days"]
    joined = history.left_join(brought, keys).select(
        "customer_id",
        "frequency",
        "recency",
        "T",
        history.monetary_value,
        "expected_purchases",
        "probability_alive",
        "discounted_purchases",
    )
    each = _expected_spend(joined, spend)
    return joined.mutate(expected_spend=each, lifetime_value=joined.discounted_purchases * each).drop(
        "discounted_purchases"
    )


def score_cells(
    summary: Summary, model: PurchaseModel, discount: Discount, status: PurchaseModel
) -> pd.DataFrame:
    """One row per cell: the days it is known by, recency and T, and what to expect of its customers."""
    cells = summary.cells
    who = History.of(cells)
    alive = model.alive(who)
    return pd.DataFrame(
        {
            "frequency": cells["frequency"],
            "recency_days": summary.cell_days["recency_days"],
            "age_days": summary.cell_days["age_days"],
            "recency": who.recency,
            "T": who.T,
            "expected_purchases": model.purchases(who, np.array([discount.horizon]))[:, 0],
            "probability_alive": alive if status is model else status.alive(who),
            "discounted_purchases": model.discounted(who, discount),
        }
    )


def _expected_spend(table: ir.Table, spend: SpendModel) -> ir.FloatingValue:
    """P (v + x m) / (p x + q - 1): plain arithmetic, so the engine does it for each customer."""
    _ = spend.mean_spend  # refuses q <= 1
    lowest = spend.lowest if isinstance(spend, BandedGammaGamma) else (0,)
    shape, q, levels = spend.at_frequency(np.array(lowest, float))
    p, x = ibis.literal(shape), table.frequency.cast("float64")
    v: ir.FloatingValue = ibis.literal(float(levels[0]))
    for low, level in zip(lowest[1:], levels[1:], strict=True):
        v = (table.frequency >= low).ifelse(ibis.literal(float(level)), v)
    return p * (v + x * table.monetary_value) / (p * x + ibis.literal(q) - ibis.literal(1.0))
