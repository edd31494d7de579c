"""Who answers campaigns, by score and by group."""

from __future__ import annotations

import pytest

from crm_analytics.analyses.campaigns.measurement.campaign_arms import Waves, past_waves
from crm_analytics.analyses.campaigns.measurement.response import (
    MEASURES,
    NEVER,
    OTHERS,
    reach,
    response,
    response_by_group,
)
from crm_analytics.analyses.profiling.demography import demography
from crm_analytics.errors import ParameterError
from crm_analytics.tables.customer_base import CustomerBase


@pytest.fixture(scope="module")
def waves(demo_company: CustomerBase) -> Waves:
    return past_waves(demo_company)


def test_every_member_has_one_score_of_each_measure(waves: Waves) -> None:
    found = response(waves, bins=5)
    bought = found[found["outcome"] == "conversion"]
    for measure in MEASURES:
        mine = bought[bought["measure"] == measure]
        whole = waves.campaigns["treated"].sum()  # less campaigns in which a score has one in an arm
        assert 0.99 * whole < mine["treated"].sum() <= whole
        assert mine["score"].tolist() == [NEVER, 1, 2, 3, 4, 5]
    recent = bought[bought["measure"] == "r_score"].set_index("score")["control_mean"]
    assert recent[5] > recent[3] > recent[1]  # whoever came lately comes again, mail or not
    with pytest.raises(ParameterError, match=r"bins = .*: a whole number, 2 to 20"):
        response(waves, bins=1)


def test_scores_are_those_of_the_day_before_the_sending(waves: Waves) -> None:
    base = waves.base
    row = base.collect(waves.rows.filter(waves.rows.recency_days.notnull()).order_by("customer_id").limit(1))
    who, sent = row["customer_id"].item(), row["sent_day"].item()
    days = base.customer_days
    mine = base.collect(days.filter(days.customer_id == who)).set_index("day").sort_index()
    before = mine[mine.index < sent]
    bought = before[before["is_occasion"]]
    assert row["order_count"].item() == len(bought)
    assert row["recency_days"].item() == (sent - bought.index.max()).days
    assert row["revenue"].item() == pytest.approx(before["spend"].sum())


def test_groups_are_never_smaller_than_the_set_size(waves: Waves) -> None:
    groups = demography(waves.base, ("region", "gender"))
    found = response_by_group(waves, groups, minimum=40)
    bought = found[found["outcome"] == "conversion"]
    assert set(bought["attribute"]) == {"region", "gender"}
    for _, mine in bought.groupby("attribute"):
        assert mine["treated"].sum() == waves.campaigns["treated"].sum()
        assert (mine["customers"] >= 40).all()
    assert OTHERS in set(bought["group"])
    assert response_by_group(waves, groups, minimum=5_000).empty


def test_what_became_of_the_mails_counts_the_treated_only(waves: Waves) -> None:
    found = reach(waves)
    assert (found["treated"].to_numpy() == waves.campaigns["treated"].to_numpy()).all()
    assert (found["clicked"] <= found["opened"]).all()
    assert (
        (found["opened_lower"] < found["opened_share"]) & (found["opened_share"] < found["opened_upper"])
    ).all()
