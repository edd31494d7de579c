"""Migration, portfolio, significant customers, plays, traits, favourites and needs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses import btyd, rfm
from crm_analytics.analyses.portfolio.portfolio import BELOW_ZERO, GROWABLE, VALUABLE, portfolio
from crm_analytics.analyses.portfolio.strategic_customers import significant
from crm_analytics.analyses.profiling.demography import demography, habits_by_demography
from crm_analytics.analyses.profiling.favourites import favourites
from crm_analytics.analyses.profiling.needs_clusters import NoStructureError, needs
from crm_analytics.analyses.profiling.traits import compare, traits
from crm_analytics.analyses.rfm.migration import NEW, migration
from crm_analytics.analyses.rfm.plays import plays
from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.tables.company import TRUTH_CUSTOMERS
from crm_analytics.tables.customer_base import CustomerBase
from tests.nulls.worlds import open_base, shop

DAY = "2025-12-31"


@pytest.fixture(scope="module")
def folder(small_company_folder):
    return small_company_folder


@pytest.fixture(scope="module")
def base(small_company) -> CustomerBase:
    return small_company.as_of(DAY)


@pytest.fixture(scope="module")
def scores(base: CustomerBase) -> rfm.RfmScores:
    return rfm.score(base)


@pytest.fixture(scope="module")
def scored(base: CustomerBase):
    found = btyd.summarize(base, unit="W")
    model, spend = btyd.BetaGeo.fit(found), btyd.GammaGamma.fit(found)
    return base.materialise(btyd.score(found, model, spend, status_model=btyd.ModifiedBetaGeo.fit(found)))


@pytest.fixture(scope="module")
def habits(base: CustomerBase):
    return base.materialise(favourites(base))


def test_migration_counts_everybody_once_and_rows_sum_to_one(base, scores) -> None:
    then = rfm.score(base.earlier("-26w"), rules=scores.rules)
    found = migration(then, scores)
    assert found.moves["customers"].sum() == scores.segments["customers"].sum()
    assert found.matrix().sum(axis=1).to_numpy() == pytest.approx(1)
    inside = found.moves["share"].between(found.moves["lower"], found.moves["upper"])
    assert inside.all()
    known = found.moves[found.moves["from_segment"] != NEW]
    assert known["customers"].sum() == then.segments["customers"].sum() == found.net["before"].sum()
    assert found.stayed[3] == known["customers"].sum()
    assert (found.net["now"] - found.net["before"] == found.net["came"] - found.net["left"]).all()


def test_migration_of_a_day_onto_itself_is_the_identity(scores) -> None:
    found = migration(scores, scores)
    assert (found.moves["from_segment"] == found.moves["to_segment"]).all()
    assert found.stayed[0] == 1


def test_portfolio_holds_everybody_once_by_its_rules(base, scored) -> None:
    found = portfolio(base, scored)
    table = base.collect(found.customers)
    assert found.groups["customers"].sum() == len(table) == table["customer_id"].nunique()
    assert found.groups["value_share"].sum() == pytest.approx(1)
    top = table[table["group"] == VALUABLE]
    assert len(top) == pytest.approx(0.2 * len(table), abs=1)
    assert top["value"].min() >= table.loc[~table["group"].isin([VALUABLE]), "value"].max()
    assert (table.loc[table["group"] == BELOW_ZERO, "value"] < 0).all()
    assert (table.loc[table["value"] < 0, "group"] == BELOW_ZERO).all()
    assert (table.loc[table["group"] == GROWABLE, "gap"] > 0).all()
    assert found.has_margin
    assert 0.3 < found.margin < 0.6


def test_significant_customers_have_their_reasons(base, scored, folder) -> None:
    found = significant(base, portfolio(base, scored))
    table = base.collect(found.customers)
    assert len(table) == found.count
    assert (table["how_many"] == table["reasons"].str.split(", ").str.len()).all()
    assert (table["how_many"] > 0).all()
    told = found.reasons.set_index("reason")["customers"]
    for reason in told.index:
        assert told[reason] == table["reasons"].str.contains(reason).sum()
    referrals = pd.read_parquet(folder / "referrals.parquet").dropna(subset="converted_at")
    often = referrals["referrer_customer_id"].value_counts()
    bought = set(base.collect(base.purchase_history.select("customer_id"))["customer_id"])
    assert told["door opener"] == len(set(often[often >= 2].index) & bought)
    assert 0 <= found.value_share <= 1


def test_plays_say_an_expected_value_only_where_all_is_given(scores, scored) -> None:
    assert "expected_value" not in plays(scores, scored, margin=0.5)
    assert "ceiling" not in plays(scores)
    found = plays(scores, scored, margin=0.5, cost=1.0, response=0.1).set_index("segment")
    row, segment = found.loc["Regulars"], scores.segments.set_index("segment").loc["Regulars"]
    assert row["expected_value"] == pytest.approx(row["customers"] * (0.05 * segment["order_value"] - 1))
    assert row["ceiling"] == pytest.approx(0.5 * row["value"] / row["customers"])
    with pytest.raises(ParameterError, match="margin"):
        plays(scores, scored, margin=50)


def test_favourites_match_counts_by_hand(base, habits, folder) -> None:
    lines = pd.read_parquet(folder / "transactions.parquet").merge(
        pd.read_parquet(folder / "products.parquet"), on="product_id"
    )
    lines = lines[lines["customer_id"].notna() & ~lines["is_return"]]
    counts = lines.groupby(["customer_id", "category_0_name"]).size().reset_index(name="n")
    most = counts[counts["n"] == counts.groupby("customer_id")["n"].transform("max")]
    by_hand = most[~most["customer_id"].duplicated(keep=False)].set_index(
        "customer_id"
    )  # a tie: no favourite
    found = base.collect(habits).set_index("customer_id")
    assert set(found.index[found["category"].isna()]) == set(most["customer_id"]) - set(by_hand.index)
    found_ones = found.loc[by_hand.index]
    assert (found_ones["category"] == by_hand["category_0_name"]).all()
    assert (found_ones["category_n"] == by_hand["n"]).all()
    thirds = found["price_level"].value_counts(normalize=True)
    assert thirds.min() > 0.3
    assert (found["deal_n"] <= found["orders"]).all()


def test_favourites_speak_without_products_or_channels() -> None:
    rows = {"customer_id": ["a", "a", "b"], "transaction_date": ["2025-01-06", "2025-01-13", "2025-01-07"],
            "unit_spend": [1.0, 2.0, 3.0]}  # fmt: skip
    small = CustomerBase.open(pd.DataFrame(rows), today=DAY)
    found = small.collect(favourites(small).order_by("customer_id"))
    assert found["weekday"].tolist() == ["Monday", "Tuesday"]
    assert "category" not in found


def test_traits_recover_planted_habits(base, habits, folder) -> None:
    truth = pd.read_feather(folder / TRUTH_CUSTOMERS)[["customer_id", "segment"]]
    found = traits(base, base.to_engine(truth), habits)
    clear = found[found["clear"]].set_index(["segment", "attribute", "level"])["difference"]
    assert clear["gift buyers", "category", "Gifts"] > 0.2
    assert clear["bargain hunters", "price_level", "low"] > 0.2
    assert clear["bargain hunters", "category", "Snacks"] > 0.1
    assert clear["businesses", "basket", "high"] > 0.3
    assert (found["share"] - found["elsewhere"]).between(found["lower"], found["upper"]).all()
    shares = found.groupby(["segment", "attribute"])["share"].sum()
    assert (shares <= 1 + 1e-9).all()


def test_traits_of_groups_drawn_by_lot_are_rarely_clear(base, habits) -> None:
    ids = base.collect(habits.select("customer_id").order_by("customer_id"))
    chance, clear, looked = np.random.default_rng(1), 0, 0
    for _ in range(5):
        groups = ids.assign(segment=chance.choice(["a", "b", "c"], len(ids)))
        found = traits(base, base.to_engine(groups), habits)
        clear, looked = clear + int(found["clear"].sum()), looked + len(found)
    assert clear / looked < 0.03


def test_favourites_of_ever_more_purchases_are_no_habit_of_a_group_law() -> None:
    """Two groups draw from one law; one buys three times as much, so that more of it have the common mode."""
    few = pd.DataFrame({"g": "few", "of": 1, "level": ["common", "rare"], "customers": [240, 160]})
    many = pd.DataFrame({"g": "many", "of": 9, "level": ["common", "rare"], "customers": [300, 100]})
    both = pd.DataFrame(
        {"g": ["few"] * 4 + ["many"] * 4, "of": [1, 1, 9, 9] * 2, "level": ["common", "rare"] * 4,
         "customers": [216, 144, 30, 10, 24, 16, 270, 90]}
    )  # fmt: skip
    crude = compare(pd.concat([few, many]).drop(columns="of").assign(attribute="x"), "g")
    assert crude["clear"].all()
    banded = compare(both.assign(attribute="x"), "g")
    assert not banded["clear"].any()
    assert banded["difference"].abs().max() < 1e-9


def test_small_groups_are_not_compared() -> None:
    counts = pd.DataFrame(
        {"g": ["a", "a", "b", "b"], "attribute": "x", "level": ["1", "2"] * 2, "customers": [20, 9, 400, 500]}
    )
    assert compare(counts, "g").empty


def test_age_is_that_of_the_day() -> None:
    people = pd.DataFrame(
        {"customer_id": list("abcd"), "birth_date": ["1995-12-31", "1996-01-01", "1980-01-01", None]}
    )
    sales = {"customer_id": list("abcd"), "transaction_date": "2025-12-31", "unit_spend": 1.0}
    small = CustomerBase.open({"transactions": pd.DataFrame(sales), "customers": people}, today=DAY)
    found = demography(small)
    assert found is not None
    ages = small.collect(found.order_by("customer_id"))["age"].tolist()
    assert ages[:3] == ["30–44", "under 30", "45–59"]
    assert pd.isna(ages[3])


def test_habits_by_demography_shows_no_group_below_the_set_size(base, habits) -> None:
    found = habits_by_demography(base, habits)
    assert {"customer_type", "gender", "region"} <= set(found)
    for table in found.values():
        assert table["customers"].min() >= 5
    clear = pd.concat([found[name].query("clear") for name in ("gender", "region", "age")])
    assert len(clear) <= 2  # nothing was planted there
    assert found["customer_type"].query("clear")["level"].eq("Equipment").any()


def test_needs_recovers_planted_tastes_and_is_stable(base, folder) -> None:
    found = needs(base)
    kept = found.stability[found.stability["kept"]].iloc[0]
    assert kept["stability"] >= 0.8
    assert found.profile["share"].sum() == pytest.approx(1)
    truth = pd.read_feather(folder / TRUTH_CUSTOMERS).set_index("customer_id")["segment"]
    table = base.collect(found.customers).set_index("customer_id")["need"]
    gifts = truth.reindex(table[table == "Gifts"].index)
    assert (gifts == "gift buyers").mean() > 0.5


def test_needs_are_refused_where_there_is_no_structure() -> None:
    chance = np.random.default_rng(3)
    rows = 400 * 8
    sales = pd.DataFrame(
        {"customer_id": np.repeat(np.arange(400), 8).astype(str),
         "transaction_date": pd.date_range("2025-01-01", periods=360)[chance.integers(0, 360, rows)],
         "product_id": chance.integers(0, 4, rows).astype(str), "unit_spend": 10.0}
    )  # fmt: skip
    goods = pd.DataFrame({"product_id": list("0123"), "category_0_name": list("wxyz")})
    flat = CustomerBase.open({"transactions": sales, "products": goods}, today=DAY)
    with pytest.raises(NoStructureError, match="shows no clusters") as refused:
        needs(flat)
    assert refused.value.stability < 0.8
    few = sales[sales["customer_id"].astype(int) < 50]
    with pytest.raises(NotEnoughData, match="200"):
        needs(CustomerBase.open({"transactions": few, "products": goods}, today=DAY))


def test_number_of_needs_is_that_of_the_tastes_recovers_planted_truth() -> None:
    """Everybody has one of four tastes; a fifth cluster is stable, too, and fits no better for it."""
    found = needs(open_base(shop(1, "equal", "tastes")))
    assert len(found.profile) == 4
    table = found.stability.set_index("clusters")
    assert table.loc[4, "gap"] - table.loc[3, "gap"] > table.loc[4, "gap_error"]
    assert table.loc[5, "gap"] - table.loc[4, "gap"] < table.loc[5, "gap_error"]
    assert table["kept"].sum() == 1
