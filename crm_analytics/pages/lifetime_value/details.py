"""What the lifetime-value report tests beside the forecast: other models, spend, cohorts, season, buying."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.lifetime_value import Discount
from crm_analytics.analyses.btyd.scoring import score_cells
from crm_analytics.analyses.btyd.units import days_per_unit
from crm_analytics.errors import NotEnoughData

if TYPE_CHECKING:
    from crm_analytics.analyses.btyd.purchase_model import PurchaseModel
    from crm_analytics.tables.customer_base import CustomerBase

QUARTER = 13.0  # weeks: what "buy soon" means
CHANCES = (
    (0.8, "80 % and more"),
    (0.5, "50 to 80 %"),
    (0.2, "20 to 50 %"),
    (0.05, "5 to 20 %"),
    (0.0, "under 5 %"),
)


@dataclass(frozen=True)
class Details:
    """Tests of what the forecast takes for granted, at the day.

    by_model : model, value (discounted, of the horizon), alive (mean P(alive), as a number of customers)
    dependence : spend against frequency
    cohorts : one model for all against one for each cohort; None below two cohorts
    season : the seasonal index, where a year is known
    chances : customers by P(buy in the next 13 weeks): chance, customers, buyers (expected), alive (expected)
    """

    by_model: pd.DataFrame
    dependence: btyd.Dependence
    cohorts: btyd.CohortEffects | None
    season: btyd.Season
    chances: pd.DataFrame


def details(
    summary: btyd.Summary,
    models: tuple[PurchaseModel, PurchaseModel],
    spend: btyd.GammaGamma,
    *,
    horizon: tuple[int, str],
    rate: float,
    timing: str,
) -> Details:
    """Test what the forecast takes for granted.

    Parameters
    ----------
    summary : at the day
    models : of the forecast, and the one that says who is still there
    spend : of the forecast
    horizon, rate, timing : of the value
    """
    model, status = models
    discount = Discount.of(horizon, rate, timing, summary.unit)
    pareto = btyd.ParetoNBD.fit(summary)
    rows: list[dict[str, Any]] = []
    for one in (model, status, pareto):
        if not one.diagnosis.converged:
            continue
        cells = score_cells(summary, one, discount, one)
        n = summary.cells["customers"].to_numpy(float)
        each = spend.expected_spend(
            pd.DataFrame(
                {
                    "frequency": summary.cells["frequency"],
                    "monetary_value": summary.cell_days["monetary_value"],
                }
            )
        ).to_numpy()
        value = float(n @ (cells["discounted_purchases"].to_numpy() * each))
        alive = float(n @ cells["probability_alive"].to_numpy())
        rows.append({"model": one.LABEL, "value": value, "alive": alive})
    try:
        cohorts = btyd.cohort_effects(summary, type(status))
    except NotEnoughData:
        cohorts = None
    weeks = horizon[0] * days_per_unit(horizon[1]) / days_per_unit(summary.unit)
    return Details(
        pd.DataFrame(rows, columns=["model", "value", "alive"]),
        btyd.dependence(summary, model, weeks, spend=spend),
        cohorts,
        btyd.season(summary, status),
        _chances(summary, status),
    )


def _chances(summary: btyd.Summary, status: PurchaseModel) -> pd.DataFrame:
    cells = summary.cells
    n = cells["customers"].to_numpy(float)
    chance = btyd.probability_active(status, cells, QUARTER)
    names = pd.Series([next(name for low, name in CHANCES if p >= low) for p in chance])
    parts = pd.DataFrame(
        {
            "chance": names,
            "customers": n,
            "buyers": n * chance.to_numpy(),
            "alive": n * status.probability_alive(cells).to_numpy(),
        }
    )
    found = parts.groupby("chance").sum().reindex([name for _, name in CHANCES]).fillna(0.0)
    return found.astype({"customers": int}).reset_index()


@dataclass(frozen=True)
class Evidence:
    """The same models a holdout before the day, held against what came.

    model : the forecast's model; calibration, chances : of it and of the model that says who is there
    dependence : of spend on frequency then, and what it was worth afterwards
    comparison : all models and the rules that need none
    """

    base: CustomerBase
    model: btyd.Evidence
    comparison: btyd.Comparison
    calibration: btyd.Calibration
    chances: btyd.Reliability
    dependence: btyd.Dependence
    seasonal: btyd.SeasonalTracking


def evidence(base: CustomerBase, holdout: str, unit: str) -> Evidence | None:
    """None where the data do not reach back a holdout, or held too little then."""
    past = base.earlier(f"-{holdout.lstrip('+-')}")
    if past is None:
        return None
    future = base.between(past.day, base.day)
    try:
        summary = btyd.summarize(past, unit)
        model, status = btyd.BetaGeo.fit(summary), btyd.ModifiedBetaGeo.fit(summary)
        tested = btyd.evidence(past, future, model, unit, summary=summary)
        candidates = (model, status, btyd.ParetoNBD)
        totals = {model.LABEL: tested.total}
        return Evidence(
            past,
            tested,
            btyd.compare(past, future, candidates, unit, money=False, summary=summary, totals=totals),
            btyd.calibrate(past, future, model, summary=summary),
            btyd.reliability(past, future, status, summary=summary),
            btyd.dependence(summary, model, tested.t, future=future),
            btyd.seasonal_tracking(past, future, model, summary=summary),
        )
    except NotEnoughData:
        return None
