import pandas as pd

from crm_analytics import CustomerBase
from crm_analytics.analyses.overview import overview


def test_counts_favourites_and_regulars_are_counted_as_by_hand():
    lines = pd.DataFrame(
        [
            ("a", "2026-06-01", "p1", 2.0), ("a", "2026-06-03", "p1", 2.0), ("a", "2026-06-03", "p2", 1.0),
            ("b", "2026-06-03", "p2", 1.0), ("c", "2026-06-05", "p1", -2.0), ("", "2026-06-06", "p1", 9.0),
        ],
        columns=["customer_id", "transaction_date", "product_id", "unit_spend"],
    )  # fmt: skip
    products = pd.DataFrame({"product_id": ["p1"], "product_name": ["Mint"]})
    base = CustomerBase.open({"transactions": lines, "products": products}, today="2026-07-01")
    found = overview(base)
    assert (found.customers, found.orders, found.returning) == (2, 3, 1)
    assert found.revenue == 4.0  # the return counts, the anonymous sale does not
    assert found.regulars["customer_id"].tolist() == ["a", "b"]
    assert found.regulars["favourite"].tolist() == ["Mint", "p2"]
    assert found.favourites["product"].tolist() == ["Mint", "p2"]
    assert found.favourites["revenue"].tolist() == [4.0, 2.0]
    assert found.weekdays.set_index("weekday")["orders"].loc[["Monday", "Wednesday"]].tolist() == [1, 2]


def test_a_base_without_products_has_no_favourites():
    base = CustomerBase.open(
        pd.DataFrame({"customer_id": ["a"], "transaction_date": ["2026-06-01"], "unit_spend": [2.0]}),
        today="2026-07-01",
    )
    found = overview(base)
    assert found.favourites.empty
    assert "favourite" not in found.regulars.columns
