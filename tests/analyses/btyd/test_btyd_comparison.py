"""Models side by side on CDNOW: clv.md 0.2, 3.1, 3.5; scores of counts; the rule."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.checks import comparison
from crm_analytics.analyses.btyd.checks.model_choice import winner_of, words_of
from crm_analytics.analyses.btyd.fitting.histories import History
from crm_analytics.analyses.btyd.forecasts.holdout import held_out
from crm_analytics.analyses.btyd.forecasts.predictive import scores_of_counts
from crm_analytics.analyses.btyd.purchases.nbd import NBDLikelihood
from crm_analytics.errors import NotEnoughData, ParameterError


@pytest.fixture(scope="module")
def found(past, future):
    return btyd.compare(past, future, (btyd.NBD, *comparison.MODELS), draws=200)


@pytest.fixture(scope="module")
def held(summary, future):
    return held_out(summary, future)


def test_likelihoods_match_clv_section_3_1(found):
    table = found.in_sample.set_index("model")
    printed = {"BG/NBD": -9582.4292, "MBG/NBD": -9582.1357, "Pareto/NBD": -9594.9762, "NBD": -9763.6576}
    assert table["log_likelihood"].to_dict() == pytest.approx(printed, abs=0.001)
    bg = table.loc["BG/NBD"]
    assert bg["aic"] == pytest.approx(2 * 9582.4292 + 8, abs=0.002)
    assert bg["bic"] == pytest.approx(2 * 9582.4292 + 4 * np.log(2357), abs=0.002)
    assert table["converged"].all()
    assert found.in_sample["bic"].is_monotonic_increasing


def test_holdout_matches_clv_section_3_5(found):
    table = found.holdout.set_index("model")
    assert found.actual == 1_882
    assert table["forecast"].loc[["BG/NBD", "MBG/NBD", "Pareto/NBD"]].tolist() == pytest.approx(
        [1653.41, 1576.73, 1665.51], abs=0.005
    )
    assert table.loc["NBD", "forecast"] == pytest.approx(2929.8, abs=0.05)
    assert table.loc["NBD", "error"] == pytest.approx(0.56, abs=0.005)
    models = table.loc[["BG/NBD", "MBG/NBD", "Pareto/NBD"]]
    assert models["correlation"].tolist() == pytest.approx([0.6256, 0.6273, 0.6302], abs=6e-5)
    assert models["mean_absolute_error"].tolist() == pytest.approx([0.7855, 0.7648, 0.7545], abs=6e-5)
    assert models["root_mean_squared_error"].tolist() == pytest.approx([1.6080, 1.6072, 1.6028], abs=6e-5)


def test_only_pareto_covers_as_in_clv_section_0_2(found):
    """The intervals themselves are held to the prints by tests of `forecast_total`, with 400 draws."""
    table = found.holdout.set_index("model")
    assert (table.loc[list(found.models), "lower"] < table.loc[list(found.models), "forecast"]).all()
    assert (table.loc[list(found.models), "upper"] > table.loc[list(found.models), "forecast"]).all()
    covered = table["covered"].loc[["NBD", "BG/NBD", "MBG/NBD", "Pareto/NBD"]]
    assert covered.tolist() == [False, False, False, True]


def test_spend_matches_clv_section_3_5(found):
    money = found.money.set_index("method")
    assert money["actual"].iloc[0] == pytest.approx(70_976.39, abs=0.005)
    assert money.loc["BG/NBD and Gamma-Gamma", "forecast"] == pytest.approx(59_931.63, abs=0.005)
    row = money.loc["BG/NBD and Gamma-Gamma"]
    assert row["lower"] < row["forecast"] < row["upper"]
    assert not row["covered"]
    assert {"last period repeated", "textbook"} <= set(money.index)


def test_cdnow_says_that_past_and_future_disagree(found):
    assert (found.best_in_sample, found.winner, found.disagree) == ("MBG/NBD", "Pareto/NBD", True)
    assert found.words[0].startswith(
        "In-sample and out-of-sample disagree: MBG/NBD fits the past best, Pareto/NBD"
    )
    assert "1,882 purchases" in found.words[0]
    assert (
        "In the past MBG/NBD is not clearly better than BG/NBD or Pareto/NBD (Vuong's test)." in found.words
    )
    assert any("MBG/NBD foresaw the counts better, but not by more than chance" in w for w in found.words)


def test_vuong_matches_its_own_formula_on_rows(found, frame, bg, mbg):
    who = History.of(frame)
    difference = bg.log_density(who) - mbg.log_density(who)
    z = difference.sum() / (np.sqrt(len(frame)) * difference.std())
    row = found.in_sample.set_index("model").loc["BG/NBD"]
    assert row["vuong_z"] == pytest.approx(z, rel=1e-6)
    assert row["vuong_p"] == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-6)


def test_vuong_says_nothing_where_one_model_is_the_other_at_its_boundary(past, future, summary):
    never_leaves = btyd.NBD.fit(summary)
    same = btyd.BetaGeo({**never_leaves.params, "a": 1e-9, "b": 1.0}, unit="W")
    inside = btyd.compare(past, future, models=[same, never_leaves]).in_sample
    assert inside["log_likelihood"].iloc[0] == pytest.approx(inside["log_likelihood"].iloc[1], abs=0.05)
    assert inside["vuong_z"].isna().all()


def test_naive_forecasts_are_what_they_say(found, past, future, cdnow_lines):
    naive = found.holdout[found.holdout["naive"]].set_index("model")
    lines = cdnow_lines.drop_duplicates(["customer_id", "transaction_date"])
    day = pd.Timestamp("1997-09-30")
    before, after = lines[lines["transaction_date"] <= day], lines[lines["transaction_date"] > day]
    repeats = before.groupby("customer_id").size() - 1
    later = after.groupby("customer_id").size().reindex(repeats.index, fill_value=0)
    forecast = repeats * 273 / 272  # all repeats lie in the 272 days there are
    row = naive.loc["last period repeated"]
    assert row["forecast"] == pytest.approx(forecast.sum())
    assert row["mean_absolute_error"] == pytest.approx((later - forecast).abs().mean())
    assert row["correlation"] == pytest.approx(np.corrcoef(later, forecast)[0, 1])
    assert naive.loc["average rate", "error"] == pytest.approx(0.5563, abs=5e-5)
    assert naive.loc["RFM-cell mean", "correlation"] > 0.3
    assert naive["log_score"].isna().all()


def test_no_naive_forecast_beats_the_winner_on_cdnow(found):
    table = found.holdout.set_index("model")
    better = table["mean_absolute_error"] < table.loc[found.winner, "mean_absolute_error"]
    assert not better.any()


# --- counts -------------------------------------------------------------------------------------------------


def test_counts_sum_to_one_and_their_mean_is_the_expectation(bg, mbg, summary):
    pareto = btyd.ParetoNBD({"r": 0.553, "alpha": 10.578, "s": 0.606, "beta": 11.669})
    nbd = btyd.NBD({"r": 0.385, "alpha": 12.07})
    x, T = np.array([0.0, 2.0, 26.0, 7.0]), np.array([38.86, 38.86, 31.0, 0.0])
    who = History(x, T, T)
    for model in (bg, mbg, pareto, nbd):
        p = model.count_probabilities(who, 39.0, 600)
        np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-9)
        mean = p @ np.arange(601.0)
        np.testing.assert_allclose(mean, model.while_alive(who, np.array([39.0]))[:, 0], rtol=1e-7)
        assert (p >= 0).all()


@pytest.mark.parametrize("kind", [btyd.BetaGeo, btyd.ModifiedBetaGeo, btyd.ParetoNBD])
def test_counts_of_a_customer_match_drawn_futures(kind, summary):
    model = kind.fit(summary)
    who = History(*(np.full(100_000, v) for v in (2.0, 30.43, 38.86)))
    drawn = model.simulate(who, 39.0, np.random.default_rng(2))
    alive = model.alive(who.rows([0]))[0]
    p = alive * model.count_probabilities(who.rows([0]), 39.0, 12)[0]
    p[0] += 1 - alive
    share = np.bincount(drawn.astype(int), minlength=13)[:13] / 100_000
    assert (np.abs(share - p) < 4.5 * np.sqrt(p / 100_000) + 1e-5).all()


def test_drawn_distribution_scores_as_the_closed_one(mbg, held):
    """A model without closed counts is scored by futures; here one that has both."""
    hidden = dataclasses.make_dataclass("Hidden", ["inner"])
    hidden.count_probabilities = lambda *_: None
    for name in ("alive", "while_alive", "simulate"):
        setattr(hidden, name, lambda self, *a, name=name: getattr(self.inner, name)(*a))
    part = held.iloc[::7]
    n = part["customers"].to_numpy(float)
    closed, drawn = (scores_of_counts(m, part, 39.0) for m in (mbg, hidden(mbg)))
    assert n @ drawn[0] / n.sum() == pytest.approx(n @ closed[0] / n.sum(), abs=0.01)
    assert n @ drawn[1] / n.sum() == pytest.approx(n @ closed[1] / n.sum(), abs=0.005)


def test_crps_matches_its_other_definition(bg, held):
    """E|N - y| - E|N - N'| / 2 (Gneiting & Raftery 2007, equation 21)."""
    part = held[held["bought"] > 2].head(3)
    who = History.of(part)
    alive = bg.alive(who)
    p = alive[:, None] * bg.count_probabilities(who, 39.0, 400)
    p[:, 0] += 1 - alive
    n = np.arange(401)
    apart = np.abs(n[:, None] - n[None, :])
    other = (p * np.abs(n - part["bought"].to_numpy()[:, None])).sum(axis=1)
    other -= np.einsum("ij,jk,ik->i", p, apart, p) / 2
    np.testing.assert_allclose(scores_of_counts(bg, part, 39.0)[1], other, rtol=1e-5)


