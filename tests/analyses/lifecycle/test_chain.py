import numpy as np
import pytest

from crm_analytics.analyses.lifecycle.chain import RecencyChain
from crm_analytics.errors import ParameterError

JANE = RecencyChain((0.3, 0.2, 0.15, 0.05), contribution=40, mailing_cost=4, discount=0.2)


def test_value_over_four_periods_matches_pfeifer_carraway():
    np.testing.assert_allclose(JANE.value(4), [50.115, 4.220, 0.592, -1.980, 0], atol=6e-4)


def test_value_for_ever_matches_pfeifer_carraway():
    np.testing.assert_allclose(JANE.value(), [52.320, 5.554, 1.251, -1.820, 0], atol=6e-4)


def test_fundamental_matrix_matches_pfeifer_carraway():
    np.testing.assert_allclose(JANE.fundamental.sum(axis=1), [6.050, 4.622, 3.015, 1.303], atol=6e-4)
    np.testing.assert_allclose(JANE.fundamental[:, 0], [2.211, 0.783, 0.426, 0.111], atol=6e-4)


def test_rows_sum_to_one_and_value_solves_its_equation():
    np.testing.assert_allclose(JANE.matrix.sum(axis=1), 1)
    value = JANE.value()
    np.testing.assert_allclose(value, JANE.reward + JANE.matrix @ value / 1.2, atol=1e-12)
    np.testing.assert_allclose(JANE.value(400), value, atol=1e-9)


def test_stopping_at_four_is_best_where_the_fourth_state_loses_money():
    rules = JANE.stopping_rules()
    assert JANE.best_stop() == 4
    assert len(rules) == 5
    assert rules["best"].sum() == 1
    kept = JANE.stop_at(4)
    assert kept is not None
    assert (kept.value()[:3] > 0).all()
    assert rules.loc[rules["stop_at"] == 4, "value"].item() > JANE.value()[0]


def test_stopping_rules_find_the_best_of_all_policies():
    """Howard: no choice of states to mail, threshold or not, beats the rule named best."""
    rng = np.random.default_rng(5)
    for _ in range(20):
        p = tuple(rng.uniform(0, 0.4, size=4))
        chain = RecencyChain(p, 40, 4, 0.1)
        found = chain.stopping_rules()["value"].max()
        best = -np.inf
        for mask in range(16):
            mailed = np.array([mask >> i & 1 for i in range(4)])
            value = np.zeros(5)
            for _ in range(400):
                value[:4] = mailed * (chain.matrix @ value / 1.1 - 4)[:4]
                value[0] += 40
            best = max(best, value[0])
        assert found == pytest.approx(best, abs=1e-6)


def test_a_mailing_that_never_pays_is_stopped_at_once():
    assert RecencyChain((0.01,), 10, 5, 0.1).best_stop() == 1


def test_simulation_agrees_with_the_fundamental_matrix():
    rng = np.random.default_rng(11)
    state, alive = np.zeros(40_000, dtype=int), np.zeros(40_000)
    for _ in range(200):
        here = state < 4
        alive += here
        buys = rng.random(len(state)) < np.append(JANE.p, 0)[state]
        state = np.where(here, np.where(buys, 0, state + 1), 4)
    assert alive.mean() == pytest.approx(6.050, abs=0.1)


@pytest.mark.parametrize(
    "arguments",
    [((), 40, 4, 0.2), ((1.2,), 40, 4, 0.2), ((0.5,), 40, -1, 0.2), ((0.5,), 40, 4, -0.1)],
)
def test_chain_says_what_it_cannot_use(arguments):
    with pytest.raises(ParameterError):
        RecencyChain(*arguments)


def test_chain_says_when_nobody_lapses():
    with pytest.raises(ParameterError, match="nobody ever lapses"):
        _ = RecencyChain((1.0,), 40, 4, 0.0).fundamental
