"""The audit, profiles and channels of the demo company are the same on DuckDB and on Spark."""

from __future__ import annotations

import pandas as pd
import pytest

from crm_analytics.analyses import audit, rfm
from crm_analytics.analyses.attribution.channel_paths import channel_paths
from crm_analytics.analyses.profiling.favourites import favourites
from crm_analytics.analyses.profiling.traits import traits
from crm_analytics.analyses.rfm.migration import migration
from tests.spark.same import SPARK, assert_same, two_companies

pytestmark = SPARK

TABLES = ("transactions", "products", "customers", "tickets", "events", "customer_identities")


@pytest.fixture(scope="module")
def both(spark, tmp_path_factory):
    with two_companies(spark, tmp_path_factory.mktemp("company"), TABLES, customers=400) as pair:
        yield tuple(base.as_of("2025-12-31") for base in pair)


def test_value_spread_is_the_same(both) -> None:
    one, two = (audit.value_spread(base, "-52w") for base in both)
    assert_same(one.deciles, two.deciles)
    assert_same(one.whale, two.whale)
    assert one.below_zero == two.below_zero
    assert one.concentration.gini == pytest.approx(two.concentration.gini)


def test_change_is_the_same(both) -> None:
    one, two = (audit.change(base, "-26w") for base in both)
    assert_same(one.groups, two.groups)
    assert_same(one.moves, two.moves)
    assert_same(one.tree.nodes, two.tree.nodes)
    assert_same(one.products, two.products)


def test_acquisition_is_the_same(both) -> None:
    one, two = (audit.acquisition(base, 182, minimum=5) for base in both)
    assert_same(one.sources, two.sources)
    assert one.ratio.value == pytest.approx(two.ratio.value)


def test_moves_favourites_and_traits_are_the_same(both) -> None:
    found = []
    for base in both:
        now = rfm.score(base)
        habits = base.materialise(favourites(base, 5))
        moves = migration(rfm.score(base.earlier("-26w"), rules=now.rules), now).moves
        found.append((moves, base.collect(habits), traits(base, now.customers, habits)))
    for one, two in zip(*found, strict=True):
        assert_same(one, two)


def test_paths_of_channels_are_the_same(both) -> None:
    one, two = (channel_paths(base, minimum=5) for base in both)
    flat = [p.paths.assign(path=[" > ".join(way) for way in p.paths["path"]]) for p in (one, two)]
    assert_same(*flat)
    assert (one.untracked, one.open, one.anonymous) == (two.untracked, two.open, two.anonymous)
    credit = [p.attribute(["markov", "time_decay"]) for p in (one, two)]
    pd.testing.assert_frame_equal(*credit, rtol=1e-6)
