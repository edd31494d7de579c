"""The one door to lifetimes (archived 2020): conversions, and its own fit.

Importing it raises pandas' Pandas4Warning, and its fitters change numpy warnings; both stay in here.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crm_analytics.analyses.btyd.fitting.histories import HISTORY, SPEND, cells_of
from crm_analytics.analyses.btyd.fitting.opportunities import OPPORTUNITY_HISTORY, opportunity_cells
from crm_analytics.errors import ParameterError

if TYPE_CHECKING:
    from crm_analytics.analyses.btyd.fitting.summary import Summary

FITTERS = {
    "BetaGeo": "BetaGeoFitter",
    "ModifiedBetaGeo": "ModifiedBetaGeoFitter",
    "ParetoNBD": "ParetoNBDFitter",
    "GammaGamma": "GammaGammaFitter",
    "BetaGeoBetaBinomial": "BetaGeoBetaBinomFitter",
}


def fit_by_lifetimes(source: Summary | pd.DataFrame, model: str) -> Any:
    """A lifetimes fitter fitted on the cells."""
    fitter = _fitter(model)
    columns = {"GammaGamma": SPEND, "BetaGeoBetaBinomial": OPPORTUNITY_HISTORY}.get(model, HISTORY)
    if model == "BetaGeoBetaBinomial":
        cells = opportunity_cells(source, model)  # type: ignore[arg-type]  # a summary has no such columns
    else:
        cells = cells_of(source, columns, model)
    if model == "GammaGamma":
        cells = cells[(cells["frequency"] > 0) & (cells["monetary_value"] > 0)]
    with _quiet():
        fitter.fit(*(cells[c] for c in columns), weights=cells["customers"])
    return fitter


def to_lifetimes(model: Any) -> Any:
    """A lifetimes fitter with the parameters of a fitted model of ours."""
    fitter = _fitter(type(model).__name__)
    fitter.params_ = pd.Series(model.params)
    if not model.covariance.empty:
        fitter.variance_matrix_ = model.covariance.copy()
        fitter.standard_errors_ = model.standard_errors.copy()
        wide = 1.959963984540054 * fitter.standard_errors_
        fitter.confidence_intervals_ = pd.DataFrame(
            {"lower 95% bound": fitter.params_ - wide, "upper 95% bound": fitter.params_ + wide}
        )
    if hasattr(fitter, "conditional_expected_number_of_purchases_up_to_time"):
        fitter.predict = fitter.conditional_expected_number_of_purchases_up_to_time
    return fitter


def from_lifetimes(kind: type, fitter: Any, unit: str | None) -> dict[str, Any]:
    """The fields of our model from a fitted lifetimes fitter.

    Raises
    ------
    ParameterError : another fitter, or one that is not fitted.
    """
    expected = FITTERS[_known(kind.__name__)]
    found = type(fitter).__name__
    if found != expected or not hasattr(fitter, "params_"):
        state = "" if hasattr(fitter, "params_") else " that is not fitted"
        raise ParameterError(
            f"{kind.__name__}.from_lifetimes takes a fitted {expected}, got a {found}{state}"
        )
    params = {str(name): float(value) for name, value in fitter.params_.items()}
    data = getattr(fitter, "data", None)
    if data is None:
        return {"params": params, "unit": unit}
    frame = data.rename(columns={"weights": "customers"})
    model = kind.at(frame, params, unit)  # type: ignore[attr-defined]
    names = ("params", "log_likelihood", "covariance", "customers", "unit", "diagnosis")
    return {name: getattr(model, name) for name in names}


def _known(name: str) -> str:
    if name not in FITTERS:
        raise ParameterError(f"lifetimes has no counterpart of '{name}'; there are {', '.join(FITTERS)}")
    return name


def _fitter(name: str) -> Any:
    _known(name)
    with _quiet():
        import lifetimes
    return getattr(lifetimes, FITTERS[name])(penalizer_coef=0.0)


@contextlib.contextmanager
def _quiet() -> Any:
    # lifetimes adds warning filters on import and prints on failure; catch_warnings undoes the first.
    with warnings.catch_warnings(), np.errstate(all="ignore"), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
