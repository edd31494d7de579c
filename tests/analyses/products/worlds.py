"""Shops drawn for the tests of products, by means that share nothing with the code under test."""

from __future__ import annotations

import numpy as np
import pandas as pd


def independent_baskets(seed: int, kind: str, orders: int = 1_500, items: int = 30) -> pd.DataFrame:
    """Baskets in which no product draws another.

    kind : "sizes": baskets of very different sizes, filled one product after the other by popularity;
        "chances": each product is in each basket by a chance of its own, up to .7
    """
    draw = np.random.default_rng([seed, orders])
    popularity = draw.dirichlet(np.full(items, 0.5))
    if kind == "chances":
        order, item = np.nonzero(draw.random((orders, items)) < np.minimum(0.7, 8 * popularity))
    else:
        size = np.minimum(1 + draw.poisson(draw.gamma(1, 3, orders)), items // 2)
        taste = np.log(popularity)[None, :] + draw.gumbel(size=(orders, items))
        place = (-taste).argsort(axis=1).argsort(axis=1)
        order, item = np.nonzero(place < size[:, None])
    who = draw.integers(0, 200, orders)
    day = pd.Timestamp("2025-01-01") + pd.to_timedelta(draw.integers(0, 365, orders), unit="D")
    return pd.DataFrame(
        {
            "transaction_id": order.astype(str),
            "product_id": item.astype(str),
            "customer_id": who[order].astype(str),
            "transaction_date": day[order],
            "unit_spend": 1.0,
        }
    )
