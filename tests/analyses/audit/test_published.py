"""Published numbers of the revenue tree, of gains and losses, and of new, repeating and lapsed customers."""

from __future__ import annotations

import ibis
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_analytics.analyses.audit.gain_loss import PARTS, gain_loss
from crm_analytics.analyses.audit.revenue_tree import Period, revenue_tree
from crm_analytics.errors import DataError

TRUTH = [  # focus and others before -> now; new, lost, increased, decreased, switched from, switched to
    ((100, 50), (120, 20), (0, 0, 0, 0, 20, 0)),
    ((100, 50), (150, 40), (0, 0, 40, 0, 10, 0)),
    ((100, 50), (60, 70), (0, 0, 0, -20, 0, -20)),
    ((100, 50), (60, 30), (0, 0, 0, -40, 0, 0)),
    ((0, 0), (70, 10), (70, 0, 0, 0, 0, 0)),
    ((80, 5), (0, 0), (0, -80, 0, 0, 0, 0)),
    ((0, 60), (50, 0), (0, 0, 0, 0, 50, 0)),
]


def parts_of(rows: list[tuple[float, ...]]) -> pd.DataFrame:
    names = ["focus_before", "other_before", "focus_now", "other_now"]
    table = ibis.memtable(pd.DataFrame(rows, columns=names)).cast(dict.fromkeys(names, "decimal(18, 4)"))
    found = gain_loss(table.mutate(n=ibis.row_number())).order_by("n").execute()
    return found[["focus_before", "focus_now", *PARTS]].astype(float)


@pytest.mark.parametrize(("before", "now", "expected"), TRUTH)
def test_gain_loss_matches_openretailscience_truth_table(before, now, expected) -> None:
    found = parts_of([(*before, *now)])
    assert found[list(PARTS)].iloc[0].tolist() == list(expected)


money = st.integers(-300, 300).map(float)


@settings(deadline=None, max_examples=40)  # each example is a query of the engine
@given(st.lists(st.tuples(money, money, money, money), min_size=1, max_size=20))
def test_parts_sum_to_the_change(rows: list[tuple[float, ...]]) -> None:
    found = parts_of(rows)
    assert (found[list(PARTS)].sum(axis=1) == found["focus_now"] - found["focus_before"]).all()


def test_revenue_tree_matches_openretailscience_6000_to_7018() -> None:
    tree = revenue_tree(Period(100, 200, 6000), Period(110, 242, 7018))
    found = [tree.contribution(f) for f in ("customers", "frequency", "order_value")]
    assert found == pytest.approx([619, 639.5, -240.5])
    assert sum(found) == pytest.approx(tree.change) == 1018


size = st.floats(1, 1e5)


@given(st.tuples(size, size, size, size), st.tuples(size, size, size, size))
def test_contributions_sum_to_the_change(a: tuple[float, ...], b: tuple[float, ...]) -> None:
    tree = revenue_tree(Period(*a), Period(*b))
    nodes = tree.nodes.set_index("factor")["contribution"]
    top = nodes[["customers", "frequency", "order_value"]]
    scale = max(nodes.abs().max(), a[2], b[2])
    assert top.sum() == pytest.approx(tree.change, abs=1e-9 * scale)
    assert nodes[["items", "price"]].sum() == pytest.approx(nodes["order_value"], abs=1e-6 * scale)


def test_a_period_without_orders_has_no_tree() -> None:
    with pytest.raises(DataError, match="both periods"):
        revenue_tree(Period(100, 200, 6000), Period(0, 0, 0))
