from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from crm_analytics.tables.customer_base import CustomerBase

DAY = date(2025, 12, 31)


def purchases(customers: int = 300, seed: int = 3, days: int = 730) -> pd.DataFrame:
    """Customers who come at all times and buy at rates of their own until they leave."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(customers):
        at = rng.uniform(0, days)
        mean, left = rng.choice([15, 45, 120]), at + rng.exponential(400)
        while at < min(days, left):
            rows.append((f"c{i:04d}", DAY - timedelta(days=days - 1 - int(at)), round(rng.gamma(2, 20), 2)))
            at += 1 + rng.exponential(mean)
    return pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"])


@pytest.fixture(scope="session")
def lines() -> pd.DataFrame:
    return purchases()


@pytest.fixture(scope="session")
def base(lines) -> CustomerBase:
    return CustomerBase.open(lines, today=DAY)
