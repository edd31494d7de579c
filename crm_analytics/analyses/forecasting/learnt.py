"""One forecast from several ways, each shifted, weighed and doubted by the errors it made at earlier days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.forecasting.doubt import Doubt, doubt_of, shift_of
from crm_analytics.analyses.forecasting.quarters import YEAR
from crm_analytics.analyses.forecasting.ways import CONTRACTS, MODEL, WAYS
from crm_analytics.tables.object_cards import ObjectCard

Array = NDArray[np.float64]
EXPECTED_ERRORS = 4.0  # errors that what is assumed of a way counts for when ways are weighed
# what a way is assumed to be off by before it was tried, on logarithms
UNTRIED: Mapping[str, float] = dict(zip(WAYS, (0.10, 0.18, 0.28, 0.04), strict=True))
APART = 0.5  # of the variance between the ways, that is added to what their errors say
LEFT_OUT = 0.05  # of a year, where two cycles were seen: level, lives, mix of customers
ONE_CYCLE = 0.16  # where one was: season and trend cannot be told apart
COLUMNS = ["way", "said", "shift", "weight", "errors", "error"]
LESS = 0.28  # where not even one was


@dataclass(frozen=True, eq=False)
class Learnt(ObjectCard):
    """A forecast of one measure of the customers known at a day.

    Attributes
    ----------
    what, window : measure and quarters ahead
    mean : the forecast
    doubt : around it, on logarithms
    ways : way, said, shift (logarithm added to it), weight, errors (earlier days it was tried at), error
        (root
        mean square of its errors there)
    error : mean size of what the weighed forecast was off by at earlier days, as a share; NaN where none was
        tried
    last : what came in the last window over what the weighed forecast would have said before it, less 1; NaN
    """

    what: str
    window: int
    mean: float
    doubt: Doubt
    ways: pd.DataFrame
    error: float
    last: float

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Of the forecast."""
        half = self.doubt.half(level)
        return self.mean * float(np.exp(-half)), self.mean * float(np.exp(half))


def learnt(
    trials: pd.DataFrame,
    said: Mapping[str, float],
    *,
    what: str,
    window: int,
    quarters: int,
    chance: float,
    lumps: float = 0.0,
) -> Learnt:
    """Weigh the ways.

    Parameters
    ----------
    trials : as `ways.trials` gives them
    said : what each way says at the day; NaN where it cannot
    quarters : of data before the day
    chance : standard deviation, on logarithms, that chance and parameters alone give the models
    lumps : variance, on logarithms, of single large customers who may be lost: no trial need have seen it
    """
    errors = {way: _errors(trials, way, what, window) for way in WAYS if _usable(said.get(way))}
    shift, spread = {}, {}
    for way, (found, overlap) in errors.items():
        shift[way] = shift_of(found.to_numpy(), overlap, found.index.to_numpy(float))
        free = len(found) / overlap
        seen = float(np.mean((found.to_numpy() - shift[way]) ** 2)) if len(found) else 0.0
        spread[way] = (EXPECTED_ERRORS * UNTRIED[way] ** 2 + free * seen) / (EXPECTED_ERRORS + free)
    if not errors:  # nothing is expected, and so nothing comes
        nothing = doubt_of(np.array([]), 1.0, chance, LESS)
        return Learnt(what, window, 0.0, nothing, pd.DataFrame(columns=COLUMNS), np.nan, np.nan)
    weight = {way: 1 / spread[way] for way in errors}
    total = sum(weight.values())
    weight = {way: one / total for way, one in weight.items()}
    logs = {way: float(np.log(said[way]) + shift[way]) for way in errors}
    middle = sum(weight[way] * logs[way] for way in errors)
    apart = APART * sum(weight[way] * (logs[way] - middle) ** 2 for way in errors)
    mean = float(np.exp(middle))
    left = pd.DataFrame({way: found - shift[way] for way, (found, _) in errors.items()})
    share = left.notna() * pd.Series(weight)
    together = (left.fillna(0.0) * share).sum(axis=1) / share.sum(axis=1)
    overlap = errors[MODEL][1] if MODEL in errors else float(window)
    chance *= 1 - weight.get(CONTRACTS, 0.0)  # of the models: what a contract pays is known
    doubt = doubt_of(together.to_numpy(), overlap, chance, assumed(quarters, window, overlap), apart + lumps)
    ways = pd.DataFrame(
        [
            (way, said[way], shift[way], weight[way], len(found), float(np.sqrt((found**2).mean())))
            for way, (found, _) in errors.items()
        ],
        columns=COLUMNS,
    )
    off = np.expm1(together.to_numpy())
    latest = off[together.index == window] if overlap == window else []
    error = float(np.abs(off).mean()) if len(off) else np.nan
    return Learnt(what, window, mean, doubt, ways, error, float(latest[0]) if len(latest) else np.nan)


def assumed(quarters: int, window: int, tried: float) -> float:
    """What a forecast of so many quarters is off by before it was tried, on logarithms.

    More where the window is longer than any that could be tried.
    """
    one = LEFT_OUT if quarters >= 2 * YEAR else ONE_CYCLE if quarters >= YEAR else LESS
    return one * (1.5 if tried < window else 1.0)


def _usable(said: float | None) -> bool:
    return said is not None and bool(np.isfinite(said)) and said > 0


def _errors(trials: pd.DataFrame, way: str, what: str, window: int) -> tuple[pd.Series, float]:
    """Errors by quarters back, and how many overlap: of the window, else of the longest that was tried."""
    own = trials[
        (trials["way"] == way) & (trials["what"] == what) & (trials["said"] > 0) & (trials["came"] > 0)
    ]
    for tried in range(window, 0, -1):
        some = own[own["window"] == tried]
        if len(some):
            values = np.log(some["came"].to_numpy(float) / some["said"].to_numpy(float))
            return pd.Series(values, some["back"].to_numpy()), float(tried)
    return pd.Series(dtype=float), float(window)