def test_order_of_rows_does_not_matter_to_scores(bg, held):
    mixed = held.sample(frac=1, random_state=1)
    once, again = scores_of_counts(bg, held, 39.0), scores_of_counts(bg, mixed, 39.0)
    np.testing.assert_allclose(once[0][mixed.index], again[0], rtol=1e-12)


# --- NBD ----------------------------------------------------------------------------------------------------


def test_nbd_matches_clv_section_3_1(summary):
    model = btyd.NBD.fit(summary)
    assert model.params == pytest.approx({"r": 0.38477, "alpha": 12.07202}, abs=6e-6)
    assert model.log_likelihood == pytest.approx(-9763.6576, abs=0.001)


@pytest.mark.parametrize("at", [(0.4, 12.0), (3.0, 0.5)])
def test_nbd_derivatives_match_differences(summary, at):
    objective, at = NBDLikelihood.of(summary.cells, 1.0), np.log(at)
    _, gradient, hessian = objective(at)
    for i, unit in enumerate(np.eye(2) * 1e-5):
        up, down = objective(at + unit), objective(at - unit)
        assert gradient[i] == pytest.approx((up[0] - down[0]) / 2e-5, rel=1e-5, abs=1e-8)
        np.testing.assert_allclose(hessian[i], (up[1] - down[1]) / 2e-5, rtol=1e-5, atol=1e-8)


