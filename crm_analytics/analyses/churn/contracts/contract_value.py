"""What running contracts are still worth: sBG and BdW fitted to the subscriptions, the better one by BIC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.btyd import BetaDiscreteWeibull, ShiftedBetaGeo
from crm_analytics.analyses.btyd.contracts.contract_models import ContractModel
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.analyses.churn.contracts.contracts import Contracts

UNIT = "M"  # contracts are counted in months


@dataclass(frozen=True, eq=False)
class ContractValue(ObjectCard):
    """How long the running contracts will last, and what that brings.

    Attributes
    ----------
    model : sBG or BdW, in months, whichever has the lower BIC
    comparison : model, log_likelihood, parameters, bic
    running : tenure (whole months so far), contracts, price_a_month (of all of them together, money; NaN
        where the source has no amounts), months_to_come (of each, expected in the horizon), derl (discounted
        months to come, for ever)
    months, money : of all running contracts in the horizon: expected, lower, upper; 95 %, by drawing anew
        contracts, for what is not known of the model, and how long each lasts. Money is NaN without amounts
    curve : month, survival (of a new contract by the model), lower, upper (95 %, of the model), seen
        (Kaplan-Meier; NaN beyond what was seen)
    seen : months of the oldest contract
    horizon : months
    rate : of discount, annual effective
    """

    model: ContractModel
    comparison: pd.DataFrame
    running: pd.DataFrame
    months: tuple[float, float, float]
    money: tuple[float, float, float]
    curve: pd.DataFrame
    seen: int
    horizon: int
    rate: float

    card_frame = "comparison"

    @property
    def words(self) -> str:
        """The finding as a sentence."""
        count, (months, lower, upper) = int(self.running["contracts"].sum()), self.months
        return (
            f"{count:,} running contracts are expected to last {months:,.0f} months in the next "
            f"{self.horizon} ({lower:,.0f} to {upper:,.0f}), of {count * self.horizon:,} at most."
        )


def contract_value(
    found: Contracts, *, horizon: int = 12, rate: float = 0.15, draws: int = 200, seed: int = 1
) -> ContractValue:
    """Fit both models and look ahead.

    Parameters
    ----------
    found : of `contracts`
    horizon : months ahead
    rate : of discount, annual effective, > 0
    draws, seed : of the bootstrap of contracts, for the intervals

    Raises
    ------
    NotEnoughData : fewer than 100 contracts, 30 cancellations, or 2 months seen

    Source
    ------
    Fader & Hardie (2007), Journal of Interactive Marketing 21(1); Fader et al. (2018), the same 43;
    Schwarz (1978) for the BIC.
    """
    cells = _cells(found)
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
    going = cells[~cells["ended"]]
    each = going.loc[going.index.repeat(going["customers"])].rename(columns={"months": "tenure"})
    rng = np.random.default_rng(seed)
    others = _drawn_anew(model, cells, draws, rng)
    lasting = np.array([m.simulate_rows(each, horizon, rng) for m in others])
    expected = model.expected_residual_lifetime(each["tenure"].to_numpy(), horizon)
    seen = int(cells["months"].max())
    return ContractValue(
        model,
        table,
        _running(going, model, horizon, rate),
        _around(expected, lasting),
        _around(*(months * each["price"].to_numpy() for months in (expected, lasting))),
        _curve(model, others, cells, seen + horizon),
        seen,
        horizon,
        rate,
    )


def _cells(found: Contracts) -> pd.DataFrame:
    """Months, ended, price (money a month), customers: equal contracts merged."""
    lives = found.contracts
    price = ibis.null("float64")
    if "amount" in lives.columns:  # paid once a recurrence; where none is told the amount says nothing
        price = lives.amount.cast("float64") / lives.recurrence_months.nullif(0)
    counted = lives.mutate(price=price.round(4)).group_by("months", "ended", "price")
    cells = counted.aggregate(customers=lambda t: t.count()).to_pyarrow().to_pandas()
    cells = cells.astype({"ended": bool, "price": float})
    return cells.sort_values(["months", "ended", "price"], ignore_index=True)


def _drawn_anew(
    model: ContractModel, cells: pd.DataFrame, draws: int, rng: np.random.Generator
) -> list[ContractModel]:
    """The model fitted to contracts drawn anew: it holds at a boundary, too, where no normal law does."""
    alike = cells.groupby(["months", "ended"], as_index=False)["customers"].sum()
    count = alike["customers"].to_numpy(float)
    drawn = rng.multinomial(int(count.sum()), count / count.sum(), size=draws)
    return [model.refit(alike.assign(customers=times)) for times in drawn]


def _around(expected: NDArray[np.float64], drawn: NDArray[np.float64]) -> tuple[float, float, float]:
    """A sum and its interval, from one drawn future a row."""
    lower, upper = np.quantile(drawn.sum(axis=1), [0.025, 0.975])
    return float(expected.sum()), float(lower), float(upper)


def _running(going: pd.DataFrame, model: ContractModel, horizon: int, rate: float) -> pd.DataFrame:
    paid = going.assign(paid=going["price"] * going["customers"]).groupby("months")
    tenure = np.array(sorted(going["months"].unique()))
    return pd.DataFrame(
        {
            "tenure": tenure,
            "contracts": paid["customers"].sum().to_numpy(),
            "price_a_month": paid["paid"].agg(lambda prices: prices.sum(skipna=False)).to_numpy(),
            "months_to_come": model.expected_residual_lifetime(tenure, horizon),
            "derl": model.derl(tenure, rate),
        }
    )


def _curve(
    model: ContractModel, others: list[ContractModel], cells: pd.DataFrame, months: int
) -> pd.DataFrame:
    t = np.arange(months + 1)
    lower, upper = np.quantile([m.survival(t) for m in others], [0.025, 0.975], axis=0)
    ended = np.bincount(cells["months"], cells["customers"] * cells["ended"], minlength=months + 1)
    # at risk of ending in month t: whoever was not ended, or lost sight of, in an earlier one
    left = np.bincount(cells["months"] + 1, cells["customers"], minlength=months + 1)
    at_risk = cells["customers"].sum() - np.cumsum(left)[: months + 1]
    with np.errstate(invalid="ignore"):
        stay = np.where(at_risk > 0, 1 - ended / np.maximum(at_risk, 1), np.nan)
    stay[0] = 1.0
    return pd.DataFrame(
        {"month": t, "survival": model.survival(t), "lower": lower, "upper": upper, "seen": np.cumprod(stay)}
    )
