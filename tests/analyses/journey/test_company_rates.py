"""The rates of the stages of a visit that the demo company was drawn from are found again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crm_analytics.analyses.journey import Journey, journey

ADDS, CHECKS, LOOKS = 0.25, 0.4, 0.7  # planted, of visits without a purchase; who adds has looked
STEPS = ["Product Viewed", "Product Added", "Checkout Started", "Order Completed"]


@pytest.fixture(scope="module")
def visits(small_company) -> Journey:
    return journey(small_company, ["events"]).sessions().kept()


def without_purchase(visits: Journey) -> Journey:
    bought = visits.matches("Order Completed")
    bought = bought.filter(bought.matched)
    return replace(visits, table=visits.table.anti_join(bought, "path")).kept()


def test_the_funnel_recovers_planted_rates(visits):
    table = without_purchase(visits).funnel(STEPS[:3]).set_index("name")
    looked = ADDS + (1 - ADDS) * LOOKS
    for step, truth in (("Product Added", ADDS / looked), ("Checkout Started", CHECKS)):
        row = table.loc[step]
        wide = 2 * (row["upper"] - row["lower"])  # 95 % twice over: chance fails this once in ten thousand
        assert abs(row["share"] - truth) < wide / 2, (step, row["share"])
        assert wide < 0.1


def test_who_buys_takes_every_step_in_order(visits):
    bought = visits.matches("Order Completed")
    bought = bought.filter(bought.matched)
    buying = replace(visits, table=visits.table.semi_join(bought, "path")).kept()
    found = buying.conformance(STEPS)
    assert found.whole / found.of > 0.99


def test_the_last_step_before_a_purchase_is_the_checkout(visits):
    table = visits.transitions()
    into = table[table["next_event"] == "Order Completed"].iloc[0]
    assert into["event"] == "Checkout Started"
    assert into["proba_in"] > 0.98
