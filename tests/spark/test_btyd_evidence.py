"""What is counted of a holdout is the same on DuckDB and on Spark: cells, naive forecasts, money, season."""

from __future__ import annotations

import pandas as pd
import pytest

from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.checks.baselines import naive_forecasts
from crm_analytics.analyses.btyd.forecasts.holdout import held_out
from tests.spark.same import SPARK, two_companies

pytestmark = SPARK
DAY, END = "2025-03-31", "2025-12-31"


@pytest.fixture(scope="module")
def both(spark, tmp_path_factory):
    with two_companies(
        spark, tmp_path_factory.mktemp("company"), ("transactions", "customers", "products"), customers=300
    ) as pair:
        yield pair


def test_cells_and_naive_forecasts_are_identical(both):
    found = []
    for base in both:
        summary = btyd.summarize(base.as_of(DAY))
        future = base.between(DAY, END)
        naive = naive_forecasts(summary, future, 275 / 7)
        found.append((held_out(summary, future), [n.name for n in naive], [n.cells for n in naive]))
    (held, names, cells), (other, other_names, other_cells) = found
    pd.testing.assert_frame_equal(held, other, check_dtype=False)
    assert names == other_names == ["last period repeated", "average rate", "RFM-cell mean"]
    for one, two in zip(cells, other_cells, strict=True):
        pd.testing.assert_frame_equal(one, two, check_dtype=False)


def test_comparison_money_and_scores_are_identical(both):
    tables, scores = [], []
    for base in both:
        past, future = base.as_of(DAY), base.between(DAY, END)
        found = btyd.compare(past, future, (btyd.BetaGeo, btyd.ModifiedBetaGeo), draws=100)
        tables.append((found.in_sample, found.holdout, found.money, found.words))
        summary = btyd.summarize(past)
        active = btyd.active_customers(summary, found.models["MBG/NBD"], 13)
        scores.append(past.collect(active.order_by("customer_id")))
    for one, two in zip(*tables, strict=True):
        if isinstance(one, pd.DataFrame):
            pd.testing.assert_frame_equal(one, two, check_dtype=False)
        else:
            assert one == two
    pd.testing.assert_frame_equal(*scores, check_dtype=False)
