"""Verdict words against the numbers beside them: no word says more than its own interval."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crm_analytics import reports
from crm_analytics.analyses import error_rates, evidence
from crm_analytics.analyses.attribution.incremental import incremental
from crm_analytics.analyses.campaigns import Evaluation, evaluate
from crm_analytics.analyses.campaigns.measurement.balance import AS_PLANNED, MISMATCH, balance
from crm_analytics.analyses.campaigns.measurement.campaign_arms import past_waves
from crm_analytics.analyses.campaigns.measurement.treatment_effects import LESS, MORE, NO_EFFECT, TOO_LITTLE
from crm_analytics.analyses.evidence import grade, told
from crm_analytics.analyses.intervals import Z95
from crm_analytics.analyses.profiling.demography import _apart
from crm_analytics.analyses.profiling.traits import EXPECTED, LEVEL, compare
from tests.nulls.worlds import campaigns, open_base


@pytest.fixture(scope="module")
def found() -> Evaluation:
    return evaluate(open_base(campaigns(1, "equal", "often", customers=500)), learner=None)


def said(lower: float, upper: float) -> str:
    if pd.isna(lower) or pd.isna(upper):
        return TOO_LITTLE
    return MORE if lower > 0 else LESS if upper < 0 else NO_EFFECT


def test_each_verdict_of_a_campaign_is_that_of_its_interval_law(found: Evaluation) -> None:
    for table in (found.pooled, found.campaigns, found.segments, found.response):
        right = [said(*ends) for ends in table[["adjusted_lower", "adjusted_upper"]].to_numpy()]
        assert table["verdict"].tolist() == right


def test_segment_that_stands_out_is_above_the_others_by_its_interval_law(found: Evaluation) -> None:
    table = found.segments
    assert (table["stands_out"] == (table["above_others_lower"] > 0)).all()
    orders = table[table["outcome"] == "orders"].set_index("segment")
    assert orders["stands_out"].to_dict() == {
        "quality": True,
        "price": False,
    }  # only quality buyers are moved
    assert (table["p"] <= 1).all()


def test_channel_is_called_by_its_interval_law() -> None:
    tables = campaigns(1, "equal", "all", customers=500)
    tables["campaigns"]["channel"] = ["email", "email", "post"]
    table = incremental(open_base(tables))
    assert set(table["channel"]) == {"email", "post"}
    assert table["verdict"].tolist() == [said(*ends) for ends in table[["lower", "upper"]].to_numpy()]


def test_clear_habits_are_those_of_the_corrected_chance_law() -> None:
    counts = pd.DataFrame(
        {"g": ["a", "a", "b", "b", "c", "c"], "attribute": "x", "level": ["u", "v"] * 3,
         "customers": [90, 10, 50, 50, 48, 52]}
    )  # fmt: skip
    table = compare(counts, "g")
    assert (table["clear"] == (table["p_adjusted"] < LEVEL)).all()
    clear = table[table["clear"]]
    assert not ((clear["lower"] <= 0) & (clear["upper"] >= 0)).any()
    few = counts.assign(customers=[35, EXPECTED - 3, 500, 5, 500, 5])
    assert not compare(few, "g")["clear"].any()


def test_what_is_only_suggested_stands_in_no_headline_law() -> None:
    """Of normal estimates of nothing 5 in 100 are news, and of five looked at together 5 in 100 sets."""
    rng = np.random.default_rng(24)
    draws = rng.standard_normal((2_000, 5))
    news = [[grade(x, x - Z95, x + Z95, 500).is_news for x in row] for row in draws]
    assert 0.04 <= np.mean(news) <= 0.06
    together = [any(grade(x, x - Z95, x + Z95, 500, looks=5).is_news for x in row) for row in draws]
    assert 0.03 <= np.mean(together) <= 0.065


def test_a_campaign_of_another_round_share_is_no_mismatch_and_an_odd_one_is() -> None:
    tables = campaigns(2, "equal", customers=6_000)
    members, rng = tables["campaign_members"], np.random.default_rng(5)
    for share, verdict in ((0.2, AS_PLANNED), (0.45, MISMATCH)):
        last = members["campaign_id"] == "w2"
        arm = np.where(rng.random(last.sum()) < share, "control", "treated")
        mixed = members.assign(treatment=members["treatment"].mask(last, pd.Series(arm, members.index[last])))
        found = balance(past_waves(open_base(tables | {"campaign_members": mixed}))).set_index("campaign_id")
        assert found.loc["w2", "verdict"] == verdict, share


def test_heavy_tailed_spend_sets_no_group_of_people_apart_law() -> None:
    """Groups drawn by lot: their share of revenue is said to be another one in at most 5 of 100 companies."""
    rng, named = np.random.default_rng(9), 0
    for _ in range(200):
        spend = rng.lognormal(0, 1.4, 400) * (rng.pareto(2.2, 400) + 0.5)
        group = rng.choice(4, 400, p=[0.5, 0.25, 0.15, 0.1])
        sums = [np.bincount(group, weight, 4) for weight in (np.ones(400), spend, spend**2)]
        table = pd.DataFrame(dict(zip(("customers", "revenue", "squares"), sums, strict=True)))
        whole = table.sum()
        table["share"], table["revenue_share"] = table["customers"] / 400, table["revenue"] / whole["revenue"]
        named += bool((_apart(table, whole).abs() > 2.5).any())
    assert named <= 14


def test_what_an_analysis_calls_clear_is_told_by_how_often_such_a_finding_is_wrong_law(monkeypatch) -> None:
    flags = pd.Series([True, False, None], dtype=object)
    assert told(flags, "voice.driver").tolist() == [True, False, False]
    assert told(flags, "").tolist() == [True, False, False]
    assert told(pd.Series([], dtype=object), "voice.driver").tolist() == []
    monkeypatch.setattr(evidence, "error_rate", lambda kind: 0.15 if kind == "voice.driver" else 0.05)
    assert told(flags, "voice.driver").tolist() == [False] * 3
    assert told(flags, "products.month").tolist() == [True, False, False]
    with pytest.raises(KeyError):
        error_rates.error_rate("voice.nothing")


def test_no_page_takes_a_clear_flag_past_that_law() -> None:
    """Each function of a report that reads the column `clear` asks `told`."""
    past, read = [], 0
    for file in sorted(Path(reports.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                inside = list(ast.walk(node))
                flags = [
                    one
                    for one in inside
                    if isinstance(one, ast.Subscript) and getattr(one.slice, "value", None) == "clear"
                ]
                asks = any(isinstance(one, ast.Name) and one.id == "told" for one in inside)
                read += len(flags)
                past += [f"{file.parent.name}.{node.name}"] if flags and not asks else []
    assert read >= 25
    assert past == []
