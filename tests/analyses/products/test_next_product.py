"""Next product: laws, planted habits, and a model that does not help."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.products.next_product import (
    NextProduct,
    TifuKnn,
    histories,
    score_split,
    scorers,
    split_by_time,
    split_last_days,
)
from crm_analytics.analyses.products.next_product.als import Als
from crm_analytics.errors import DataError, NotEnoughData, ParameterError

START = pd.Timestamp("2025-01-01")


def lines_of(rows: list[tuple[str, str, int]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "product", "day"])
    return frame.assign(day=START + pd.to_timedelta(frame["day"], unit="D"))


def habits(seed: int = 0, customers: int = 250, alike: bool = False) -> pd.DataFrame:
    """Each customer has three products of their own: half of their purchases, the others by chance."""
    draw = np.random.default_rng(seed)
    rows = []
    for who in range(customers):
        own = (who % 10) * 3 + np.arange(3) if alike else draw.choice(40, 3, replace=False)
        for day in np.sort(draw.choice(300, 14, replace=False)):
            mine = draw.random() < 0.5
            rows.append((f"c{who}", f"p{draw.choice(own) if mine else draw.integers(0, 40)}", int(day)))
    return lines_of(rows)


@pytest.fixture(scope="module")
def fitted() -> NextProduct:
    return NextProduct.fit(habits(), k=5)


def test_popularity_is_beaten_by_habits_and_no_model_beats_them(fitted: NextProduct) -> None:
    table = fitted.evaluation.set_index("way")
    assert table.loc["personal", "recall_lower"] > table.loc["popular", "recall_upper"]
    assert not fitted.beats_baseline
    assert fitted.way in ("personal", "personal then popular")
    assert "None of 3 models clearly beats it. It is a simple rule, and it is used." in fitted.words


def test_a_model_that_clearly_beats_the_baseline_recovers_planted_truth() -> None:
    """Customers of a kind want the same five products, each once: what is new can be told."""
    draw = np.random.default_rng(3)
    rows = []
    for who in range(400):
        kind = who % 20
        for n, step in enumerate(draw.permutation(5)):
            rows.append((f"c{who}", f"p{kind}-{step}", int(n * 60 + draw.integers(0, 50))))
    found = NextProduct.fit(lines_of(rows), k=6, models=["personal then similar"])
    assert found.beats_baseline
    assert found.way == "personal then similar"
    assert "The best simple rule" in found.words


def test_recall_is_repeats_and_discoveries(fitted: NextProduct) -> None:
    table = fitted.evaluation
    parts = table["recall_repeats"] + table["recall_discoveries"]
    np.testing.assert_allclose(table["recall"], parts, atol=1e-12)
    assert (table["coverage"] <= 1).all()


def test_measures_are_counted_as_by_hand() -> None:
    split = split_last_days(histories(lines_of(
        [("a", "x", 0), ("a", "y", 1), ("a", "x", 2), ("a", "z", 3), ("a", "x", 3), ("b", "z", 0)]
    )))  # fmt: skip
    found = score_split(split, scorers.personal(split.known, 1), 2).each
    assert len(found) == 1  # b has one day
    assert found["recall"].iloc[0] == 0.5  # x is a hit, z was new
    assert found["ndcg"].iloc[0] == pytest.approx(1 / (1 + 1 / np.log2(3)))


def test_renaming_and_permuting_change_nothing() -> None:
    lines = habits(5, customers=150)
    again = lines.sample(frac=1, random_state=2)
    again = again.assign(customer_id="z" + again["customer_id"], product="z" + again["product"])
    one, other = (NextProduct.fit(f, k=5) for f in (lines, again))
    pd.testing.assert_frame_equal(one.evaluation, other.evaluation)
    lists = [m.recommend(k=3) for m in (one, other)]
    assert lists[0]["product"].tolist() == lists[1]["product"].str[1:].tolist()


def test_a_customer_with_no_shared_item_changes_nobodys_similar_items() -> None:
    lines = habits(6, customers=150)
    odd = lines_of([("odd", "nobody else's", day) for day in (1, 2, 3)])
    one, other = (histories(f) for f in (lines, pd.concat([lines, odd])))
    scores = [scorers.item_item(h, 56).toarray() for h in (one, other)]
    kept = np.isin(other.customers, one.customers), np.isin(other.items, one.items)
    np.testing.assert_allclose(scores[0], scores[1][np.ix_(*kept)])
    assert scores[1][~kept[0]].sum() == 0


def test_a_split_knows_nothing_of_the_days_held_out() -> None:
    held = histories(habits(7, customers=50))
    split = split_by_time(held, 56)
    assert split.known.when.max() <= held.last - 56
    assert split.known.counts().sum() + split.came.sum() <= len(held.who) + 1e-9


def test_controls_keep_their_products_off_every_list(fitted: NextProduct) -> None:
    bought = fitted.histories.chosen(fitted.histories.when > fitted.histories.last - 90)
    recent = set(zip(bought.customers[bought.who], bought.items[bought.what], strict=True))
    found = fitted.recommend(k=5, exclude_bought_within=90)
    assert not recent & set(zip(found["customer_id"], found["product"], strict=True))
    some = [f"p{n}" for n in range(10)]
    assert set(fitted.recommend(catalogue=some)["product"]) <= set(some)
    stock = pd.Series({"p1": 4.0, "p2": 0.0})
    assert set(fitted.recommend(stock=stock)["product"]) == {"p1"}
    margins = pd.Series({"p3": 1.0, "p4": 9.0})
    rich = fitted.recommend(margins=margins, margin_floor=5.0)
    assert set(rich["product"]) == {"p4"}
    np.testing.assert_allclose(rich["expected_margin"], rich["probability"] * 9)


def test_what_was_offered_in_vain_tires(fitted: NextProduct) -> None:
    first = fitted.recommend(["c1"], k=1)["product"].iloc[0]
    offers = pd.DataFrame({"customer_id": ["c1"] * 3, "product": [first] * 3})
    assert first not in fitted.recommend(["c1"], k=10, offered=offers)["product"].tolist()
    assert first in fitted.recommend(["c1"], k=10, offered=offers.head(2))["product"].tolist()
    before = offers.assign(day=START - pd.Timedelta(days=1))  # bought since the first offer
    assert first in fitted.recommend(["c1"], k=10, offered=before)["product"].tolist()


def test_every_row_has_a_reason_and_a_probability(fitted: NextProduct) -> None:
    found = fitted.recommend(["c1", "c2", "a stranger"], k=4)
    assert found["rank"].tolist() == [1, 2, 3, 4] * 3
    assert found["probability"].between(0, 1).all()
    repeats = found[found["is_repeat"]]
    assert (repeats["because"] == repeats["product"]).all()
    assert set(found.loc[found["customer_id"] == "a stranger", "reason"]) == {"popular now"}


def test_probabilities_are_those_of_all_customers(fitted: NextProduct) -> None:
    """Offers that were bought, over all offers of the trial: what is promised in all is what came."""
    table = fitted.chances
    assert (table["probability"] * table["offered"]).sum() == pytest.approx(table["bought"].sum(), rel=0.02)


def test_due_items_come_before_items_just_bought() -> None:
    draw = np.random.default_rng(0)
    rows = []
    for who in range(120):  # coffee every 28 days or so, tea every 28 days, half a cycle apart
        for product, begin in (("coffee", 0), ("tea", 14)):
            days = begin + 28 * np.arange(12) + draw.integers(-2, 3, 12) + 5
            rows += [(f"c{who}", product, int(day)) for day in days]
    held = histories(lines_of(rows))
    scores = scorers.buy_again(held, 14).toarray()
    tea, coffee = held.items.get_loc("tea"), held.items.get_loc("coffee")
    # the last tea is a day or two old, the last coffee half a cycle: within two weeks coffee comes
    assert (scores[:, coffee] > scores[:, tea]).mean() > 0.95


def test_tifu_vectors_match_the_equations_of_hu_2020() -> None:
    held = histories(lines_of([("a", "x", 0), ("a", "y", 1), ("a", "x", 2)]))
    vectors = TifuKnn(within=0.9, across=0.7, group=2, own=1.0).vectors(held).toarray()[0]
    # the latest group {1, 2}: (0.9 y + 1 x) / 2; the older one {0}: x, times 0.7; the mean of both groups
    assert vectors[held.items.get_loc("x")] == pytest.approx((1 / 2 + 0.7) / 2)
    assert vectors[held.items.get_loc("y")] == pytest.approx((0.9 / 2) / 2)


def test_tifu_finds_what_neighbours_buy() -> None:
    lines = habits(9, customers=200, alike=True)
    scores = TifuKnn(neighbours=15)(histories(lines), 56)
    assert scores.shape == (200, 40)
    dense, held = scores.toarray(), histories(lines)
    who = held.customers.get_loc("c0")  # wants p0, p1, p2, as c10, c20 ... do
    own = [held.items.get_loc(f"p{n}") for n in range(3)]
    assert dense[who, own].mean() > 3 * dense[who].mean()


def test_als_gives_the_same_lists_twice() -> None:
    pytest.importorskip("implicit", reason="the recommend extra is not installed")
    held = histories(habits(1, customers=80))
    one, other = (Als(factors=8, rounds=3)(held, 56) for _ in range(2))
    assert (one != other).nnz == 0


def test_bad_input_says_what_and_where() -> None:
    with pytest.raises(DataError, match="recommendations need the column 'product' or 'product_id'"):
        NextProduct.fit(pd.DataFrame({"customer_id": ["a"], "day": [START]}))
    with pytest.raises(NotEnoughData, match="needs at least 100 customers, this base has"):
        NextProduct.fit(habits(customers=40))
    with pytest.raises(ParameterError, match="unknown model 'tifu'; did you mean 'tifu-knn'"):
        NextProduct.fit(habits(), models=["tifu"])
    with pytest.raises(DataError, match="none is left"):
        histories(lines_of([("a", "x", 1)]).assign(quantity=-1))


def test_a_base_gives_what_its_lines_give(demo_company: CustomerBase) -> None:
    found = NextProduct.fit(demo_company, models=["buy again"])
    assert found.evaluation.set_index("way").loc["personal", "recall_repeats"] > 0.3  # 35 % are favourites
    assert not found.recommend(k=2)["product"].isna().any()
