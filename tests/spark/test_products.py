"""Calendars, pairs and products of the demo company are the same on DuckDB and on Spark."""

from __future__ import annotations

import pytest

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
from tests.spark.same import SPARK, assert_same, two_companies

pytestmark = SPARK

TABLES = ("transactions", "products", "customers", "tickets")


@pytest.fixture(scope="module")
def both(spark, tmp_path_factory):
    with two_companies(spark, tmp_path_factory.mktemp("company"), TABLES, customers=700) as pair:
        yield pair


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
