"""Odd input of findings: tiny and lone groups, endless paths, campaigns that are no evidence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.attribution.incremental import incremental, plan_of_test
from crm_analytics.analyses.campaigns import evaluate
from crm_analytics.analyses.churn.measures.profit import profit_curve
from crm_analytics.analyses.journey import journey
from crm_analytics.analyses.journey.before_purchase import MOST, before_purchase
from crm_analytics.analyses.profiling.traits import compare
from crm_analytics.errors import DataError, NotEnoughData, ParameterError

TODAY = "2026-12-31"


def counts(groups: dict[str, tuple[int, int]]) -> pd.DataFrame:
    rows = [(g, "x", level, n) for g, pair in groups.items() for level, n in zip("ab", pair, strict=True)]
    return pd.DataFrame(rows, columns=["g", "attribute", "level", "customers"])


def test_segment_of_three_and_a_lone_segment_are_not_compared() -> None:
    found = compare(counts({"big": (60, 40), "other": (50, 50), "tiny": (3, 0)}), "g")
    assert set(found["g"]) == {"big", "other"}
    assert compare(counts({"all": (60, 40)}), "g").empty


def test_path_of_ten_thousand_steps_counts_to_the_step_where_others_are() -> None:
    rng = np.random.default_rng(1)
    start = pd.Timestamp("2025-01-06")
    steps = [("long", start + pd.Timedelta(minutes=20 * k), "View") for k in range(10_000)]
    for i in range(80):
        at = start + pd.Timedelta(days=int(rng.integers(0, 60)))
        steps += [(f"c{i}", at + pd.Timedelta(hours=k), rng.choice(["View", "Help"])) for k in range(3)]
    events = pd.DataFrame(steps, columns=["customer_id", "timestamp", "event"]).assign(channel="web")
    buyers = [f"c{i}" for i in range(40)]
    bought = events.groupby("customer_id")["timestamp"].max().loc[buyers] + pd.Timedelta(hours=1)
    sales = pd.DataFrame({"customer_id": buyers, "transaction_date": bought.to_numpy(), "unit_spend": 5.0})
    base = CustomerBase.open({"transactions": sales, "events": events}, today=TODAY)
    found = before_purchase(journey(base))
    assert (found.buyers, found.paths) == (40, 81)
    assert found.events["of"].eq(40).all()
    assert MOST < 10_000
    few = journey(base)
    with pytest.raises(NotEnoughData, match="What goes before a purchase"):
        before_purchase(replace(few, table=few.table.filter(few.table.person == "long")))


def campaign(names: list[str], arms: list[str], people: int = 200) -> CustomerBase:
    ids = [f"c{i:03d}" for i in range(people)]
    sales = pd.DataFrame({"customer_id": ids * 2, "unit_spend": 10.0,
        "transaction_date": ["2026-01-05"] * people + ["2026-03-05"] * people})  # fmt: skip
    last = pd.DataFrame({"customer_id": ["x"], "unit_spend": 1.0, "transaction_date": "2026-06-01"})
    members = pd.concat(
        pd.DataFrame({"campaign_id": name, "customer_id": ids, "sent_at": "2026-03-01",
                      "treatment": [arms[i % len(arms)] for i in range(people)]})
        for name in names
    )  # fmt: skip
    listed = pd.DataFrame({"campaign_id": names, "channel": "email"})
    tables = {"transactions": pd.concat([sales, last]), "campaign_members": members, "campaigns": listed}
    return CustomerBase.open(tables, today=TODAY)


def test_campaign_without_controls_is_no_evidence() -> None:
    base = campaign(["spring"], ["treated"])
    assert incremental(base).empty
    with pytest.raises(DataError, match="no control group"):
        evaluate(base, learner=None)


def test_two_campaigns_on_the_same_people_are_no_more_evidence_than_one() -> None:
    """Each member is in both, in the same arm: the same customers, and the same interval."""
    one, two = (incremental(campaign(names, ["treated", "control"])) for names in (["a"], ["a", "b"]))
    assert (one["campaigns"].tolist(), two["campaigns"].tolist()) == ([1], [2])
    assert two["treated"].iloc[0] == 2 * one["treated"].iloc[0]
    pd.testing.assert_frame_equal(one[["lower", "upper"]], two[["lower", "upper"]], rtol=0.02)


def test_a_test_of_one_channel_is_planned_and_bad_terms_are_named() -> None:
    base = campaign(["a"], ["treated", "control"])
    spend = pd.DataFrame({"channel": ["email"], "spend": [200.0]})
    plan = plan_of_test(base, spend, days=90, margin=0.5, order_value=10.0)
    assert plan["break_even_orders"].tolist() == [40.0]
    assert plan["customers"].tolist() == [201]
    more = plan_of_test(base, spend.assign(spend=400.0), days=90, margin=0.5, order_value=10.0)
    assert more["customers_each"].iloc[0] == pytest.approx(plan["customers_each"].iloc[0] / 4)
    with pytest.raises(ParameterError, match="a test plan needs a margin"):
        plan_of_test(base, spend, days=90, margin=0.0, order_value=10.0)


def test_most_customers_are_a_mailing_and_no_list_law() -> None:
    left, score = np.tile([1.0, 0.0], 200), np.linspace(1, 0, 400)
    everybody = profit_curve(left, score, 100, 0.1, 0.0, success=0.2)
    assert everybody.pays
    assert everybody.is_everybody
    assert not everybody.lifts
    sharp = profit_curve(np.repeat([1.0, 0.0], [80, 320]), score, 100, 5.0, 0.0, success=0.2)
    assert sharp.lifts
    assert not sharp.is_everybody
