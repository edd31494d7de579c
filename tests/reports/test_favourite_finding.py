"""What the best segment buys most: named where it is a favourite, and never the rest of the catalogue."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.reports import profiles, segments

pytestmark = pytest.mark.usefixtures("somewhere")


def shop(products: int, favourite: float) -> CustomerBase:
    """200 customers; a share of their lines is one product, the others spread over many."""
    draw = np.random.default_rng(3)
    n = 4_000
    product = np.where(draw.random(n) < favourite, 0, draw.integers(1, products, n))
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(draw.integers(0, 720, n), unit="D")
    frame = pd.DataFrame({"customer_id": draw.integers(0, 200, n).astype(str), "transaction_date": day})
    frame = frame.assign(unit_spend=draw.gamma(2, 20, n).round(2), product_id=[f"p{i}" for i in product])
    return CustomerBase.open(frame, today="2026-01-01")


@pytest.mark.parametrize(("products", "favourite", "said"), [
    (60, 0.3, "buys p0 most"),
    (60, 0.0, "has no favourite"),
    (3_000, 0.0, "has no favourite"),  # nearly each is bought by fewer than five customers
])  # fmt: skip
@pytest.mark.parametrize("report", [segments, profiles], ids=["segments", "profiles"])
def test_only_a_favourite_is_called_one(report, products: int, favourite: float, said: str) -> None:
    text = repr(report.findings(report.prepare(shop(products, favourite))))
    assert said in text
    assert "others most" not in text
