"""Actions, evidence and key figures as data."""

from __future__ import annotations

import numpy as np
import pytest

from crm_analytics.analyses import error_rates
from crm_analytics.analyses.actions import Action, contradictions, expected_margin, ranked
from crm_analytics.analyses.contact_effect import ContactCost, ContactEffect
from crm_analytics.analyses.error_rates import Trials
from crm_analytics.analyses.evidence import Evidence, grade
from crm_analytics.analyses.kpi import Kpi
from crm_analytics.analyses.kpis import ALIASES, measure, present_names
from crm_analytics.errors import ParameterError

EFFECT = ContactEffect(0.05, 0.0, 0.1, "stated")


def test_expected_margin_is_value_times_margin_times_effect_less_cost():
    found = expected_margin(10_000, 8_000, 12_000, 100, 0.5, EFFECT, ContactCost(1.0, "stated"))
    assert found.value == pytest.approx(10_000 * 0.5 * 0.05 - 100)
    draw = np.random.default_rng(1)
    value = draw.normal(10_000, 2_000 / 1.96, 200_000)
    effect = draw.normal(0.05, 0.05 / 1.96, 200_000)
    low, high = np.quantile(0.5 * value * effect - 100, [0.025, 0.975])
    assert (found.lower, found.upper) == (pytest.approx(low, abs=20), pytest.approx(high, abs=20))


def test_what_is_not_known_is_said_and_not_assumed():
    found = expected_margin(1e12, 1e12, 1e12, 10, None, EFFECT, ContactCost(None, "unknown"))
    assert found.without == ("margin", "cost")
    assert found.value == pytest.approx(5e10)


def action(name, verb="write", whom=None, value=None, customers=50):
    worth = (
        expected_margin(value, value, value, 0, 1.0, EFFECT, ContactCost(0.0, "stated")) if value else None
    )
    return Action(name, "campaigns", verb, whom or {"standing": ("at risk",)}, customers, "", worth)


def test_the_most_to_gain_comes_first_and_the_unknown_last():
    order = ranked([action("unknown"), action("small", value=10.0), action("large", value=99.0)])
    assert [one.id for one in order] == ["large", "small", "unknown"]


def test_contradictions_are_between_reports_that_contact_and_spare_the_same_customers():
    mail = action("campaigns.win_back", "write", {"standing": ("lapsed", "at risk")}).facts()
    spare = action("segments.leave_alone", "leave_alone", {"standing": ("lapsed",)}).facts()
    other = action("lists.best", "call", {"standing": ("active",)}).facts()
    (found,) = contradictions([mail, spare, other])
    assert (found.contact, found.spare) == ("campaigns.win_back", "segments.leave_alone")


def test_an_empty_list_is_no_evidence():
    assert action("nobody", customers=0).evidence is Evidence.CANNOT_BE_TOLD


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ((0.3, 0.2, 0.4, 100), Evidence.SHOWN),
        ((-0.3, -0.4, -0.2, 100), Evidence.SHOWN),
        ((0.3, -0.1, 0.7, 100), Evidence.SUGGESTED),
        ((0.3, -0.3, 0.9, 100), Evidence.NOT_TOLD_APART),
        ((0.3, 0.2, 0.4, 29), Evidence.CANNOT_BE_TOLD),
        ((None, None, None, 100), Evidence.CANNOT_BE_TOLD),
        ((0.3, float("nan"), 0.4, 100), Evidence.CANNOT_BE_TOLD),
        ((0.0, 0.0, 0.0, 100), Evidence.NOT_TOLD_APART),
    ],
)
def test_grades_follow_the_interval(given, found):
    assert grade(*given) is found


def test_a_finding_that_speaks_of_nothing_too_often_is_cut_down(monkeypatch):
    strong = (0.3, 0.2, 0.4, 100)
    made = {
        "page.often": Trials("page.often", 100, 17, 0, 0),
        "page.always": Trials("page.always", 40, 30, 0, 0),
    }
    monkeypatch.setattr(error_rates, "trials", lambda: made)
    assert grade(*strong) is Evidence.SHOWN
    assert grade(*strong, kind="page.often") is Evidence.SUGGESTED
    assert grade(*strong, kind="page.always") is Evidence.NOT_TOLD_APART


def test_in_null_worlds_a_difference_is_shown_no_more_often_than_its_error_rate():
    draw, n, shown = np.random.default_rng(3), 200, 0
    for _ in range(2000):
        x = draw.normal(size=n)
        mean, half = x.mean(), 1.96 * x.std(ddof=1) / np.sqrt(n)
        shown += grade(mean, mean - half, mean + half, n) is Evidence.SHOWN
    assert shown / 2000 == pytest.approx(0.05, abs=0.015)


def test_facts_of_a_figure_leave_out_what_is_not_known():
    facts = Kpi("value_to_come", "money", "up", None, 0, refusal="no forecast").facts()
    assert facts == {"value_to_come": None, "value_to_come_n": 0}


def test_an_unknown_figure_says_the_nearest_name():
    with pytest.raises(ParameterError, match="no key figure 'revenu'; did you mean 'revenue'"):
        measure(None, ["revenu"])


def test_old_names_of_facts_are_read_under_those_of_today():
    old = {"value": 5.0, "value_lower": 4.0, "alive": 3, "brier": 0.1}
    assert present_names("lifetime_value", old, 1) == {
        "value_discounted": 5.0, "value_discounted_lower": 4.0, "still_customers": 3, "brier": 0.1,
    }  # fmt: skip
    assert present_names("lifetime_value", old, 2) == old
    for names in ALIASES.values():
        assert len(set(names.values())) == len(names)
