"""What sells, fairly compared: by the orders that could have held it, and against products of its price."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
from scipy import stats

from crm_analytics.analyses.products.product_lines import product_facts, product_lines
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

MINIMUM = 100  # orders
SILENT = 1e-3  # chance of a gap so long, corrected for the product's gaps, from which it was not on sale
PRICED = 30  # products with a price, from which what price does is estimated
LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class Popularity(ObjectCard):
    """Products by how often an order holds them while they can be had.

    Attributes
    ----------
    products : product, name, category, orders (with it), units, sales (money), first_day, last_day (of
        sales), orders_on_sale (of the shop, in the days it could be bought), days_silent (inside those days,
        in which it probably could not), rate (orders with it per 1,000 orders on sale), lower, upper (95 %),
        rank, price (list price, else mean price paid), price_ratio (rate over what its price and category let
        expect, drawn to 1 by how little is seen), price_rank (missing without prices)
    orders : of the base
    sold_before_launch : products with a sale before their own launch; the first sale counts as the launch
    free_lines : lines worth nothing, left out: a gift is no choice
    words : what to know when reading it
    """

    products: pd.DataFrame
    orders: int
    sold_before_launch: int
    free_lines: int
    words: str

    card_frame = "products"


def popularity(base: CustomerBase, *, exclude: Collection[str] = ()) -> Popularity:
    """Rank products by their rate while on sale.

    On sale is a product from its launch (or its first sale, whichever is earlier) to its end. A silence that
    its own rate makes less likely than one in a thousand counts as not on sale; so does the one since the
    last sale. Stock is not known, so this is inferred.

    Raises
    ------
    DataError : the source has no products.
    NotEnoughData : fewer than `MINIMUM` orders.

    Examples
    --------
    >>> from crm_analytics import CustomerBase
    >>> days = pd.date_range("2026-01-01", periods=200)
    >>> old = pd.DataFrame({"transaction_date": days, "product_id": "old"})
    >>> new = pd.DataFrame({"transaction_date": days[150:], "product_id": "new"})
    >>> rows = pd.concat([old, new]).assign(unit_spend=1.0)
    >>> rows["customer_id"] = rows["transaction_date"].astype(str)
    >>> found = popularity(CustomerBase.open(rows, today="2027-01-01"))
    >>> found.products[["product", "orders", "orders_on_sale"]].to_dict("list")
    {'product': ['old', 'new'], 'orders': [200, 50], 'orders_on_sale': [200, 50]}
    """
    lines = product_lines(base, exclude=exclude)
    free = int(lines.is_free.sum().to_pyarrow().as_py() or 0)
    lines = lines.filter(~lines.is_return, ~lines.is_free)
    daily = _shop_days(base, lines)
    total = int(daily.orders.sum().to_pyarrow().as_py() or 0)
    if total < MINIMUM:
        raise NotEnoughData("the popularity of products", total, MINIMUM, "orders")
    table = _on_sale(base, _product_days(base, lines, daily), base.collect(daily.order_by("day")))
    early = int((table["launched_at"] > table["first_day"]).sum())
    table = _rates(table)
    table = _priced(table)
    columns = [
        "product", "name", "category", "orders", "units", "sales", "first_day", "last_day", "orders_on_sale",
        "days_silent", "rate", "lower", "upper", "rank", "price", "price_ratio", "price_rank",
    ]  # fmt: skip
    table = table.sort_values(
        ["rate", "orders", "product"], ascending=[False, False, True], ignore_index=True
    )
    words = "When a product was out of stock is not known; long silences count as such."
    if early:
        words += f" {early:,} products were sold before their launch: their first sale counts."
    return Popularity(table[columns], total, early, free, words)


def _shop_days(base: CustomerBase, lines: ir.Table) -> ir.Table:
    """day, orders, before (orders on earlier days)."""
    days = lines.group_by("day").aggregate(
        orders=(lines.order.nunique() + lines.order.isnull().sum()).cast("int64")
    )
    window = ibis.cumulative_window(order_by="day")
    return base.materialise(days.mutate(until=days.orders.sum().over(window).cast("int64")))


def _product_days(base: CustomerBase, lines: ir.Table, daily: ir.Table) -> ir.Table:
    """product, day, mine (orders), units, sales, before and until (orders of the shop before, and up to the
    end of, the day), gap and gap_days (orders and days since the product's last sale).
    """
    sold = lines.group_by("product", "day").aggregate(
        mine=(lines.order.nunique() + lines.order.isnull().sum()).cast("int64"),
        units=lines.quantity.sum(),
        sales=lines.spend.sum(),
    )
    sold = sold.inner_join(daily, "day")
    sold = sold.mutate(before=sold.until - sold.orders)
    each = ibis.window(group_by="product", order_by="day")
    return base.materialise(
        sold.mutate(
            gap=sold.before - sold.until.lag().over(each),
            gap_days=sold.day.delta(sold.day.lag().over(each), unit="day").cast("int64") - 1,
        )
    )


def _on_sale(base: CustomerBase, sold: ir.Table, shop: pd.DataFrame) -> pd.DataFrame:
    """One row per product: what it sold, and the orders of the shop in its window less silences."""
    found = sold.group_by("product").aggregate(
        orders=sold.mine.sum(),
        units=sold.units.sum(),
        sales=sold.sales.sum().cast("float64"),
        first_day=sold.day.min(),
        last_day=sold.day.max(),
        selling_days=sold.count(),
        since=sold.before.min(),
        until=sold.until.max(),
    )
    table = base.collect(found.inner_join(product_facts(base), "product"))
    days, until = pd.DatetimeIndex(shop["day"]).to_numpy(), np.append(0, shop["until"].to_numpy())
    launch, end = (table[c].to_numpy("datetime64[s]") for c in ("launched_at", "discontinued_at"))
    start = np.where(pd.isna(launch), table["since"], until[np.searchsorted(days, launch, side="left")])
    start = np.minimum(start, table["since"])
    stop = np.where(pd.isna(end), until[-1], until[np.searchsorted(days, end, side="right")])
    stop = np.maximum(stop, table["until"])
    rate: pd.Series = table["orders"] / np.maximum(table["until"] - table["since"], 1)
    table["longest"] = np.maximum((np.log(table["selling_days"]) - np.log(SILENT)) / rate, 1.0)
    gaps = sold.inner_join(base.to_engine(table[["product", "longest"]]), "product")
    gaps = gaps.filter(gaps.gap > gaps.longest)
    lost = gaps.group_by("product").aggregate(lost=gaps.gap.sum(), days_silent=gaps.gap_days.sum())
    table = table.merge(base.collect(lost), on="product", how="left").fillna({"lost": 0, "days_silent": 0})
    head, tail = table["since"] - start, stop - table["until"]
    away = table["lost"] + head.where(head > table["longest"], 0) + tail.where(tail > table["longest"], 0)
    table["orders_on_sale"] = np.maximum(stop - start - away, table["orders"]).astype("int64")
    return table.astype({"days_silent": "int64"})


def _rates(table: pd.DataFrame) -> pd.DataFrame:
    k, n = table["orders"].to_numpy(float), table["orders_on_sale"].to_numpy(float)
    tail = (1 - LEVEL) / 2
    table["rate"] = 1_000 * k / n
    table["lower"] = 1_000 * stats.beta.ppf(tail, k, n - k + 1)
    table["upper"] = 1_000 * np.where(k < n, stats.beta.ppf(1 - tail, k + 1, np.maximum(n - k, 1e-9)), 1.0)
    table["rank"] = table["rate"].rank(ascending=False, method="min").astype("int64")
    return table


def _priced(table: pd.DataFrame) -> pd.DataFrame:
    """Rate over that of products of this price and category, by Poisson regression, drawn to 1."""
    paid = table["sales"] / table["units"].where(table["units"] > 0)
    table["price"] = table["list_price"].where(table["list_price"] > 0).fillna(paid)
    use = table["price"].gt(0).to_numpy()
    table["price_ratio"], table["price_rank"] = np.nan, np.nan
    if use.sum() < PRICED:
        return table
    rows = table[use]
    category = pd.get_dummies(rows["category"].fillna("(none)"), dtype=float)
    log_price = np.log(rows["price"].to_numpy(float))
    log_price = log_price - log_price.mean()
    design = category.to_numpy(float)
    for column in (log_price, log_price**2):  # all of one price, or each category of one: nothing to hold
        wider = np.column_stack([design, column])
        if np.linalg.matrix_rank(wider) == wider.shape[1]:
            design = wider
    came, exposure = rows["orders"].to_numpy(float), rows["orders_on_sale"].to_numpy(float)
    from statsmodels.genmod.families import Poisson
    from statsmodels.genmod.generalized_linear_model import GLM

    due = GLM(came, design, family=Poisson(), exposure=exposure).fit().fittedvalues
    between = max(float(np.mean((came / due - 1) ** 2 - 1 / due)), 1e-6)
    table.loc[use, "price_ratio"] = (came + 1 / between) / (due + 1 / between)
    table["price_rank"] = table["price_ratio"].rank(ascending=False, method="min")
    return table
