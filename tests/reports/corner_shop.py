"""A shop that shares nothing with the demo company: 600 customers, guests, returns, vouchers, advertising."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crm_analytics import CustomerBase

LAST = pd.Timestamp("2024-06-30")
DAYS = 1000
GOODS = ("bread", "cheese", "wine")


def tables(seed: int = 11) -> dict[str, pd.DataFrame]:
    """Its tables, as a source would have them."""
    chance = np.random.default_rng(seed)
    names = [f"shop-{k:03d}" for k in range(600)]
    rows = []
    for name, start in zip(names, chance.integers(0, DAYS - 20, 600), strict=True):
        pace, stay, day = chance.gamma(2, 0.012), chance.exponential(500), float(start)
        while day < min(start + stay, DAYS - 1):
            spend = round(float(chance.gamma(3, 7)) + 1, 2)
            when = LAST - pd.Timedelta(days=DAYS - 1 - int(day))
            rows.append((name, when, str(chance.choice(GOODS)), spend, round(0.55 * spend, 2)))
            if chance.random() < 0.04:
                back = min(when + pd.Timedelta(days=5), LAST)
                rows.append((name, back, rows[-1][2], -spend, -round(0.55 * spend, 2)))
            day += max(1.0, chance.exponential(1 / pace))
    guests = LAST - pd.to_timedelta(chance.integers(0, DAYS, 400), unit="D")
    rows += [(None, day, "bread", 4.5, 2.0) for day in guests]
    rows.append((names[0], LAST, "wine", 12.0, 6.6))
    sold = ["customer_id", "transaction_date", "product_id", "unit_spend", "unit_cost"]
    people = pd.DataFrame(
        {"customer_id": names, "acquisition_channel": chance.choice(["flyer", "walk-in"], 600),
         "acquisition_cost": chance.uniform(1, 5, 600).round(2), "consent_email": True}
    )  # fmt: skip
    kinds = ["food", "food", "drinks"]
    goods = pd.DataFrame({"product_id": GOODS, "product_name": GOODS, "category_0_name": kinds})
    members = pd.DataFrame(
        {"campaign_id": np.repeat(["spring", "may"], 300), "customer_id": names,
         "treatment": np.where(chance.random(600) < 0.5, "treated", "control"),
         "sent_at": LAST - pd.Timedelta(days=70), "cost": 0.1}
    )  # fmt: skip
    weeks = pd.date_range(LAST - pd.Timedelta(days=DAYS - 1), LAST, freq="7D")
    spend = pd.DataFrame({"date_day": weeks, "channel": "flyer", "spend": 90.0})
    return {"transactions": pd.DataFrame(rows, columns=sold), "customers": people, "products": goods,
            "campaign_members": members, "channel_spend": spend}  # fmt: skip


def opened() -> CustomerBase:
    """The shop at its last day."""
    return CustomerBase.open(tables(), today="2024-07-01")
