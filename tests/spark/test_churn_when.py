"""When customers leave, what a complaint does and how contracts end are the same on DuckDB and on Spark."""

from __future__ import annotations

import pytest

from crm_analytics.analyses.churn.contracts import contracts
from crm_analytics.analyses.churn.survival import complaints, survival
from tests.spark.same import SPARK, assert_same, two_companies

pytestmark = SPARK

TABLES = ("transactions", "products", "customers", "tickets", "subscriptions")


@pytest.fixture(scope="module")
def both(spark, tmp_path_factory):
    with two_companies(spark, tmp_path_factory.mktemp("company"), TABLES, customers=900) as pair:
        yield tuple(base.as_of("2025-12-15") for base in pair)


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
