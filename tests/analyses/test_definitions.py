"""At risk and lapsed come from the base's own return curve."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.definitions import (
    ACTIVE,
    AT_RISK,
    LAPSED,
    definitions,
    return_curve,
    standings,
)
from crm_analytics.tables import demo


@pytest.fixture(scope="module")
def cdnow(tmp_path_factory):
    return CustomerBase.open(demo.write_demo("cdnow", tmp_path_factory.mktemp("data")))


def base_of(rows, today="2030-01-01"):
    frame = pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"])
    return CustomerBase.open(frame, today=today)


def planted(half_life, stays, seed=1, n=4000):
    """Customers who come back after an exponential gap, and after each purchase stay with a probability."""
    draw, rows, end = np.random.default_rng(seed), [], 2000
    for i in range(n):
        day = draw.uniform(0, 400)
        while day < end:
            rows.append((f"c{i}", pd.Timestamp("2022-01-01") + pd.Timedelta(days=int(day)), 5.0))
            if draw.random() > stays:
                break
            day += draw.exponential(half_life / np.log(2)) + 1
    return base_of(rows)


def test_thresholds_recover_planted_truth():
    """Of those silent for s, stays e^-ks / (stays e^-ks + 1 - stays) are still there, and they return."""
    half_life, stays = 60.0, 0.8
    found = definitions(planted(half_life, stays))
    silence = np.arange(1, 700)
    there = stays * 0.5 ** (silence / half_life)
    back = there / (there + 1 - stays) * (1 - 0.5 ** (365 / half_life))
    at_risk, lapsed = (int(silence[(back < share).argmax()]) for share in (0.5, 0.2))
    assert found.at_risk_days == pytest.approx(at_risk, rel=0.08)
    assert found.lapsed_days == pytest.approx(lapsed, rel=0.08)
    assert not found.extrapolated


def test_curve_matches_a_count_by_hand(cdnow):
    """The product-limit estimate over gaps counted with pandas alone, away from the engine."""
    lines = cdnow.collect(cdnow.transactions.select("customer_id", "transaction_date"))
    days = lines.assign(day=lines["transaction_date"].dt.normalize()).drop_duplicates(["customer_id", "day"])
    days = days.sort_values(["customer_id", "day"])
    after = days.groupby("customer_id")["day"].shift(-1)
    gap = (after.fillna(pd.Timestamp(cdnow.day)) - days["day"]).dt.days
    gaps = pd.DataFrame({"gap": gap, "ended": after.notna()}).query("gap > 0")
    share, curve = 1.0, return_curve(cdnow)
    for length in range(1, 121):
        under_risk = (gaps["gap"] >= length).sum()
        share *= 1 - ((gaps["gap"] == length) & gaps["ended"]).sum() / under_risk
        if length in (7, 30, 120):
            assert float(curve.away(np.array([length]))[0]) == pytest.approx(share, rel=1e-9)


def test_a_year_after_a_threshold_beyond_the_data_is_said_to_be_carried_on(cdnow):
    found = definitions(cdnow)
    assert found.extrapolated
    assert found.lapsed_days + 365 > found.followed
    curve = return_curve(cdnow)
    beyond = curve.away(np.arange(1, 1200))
    assert (np.diff(beyond) <= 1e-12).all()
    assert beyond[-1] >= 0


def test_every_buyer_has_one_standing(cdnow):
    found = definitions(cdnow)
    assert found.typical <= found.at_risk_days < found.lapsed_days
    table = cdnow.collect(standings(cdnow, found))
    assert len(table) == 2357
    silent = table["silence_days"]
    expected = np.select([silent < found.at_risk_days, silent < found.lapsed_days], [ACTIVE, AT_RISK], LAPSED)
    assert (table["standing"] == expected).all()


def test_rows_in_another_order_change_nothing(cdnow):
    lines = cdnow.collect(cdnow.transactions.select("customer_id", "transaction_date", "unit_spend"))
    mixed = CustomerBase.open(lines.sample(frac=1, random_state=2), today="1998-07-01")
    assert definitions(mixed) == definitions(cdnow)


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([("a", "2026-01-01", 5.0)], "at least 100 gaps"),
        ([(f"c{i % 60}", f"2026-0{1 + i // 60}-01", 5.0) for i in range(240)], "days long"),
        (
            [
                (f"c{i}", day, 5.0)
                for i in range(30)
                for day in pd.date_range("2024-01-01", "2026-01-01", freq="7D")
            ],
            "more than half buy again",
        ),
    ],
)
def test_thin_or_loyal_data_say_why_there_is_no_threshold(rows, why):
    found = definitions(base_of(rows))
    assert found.at_risk_days is None
    assert why in found.refusal
    base = base_of(rows)
    assert set(base.collect(standings(base, found))["standing"]) == {ACTIVE}
