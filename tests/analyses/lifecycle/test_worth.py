from datetime import date

import pandas as pd
import pytest

from crm_analytics.analyses.lifecycle.chain_fit import fit_chain
from crm_analytics.analyses.lifecycle.stage_history import stages
from crm_analytics.analyses.lifecycle.stage_value import contact_cost_of, stage_worth
from crm_analytics.tables.customer_base import CustomerBase


def test_worth_of_the_stages_sums_to_that_of_the_states(base, lines):
    staged, fitted = stages(base), fit_chain(base, margin=0.5, contact_cost=0.5)
    worth = stage_worth(staged, fitted)
    assert worth["ahead"].sum() == pytest.approx((fitted.states["customers"] * fitted.states["ahead"]).sum())
    assert worth["revenue"].sum() == pytest.approx(lines["unit_spend"].sum())
    assert worth["customers"].tolist() == staged.sizes["customers"].tolist()
    by_stage = worth.set_index("stage")["ahead_per_customer"]
    assert by_stage["Loyal"] > by_stage["At risk"] > by_stage["Lapsed"]


def test_worth_without_a_chain_keeps_the_revenue(base):
    worth = stage_worth(stages(base), None)
    assert worth["ahead"].isna().all()
    assert worth["revenue_share"].sum() == pytest.approx(1)


def test_contact_cost_is_per_customer_and_period(lines):
    day = max(lines["transaction_date"])
    sent = pd.DataFrame(
        {
            "campaign_id": ["x", "y", "x", "x"],
            "customer_id": ["c0000", "c0000", "c0001", "c0002"],
            "treatment": ["mail", "mail", "mail", "control"],
            "sent_at": [day, day, day, date(2025, 1, 1)],
            "cost": [0.5, 0.3, 0.4, None],
        }
    )
    base = CustomerBase.open({"transactions": lines, "campaign_members": sent}, today=day)
    assert contact_cost_of(base) == pytest.approx(0.6)
    assert contact_cost_of(CustomerBase.open(lines, today=day)) is None
