"""A total is drawn once for all pages of a night, and is the same as drawn anew."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.fitting import parameter_posterior as posteriors
from crm_analytics.analyses.btyd.forecasts.value_parts import value_by_group
from crm_analytics.analyses.btyd.totals import value_totals
from crm_analytics.tables.kept_results import digest_of


def shop(customers: int, seed: int, *, leavers: bool) -> pd.DataFrame:
    """Who buys every four weeks for a year; half of them leave after some time, or nobody does."""
    rng = np.random.default_rng(seed)
    rows = []
    for one in range(customers):
        end = rng.exponential(25) if leavers and one % 2 else 53
        at = np.cumsum(rng.exponential(4, 60))
        rows += [(f"c{one}", week) for week in [0.0, *at[at < min(end, 52)]]]
    frame = pd.DataFrame(rows, columns=["customer_id", "week"])
    first = pd.Timestamp("2025-01-01") + pd.to_timedelta(frame.pop("week") * 7, unit="D").dt.floor("D")
    return frame.assign(transaction_date=first, unit_spend=rng.gamma(3, 10, len(frame)).round(2) + 0.01)


@pytest.fixture
def base(tmp_path) -> CustomerBase:
    frame = shop(300, 1, leavers=True)
    return CustomerBase.open(frame, today="2026-01-02").keeping(tmp_path)


def models_of(base: CustomerBase):
    summary = btyd.summarize(base)
    return summary, btyd.BetaGeo.fit(summary), btyd.GammaGamma.fit(summary)


def test_a_total_is_drawn_once_and_read_back_to_the_last_bit(base, monkeypatch) -> None:
    summary, model, spend = models_of(base)
    first = btyd.value_total(summary, model, spend)
    monkeypatch.setattr(value_totals, "worth_of_a_future", lambda *_: pytest.fail("drawn again"))
    again, its_model, its_spend = models_of(base)
    assert asdict(btyd.value_total(again, its_model, its_spend)) == asdict(first)
    with pytest.raises(pytest.fail.Exception):
        btyd.value_total(again, its_model, its_spend, seed=2)
    with pytest.raises(pytest.fail.Exception):
        btyd.value_total(again, its_model.with_values(its_model.values * 1.01), its_spend)


def test_a_kept_total_is_the_one_of_a_base_that_keeps_nothing(base) -> None:
    found = btyd.value_total(*models_of(base))
    alone = btyd.value_total(*models_of(replace(base, snapshot=replace(base.snapshot, kept_in=None))))
    assert asdict(found) == asdict(alone)


def test_equal_contents_have_equal_digests_and_others_do_not() -> None:
    frame = pd.DataFrame({"a": [1.0, np.nan], "b": ["x", "y"]})
    assert digest_of((frame["a"].to_numpy(), 1, None)) == digest_of((frame["a"].to_numpy().copy(), 1, None))
    assert digest_of(frame[["a"]]) != digest_of(frame[["a"]].rename(columns={"a": "b"}))
    assert digest_of([["ab"], ["c"]]) != digest_of([["a"], ["bc"]]) != digest_of([["a", "b"], ["c"]])
    with pytest.raises(TypeError, match="object"):
        digest_of(object())


def test_groups_have_the_posterior_of_all_customers_drawn_once(monkeypatch) -> None:
    frame = shop(120, 3, leavers=False)
    base = CustomerBase.open(frame, today="2026-01-02")
    summary, model, spend = models_of(base)
    assert posteriors.is_loose(model)
    drawn = []
    real = posteriors.parameter_posterior

    def counted(model, source, *rest):
        drawn.append(source)
        return real(model, source, *rest)

    monkeypatch.setattr(posteriors, "parameter_posterior", counted)
    groups = summary.customers.select(
        "customer_id", segment=(summary.customers.frequency > 12).cast("string")
    )
    found = value_by_group(summary, model, spend, groups, horizon="52w", rate=0.0, draws=200)
    assert drawn == [summary]
    assert len(found) == 2
    whole = btyd.value_total(summary, model, spend, rate=0.0, draws=200)
    assert drawn == [summary]
    assert found["value"].sum() == pytest.approx(whole.mean, rel=1e-9)
