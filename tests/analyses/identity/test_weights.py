from __future__ import annotations

import math

import numpy as np
import pytest

from crm_analytics.analyses.identity.weights import (
    match_probability,
    match_weight,
    probability_of,
    threshold_without_labels,
)


def test_match_probability_matches_fellegi_sunter() -> None:
    weights = [match_weight(0.9, 0.01), match_weight(0.95, 0.001)]
    assert weights == pytest.approx([6.4919, 9.8918], abs=5e-5)
    assert match_probability(1 / 1000, weights) == pytest.approx(0.98845, abs=5e-6)


def test_threshold_keeps_the_expected_share_of_wrong_pairs() -> None:
    weights = np.random.default_rng(3).normal(4, 5, 4_000)
    chosen = threshold_without_labels(weights, floor=0.0)
    kept = weights[weights >= chosen]
    assert (1 - probability_of(kept)).mean() <= 0.01
    lower = np.sort(weights[weights < chosen])[-40:]
    assert (1 - probability_of(np.append(kept, lower))).mean() > 0.01


def test_threshold_does_not_depend_on_the_order_of_pairs() -> None:
    weights = np.random.default_rng(4).normal(2, 6, 500)
    assert threshold_without_labels(weights) == threshold_without_labels(weights[::-1])


def test_threshold_accepts_nothing_where_no_pair_is_sure() -> None:
    assert threshold_without_labels([0.1, -3.0]) == math.inf
    assert threshold_without_labels([]) == math.inf
