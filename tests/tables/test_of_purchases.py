"""A table with a key that is read from where the purchases are: one row of each key, and nothing broken."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.tables.mapping_draft import draft_mapping

LINES = pd.DataFrame(
    {
        "customer_id": ["a", "b", "a", "c", None],
        "transaction_date": ["2026-01-05", "2026-01-06", "2026-01-07", "2026-01-08", "2026-01-09"],
        "unit_spend": [10.0, 10.0, 10.0, 7.0, 3.0],
        "sku": ["p1", "p1", "p1", "p2", None],
        "item": ["Red bag", "Red bag", "?", "Blue bag", "till"],
        "consent_email": [True, True, False, True, True],
    }
)
PRODUCTS = '[products]\nfrom = "sales"\nproduct_id = "sku"\nproduct_name = "item"\n'


def opened(folder: Path, lines: pd.DataFrame, section: str) -> CustomerBase:
    lines.to_csv(folder / "sales.csv", index=False)
    text = '[transactions]\nfrom = "sales"\nproduct_id = "sku"\n\n' + section
    (folder / "mapping.toml").write_text(text, encoding="utf-8")
    return CustomerBase.open(folder, today="2026-02-01")


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 2, 3, 1, 0]])
def test_the_commonest_name_of_a_product_is_taken(tmp_path: Path, order: list[int]) -> None:
    base = opened(tmp_path, LINES.iloc[order], PRODUCTS)
    names = base.collect(base.tables["products"]).set_index("product_id")["product_name"]
    assert names.to_dict() == {"p1": "Red bag", "p2": "Blue bag"}
    assert not any(found.table == "products" for found in base.findings)
    assert len(base.rejected) == 0
    assert base.counts["revenue"] == 40.0


def test_a_consent_denied_on_one_purchase_stays_denied(tmp_path: Path) -> None:
    base = opened(tmp_path, LINES, '[customers]\nfrom = "sales"\n')
    people = base.collect(base.tables["customers"]).set_index("customer_id")
    assert people["consent_email"].to_dict() == {"a": False, "b": True, "c": True}


def test_a_table_of_its_own_still_tells_of_repeated_keys(tmp_path: Path) -> None:
    LINES[["sku", "item"]].dropna().to_csv(tmp_path / "goods.csv", index=False)
    base = opened(tmp_path, LINES, PRODUCTS.replace('"sales"', '"goods"'))
    assert any(found.table == "products" for found in base.findings)


def test_a_draft_names_products_that_purchases_name(tmp_path: Path) -> None:
    lines = LINES.rename(columns={"item": "Item name"}).drop(columns="consent_email")
    path = tmp_path / "sales.csv"
    lines.to_csv(path, index=False)
    draft = draft_mapping(path)
    assert {g.field: g.said for d in draft.tables if d.table == "products" for g in d.fields} == {
        "product_id": "sku",
        "product_name": "Item name",
    }
    (tmp_path / "mapping.toml").write_text(draft.toml(), encoding="utf-8")
    base = CustomerBase.open(path, today="2026-02-01")
    assert "products" in base.tables


def test_a_name_among_purchases_may_be_a_customers_and_is_not_drafted(tmp_path: Path) -> None:
    lines = LINES.rename(columns={"item": "Name"}).drop(columns="consent_email")
    lines.to_csv(tmp_path / "sales.csv", index=False)
    assert [d.table for d in draft_mapping(tmp_path / "sales.csv").tables] == ["transactions"]
