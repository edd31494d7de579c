"""Goods sent back on a later day are in no mean spend, but they are in what customers pay."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import btyd


def shop(share, seed):
    """800 steady customers over three years; a share of all orders comes back in full ten days later."""
    rng = np.random.default_rng(seed)
    rows = []
    for who in range(800):
        rate, size = rng.gamma(2.0, 0.006), rng.lognormal(3, 0.4)
        day = float(rng.integers(0, 300))
        while day < 1090:
            spend = round(size * rng.lognormal(0, 0.3), 2)
            rows.append((f"c{who}", int(day), spend))
            if rng.random() < share:
                rows.append((f"c{who}", int(day) + 10, -spend))
            day += 1 + rng.exponential(1 / rate)
    frame = pd.DataFrame(rows, columns=["customer_id", "day", "unit_spend"])
    frame["transaction_date"] = pd.Timestamp("2022-01-01") + pd.to_timedelta(frame.pop("day"), unit="D")
    return CustomerBase.open(frame, today="2026-01-01")


def models(base):
    summary = btyd.summarize(base, unit="W")
    return summary, btyd.BetaGeo.fit(summary), btyd.GammaGamma.fit(summary)


def test_net_value_of_a_shop_with_later_returns_recovers_planted_truth():
    base = shop(0.25, 3)
    past, future = base.as_of("2023-12-31"), base.between("2023-12-31", "2024-12-29")
    summary, model, spend = models(past)
    assert summary.kept_share == pytest.approx(0.75, abs=0.03)
    known = future.customer_days.semi_join(summary.history, "customer_id")
    came = float(future.collect(known.aggregate(x=known.spend.sum()))["x"][0])
    gross = float(future.occasions.semi_join(summary.history, "customer_id").spend.sum().to_pyarrow().as_py())
    net = btyd.value_total(summary, model, spend, horizon=(52, "W"), rate=0.0)
    before = btyd.value_total(summary, model, spend, horizon=(52, "W"), rate=0.0, net=False)
    assert net.mean == pytest.approx(before.mean * summary.kept_share)
    assert net.mean == pytest.approx(came, rel=0.1)
    assert not net.covers(gross)
    held = btyd.compare(past, future).money
    assert held["actual"].iloc[0] == pytest.approx(came, abs=0.01)
    assert held.loc[held["method"].str.startswith("BG/NBD"), "error"].abs().max() < 0.1


def test_without_returns_nothing_is_taken_off():
    summary, model, spend = models(shop(0.0, 4).as_of("2023-12-31"))
    assert summary.kept_share == 1.0
    wanted = {"horizon": (26, "W"), "rate": 0.0, "draws": 100}
    assert btyd.value_total(summary, model, spend, **wanted) == btyd.value_total(
        summary, model, spend, net=False, **wanted
    )


def test_groups_are_net_too():
    summary, model, spend = models(shop(0.25, 5).as_of("2023-12-31"))
    groups = summary.history.select("customer_id", segment=summary.history.frequency.clip(upper=1))
    wanted = {"horizon": (26, "W"), "rate": 0.0, "draws": 100}
    found = btyd.value_by_group(summary, model, spend, groups, **wanted)
    before = btyd.value_by_group(summary, model, spend, groups, net=False, **wanted)
    assert found["value"].to_numpy() == pytest.approx(before["value"].to_numpy() * summary.kept_share)


def test_scores_of_customers_add_up_to_the_total():
    summary, model, spend = models(shop(0.25, 6).as_of("2023-12-31"))
    wanted = {"horizon": (26, "W"), "rate": 0.1}
    total = btyd.value_total(summary, model, spend, draws=100, **wanted).mean
    each = btyd.score(summary, model, spend, **wanted)
    before = btyd.score(summary, model, spend, net=False, **wanted)
    assert float(each.lifetime_value.sum().to_pyarrow().as_py()) == pytest.approx(total, rel=1e-6)
    assert float(before.lifetime_value.sum().to_pyarrow().as_py()) > total
