"""Portfolio, significant customers and plays of the demo company are the same on DuckDB and on Spark."""

from __future__ import annotations

import ibis
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import rfm
from crm_analytics.analyses.portfolio.portfolio import portfolio
from crm_analytics.analyses.portfolio.strategic_customers import significant
from crm_analytics.analyses.rfm.plays import plays
from tests.spark.same import SPARK, assert_same, two_companies

pytestmark = SPARK

TABLES = ("transactions", "products", "customers", "tickets", "events", "mentions", "referrals")


@pytest.fixture(scope="module")
def both(spark, tmp_path_factory):
    with two_companies(spark, tmp_path_factory.mktemp("company"), TABLES, customers=300) as pair:
        yield tuple(base.as_of("2025-12-31") for base in pair)


def forecast(base: CustomerBase):
    """In place of a fitted model: a fifth of what they spent, and a chance that falls with silence."""
    history = base.purchase_history.filter(lambda t: t.order_count > 0)
    silent = ibis.literal(base.day).delta(history.last_day, unit="day").cast("float64")
    return history.select(
        "customer_id",
        lifetime_value=history.revenue.cast("float64") / 5,
        probability_alive=1 - silent / 1_000,
    )


def test_portfolio_reasons_and_plays_are_the_same(both) -> None:
    found = []
    for base in both:
        scored = base.materialise(forecast(base))
        groups = portfolio(base, scored)
        matter = significant(base, groups)
        by_segment = plays(rfm.score(base), scored, margin=0.5, cost=1.0, response=0.1)
        tables = [base.collect(t.order_by("customer_id")) for t in (groups.customers, matter.customers)]
        found.append((groups.groups, matter.reasons, by_segment, *tables))
        assert groups.top_share is not None
        assert matter.count > 0
    for one, two in zip(*found, strict=True):
        assert_same(one, two)
