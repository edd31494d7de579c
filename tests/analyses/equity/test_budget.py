"""One budget: better than the rules of thumb in companies whose truth is known; refusals and proposals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses.equity.budget import (
    WIN,
    Lever,
    Unmeasured,
    allocate,
    plan,
    proposal,
    read_tests,
)
from crm_analytics.analyses.equity.response_curve import Ladder, Response
from crm_analytics.errors import DataError, ParameterError
from tests.analyses.equity.simulated_companies import RULES, compared, summary


def test_plan_is_near_the_best_and_better_than_rules_of_thumb() -> None:
    """A small version of the table in docs/equity.md, on companies that are not in it."""
    found = summary(compared(15, first=1001)).set_index("rule")
    assert found.loc["plan", "mean_regret"] <= 0.10
    for rule in RULES[1:4]:
        assert found.loc[rule, "plan_gains_more"] >= 14, rule


def test_every_lever_gains_the_same_from_its_last_coin_law() -> None:
    curves = [Response(100.0, 0.01), Response(50.0, 0.05), Response(400.0, 0.002)]
    values = [3.0, 2.0, 2.5]
    spends = allocate(curves, values, 120.0)
    assert sum(spends) == pytest.approx(120.0, abs=1e-6)
    last = [v * c.marginal(s) for c, v, s in zip(curves, values, spends, strict=True) if s > 0]
    assert np.ptp(last) < 1e-6
    rich = allocate(curves, values, 1e6)
    assert sum(rich) < 1e6  # no coin for less than a coin
    assert all(v * c.marginal(s) <= 1 + 1e-9 for c, v, s in zip(curves, values, rich, strict=True))


def test_more_budget_never_gains_less_law() -> None:
    curves, values = (
        [Response(100.0, 0.01), Ladder(np.array([5.0, 2.0, 0.5]), np.full(3, 20.0), 1.0)],
        [2.0, 1.0],
    )
    gains = []
    for budget in np.linspace(0, 300, 13):
        spends = allocate(curves, values, float(budget))
        assert sum(spends) <= budget + 1e-6
        gains.append(
            sum(v * c.gained(s) for c, v, s in zip(curves, values, spends, strict=True)) - sum(spends)
        )
    assert (np.diff(gains) >= -1e-6).all()


def test_a_ladder_stops_where_a_contact_costs_more_than_it_gains_law() -> None:
    ladder = Ladder(np.array([5.0, 2.0, 0.5]), np.array([10.0, 10.0, 10.0]), 1.0)
    assert ladder.spend_at(1.0) == 20.0
    assert ladder.gained(15.0) == 60.0
    assert ladder.marginal(15.0) == 2.0
    with pytest.raises(ParameterError, match="falling order"):
        Ladder(np.array([1.0, 2.0]), np.ones(2), 1.0)
    with pytest.raises(ParameterError, match="cost above zero"):
        Ladder(np.array([2.0, 1.0]), np.ones(2), 0.0)


def test_sharp_tests_recover_planted_curve() -> None:
    truth = Response(500.0, 2e-4)
    spend = np.array([2000.0, 5000.0, 10_000.0])
    found = Response.measured(spend, [truth.gained(s) for s in spend], np.full(3, 0.5), 5000.0)
    assert found.ceiling == pytest.approx(500.0, rel=0.01)
    assert found.pace == pytest.approx(2e-4, rel=0.02)


def one_test(gained: float, error: float = 20.0) -> pd.DataFrame:
    """One test at a spend of 10,000."""
    return pd.DataFrame({"spend": [10_000.0], "gained": [gained], "error": [error]})


def test_a_lever_that_gains_more_gets_more_law() -> None:
    def share(gained: float) -> float:
        levers = [Lever.of_tests("a", WIN, 10_000, one_test(gained), 100.0),
                  Lever.of_tests("b", WIN, 10_000, one_test(200.0), 100.0)]  # fmt: skip
        return float(plan(levers, budget=20_000, draws=5).table["spend"].iloc[0])

    spends = [share(g) for g in (-50.0, 50.0, 150.0, 300.0, 600.0)]
    assert spends[0] == 0
    assert (np.diff(spends) >= 0).all()


def test_interval_covers_the_plan_and_repeats() -> None:
    levers = [Lever.of_tests("a", WIN, 10_000, one_test(300.0, 60.0), 100.0, 10.0),
              Lever.of_tests("b", WIN, 10_000, one_test(200.0, 60.0), 100.0, 10.0)]  # fmt: skip
    one, two = plan(levers, draws=60), plan(levers, draws=60)
    assert one.table.equals(two.table)
    assert ((one.table["lower"] <= one.table["spend"]) & (one.table["spend"] <= one.table["upper"])).all()
    assert one.profit_lower is not None
    assert one.profit_upper is not None
    assert one.profit_lower < one.profit_upper


def test_what_was_not_measured_gets_no_money_and_a_test() -> None:
    only = plan([], [Unmeasured("search", 30_000.0, 900.0)], customers_per_week=100, customer_value=120.0)
    assert only.table.empty
    assert only.profit is None
    assert only.refusal == "no effect was measured"
    assert only.tests[0].name == "search"
    assert only.tests[0].break_even == pytest.approx(250.0)
    assert only.tests[0].weeks is not None
    assert plan([]).refusal


def test_weeks_of_a_test_find_a_channel_that_pays_in_four_of_five() -> None:
    weeks = proposal(Unmeasured("search", 30_000.0), 100, 120.0).weeks
    assert weeks is not None
    chance = np.random.default_rng(1)
    effect = 250 / 13 * weeks
    seen = chance.poisson(100 * weeks / 2, 4000) - chance.poisson(100 * weeks / 2 - effect / 2, 4000)
    found = (seen / np.sqrt(100 * weeks) > 1.96).mean()
    assert 0.7 < found < 0.95


def test_bad_results_of_tests_say_what_and_where() -> None:
    with pytest.raises(DataError, match="missing: error"):
        read_tests(pd.DataFrame({"channel": ["a"], "spend": [1], "gained": [1]}))
    bad = pd.DataFrame({"channel": ["a", "b"], "spend": [1, 0], "gained": [1, 1], "error": [1, 1]})
    with pytest.raises(DataError, match="row 2"):
        read_tests(bad)
    lever = Lever.of_tests("a", WIN, 10_000, one_test(300.0), 100.0)
    with pytest.raises(ParameterError, match="same name"):
        plan([lever], [Unmeasured("a", 1.0)])
    with pytest.raises(ParameterError, match="cannot be negative"):
        plan([lever], budget=-1.0)
    with pytest.raises(DataError, match="standard error above zero"):
        Lever.of_tests("a", WIN, 10_000, one_test(300.0, 0.0), 100.0)
