"""Churn features, labels, the definition, and contact lists are the same on DuckDB and on Spark."""

from __future__ import annotations

import pytest

from crm_analytics.analyses import campaigns, churn
from tests.spark.same import SPARK, assert_same, two_companies

pytestmark = SPARK

TABLES = (
    "transactions", "products", "customers", "tickets", "campaigns", "campaign_members",
    "survey_responses", "events",
)  # fmt: skip


@pytest.fixture(scope="module")
def both(spark, tmp_path_factory):
    with two_companies(spark, tmp_path_factory.mktemp("company"), TABLES, customers=400) as pair:
        yield tuple(base.as_of("2025-12-15") for base in pair)


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
