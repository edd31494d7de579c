"""Scores joined in the engine equal scores computed row by row."""

from __future__ import annotations

from types import SimpleNamespace

import ibis
import ibis.backends.sql.compilers.pyspark
import numpy as np
import pytest

from crm_analytics.analyses import btyd
from crm_analytics.errors import ParameterError

COLUMNS = [
    "customer_id",
    "frequency",
    "recency",
    "T",
    "monetary_value",
    "expected_purchases",
    "probability_alive",
    "expected_spend",
    "lifetime_value",
]


def test_scores_equal_row_by_row(past, summary, frame, bg, mbg, gg):
    table = btyd.score(summary, bg, gg, horizon=(52, "W"), rate=0.15, status_model=mbg)
    assert list(table.columns) == COLUMNS
    found = past.collect(table).sort_values("customer_id", ignore_index=True)
    assert found["customer_id"].tolist() == frame["customer_id"].tolist()
    assert not found.isna().any().any()
    expected = {
        "frequency": frame["frequency"],
        "recency": frame["recency"],
        "T": frame["T"],
        "expected_purchases": bg.expected_purchases(frame, 52),
        "probability_alive": mbg.probability_alive(frame),
        "expected_spend": gg.expected_spend(frame),
        "lifetime_value": bg.lifetime_value(gg, frame, (52, "W"), 0.15),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-10, err_msg=name)


def test_without_status_model_the_model_itself_says_who_is_alive(past, summary, bg, gg):
    found = past.collect(btyd.score(summary, bg, gg))
    assert (found.loc[found["frequency"] == 0, "probability_alive"] == 1).all()


def test_a_model_of_another_unit_is_refused(past, summary, gg):
    daily = btyd.BetaGeo.fit(btyd.summarize(past, "D"))
    with pytest.raises(ParameterError, match="units of 'W', BG/NBD was fitted in 'D'"):
        btyd.score(summary, daily, gg)


def test_frozen_model_scores_a_later_day(cdnow, bg, mbg, gg):
    later = btyd.summarize(cdnow, "W")
    found = cdnow.collect(btyd.score(later, bg, gg, status_model=mbg))
    assert len(found) == 2_357
    assert found["lifetime_value"].ge(0).all()


def test_expressions_compile_for_spark(summary, bg, gg, monkeypatch):
    from crm_analytics.analyses.btyd.fitting.summary import _history

    # the option exists once the pyspark backend is loaded; compiling needs no pyspark
    options = SimpleNamespace(pyspark=SimpleNamespace(treat_nan_as_null=False))
    monkeypatch.setattr(ibis.backends.sql.compilers.pyspark, "options", options)
    assert "GROUP BY" in ibis.to_sql(_history(summary.base), dialect="pyspark")
    assert "JOIN" in ibis.to_sql(btyd.score(summary, bg, gg), dialect="pyspark")
