"""Affinity: published measures, independence, and the traps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.affinity_null import KINDS, false_runs
from crm_analytics import CustomerBase
from crm_analytics.analyses.products import independence
from crm_analytics.analyses.products.affinity import affinity, measures
from crm_analytics.analyses.products.baskets import baskets, count_pairs
from crm_analytics.analyses.products.cross_shop import cross_shop
from crm_analytics.errors import DataError, NotEnoughData
from tests.analyses.products.worlds import independent_baskets

# the five baskets of mlxtend's documentation of association_rules
DOCS = (
    ("Milk", "Onion", "Nutmeg", "Kidney Beans", "Eggs", "Yogurt"),
    ("Dill", "Onion", "Nutmeg", "Kidney Beans", "Eggs", "Yogurt"),
    ("Milk", "Apple", "Kidney Beans", "Eggs"),
    ("Milk", "Unicorn", "Corn", "Kidney Beans", "Yogurt"),
    ("Corn", "Onion", "Kidney Beans", "Ice cream", "Eggs"),
)


def opened(rows: list[tuple], columns: tuple[str, ...] = ("transaction_id", "product_id")) -> CustomerBase:
    frame = pd.DataFrame(rows, columns=list(columns))
    for name, value in (("transaction_date", "2025-06-01"), ("unit_spend", 2.0)):
        frame[name] = frame.get(name, value)
    frame["customer_id"] = frame.get("customer_id", frame["transaction_id"])
    return CustomerBase.open(frame, today="2026-01-01")


def pair(table: pd.DataFrame, one: str, other: str) -> pd.Series:
    both = table["product_a"].isin([one, other]) & table["product_b"].isin([one, other])
    return table[both].iloc[0]


@pytest.fixture(scope="module")
def docs() -> pd.DataFrame:
    # a hundred copies: the measures are those of five, and there are enough orders to be allowed
    rows = [(f"{copy}-{n}", p) for copy in range(100) for n, held in enumerate(DOCS) for p in held]
    return affinity(opened(rows)).pairs


def test_onion_and_eggs_matches_the_documentation_of_mlxtend(docs: pd.DataFrame) -> None:
    found = pair(docs, "Onion", "Eggs")
    assert found["product_a"] == "Eggs"  # in more orders, so it stands first
    assert found["support"] == pytest.approx(0.6)
    assert found["confidence_ba"] == pytest.approx(1.0)
    assert found["lift"] == pytest.approx(1.25)
    assert found["leverage"] == pytest.approx(0.12)
    assert found["zhang_ba"] == pytest.approx(0.5)
    assert found["conviction_ba"] == np.inf


def test_lift_is_symmetric_and_support_is_at_most_that_of_either(docs: pd.DataFrame) -> None:
    products = pd.DataFrame({"item": [0, 1], "product": ["a", "b"], "orders": [40, 30]})
    one = measures(pd.DataFrame({"a": [0], "b": [1], "orders": [20]}), products, 100)
    other = measures(pd.DataFrame({"a": [1], "b": [0], "orders": [20]}), products, 100)
    assert one["lift"].tolist() == other["lift"].tolist()
    assert (docs["support"] <= docs[["orders_a", "orders_b"]].min(axis=1) / 500 + 1e-12).all()


def test_renaming_products_and_permuting_rows_change_nothing() -> None:
    frame = independent_baskets(3, "sizes", orders=400)
    again = frame.sample(frac=1, random_state=1).assign(product_id=lambda d: "z" + d["product_id"])
    one, other = (affinity(CustomerBase.open(f, today="2026-01-01")).pairs for f in (frame, again))
    columns = ["orders", "lift", "expected", "p_adjusted"]
    keys = [f.assign(a=f["product_a"].str.strip("z"), b=f["product_b"].str.strip("z")) for f in (one, other)]
    for f in keys:  # products in equally many orders stand in the order of their names
        f[["a", "b"]] = np.sort(f[["a", "b"]].astype(str), axis=1)
    sides = [f.sort_values(["a", "b"])[columns].reset_index(drop=True) for f in keys]
    pd.testing.assert_frame_equal(*sides, rtol=1e-6)


def test_a_basket_of_5000_lines_changes_no_other_pair() -> None:
    frame = independent_baskets(5, "sizes", orders=400)
    huge = pd.DataFrame({"product_id": [str(n) for n in range(5_000)], "transaction_id": "huge"})
    huge = huge.assign(customer_id="x", transaction_date=pd.Timestamp("2025-06-01"), unit_spend=1.0)
    one = affinity(CustomerBase.open(frame, today="2026-01-01"))
    other = affinity(CustomerBase.open(pd.concat([frame, huge]), today="2026-01-01"))
    assert (one.over_cap, other.over_cap) == (0, 1)
    pd.testing.assert_frame_equal(one.pairs, other.pairs)


@pytest.mark.parametrize("kind", KINDS)
def test_independent_baskets_show_no_affinity(kind: str) -> None:
    assert false_runs(kind, 3) == 0  # 1,000 runs: docs/products-results.md


def test_a_planted_pair_recovers_planted_truth() -> None:
    frame = independent_baskets(8, "sizes", orders=1_500)
    draw = np.random.default_rng(0)
    orders = frame.drop_duplicates("transaction_id").sample(250, random_state=2)
    planted = [orders.assign(product_id=p) for p in ("brush", "paint")]
    alone = [
        frame.drop_duplicates("transaction_id")
        .sample(150, random_state=int(draw.integers(99)))
        .assign(product_id=p)
        for p in ("brush", "paint")
    ]
    found = affinity(CustomerBase.open(pd.concat([frame, *planted, *alone]), today="2026-01-01"))
    assert found.found[["product_a", "product_b"]].to_numpy().tolist() in (
        [["brush", "paint"]], [["paint", "brush"]],
    )  # fmt: skip
    assert found.found["lower"].iloc[0] > 1


def season_trap(within: bool) -> pd.DataFrame:
    """Scarves and gloves sell in winter alone; in winter they are bought apart from each other, or not."""
    draw = np.random.default_rng(1)
    rows = []
    for n in range(8_000):
        winter = n % 4 == 0
        day = f"2025-{1 if winter else 1 + n % 12:02d}-{1 + n % 28:02d}"
        chance = 0.3 if day[5:7] == "01" else 0.01
        scarf = draw.random() < chance
        gloves = (scarf and draw.random() < 0.8) if within and winter else draw.random() < chance
        held = [p for p, yes in (("scarf", scarf), ("gloves", gloves)) if yes]
        held += [str(p) for p in draw.choice(20, 1 + min(draw.poisson(3), 10), replace=False)]
        rows += [(str(n), p, day) for p in held]
    return pd.DataFrame(rows, columns=["transaction_id", "product_id", "transaction_date"])


def test_an_affinity_that_only_season_makes_is_said_to_be_so() -> None:
    for within, verdict in ((False, "season only"), (True, "affinity")):
        frame = season_trap(within).assign(unit_spend=1.0, customer_id=lambda d: d["transaction_id"])
        found = affinity(CustomerBase.open(frame, today="2026-01-01"))
        assert "month" in found.checked
        assert pair(found.pairs, "scarf", "gloves")["verdict"] == verdict


def test_an_affinity_that_only_segments_make_is_said_to_be_so() -> None:
    draw = np.random.default_rng(2)
    rows = []
    for n in range(4_000):
        baker = n % 2 == 0
        chance = 0.35 if baker else 0.02
        held = [p for p in ("flour", "yeast") if draw.random() < chance]
        held += [str(p) for p in draw.choice(15, 1 + min(draw.poisson(3), 10), replace=False)]
        rows += [(str(n), p, f"c{n % 800}") for p in held]
    base = opened(rows, ("transaction_id", "product_id", "customer_id"))
    who = pd.DataFrame({"customer_id": [f"c{n}" for n in range(800)]})
    who["segment"] = np.where(np.arange(800) % 2 == 0, "bakers", "others")
    assert pair(affinity(base).pairs, "flour", "yeast")["verdict"] == "affinity"
    found = affinity(base, segments=base.to_engine(who))
    assert "segment" in found.checked
    assert pair(found.pairs, "flour", "yeast")["verdict"] == "segment only"


def test_one_customers_habit_is_no_affinity_of_the_shop() -> None:
    frame = independent_baskets(4, "sizes", orders=600)
    mine = pd.DataFrame(
        [(f"m{n}", p) for n in range(60) for p in ("left", "right")], columns=["transaction_id", "product_id"]
    ).assign(customer_id="one", transaction_date=pd.Timestamp("2025-05-05"), unit_spend=1.0)
    found = affinity(CustomerBase.open(pd.concat([frame, mine]), today="2026-01-01"))
    row = pair(found.pairs, "left", "right")
    assert row["verdict"] == "not shown"
    assert row["is_bundle"]


def test_expected_meetings_add_up_to_those_there_were() -> None:
    base = CustomerBase.open(independent_baskets(6, "sizes", orders=500), today="2026-01-01")
    held = baskets(base, minimum=1)
    from crm_analytics.analyses.products.baskets import margins_by

    count = len(held.products)
    a, b = np.triu_indices(count, 1)
    weight = independence.weights(margins_by(held), count)
    assert independence.expected(weight, a, b).sum() == pytest.approx(
        count_pairs(held, least=1)["orders"].sum(), rel=1e-6
    )


def test_free_gifts_returns_and_anonymous_lines_without_an_order_make_no_pair() -> None:
    rows = [(f"o{n}", p, 1.0) for n in range(200) for p in ("a", "b")]
    rows += [(f"o{n}", "gift", 0.0) for n in range(200)]
    rows += [(f"o{n}", "b", -1.0) for n in range(100)]
    frame = pd.DataFrame(rows, columns=["transaction_id", "product_id", "unit_spend"])
    loose = pd.DataFrame({"product_id": ["a", "b"] * 50, "unit_spend": 1.0})
    frame = pd.concat([frame.assign(customer_id=frame["transaction_id"]), loose])
    found = affinity(CustomerBase.open(frame.assign(transaction_date="2025-05-05"), today="2026-01-01"))
    assert found.unknown == 100
    assert found.pairs[["product_a", "product_b", "orders"]].to_numpy().tolist() == [["a", "b", 100]]


def test_two_spellings_are_told_and_merged_where_asked() -> None:
    from crm_analytics.analyses.products.product_lines import spellings

    rows = [(f"o{n}", p) for n in range(150) for p in (("Green  Tea ", "green tea")[n % 2], "jam")]
    base = opened(rows)
    assert spellings(base)["name"].tolist() == ["green tea"]
    assert len(affinity(base).pairs) == 2
    assert len(affinity(base, merge_spellings=True).pairs) == 1


def test_receipt_numbers_that_begin_again_name_different_orders() -> None:
    rows = [(str(n % 10), ("a", "b")[n % 2], f"c{n}", f"2025-05-{1 + n % 28:02d}") for n in range(280)]
    base = opened(rows, ("transaction_id", "product_id", "customer_id", "transaction_date"))
    assert affinity(base).pairs.empty


def test_missing_products_say_what_is_needed() -> None:
    without = CustomerBase.open(
        pd.DataFrame({"customer_id": ["a"], "transaction_date": "2025-01-01", "unit_spend": 1.0}),
        today="2026-01-01",
    )
    with pytest.raises(DataError, match=r"this needs transactions\.product_id"):
        affinity(without)
    with pytest.raises(DataError, match="needs two different products or more, this base has 1"):
        affinity(opened([(str(n), "only") for n in range(150)]))
    with pytest.raises(NotEnoughData, match="needs at least 100 orders, this base has 3"):
        affinity(opened([(str(n), "a") for n in range(3)]))


def test_categories_of_one_customer_kind_recover_planted_truth(demo_company: CustomerBase) -> None:
    found = cross_shop(demo_company)
    clear = found.pairs[found.pairs["clear"]]
    assert clear[["category_a", "category_b"]].to_numpy().tolist() == [["Gifts", "Tableware"]]  # gift buyers
    assert found.breadth["customers"].sum() == found.customers
    assert (found.pairs["customers"] + found.pairs["only_a"] <= found.customers).all()
