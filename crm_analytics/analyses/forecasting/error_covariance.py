"""How the errors of forecasts hang together: what one earlier day says of another, and of today.

The error of a way is the logarithm of what came over what was said. It has known causes. The business moved
between the quarters that the way looked at and those that it forecast: a trend, a season that was not known,
what one quarter had by itself, chance. And the way has a lean of its own. So each error is a sum over
quarters with known signs (`loadings`), and the covariance of any two of them follows, today's included.
Errors of windows that overlap, of ways that look at the same quarters, and of few purchases are then counted
for what they are worth, and what they determine of today's error is its best linear prediction (`learnt`).

The sizes below were chosen by the log score on ten made-up businesses (`benchmarks/worlds`, seeds 11 to 13,
and where no season is known 21 and 22). They are what a business is taken for that was never tried.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crm_analytics.analyses.forecasting.quarters import YEAR
from crm_analytics.analyses.forecasting.ways import AGES, CONTRACTS, LEVEL, MODEL

Array = NDArray[np.float64]
AHEAD = YEAR  # quarters after the day, before those of the past in every array by quarter
# standard deviations, on logarithms
TREND = 0.04  # a year, of what neither lives nor cohorts explain
QUARTER = 0.02  # of one quarter, beside chance
SEASON = 0.3  # of a quarter of the year, where the clock does not know the season
KNOWN_SEASON = 0.03  # where it does, or where two cycles showed none
LEAN = {MODEL: 0.07, AGES: 0.02, LEVEL: 0.02, CONTRACTS: 0.04}  # of a way, always
LIVES = 0.05  # of the model a year ahead: who stays
LOOSE_LIVES = 0.3  # where the season is not known, nor then who has left and who waits for it
ROUNDING = 0.03  # of each error, by itself
MEMORY = 6.0  # quarters in which the past loses half its say in what the model takes for the level
LEAST_VOLUME = 0.02  # of a mean quarter: no quarter is emptier


@dataclass(frozen=True, eq=False)
class Errors:
    """Errors of ways, one row each: those of earlier days, then the unknown ones of the day.

    Attributes
    ----------
    way : of `ways.WAYS`
    back, window : quarters before the day that the forecast was made at, and quarters that it was of
    known : errors of the first rows; the rest are of the day
    loadings : (rows, quarters) how the level of each quarter, on logarithms, enters the error; the first
        `AHEAD` quarters lie after the day
    chance : (quarters,) variance of chance in each
    """

    way: NDArray[np.str_]
    back: NDArray[np.int64]
    window: NDArray[np.int64]
    known: Array
    loadings: Array
    chance: Array

    @classmethod
    def of(cls, rows: list[tuple[str, int, int]], known: Array, volume: Array, chance: float) -> Errors:
        """Errors of (way, back, window).

        Parameters
        ----------
        known : errors of the first rows
        volume : what was sold in each whole quarter, the last before the day first
        chance : standard deviation, on logarithms, of the last row, by chance alone
        """
        volume, whole = _volume(volume), len(volume)
        way, back, window = (np.array(one) for one in zip(*rows, strict=True))
        loadings = np.array([_loading(*row, volume, whole) for row in rows])
        sold = volume[AHEAD - int(window[-1]) : AHEAD].sum()
        return cls(way, back, window, known, loadings, chance**2 * sold / volume)

    def covariance(self, knows_season: bool) -> Array:
        """Of all rows."""
        load, place = self.loadings, AHEAD - 1 - np.arange(self.loadings.shape[1])
        model = self.way == MODEL
        trend = load @ place / YEAR * TREND
        season = (place[:, None] % YEAR == place[None, :] % YEAR) * np.square(
            KNOWN_SEASON if knows_season else SEASON
        )
        seasonal = load * model[:, None]  # the other ways look at the same weeks of last year
        lean = np.array([LEAN[one] for one in self.way])
        ahead = (self.window + 1) / (2 * YEAR)
        lives = (LIVES if knows_season else LOOSE_LIVES) * model * ahead
        found = np.outer(trend, trend) + (load * (QUARTER**2 + self.chance)) @ load.T
        found += seasonal @ season @ seasonal.T + np.outer(lives, lives)
        found += np.outer(lean, lean) * (self.way[:, None] == self.way[None, :])
        looked_at = np.where(model, 0.0, (np.minimum(load, 0.0) ** 2) @ self.chance)
        # rates of single cohorts are of fewer purchases than the quarters that they are taken from
        return found + np.diag(ROUNDING**2 + looked_at)


def _volume(past: Array) -> Array:
    """By quarter, those ahead first: they will sell like the same ones of last year."""
    past = np.asarray(past, float)
    past = np.pad(past, (0, max(YEAR - len(past), 0)), mode="edge" if len(past) else "constant")
    volume = np.maximum(np.concatenate([past[:AHEAD], past]), 0.0)
    return np.maximum(volume, LEAST_VOLUME * volume.mean()) if volume.any() else np.ones_like(volume)


def _loading(way: str, back: int, window: int, volume: Array, whole: int) -> Array:
    """The quarters that were forecast, less those that the way took the level from."""
    if way == CONTRACTS:  # what is due does not follow the business
        return np.zeros(len(volume))
    ahead = _window(back - window, window, volume)
    if way == MODEL:
        return ahead - _history(back, volume, whole)
    loading = ahead - _window(back - window + YEAR, window, volume)
    if way == LEVEL:
        loading -= _window(back, window, volume) - _window(back + YEAR, window, volume)
    return loading


def _window(first: int, window: int, volume: Array) -> Array:
    """The share of each quarter in a window; quarters before the data are those of the oldest."""
    at = np.minimum(np.arange(first, first + window) + AHEAD, len(volume) - 1)
    share = np.zeros(len(volume))
    np.add.at(share, at, volume[at])
    return share / share.sum()


def _history(back: int, volume: Array, whole: int) -> Array:
    at = np.arange(back + AHEAD, max(whole + AHEAD, back + AHEAD + 1))
    at = at[at < len(volume)]
    share = np.zeros(len(volume))
    share[at] = 0.5 ** ((at - at[0]) / MEMORY) if len(at) else 0.0
    return share / max(share.sum(), 1e-300)
