"""On the demo company the churn model finds the planted chances: who has left, and who buys at which rate."""

from __future__ import annotations

import json
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from crm_analytics.analyses import churn
from crm_analytics.analyses.churn.survival import survival

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


WINDOW = 180  # days: nine mean gaps of the slowest of the keen, so that hardly any pause is taken for leaving


@pytest.fixture(scope="module")
def keen(demo_company_folder) -> pd.DataFrame:
    """Customers planted to buy every 20 days or more often: their last purchase tells when they left.

    `group`: quarter of the planted hazard of leaving; `complains`: planted complaints a day.
    """
    truth = pd.read_feather(demo_company_folder / "truth_customers.feather")
    told = json.loads((demo_company_folder / "truth.json").read_text())
    each = truth[truth["bought"] & truth["duplicate_id"].isna() & (truth["buying_rate"] >= 1 / 20)]
    share = each["segment"].map({name: one["complaint"] for name, one in told["segments"].items()})
    times = told["complaint"]["multiplies_hazard_of_leaving"]
    quarter = pd.qcut(each["leaving_hazard"], 4, labels=["lowest", "low", "high", "highest"]).astype(str)
    return each.assign(share=share, complains=share * each["buying_rate"], times=times, group=quarter)


def planted_to_buy_after(customers: pd.DataFrame, days: float) -> pd.Series:
    """Chance of a purchase more than so many days after the first.

    A customer has a first complaint, exponential or with the first purchase, and the hazard of leaving is
    multiplied from then on; with the rate of buying r and the hazard h, one purchase more comes before the
    leaving with r / (r + h).
    """
    r, h, c, k = (customers[name] for name in ("buying_rate", "leaving_hazard", "complains", "times"))
    calm = np.exp(-(h + c) * days)
    upset = c / (c - (k - 1) * h) * (np.exp(-k * h * days) - calm)
    at_once = np.exp(-k * h * days)
    later = calm * r / (r + h) + upset * r / (r + k * h)
    return (1 - customers["share"]) * later + customers["share"] * at_once * r / (r + k * h)


def test_planted_hazards_of_leaving_lie_in_the_intervals_of_the_survival_curves(demo_company, keen):
    found = survival.leaving(demo_company, WINDOW, by=demo_company.to_engine(keen[["customer_id", "group"]]))
    read = found.at[found.at["time"] >= 90].set_index(["group", "time"])
    assert len(read) == 4 * 3
    for (group, time), row in read.iterrows():
        planted = planted_to_buy_after(keen[keen["group"] == group], time).mean()
        assert row["lower"] <= planted <= row["upper"], (group, time, planted, row["survival"])
        assert row["upper"] - row["lower"] < 0.22


def test_the_planted_hazard_of_each_customer_lies_in_the_interval_of_the_cox_regression(demo_company, keen):
    """Leaving goes with the planted hazard itself: e times the ratio for one more in its logarithm."""
    one = demo_company.collect(survival.spans(demo_company, WINDOW)).merge(keen, on="customer_id")
    frame = one[["duration"]].assign(event=one["gone"], log_hazard=np.log(one["leaving_hazard"]))
    row = survival.cox(frame).table.iloc[0]
    assert row["lower"] <= np.e <= row["upper"]
    assert row["lower"] > 1.5
