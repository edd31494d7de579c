"""Planted effects of a company large enough to show them."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import campaigns
from crm_analytics.tables.company import write_company

pytestmark = pytest.mark.slow
SURE = 0.99  # several planted numbers are looked for at once


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    folder = write_company(tmp_path_factory.mktemp("large"), customers=60_000, seed=11)
    truth = json.loads((folder / "truth.json").read_text())
    people = pd.read_feather(folder / "truth_customers.feather").set_index("customer_id")
    return CustomerBase.open(folder, today="2026-01-01"), truth, people


def test_lifts_of_each_segment_are_recovered_and_shown(company) -> None:
    base, truth, people = company
    found = campaigns.evaluate(base, level=SURE)
    rows = base.collect(found.waves.rows.filter(found.waves.rows.treated == 1))
    rows = rows.join(people[["segment", "bought", "leaves_at"]], on="customer_id")
    there = rows["bought"] & ~(rows["leaves_at"] < rows["sent_day"] + pd.Timedelta(days=7))
    lift = (rows["segment"].map(truth["campaigns"]["lift"]) * there).groupby(rows["segment"]).mean()
    orders = found.segments[found.segments["outcome"] == "orders"].set_index("segment")
    lift = lift.reindex(orders.index)
    assert (orders["adjusted_lower"] < lift).all()
    assert (lift < orders["adjusted_upper"]).all()
    assert orders.at["bargain hunters", "verdict"] == "more"
    assert orders.at["gift buyers", "verdict"] == "no effect shown"
    assert orders.at["one-time try-outs", "verdict"] == "no effect shown"
    assert found.effect("orders")["verdict"] == "more"
    assert found.uplift.qini.is_clear


def test_coupons_membership_and_redemption_are_recovered(company) -> None:
    base, truth, _ = company
    segments = base.tables["customers"].select("customer_id", segment="needs_segment")
    found = campaigns.incentives(base, segments=segments, window=13, level=SURE)
    lines = found.baskets.set_index("outcome").loc["further_lines"]
    assert lines["lower"] < truth["coupons"]["multiplies_further_lines"] < lines["upper"]
    rate = found.membership.set_index("outcome").loc["repeat_orders"]
    assert rate["lower"] < truth["loyalty"]["multiplies_buying_rate"] < rate["upper"]
    shares = found.offers.redemption.dropna(subset="segment").set_index("segment")
    planted = pd.Series({name: s["deal_prone"] for name, s in truth["segments"].items()}).reindex(
        shares.index
    )
    assert (shares["lower"] < planted).all()
    assert (planted < shares["upper"]).all()
