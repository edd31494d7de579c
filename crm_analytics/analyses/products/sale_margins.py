"""What one sale of a product brings: its money, and its margin where the cost is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.margin import with_margin
from crm_analytics.analyses.products.product_lines import NEEDS

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase


def sale_margins(base: CustomerBase) -> pd.DataFrame:
    """Means over the lines that sold a product; returns and free lines are left out.

    Returns
    -------
    product, sale (money of a line), margin (of it; missing where no line tells the cost); by product

    Raises
    ------
    DataError : the source has no products.

    Examples
    --------
    >>> from crm_analytics import CustomerBase
    >>> rows = pd.DataFrame({"customer_id": ["a", "b"], "transaction_date": "2026-01-05", "product_id": "tea",
    ...     "unit_spend": [4.0, 6.0], "unit_cost": [1.0, 2.0]})
    >>> sale_margins(CustomerBase.open(rows, today="2026-02-01")).to_dict("list")
    {'product': ['tea'], 'sale': [5.0], 'margin': [3.5]}
    """
    base.require(NEEDS)
    lines = base.transactions
    lines = lines.filter(lines.product_id.notnull(), lines.unit_spend > 0)
    costed = with_margin(base, lines)
    margin = ibis.null("float64") if costed is None else costed.margin.cast("float64").mean()
    lines = lines if costed is None else costed
    found = lines.group_by(product="product_id").aggregate(
        sale=lines.unit_spend.cast("float64").mean(), margin=margin
    )
    table = base.collect(found.order_by("product"))
    return table.astype({"sale": "float64", "margin": "float64"})


def extra_margin(pairs: pd.DataFrame, sales: pd.DataFrame) -> pd.DataFrame:
    """Pairs with what their affinity brought: orders beyond expectation, each with one more sale.

    Which of the two products was added to an order is not known, so the lesser margin counts. An
    association: a bundle or a shelf may bring more, less, or nothing.

    Parameters
    ----------
    pairs : of `affinity.Affinity`
    sales : of `sale_margins`; money of a sale stands in where no margin is known at all

    Returns
    -------
    pairs with extra_margin, extra_margin_lower, extra_margin_upper (money, over all orders counted)

    Examples
    --------
    >>> pairs = pd.DataFrame({"product_a": ["ham"], "product_b": ["eggs"], "orders": [30], "expected": [10.0],
    ...     "lower": [2.0], "upper": [4.0]})
    >>> sales = pd.DataFrame({"product": ["ham", "eggs"], "sale": [9.0, 3.0], "margin": [4.0, 1.0]})
    >>> extra_margin(pairs, sales).filter(like="extra").iloc[0].tolist()
    [20.0, 10.0, 30.0]
    """
    each = sales.set_index("product")
    worth = each["margin"] if each["margin"].notna().any() else each["sale"]
    least = np.minimum(pairs["product_a"].map(worth).to_numpy(), pairs["product_b"].map(worth).to_numpy())
    due = pairs["expected"].to_numpy(float)
    return pairs.assign(
        extra_margin=(pairs["orders"].to_numpy(float) - due) * least,
        extra_margin_lower=(pairs["lower"].to_numpy(float) - 1) * due * least,
        extra_margin_upper=(pairs["upper"].to_numpy(float) - 1) * due * least,
    )
