"""Transitions: the published counts, and the laws of their weights."""

from __future__ import annotations

import numpy as np
import pytest

from crm_analytics.analyses.journey import journey
from crm_analytics.errors import ParameterError
from tests.analyses.journey.paths import PUBLISHED, base_of, journey_of

ORDER = ["path_start", "A", "B", "C", "path_end"]
COUNTS = [[0, 2, 1, 0, 0], [0, 0, 4, 0, 0], [0, 1, 4, 3, 2], [0, 1, 1, 1, 1], [0, 0, 0, 0, 0]]


def matrix(weight):
    return journey_of(PUBLISHED).transitions(weight).loc[ORDER, ORDER].to_numpy()


def test_step_counts_match_retentioneering():
    assert matrix("count").tolist() == COUNTS


def test_weights_match_retentioneering():
    counts = np.array(COUNTS)
    np.testing.assert_allclose(matrix("share_of_total"), counts / 21)
    np.testing.assert_allclose(matrix("avg_per_path"), counts / 3)
    np.testing.assert_allclose(matrix("proba_out")[2], [0, 0.1, 0.4, 0.3, 0.2])
    np.testing.assert_allclose(matrix("proba_in")[:, 2], [0.1, 0.4, 0.4, 0.1, 0])


def test_rows_and_columns_are_stochastic():
    table = journey_of(PUBLISHED).transitions()
    assert np.allclose(table.groupby("event")["proba_out"].sum(), 1)
    assert np.allclose(table.groupby("next_event")["proba_in"].sum(), 1)
    assert (table["unique_paths"] <= table["paths"]).all()


def test_times_are_seconds_and_missing_at_start_and_end():
    table = journey_of(PUBLISHED, minutes=2).transitions()
    ends = (table["event"] == "path_start") | (table["next_event"] == "path_end")
    assert table.loc[ends, ["time_median", "time_q95"]].isna().all(axis=None)
    assert (table.loc[~ends, ["time_median", "time_q95"]] == 120).all(axis=None)


def test_order_of_rows_changes_nothing():
    base = base_of(PUBLISHED)
    shuffled = base.tables["events"].to_pandas().sample(frac=1, random_state=3)
    other = base_of(PUBLISHED, events=shuffled.drop(columns=[c for c in shuffled if c.startswith("_")]))
    first, second = (journey(b, ["events"]).transitions() for b in (base, other))
    assert first.equals(second)


def test_sessions_as_paths_begin_anew():
    made = journey_of({"a": ["A", "B"], "b": ["A"]}, minutes=31)
    assert made.transitions("count").loc["A", "B"] == 1
    parts = made.sessions()
    assert parts.count() == 3
    assert parts.transitions("count").loc["path_start", "B"] == 1


def test_an_unknown_weight_says_which_there_are():
    with pytest.raises(ParameterError, match="proba_out"):
        journey_of(PUBLISHED).transitions("proba_ot")
