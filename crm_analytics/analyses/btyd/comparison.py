"""Models side by side, within the sample and after it, beside forecasts that need none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr

from crm_analytics.analyses.btyd.beta_geo import BetaGeo
from crm_analytics.analyses.btyd.histories import HISTORY
from crm_analytics.analyses.btyd.holdout import held_out, length_of
from crm_analytics.analyses.btyd.modified_beta_geo import ModifiedBetaGeo
from crm_analytics.analyses.btyd.money_held import COLUMNS, money_of
from crm_analytics.analyses.btyd.naive import errors_of, naive_forecasts
from crm_analytics.analyses.btyd.pareto_nbd import ParetoNBD
from crm_analytics.analyses.btyd.predictive import scores_of_counts
from crm_analytics.analyses.btyd.purchase_model import MINIMUM_CUSTOMERS, PurchaseModel
from crm_analytics.analyses.btyd.summary import Summary, summarize
from crm_analytics.analyses.btyd.uncertainty import TotalForecast, forecast_total
from crm_analytics.errors import ParameterError

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

Array = NDArray[np.float64]
Candidate = type[PurchaseModel] | PurchaseModel
MODELS: tuple[Candidate, ...] = (BetaGeo, ModifiedBetaGeo, ParetoNBD)
CLEAR = 1.96  # |z| from which a difference is more than chance
RULE = (
    "Of the models whose fit came to rest, those whose interval holds the total that came; of these the one "
    "with the best log score of the customers' counts. If no interval holds it, the best log score decides."
)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Models fitted up to a day and held against the time after it.

    models : the fitted ones, by label
    t, unit : length of the holdout
    customers, actual : known at the day, and their repeat purchases in the holdout
    in_sample : one row a model, best BIC first: model, parameters, log_likelihood, aic, bic, vuong_z (against
        the first row, corrected for the number of parameters; below -1.96: clearly worse), vuong_p,
        converged, message
    holdout : one row a model or naive forecast: model, naive, forecast, lower, upper, covered, error
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
    winner = _winner(holdout, in_sample)
    best = str(in_sample["model"].iloc[0])
    spent = pd.DataFrame(columns=COLUMNS)
    if money:
        spent = money_of(fitted, summary, (held, future), t, level=level, draws=draws, seed=seed)
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
        tuple(_words(in_sample, holdout, winner, round(float(n @ bought)))),
        level,
    )


def _fitted(models: Sequence[Candidate], summary: Summary, minimum: int) -> dict[str, PurchaseModel]:
    if not models:
        raise ParameterError("models: give at least one, like (BetaGeo, ParetoNBD)")
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
    x, recency, T, n = (cells[c].to_numpy(float) for c in (*HISTORY, "customers"))
    total = n.sum()
    each = {m.LABEL: m._log_density(x, recency, T) for m in models}
    rows = []
    for m in models:
        k, log_likelihood = len(m.NAMES), float(n @ each[m.LABEL])
        rows.append(
            (m.LABEL, k, log_likelihood, 2 * k - 2 * log_likelihood, k * np.log(total) - 2 * log_likelihood)
        )
    table = pd.DataFrame(rows, columns=["model", "parameters", "log_likelihood", "aic", "bic"])
    table = table.sort_values(["bic", "model"], ignore_index=True)
    best = table.iloc[0]
    extra = (table["parameters"] - best["parameters"]).to_numpy(float) / 2 * np.log(total)
    labels = [str(m) for m in table["model"]]
    z = [_paired(each[m] - each[labels[0]], n, -e) for m, e in zip(labels, extra, strict=True)]
    known = {m.LABEL: m.diagnosis for m in models}
    return table.assign(
        vuong_z=z,
        vuong_p=[2 * (1 - float(ndtr(abs(v)))) if np.isfinite(v) else np.nan for v in z],
        converged=[known[m].converged for m in labels],
        message=[known[m].message for m in labels],
    )


def _paired(difference: Array, n: Array, shift: float = 0.0) -> float:
    """Sum of the differences of all customers over its standard error; NaN where there is no difference."""
    total, mean = n.sum(), n @ difference / n.sum()
    spread = np.sqrt(n @ (difference - mean) ** 2 / total)
    return float((total * mean + shift) / (np.sqrt(total) * spread)) if spread > 1e-12 else float("nan")


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


def _winner(holdout: pd.DataFrame, in_sample: pd.DataFrame) -> str:
    models = holdout[~holdout["naive"]]
    rested = models[models["model"].isin(in_sample.loc[in_sample["converged"], "model"])]
    field = rested if len(rested) else models
    covering = field[field["covered"].astype(bool)]
    field = covering if len(covering) else field
    return str(field.sort_values(["log_score", "model"], ascending=[False, True])["model"].iloc[0])


def _words(in_sample: pd.DataFrame, holdout: pd.DataFrame, winner: str, actual: int) -> list[str]:
    models = holdout[~holdout["naive"]].set_index("model")
    best, won = in_sample.iloc[0], models.loc[winner]
    said = []
    reach = f"{won['lower']:,.0f} to {won['upper']:,.0f}"
    if best["model"] != winner:
        lost = models.loc[best["model"]]
        gap = in_sample.set_index("model").loc[winner, "log_likelihood"] - best["log_likelihood"]
        said.append(
            f"In-sample and out-of-sample disagree: {best['model']} fits the past best, {winner} "
            f"(log-likelihood {gap:+.1f}) is chosen by what came after it: {actual:,} purchases, of which it "
            f"forecast {won['forecast']:,.0f} ({reach}) and {best['model']} {lost['forecast']:,.0f} "
            f"({lost['lower']:,.0f} to {lost['upper']:,.0f})."
        )
    else:
        said.append(f"{winner} fits the past best and is chosen by what came after it, too.")
    if not models["covered"].astype(bool).any():
        said.append(
            f"No model's interval holds the {actual:,} purchases that came: read all of them as too narrow."
        )
    sharper = str(models["log_score"].idxmax())
    if sharper != winner:
        z = float(models["log_score_z"].to_dict()[winner])
        clear = "clearly" if abs(z) >= CLEAR else "but not by more than chance"
        said.append(f"Customer by customer {sharper} foresaw the counts better, {clear} (z {z:.1f}).")
    naive = holdout[holdout["naive"] & (holdout["mean_absolute_error"] < won["mean_absolute_error"])]
    said += [
        f"'{name}' errs less a customer than {winner}: the model does not earn its keep."
        for name in naive["model"]
    ]
    near = in_sample.loc[in_sample["vuong_z"].abs() < CLEAR, "model"].tolist()
    if near:
        ahead = " or ".join(near)
        said.append(f"In the past {best['model']} is not clearly better than {ahead} (Vuong's test).")
    stuck = in_sample.loc[~in_sample["converged"], "model"].tolist()
    if stuck:
        said.append(f"Not considered, because the fit did not come to rest: {', '.join(stuck)}.")
    return said
