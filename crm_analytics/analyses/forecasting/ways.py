"""The ways to forecast what the customers known at a day will do, and their trials at earlier days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.fitting.units import days_per_unit
from crm_analytics.analyses.forecasting.age_matched import age_matched, level
from crm_analytics.analyses.forecasting.business_time import BusinessTime, business_time
from crm_analytics.analyses.forecasting.contract_payments import contract_payments
from crm_analytics.analyses.forecasting.quarters import DAYS, MEASURES, YEAR, Quarters, quarters
from crm_analytics.errors import CrmError

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

Array = NDArray[np.float64]
UNIT = "W"
WINDOWS = (1, 2, 3, 4)  # quarters
WEEKS_PER_QUARTER = DAYS / 7
COUNTED = (1, YEAR)  # over which different buyers are counted
BACKS = (1, 2, 3, 4, 5, 6, 8)  # quarters before the day, where the ways are tried
SHORTEST = 2  # quarters that a trial must know
MODEL, AGES, LEVEL, CONTRACTS = "model", "ages", "ages and level", "contracts"
WAYS = (MODEL, AGES, LEVEL, CONTRACTS)
COLUMNS = ["way", "what", "window", "back", "said", "came"]


@dataclass(frozen=True, eq=False)
class Models:
    """The models of single customers at a day: BG/NBD in business time, Gamma-Gamma for spend.

    Attributes
    ----------
    summary, plain : in business time, and in calendar time
    time : the clock
    """

    summary: btyd.Summary
    plain: btyd.Summary
    time: BusinessTime
    model: btyd.BetaGeo
    spend: btyd.GammaGamma

    def business_weeks(self, weeks: float) -> float:
        """So many weeks after the day, in business time."""
        return self.time.ahead(self.plain.day, weeks * 7) / 7

    def expected(self, weeks: float) -> dict[str, float]:
        """Purchases, their spend and different buyers in the weeks after the day; spend is not yet net."""
        cells, t = self.summary.cells, self.business_weeks(weeks)
        n, x = (cells[c].to_numpy(float) for c in ("customers", "frequency"))
        purchases = n * self.model.expected_purchases(cells, t).to_numpy()
        worth = np.nan
        if self.spend.params["q"] > 1:
            mean = self.plain.cell_days["monetary_value"].to_numpy(float)
            worth = float(purchases @ self.spend.expected(x, mean))
        buyers = float(n @ btyd.probability_active(self.model, cells, t).to_numpy())
        return {"purchases": float(purchases.sum()), "value": worth, "buyers": buyers}


def fitted(
    summary: btyd.Summary,
    model: btyd.BetaGeo | None = None,
    spend: btyd.GammaGamma | None = None,
    *,
    lent: BusinessTime | None = None,
) -> Models:
    """The models of a summary in calendar time.

    Parameters
    ----------
    model, spend : if they are fitted on the summary already
    lent : the clock of a later day, for a day that has not seen two cycles. Without it a trial would be one
        of
        a model that is no longer used
    """
    model = model or btyd.BetaGeo.fit(summary)
    time = business_time(summary, model)
    if lent is not None and not time.is_firm:
        time = lent
    inside = time.of(summary)
    if time.is_used:
        model = btyd.BetaGeo.fit(inside)
    return Models(inside, summary, time, model, spend or btyd.GammaGamma.pricing(summary))


def of_quarters(found: Quarters, way: str, what: str, back: int, window: int) -> float:
    """What a way that looks at quarters says, `back` quarters ago; NaN where it is not known."""
    said = age_matched(found, what, back, window)
    return said * level(found, what, back, window) if way == LEVEL else said


def trials(base: CustomerBase, found: Quarters, time: BusinessTime) -> pd.DataFrame:
    """Every way at every earlier day: way, what, window (quarters), back (quarters ago), said, came."""
    rows = []
    for back in BACKS:
        if back + SHORTEST > found.whole:
            break
        windows = [w for w in WINDOWS if w <= back]
        past = base.as_of(base.day - timedelta(days=DAYS * back))
        of_model = _of_model(past, found, time, back, windows)
        of_contracts = contract_payments(past, tuple(windows))
        for window in windows:
            for what in MEASURES:
                if what == "buyers" and window not in COUNTED:
                    continue
                came = found.came(what, back, window)
                said = {way: of_quarters(found, way, what, back, window) for way in (AGES, LEVEL)}
                said[MODEL] = of_model[window][what] if of_model else np.nan
                said[CONTRACTS] = of_contracts[window][what] if of_contracts else np.nan
                rows += [(way, what, window, back, said[way], came) for way in WAYS]
    return pd.DataFrame(rows, columns=COLUMNS)


def _of_model(
    past: CustomerBase, found: Quarters, time: BusinessTime, back: int, windows: list[int]
) -> dict[int, dict[str, float]] | None:
    try:
        models = fitted(btyd.summarize(past, unit=UNIT), lent=time)
        said = {w: models.expected(w * DAYS / days_per_unit(UNIT)) for w in windows}
    except CrmError:
        return None
    return {w: one | {"value": one["value"] * found.returned_share(back, w)} for w, one in said.items()}


def quarters_of(base: CustomerBase) -> Quarters:
    """The triangle of a base, with the buyers of every span that a forecast may be asked for."""
    return quarters(base, WINDOWS)
