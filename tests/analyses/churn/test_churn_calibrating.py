"""Calibration: planted truth and laws."""

from __future__ import annotations

import numpy as np
import pytest

from crm_analytics.analyses.churn.model.model import ChurnModel
from crm_analytics.analyses.churn.model.probability_calibration import isotonic, platt
from tests.analyses.churn.simulated import customers, fitted_on_them


@pytest.mark.parametrize("calibration", [platt, isotonic])
def test_calibration_recovers_planted_truth(calibration) -> None:
    """Scores twice too bold and one too high come back."""
    rng = np.random.default_rng(1)
    truth = rng.normal(-1, 1, 20_000)
    left = (rng.random(20_000) < 1 / (1 + np.exp(-truth))).astype(float)
    found = calibration(2 * truth + 1, left, np.ones(20_000))(2 * truth + 1)
    assert np.abs(1 / (1 + np.exp(-found)) - 1 / (1 + np.exp(-truth))).mean() < 0.02


@pytest.mark.parametrize("calibration", [platt, isotonic])
def test_calibration_never_falls_and_never_says_certain(calibration) -> None:
    x = np.linspace(-3, 3, 500)
    left = (x + np.random.default_rng(0).normal(size=500) > 0).astype(float)
    found = calibration(x, left, np.ones(500))(np.linspace(-9, 9, 999))
    assert (np.diff(found) > 0).all()
    p = 1 / (1 + np.exp(-found))
    assert 0 < p.min() < p.max() < 1


def test_platt_gives_a_score_that_runs_backwards_no_slope() -> None:
    x = np.linspace(-3, 3, 500)
    found = platt(x, (x < 0).astype(float), np.ones(500))(x)
    assert found == pytest.approx(np.zeros(500), abs=1e-12)


def test_boosting_takes_the_curve_where_there_are_enough() -> None:
    assert fitted_on_them("logistic").card().calibration == "Platt"
    assert fitted_on_them("gradient boosting").card().calibration == "isotonic"
    frame, left, _ = customers(500)
    assert ChurnModel().fit(frame, left).card().calibration == "Platt"
    assert ChurnModel("logistic", calibrate=False).fit(frame, left).card().calibration == "none, as asked"
