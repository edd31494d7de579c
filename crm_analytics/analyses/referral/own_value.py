"""What each customer will still bring themselves: the first axis of the value matrix, without its totals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from crm_analytics.analyses import btyd
from crm_analytics.analyses.value_to_come import HORIZON, UNIT, NoMeanSpend

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase


@dataclass(frozen=True, eq=False)
class OwnValue:
    """The models of the shared forecast (BG/NBD and Gamma-Gamma), fitted once for two days.

    The intervals of totals, which cost most of that forecast, are not drawn: the matrix needs customers
    alone.
    """

    purchases: btyd.BetaGeo
    spend: btyd.GammaGamma

    @classmethod
    def fit(cls, base: CustomerBase) -> OwnValue:
        """Fit at the base's day.

        Raises
        ------
        NotEnoughData : fewer than 100 customers, or 30 who bought again.
        NoMeanSpend : purchases can be forecast, their money cannot.
        """
        summary = btyd.summarize(base, unit=UNIT)
        found = cls(btyd.BetaGeo.fit(summary), btyd.GammaGamma.fit(summary))
        if not found.spend.params["q"] > 1:
            raise NoMeanSpend(found.spend.params["q"])
        return found

    def of(self, base: CustomerBase, margin: float | None = None) -> ir.Table:
        """customer_id, value: revenue of the next 52 weeks at the base's day, times the margin."""
        summary = btyd.summarize(base, unit=UNIT)
        scored = btyd.score(summary, self.purchases, self.spend, horizon=HORIZON, rate=0.0)
        share = 1.0 if margin is None else margin
        return base.materialise(scored.select("customer_id", value=scored.lifetime_value * share))
