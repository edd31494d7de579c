"""Past campaigns and incentives of the demo company are the same on DuckDB and on Spark."""

from __future__ import annotations

import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import campaigns
from crm_analytics.analyses.profiling.demography import demography
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

TABLES = ("transactions", "products", "customers", "events", "campaigns", "campaign_members")


@pytest.fixture(scope="module")
def both(spark, tmp_path_factory):
    folder = write_company(tmp_path_factory.mktemp("company"), customers=600, years=2)
    for path in folder.glob("*.parquet"):
        if path.stem not in TABLES:
            path.unlink()
    files = {name: folder / f"{name}.parquet" for name in TABLES}
    one = CustomerBase.open(folder, today="2026-01-01")
    two = CustomerBase.open(on_spark(spark, **files), today="2026-01-01")
    yield one.as_of("2025-12-31"), two.as_of("2025-12-31")
    for name in TABLES:
        spark.drop_view(name)


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
