"""What a reader must know before a forecast is read: what the data cannot tell, and where models are off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.forecasting.quarters import YEAR, Quarters
from crm_analytics.analyses.forecasting.truncation import first_purchases, share_older
from crm_analytics.analyses.forecasting.ways import MODEL, Models
from crm_analytics.errors import CrmError

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

OFF = 0.2  # mean size of the models' errors at earlier days, from which they are called off
JUMP = 0.4  # on logarithms: the last quarter against the same weeks of last year, for the same customers
MOST_CONTRACTS = 0.5  # share of customers under a running contract
SHORT, ONE_CYCLE, MODEL_OFF, REGIME, CONTRACTS, UNDETERMINED, OLDER = (
    "short", "one_cycle", "model_off", "regime", "contracts", "undetermined", "older",
)  # fmt: skip
KINDS = (REGIME, SHORT, CONTRACTS, UNDETERMINED, MODEL_OFF, ONE_CYCLE, OLDER)  # worst first


@dataclass(frozen=True)
class Caution:
    """One thing to know.

    kind : of `KINDS`
    share : how much: of the error, the jump or the customers; 0 where there is no number
    """

    kind: str
    share: float = 0.0


def cautions(
    base: CustomerBase, models: Models, found: Quarters, trials: pd.DataFrame
) -> tuple[Caution, ...]:
    """Look for each of `KINDS`; in their order."""
    held: dict[str, float] = {}
    size = len(found.customers)
    if size < YEAR:
        held[SHORT] = 0.0
    elif size < 2 * YEAR:
        held[ONE_CYCLE] = 0.0
    if not models.model.diagnosis.converged:
        held[UNDETERMINED] = 0.0
    off = _off(trials)
    if off > OFF:
        held[MODEL_OFF] = off
    jump = _jump(found)
    if abs(jump) > JUMP:
        held[REGIME] = float(np.expm1(jump))
    running = running_contracts(base)
    if running > MOST_CONTRACTS:
        held[CONTRACTS] = running
    older = share_older(first_purchases(base))
    if older > 0:
        held[OLDER] = older
    return tuple(Caution(kind, held[kind]) for kind in KINDS if kind in held)


def _off(trials: pd.DataFrame) -> float:
    """Mean size of the error of the models' purchases over the longest window that was tried twice."""
    own = trials[(trials["way"] == MODEL) & (trials["what"] == "purchases")]
    own = own[(own["said"] > 0) & (own["came"] > 0)]
    counts = own.groupby("window").size()
    if not (counts >= 2).any():
        return 0.0
    some = own[own["window"] == counts[counts >= 2].index.max()]
    return float(np.abs(some["came"] / some["said"] - 1).mean())


def _jump(found: Quarters) -> float:
    """Purchases per customer won by then: the last quarter against the same weeks of last year, on
    logarithms.

    Only customers of the year before are counted, so that growth is no jump.
    """
    if len(found.customers) < 2 * YEAR:
        return 0.0
    old = slice(YEAR + 1, None)
    now, then = found.purchases[old, 0].sum(), found.purchases[old, YEAR].sum()
    usual = _kept(found)
    return float(np.log(now / then / usual)) if now > 0 and then > 0 and usual > 0 else 0.0


def _kept(found: Quarters) -> float:
    """The share of activity that the same customers keep over a year, in the quarters before the last."""
    now = then = 0.0
    for at in range(1, YEAR + 1):
        old = slice(at + YEAR + 1, None)
        if at + YEAR < found.purchases.shape[1]:
            now += found.purchases[old, at].sum()
            then += found.purchases[old, at + YEAR].sum()
    return now / then if then > 0 else 0.0


def running_contracts(base: CustomerBase) -> float:
    """Share of customers who bought that have a contract running at the day; 0 without contracts."""
    try:
        base.require({"subscriptions": ("customer_id", "start_date")})
        table = base.tables["subscriptions"]
    except CrmError:
        return 0.0
    day = ibis.literal(base.day)
    open_ = table.start_date.cast("date") <= day
    for ended in ("end_date", "cancelled_at"):
        if ended in table.columns:
            open_ &= table[ended].isnull() | (table[ended].cast("date") > day)
    people = table.filter(open_).select("customer_id").distinct()
    bought = base.purchase_history.filter(lambda t: t.order_count > 0).select("customer_id")
    n = int(bought.count().to_pyarrow().as_py() or 0)
    both = int(bought.inner_join(people, "customer_id").count().to_pyarrow().as_py() or 0)
    return both / n if n else 0.0
