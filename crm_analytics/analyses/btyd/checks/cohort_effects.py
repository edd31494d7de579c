"""Whether customers won at different times buy and leave alike: one model for all, or one a cohort.

Three answers: a likelihood-ratio test of one fit for all against one for each acquisition cohort; partial
pooling, in which each cohort's parameters are drawn towards those of all by as much as the data ask for; and
the trend of leaving from cohort to cohort.

Cohorts differ in age, too. A model that does not follow how customers of one cohort change as they grow older
makes cohorts look different: ask with the model that forecasts best (`comparison.compare`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from crm_analytics.analyses.btyd.checks.cohort_trends import Trend, log_error, trends_of
from crm_analytics.analyses.btyd.fitting.optimise import GIVEN, newton
from crm_analytics.analyses.btyd.purchases.modified_beta_geo import ModifiedBetaGeo
from crm_analytics.analyses.btyd.purchases.purchase_model import (
    MINIMUM_CUSTOMERS,
    MINIMUM_REPEAT_BUYERS,
    LikelihoodOfCells,
    PurchaseModel,
)
from crm_analytics.analyses.plots import Plots
from crm_analytics.analyses.progress import watched
from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.analyses.btyd.fitting.summary import Summary

Array = NDArray[np.float64]
SPREADS = (0.0, 0.02, 0.04, 0.07, 0.1, 0.15, 0.2, 0.3, 0.45, 0.7, 1.0)  # of log parameters between cohorts
LONGEST_MONTHS = 9  # of first purchases, above which cohorts are quarters


@dataclass(frozen=True, eq=False)
class CohortEffects(ObjectCard):
    """One model for all or one a cohort.

    pooled : fitted on all
    table : one row per cohort: cohort, customers, repeat_buyers, log_likelihood, converged, buying (purchases
        a unit of time while there), leaving (BG/NBD, MBG/NBD: chance after a purchase; Pareto/NBD: hazard a
        unit of time), each with _lower and _upper (95 %), and as partially pooled: buying_partial,
        leaving_partial
    likelihood_ratio, degrees, p : of the test; small p = cohorts differ
    bic_pooled, bic_separate : the lower one is worth its parameters
    spread : standard deviation of log parameters between cohorts that explains the data best; 0 = none
    partial : a model for each cohort, drawn towards all by `spread`
    trends : of leaving and buying; empty below four cohorts or half a year of them
    choice : "pooled" where spread is 0, else "partial"
    words : the same in sentences
    """

    pooled: PurchaseModel
    table: pd.DataFrame
    likelihood_ratio: float
    degrees: int
    p: float
    bic_pooled: float
    bic_separate: float
    spread: float
    partial: dict[str, PurchaseModel]
    trends: tuple[Trend, ...]
    choice: str
    words: tuple[str, ...]

    card_frame = "table"
    plot = Plots("crm_analytics.analyses.btyd.checks.pictures", "leaving", "buying")


@watched("Fitting cohorts")
def cohort_effects(
    summary: Summary,
    model: type[PurchaseModel] = ModifiedBetaGeo,
    *,
    by: str | None = None,
    minimum: int = MINIMUM_CUSTOMERS,
) -> CohortEffects:
    """Test whether acquisition cohorts differ, and pool them as far as they do not.

    Parameters
    ----------
    summary : of a cut base
    model : `BetaGeo`, `ModifiedBetaGeo`, `ParetoNBD` or `NBD`
    by : "M" or "Q": month or quarter of the first purchase; default months, quarters above nine months
    minimum : customers of a cohort; one with fewer, or with fewer than 30 repeat buyers, joins the one before

    Raises
    ------
    ParameterError : `by` is something else.
    NotEnoughData : fewer than two cohorts of enough customers.

    Source
    ------
    Wilks (1938), Annals of Mathematical Statistics 9; partial pooling by Laplace's approximation of the
    marginal likelihood: Kass & Steffey (1989), JASA 84, 717-726.
    """
    cells = summary.cells.astype(float)
    names, code = cohorts_of(summary, by, minimum)
    if len(names) < 2:
        raise NotEnoughData("the test of cohorts", len(names), 2, f"cohorts of {minimum} customers")
    buyers = min(MINIMUM_REPEAT_BUYERS, minimum)
    pooled = model.fit(cells, summary.unit, minimum=minimum)
    parts = [cells[code == i] for i in range(len(names))]
    fits = [model.fit(p, summary.unit, minimum=minimum, minimum_repeat_buyers=buyers) for p in parts]
    spread, partial = _partial(pooled, parts, summary.unit)
    separate = sum(f.log_likelihood for f in fits)
    ratio = max(2 * (separate - pooled.log_likelihood), 0.0)
    degrees = len(model.NAMES) * (len(names) - 1)
    total = np.log(cells["customers"].sum())
    table = _table(names, parts, fits, partial)
    trends = trends_of(fits, names)
    p = float(stats.chi2.sf(ratio, degrees))
    return CohortEffects(
        pooled,
        table,
        ratio,
        degrees,
        p,
        len(model.NAMES) * total - 2 * pooled.log_likelihood,
        len(model.NAMES) * len(names) * total - 2 * separate,
        spread,
        dict(zip(names, partial, strict=True)),
        trends,
        "partial" if spread else "pooled",
        tuple(_words(table, p, spread, trends)),
    )


def cohorts_of(summary: Summary, by: str | None, minimum: int) -> tuple[list[str], NDArray[np.intp]]:
    """Names of the cohorts, oldest first, and the cohort of each cell."""
    if by not in (None, "M", "Q"):
        raise ParameterError(f"by: expected 'M' or 'Q', got {by!r}")
    first = pd.to_datetime([summary.day - timedelta(days=int(d)) for d in summary.cell_days["age_days"]])
    if by is None:
        by = "M" if first.to_period("M").nunique() <= LONGEST_MONTHS else "Q"
    code, periods = pd.factorize(first.to_period(by), sort=True)
    code = np.asarray(code, np.intp)
    labels = [[str(p)] for p in periods]
    n = summary.cells["customers"].to_numpy(float)
    repeat = n * (summary.cells["frequency"].to_numpy() > 0)
    while len(labels) > 1:
        size, came_back = (np.bincount(code, w, len(labels)) for w in (n, repeat))
        thin = np.flatnonzero((size < minimum) | (came_back < min(MINIMUM_REPEAT_BUYERS, minimum)))
        if not len(thin):
            break
        at = max(int(thin[-1]), 1)  # joins the one before; the first one takes the second in
        labels[at - 1] += labels.pop(at)
        code = np.where(code >= at, code - 1, code)
    return [g[0] if len(g) == 1 else f"{g[0]} to {g[-1]}" for g in labels], code


def _partial(
    pooled: PurchaseModel, parts: list[pd.DataFrame], unit: str | None
) -> tuple[float, list[PurchaseModel]]:
    """The spread with the highest marginal likelihood, and the models at it."""
    kind = type(pooled)
    scale = pooled.params["alpha"]  # any will do, the same for all cohorts
    centre = np.log(pooled.values) - np.log(kind.scales(scale))
    likelihoods = [kind.likelihood_of(p, scale) for p in parts]
    best, spread, found = -np.inf, 0.0, [centre] * len(parts)
    for candidate in SPREADS:
        pairs = [_drawn_towards(likelihood, centre, candidate) for likelihood in likelihoods]
        value = sum(v for v, _ in pairs)
        if value > best + 1e-9:
            best, spread, found = value, candidate, [at for _, at in pairs]
    models = []
    for at, likelihood, part in zip(found, likelihoods, parts, strict=True):
        values = np.exp(at) * kind.scales(scale)
        if not spread:
            models.append(replace(pooled, customers=round(part["customers"].sum())))
            continue
        curve = likelihood.total * likelihood(at)[2] + np.eye(len(at)) / spread**2
        covariance = np.linalg.inv((curve + curve.T) / 2) * np.outer(values, values)
        models.append(
            kind(
                dict(zip(kind.NAMES, values, strict=True)),
                covariance=pd.DataFrame(covariance, index=kind.NAMES, columns=kind.NAMES),
                customers=round(part["customers"].sum()),
                unit=unit,
                diagnosis=replace(GIVEN, message=f"Drawn towards all cohorts, whose spread is {spread:g}."),
            )
        )
    return spread, models


def _drawn_towards(likelihood: LikelihoodOfCells, centre: Array, spread: float) -> tuple[float, Array]:
    """Marginal log-likelihood of a cohort whose log parameters lie around `centre`, and their mode."""
    if spread == 0:
        return -likelihood.total * likelihood(centre)[0], centre
    total, pull = likelihood.total, 1.0 / (spread**2 * likelihood.total)

    def objective(at: Array) -> tuple[float, Array, Array]:
        value, gradient, hessian = likelihood(at)
        away = at - centre
        return (
            value + pull * float(away @ away) / 2,
            gradient + pull * away,
            hessian + pull * np.eye(len(at)),
        )

    found = newton(objective, centre)
    curve = total * (found.hessian - pull * np.eye(len(centre)))
    sign, size = np.linalg.slogdet(np.eye(len(centre)) + spread**2 * curve)
    return (-total * found.value - size / 2) if sign > 0 else -np.inf, found.at


def _table(
    names: list[str], parts: list[pd.DataFrame], fits: list[PurchaseModel], partial: list[PurchaseModel]
) -> pd.DataFrame:
    rows = []
    for name, part, fit, pulled in zip(names, parts, fits, partial, strict=True):
        n = part["customers"]
        row: dict[str, object] = {
            "cohort": name,
            "customers": round(n.sum()),
            "repeat_buyers": round(n[part["frequency"] > 0].sum()),
            "log_likelihood": fit.log_likelihood,
            "converged": fit.diagnosis.converged,
        }
        for what, (value, gradient) in fit.rates().items():
            reach = np.exp(stats.norm.ppf(0.975) * log_error(fit, gradient))
            row |= {what: value, f"{what}_lower": value / reach, f"{what}_upper": value * reach}
            row[f"{what}_partial"] = pulled.rates()[what][0]
        rows.append(row)
    return pd.DataFrame(rows)


def _words(table: pd.DataFrame, p: float, spread: float, trends: tuple[Trend, ...]) -> list[str]:
    n = f"{len(table)} cohorts, {table['customers'].sum():,} customers"
    if p < 0.05:
        said = [f"Cohorts differ: one model for all is rejected (p {p:.2g}; {n})."]
    else:
        said = [f"Cohorts do not differ by more than chance (p {p:.2g}; {n}): one model for all will do."]
    if spread:
        said.append(
            f"Between cohorts parameters vary by about {spread:.0%}: each is drawn towards all by as much."
        )
    words = {"leaving": "Leaving", "buying": "Buying while there"}
    for trend in trends:
        if trend.p < 0.05:
            way = "rises" if trend.change > 0 else "falls"
            said.append(
                f"{words[trend.what]} {way} from cohort to cohort: {trend.change:+.0%} a year "
                f"({trend.lower:+.0%} to {trend.upper:+.0%}, {trend.cohorts} cohorts)."
            )
    stuck = table.loc[~table["converged"], "cohort"].tolist()
    if stuck:
        said.append(f"The fit alone of {', '.join(stuck)} did not converge: read the test with care.")
    return said
