"""Models side by side, within the sample and after it, beside forecasts that need none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr

from crm_analytics.analyses.btyd.checks.baselines import errors_of, naive_forecasts
from crm_analytics.analyses.btyd.checks.holdout_value import COLUMNS, money_of
from crm_analytics.analyses.btyd.checks.model_choice import RULE, winner_of, words_of
from crm_analytics.analyses.btyd.fitting.histories import History
from crm_analytics.analyses.btyd.fitting.summary import Summary, summarize
from crm_analytics.analyses.btyd.forecasts.holdout import held_out, length_of
from crm_analytics.analyses.btyd.forecasts.predictive import scores_of_counts
from crm_analytics.analyses.btyd.forecasts.simulated_total import forecast_total
from crm_analytics.analyses.btyd.purchases.beta_geo import BetaGeo
from crm_analytics.analyses.btyd.purchases.modified_beta_geo import ModifiedBetaGeo
from crm_analytics.analyses.btyd.purchases.pareto_nbd import ParetoNBD
from crm_analytics.analyses.btyd.purchases.purchase_model import MINIMUM_CUSTOMERS, PurchaseModel
from crm_analytics.analyses.btyd.totals.uncertainty import TotalForecast
from crm_analytics.analyses.plots import Plots
from crm_analytics.analyses.progress import watched
from crm_analytics.errors import ParameterError
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

Array = NDArray[np.float64]
Candidate = type[PurchaseModel] | PurchaseModel
MODELS: tuple[Candidate, ...] = (BetaGeo, ModifiedBetaGeo, ParetoNBD)
APART = 3.84  # variance of a difference of likelihoods, from which it is one: the 95 % point of chi-square


@dataclass(frozen=True, eq=False)
class Comparison(ObjectCard):
    """Models fitted up to a day and held against the time after it.

    models : the fitted ones, by label
    t, unit : length of the holdout
    customers, actual : known at the day, and their repeat purchases in the holdout
    in_sample : one row per model, best BIC first: model, parameters, log_likelihood, aic, bic, vuong_z
        (against
        the first row, corrected for the number of parameters; below -1.96: clearly worse; missing for
        models of regular buying and where two coincide), vuong_p,
        converged, message
    holdout : one row per model or naive forecast: model, naive, forecast, lower, upper, covered, error
        (forecast / actual - 1), log_score (mean of ln P(count that came), higher is better), log_score_z
        (against the best one, paired by customer), crps (purchases, lower is better),
        mean_absolute_error, root_mean_squared_error, correlation, how
    money : method, forecast, lower, upper, covered, actual, error, how: spend of the same customers in the
        holdout, by each model with Gamma-Gamma, by repetition, and by the textbook; empty without amounts
    best_in_sample, winner : labels; `rule` says how the winner is found
    disagree : whether they differ
    words : what a reader should know, one sentence each
    """

    models: dict[str, PurchaseModel]
    t: float
    unit: str
    customers: int
    actual: int
    in_sample: pd.DataFrame
    holdout: pd.DataFrame
    money: pd.DataFrame
    best_in_sample: str
    winner: str
    disagree: bool
    words: tuple[str, ...]
    level: float
    rule: str = RULE

    card_frame = "in_sample"
    plot = Plots("crm_analytics.analyses.btyd.checks.pictures", "holdout", "scores", "money")


@watched("Comparing models")
def compare(
    past: CustomerBase,
    future: CustomerBase,
    models: Sequence[Candidate] = MODELS,
    unit: str = "W",
    *,
    level: float = 0.95,
    draws: int = 400,
    seed: int = 1,
    minimum: int = MINIMUM_CUSTOMERS,
    money: bool = True,
    summary: Summary | None = None,
    totals: Mapping[str, TotalForecast] | None = None,
) -> Comparison:
    """Fit every model up to the day, forecast the time after it, and choose by a stated rule.

    Parameters
    ----------
    past, future : `base.as_of(a)` and `base.between(a, b)`
    models : classes to be fitted, or models fitted on `past` in `unit`
    unit : of time, "D", "W", "M" or "Y"
    level, draws, seed : of the intervals of totals
    minimum : customers below which a fit is refused
    money : whether to hold spend against what came, too
    summary : of `past` in `unit`, if there is one already
    totals : by label, forecasts of the holdout that were made already, with these options

    Returns
    -------
    Comparison. Scores of counts take the parameters as known; intervals of totals do not.

    Raises
    ------
    ParameterError : no models, two with one name, or a holdout that does not begin where the past ends.
    NotEnoughData : too few customers to fit.

    Source
    ------
    Vuong (1989), Econometrica 57(2), equations 3.1 and 5.9; Gneiting & Raftery (2007), JASA 102.
    """
    t = length_of(past, future, unit)
    summary = summary or summarize(past, unit)
    fitted = _fitted(models, summary, minimum)
    held = held_out(summary, future)
    n, bought = (held[c].to_numpy(float) for c in ("customers", "bought"))
    in_sample = in_sample_table(list(fitted.values()), summary)
    known = dict(totals or {})
    for label, model in fitted.items():
        if label not in known:
            known[label] = forecast_total(summary, model, t, level=level, draws=draws, seed=seed)
    holdout = _held_against(fitted, summary, (held, future), t, totals=known, seed=seed)
    winner = winner_of(holdout, in_sample)
    best = str(in_sample["model"].iloc[0])
    spent = pd.DataFrame(columns=COLUMNS)
    if money:
        spent = money_of(fitted, summary, future, t, level=level, draws=draws, seed=seed)
    return Comparison(
        fitted,
        t,
        unit,
        round(n.sum()),
        round(float(n @ bought)),
        in_sample,
        holdout,
        spent,
        best,
        winner,
        winner != best,
        tuple(words_of(in_sample, holdout, winner, round(float(n @ bought)))),
        level,
    )


def _fitted(models: Sequence[Candidate], summary: Summary, minimum: int) -> dict[str, PurchaseModel]:
    if not models:
        raise ParameterError("models: give at least one, like (BetaGeo, ParetoNBD)")
    if isinstance(models, str) or any(isinstance(model, str) for model in models):
        raise ParameterError("models are classes, not names: write models=(btyd.BetaGeo, btyd.ParetoNBD)")
    found: dict[str, PurchaseModel] = {}
    for model in models:
        one = model.fit(summary, minimum=minimum) if isinstance(model, type) else model
        if one.unit != summary.unit:
            raise ParameterError(
                f"{one.LABEL} was fitted in '{one.unit}', the comparison is in '{summary.unit}'"
            )
        if one.LABEL in found:
            raise ParameterError(f"models: {one.LABEL} is there twice")
        found[one.LABEL] = one
    return found


def in_sample_table(models: Sequence[PurchaseModel], summary: Summary) -> pd.DataFrame:
    """Likelihood, AIC, BIC and Vuong's test of each model; see `Comparison.in_sample`."""
    cells = summary.cells
    who, n = History.of(cells), cells["customers"].to_numpy(float)
    total = n.sum()
    # where every gap counts, no customer has a likelihood of his own: the fit knows the total
    whole = {m.LABEL for m in models if not m.sufficient}
    each = {m.LABEL: m.log_density(who) for m in models if m.sufficient}
    rows = []
    for m in models:
        k = len(m.NAMES)
        log_likelihood = m.log_likelihood if m.LABEL in whole else float(n @ each[m.LABEL])
        rows.append(
            (m.LABEL, k, log_likelihood, 2 * k - 2 * log_likelihood, k * np.log(total) - 2 * log_likelihood)
        )
    table = pd.DataFrame(rows, columns=["model", "parameters", "log_likelihood", "aic", "bic"])
    table = table.sort_values(["bic", "model"], ignore_index=True)
    best = table.iloc[0]
    extra = (table["parameters"] - best["parameters"]).to_numpy(float) / 2 * np.log(total)
    labels = [str(m) for m in table["model"]]
    known_each = labels[0] in each
    z = [
        _paired(each[m] - each[labels[0]], n, -e) if known_each and m in each else float("nan")
        for m, e in zip(labels, extra, strict=True)
    ]
    known = {m.LABEL: m.diagnosis for m in models}
    return table.assign(
        vuong_z=z,
        vuong_p=[2 * (1 - float(ndtr(abs(v)))) if np.isfinite(v) else np.nan for v in z],
        converged=[known[m].converged for m in labels],
        message=[known[m].message for m in labels],
    )


