"""The journey's views are the same on DuckDB and on Spark."""

from __future__ import annotations

import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.journey import daily_states, journey, journey_map
from crm_analytics.tables.company import write_company
from tests.spark.same import assert_same, on_spark

pytestmark = [
    pytest.mark.spark,
    # what PySpark itself warns of on Python 3.11 and pandas 3
    pytest.mark.filterwarnings("ignore::DeprecationWarning:pyspark.*"),
    pytest.mark.filterwarnings("ignore::FutureWarning:pyspark.*"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

TABLES = (
    "transactions",
    "customers",
    "tickets",
    "events",
    "customer_identities",
    "survey_responses",
    "mentions",
)
STEPS = ["Product Viewed", "Product Added", "Order Completed"]


@pytest.fixture(scope="module")
def both(spark, tmp_path_factory):
    folder = write_company(tmp_path_factory.mktemp("company"), customers=300, years=2)
    for path in folder.glob("*.parquet"):
        if path.stem not in TABLES:
            path.unlink()
    one = CustomerBase.open(folder, today="2026-01-01")
    two = CustomerBase.open(
        on_spark(spark, **{n: folder / f"{n}.parquet" for n in TABLES}), today="2026-01-01"
    )
    return tuple(journey(base.as_of("2025-12-30")) for base in (one, two))


def test_steps_are_the_same(both) -> None:
    one, two = (made.base.collect(made.table) for made in both)
    assert_same(one, two)


def test_views_are_the_same(both) -> None:
    views = (
        lambda made: made.transitions(),
        lambda made: made.sessions().transitions(),
        lambda made: made.funnel(STEPS),
        lambda made: made.funnel(STEPS, within=3),
        lambda made: made.steps(),
        lambda made: made.steps("Product Added", before=2, after=2),
        lambda made: made.base.collect(made.metrics(["Product Viewed"])),
        lambda made: made.base.collect(made.matches("Product Viewed->.*->[Product Added|Order Completed]")),
        lambda made: made.base.collect(made.conformance(STEPS).paths),
        lambda made: daily_states(made.base),
        lambda made: journey_map(made).stages,
        lambda made: journey_map(made, minimum=5).pains,
    )
    for view in views:
        assert_same(*(view(made) for made in both))


def test_differences_are_the_same(both) -> None:
    found = []
    for made in both:
        history = made.base.purchase_history
        sides = [
            history.filter(w).select("customer_id")
            for w in (history.order_count > 2, history.order_count <= 2)
        ]
        parts = made.difference(*sides)
        found.append([parts.transitions(), parts.metrics(), parts.events()])
    for one, two in zip(*found, strict=True):
        assert_same(one, two)
