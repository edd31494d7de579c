"""One forecast from several ways, each shifted, weighed and doubted by the errors it made at earlier days.

What today's errors are, given the earlier ones, is their best linear prediction under `error_covariance`
(Goldberger 1962, *JASA* 57; kriging, in the words of its other users). A trend, a season or a lean is so
corrected as far as the errors determine it: few purchases, or windows that overlap, determine little. Of the
ways, so corrected, the mean with the least variance is taken (Bates & Granger 1969, *Operational Research
Quarterly* 20); a way that erred by more than is assumed of it weighs less. Where errors are larger than
assumed, the interval is wider; where they are smaller, it is not narrower.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.forecasting.doubt import Doubt
from crm_analytics.analyses.forecasting.error_covariance import Errors
from crm_analytics.analyses.forecasting.level_steps import SHARE, Step, with_steps
from crm_analytics.analyses.forecasting.ways import WAYS
from crm_analytics.tables.object_cards import ObjectCard

Array = NDArray[np.float64]
FREEDOM = 8.0  # of Student's t before a business was tried
COLUMNS = ["way", "said", "shift", "weight", "errors", "error"]


@dataclass(frozen=True, eq=False)
class Learnt(ObjectCard):
    """A forecast of one measure of the customers known at a day.

    Attributes
    ----------
    what, window : measure and quarters ahead
    mean : the forecast
    doubt : around it, on logarithms
    ways : way, said, shift (logarithm added to it), weight, errors (earlier days it was tried at), error
        (root mean square of its errors there)
    steps : of the level, that the errors show
    error : mean size of what the weighed forecast was off by at earlier days, as a share; NaN where none was
        tried
    last : what came in the last window over what the weighed forecast would have said before it, less 1; NaN
    """

    what: str
    window: int
    mean: float
    doubt: Doubt
    ways: pd.DataFrame
    steps: tuple[Step, ...]
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
    volume: Array,
    chance: float,
    knows_season: bool = True,
) -> Learnt:
    """Weigh the ways.

    Parameters
    ----------
    trials : as `ways.trials` gives them
    said : what each way says at the day; NaN where it cannot
    volume : what was sold in each whole quarter, the last before the day first
    chance : standard deviation, on logarithms, of chance, parameters and single large customers
    knows_season : whether the models' clock runs by a season, or two cycles showed none
    """
    ways = [way for way in WAYS if _usable(said.get(way))]
    if not ways:  # nothing is expected, and so nothing comes
        nothing = Doubt(max(chance, 1e-12), FREEDOM, 0)
        return Learnt(what, window, 0.0, nothing, pd.DataFrame(columns=COLUMNS), (), np.nan, np.nan)
    own = _tried(trials, ways, what, window)
    rows = list(zip(own["way"].astype(str), own["back"].tolist(), own["window"].tolist(), strict=True))
    rows += [(way, 0, window) for way in ways]
    errors = Errors.of(rows, own["error"].to_numpy(float), volume, chance)
    found = _Prediction.of(errors, np.log([said[way] for way in ways]), knows_season)
    same, at = _longest(own, window)
    shown = pd.DataFrame(
        [
            (way, said[way], shift, weight, len(some), float(np.sqrt((some**2).mean())))
            for way, shift, weight in zip(ways, found.shift, found.weight, strict=True)
            for some in [same.loc[same["way"] == way, "error"]]
        ],
        columns=COLUMNS,
    )
    off = np.expm1(_together(same, shown))
    latest = off[off.index == window] if at == window else off[:0]
    return Learnt(
        what, window, float(np.exp(found.middle)), Doubt(found.scale, found.freedom, len(off)), shown,
        found.steps, float(off.abs().mean()) if len(off) else np.nan,
        float(latest.iloc[0]) if len(latest) else np.nan,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Prediction:
    """Of the logarithm of what comes: middle, scale and freedom; shift and weight of each way; steps."""

    middle: float
    scale: float
    freedom: float
    shift: Array
    weight: Array
    steps: tuple[Step, ...]

    @classmethod
    def of(cls, errors: Errors, said: Array, knows_season: bool) -> _Prediction:
        """Errors of the day given those of earlier days; `said` on logarithms."""
        covariance = errors.covariance(knows_season)
        steps: tuple[Step, ...] = ()
        if knows_season:  # what is no step may be a season that nobody knows
            covariance, steps = with_steps(errors, covariance)
        covariance = covariance + _own(errors, covariance)
        known, number = len(errors.known), len(said)
        root = np.linalg.cholesky(covariance[:known, :known])
        both = np.linalg.solve(root, covariance[:known, known:])
        white = np.linalg.solve(root, errors.known)
        shift = both.T @ white
        left = covariance[known:, known:] - both.T @ both
        inverse = np.linalg.inv(left)
        # a way is never held against: what would be extrapolated beyond the ways is left out
        weight = np.maximum(inverse.sum(axis=1), 0.0)
        weight /= weight.sum()
        middle = float(weight @ (said + shift))
        apart = said + shift - middle
        large = float(white @ white + apart @ inverse @ apart)
        freedom = FREEDOM + SHARE * (known + number - 1)
        wider = max((FREEDOM + SHARE * large) / freedom, 1.0)
        scale = float(np.sqrt(weight @ left @ weight * wider))
        return cls(middle, scale, freedom, shift, weight, steps)


def _own(errors: Errors, covariance: Array) -> Array:
    """What a way errs by beyond what is assumed of it, as noise of its own: it is then weighed less."""
    known, variance = len(errors.known), np.diag(covariance)
    more = np.zeros(len(variance))
    for way in set(errors.way):
        rows = errors.way == way
        seen = errors.known[rows[:known]] ** 2 / variance[:known][rows[:known]]
        larger = (FREEDOM + SHARE * seen.sum()) / (FREEDOM + SHARE * len(seen))
        more[rows] = max(larger - 1.0, 0.0) * variance[rows]
    return np.diag(more)


def _usable(said: float | None) -> bool:
    return said is not None and bool(np.isfinite(said)) and said > 0


def _tried(trials: pd.DataFrame, ways: list[str], what: str, window: int) -> pd.DataFrame:
    """Earlier errors of these ways, over the same window and over single quarters, which tell of late."""
    own = trials[trials["way"].isin(ways) & (trials["what"] == what)]
    own = own[(own["said"] > 0) & (own["came"] > 0) & (own["window"] <= window)]
    own = own[own["window"].isin({1, own["window"].max()})]
    return own.assign(error=np.log(own["came"].astype(float) / own["said"].astype(float)))


def _longest(own: pd.DataFrame, window: int) -> tuple[pd.DataFrame, int]:
    """The errors over the window, else over the longest that was tried, and which that is."""
    at = int(own["window"].max()) if len(own) else window
    return own[own["window"] == at], at


def _together(same: pd.DataFrame, ways: pd.DataFrame) -> pd.Series:
    """What the weighed forecast was off by, by quarters back."""
    both = same.merge(ways[["way", "shift", "weight"]], on="way", validate="m:1")
    left = (both["error"] - both["shift"]) * both["weight"]
    return (left.groupby(both["back"]).sum() / both["weight"].groupby(both["back"]).sum()).dropna()
