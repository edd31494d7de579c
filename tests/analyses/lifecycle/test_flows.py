import numpy as np
import pytest

from crm_analytics.analyses.lifecycle.flows import OUTSIDE, flows
from crm_analytics.analyses.lifecycle.stage_history import stages
from crm_analytics.errors import ParameterError


@pytest.fixture(scope="module")
def staged(base):
    return stages(base)


@pytest.fixture(scope="module")
def moved(staged):
    return flows(staged, "-26w")


def test_sizes_close_the_account(moved, staged):
    sizes = moved.sizes
    assert (sizes["then"] + sizes["came"] - sizes["left"] == sizes["now"]).all()
    now = staged.sizes.set_index("stage")["customers"]
    assert sizes.set_index("stage")["now"].reindex(now.index).tolist() == now.tolist()
    assert (sizes["earlier"] + sizes["earlier_net"] == sizes["then"]).all()


def test_rows_of_the_matrix_sum_to_one(moved):
    np.testing.assert_allclose(moved.matrix().sum(axis=1), 1)
    both = moved.moves[moved.moves["from_customers"].notna()]
    assert both["share"].between(both["lower"] - 1e-12, both["upper"] + 1e-12).all()


def test_earlier_period_is_the_span_before(staged, moved):
    past = flows(stages(staged.base.as_of(moved.then), staged.rules), "-26w")
    assert past.now == moved.then
    assert past.then == moved.before
    ours = moved.moves[moved.moves["earlier_customers"] > 0]
    theirs = past.moves[past.moves["customers"] > 0]
    keys = ["from_stage", "to_stage"]
    assert ours[keys].to_numpy().tolist() == theirs[keys].to_numpy().tolist()
    assert ours["earlier_customers"].tolist() == theirs["customers"].tolist()
    assert ours["earlier_share"].tolist() == theirs["share"].tolist()


def test_stable_vector_is_left_alone_by_the_moves(moved):
    stable = moved.stable()
    shares = moved.matrix().loc[stable.index, stable.index].to_numpy()
    np.testing.assert_allclose(stable.to_numpy() @ shares, stable, atol=1e-6)
    assert stable.sum() == pytest.approx(1)


def test_newcomers_come_from_outside(moved, lines):
    first = lines.groupby("customer_id")["transaction_date"].min()
    arrived = moved.moves.loc[moved.moves["from_stage"] == OUTSIDE, "customers"].sum()
    assert arrived == (first > moved.then).sum()


def test_flows_without_a_period_before_leave_it_empty(staged):
    moved = flows(staged, "-60w")
    assert moved.before is None
    assert moved.sizes["earlier"].isna().all()
    assert not moved.moves["clear"].any()


def test_flows_say_when_the_data_are_too_short(staged):
    with pytest.raises(ParameterError, match="need data before"):
        flows(staged, "-5y")
