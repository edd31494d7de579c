"""What today's customers will still bring: one forecast for every report of a base.

Undiscounted revenue of a horizon, from today's customers alone: customers still to be won are not in it, nor
is a season. Discounted values, other models and the proof on what came stand in the lifetime-value report.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.fitting.units import days_per_unit
from crm_analytics.errors import NotEnoughData

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

UNIT = "W"
HORIZON = (52, UNIT)
DRAWS = 200  # of the intervals of groups


class NoMeanSpend(NotEnoughData):
    """A few customers spend so much on a purchase that the average has no limit."""

    def __init__(self, q: float) -> None:
        super().__init__("A forecast of money", 0, 1, "mean of spend")
        self.q = q


@dataclass(frozen=True, eq=False)
class ValueToCome:
    """The forecast of a base at its day.

    Attributes
    ----------
    summary, model, status, spend : what it was made from: BG/NBD for purchases, MBG/NBD for who is still a
        customer, Gamma-Gamma for spend
    horizon : periods and their unit
    total : undiscounted revenue of the horizon, with its 95 % interval
    purchases : repeat purchases of the horizon, with theirs
    scored : customer_id, value_to_come, expected_purchases, probability_alive
    """

    summary: btyd.Summary
    model: btyd.BetaGeo
    status: btyd.ModifiedBetaGeo
    spend: btyd.GammaGamma
    horizon: tuple[int, str]
    total: btyd.TotalForecast
    purchases: btyd.TotalForecast
    scored: ir.Table

    @property
    def tells_who_left(self) -> bool:
        """Whether the data determine dropout; where they do not, nobody can be called lost."""
        return self.model.diagnosis.converged and self.status.diagnosis.converged

    @cached_property
    def still_customers(self) -> float:
        """Customers who are still there, expected: the sum of P(alive). Nobody knows which."""
        chance = self.status.probability_alive(self.summary.cells).to_numpy()
        return float(self.summary.cells["customers"].to_numpy(float) @ chance)

    def of_groups(self, groups: ir.Table) -> pd.DataFrame:
        """What each group will bring.

        Parameters
        ----------
        groups : customer_id, segment; customers without a group are left out

        Returns
        -------
        segment, customers, value, lower, upper (95 %), largest first. Groups are drawn one by one: their
        intervals do not add up to that of the total
        """
        found = btyd.value_by_group(
            self.summary, self.model, self.spend, groups, horizon=self.horizon, rate=0.0, draws=DRAWS
        )
        return found[["segment", "customers", "value", "lower", "upper"]]


def value_to_come(base: CustomerBase, horizon: tuple[int, str] = HORIZON) -> ValueToCome:
    """Fit the forecast of a base at its day.

    Raises
    ------
    NotEnoughData : fewer than 100 customers, or 30 who bought again.
    NoMeanSpend : purchases can be forecast, their money cannot.
    """
    summary = btyd.summarize(base, unit=UNIT)
    models = btyd.BetaGeo.fit(summary), btyd.ModifiedBetaGeo.fit(summary), btyd.GammaGamma.fit(summary)
    return of_models(base, summary, models, horizon)


def of_models(
    base: CustomerBase,
    summary: btyd.Summary,
    models: tuple[btyd.BetaGeo, btyd.ModifiedBetaGeo, btyd.GammaGamma],
    horizon: tuple[int, str] = HORIZON,
) -> ValueToCome:
    """The forecast of models that are fitted already, as `value_to_come` makes it."""
    model, status, spend = models
    if not spend.params["q"] > 1:
        raise NoMeanSpend(spend.params["q"])
    weeks = horizon[0] * days_per_unit(horizon[1]) / days_per_unit(UNIT)
    scored = btyd.score(summary, model, spend, horizon=horizon, rate=0.0, status_model=status)
    kept = scored.select(
        "customer_id", "expected_purchases", "probability_alive", value_to_come=scored.lifetime_value
    )
    return ValueToCome(
        summary,
        model,
        status,
        spend,
        horizon,
        btyd.value_total(summary, model, spend, horizon=horizon, rate=0.0),
        btyd.forecast_total(summary, model, weeks),
        base.materialise(kept),
    )
