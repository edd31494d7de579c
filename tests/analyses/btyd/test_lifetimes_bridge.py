"""lifetimes as reference, as a way in and out, and as a second opinion that never raises."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.fitting import lifetimes_bridge
from crm_analytics.errors import ParameterError

MODELS = ["BetaGeo", "ModifiedBetaGeo", "GammaGamma"]


@pytest.mark.parametrize("name", MODELS)
def test_lifetimes_agrees_on_the_same_cells(name, summary):
    ours = getattr(btyd, name).fit(summary)
    theirs = btyd.second_opinion(summary, name)
    assert theirs.params == pytest.approx(ours.params, rel=1e-4)
    assert theirs.log_likelihood == pytest.approx(ours.log_likelihood, abs=0.001)
    assert theirs.sentence.startswith("lifetimes finds ")


@pytest.mark.parametrize("name", MODELS[:2])
def test_their_predictions_equal_ours(name, summary, frame):
    ours = getattr(btyd, name).fit(summary)
    theirs = ours.to_lifetimes()
    args = (frame["frequency"], frame["recency"], frame["T"])
    with lifetimes_bridge._quiet():
        ahead = theirs.conditional_expected_number_of_purchases_up_to_time(39, *args)
        alive = theirs.conditional_probability_alive(*args)
        new = theirs.expected_number_of_purchases_up_to_time(np.array([1.0, 39.0]))
        few = [theirs.probability_of_n_purchases_up_to_time(39, n) for n in range(5)]
    np.testing.assert_allclose(ours.expected_purchases(frame, 39), ahead, rtol=1e-7)
    np.testing.assert_allclose(ours.probability_alive(frame), alive, rtol=1e-9)
    np.testing.assert_allclose(ours.expected_purchases_new([1, 39]), new, rtol=1e-7)
    np.testing.assert_allclose(ours.probability_of(np.arange(5), 39), few, rtol=1e-7)


def test_their_expected_spend_equals_ours(gg, frame):
    f = frame[frame["frequency"] > 0]
    with lifetimes_bridge._quiet():
        theirs = gg.to_lifetimes().conditional_expected_average_profit(f["frequency"], f["monetary_value"])
    np.testing.assert_allclose(gg.expected_spend(f), theirs, rtol=1e-10)


@pytest.mark.parametrize("name", MODELS)
def test_round_trip_keeps_the_parameters(name, summary):
    ours = getattr(btyd, name).fit(summary)
    again = getattr(btyd, name).from_lifetimes(ours.to_lifetimes(), unit="W")
    assert again.params == ours.params
    assert again.unit == "W"
    fitted = lifetimes_bridge.fit_by_lifetimes(summary, name)
    taken = getattr(btyd, name).from_lifetimes(fitted, unit="W")
    assert taken.log_likelihood == pytest.approx(ours.log_likelihood, abs=0.001)
    assert taken.customers == ours.customers
    np.testing.assert_allclose(taken.standard_errors, ours.standard_errors, rtol=1e-3)
    assert taken.diagnosis.converged


def test_their_summary_frame_is_accepted(cdnow_lines, bg):
    with lifetimes_bridge._quiet():
        from lifetimes.utils import summary_data_from_transaction_data

        theirs = summary_data_from_transaction_data(
            cdnow_lines,
            "customer_id",
            "transaction_date",
            "unit_spend",
            observation_period_end="1997-09-30",
            freq="D",
        )
    found = btyd.BetaGeo.fit(theirs, unit="D")
    weeks = found.params | {"alpha": found.params["alpha"] / 7}
    assert weeks == pytest.approx(bg.params, rel=1e-8)
    assert btyd.GammaGamma.fit(theirs).customers == 946


def test_the_wrong_fitter_is_refused(bg, gg):
    with pytest.raises(ParameterError, match="takes a fitted GammaGammaFitter, got a BetaGeoFitter"):
        btyd.GammaGamma.from_lifetimes(bg.to_lifetimes())
    with pytest.raises(ParameterError, match="that is not fitted"):
        btyd.BetaGeo.from_lifetimes(lifetimes_bridge._fitter("BetaGeo"))


def test_a_failure_is_a_sentence():
    nobody = pd.DataFrame({"frequency": [0, 0], "recency": [0.0, 0.0], "T": [0.0, 0.0]})
    opinion = btyd.second_opinion(nobody)
    assert opinion.params is None or np.isfinite(list(opinion.params.values())).all()
    broken = btyd.second_opinion(pd.DataFrame({"a": [1]}))
    assert broken.params is None
    assert broken.sentence.startswith("lifetimes could not fit the same customers: ")
    assert btyd.second_opinion(nobody, "Pareto").params is None


def test_filters_of_warnings_are_left_as_they_were(summary):
    before = list(warnings.filters)
    btyd.second_opinion(summary)
    assert warnings.filters == before


def test_importing_btyd_does_not_import_lifetimes():
    code = "import sys; import crm_analytics.analyses.btyd; print('lifetimes' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
