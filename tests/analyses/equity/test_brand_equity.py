"""Rust, Lemon & Zeithaml: published and independently computed numbers, planted truth, laws, bad surveys."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.equity import survey as surveys
from crm_analytics.analyses.equity.brand_equity import CustomerEquity, return_on
from crm_analytics.analyses.equity.choice_model import ChoiceModel
from crm_analytics.analyses.equity.survey import BrandSurvey, of_base, of_frame
from crm_analytics.analyses.equity.switching_value import Market, ends, lifetime_values
from crm_analytics.errors import DataError, NotEnoughData, ParameterError
from crm_analytics.tables.company import plan

MARKET = Market(population=1000, purchases_per_year=2, contribution=10.0, years=3, rate=0.10)


def known(ratings: tuple[float, float] = (4.0, 3.0)) -> CustomerEquity:
    """The toy: inertia 1, one driver of .5; of 1,000 customers 600 last bought the first brand."""
    last = np.r_[np.zeros(600, np.int64), np.ones(400, np.int64)]
    rated = np.tile(np.array(ratings)[None, :, None], (1000, 1, 1))
    who = BrandSurvey(
        ("one", "two"), ("quality",), ("value",), rated, last, np.eye(2)[last], np.ones(1000), {}
    )
    names = ["bought last", "quality"]
    model = ChoiceModel(pd.Series([1.0, 0.5], names), pd.DataFrame(np.eye(2), names, names), 0.0, 0.0, 1000)
    return CustomerEquity(who, MARKET, model, np.eye(1), pd.Series(dtype=float))


def test_toy_values_match_what_was_computed_independently() -> None:
    value = lifetime_values(
        [[0.8, 0.2]], [[0.8, 0.2], [0.3, 0.7]], purchases_per_year=2, years=3, rate=0.1, contribution=10
    )
    assert value[0] == pytest.approx([40.3712, 20.5796], abs=5e-5)
    assert value.sum() == pytest.approx(60.9508, abs=5e-5)
    toy = known()
    assert toy.switching().to_numpy() == pytest.approx(
        np.array([[0.81757, 0.18243], [0.37754, 0.62246]]), abs=5e-6
    )
    assert toy.brands.to_numpy() == pytest.approx([40_532.93, 20_417.91], abs=5e-3)
    better = toy.what_if("one", "quality", 0.2)
    assert better.equity_change == pytest.approx(1_667.79, abs=5e-3)
    assert known((4.2, 3.0)).brands.to_numpy() == pytest.approx([42_200.72, 18_750.12], abs=5e-3)


def test_american_airlines_matches_the_published_return() -> None:
    assert return_on(101.3, 70.0) == pytest.approx(0.447, abs=5e-4)


def test_equity_shifts_are_zero_sum_law() -> None:
    toy = known()
    for change in (-1.0, 0.2, 2.0):
        moved = toy.what_if("one", "quality", change)
        assert moved.equity_change + sum(moved.others.values()) == pytest.approx(0, abs=1e-6)
    assert toy.what_if("one", "quality", 0.0).equity_change == 0
    assert toy.what_if("one", "quality", 0.4).equity_change > toy.what_if("one", "quality", 0.2).equity_change
    assert toy.what_if("one", "quality", 0.2, cost=1000).roi == pytest.approx(0.66779, abs=5e-6)


def test_company_survey_recovers_planted_truth(demo_company: CustomerBase) -> None:
    who = of_base(demo_company)
    assert set(who.brands) == set(plan.BRANDS)
    fitted = CustomerEquity.fit(who, MARKET)
    found = fitted.model.table.set_index("name")
    for name, truth in {"bought last": plan.BRAND_LAST, **plan.BRAND_DRIVERS}.items():
        assert abs(found.loc[name, "value"] - truth) < 3 * found.loc[name, "error"], name
    assert np.allclose(fitted.switching().sum(axis=1), 1)
    table = fitted.driver_table("Ours")
    assert table["share"].sum() == pytest.approx(1)
    assert table.iloc[0]["driver"] == "quality"
    low, high = ends([one.brands["Ours"] for one in fitted.bootstrap(20)])
    assert low < fitted.brands["Ours"] < high
    again = [one.brands["Ours"] for one in fitted.bootstrap(3)]
    assert again == [one.brands["Ours"] for one in fitted.bootstrap(3)]


def answers(
    people: int = 60, brands: tuple[str, ...] = ("a", "b"), drivers: tuple[str, ...] = ("quality", "price"),
    seed: int = 1,
) -> pd.DataFrame:  # fmt: skip
    """A long table of answers, as `survey_responses` holds them."""
    chance, rows = np.random.default_rng(seed), []
    for who in range(people):
        for brand in brands:
            rows += [(who, "equity_driver", "Rate", brand, d, float(chance.integers(1, 6))) for d in drivers]
        rows.append((who, "brand_choice", "last", brands[who % len(brands)], None, 1.0))
        rows.append((who, "brand_choice", "next", brands[(who + who // 3) % len(brands)], None, 1.0))
    columns = ["respondent_id", "instrument", "question", "brand", "driver", "score"]
    return pd.DataFrame(rows, columns=columns)


def test_order_of_answers_changes_nothing_law() -> None:
    table = answers()
    one = CustomerEquity.fit(of_frame(table), MARKET)
    other = CustomerEquity.fit(of_frame(table.sample(frac=1, random_state=3)), MARKET)
    assert other.brands.to_numpy() == pytest.approx(one.brands.to_numpy(), rel=1e-9)


def test_shares_of_the_next_purchases_are_taken_as_they_are_law() -> None:
    table = answers()
    extra = table[table["question"].eq("next")].assign(brand="b", score=3.0)
    kept = table[~table["question"].eq("next")]
    both = pd.concat([kept, extra, extra.assign(brand="a", score=1.0)])
    assert of_frame(both).chosen == pytest.approx(np.tile([0.25, 0.75], (60, 1)))


def test_collinear_drivers_are_announced_and_reduced() -> None:
    table = answers(200, ("a", "b", "c"), ("quality", "price"))
    twin = table[table["driver"].eq("quality")].assign(driver="looks")
    twin["score"] += np.where(np.arange(len(twin)) % 40 == 0, 0.5, 0.0)
    fitted = CustomerEquity.fit(of_frame(pd.concat([table, twin])), MARKET)
    assert {"quality", "looks"} <= set(fitted.inflated.index)
    assert fitted.loadings.shape[1] < 3
    assert fitted.drivers["quality"] == pytest.approx(fitted.drivers["looks"], rel=0.2)


def test_bad_surveys_say_what_is_missing() -> None:
    with pytest.raises(NotEnoughData, match="2 brands"):
        of_frame(answers(brands=("a",)))
    with pytest.raises(NotEnoughData, match="complete respondents"):
        of_frame(answers(20))
    table = answers()
    gap = ~(table["brand"].eq("b") & table["driver"].eq("price"))
    with pytest.raises(DataError, match="nobody rated the price of b"):
        of_frame(table[gap])
    with pytest.raises(DataError, match="all brands the same scores"):
        of_frame(table.assign(score=np.where(table["instrument"].eq("equity_driver"), 3.0, table["score"])))
    with pytest.raises(DataError, match="does not hold the brand bought last"):
        of_frame(table[~table["question"].eq("last")])
    some = table[~(table["respondent_id"].lt(5) & table["question"].eq("last"))]
    assert of_frame(some).left_out == {"did not say which brand they bought last": 5}
    with pytest.raises(DataError, match="did you mean 'one'"):
        known().what_if("ons", "quality", 0.1)
    with pytest.raises(ParameterError, match="no driver 'qualty'"):
        known().what_if("one", "qualty", 0.1)
    with pytest.raises(ParameterError, match="above zero"):
        Market(population=1, purchases_per_year=0, contribution=1.0)


def test_one_choice_each_leaves_nobody_out_when_answers_are_complete() -> None:
    found = of_frame(answers())
    assert found.respondents == 60
    assert found.left_out == {}
    assert found.equity_types == (surveys.VALUE, surveys.VALUE)
