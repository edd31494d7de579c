"""What the lifetime-value report tests beside the forecast: other models, spend, cohorts, season, buying."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.discounting.discounting import Discount
from crm_analytics.analyses.btyd.fitting.units import days_per_unit
from crm_analytics.analyses.btyd.forecasts.scoring import score_cells
from crm_analytics.reports.lifetime_value.data_warnings import has_mean
from crm_analytics.reports.shared.report import attempt

if TYPE_CHECKING:
    from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel
    from crm_analytics.analyses.value_to_come import ValueToCome
    from crm_analytics.reports.lifetime_value.holdout import Evidence

_BY_MODEL = ["model", "value", "alive"]
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

    by_model : model, value (discounted, of the horizon), alive (mean P(alive), as a number of customers);
        empty where spend has no mean
    chosen : the value by the model that the holdout chose, with interval; None where that is the forecast's
        model, or one that prices nothing
    dependence : spend against frequency; None where spend has no mean
    banded_value : the value if every frequency band had a level of its own; None where it has not
    cohorts : one model for all against one for each cohort; None below two cohorts
    season : the seasonal index, where a year is known
    chances : customers by P(buy in the next 13 weeks): chance, customers, buyers (expected), alive (expected)
    """

    by_model: pd.DataFrame
    chosen: btyd.TotalForecast | None
    dependence: btyd.Dependence | None
    banded_value: float | None
    cohorts: btyd.CohortEffects | None
    season: btyd.Season
    chances: pd.DataFrame


def details(
    summary: btyd.Summary,
    models: tuple[PurchaseModel, PurchaseModel],
    spend: btyd.GammaGamma,
    tested: Evidence | None,
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
    tested : the same models a holdout before; it says which of all is chosen
    horizon, rate, timing : of the value
    """
    model, status = models
    cohorts = attempt({}, "cohorts", lambda: btyd.cohort_effects(summary, type(status)))
    rest = (cohorts, btyd.season(summary, status), _chances(summary, status))
    if not has_mean(spend):
        return Details(pd.DataFrame(columns=_BY_MODEL), None, None, None, *rest)
    discount = Discount.of(horizon, rate, timing, summary.unit)
    choice = _choice(summary, tested)
    fitted = {one.LABEL: one for one in (model, status, btyd.ParetoNBD.fit(summary), *choice)}
    rows = [_value_by(summary, one, spend, discount) for one in fitted.values() if one.diagnosis.converged]
    chosen = fitted.get(tested.comparison.winner) if tested else None
    priced = chosen is not None and chosen is not model and chosen.diagnosis.converged
    wanted: dict[str, Any] = {"horizon": horizon, "rate": rate, "timing": timing}
    weeks = horizon[0] * days_per_unit(horizon[1]) / days_per_unit(summary.unit)
    found = btyd.dependence(summary, model, weeks, spend=spend)
    return Details(
        pd.DataFrame(rows, columns=_BY_MODEL),
        btyd.value_total(summary, chosen, spend, **wanted) if chosen is not None and priced else None,
        found,
        _value_by(summary, model, found.banded, discount)[1] if found.banded else None,
        *rest,
    )


def _choice(summary: btyd.Summary, tested: Evidence | None) -> tuple[PurchaseModel, ...]:
    """NBD or the model of regular buying, only where the holdout chose it: else its value says nothing."""
    if tested is None:
        return ()
    found = tested.comparison.models[tested.comparison.winner]
    if isinstance(found, btyd.NBD):
        return (btyd.NBD.fit(summary),)
    if isinstance(found, btyd.RegularModifiedBetaGeo):
        return (btyd.RegularModifiedBetaGeo.fit(summary, k=found.k),)
    return ()


def _value_by(
    summary: btyd.Summary,
    model: PurchaseModel,
    spend: btyd.GammaGamma | btyd.BandedGammaGamma,
    discount: Discount,
) -> tuple[str, float, float]:
    """One row of `Details.by_model`."""
    cells = score_cells(summary, model, discount, model)
    n, x = (summary.cells[c].to_numpy(float) for c in ("customers", "frequency"))
    each = spend.expected(x, summary.cell_days["monetary_value"].to_numpy(float))
    value = float(n @ (cells["discounted_purchases"].to_numpy() * each))
    return model.LABEL, value, float(n @ cells["probability_alive"].to_numpy())


def _chances(summary: btyd.Summary, status: PurchaseModel, quarter: float = QUARTER) -> pd.DataFrame:
    cells = summary.cells
    n = cells["customers"].to_numpy(float)
    chance = btyd.probability_active(status, cells, quarter)
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


def chances(near: ValueToCome) -> pd.DataFrame:
    """`Details.chances` on the clock of the business, adding up to the buyers that every page prints.

    Parameters
    ----------
    near : the forecast of the next 13 weeks
    """
    found = _chances(near.inside, near.status, near.foundation.models.business_weeks(QUARTER))
    alone = float(found["buyers"].sum())
    return found.assign(buyers=found["buyers"] * (near.buyers.mean / alone if alone else 1.0))
