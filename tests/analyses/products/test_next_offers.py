"""What is offered to whom, what a sale brings, and the key figures of what is bought."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import campaigns
from crm_analytics.analyses.campaigns import Terms, chosen
from crm_analytics.analyses.kpis import measure
from crm_analytics.analyses.measured import Measured
from crm_analytics.analyses.products.affinity import affinity
from crm_analytics.analyses.products.kpis import KPIS
from crm_analytics.analyses.products.next_product import next_offers
from crm_analytics.analyses.products.sale_margins import extra_margin, sale_margins
from crm_analytics.errors import DataError

NAMES = [make.__name__ for make in KPIS]


def drawn(customers: int = 240, seed: int = 3) -> pd.DataFrame:
    """Every customer buys one of five products of their own, over and over, and now and then another."""
    draw = np.random.default_rng(seed)
    n, start = customers * 14, np.datetime64("2025-01-01")
    who = np.repeat(np.arange(customers), 14)
    product = np.where(draw.random(n) < 0.8, who % 5, draw.integers(0, 5, n))
    return pd.DataFrame(
        {
            "customer_id": np.char.add("c", who.astype(str)),
            "transaction_date": start + draw.integers(0, 365, n).astype("timedelta64[D]"),
            "product_id": np.char.add("p", product.astype(str)),
            "unit_spend": 10.0 + product,
            "unit_cost": 4.0,
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def base() -> CustomerBase:
    goods = pd.DataFrame(
        {
            "product_id": [f"p{i}" for i in range(5)],
            "product_name": [f"Tea {i}" for i in range(5)],
            "discontinued_at": ["2025-12-30", None, None, None, None],
        }
    )
    return CustomerBase.open({"transactions": drawn(), "products": goods}, today="2026-02-01")


def just_bought(base: CustomerBase) -> set[tuple[str, str]]:
    """Customers and products of the last fourteen days."""
    lines = drawn()
    late = lines[lines["transaction_date"] > pd.Timestamp(base.day) - pd.Timedelta(days=14)]
    return set(zip(late["customer_id"], late["product_id"], strict=True))


def test_offers_recover_the_product_each_customer_keeps_to(base: CustomerBase) -> None:
    best = next_offers(base).best
    own = "p" + (best["customer_id"].str[1:].astype(int) % 5).astype(str)
    just = just_bought(base)
    free = np.array([pair not in just for pair in zip(best["customer_id"], own, strict=True)])
    kept = free & (own != "p0")  # discontinued, and offered to nobody
    assert kept.sum() > 80
    assert (best["product"] == own)[kept].mean() > 0.95


def test_nothing_is_offered_that_is_discontinued_or_was_just_bought(base: CustomerBase) -> None:
    lists = next_offers(base).lists
    assert "p0" not in set(lists["product"])
    assert not just_bought(base) & set(zip(lists["customer_id"], lists["product"], strict=True))


def test_expected_margin_is_chance_times_the_margin_of_a_sale(base: CustomerBase) -> None:
    lists = next_offers(base).lists
    margin = 6.0 + lists["product"].str[1:].astype(float)
    assert (lists["expected_margin"] - lists["probability"] * margin).abs().max() < 1e-9
    assert lists["name"].str.startswith("Tea").all()


def test_offers_in_vain_tire_the_customer_of_that_product(base: CustomerBase) -> None:
    first = next_offers(base).best.iloc[0]
    vain = pd.DataFrame(
        {"customer_id": [first["customer_id"]] * 3, "product": [first["product"]] * 3,
         "day": [base.day] * 3}
    )  # fmt: skip
    lists = next_offers(base, vain).lists
    mine = lists[lists["customer_id"] == first["customer_id"]]
    assert first["product"] not in set(mine["product"])


def test_offers_are_kept_for_all_who_look_at_the_same_data(base: CustomerBase, tmp_path: Path) -> None:
    kept = base.keeping(tmp_path)
    one, other = next_offers(kept), next_offers(kept)
    pd.testing.assert_frame_equal(one.lists, other.lists, check_dtype=False)
    assert (one.way, one.hits, one.has_margin) == (other.way, other.hits, other.has_margin)
    assert any(tmp_path.iterdir())


def test_the_list_of_next_products_takes_the_offers_with_reason_and_margin(base: CustomerBase) -> None:
    wave = campaigns.lists(base, chosen(["next_product"]), Terms(holdout=0, assumed=("post",)))
    found = base.collect(wave.members)
    offers = next_offers(base).best.set_index("customer_id")
    assert 0 < len(found) < len(offers)
    assert (found["item"] == found["customer_id"].map(offers["product"])).all()
    assert (found["expected_margin"] - found["customer_id"].map(offers["expected_margin"])).abs().max() < 1e-3
    assert found["reason"].str.contains("they buy it|goes with Tea|popular").all()


def test_a_product_offered_thrice_in_vain_is_off_the_list(base: CustomerBase) -> None:
    terms = Terms(holdout=0, assumed=("post",), cap=99)
    rules = [replace(chosen(["next_product"])[0], again_after=0)]
    first = base.collect(campaigns.lists(base, rules, terms).members).iloc[0]
    issued = base.to_engine(
        pd.DataFrame(
            {
                "list": "next_product", "customer_id": [first["customer_id"]] * 3, "treatment": "treated",
                "item": [first["item"]] * 3, "lists": "w", "reason_code": "next_product", "channel": "post",
                "issued_on": pd.Timestamp(base.day),
            }
        )
    )  # fmt: skip
    issued = issued.mutate(issued_on=issued.issued_on.cast("date"))
    again = base.collect(campaigns.lists(base, rules, terms, issued=issued).members)
    mine = again[again["customer_id"] == first["customer_id"]]
    assert first["item"] not in set(mine["item"])


def test_what_lasted_a_customer_decides_when_it_is_used_up() -> None:
    day = pd.Timestamp("2026-02-25")
    rows = [("own", day - pd.Timedelta(days=18 + 20 * k)) for k in range(3)]  # every 20 days
    rows += [("new", day - pd.Timedelta(days=18)), ("last", day)]
    lines = pd.DataFrame(rows, columns=["customer_id", "transaction_date"])
    lines = lines.assign(product_id="tea", unit_spend=5.0)
    goods = pd.DataFrame({"product_id": ["tea"], "replenishment_days": [90.0]})
    base = CustomerBase.open({"transactions": lines, "products": goods}, today="2026-12-31")
    wave = campaigns.lists(base, chosen(["replenishment_due"]), Terms(holdout=0, assumed=("post",)))
    found = base.collect(wave.members)
    assert found["customer_id"].tolist() == ["own"]
    assert found["due_on"].dt.date.astype(str).tolist() == ["2026-02-27"]


def test_extra_margin_is_what_orders_beyond_chance_brought(base: CustomerBase) -> None:
    sales = sale_margins(base)
    assert (sales["margin"] - (sales["sale"] - 4.0)).abs().max() < 1e-9
    pairs = affinity(base, minimum=5).pairs
    found = extra_margin(pairs, sales)
    assert ((found["extra_margin_lower"] <= found["extra_margin"]) & (
        found["extra_margin"] <= found["extra_margin_upper"])).all()  # fmt: skip
    assert ((found["extra_margin"] > 0) == (pairs["orders"] > pairs["expected"])).all()


def test_key_figures_match_a_count_by_hand() -> None:
    rows = [
        # customer, day, product, pieces, spend
        *[(f"a{i}", "2025-12-20", "tea", 1, 5.0) for i in range(40)],
        *[(f"a{i}", "2025-12-20", "jam", 1, 5.0) for i in range(20)],
        *[(f"a{i}", "2025-06-01", "tea", 1, 5.0) for i in range(10)],
        *[(f"a{i}", "2025-12-28", "jam", -2, -5.0) for i in range(3)],
        ("z", "2025-12-31", "gift", 1, 0.0),
    ]
    columns = ["customer_id", "transaction_date", "product_id", "unit_quantity", "unit_spend"]
    base = CustomerBase.open(pd.DataFrame(rows, columns=columns), today="2026-01-01")
    found = measure(Measured(base), NAMES)
    assert found["products_per_order"].value == pytest.approx(60 / 40)
    assert found["bought_before_share"].value == pytest.approx(10 / 60)
    assert found["returned_share"].value == pytest.approx(6 / 60)
    for name in NAMES[1:]:
        kpi = found[name]
        assert kpi.lower <= kpi.value <= kpi.upper
    assert found["sales_to_come"].value is None
    assert "weeks with sales" in found["sales_to_come"].refusal


def test_key_figures_do_not_see_what_comes_after_the_day(base: CustomerBase) -> None:
    cut = base.as_of("2025-10-31")
    early = drawn()[lambda rows: rows["transaction_date"] <= "2025-10-31"]
    alone = CustomerBase.open(early, today="2026-02-01").as_of("2025-10-31")
    one, other = (measure(Measured(b), NAMES[1:]) for b in (cut, alone))
    for name in NAMES[1:]:
        assert one[name].value == pytest.approx(other[name].value, rel=1e-12)


def test_offers_without_products_say_what_is_missing() -> None:
    rows = pd.DataFrame({"customer_id": ["a"], "transaction_date": ["2026-01-01"], "unit_spend": [1.0]})
    base = CustomerBase.open(rows, today="2026-02-01")
    with pytest.raises(DataError, match=r"transactions\.product_id"):
        next_offers(base)
    refusals = [kpi.refusal for kpi in measure(Measured(base), NAMES[1:]).values()]
    assert all("transactions.product_id" in refusal for refusal in refusals)
