"""Fellegi and Sunter's weights: how much an agreement speaks for one person, and a disagreement against.

Source: Fellegi & Sunter (1969), *A Theory for Record Linkage*, JASA 64(328), 1183-1210. Weights are in
bits: the logarithm to base two of m / u, where m is the probability of a level of agreement among records
of one person and u that among records of two.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crm_analytics.analyses import arguments

WRONG = 0.01  # share of accepted pairs that may be expected to be wrong
FLOOR = 0.9  # a pair less likely than that is never accepted unasked, however sure the others are


def match_weight(m: float, u: float) -> float:
    """Bits that a level of agreement adds.

    >>> round(match_weight(0.9, 0.01), 4), round(match_weight(0.95, 0.001), 4)
    (6.4919, 9.8918)
    """
    return math.log2(m) - math.log2(u)


def match_probability(prior: float, weights: Iterable[float]) -> float:
    """Probability that two records are of one person: prior odds times two to the sum of the weights.

    Parameters
    ----------
    prior : probability that two records drawn at random are, between 0 and 1
    weights : bits, see `match_weight`

    >>> round(match_probability(1 / 1000, [6.491853, 9.891784]), 5)
    0.98845
    """
    arguments.share("prior", prior)
    return float(probability_of(math.log2(prior) - math.log2(1 - prior) + math.fsum(weights)))


def probability_of(weight: ArrayLike) -> NDArray[np.float64]:
    """Probability of total weights, the prior's bits included."""
    bits = np.asarray(weight, dtype="float64")
    return np.asarray(1 / (1 + np.exp2(-bits)), dtype="float64")


def threshold_without_labels(weights: ArrayLike, wrong: float = WRONG, floor: float = FLOOR) -> float:
    """The total weight from which pairs are accepted, chosen without knowing which pairs are right.

    Pairs are accepted from the most likely on, for as long as the model expects at most a share `wrong` of
    all accepted to be wrong (the mean of one minus their probability), and each by itself is at least as
    likely as `floor`: one wrong pair joins two whole groups. It misleads where the model's probabilities do,
    so the page shows the pairs about the threshold, and a person looks at them.

    Parameters
    ----------
    weights : total weights of the candidate pairs, in bits
    wrong : share of accepted pairs that may be wrong, between 0 and 1
    floor : probability below which no pair is accepted

    Returns
    -------
    bits; infinite where no pair may be accepted

    >>> threshold_without_labels([10.0, 9.0, 1.0])
    9.0
    """
    arguments.share("wrong", wrong)
    found = np.sort(np.asarray(weights, dtype="float64"))[::-1]
    chance = probability_of(found)
    expected = np.cumsum(1 - chance) / np.arange(1, len(found) + 1)
    good = found[(expected <= wrong) & (chance >= floor)]
    return float(good.min()) if len(good) else math.inf
