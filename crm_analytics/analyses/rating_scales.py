"""Answers on a scale: which scale they are on, and the same answer on a scale from 0 to 1.

A shop asks for stars from 1 to 5, a help desk for good or bad, a survey from 0 to 10. On the scale from 0 to
1 they can stand side by side. A scale is what the data say it is; where they do not, the usual scale of the
question is taken if every answer fits on it, and never guessed from one answer.
"""

from __future__ import annotations

from dataclasses import dataclass

SATISFIED = 0.75  # of the scale: 4 of 1 to 5, 6 of 1 to 7, 8 of 0 to 10
USUAL = ((0.0, 1.0), (1.0, 5.0), (1.0, 7.0), (0.0, 10.0), (0.0, 100.0))


@dataclass(frozen=True)
class Scale:
    """The lowest and the highest answer.

    >>> Scale(1, 5).share(4), Scale(0, 10).of(0.75)
    (0.75, 7.5)
    """

    low: float
    high: float

    def share(self, score: float) -> float:
        """A score as a share of the scale, 0 to 1."""
        return (score - self.low) / (self.high - self.low)

    def of(self, share: float) -> float:
        """A share of the scale as a score."""
        return self.low + share * (self.high - self.low)


def scale_of(lowest: float | None, highest: float | None) -> Scale | None:
    """The narrowest usual scale that holds all answers; None without answers, or where none does.

    >>> scale_of(2, 5), scale_of(1, 1), scale_of(-3, 3)
    (Scale(low=1.0, high=5.0), Scale(low=0.0, high=1.0), None)
    """
    if lowest is None or highest is None:
        return None
    return next((Scale(a, b) for a, b in USUAL if a <= lowest and highest <= b), None)