def _paired(difference: Array, n: Array, shift: float = 0.0) -> float:
    """Sum of the differences of all customers over its standard error; NaN where two models coincide.

    There (one at the boundary where it becomes the other) the sum has no normal law: Vuong's own first step.
    """
    total, mean = n.sum(), n @ difference / n.sum()
    variance = n @ (difference - mean) ** 2
    return float((total * mean + shift) / np.sqrt(variance)) if variance > APART else float("nan")


def _held_against(
    fitted: dict[str, PurchaseModel],
    summary: Summary,
    holdout: tuple[pd.DataFrame, CustomerBase],
    t: float,
    *,
    totals: dict[str, TotalForecast],
    seed: int,
) -> pd.DataFrame:
    """Forecasts of the models and of those who need none, with their scores; see `Comparison.holdout`."""
    held, future = holdout
    n, bought = (held[c].to_numpy(float) for c in ("customers", "bought"))
    rows: list[dict[str, object]] = []
    scores: dict[str, Array] = {}
    for label, model in fitted.items():
        total = totals[label]
        expected = model.expected_purchases(held, t).to_numpy()
        log_score, crps, _ = scores_of_counts(model, held, t, seed=seed)
        scores[label] = log_score
        errors = errors_of(expected, bought, n)
        interval = {"lower": total.lower, "upper": total.upper, "covered": total.covers(float(n @ bought))}
        proper = {"log_score": float(n @ log_score / n.sum()), "crps": float(n @ crps / n.sum())}
        rows.append(
            {"model": label, "naive": False, **errors, **interval, **proper, "how": "fitted up to the day"}
        )
    for naive in naive_forecasts(summary, future, t):
        errors = errors_of(*(naive.cells[c].to_numpy(float) for c in ("forecast", "bought", "customers")))
        rows.append({"model": naive.name, "naive": True, **errors, "how": naive.how})
    return _holdout_table(rows, scores, n, float(n @ bought))


def _holdout_table(
    rows: list[dict[str, object]], scores: dict[str, Array], n: Array, actual: float
) -> pd.DataFrame:
    table = pd.DataFrame(rows)
    table["error"] = table["forecast"] / actual - 1 if actual else np.nan
    best = max(scores, key=lambda m: float(n @ scores[m]))
    z = {m: _paired(score - scores[best], n) for m, score in scores.items()}
    table["log_score_z"] = [z.get(str(m), float("nan")) for m in table["model"]]
    order = ["model", "naive", "forecast", "lower", "upper", "covered", "error", "log_score", "log_score_z"]
    measures = ["crps", "mean_absolute_error", "root_mean_squared_error", "correlation", "how"]
    return table[[*order, *measures]]
