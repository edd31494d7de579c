"""The audit, profiles and channels of the demo company are the same on DuckDB and on Spark."""

from __future__ import annotations

import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import audit, rfm
from crm_analytics.analyses.attribution.channel_paths import channel_paths
from crm_analytics.analyses.profiling.favourites import favourites
from crm_analytics.analyses.profiling.traits import traits
from crm_analytics.analyses.rfm.migration import migration
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

TABLES = ("transactions", "products", "customers", "tickets", "events", "customer_identities")


@pytest.fixture(scope="module")
def both(spark, tmp_path_factory):
    folder = write_company(tmp_path_factory.mktemp("company"), customers=400, years=2)
    for path in folder.glob("*.parquet"):
        if path.stem not in TABLES:
            path.unlink()
    one = CustomerBase.open(folder, today="2026-01-01")
    two = CustomerBase.open(
        on_spark(spark, **{n: folder / f"{n}.parquet" for n in TABLES}), today="2026-01-01"
    )
    yield one.as_of("2025-12-31"), two.as_of("2025-12-31")
    for name in TABLES:
        spark.drop_view(name)


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
