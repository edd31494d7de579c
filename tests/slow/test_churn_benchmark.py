"""The benchmark of churn features: both sides know the same features, and agree on every number."""

from __future__ import annotations

import pytest

from benchmarks import churn

pytestmark = pytest.mark.slow


def test_pandas_and_the_engine_give_the_same_features(tmp_path) -> None:
    folder = tmp_path / "base"
    folder.mkdir()
    churn.write_base(folder, customers=600, lines=6)
    churn.theirs(folder)
    churn.ours(folder)
    assert churn._equal(folder) >= 35
