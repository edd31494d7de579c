from datetime import date, timedelta

import pandas as pd
import pytest

from crm_analytics.analyses.lifecycle.rules import OTHERS, PROSPECT, StageRule, check_rules, steps
from crm_analytics.analyses.lifecycle.stage_history import stages
from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.tables.customer_base import CustomerBase


@pytest.fixture(scope="module")
def staged(base):
    return stages(base)


def by_hand(lines, rules, day):
    """The stage of each customer on a day, customer by customer, straight from the rules."""
    found = {}
    for customer, rows in lines[lines["transaction_date"] <= day].groupby("customer_id"):
        days = sorted(set(rows["transaction_date"]))
        facts = {
            "recency_days": (day - days[-1]).days,
            "order_count": len(days),
            "gap_days": (days[-1] - days[-2]).days if len(days) > 1 else None,
            "revenue": rows["unit_spend"].sum(),
        }
        fits = (
            rule.stage
            for rule in rules
            if all(facts[f] is not None and low <= facts[f] <= high for f, (low, high) in rule.where.items())
        )
        found[customer] = next(fits, OTHERS)
    return found


@pytest.mark.parametrize("back", [0, 1, 45, 200, 400])
def test_stage_on_any_day_is_what_the_rules_say(staged, base, lines, back):
    day = base.day - timedelta(days=back)
    frame = base.collect(staged.on(day))
    assert frame["customer_id"].is_unique
    assert dict(zip(frame["customer_id"], frame["stage"], strict=True)) == by_hand(lines, staged.rules, day)


def test_own_rules_replace_the_default_ones(base, lines):
    rules = [
        StageRule("Gone", {"recency_days": (100, float("inf"))}),
        StageRule("Big", {"revenue": (200, float("inf")), "recency_days": (0, 30)}),
        StageRule("Small", {"recency_days": (0, 60)}),
    ]
    found = stages(base, rules)
    frame = base.collect(found.customers)
    assert dict(zip(frame["customer_id"], frame["stage"], strict=True)) == by_hand(lines, rules, base.day)
    assert set(found.sizes["stage"]) == {"Gone", "Big", "Small", OTHERS}
    assert found.sizes["customers"].sum() == found.sizes["n"].iloc[0] == lines["customer_id"].nunique()


def test_spells_follow_each_other_without_gap_or_overlap(staged, base):
    spells = base.collect(staged.spells.order_by("customer_id", "entered_on"))
    inner = spells["customer_id"] == spells["customer_id"].shift(-1)
    assert (spells["left_on"][inner] == spells["entered_on"].shift(-1)[inner]).all()
    assert (spells["to_stage"][inner] == spells["stage"].shift(-1)[inner]).all()
    assert spells["left_on"][~inner].isna().all()
    assert (spells["stage"] != spells["to_stage"]).all()


def test_the_past_does_not_change_when_days_pass(staged, base):
    then = base.as_of(base.day - timedelta(days=180))
    as_known = stages(then, staged.rules)
    pd.testing.assert_frame_equal(
        base.collect(as_known.customers.order_by("customer_id")),
        base.collect(staged.on(then.day).order_by("customer_id")),
    )


def test_prospects_stay_so_until_they_buy(lines):
    late = max(lines["transaction_date"])
    known = pd.DataFrame(
        {"customer_id": ["c0000", "nobody"], "created_at": [date(2023, 1, 1), late - timedelta(days=10)]}
    )
    events = pd.DataFrame(
        {"customer_id": ["clicker"], "timestamp": [late], "event": ["visit"], "channel": ["web"]}
    )
    source = {"transactions": lines, "customers": known, "events": events}
    base = CustomerBase.open(source, today=late)
    found = stages(base)
    frame = base.collect(found.spells)
    first = lines[lines["customer_id"] == "c0000"]["transaction_date"].min()
    spell = frame[(frame["customer_id"] == "c0000") & (frame["stage"] == PROSPECT)].iloc[0]
    assert (pd.Timestamp(spell["entered_on"]).date(), pd.Timestamp(spell["left_on"]).date()) == (
        date(2023, 1, 1),
        first,
    )
    now = found.sizes.set_index("stage")["customers"]
    assert now[PROSPECT] == 2  # listed and seen, never bought


def test_stages_says_how_many_buyers_it_needs():
    frame = pd.DataFrame({"customer_id": ["a"], "transaction_date": ["2025-01-01"], "unit_spend": [1.0]})
    with pytest.raises(NotEnoughData, match="at least 20 buyers"):
        stages(CustomerBase.open(frame, today="2025-02-01"))


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ([], "at least one rule"),
        ([StageRule("A", {"recency": (0, 1)})], "unknown field 'recency'"),
        ([StageRule("A", {"recency_days": (9, 1)})], "empty"),
        ([StageRule("A", {}), StageRule("A", {})], "name of its own"),
    ],
)
def test_rules_say_what_is_wrong(rules, words):
    with pytest.raises(ParameterError, match=words):
        check_rules(rules)


def test_steps_hold_every_day_on_which_a_stage_can_change():
    rules = [StageRule("A", {"recency_days": (10, 20)}), StageRule("B", {"recency_days": (5.5, 30)})]
    assert steps(rules) == [0, 6, 10, 21, 31]
