"""Measures against scikit-learn, published values and laws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from crm_analytics.analyses.churn.measures import measures, ranking
from crm_analytics.errors import NotEnoughData, ParameterError

ALL = (measures.auc, measures.average_precision, measures.brier, measures.top_decile_lift)


def scores(n: int = 900, seed: int = 3, digits: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities; rounding makes many ties."""
    rng = np.random.default_rng(seed)
    p = np.round(rng.beta(2, 3, n), digits)
    return (rng.random(n) < p).astype(int), p


@pytest.mark.parametrize("digits", [1, 12])
def test_measures_match_scikit_learn(digits: int) -> None:
    y, p = scores(digits=digits)
    assert measures.auc(y, p).value == pytest.approx(metrics.roc_auc_score(y, p), rel=1e-12)
    ap = metrics.average_precision_score(y, p)
    assert measures.average_precision(y, p).value == pytest.approx(ap, rel=1e-12)
    assert measures.brier(y, p).value == pytest.approx(metrics.brier_score_loss(y, p), rel=1e-12)


def test_auc_interval_matches_delongs_definition() -> None:
    """Variance of the placements, pair by pair as in equations of the paper."""
    y, p = scores(200)
    leavers, stayers = p[y == 1][:, None], p[y == 0][None, :]
    wins = (leavers > stayers) + 0.5 * (leavers == stayers)
    variance = wins.mean(1).var(ddof=1) / leavers.size + wins.mean(0).var(ddof=1) / stayers.size
    value = wins.mean()
    half = 1.959963984540054 * np.sqrt(variance) / (value * (1 - value))
    middle = np.log(value / (1 - value))
    expected = 1 / (1 + np.exp(-np.array([middle, middle - half, middle + half])))
    assert list(measures.auc(y, p)) == pytest.approx(list(expected), rel=1e-12)


def test_lift_is_the_mean_over_all_ways_to_break_ties() -> None:
    y, p = scores(130)
    rng, found = np.random.default_rng(0), []
    for _ in range(3000):
        order = np.lexsort((rng.random(len(p)), -p))
        found.append(y[order[:26]].mean() / y.mean())
    lift = measures.top_decile_lift(y, p, share=0.2).value
    assert np.std(found) > 0.05  # the tie at the border matters
    assert lift == pytest.approx(np.mean(found), abs=4 * np.std(found) / np.sqrt(3000))


def test_a_score_equal_for_all_is_worth_chance() -> None:
    y, _ = scores()
    same = np.full(len(y), 0.3)
    assert measures.auc(y, same).value == 0.5
    assert measures.top_decile_lift(y, same).value == pytest.approx(1, rel=1e-12)
    assert measures.average_precision(y, same).value == pytest.approx(y.mean(), rel=1e-12)
    gains = measures.gains(y, same)
    assert gains["leavers_share"].tolist() == pytest.approx(gains["customers_share"].tolist(), rel=1e-12)


@pytest.mark.parametrize("measure", ALL)
def test_order_of_rows_does_not_matter(measure) -> None:
    y, p = scores(digits=12)
    order = np.random.default_rng(1).permutation(len(y))
    assert list(measure(y, p)) == list(measure(y[order], p[order]))


def test_tables_do_not_know_the_order_of_rows() -> None:
    y, p = scores(digits=2)
    order = np.random.default_rng(1).permutation(len(y))
    for table in (measures.gains, measures.calibration):
        pd.testing.assert_frame_equal(table(y, p), table(y[order], p[order]), check_exact=True)


@pytest.mark.parametrize("measure", ALL)
def test_intervals_cover_the_truth(measure) -> None:
    """Nine in ten, over 100 samples of one population whose value is that of 200,000 customers."""
    truth = measure(*scores(200_000, seed=99, digits=2)).value
    covered = [
        (m := measure(*scores(400, seed=i, digits=2), level=0.9)).lower <= truth <= m.upper
        for i in range(100)
    ]
    # 100 draws: a true nine in ten falls outside this range once in 100 runs
    assert 0.82 <= np.mean(covered) <= 0.97


def test_intervals_of_large_bases_agree_with_those_of_all_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    y, p = scores(3000, digits=12)
    whole = list(measures.average_precision(y, p, draws=400))
    monkeypatch.setattr(ranking, "CELLS", 300)
    coarse = list(measures.average_precision(y, p, draws=400))
    assert coarse[0] == whole[0]
    assert coarse[1:] == pytest.approx(whole[1:], abs=0.01)


def test_perfect_ranking_keeps_an_interval() -> None:
    value, lower, upper = measures.auc([0] * 30 + [1] * 10, np.arange(40))
    assert (value, upper) == (1.0, 1.0)
    assert 0.6 < lower < 0.9  # Wilson's for 10 of 10: .72


def test_gains_end_at_all_and_never_fall() -> None:
    table = measures.gains(*scores())
    assert table["leavers_share"].is_monotonic_increasing
    assert table["leavers_share"].iloc[-1] == 1.0
    assert (table["lower"] <= table["leavers_share"]).all()
    assert (table["leavers_share"] <= table["upper"]).all()


def test_calibration_covers_honest_probabilities_and_not_dishonest_ones() -> None:
    y, p = scores(20_000, digits=12)
    table = measures.calibration(y, p, level=0.99)
    assert table["customers"].sum() == len(y)
    assert len(table) == 10
    assert table["predicted"].between(table["lower"], table["upper"]).all()
    bold = measures.calibration(y, np.clip(2 * p - 0.5, 0, 1), level=0.99)
    assert not bold["predicted"].between(bold["lower"], bold["upper"]).all()
    value, lower, upper = measures.calibration_error(y, np.clip(p + 0.1, 0, 1))
    assert lower < value < upper < 0


def test_bad_input_says_what_is_wrong() -> None:
    with pytest.raises(NotEnoughData, match="AUC needs at least 1 customers who left"):
        measures.auc([0, 0], [0.1, 0.2])
    with pytest.raises(NotEnoughData, match="customers who stayed"):
        measures.average_precision([1, 1], [0.1, 0.2])
    with pytest.raises(ParameterError, match="1 of 2 scores are missing"):
        measures.auc([0, 1], [0.1, np.nan])
    with pytest.raises(ParameterError, match="1 of 2 labels are missing"):
        measures.brier([0, None], [0.1, 0.2])
    with pytest.raises(ParameterError, match=r"0 \(stayed\) or 1 \(left\)"):
        measures.brier(["yes", "no"], [0.1, 0.2])
    with pytest.raises(ParameterError, match="equal length"):
        measures.auc([0, 1, 1], [0.1, 0.2])
    with pytest.raises(ParameterError, match="between 0 and 1"):
        measures.brier([0, 1], [0.1, 1.2])
    with pytest.raises(ParameterError, match="share is a part"):
        measures.top_decile_lift([0, 1], [0.1, 0.2], share=0)
