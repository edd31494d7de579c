"""Parameters drawn as a fit leaves them open: the normal distribution of their logarithms (Laplace)."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.btyd.fitting.optimise import Diagnosis


class Estimated(Protocol):
    """What draws need of a model."""

    @property
    def values(self) -> NDArray[np.float64]:
        """The parameters, in order."""

    @property
    def covariance(self) -> pd.DataFrame:
        """Of the parameters; empty where they were given."""

    @property
    def diagnosis(self) -> Diagnosis:
        """Whether the optimum can be trusted."""


def draw_values(model: Estimated, draws: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Parameters drawn from the normal distribution of their logarithms, one row per draw."""
    values = model.values
    covariance = log_covariance_of(model)
    found = np.exp(np.log(values) + rng.multivariate_normal(np.zeros(len(values)), covariance, draws))
    return np.asarray(found)


def log_covariance_of(model: Estimated) -> NDArray[np.float64]:
    """Of the log parameters; zero where the fit says nothing of it."""
    size = len(model.values)
    if model.covariance.empty or not model.diagnosis.converged:
        return np.zeros((size, size))
    found = model.covariance.to_numpy() / np.outer(model.values, model.values)
    return np.asarray((found + found.T) / 2)
