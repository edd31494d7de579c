import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses.lifecycle.dwell_times import dwell, survival
from crm_analytics.analyses.lifecycle.rules import AT_RISK, LAPSED
from crm_analytics.analyses.lifecycle.stage_history import stages
from crm_analytics.errors import ParameterError


@pytest.fixture(scope="module")
def staged(base):
    return stages(base)


@pytest.fixture(scope="module")
def times(staged):
    return dwell(staged)


def test_survival_matches_the_leukaemia_remissions_of_freireich_1963():
    """Published: the 6-MP arm (Freireich et al. 1963; e.g. Cox & Oakes 1984, table 1.1)."""
    ended = [6, 6, 6, 7, 10, 13, 16, 22, 23]
    lasting = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    spells = pd.DataFrame(
        {
            "days": ended + lasting,
            "to_stage": ["x"] * len(ended) + [""] * len(lasting),
            "spells": 1,
        }
    )
    curve = survival(spells.groupby(["days", "to_stage"], as_index=False)["spells"].sum())
    assert curve["days"].tolist() == [6, 7, 10, 13, 16, 22, 23]
    published = [0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482]
    np.testing.assert_allclose(curve["staying"], published, atol=6e-5)


def test_leaving_adds_up_over_the_stages_gone_to(times):
    total = times.exits.groupby("stage")["share_within"].sum()
    left = times.stages.set_index("stage")["left_within"]
    np.testing.assert_allclose(total, left.reindex(total.index), atol=1e-12)
    assert (times.stages["left_lower"] <= times.stages["left_within"]).all()
    assert (times.stages["left_within"] <= times.stages["left_upper"]).all()


def test_every_spell_is_counted_once(times, staged, base):
    spells = base.collect(staged.spells)
    assert times.stages.set_index("stage")["spells"].to_dict() == spells["stage"].value_counts().to_dict()
    assert times.stages["ended"].sum() == spells["left_on"].notna().sum() == times.exits["moves"].sum()


def test_at_risk_lasts_no_longer_than_its_rule_allows(times, staged):
    low, high = next(r.where["recency_days"] for r in staged.rules if r.stage == AT_RISK)
    longest = times.curves.loc[times.curves["stage"] == AT_RISK, "days"].max()
    assert longest == high - low + 1
    fate = times.exits[times.exits["stage"] == AT_RISK].set_index("to_stage")["share_within"]
    assert fate.sum() == pytest.approx(1)
    assert fate[LAPSED] > 0.3


def test_median_lies_inside_its_interval(times):
    known = times.stages.dropna(subset=["median_days", "lower", "upper"])
    assert len(known) > 2
    assert (known["lower"] <= known["median_days"]).all()
    assert (known["median_days"] <= known["upper"]).all()


def test_dwell_says_what_a_horizon_is(staged):
    with pytest.raises(ParameterError, match="at least one day"):
        dwell(staged, 0)
