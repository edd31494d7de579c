"""Cohorts that differ, cohorts that do not, and how far each is drawn towards all."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.checks.cohort_effects import cohorts_of
from crm_analytics.errors import NotEnoughData, ParameterError

TRUTH = {"r": 0.8, "alpha": 5.0, "a": 0.9, "b": 2.5}
DAY = datetime.date(2025, 12, 31)


class Source:
    """A summary as far as this analysis looks at it."""

    def __init__(self, rows):
        keys = ["frequency", "recency", "T"]
        self.cells = rows.groupby(keys, as_index=False).size().rename(columns={"size": "customers"})
        self.cell_days = pd.DataFrame({"age_days": np.rint(self.cells["T"] * 7).astype(int)})
        self.unit, self.day = "W", DAY


def base(cohorts, size, seed):
    """`cohorts`: parameters and quarters ago, newest last; MBG/NBD in continuous time."""
    rng, parts = np.random.default_rng(seed), []
    for ago, truth in cohorts:
        T = (ago * 91 + rng.integers(1, 80, size)) / 7
        rate, leave = rng.gamma(truth["r"], 1 / truth["alpha"], size), rng.beta(truth["a"], truth["b"], size)
        here = np.flatnonzero(rng.random(size) >= leave)
        x, recency, now = np.zeros(size), np.zeros(size), np.zeros(size)
        while len(here):
            now[here] += rng.exponential(size=len(here)) / rate[here]
            here = here[now[here] <= T[here]]
            x[here] += 1
            recency[here] = now[here]
            here = here[rng.random(len(here)) >= leave[here]]
        parts.append(pd.DataFrame({"frequency": x, "recency": recency, "T": T}))
    return Source(pd.concat(parts, ignore_index=True))


def test_pooled_and_separate_fits_match_their_own_likelihoods(summary, mbg):
    found = btyd.cohort_effects(summary)
    assert found.table["cohort"].tolist() == ["1997-01", "1997-02", "1997-03"]
    assert found.table["customers"].tolist() == [781, 857, 719]
    assert found.table["repeat_buyers"].sum() == 946
    assert found.pooled.params == pytest.approx(mbg.params, rel=1e-9)
    ratio = 2 * (found.table["log_likelihood"].sum() - mbg.log_likelihood)
    assert (found.likelihood_ratio, found.degrees) == (pytest.approx(ratio), 8)
    assert found.p == pytest.approx(stats.chi2.sf(ratio, 8))
    january = summary.cells[(summary.cell_days["age_days"] > 272 - 31)]
    alone = btyd.ModifiedBetaGeo.fit(january, "W")
    assert found.table["log_likelihood"].iloc[0] == pytest.approx(alone.log_likelihood, rel=1e-12)


def test_cdnow_is_one_cohort_and_says_so(summary, mbg):
    found = btyd.cohort_effects(summary)
    assert found.p > 0.05
    assert (found.choice, found.spread) == ("pooled", 0.0)
    assert found.bic_pooled < found.bic_separate
    assert all(m.params == pytest.approx(mbg.params) for m in found.partial.values())
    assert found.words[0].startswith("Cohorts do not differ by more than chance (p 0.65; 3 cohorts, 2,357")
    assert found.trends == ()  # three months are no trend


def test_equal_cohorts_are_not_told_apart():
    """Six bases from one truth: the test rejects as often as it should, once at most."""
    p = [btyd.cohort_effects(base([(2, TRUTH), (3, TRUTH), (4, TRUTH)], 500, seed)).p for seed in range(6)]
    assert sum(v < 0.05 for v in p) <= 1
    assert max(p) > 0.3


@pytest.mark.parametrize("model", [btyd.BetaGeo, btyd.ModifiedBetaGeo, btyd.ParetoNBD, btyd.NBD])
def test_a_planted_difference_is_found_by_every_model(model):
    other = TRUTH | {"alpha": 9.0}
    found = btyd.cohort_effects(base([(2, other), (3, TRUTH), (4, TRUTH)], 1_500, 3), model)
    assert found.p < 1e-4
    assert found.choice == "partial"
    assert found.spread > 0
    assert "one model for all is rejected" in found.words[0]
    newest = found.table.iloc[-1]
    assert newest["buying"] < found.table["buying"].iloc[:2].min()
    means = [m.params["r"] / m.params["alpha"] for m in found.partial.values()]
    assert means == pytest.approx(found.table["buying_partial"].tolist())


def test_partial_pooling_is_nearer_to_the_truth_than_either_extreme():
    """Twelve small cohorts whose rates vary by a fifth."""
    rng = np.random.default_rng(11)
    factor = np.exp(rng.normal(0, 0.25, 12))
    plan = [(ago, TRUTH | {"alpha": TRUTH["alpha"] / f}) for ago, f in zip(range(12), factor, strict=True)]
    found = btyd.cohort_effects(base(plan[2:], 150, 4))
    truth = (TRUTH["r"] / TRUTH["alpha"] * factor[2:])[::-1]
    pooled = found.pooled.params["r"] / found.pooled.params["alpha"]
    error = {
        "alone": np.log(found.table["buying"] / truth),
        "partial": np.log(found.table["buying_partial"] / truth),
        "pooled": np.log(pooled / truth),
    }
    size = {name: float(np.mean(np.square(e))) for name, e in error.items()}
    assert size["partial"] < size["alone"]
    assert size["partial"] < size["pooled"]


def test_a_planted_trend_of_leaving_is_recovered():
    """Leaving doubles in two years: a rises, so that a / (a + b) goes from .15 to .30."""
    plan = []
    for ago in range(1, 10):
        share = 0.30 * 0.5 ** (ago / 8)
        plan.append((ago, {"r": 1.0, "alpha": 2.0, "a": 4 * share, "b": 4 * (1 - share)}))
    found = btyd.cohort_effects(base(plan, 900, 6))
    leaving = {t.what: t for t in found.trends}["leaving"]
    truth = 0.5 ** (-4 / 8) - 1  # a year is four quarters
    assert leaving.lower < truth < leaving.upper
    assert leaving.lower > 0
    assert leaving.p < 0.05
    assert any(w.startswith("Leaving rises from cohort to cohort") for w in found.words)
    buying = {t.what: t for t in found.trends}["buying"]
    assert buying.lower < 0 < buying.upper


def test_models_of_cohorts_forecast_like_any_other():
    found = btyd.cohort_effects(base([(2, TRUTH | {"alpha": 9.0}), (3, TRUTH), (4, TRUTH)], 800, 3))
    model = next(iter(found.partial.values()))
    rows = pd.DataFrame(
        {"frequency": [0.0, 2.0], "recency": [0.0, 20.0], "T": [30.0, 30.0], "customers": 100}
    )
    total = btyd.forecast_total(rows, model, 13, draws=100)
    assert total.lower < total.mean < total.upper
    assert total.note == ""
    assert (model.standard_errors > 0).all()
    assert "towards all cohorts" in model.diagnosis.message


def test_thin_cohorts_join_the_one_before(summary):
    assert cohorts_of(summary, "M", 800)[0] == ["1997-01 to 1997-03"]
    names, code = cohorts_of(summary, "M", 750)
    assert names == ["1997-01", "1997-02 to 1997-03"]
    n = summary.cells["customers"].to_numpy()
    assert (np.bincount(code, n) >= 750).all()
    assert cohorts_of(summary, "Q", 100)[0] == ["1997Q1"]


def test_one_cohort_says_that_there_is_nothing_to_compare(summary):
    with pytest.raises(NotEnoughData, match="test of cohorts needs at least 2 cohorts of 100 customers"):
        btyd.cohort_effects(summary, by="Q")
    with pytest.raises(ParameterError, match="by: expected 'M' or 'Q', got 'W'"):
        btyd.cohort_effects(summary, by="W")
