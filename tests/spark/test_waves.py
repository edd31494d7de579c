"""Past campaigns and incentives of the demo company are the same on DuckDB and on Spark."""

from __future__ import annotations

import pytest

from crm_analytics.analyses import campaigns
from crm_analytics.analyses.profiling.demography import demography
from tests.spark.same import SPARK, assert_same, two_companies

pytestmark = SPARK

TABLES = ("transactions", "products", "customers", "events", "campaigns", "campaign_members")


@pytest.fixture(scope="module")
def both(spark, tmp_path_factory):
    with two_companies(spark, tmp_path_factory.mktemp("company"), TABLES, customers=600) as pair:
        yield tuple(base.as_of("2025-12-31") for base in pair)


def test_the_evaluation_is_the_same(both) -> None:
    found = []
    for base in both:
        seen = campaigns.evaluate(base, draws=20)
        groups = campaigns.response_by_group(seen.waves, demography(base, ("gender",)), minimum=20)
        assert seen.uplift is not None
        each = seen.campaigns.drop(columns="sent_day")
        tables = (seen.pooled, each, seen.segments, seen.response, seen.balance, seen.reach, seen.profit)
        found.append((*tables, groups, seen.uplift.qini.curve))
    for one, two in zip(*found, strict=True):
        assert_same(one.round(9), two.round(9))


def test_incentives_are_the_same(both) -> None:
    found = []
    for base in both:
        seen = campaigns.incentives(base)
        assert seen.offers is not None
        people = base.collect(seen.customers.order_by("customer_id"))
        found.append((seen.effects, seen.proneness, seen.offers.redemption, seen.offers.given_away, people))
    for one, two in zip(*found, strict=True):
        assert_same(one.round(9), two.round(9))
