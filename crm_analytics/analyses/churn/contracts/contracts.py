"""Contracts that end by a word or by a date: how fast, after how long, and which are about to.

From the table `subscriptions`. A contract ends when it is cancelled, or when its end date passes and its
customer has begun no later one by `grace` days after it. Until grace has passed, a contract that ran out is
undecided: it is followed up to its end date and counts as neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import pandas as pd

from crm_analytics.analyses.churn.features.contract_features import GRACE, NEEDS, features, labels
from crm_analytics.analyses.churn.survival.survival import Survival, curves
from crm_analytics.analyses.contract_lives import lives, seconds
from crm_analytics.analyses.disclosure import ON_A_PAGE, shared
from crm_analytics.analyses.intervals import wilson
from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

__all__ = ["Contracts", "contracts", "features", "labels"]

ALL = "all contracts"


@dataclass(frozen=True, eq=False)
class Contracts(ObjectCard):
    """How fast contracts end.

    Attributes
    ----------
    contracts : Ibis table, one row per contract: customer_id, started_at, until (end, or the end of the day),
        ended (bool), months (at risk: begun ones for contracts that ended, whole ones for the others),
        recurrence (words); and the source's subscription_id, amount, is_recurring where there are such
    rates : recurrence, contracts, running, ended, months, rate (ended a month at risk), lower, upper (95 %,
        Wilson); the first row is all contracts
    by_month : month (of the contract, from 1), at_risk, ended, rate, lower, upper
    survival : days until the end by recurrence
    reasons : cancel_reason, contracts (those cancelled), share; reasons of few customers are "others";
        empty where the source has none
    grace : days
    """

    contracts: ir.Table
    rates: pd.DataFrame
    by_month: pd.DataFrame
    survival: Survival
    reasons: pd.DataFrame
    grace: int

    @property
    def words(self) -> str:
        """The finding as a sentence."""
        row = self.rates.iloc[0]
        return (
            f"{row['rate']:.1%} of the contracts end in a month ({row['lower']:.1%} to {row['upper']:.1%}): "
            f"{row['ended']:,} of {row['contracts']:,} have ended in {row['months']:,} contract months."
        )


def contracts(base: CustomerBase, *, grace: int = GRACE) -> Contracts:
    """Rates of ending a month, and curves by recurrence.

    A month at risk is one trial: contracts that ended count the months they had begun, the others
    the months they have completed. So the rate is that of a geometric life.

    Parameters
    ----------
    base : a base with subscriptions, cut at a day
    grace : days after an end date in which a new contract of the customer continues the old one

    Raises
    ------
    DataError : the base has no subscriptions.
    NotEnoughData : none has run for a month, and none has ended.
    ParameterError : grace is negative.

    Examples
    --------
    >>> from crm_analytics import CustomerBase
    >>> bought = pd.DataFrame({"customer_id": ["a"], "transaction_date": ["2026-04-01"], "unit_spend": [1]})
    >>> subscriptions = pd.DataFrame({"customer_id": ["a", "b"], "start_date": ["2026-01-01", "2026-01-15"],
    ...     "cancelled_at": [None, "2026-02-20"], "recurrence_months": [1, 1]})
    >>> base = CustomerBase.open({"transactions": bought, "subscriptions": subscriptions}, today="2026-04-02")
    >>> contracts(base).words
    '25.0% of the contracts end in a month (4.6% to 69.9%): 1 of 2 have ended in 4 contract months.'
    """
    if grace < 0:
        raise ParameterError(f"grace must be 0 days or more, got {grace}")
    base.require(NEEDS)
    one = base.materialise(lives(base, grace))
    keys = ["recurrence_months", "recurrence", "months", "duration", "ended"]
    counted = one.mutate(
        duration=(seconds(one.until) - seconds(one.started_at)).cast("float64") / ibis.literal(86_400.0)
    )
    counted = counted.mutate(duration=counted.duration.floor().cast("int64"))
    cells = base.collect(counted.group_by(keys).aggregate(customers=counted.count()).order_by(keys))
    if not len(cells) or not int((cells["months"] * cells["customers"]).sum()):
        raise NotEnoughData("a rate of contracts that end", 0, 1, "contract months")
    named = cells.rename(columns={"recurrence": "group", "ended": "observed"})
    found = curves(named, event="the end of the contract", until=base.day)
    return Contracts(one, _rates(cells), _by_month(cells), found, _reasons(base), grace)


def _rates(cells: pd.DataFrame) -> pd.DataFrame:
    rows = [{"recurrence": ALL, **_rate(cells)}]
    if cells["recurrence"].nunique() > 1:
        rows += [
            {"recurrence": str(name), **_rate(own)} for name, own in cells.groupby("recurrence", sort=False)
        ]
    return pd.DataFrame(rows)


def _rate(cells: pd.DataFrame) -> dict[str, float]:
    ended = int(cells.loc[cells["ended"], "customers"].sum())
    months, count = int((cells["months"] * cells["customers"]).sum()), int(cells["customers"].sum())
    lower, upper = wilson(ended, months)
    rate = ended / months if months else float("nan")
    return {"contracts": count, "running": count - ended, "ended": ended, "months": months,
            "rate": rate, "lower": lower, "upper": upper}  # fmt: skip


def _by_month(cells: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for month in range(1, int(cells["months"].max()) + 1):
        at_risk = int(cells.loc[cells["months"] >= month, "customers"].sum())
        ended = int(cells.loc[cells["ended"] & (cells["months"] == month), "customers"].sum())
        lower, upper = wilson(ended, at_risk)
        rows.append({"month": month, "at_risk": at_risk, "ended": ended, "rate": ended / at_risk,
                     "lower": lower, "upper": upper})  # fmt: skip
    return pd.DataFrame(rows)


def _reasons(base: CustomerBase) -> pd.DataFrame:
    table = base.tables["subscriptions"]
    if not {"cancelled_at", "cancel_reason"} <= set(table.columns):
        return pd.DataFrame({"cancel_reason": [], "contracts": [], "share": []})
    gone = shared(table.filter(table.cancelled_at.notnull()), "cancel_reason", ON_A_PAGE)
    reason = gone.cancel_reason.fill_null("not said")
    counted = gone.select(cancel_reason=reason)
    counted = counted.group_by("cancel_reason").aggregate(contracts=counted.count())
    frame = base.collect(counted.order_by(ibis.desc("contracts"), "cancel_reason"))
    return frame.assign(share=frame["contracts"] / max(int(frame["contracts"].sum()), 1))
