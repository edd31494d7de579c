"""The same expression on DuckDB and on Spark gives the same frame."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crm_analytics import CustomerBase
from crm_analytics.tables.demo import write_demo
from tests.spark.same import SPARK, assert_same, on_spark

pytestmark = SPARK

TODAY = "2026-07-01"


def hard_frame() -> pa.Table:
    """NULL and untidy ids, returns, NaN and NULL amounts, days worth nothing, two invoices a day."""
    n = 600
    draw = np.random.default_rng(5)
    ids = np.array(
        ["a", "00123", "17850.0", " spaced ", "NaN", "ü", None, *(f"c{i}" for i in range(60))], object
    )
    spend = np.round(draw.normal(10, 12, n), 2)
    spend[draw.random(n) < 0.01] = np.nan
    spend[draw.random(n) < 0.05] = 0.0
    moments = np.datetime64("2026-01-01T00:00:00") + draw.integers(0, 120 * 24, n).astype("timedelta64[h]")
    return pa.table(
        {
            "transaction_id": pa.array([None if i % 17 == 0 else f"t{i // 3}" for i in range(n)]),
            "customer_id": pa.array(ids[draw.integers(0, len(ids), n)].tolist()),
            "transaction_date": pa.array(moments.astype("datetime64[us]")),
            "unit_spend": pa.array(spend, from_pandas=False),
            "unit_quantity": pa.array([None if i % 5 == 0 else float(i) for i in range(n)]),
            "unit_cost": pa.array(np.round(draw.uniform(0, 9, n), 2)),
            "is_return": pa.array([None if i % 3 else bool(v < 0) for i, v in enumerate(spend)]),
            "channel": pa.array(draw.choice(["web", "shop", ""], n).tolist()),
        }
    )


def text_frame() -> pa.Table:
    """Everything as text, as it comes out of a careless export."""
    rows = [(f"c{i % 9}", f"{1 + i % 28:02d}/0{1 + i % 6}/2026", f"{i},50") for i in range(90)]
    rows += [("c1", "31/02/2026", "1,00"), ("c2", "01/02/2026", "n/a"), ("c3", "", "2,00")]
    who, day, spend = zip(*rows, strict=True)
    return pa.table({"customer_id": who, "transaction_date": day, "unit_spend": spend})


TEXT_MAPPING = {
    "transactions": {"decimal": ",", "transaction_date": {"column": "transaction_date", "format": "%d/%m/%Y"}}
}


@pytest.fixture(scope="session", params=["cdnow", "hard", "text"])
def both(request, spark, tmp_path_factory) -> tuple[CustomerBase, CustomerBase]:
    """One source, opened on DuckDB and on Spark."""
    folder = tmp_path_factory.mktemp(request.param)
    path = folder / "transactions.parquet"
    mapping = TEXT_MAPPING if request.param == "text" else None
    if request.param == "cdnow":
        frame = pd.read_csv(write_demo("cdnow", folder) / "transactions.csv", dtype={"customer_id": "str"})
        table = pa.Table.from_pandas(frame, preserve_index=False)
    else:
        table = hard_frame() if request.param == "hard" else text_frame()
    pq.write_table(table, path)
    return (
        CustomerBase.open(path, today=TODAY, mapping=mapping),
        CustomerBase.open(on_spark(spark, transactions=path), today=TODAY, mapping=mapping),
    )


def days(base: CustomerBase) -> list[CustomerBase]:
    middle = base.first_day + (base.day - base.first_day) // 2
    return [base, base.as_of(middle), base.between(middle, base.day)]


def test_the_same_rows_are_accepted_and_rejected(both) -> None:
    one, two = both
    assert one.counts == two.counts
    columns = ["table", "column", "rule"]
    assert_same(one.rejected[columns], two.rejected[columns])


@pytest.mark.parametrize("name", ["transactions", "occasions", "purchase_history", "customers"])
def test_tables_are_identical(both, name: str) -> None:
    for one, two in zip(*map(days, both), strict=True):
        assert_same(one.collect(getattr(one, name)), two.collect(getattr(two, name)))


def test_rfm_is_identical(both) -> None:
    from crm_analytics.analyses import rfm

    scores = [rfm.score(base.as_of(base.day), bins=4, cuts=cuts_for(base)) for base in both]
    assert_same(*(s.base.collect(s.customers) for s in scores))
    pd.testing.assert_frame_equal(*(s.segments for s in scores), check_dtype=False)


def cuts_for(base: CustomerBase) -> dict[str, list[float]] | None:
    """Own cuts where there are too few customers for quantiles."""
    few = base.counts["customers"] < 20
    return {"recency_days": [5, 20, 60], "order_count": [1, 2, 9], "revenue": [10, 99, 400]} if few else None


def test_btyd_summary_is_identical(both) -> None:
    from crm_analytics.analyses import btyd

    one, two = (btyd.summarize(base, unit="W") for base in both)
    assert_same(both[0].collect(one.customers), both[1].collect(two.customers))
    assert_same(one.cells, two.cells)
    assert_same(one.spend_cells, two.spend_cells)


@pytest.mark.parametrize("every", ["month", "quarter"])
def test_cohorts_are_identical(both, every: str) -> None:
    from crm_analytics.analyses import cohorts

    one, two = (cohorts.cohorts(base, every) for base in both)
    assert one.revenue["margin"].isna().all() == ("unit_cost" not in both[0].transactions.columns)
    for name in ("cohorts", "retention", "revenue", "cumulative_value", "whole", "periods"):
        pd.testing.assert_frame_equal(
            getattr(one, name), getattr(two, name), check_dtype=False, rtol=1e-12, atol=1e-12
        )


def test_lifecycle_is_identical(both) -> None:
    from crm_analytics.analyses import lifecycle

    if both[0].counts["customers"] < 20:
        pytest.skip("too few customers for stages")
    rules = lifecycle.default_rules()
    one, two = (lifecycle.stages(base, rules) for base in both)
    assert_same(both[0].collect(one.spells), both[1].collect(two.spells))
    pairs = [(one.sizes, two.sizes)]
    pairs += [(lifecycle.flows(one, "-4w").moves, lifecycle.flows(two, "-4w").moves)]
    pairs += [(lifecycle.dwell(one).stages, lifecycle.dwell(two).stages)]
    pairs += [(lifecycle.forecast(one, 1, every="2w").sizes, lifecycle.forecast(two, 1, every="2w").sizes)]
    chains = [lifecycle.fit_chain(base, margin=0.5, contact_cost=0.1, every="2w").states for base in both]
    for left, right in [*pairs, tuple(chains)]:
        pd.testing.assert_frame_equal(left, right, check_dtype=False, rtol=1e-9)


def test_nan_and_none_come_into_both_engines_as_null(both) -> None:
    frame = pd.DataFrame({"x": [1.0, np.nan, 3.0], "s": ["NaN", None, "b"]})
    for base in both:
        brought = base.to_engine(frame)
        row = brought.aggregate(x=brought.x.isnull().sum(), s=brought.s.isnull().sum(), top=brought.x.max())
        assert row.to_pyarrow().to_pylist() == [{"x": 1, "s": 1, "top": 3.0}]


def test_a_base_saved_on_spark_opens_on_duckdb(both, tmp_path) -> None:
    for base in both:
        again = CustomerBase.open(base.save(tmp_path / base.snapshot.connection.name))
        assert again.counts == base.counts
        assert_same(again.collect(again.purchase_history), base.collect(base.purchase_history))


def test_the_inspection_is_identical(both) -> None:
    from crm_analytics.tables.inspection import inspect

    one, two = (inspect(base, TODAY) for base in both)
    assert_same(one.fields, two.fields)
    assert (one.equal_lines, one.returns, one.anonymous_rows) == (
        two.equal_lines,
        two.returns,
        two.anonymous_rows,
    )
