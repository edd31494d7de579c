"""What every model of spend per purchase can say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.btyd.fitting.optimise import Diagnosis

Array = NDArray[np.float64]


class SpendModel(Protocol):
    """What says how much a purchase is worth: `GammaGamma` or `BandedGammaGamma`."""

    @property
    def LABEL(self) -> str:  # noqa: N802 - as all models call it
        """Its name."""

    @property
    def covariance(self) -> pd.DataFrame:
        """Of what was estimated."""

    @property
    def diagnosis(self) -> Diagnosis:
        """Whether the optimum can be trusted."""

    @property
    def mean_spend(self) -> float:
        """Of a customer of whom nothing is known."""

    def at_frequency(self, x: Array) -> tuple[float, float, Array]:
        """P and q, and v of each customer by frequency."""

    def drawn(self, draws: int, rng: np.random.Generator) -> Sequence[SpendModel]:
        """Models at parameters as the fit leaves them open."""

    def expected_spend(self, frame: pd.DataFrame) -> pd.Series:
        """A purchase of each customer, money."""

    def expected(self, x: Array, mean: Array) -> Array:
        """The same for arrays."""
