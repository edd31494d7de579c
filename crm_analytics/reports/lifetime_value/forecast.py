"""The models of purchases and spend at a day, and what they say of everybody together."""

from __future__ import annotations

from dataclasses import dataclass

import ibis.expr.types as ir

from crm_analytics.analyses import btyd
from crm_analytics.analyses.portfolio.value_tiers import ValueTiers


@dataclass(frozen=True)
class Purchases:
    """The models of purchases at the day, and what they say of everybody together."""

    summary: btyd.Summary
    model: btyd.BetaGeo
    status: btyd.ModifiedBetaGeo
    spend: btyd.GammaGamma
    purchases: btyd.TotalForecast

    @property
    def tells_who_left(self) -> bool:
        """Whether the data determine dropout; where they do not, nobody can be called lost."""
        return self.model.diagnosis.converged and self.status.diagnosis.converged

    @property
    def alive(self) -> float:
        """Customers who are still there, expected."""
        cells = self.summary.cells
        chance = self.status.probability_alive(cells).to_numpy()
        return float(cells["customers"].to_numpy(float) @ chance)


@dataclass(frozen=True)
class Forecast(Purchases):
    """The same with what purchases are worth."""

    scored: ir.Table
    value: btyd.TotalForecast
    tiers: ValueTiers
