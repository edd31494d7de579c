"""How far off a forecast may be, learnt from the errors it made at earlier days.

Errors are logarithms of what came over what was said. Their spread, drawn towards what is assumed of a
business never tried, is the interval. Errors of windows that overlap count as so many whole windows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]
PRIOR = 2.0  # errors that the assumption of a spread counts for
NO_SHIFT = 0.5  # errors that the assumption of no shift counts for, where one was taken out
FARTHEST = 2.5  # on logarithms: what is twelve times off is no forecast


@dataclass(frozen=True)
class Doubt:
    """What earlier errors say of the next one.

    Attributes
    ----------
    scale, freedom : of Student's t around the logarithm of the forecast
    errors : how many earlier days were tried
    """

    scale: float
    freedom: float
    errors: int

    def half(self, level: float = 0.95) -> float:
        """Half the width of the interval, on logarithms."""
        return min(float(stats.t.ppf((1 + level) / 2, self.freedom)) * self.scale, FARTHEST)

    def wider(self, own: Array, level: float = 0.95) -> Array:
        """The same of parts, whose own chance has so much more variance than that of the whole."""
        t = float(stats.t.ppf((1 + level) / 2, self.freedom))
        return np.minimum(t * np.sqrt(self.scale**2 + own), FARTHEST)


def doubt_of(errors: Array, overlap: float, chance: float, assumed: float, apart: float = 0.0) -> Doubt:
    """The spread of errors from which their shift was taken.

    Parameters
    ----------
    errors : logarithms of came over said, less the shift
    overlap : windows that overlap at any time: errors of four quarters a quarter apart overlap four times
    chance : standard deviation, on logarithms, that chance and parameters give the forecast: the least
    assumed : the same for all that a forecast leaves out, in a business that was never tried
    apart : variance, on logarithms, for ways that disagree today

    Examples
    --------
    >>> doubt_of(np.array([]), overlap=1.0, chance=0.03, assumed=0.04)
    Doubt(scale=0.059..., freedom=3.0, errors=0)
    """
    free = len(errors) / max(overlap, 1.0)
    prior = chance**2 + assumed**2
    seen = float(np.mean(errors**2)) if len(errors) else 0.0
    variance = max((PRIOR * prior + free * seen) / (PRIOR + free), chance**2)
    shift = 1 / (free + NO_SHIFT + PRIOR)  # the shift was learnt from the same errors
    return Doubt(float(np.sqrt(variance * (1 + shift) + apart)), PRIOR + 1 + free, len(errors))
