"""Calendars, pairs and products of the demo company are the same on DuckDB and on Spark."""

from __future__ import annotations

import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.calendar import calendar, week_pattern
from crm_analytics.analyses.products.affinity import affinity
from crm_analytics.analyses.products.category_months import category_months
from crm_analytics.analyses.products.cross_shop import cross_shop
from crm_analytics.analyses.products.first_product import first_products
from crm_analytics.analyses.products.habitual_day import habitual_days
from crm_analytics.analyses.products.likely_buyers import likely_buyers
from crm_analytics.analyses.products.movers import movers
from crm_analytics.analyses.products.popularity import popularity
from crm_analytics.analyses.products.product_lines import spellings
from crm_analytics.analyses.products.quality import quality
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

TABLES = ("transactions", "products", "customers", "tickets")


@pytest.fixture(scope="module")
def both(spark, tmp_path_factory):
    folder = write_company(tmp_path_factory.mktemp("company"), customers=700, years=2)
    for path in folder.glob("*.parquet"):
        if path.stem not in TABLES:
            path.unlink()
    files = {name: folder / f"{name}.parquet" for name in TABLES}
    one = CustomerBase.open(folder, today="2026-01-01")
    two = CustomerBase.open(on_spark(spark, **files), today="2026-01-01")
    yield one, two
    for name in TABLES:
        spark.drop_view(name)


VIEWS = {
    "calendar": lambda base: calendar(base).months.months,
    "week": lambda base: week_pattern(base).hours,
    "affinity": lambda base: affinity(base).pairs,
    "categories": lambda base: category_months(base).cells,
    "cross-shop": lambda base: cross_shop(base).pairs,
    "first products": lambda base: first_products(base, "category").products,
    "habits": lambda base: base.collect(habitual_days(base).customers),
    "likely buyers": lambda base: base.collect(likely_buyers(base, "Coffee", weeks=26).customers),
    "movers": lambda base: movers(base, level="category").products,
    "popularity": lambda base: popularity(base).products,
    "quality": lambda base: quality(base).products,
    "spellings": spellings,
}


@pytest.mark.parametrize("view", VIEWS)
def test_products_are_the_same(both, view: str) -> None:
    one, two = (VIEWS[view](base) for base in both)
    assert_same(one, two)
