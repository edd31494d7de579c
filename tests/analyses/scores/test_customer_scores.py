"""One row per customer: the numbers are those of the reports, and ranges hold what they promise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import btyd, churn, lifecycle, rfm
from crm_analytics.analyses.scores import PARTS, customer_scores, kpi_rows, value_ranges, worth_ratios
from crm_analytics.analyses.value_to_come import value_to_come
from crm_analytics.errors import ParameterError
from tests.conftest import written_once

COLUMNS = ["customer_id", *(name for part in PARTS.values() for name in part)]
PARAMS = {"r": 0.8, "alpha": 6.0, "a": 0.6, "b": 2.5}
SPEND = {"p": 4.0, "q": 4.0, "v": 30.0}


@pytest.fixture(scope="module")
def scored(tmp_path_factory, worker_id):
    folder = written_once(tmp_path_factory, worker_id, "scored-company", 2_000)  # enough for a churn model
    base = CustomerBase.open(folder, today="2026-01-01").keeping(tmp_path_factory.mktemp("kept"))
    found = customer_scores(base)
    return base, found, base.collect(found.table).set_index("customer_id")


def test_scores_are_those_of_the_models_law(scored) -> None:
    base, found, rows = scored
    assert found.table.columns == tuple(COLUMNS)
    listed = base.collect(base.customers.select("customer_id"))["customer_id"]
    assert sorted(rows.index) == sorted(listed)
    assert not found.missing
    segments = base.collect(rfm.score(base).customers).set_index("customer_id")["segment"]
    assert rows.loc[segments.index, "segment"].equals(segments)
    stages = base.collect(lifecycle.stages(base).customers).set_index("customer_id")["stage"]
    assert rows.loc[stages.index, "stage"].equals(stages)
    outlook = value_to_come(base)
    assert rows["value_to_come"].sum() == pytest.approx(outlook.total.mean, rel=1e-9)
    assert rows["probability_alive"].sum() == pytest.approx(outlook.still_customers, rel=1e-9)
    left = base.collect(churn.score(base, churn.train(base))).set_index("customer_id")
    pd.testing.assert_series_equal(
        rows.loc[left.index, "churn_probability"], left["churn_probability"], rtol=1e-12
    )
    assert set(rows["next_action"]) <= {"write", "test", "leave_alone", "nothing"}
    assert set(rows.loc[rows["next_action"] != "nothing", "next_action_group"]) <= {
        "best", "at_risk", "leave_alone",
    }  # fmt: skip


def test_values_lie_inside_their_ranges_law(scored) -> None:
    rows = scored[2].dropna(subset=["value_to_come"])
    assert (rows["value_lower"] >= 0).all()
    assert (rows["value_lower"] <= rows["value_upper"]).all()
    likely = rows[rows["expected_purchases"] > 1]
    assert (likely["value_to_come"] <= likely["value_upper"]).all()
    assert (likely["value_to_come"] >= likely["value_lower"]).all()


def test_ranges_recover_planted_truth_as_often_as_they_promise() -> None:
    """Customers drawn from the model's own story, told here anew; what they bring in a year is known."""
    rng, n, before, ahead = np.random.default_rng(7), 4_000, 60.0, 52.0
    rate = rng.gamma(PARAMS["r"], 1 / PARAMS["alpha"], n)
    leave = rng.beta(PARAMS["a"], PARAMS["b"], n)
    rows, brought = [], np.zeros(n)
    for i in range(n):
        nu = rng.gamma(SPEND["q"], 1 / SPEND["v"])
        time, times, past = 0.0, [], []
        while True:
            time += rng.exponential(1 / rate[i])
            if time > before + ahead:
                break
            money = rng.gamma(SPEND["p"], 1 / nu)
            if time <= before:
                times.append(time)
                past.append(money)
            else:
                brought[i] += money
            if rng.random() < leave[i]:
                break
        rows.append((len(times), times[-1] if times else 0.0, before, np.mean(past) if past else 0.0))
    cells = pd.DataFrame(rows, columns=["frequency", "recency", "T", "monetary_value"])
    model, spend = btyd.BetaGeo(PARAMS, unit="W"), btyd.GammaGamma(SPEND)
    for level in (0.5, 0.95):
        low, high = worth_ratios(model, spend, cells, ahead, level=level)
        scale = SPEND["v"] + cells["frequency"] * cells["monetary_value"]
        tail, above = (1 - level) / 2, (high * scale).to_numpy()
        for end, outside in ((high, brought > above), (low, brought < (low * scale).to_numpy())):
            told = outside[end > 0]  # at nothing the ends hold more than they promise
            if level == 0.95 and end is low:  # hardly anybody is so sure to buy
                continue
            assert len(told) > 300
            error = 3.5 * np.sqrt(tail * (1 - tail) / len(told))
            assert told.mean() == pytest.approx(tail, abs=error + 0.005)  # half a point: 1,000 points of each


def test_ranges_agree_with_those_drawn_row_by_row_law(scored) -> None:
    """`value_intervals` draws each customer by itself, and the parameters as well, which adds little."""
    base = scored[0]
    outlook = value_to_come(base)
    best = base.collect(value_ranges(outlook)).nlargest(40, "value_to_come").set_index("customer_id")
    frame = base.collect(outlook.inside.customers).set_index("customer_id").loc[best.index]
    weeks = round(outlook.foundation.models.business_weeks(52))
    drawn = btyd.value_intervals(
        frame, outlook.model, outlook.spend, horizon=(weeks, "W"), rate=0.0, level=0.95, draws=400
    )
    ratio = best["value_upper"] / (drawn["upper"] * outlook.factor)
    assert ratio.median() == pytest.approx(1.0, abs=0.1)


def test_a_thin_base_has_every_column_and_says_what_is_missing() -> None:
    frame = pd.DataFrame(
        {
            "customer_id": ["a", "b"],
            "transaction_date": ["2026-01-01", "2026-01-02"],
            "unit_spend": [1.0, 2.0],
        }
    )
    found = customer_scores(CustomerBase.open(frame, today="2026-02-01"))
    assert found.table.columns == tuple(COLUMNS)
    assert set(found.missing) == set(PARTS)
    assert found.table.to_pyarrow().num_rows == 2


def test_key_figures_are_rows_with_their_refusals(small_company) -> None:
    rows = kpi_rows(small_company, ["revenue", "bought_again", "value_to_come"]).set_index("kpi")
    assert (
        rows.loc["bought_again", "lower"]
        < rows.loc["bought_again", "value"]
        < rows.loc["bought_again", "upper"]
    )
    thin = kpi_rows(small_company.as_of("2023-01-20"), ["revenue"]).iloc[0]
    assert thin["refusal"] == "the data do not hold two whole periods"
    assert np.isnan(thin["value"])
    with pytest.raises(ParameterError, match="no key figure 'revenu'; did you mean 'revenue'"):
        kpi_rows(small_company, ["revenu"])
    with pytest.raises(ParameterError, match="level = 95"):
        worth_ratios(btyd.BetaGeo(PARAMS), btyd.GammaGamma(SPEND), pd.DataFrame(), 52, level=95)
