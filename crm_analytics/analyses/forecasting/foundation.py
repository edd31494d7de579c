"""What every forecast of a base stands on: models, season, quarters, trials, and cautions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crm_analytics.analyses import btyd
from crm_analytics.analyses.forecasting.by_standing import by_standing
from crm_analytics.analyses.forecasting.cautions import Caution, cautions
from crm_analytics.analyses.forecasting.contract_payments import contract_payments
from crm_analytics.analyses.forecasting.learnt import Learnt, learnt
from crm_analytics.analyses.forecasting.quarters import DAYS, YEAR, Quarters
from crm_analytics.analyses.forecasting.ways import (
    AGES,
    CONTRACTS,
    LEVEL,
    MODEL,
    WEEKS_PER_QUARTER,
    WINDOWS,
    Models,
    fitted,
    of_quarters,
    quarters_of,
    trials,
)
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

LEAST_KEPT = 0.1  # share of the money that is not sent back
BUSY = 10.0  # purchases a quarter, above which a quarter without any is no chance


@dataclass(frozen=True, eq=False)
class Foundation(ObjectCard):
    """What a base's past says of forecasts.

    Attributes
    ----------
    models : of single customers, at the day
    quarters : what customers did, by the quarter they first bought in
    trials : of every way at earlier days (`ways.trials`)
    contracts : what running contracts will pay, by quarters ahead; empty where few customers have one
    cautions : what to know before a forecast is read, worst first
    standings : what customers of a standing did over what was said of them (`by_standing`)
    """

    models: Models
    quarters: Quarters
    trials: pd.DataFrame
    contracts: Mapping[int, Mapping[str, float]]
    cautions: tuple[Caution, ...]
    standings: pd.DataFrame

    def learn(self, what: str, weeks: float, chance: float, lumps: float = 0.0) -> tuple[Learnt, float]:
        """The forecast of a measure over some weeks, and its mean over that of the models alone.

        Ways that count in quarters know whole quarters up to a year: other spans take the factor of the
        nearest.

        Parameters
        ----------
        what : "purchases", "value" (net) or "buyers"
        chance : standard deviation, on logarithms, of chance and parameters alone
        lumps : variance, on logarithms, of single large customers who may be lost
        """
        window = int(np.clip(round(weeks / WEEKS_PER_QUARTER), 1, YEAR))
        alone = self.models.expected(window * WEEKS_PER_QUARTER)[what]
        net = self.quarters.returned_share(0, window) if what == "value" else 1.0
        said = {MODEL: alone * net}
        if weeks <= YEAR * WEEKS_PER_QUARTER + 2:  # twelve months are a day longer
            said |= {way: of_quarters(self.quarters, way, what, 0, window) for way in (AGES, LEVEL)}
            said[CONTRACTS] = self.contracts[window][what] if self.contracts else np.nan
        of = self.quarters.of("value" if what == "value" else "purchases", 1)
        found = learnt(
            self.trials,
            said,
            what=what,
            window=window,
            volume=of.sum(axis=0)[: self.quarters.whole],
            # of purchases sent back nothing is left: what is left is of fewer
            chance=float(np.sqrt(chance**2 / max(net, LEAST_KEPT) + lumps)),
            knows_season=self.models.time.is_firm,
        )
        return found, found.mean / alone if alone > 0 else 1.0


def foundation(
    base: CustomerBase,
    summary: btyd.Summary,
    model: btyd.BetaGeo | None = None,
    spend: btyd.GammaGamma | None = None,
) -> Foundation:
    """Try the ways at earlier days of a base.

    Parameters
    ----------
    summary : of the base in calendar time, in weeks
    model, spend : if they are fitted on it already

    Raises
    ------
    NotEnoughData : too few customers for the models, or nothing was bought of late.
    """
    found = quarters_of(base)
    _refuse_a_closed_shop(found)
    models = fitted(summary, model, spend)
    tried = base.remember(
        ("forecasting", "trials"),
        lambda: trials(base, found, models.time),
        lambda table: {"trials": table},
        lambda parts: pd.DataFrame(parts["trials"]),
    )
    payments = contract_payments(base, WINDOWS)
    standings = base.remember(
        ("forecasting", "standings"),
        lambda: by_standing(base, found, models.time),
        lambda table: {"standings": table},
        lambda parts: pd.DataFrame(parts["standings"]),
    )
    return Foundation(models, found, tried, payments, cautions(base, models, found, tried), standings)


def _refuse_a_closed_shop(found: Quarters) -> None:
    """A quarter without a purchase in a business that had many is no question of statistics."""
    each = found.purchases.sum(axis=0)
    before = each[1 : 1 + YEAR]
    if len(before) and each[0] == 0 and before.mean() >= BUSY:
        raise NotEnoughData("A forecast", 0, 1, f"purchase in the last {DAYS} days")
