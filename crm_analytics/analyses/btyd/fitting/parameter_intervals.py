"""Intervals of parameters: by the profile of the likelihood where they trade off, else by its curvature."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq

from crm_analytics.analyses.btyd.fitting.fitted import FittedModel
from crm_analytics.analyses.btyd.fitting.optimise import newton
from crm_analytics.errors import ParameterError

Array = NDArray[np.float64]
TRADE_OFF = 0.9  # correlation above which curvature at one point says too little
_FURTHEST = 8.0  # logarithms from the estimate; beyond, the data set no limit


def parameter_intervals(source: Any, model: FittedModel, level: float = 0.95) -> pd.DataFrame:
    """How sure each parameter is.

    Where a parameter is correlated with another by more than 0.9 (a with b in BG/NBD, s with beta in
    Pareto/NBD), the likelihood is a long ridge and its curvature at the top says too little. There the ends
    are those of the profile likelihood: the values at which the best fit with this parameter held is worse
    by half the chi-square quantile (Venzon & Moolgavkar 1988, Applied Statistics 37(1)). Elsewhere they are
    Wald's in the logarithm.

    Parameters
    ----------
    source : what the model was fitted on
    model : fitted, of purchases, of spend or of contracts; it must have converged
    level : probability of the intervals, 0..1

    Returns
    -------
    parameter, estimate, lower, upper (NaN: the data set no limit on that side), correlation (largest with
    another parameter), method ("profile" or "Wald")

    Raises
    ------
    ParameterError : the model was given its parameters, or its fit did not converge.

    Examples
    --------
    >>> from crm_analytics.analyses.btyd import BetaGeo
    >>> frame = pd.DataFrame({"frequency": [0, 1, 2, 5, 8], "recency": [0.0, 8.0, 14.0, 25.0, 28.0],
    ...                       "T": [30.0] * 5, "customers": [60, 40, 30, 20, 9]})
    >>> found = parameter_intervals(frame, BetaGeo.fit(frame, unit="W"))
    >>> found["parameter"].tolist()
    ['r', 'alpha', 'a', 'b']
    """
    if not 0 < level < 1:
        raise ParameterError(f"level must lie between 0 and 1, got {level}")
    if not isinstance(model, FittedModel):
        raise ParameterError(
            f"a {type(model).__name__} has no profile intervals: its coefficients or log_covariance say "
            "how sure it is"
        )
    if model.covariance.empty or not model.diagnosis.converged:
        raise ParameterError(f"{model.LABEL}: intervals need a fit that converged")
    covariance = model.covariance.to_numpy()
    errors = np.sqrt(np.diag(covariance))
    tied = np.abs(covariance / np.outer(errors, errors)) - np.eye(len(errors))
    quantile = NormalDist().inv_cdf(0.5 + level / 2)
    rows = []
    for i, name in enumerate(model.NAMES):
        value, error = model.values[i], errors[i] / model.values[i]
        by_profile = tied[i].max() > TRADE_OFF
        if by_profile:
            low, high = _profile(source, model, i, float(error * quantile), quantile**2 / 2)
        else:
            low, high = (float(value * np.exp(side * quantile * error)) for side in (-1, 1))
        rows.append((name, value, low, high, tied[i].max(), "profile" if by_profile else "Wald"))
    return pd.DataFrame(rows, columns=["parameter", "estimate", "lower", "upper", "correlation", "method"])


def _profile(source: Any, model: FittedModel, i: int, step: float, drop: float) -> tuple[float, float]:
    """Where the profile of parameter i has fallen by `drop` log-likelihood, below and above."""
    likelihood, unit = model.objective(source)
    best = np.log(model.values / unit)
    top = likelihood(best)[0]
    others = np.delete(np.arange(len(best)), i)
    last = best[others].copy()  # each search begins where the one before ended

    def worse(log_value: float) -> float:
        def objective(free: Array) -> tuple[float, Array, Array]:
            at = np.insert(free, i, log_value)
            value, gradient, hessian = likelihood(at)
            return value, gradient[others], hessian[np.ix_(others, others)]

        found = newton(objective, last)
        last[:] = found.at
        return (found.value - top) * likelihood.total - drop

    ends = []
    for side in (-1.0, 1.0):
        last[:] = best[others]
        near, far = 0.0, step
        while worse(best[i] + side * far) < 0 and far < _FURTHEST:
            near, far = far, far * 1.6
        if far >= _FURTHEST:
            ends.append(float("nan"))
            continue
        end = brentq(lambda d, side=side: worse(best[i] + side * d), near, far, xtol=1e-8)
        ends.append(float(np.exp(best[i] + side * end) * unit[i]))
    return ends[0], ends[1]
