"""On the demo company the churn model finds the planted chances: who has left, and who buys at which rate."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from crm_analytics.analyses import churn

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def told(demo_company, demo_company_folder):
    """Scores of a day in the past, beside the planted chance of no purchase in the window after it."""
    truth = pd.read_feather(demo_company_folder / "truth_customers.feather")
    past = demo_company.as_of(demo_company.day - timedelta(days=120))
    trained = churn.train(past)
    scored = past.collect(churn.score(past, trained, explained=0))
    here = scored[scored["churn_probability"].notna()]
    here = here.merge(truth[["customer_id", "leaves_at", "buying_rate", "leaving_hazard"]], on="customer_id")
    recency = past.collect(churn.features(past).select("customer_id", "recency_days"))
    here = here.merge(recency, on="customer_id")
    has_left = here["leaves_at"] <= pd.Timestamp(past.day)
    there = np.exp(-here["buying_rate"] * trained.window)
    return here.assign(has_left=has_left, planted=np.where(has_left, 1.0, there))


def test_scores_recover_planted_chances_better_than_recency(told):
    model = spearmanr(told["churn_probability"], told["planted"]).statistic
    recency = spearmanr(told["recency_days"], told["planted"]).statistic
    assert len(told) > 500
    assert model > 0.5
    assert model > recency + 0.1


def test_planted_rates_raise_and_lower_the_scores_as_they_should(told):
    there = told[~told["has_left"]]
    slow = there["buying_rate"] <= there["buying_rate"].quantile(0.25)
    fast = there["buying_rate"] >= there["buying_rate"].quantile(0.75)
    means = [there.loc[who, ["churn_probability", "planted"]].mean() for who in (slow, fast)]
    assert means[0]["churn_probability"] > means[1]["churn_probability"] + 0.2
    # as often as planted, season and the few who leave in the window apart
    for mean in means:
        assert abs(mean["churn_probability"] - mean["planted"]) < 0.15
