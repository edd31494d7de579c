"""When customers leave, what a complaint does and how contracts end are the same on DuckDB and on Spark."""

from __future__ import annotations

import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.churn.contracts import contracts
from crm_analytics.analyses.churn.survival import complaints, survival
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

TABLES = ("transactions", "products", "customers", "tickets", "subscriptions")


@pytest.fixture(scope="module")
def both(spark, tmp_path_factory):
    folder = write_company(tmp_path_factory.mktemp("company"), customers=900, years=2)
    for path in folder.glob("*.parquet"):
        if path.stem not in TABLES:
            path.unlink()
    files = {name: folder / f"{name}.parquet" for name in TABLES}
    one = CustomerBase.open(folder, today="2026-01-01")
    two = CustomerBase.open(on_spark(spark, **files), today="2026-01-01")
    yield one.as_of("2025-12-15"), two.as_of("2025-12-15")
    for name in TABLES:
        spark.drop_view(name)


def test_curves_and_the_complaint_are_the_same(both) -> None:
    found = []
    for base in both:
        by = base.customers.select("customer_id", group=base.customers.acquisition_channel)
        told = complaints.after_complaint(base, 150, pace=30)
        found.append(
            (
                survival.until_next_purchase(base).curves,
                survival.leaving(base, 150, by=by).curves,
                told.hazards.table,
                told.spells,
                told.purchases,
            )
        )
    for one, two in zip(*found, strict=True):
        assert_same(one, two)


def test_contracts_their_features_and_labels_are_the_same(both) -> None:
    found = []
    for base in both:
        seen = contracts.contracts(base)
        known = base.collect(contracts.features(base.as_of("2025-06-30")))
        labels = base.collect(contracts.labels(base, "2025-06-30", 91))
        each = base.collect(seen.contracts)
        found.append((seen.rates, seen.by_month, seen.survival.curves, seen.reasons, known, labels, each))
    for one, two in zip(*found, strict=True):
        assert_same(one, two)
