"""What contacting a group brings at several effects, held against arithmetic done by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.audiences import Audiences, by_effect
from crm_analytics.analyses.contact_effect import ContactCost
from crm_analytics.analyses.definitions import AT_RISK
from crm_analytics.reports.shared.plans import plans


@pytest.fixture(scope="module")
def found(small_company: CustomerBase) -> Audiences:
    made = plans(small_company).audiences
    assert made is not None
    return made


def test_margin_rises_by_the_same_amount_for_each_hundredth_of_effect(found):
    meant = found.of(AT_RISK, "pays")
    n = int(meant.count().to_pyarrow().as_py())
    whole = by_effect(found, meant, effects=(0.0, 0.01, 0.02, 0.1))
    none, one, two, ten = whole.table["expected"]
    assert whole.customers == n
    assert none == pytest.approx(-n * found.cost.amount)
    assert two - one == pytest.approx(one - none)
    assert ten - none == pytest.approx(10 * (one - none))
    row = found.near.of_groups(meant.select("customer_id", segment=meant.standing)).iloc[0]
    assert ten - none == pytest.approx(0.1 * found.margin * row["value"])
    assert (whole.table["lower"] <= whole.table["expected"]).all()


def test_it_pays_from_where_margin_is_the_cost(found):
    meant = found.of(AT_RISK, "pays")
    dear = replace(found, cost=ContactCost(2.0, "stated"))
    from_ = by_effect(dear, meant).pays_from
    at, before = by_effect(dear, meant, effects=(from_, 0.9 * from_)).table["expected"]
    assert at == pytest.approx(0, abs=1e-6)
    assert before < 0


def test_nothing_is_said_without_a_margin_a_cost_or_anybody(found):
    meant = found.of(AT_RISK, "pays")
    assert by_effect(replace(found, margin=None), meant) is None
    assert by_effect(replace(found, cost=ContactCost(None, "unknown")), meant) is None
    assert by_effect(found, meant.filter(meant.customer_id == "nobody")) is None


def test_a_group_of_whom_nothing_more_comes_never_pays(found):
    assert math.isinf(by_effect(replace(found, margin=0.0), found.of(AT_RISK, "pays")).pays_from)
