"""Models of pymc-marketing, read and made: the parameters and how sure they are.

pymc-marketing is no dependency. A fitted model of it is read through `fit_result` alone; to make one, the
package must be installed.
"""

from __future__ import annotations

import importlib
import inspect
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.btyd.fitting.histories import HISTORY, SPEND
from crm_analytics.analyses.btyd.fitting.optimise import GIVEN
from crm_analytics.analyses.btyd.fitting.parameter_draws import draw_values
from crm_analytics.errors import ParameterError

Array = NDArray[np.float64]
TAKEN = replace(GIVEN, message="Taken from pymc-marketing, whose priors are in it.")
MODELS = {
    "BetaGeo": "BetaGeoModel",
    "ModifiedBetaGeo": "ModifiedBetaGeoModel",
    "ParetoNBD": "ParetoNBDModel",
    "GammaGamma": "GammaGammaModel",
    "BetaGeoBetaBinomial": "BetaGeoBetaBinomModel",
    "ShiftedBetaGeo": "ShiftedBetaGeoModel",
}
THEIR_NAMES = {"ShiftedBetaGeo": {"gamma": "alpha", "delta": "beta"}}  # where they differ from ours


def from_pymc_marketing(kind: Any, fitted: Any, unit: str | None) -> dict[str, Any]:
    """The fields of our model from a fitted one: the mean of its posterior, or the point it was fitted to.

    With draws the covariance is theirs; with a point (MAP) it is what the model's own data say there. Priors
    pull the point off the likelihood's best; the diagnosis says where the point is from.

    Raises
    ------
    ParameterError : another model, or one that is not fitted, or one with covariates.
    """
    expected, found = MODELS[_known(kind.__name__)], type(fitted).__name__
    if found != expected:
        raise ParameterError(f"{kind.__name__}.from_pymc_marketing takes a fitted {expected}, got a {found}")
    try:
        posterior = fitted.fit_result
        theirs = THEIR_NAMES.get(kind.__name__, {})
        draws = {name: np.asarray(posterior[theirs.get(name, name)], float) for name in kind.NAMES}
    except (RuntimeError, AttributeError, KeyError) as error:
        raise ParameterError(
            f"this {expected} is not fitted, or has other parameters ({error!s:.80})"
        ) from None
    if theirs and any(values.ndim > 2 and values.shape[2] > 1 for values in draws.values()):
        raise ParameterError(
            f"this {expected} has parameters for each of several cohorts, or covariates; fit one cohort alone"
        )
    if not theirs and any(values.ndim > 2 for values in draws.values()):
        raise ParameterError(f"this {expected} has covariates; only its plain form is read")
    flat = np.array([draws[name].ravel() for name in kind.NAMES])
    params = dict(zip(kind.NAMES, flat.mean(axis=1).tolist(), strict=True))
    data = getattr(fitted, "data", None)
    fields: dict[str, Any] = {"params": params, "unit": unit}
    columns = SPEND if kind.__name__ == "GammaGamma" else HISTORY
    if theirs and isinstance(data, pd.DataFrame):
        data, columns = _contracts(data), ("tenure", "cancelled")
    if isinstance(data, pd.DataFrame) and set(columns) <= set(data.columns) and hasattr(kind, "at"):
        model = kind.at(data[list(columns)], params, unit)
        fields |= {name: getattr(model, name) for name in ("log_likelihood", "covariance", "customers")}
    if flat.shape[1] > 1:
        fields["covariance"] = pd.DataFrame(np.cov(flat), index=kind.NAMES, columns=kind.NAMES)
    return fields | {"diagnosis": TAKEN}


def _contracts(data: pd.DataFrame) -> pd.DataFrame:
    """Theirs count the period a contract was cancelled in, T of those who are still there: T - 1 renewals."""
    over = data["recency"] < data["T"]
    return pd.DataFrame({"tenure": np.where(over, data["recency"], data["T"] - 1), "cancelled": over})


def _known(name: str) -> str:
    if name not in MODELS:
        raise ParameterError(f"pymc-marketing has no counterpart of '{name}'; there are {', '.join(MODELS)}")
    return name


def posterior_of(model: Any, draws: int = 1_000, seed: int = 1) -> dict[str, Array]:
    """Draws of the parameters, each (1, draws): what arviz calls the posterior of one chain.

    From the normal distribution of the logarithms at the optimum (Laplace); all equal where the parameters
    were given.

    Examples
    --------
    >>> from crm_analytics.analyses.btyd import BetaGeo
    >>> model = BetaGeo({"r": 0.2, "alpha": 4.0, "a": 0.8, "b": 2.4}, unit="W")
    >>> posterior_of(model, draws=3)["alpha"].tolist()
    [[4.0, 4.0, 4.0]]
    """
    values = draw_values(model, draws, np.random.default_rng(seed))
    return {name: values[None, :, i] for i, name in enumerate(model.NAMES)}


def to_pymc_marketing(model: Any, data: pd.DataFrame, draws: int = 1_000, seed: int = 1) -> Any:
    """A model of pymc-marketing on these customers, with `posterior_of` the model as its fit.

    Parameters
    ----------
    data : customer_id, frequency, recency, T [, monetary_value], as pymc-marketing takes them
    draws, seed : of the parameters

    Raises
    ------
    ParameterError : pymc-marketing is not installed, or has no such model.
    """
    name = _known(type(model).__name__)
    if name in THEIR_NAMES:
        raise ParameterError(
            f"pymc-marketing's {MODELS[name]} has parameters for each cohort, so one model makes none; take "
            "btyd.posterior_of(model) there: its alpha is our gamma, its beta our delta"
        )
    try:
        clv, arviz = importlib.import_module("pymc_marketing.clv"), importlib.import_module("arviz")
    except ImportError:
        raise ParameterError(
            "pymc-marketing is not installed here: pip install pymc-marketing, or take "
            "btyd.posterior_of(model) to where it is"
        ) from None
    made = getattr(clv, MODELS[name])()
    try:
        made.build_model(data=data)
    except TypeError:
        raise ParameterError(
            "this pymc-marketing takes no data when a model is built: install a newer one (0.19 does)"
        ) from None
    posterior = posterior_of(model, draws, seed)
    # ArviZ 1 takes a dict of groups, before it each group by its name
    by_name = "posterior" in inspect.signature(arviz.from_dict).parameters
    made.idata = (
        arviz.from_dict(posterior=posterior) if by_name else arviz.from_dict({"posterior": posterior})
    )
    return made
