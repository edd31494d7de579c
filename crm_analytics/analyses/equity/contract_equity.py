"""What running contracts will still bring, as a part of customer equity.

How long running contracts will last comes from the contract models of `churn` (sBG or BdW); each month is
paid at the price of its contract. Where the payments stand among the purchases, the purchase model counts
them already, and there is nothing to add.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crm_analytics.analyses.churn.contracts.contract_value import contract_value
from crm_analytics.analyses.churn.contracts.contracts import contracts
from crm_analytics.analyses.equity.firm_equity import Amount
from crm_analytics.errors import CrmError

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

DRAWS = 60  # of contracts, for the interval
PAID_AS_LINES = 0.5  # of customers with a running contract: so many have a line of just its amount


def contract_equity(base: CustomerBase, *, years: int, rate: float, margin: float | None) -> Amount | None:
    """Margin (revenue where it is not known) that running contracts bring over the horizon, in today's money.

    None where there are no contracts with amounts, too few to tell, or where their payments are purchases.

    Parameters
    ----------
    years, rate : horizon, and annual effective rate of discount
    margin : share of a payment; that of the goods
    """
    if "subscriptions" not in base.tables or "amount" not in base.tables["subscriptions"].columns:
        return None
    months = 12 * years
    try:
        found = contract_value(contracts(base), horizon=months, rate=max(rate, 1e-6), draws=DRAWS)
    except CrmError:
        return None
    if not np.isfinite(found.money[0]) or paid_as_lines(base):
        return None
    ahead, discount = np.arange(1, months + 1), (1 + rate) ** (-np.arange(1, months + 1) / 12)
    worth = paid = 0.0
    for tenure, price in found.running[["tenure", "price_a_month"]].to_numpy(float):
        stays = np.asarray(found.model.survival(ahead + int(tenure)), float)
        stays /= float(found.model.survival(int(tenure)))
        worth += price * float(stays @ discount)
        paid += price * float(stays.sum())
    share = (1.0 if margin is None else margin) * (worth / paid if paid > 0 else 0.0)
    return Amount(*found.money).times(share)


def paid_as_lines(base: CustomerBase) -> bool:
    """Whether what contracts cost is among the purchases: lines of a contract's amount by its customer."""
    asked = base.tables["subscriptions"]
    asked = asked.filter(asked.amount.notnull()).select("customer_id", amount=asked.amount.cast("float64"))
    lines = base.transactions
    lines = lines.filter(lines.customer_id.notnull())
    lines = lines.select("customer_id", amount=lines.unit_spend.cast("float64")).distinct()
    same = asked.semi_join(lines, ["customer_id", "amount"])
    n = asked.customer_id.nunique().to_pyarrow().as_py()
    return bool(n) and same.customer_id.nunique().to_pyarrow().as_py() >= PAID_AS_LINES * n
