"""The models of the report fitted a holdout before the day, and held against what came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from crm_analytics.analyses import btyd
from crm_analytics.reports.lifetime_value.data_warnings import has_mean
from crm_analytics.reports.shared.report import attempt

if TYPE_CHECKING:
    from crm_analytics.analyses.btyd.checks.comparison import Candidate
    from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel
    from crm_analytics.tables.customer_base import CustomerBase


@dataclass(frozen=True)
class Evidence:
    """The same models a holdout before the day, held against what came.

    model : the forecast's model; calibration, chances : of it and of the model that says who is there
    dependence : of spend on frequency then, and what it was worth afterwards; None where spend had no mean
    comparison : all models and the rules that need none
    """

    base: CustomerBase
    model: btyd.Evidence
    comparison: btyd.Comparison
    calibration: btyd.Calibration
    chances: btyd.Reliability
    dependence: btyd.Dependence | None
    seasonal: btyd.SeasonalTracking


def evidence(base: CustomerBase, holdout: str, unit: str) -> Evidence | None:
    """None where the data do not reach back a holdout, or held too little then."""
    past = base.earlier(f"-{holdout.lstrip('+-')}")
    if past is None:
        return None
    return attempt({}, "evidence", lambda: _tested(past, base.between(past.day, base.day), unit))


def _tested(past: CustomerBase, future: CustomerBase, unit: str) -> Evidence:
    summary = btyd.summarize(past, unit)
    model, status = btyd.BetaGeo.fit(summary), btyd.ModifiedBetaGeo.fit(summary)
    tested = btyd.evidence(past, future, model, unit, summary=summary)
    candidates: tuple[Candidate, ...] = (model, status, btyd.ParetoNBD, btyd.NBD, *_regular(summary))
    totals = {model.LABEL: tested.total}
    spend, found = btyd.GammaGamma.pricing(summary), None
    if has_mean(spend):
        found = btyd.dependence(summary, model, tested.t, spend=spend, future=future)
    return Evidence(
        past,
        tested,
        btyd.compare(past, future, candidates, unit, money=False, summary=summary, totals=totals),
        btyd.calibrate(past, future, model, summary=summary),
        btyd.reliability(past, future, status, summary=summary),
        found,
        btyd.seasonal_tracking(past, future, model, summary=summary),
    )


def _regular(summary: btyd.Summary) -> tuple[PurchaseModel, ...]:
    """The model of regular buying, where customers do buy more regularly than at random."""
    found = btyd.regularity(summary, most=2)
    return (found.model,) if found.k > 1 else ()
