"""The lifecycle page: findings on planted and odd bases, the small form, and what is too short to be said."""

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import lifecycle as analyses
from crm_analytics.reports import lifecycle
from crm_analytics.tables import demo
from crm_analytics.tables.company import TRUTH_CUSTOMERS

SECTIONS = [name for name in lifecycle.__all__ if name not in ("LifecycleReport", "prepare")]


pytestmark = pytest.mark.usefixtures("somewhere")


@pytest.fixture(scope="module")
def report(small_company, somewhere):
    return lifecycle.prepare(small_company)


def said(report):
    return {name: repr(getattr(lifecycle, name)(report)) for name in SECTIONS}


def test_stages_recover_who_of_the_demo_company_has_left(report, small_company_folder):
    truth = pd.read_feather(small_company_folder / TRUTH_CUSTOMERS)
    staged = report.base.collect(report.staged.customers).merge(truth, on="customer_id")
    there = ~(staged["leaves_at"] <= pd.Timestamp(report.base.day))
    alive = there.groupby(staged["stage"]).mean()
    assert alive["Loyal"] > 0.88
    assert alive["Lapsed"] < 0.3
    assert alive["Lapsed"] < alive["At risk"] < alive["Loyal"]


def test_every_section_says_a_finding_with_its_number(report):
    texts = said(report)
    sizes = report.staged.sizes.set_index("stage")["customers"]
    assert f"{sizes['At risk']:,} are at risk" in texts["headline"]
    assert "points" in texts["headline"]
    assert "of all revenue" in texts["where_customers_stand"]
    assert "weeks ago it would have put" in texts["did_the_last_forecast_hold"]
    assert "is worth €" in texts["what_a_state_is_worth"]
    assert "averages over unlike customers" in texts["is_the_last_purchase_enough"]
    assert "from the unit costs" in texts["method"]


def test_kpis_and_account_agree(report):
    flows = report.flows.sizes.set_index("stage")
    assert f"| {flows.loc['Lapsed', 'came']:,} |" in said(report)["kpis"]
    assert flows["now"].sum() == report.staged.sizes["customers"].sum()


def test_given_costs_are_used_and_named(report):
    dear = lifecycle.prepare(report.base, margin=0.2, contact_cost=9.0)
    texts = said(dear)
    assert "staying in touch costs €9 a customer and four weeks (as given)" in texts["method"]
    assert "At €9 a contact, stop after" in texts["when_to_stop"]
    assert "Stop paid contact with" in texts["actions"]


def test_a_small_base_gets_the_small_form(somewhere):
    small = lifecycle.prepare(CustomerBase.open(demo.write_demo("lemonade", somewhere / "data")))
    texts = said(small)
    assert "thin" in texts["headline"]
    assert "begins with 100 customers; there are 40" in texts["how_sizes_will_be"]


def test_a_short_history_says_what_it_is_too_short_for():
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{i % 150}" for i in range(300)],
            "transaction_date": pd.Timestamp("2025-05-01") + pd.to_timedelta(rng.integers(0, 40, 300), "D"),
            "unit_spend": 10.0,
        }
    )
    texts = said(lifecycle.prepare(CustomerBase.open(frame, today="2025-06-30")))
    assert "There is no earlier period to compare with" in texts["how_stages_grew"]
    assert "There is no forecast of stage sizes" in texts["how_sizes_will_be"]
    assert "needs at least 4 periods" in texts["how_sizes_will_be"]
    assert "weeks ago" not in texts["headline"]


def test_a_young_base_is_not_compared_with_days_when_nobody_could_have_lapsed(somewhere):
    base = CustomerBase.open(demo.write_demo("cdnow", somewhere / "data"))
    texts = said(lifecycle.prepare(base))
    assert "the data begin too late to compare" in texts["kpis"]
    assert "the two are not alike" in texts["how_stages_grew"]
    assert "26 % 13 weeks ago" in texts["headline"]  # the day itself lies late enough


def test_own_rules_are_what_the_analysis_shows(report):
    rules = [
        analyses.StageRule("Gone", {"recency_days": (60, float("inf"))}),
        analyses.StageRule("There", {}),
    ]
    own = analyses.stages(report.base, rules)
    assert set(own.sizes["stage"]) == {"Prospect", "Gone", "There"}
    assert analyses.forecast(own).sizes["customers"].sum() > 0
