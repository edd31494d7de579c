"""Lists that follow products: a category's season, and the next product of a fitted model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import campaigns
from crm_analytics.analyses.campaigns import Terms, chosen
from crm_analytics.analyses.campaigns.lists.product_rules import recommended
from crm_analytics.analyses.products.next_product import NextProduct

TERMS = Terms(holdout=0, assumed=("post",))


@pytest.fixture(scope="module")
def shop() -> CustomerBase:
    """400 of 1,200 customers buy a jacket each November; everybody buys other things all year."""
    draw = np.random.default_rng(1)
    days = pd.date_range("2022-10-01", "2025-12-31")
    n = len(days) * 12
    usual = pd.DataFrame(
        {
            "customer_id": draw.integers(0, 1_200, n).astype(str),
            "transaction_date": days.repeat(12),
            "product_id": np.array(["tea", "mug", "book", "jacket"])[
                draw.choice(4, n, p=[0.4, 0.3, 0.25, 0.05])
            ],
        }
    )
    rows = [
        (str(who), pd.Timestamp(f"{year}-11-{draw.integers(1, 29)}"), "jacket")
        for year in (2022, 2023, 2024, 2025) for who in range(400) if draw.random() < 0.6
    ]  # fmt: skip
    lines = pd.concat([usual, pd.DataFrame(rows, columns=usual.columns)])
    goods = pd.DataFrame(
        {
            "product_id": ["tea", "mug", "book", "jacket"],
            "category_0_name": ["Tea", "Ware", "Books", "Jackets"],
        }
    )
    tables = {"transactions": lines.assign(unit_spend=5.0), "products": goods}
    return CustomerBase.open(tables, today="2026-01-01")


def test_winter_jackets_are_offered_to_likely_buyers_before_november(shop: CustomerBase) -> None:
    base = shop.as_of("2025-10-12")
    wave = campaigns.lists(base, chosen(["season_offer"]), TERMS)
    found = base.collect(wave.members)
    assert set(found["item"]) == {"Jackets"}
    assert set(found["due_on"].dt.date.astype(str)) == {"2025-11-01"}
    assert "likely to buy Jackets in its season, November" in set(found["reason"])
    fans = found["customer_id"].astype(int) < 400
    assert fans.mean() > 0.85
    assert fans.sum() > 200


def test_without_a_coming_season_nobody_is_offered_anything(shop: CustomerBase) -> None:
    base = shop.as_of("2025-03-01")
    assert base.collect(campaigns.lists(base, chosen(["season_offer"]), TERMS).members).empty


def test_the_next_product_of_a_model_takes_the_place_of_the_rule(shop: CustomerBase) -> None:
    base = shop.as_of("2025-06-30")
    model = NextProduct.fit(base, k=2, models=["buy again"])
    rule = replace(chosen(["next_product"])[0], who=recommended(model, least=0.05))
    found = base.collect(campaigns.lists(base, [rule], TERMS).members)
    assert set(found["list"]) == {"next_product"}
    assert found["customer_id"].is_unique
    assert found["item"].notna().all()
