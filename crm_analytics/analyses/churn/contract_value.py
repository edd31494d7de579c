"""What running contracts are still worth: sBG and BdW fitted to the subscriptions, the better one by BIC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crm_analytics.analyses.btyd import BetaDiscreteWeibull, ShiftedBetaGeo
from crm_analytics.analyses.btyd.contract_models import ContractModel

if TYPE_CHECKING:
    from crm_analytics.analyses.churn.contracts import Contracts

UNIT = "M"  # contracts are counted in months


@dataclass(frozen=True, eq=False)
class ContractValue:
    """How long the running contracts will last, and what a unit of money a month of each is worth.

    Attributes
    ----------
    model : sBG or BdW, in months, whichever has the lower BIC
    comparison : model, log_likelihood, parameters, bic
    running : tenure (whole months so far), contracts, months_to_come (expected in the horizon), derl
        (discounted months to come, for ever)
    months, lower, upper : expected contract months of all running contracts in the horizon; 95 %, by
        drawing contracts anew
    horizon : months
    rate : of discount, annual effective
    """

    model: ContractModel
    comparison: pd.DataFrame
    running: pd.DataFrame
    months: float
    lower: float
    upper: float
    horizon: int
    rate: float

    @property
    def words(self) -> str:
        """The finding as a sentence."""
        count = int(self.running["contracts"].sum())
        return (
            f"{count:,} running contracts are expected to last {self.months:,.0f} months in the next "
            f"{self.horizon} ({self.lower:,.0f} to {self.upper:,.0f}), of {count * self.horizon:,} at most."
        )


def contract_value(
    found: Contracts, *, horizon: int = 12, rate: float = 0.15, draws: int = 100, seed: int = 1
) -> ContractValue:
    """Fit both models and look ahead.

    Parameters
    ----------
    found : of `contracts`
    horizon : months ahead
    rate : of discount, annual effective, > 0
    draws, seed : of the bootstrap of contracts, for the interval

    Raises
    ------
    NotEnoughData : fewer than 100 contracts, 30 cancellations, or 2 months seen

    Source
    ------
    Fader & Hardie (2007), Journal of Interactive Marketing 21(1); Fader et al. (2018), the same 43;
    Schwarz (1978) for the BIC.
    """
    lives = found.contracts
    counted = lives.group_by("months", "ended").aggregate(customers=lives.count())
    cells = counted.to_pyarrow().to_pandas().sort_values(["months", "ended"], ignore_index=True)
    kinds: tuple[type[ContractModel], ...] = (ShiftedBetaGeo, BetaDiscreteWeibull)
    models: list[ContractModel] = [kind.fit(cells, unit=UNIT) for kind in kinds]
    n = float(cells["customers"].sum())
    table = pd.DataFrame(
        {
            "model": [m.LABEL for m in models],
            "log_likelihood": [m.log_likelihood for m in models],
            "parameters": [len(m.NAMES) for m in models],
            "bic": [len(m.NAMES) * np.log(n) - 2 * m.log_likelihood for m in models],
        }
    )
    model = models[int(table["bic"].to_numpy().argmin())]
    going = cells[~cells["ended"].astype(bool)]
    tenure, many = going["months"].to_numpy(), going["customers"].to_numpy(float)
    running = pd.DataFrame(
        {
            "tenure": tenure,
            "contracts": going["customers"].to_numpy(),
            "months_to_come": model.expected_residual_lifetime(tenure, horizon),
            "derl": model.derl(tenure, rate),
        }
    )
    months = float(many @ running["months_to_come"])
    totals = [
        float(many @ one.expected_residual_lifetime(tenure, horizon))
        for one in _drawn(model, cells, draws, seed)
    ]
    lower, upper = np.quantile(totals, [0.025, 0.975])
    return ContractValue(model, table, running, months, float(lower), float(upper), horizon, rate)


def _drawn(model: ContractModel, cells: pd.DataFrame, draws: int, seed: int) -> list[ContractModel]:
    """The model fitted to contracts drawn anew: it holds at a boundary, too, where no normal law does."""
    rng, count = np.random.default_rng(seed), cells["customers"].to_numpy(float)
    drawn = rng.multinomial(int(count.sum()), count / count.sum(), size=draws)
    return [model.refit(cells.assign(customers=times)) for times in drawn]
