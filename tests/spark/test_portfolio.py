"""Portfolio, significant customers and plays of the demo company are the same on DuckDB and on Spark."""

from __future__ import annotations

import ibis
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import rfm
from crm_analytics.analyses.portfolio.portfolio import portfolio
from crm_analytics.analyses.portfolio.strategic_customers import significant
from crm_analytics.analyses.rfm.plays import plays
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

TABLES = ("transactions", "products", "customers", "tickets", "events", "mentions", "referrals")


@pytest.fixture(scope="module")
def both(spark, tmp_path_factory):
    folder = write_company(tmp_path_factory.mktemp("company"), customers=300, years=2)
    for path in folder.glob("*.parquet"):
        if path.stem not in TABLES:
            path.unlink()
    files = {name: folder / f"{name}.parquet" for name in TABLES}
    one = CustomerBase.open(folder, today="2026-01-01")
    two = CustomerBase.open(on_spark(spark, **files), today="2026-01-01")
    yield one.as_of("2025-12-31"), two.as_of("2025-12-31")
    for name in TABLES:
        spark.drop_view(name)


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