@pytest.mark.slow
def test_regular_buying_stands_beside_the_others(past, future, summary, mbg):
    chosen = btyd.regularity(summary, most=2).model
    pair = (mbg, dataclasses.replace(chosen, k=2) if chosen.k == 1 else chosen)
    found = btyd.compare(past, future, pair, draws=100, summary=summary)
    row = found.holdout.set_index("model").loc["MBG/CNBD-k"]
    cells = summary.cells.astype(float)
    assert row["forecast"] == pytest.approx(pair[1].expected_purchases(cells, 39) @ cells["customers"])
    assert row["lower"] < row["forecast"] < row["upper"]
    assert np.isfinite(row["log_score"])
    assert found.in_sample["log_likelihood"].notna().all()
    assert found.in_sample["vuong_z"].isna().all()


@pytest.mark.slow
def test_drawn_totals_of_k_one_are_those_of_the_plain_model(summary, mbg):
    regular = btyd.RegularModifiedBetaGeo.fit(summary, k=1)
    one, other = (
        btyd.forecast_total(summary, regular, 39, draws=200),
        btyd.forecast_total(summary, mbg, 39, draws=200),
    )
    assert one.mean == pytest.approx(other.mean, rel=1e-5)
    assert (one.lower, one.upper) == pytest.approx((other.lower, other.upper), rel=0.05)


# --- the rule -----------------------------------------------------------------------------------------------


def rows(**changes):
    table = pd.DataFrame(
        {
            "model": ["A", "B", "C"],
            "naive": False,
            "covered": [False, True, True],
            "log_score": [-1.0, -1.2, -1.1],
        }
    )
    inside = pd.DataFrame({"model": ["A", "B", "C"], "converged": True})
    return table.assign(**{k: v for k, v in changes.items() if k != "converged"}), inside.assign(
        **{k: v for k, v in changes.items() if k == "converged"}
    )


def test_the_rule_takes_cover_first_then_the_log_score():
    assert winner_of(*rows()) == "C"
    assert winner_of(*rows(covered=False)) == "A"
    assert winner_of(*rows(converged=[True, True, False])) == "B"
    assert winner_of(*rows(converged=[True, False, False])) == "A"


def test_nothing_at_rest_is_said_once():
    table, inside = rows(converged=False)
    table = table.assign(lower=1.0, upper=3.0, forecast=2.0, log_score_z=0.0, mean_absolute_error=1.0)
    inside = inside.assign(vuong_z=np.nan, log_likelihood=-1.0)
    said = words_of(inside, table, "A", 2)
    assert said[-1] == "No fit converged: read all of them with care."
    some = words_of(inside.assign(converged=[True, False, True]), table, "A", 2)
    assert some[-1] == "Not considered, because the fit did not converge: B."


def test_the_true_model_wins_on_a_planted_base_and_no_rows_after_the_day_count(past, future, found):
    again = btyd.compare(past, future, (btyd.BetaGeo,), draws=100)
    assert again.winner == again.best_in_sample == "BG/NBD"
    assert not again.disagree
    assert any("No model's interval holds the 1,882" in w for w in again.words)
    row = found.in_sample.set_index("model").loc["BG/NBD", "log_likelihood"]
    assert again.in_sample["log_likelihood"].iloc[0] == row


def test_bad_questions_say_so(past, future, cdnow, bg):
    with pytest.raises(ParameterError, match="BG/NBD is there twice"):
        btyd.compare(past, future, (bg, btyd.BetaGeo))
    with pytest.raises(ParameterError, match="give at least one"):
        btyd.compare(past, future, ())
    with pytest.raises(ParameterError, match="fitted in 'None', the comparison is in 'W'"):
        btyd.compare(past, future, (btyd.BetaGeo(bg.params),))
    with pytest.raises(ParameterError, match="must begin where the past ends"):
        btyd.compare(past, cdnow.between("1997-12-31", "1998-06-30"))
    with pytest.raises(NotEnoughData, match="at least 100 customers"):
        btyd.compare(cdnow.as_of("1997-01-01"), cdnow.between("1997-01-01", "1997-03-01"))
