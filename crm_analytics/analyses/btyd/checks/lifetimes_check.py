"""What lifetimes' own fitter finds on the same customers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crm_analytics.analyses.btyd.fitting.lifetimes_bridge import fit_by_lifetimes
from crm_analytics.analyses.btyd.opportunity_models.bg_bb import BetaGeoBetaBinomial
from crm_analytics.analyses.btyd.purchases.beta_geo import BetaGeo
from crm_analytics.analyses.btyd.purchases.modified_beta_geo import ModifiedBetaGeo
from crm_analytics.analyses.btyd.purchases.pareto_nbd import ParetoNBD
from crm_analytics.analyses.btyd.spend.gamma_gamma import GammaGamma

if TYPE_CHECKING:
    from crm_analytics.analyses.btyd.fitting.summary import Summary

_KINDS: tuple[Any, ...] = (BetaGeo, ModifiedBetaGeo, ParetoNBD, GammaGamma, BetaGeoBetaBinomial)
_MODELS = {kind.__name__: kind for kind in _KINDS}


@dataclass(frozen=True)
class SecondOpinion:
    """What lifetimes' own fitter finds on the same cells.

    model : "BetaGeo", "ModifiedBetaGeo", "ParetoNBD", "GammaGamma" or "BetaGeoBetaBinomial"
    params : or None where it failed
    log_likelihood : total, of these parameters, by our formula (theirs is scaled); None where it failed
    sentence : in plain words
    """

    model: str
    params: dict[str, float] | None
    log_likelihood: float | None
    sentence: str


def second_opinion(source: Summary | pd.DataFrame, model: str = "BetaGeo") -> SecondOpinion:
    """Fit the same cells with lifetimes; a failure is a sentence, never an error.

    Parameters
    ----------
    source : a summary, or a frame as the model's own `fit` takes it
    model : "BetaGeo", "ModifiedBetaGeo", "ParetoNBD", "GammaGamma" or "BetaGeoBetaBinomial"
    """
    if model not in _MODELS:
        return SecondOpinion(
            model, None, None, f"lifetimes has no counterpart of '{model}'; there are {', '.join(_MODELS)}"
        )
    try:
        fitter = fit_by_lifetimes(source, model)
        params = {str(name): float(value) for name, value in fitter.params_.items()}
        if not np.isfinite(list(params.values())).all():
            raise ValueError("its parameters are no numbers")
        likelihood = float(_MODELS[model].at(source, params).log_likelihood)
    except Exception as error:
        # Whatever an archived package raises must not stop a report.
        reason = str(error).strip().splitlines()
        what = reason[0][:160] if reason else type(error).__name__
        return SecondOpinion(model, None, None, f"lifetimes could not fit the same customers: {what}")
    said = ", ".join(f"{name} {value:.4g}" for name, value in params.items())
    return SecondOpinion(
        model, params, likelihood, f"lifetimes finds {said} (log-likelihood {likelihood:,.2f})"
    )
