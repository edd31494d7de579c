"""Two hundred simulated businesses of each kind: customers older than the data are seen, others are not."""

from __future__ import annotations

import numpy as np
import pytest

from crm_analytics.analyses.forecasting.truncation import DAYS, share_older

BASES = 200
SIX_YEARS = 6 * 365


def first_purchases(seed, began, *, grows=False, season=False):
    """Customers first seen in each span: of a stream that began so many days before the data."""
    rng = np.random.default_rng(seed)
    days = int(rng.uniform(400, 1500))
    rate, life = rng.uniform(1.5, 12) / 365, rng.uniform(300, 2200)
    people = int(rng.uniform(0.5, 5) * (days + began))
    share = np.sqrt(rng.random(people)) if grows else rng.random(people)
    born = -began + (days + began) * share
    each = rate * rng.gamma(2, 0.5, people)
    dead = born + rng.exponential(life, people)
    seen = np.where(born >= 0, born, rng.exponential(1 / each))
    seen = seen[(seen < days) & (seen <= dead)]
    if season:
        away = (seen + rng.uniform(0, 365) - 180) % 365 - 180
        seen = seen[rng.random(len(seen)) < 0.15 + np.exp(-0.5 * (away / 20) ** 2)]
    whole = days // DAYS
    return np.bincount((seen // DAYS).astype(int), minlength=whole)[:whole].astype(float)


def flagged(began, **kind):
    return np.mean([share_older(first_purchases(1000 + i, began, **kind)) > 0 for i in range(BASES)])


def test_old_customers_are_detected_in_95_of_100_bases():
    assert flagged(SIX_YEARS) >= 0.95


def test_old_customers_of_a_seasonal_business_are_detected_in_nine_of_ten():
    assert flagged(SIX_YEARS, season=True) >= 0.9


@pytest.mark.parametrize("kind", [{}, {"grows": True}, {"season": True}])
def test_false_alarms_stay_under_5_of_100_bases(kind):
    assert flagged(0, **kind) <= 0.05
