"""What is in an order: products, quantities, coupons, prices, returns."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crm_analytics.tables.company import plan
from crm_analytics.tables.company.block import Block, only

_OF = {name: np.array([getattr(s, name) for s in plan.SEGMENTS])
       for name in ("lines", "quantity", "deal_prone", "online")}  # fmt: skip
NONE, SALE = -1, -2  # instead of a campaign's number
_ANYBODY = 0  # the segment whose taste the anonymous buy by


def product_shares(products: pd.DataFrame) -> np.ndarray:
    """How likely a line of each segment is to be each product: segments x products."""
    rows = []
    for s in plan.SEGMENTS:
        weight = np.array(s.tastes, float)[products["category"]] * np.exp(s.price_level * products["dear"])
        rows.append(weight / weight.sum())
    return np.array(rows)


def dress_orders(
    block: Block, orders: pd.DataFrame, truth: pd.DataFrame, waves: pd.DataFrame
) -> pd.DataFrame:
    """The orders with segment, coupon, channel, shop and key; some made by nobody known (`who` -1)."""
    chance = block.chance
    nobody = int(len(orders) * plan.ANONYMOUS_SHARE / (1 - plan.ANONYMOUS_SHARE))
    like = chance.integers(0, max(len(orders), 1), nobody if len(orders) else 0)
    unnamed = orders.iloc[like].assign(who=-1, complaint=False, campaign=-1)
    orders = pd.concat([orders, unnamed], ignore_index=True)
    who = orders["who"].to_numpy()
    segment = np.where(who >= 0, truth["segment"].to_numpy()[who], _ANYBODY)
    at_hand = _coupon_at_hand(block, orders, waves)
    uses = (at_hand != NONE) & (chance.random(len(orders)) < _OF["deal_prone"][segment])
    online = (who >= 0) & (chance.random(len(orders)) < _OF["online"][segment])
    app = chance.random(len(orders)) < 0.3
    from_campaign = np.where(uses, at_hand, orders["campaign"])
    hour = np.clip(chance.normal(15, 3.2, len(orders)), 8, 21.5) / 24
    at = np.floor(orders["at"].to_numpy()) + hour
    return orders.assign(
        at=np.where(orders["at"] > at, orders["at"], at) if len(orders) else at,
        segment=segment,
        coupon=uses,
        campaign=from_campaign,
        channel=np.where(online, np.where(app, "app", "web"), "store"),
        store=np.where(online, -1, chance.integers(1, 6, len(orders))),
        key=np.array([f"O{block.number:03d}{number:07d}" for number in range(len(orders))], object),
    )


def _coupon_at_hand(block: Block, orders: pd.DataFrame, waves: pd.DataFrame) -> np.ndarray:
    """The campaign whose coupon is held on the day of the order; SALE in a sale, NONE without any."""
    campaigns, day = block.campaigns, orders["at"].to_numpy()
    number = np.searchsorted(campaigns.starts, day, side="right") - 1
    some = np.clip(number, 0, None)
    within = (number >= 0) & campaigns.has_coupon[some] & (day - campaigns.starts[some] < plan.COUPON_DAYS)
    treated = waves.loc[waves["treated"], ["who", "campaign"]]
    size = len(campaigns.starts)
    held = np.isin(orders["who"].to_numpy() * size + some, treated["who"] * size + treated["campaign"])
    mailed = within & held & (orders["who"].to_numpy() >= 0)
    sale = block.calendar.is_sale[block.calendar.day(day)]
    return np.where(mailed, number, np.where(sale, SALE, NONE))


def fill_baskets(block: Block, orders: pd.DataFrame, customers: int) -> pd.DataFrame:
    """One row per line: order (number), product (number), quantity, price, discount, spend."""
    chance, products = block.chance, block.products
    segment = orders["segment"].to_numpy()
    more = np.where(orders["coupon"], plan.COUPON_BASKET, 1.0) * _OF["lines"][segment]
    count = 1 + chance.poisson(more)
    order = np.repeat(np.arange(len(orders)), count)
    cumulated = product_shares(products).cumsum(axis=1)
    favourite = np.full(customers, -1)
    who = orders["who"].to_numpy()
    first = np.flatnonzero(np.append(True, who[1:] != who[:-1]) & (who >= 0)) if len(who) else who
    favourite[who[first]] = _draw(chance.random(len(first)), cumulated, segment[first])
    product = _draw(chance.random(len(order)), cumulated, segment[order])
    own = (who[order] >= 0) & (chance.random(len(order)) < plan.FAVOURITE_SHARE)
    product = np.where(own, favourite[who[order]], product)
    quantity = 1 + chance.poisson(_OF["quantity"][segment[order]] - 1)
    price = products["list_price"].to_numpy()[product]
    gross = np.round(quantity * price, 2)
    discount = np.where(orders["coupon"].to_numpy()[order], np.round(gross * plan.COUPON_DISCOUNT, 2), 0.0)
    return pd.DataFrame(
        {
            "order": order,
            "line": np.arange(len(order)) - np.repeat(np.cumsum(count) - count, count),
            "product": product,
            "quantity": quantity,
            "price": price,
            "discount": discount,
            "spend": np.round(gross - discount, 2),
        }
    )


def _draw(u: np.ndarray, cumulated: np.ndarray, row: np.ndarray) -> np.ndarray:
    """One column for each `row`, by its cumulated shares."""
    result = np.zeros(len(u), np.int64)
    for number, shares in enumerate(cumulated):
        mine = row == number
        result[mine] = np.searchsorted(shares, u[mine])
    return np.minimum(result, cumulated.shape[1] - 1)


def make_transactions(
    block: Block, orders: pd.DataFrame, lines: pd.DataFrame, ids: np.ndarray
) -> pd.DataFrame:
    """The table of the contract, returns among them as negative lines some days later."""
    chance, products, campaigns, calendar = block.chance, block.products, block.campaigns, block.calendar
    order = lines["order"].to_numpy()
    back = np.flatnonzero(chance.random(len(lines)) < plan.RETURN_SHARE)
    later = orders["at"].to_numpy()[order[back]] + chance.uniform(3, 20, len(back))
    back, later = back[later < calendar.days], later[later < calendar.days]
    lines = pd.concat([lines, lines.iloc[back]], ignore_index=True)
    order, product = lines["order"].to_numpy(), lines["product"].to_numpy()
    returned = np.arange(len(lines)) >= len(order) - len(back)
    sign = np.where(returned, -1, 1)
    at = orders["at"].to_numpy()[order]
    at[returned] = later
    of = {name: orders[name].to_numpy()[order] for name in ("who", "key", "campaign", "coupon", "store")}
    spend = lines["spend"].to_numpy() * sign
    key = of["key"] + np.where(returned, "R", "")
    code = np.where(of["campaign"] == SALE, "SALE10", campaigns.coupons[of["campaign"]])
    table = pd.DataFrame(
        {
            "transaction_line_id": key + "-" + lines["line"].astype(str).to_numpy(object),
            "transaction_id": key,
            "customer_id": only(of["who"] >= 0, ids[of["who"]]),
            "transaction_date": calendar.stamp(at),
            "product_id": products["product_id"].to_numpy(object)[product],
            "unit_quantity": (lines["quantity"].to_numpy() * sign).astype(float),
            "unit_price": lines["price"],
            "unit_spend": spend,
            "unit_cost": products["unit_cost"].to_numpy()[product],
            "discount": lines["discount"].to_numpy() * sign,
            "tax": np.round(spend * plan.TAX_RATE / (1 + plan.TAX_RATE), 2),
            "currency": plan.CURRENCY,
            "channel": orders["channel"].to_numpy(object)[order],
            "store_id": only(of["store"] > 0, "S" + of["store"].astype(str).astype(object)),
            "campaign_id": only(of["campaign"] >= 0, campaigns.ids[of["campaign"]]),
            "coupon": only(of["coupon"], code),
            "is_return": returned,
        }
    )
    return table.sort_values(["transaction_date", "transaction_line_id"], ignore_index=True)
