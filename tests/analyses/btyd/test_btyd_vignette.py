"""What the R package BTYD prints of CDNOW, to its last digit, at the points where its searches stop.

BTYD's vignette prints parameters to three or four digits only. More follow from the forecasts it prints to
seven: four parameters of BG/NBD from six forecasts, four of Pareto/NBD from six. So BTYD's numbers hold to
the last digit there, and what separates them from those at our optima is where its searches stop, not what
is computed: a likelihood lower by less than 1e-4.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.checks.evidence import tracking

BG = btyd.BetaGeo({"r": 0.24259677, "alpha": 4.41365805, "a": 0.79298646, "b": 2.4261582}, unit="W")
PARETO = btyd.ParetoNBD(
    {"r": 0.55337084, "alpha": 10.57951886, "s": 0.60590725, "beta": 11.65811012}, unit="W"
)
BUSY = pd.DataFrame({"frequency": [10, 15, 20, 25], "recency": 20.0, "T": 39.0})
ID_1516 = pd.DataFrame({"frequency": [26], "recency": [216 / 7], "T": [31.0]})


@pytest.mark.parametrize("stopped", [BG, PARETO], ids=["BG/NBD", "Pareto/NBD"])
def test_btyd_stops_within_a_ten_thousandth_of_the_highest_likelihood(stopped, summary):
    best = type(stopped).fit(summary).log_likelihood
    assert best - 1e-4 < stopped.log_likelihood_of(summary.cells) <= best + 1e-9


@pytest.fixture(scope="module")
def pareto(summary):
    return btyd.ParetoNBD.fit(summary)


def test_increasing_frequency_paradox_matches_btyd_vignette(pareto):
    of_bg = BG.expected_purchases(BUSY, 52)
    np.testing.assert_allclose(of_bg, [0.3474606, 0.04283391, 0.004158973, 0.0003583685], rtol=2e-7)
    of_pareto = PARETO.expected_purchases(BUSY, 52)
    np.testing.assert_allclose(of_pareto, [0.7062289, 0.1442396, 0.02250658, 0.00309267], rtol=2e-7)
    np.testing.assert_allclose(pareto.expected_purchases(BUSY, 52), of_pareto, rtol=1e-3)


def test_id_1516_and_a_new_customer_match_btyd_vignette(bg, pareto):
    assert BG.expected_purchases(ID_1516, 52)[0] == pytest.approx(25.75659, abs=5e-6)
    assert PARETO.expected_purchases(ID_1516, 52)[0] == pytest.approx(25.45647, abs=5e-6)
    assert bg.expected_purchases(ID_1516, 52)[0] == pytest.approx(25.75659, rel=4e-5)
    assert pareto.expected_purchases(ID_1516, 52)[0] == pytest.approx(25.45647, rel=6e-5)
    assert BG.expected_purchases_new(52) == pytest.approx(1.444004, abs=5e-7)
    assert PARETO.expected_purchases_new(52) == pytest.approx(1.473434, abs=5e-7)


@pytest.mark.parametrize(
    ("stopped", "printed", "half"),
    [
        (BG, [0.2251, 0.5231, 1.0441, 1.5203, 2.1638, 2.6538, 3.5040, 6.1570], 5e-5),
        (PARETO, [0.138, 0.600, 1.196, 1.714, 2.399, 2.907, 3.819, 6.403], 5e-4),
    ],
    ids=["BG/NBD", "Pareto/NBD"],
)
def test_holdout_by_frequency_matches_btyd_vignette(stopped, printed, half, summary):
    cells = summary.cells.astype(float)
    group, n = cells["frequency"].clip(upper=7), cells["customers"]
    each = stopped.expected_purchases(cells, 39) * n
    np.testing.assert_allclose(each.groupby(group).sum() / n.groupby(group).sum(), printed, atol=half, rtol=0)


@pytest.mark.parametrize(
    ("stopped", "printed"),
    [
        (BG, [76.865, 74.888, 73.046, 71.322, 69.704, 68.182]),
        (PARETO, [78.308, 76.419, 74.648, 72.983, 71.414, 69.933]),
    ],
    ids=["BG/NBD", "Pareto/NBD"],
)
def test_weekly_tracking_matches_btyd_vignette(stopped, printed, summary, future):
    weeks = tracking(summary, future, stopped).set_index("period").loc[20:25]
    np.testing.assert_allclose(weeks["expected"], printed, atol=5e-4, rtol=0)
    if stopped is BG:
        ends = weeks["cumulative_expected"].iloc[[0, -1]]
        np.testing.assert_allclose(ends, [1312.458, 1669.6], atol=5e-4, rtol=0)
