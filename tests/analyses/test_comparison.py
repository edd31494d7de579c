import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.comparison import compare_periods
from crm_analytics.analyses.intervals import share_difference, wilson


def base_of(rows):
    frame = pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"])
    return CustomerBase.open(frame, today="2027-01-01")


def test_periods_are_counted_as_by_hand():
    base = base_of(
        [
            ("a", "2026-01-01", 10.0), ("a", "2026-01-09", 5.0), ("b", "2026-01-02", 20.0),
            ("b", "2026-01-10", -4.0), ("c", "2026-01-14", 7.0),
        ]
    )  # fmt: skip
    found = compare_periods(base, "-7d")
    assert base.day.isoformat() == "2026-01-14"
    assert found.span_days == 7
    assert (found.revenue.now, found.revenue.before) == (8.0, 30.0)  # (7 Jan, 14 Jan] and (31 Dec, 7 Jan]
    assert (found.orders.now, found.orders.before) == (2, 2)
    assert (found.buyers.now, found.buyers.before) == (2, 2)
    assert found.revenue.change == pytest.approx(8 / 30 - 1)


def test_without_two_whole_periods_there_is_no_comparison():
    base = base_of([("a", "2026-01-01", 10.0), ("a", "2026-01-14", 5.0)])
    assert compare_periods(base, "-8d") is None
    assert compare_periods(base, "-7d") is not None


def test_nothing_before_has_no_change():
    base = base_of([("a", "2026-01-01", 0.0), ("a", "2026-01-14", 5.0)])
    assert compare_periods(base, "-7d").revenue.change is None


@pytest.mark.thorough
def test_interval_of_the_change_covers_planted_truth():
    # every customer's spend falls by 20 % on average; 40 bases of 400 customers
    draw = np.random.default_rng(11)
    hits = 0
    for _ in range(40):
        level = draw.gamma(2, 10, 400)
        before, now = draw.poisson(level), draw.poisson(0.8 * level)
        rows = [(f"c{i}", "2026-01-03", float(v)) for i, v in enumerate(before)]
        rows += [(f"c{i}", "2026-01-14", float(v)) for i, v in enumerate(now)]
        rows.append(("c0", "2026-01-01", 0.0))
        found = compare_periods(base_of(rows), "-7d").revenue
        hits += found.lower <= -0.2 <= found.upper
    assert hits >= 34  # fewer than 34 of 40 has a chance below 1 % for a true 95 % interval


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_matches_newcombe_1998_table_1(k, n, low, high):
    assert wilson(k, n) == pytest.approx((low, high), abs=5e-5)


def test_share_difference_matches_newcombe_1998_method_10():
    assert share_difference(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert share_difference(9, 10, 3, 10) == pytest.approx((0.1705, 0.8090), abs=5e-5)
    assert share_difference(10, 10, 0, 20) == pytest.approx((0.6791, 1.0), abs=5e-5)
