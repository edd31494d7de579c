"""Churn features, labels, the definition, and contact lists are the same on DuckDB and on Spark."""

from __future__ import annotations

import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import campaigns, churn
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
    "transactions", "products", "customers", "tickets", "campaigns", "campaign_members",
    "survey_responses", "events",
)  # fmt: skip


@pytest.fixture(scope="module")
def both(spark, tmp_path_factory):
    folder = write_company(tmp_path_factory.mktemp("company"), customers=400, years=2)
    for path in folder.glob("*.parquet"):
        if path.stem not in TABLES:
            path.unlink()
    files = {name: folder / f"{name}.parquet" for name in TABLES}
    one = CustomerBase.open(folder, today="2026-01-01")
    two = CustomerBase.open(on_spark(spark, **files), today="2026-01-01")
    yield one.as_of("2025-12-15"), two.as_of("2025-12-15")
    for name in TABLES:
        spark.drop_view(name)


def test_features_labels_and_the_definition_are_the_same(both) -> None:
    found = []
    for base in both:
        past = base.as_of("2025-09-30")
        told = churn.definition(base)
        found.append(
            (
                base.collect(churn.features(past)),
                base.collect(churn.labels(base, past.day, 60)),
                told.table.assign(window=told.window),
            )
        )
    assert len(found[0][0]) > 100
    for one, two in zip(*found, strict=True):
        assert_same(one, two)


def test_lists_their_controls_and_steps_are_the_same(both) -> None:
    terms = campaigns.Terms(
        days=14, holdout=0.2, margin=0.4, contact_cost=0.2, response=0.05, top=40, where={"age": (18, 90)}
    )
    found = []
    for base in both:
        wave = campaigns.lists(base, terms=terms)
        found.append(
            (
                base.collect(wave.members),
                campaigns.summary(wave),
                campaigns.waterfall(wave),
                campaigns.overlap(wave).reset_index(),
                campaigns.reach_of_top(wave),
            )
        )
    assert found[0][1]["treated"].sum() > 20
    for one, two in zip(*found, strict=True):
        assert_same(one, two)
