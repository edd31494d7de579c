"""Products: two category levels, brands, prices and unit costs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crm_analytics.tables.company.plan import CATEGORIES

_KINDS = {
    "Coffee": (("House blend", "Espresso", "Filter roast", "Decaf", "Single origin"), 6.0, 18.0, 28),
    "Tea": (("Green tea", "Black tea", "Herbal tea", "Rooibos", "Chai"), 4.0, 14.0, 45),
    "Snacks": (("Oat biscuit", "Dark chocolate", "Nut mix", "Granola bar", "Fruit chips"), 2.0, 8.0, 14),
    "Gifts": (("Gift box", "Hamper", "Voucher card", "Advent calendar", "Tasting set"), 15.0, 70.0, 0),
    "Tableware": (("Mug", "Teapot", "Glass set", "Plate", "Spoon set"), 8.0, 45.0, 0),
    "Equipment": (("Grinder", "Kettle", "Filter paper", "Descaler", "Scale"), 5.0, 120.0, 90),
}
_BRANDS = ("Ours", "Alba", "Nordhaus", "Casa Ruiz")


def make_products(chance: np.random.Generator, first_day: pd.Timestamp) -> pd.DataFrame:
    """Sixty products, ten a category; `category`, `price` and `dear` are for the drawing of orders."""
    rows = []
    for number, category in enumerate(CATEGORIES):
        kinds, low, high, refill = _KINDS[category]
        for place in range(10):
            own = place % 4 == 0
            price = round(float(np.exp(chance.uniform(np.log(low), np.log(high)))), 2)
            rows.append(
                {
                    "product_id": f"P{number * 10 + place:03d}",
                    "product_name": f"{kinds[place % 5]} {'No. 2' if place >= 5 else 'No. 1'}",
                    "category_0_name": category,
                    "category_1_name": kinds[place % 5],
                    "brand_name": _BRANDS[0] if own else _BRANDS[1 + place % 3],
                    "is_own_brand": own,
                    "list_price": price,
                    "unit_cost": round(price * float(chance.uniform(0.45, 0.5 if own else 0.68)), 2),
                    "launched_at": first_day - pd.Timedelta(days=int(chance.integers(30, 900))),
                    "discontinued_at": pd.NaT,
                    "replenishment_days": float(refill) if refill else np.nan,
                    "category": number,
                }
            )
    products = pd.DataFrame(rows)
    log = np.log(products["list_price"])
    middle = log.groupby(products["category"]).transform("mean")
    products["dear"] = log - middle
    return products
