"""The journey's views are the same on DuckDB and on Spark."""

from __future__ import annotations

import pytest

from crm_analytics.analyses.journey import daily_states, journey, journey_map
from tests.spark.same import SPARK, assert_same, two_companies

pytestmark = SPARK

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
    with two_companies(spark, tmp_path_factory.mktemp("company"), TABLES, customers=300) as pair:
        yield tuple(journey(base.as_of("2025-12-30")) for base in pair)


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
