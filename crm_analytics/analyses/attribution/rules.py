"""Attribution by rule: of each path's credit, what share each touch gets."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from crm_analytics.analyses.attribution.paths import Paths
from crm_analytics.errors import ParameterError

Rule = Callable[[Paths], np.ndarray]  # shares of the touches, which sum to one in every path


def first(paths: Paths) -> np.ndarray:
    """All to the first touch."""
    return (paths.place == 0).astype(float)


def last(paths: Paths) -> np.ndarray:
    """All to the last touch."""
    shares = np.zeros(len(paths.steps))
    shares[paths.starts[1:] - 1] = 1.0
    return shares


def last_non_direct(paths: Paths, direct: str = "direct") -> np.ndarray:
    """All to the last touch that is not `direct`; to the last where there is no other."""
    if direct not in paths.channels:
        return last(paths)
    other = paths.steps != paths.channels.index(direct)
    found = np.where(other, np.arange(len(paths.steps)), -1)
    latest = np.maximum.reduceat(found, paths.starts[:-1])
    shares = np.zeros(len(paths.steps))
    shares[np.where(latest >= 0, latest, paths.starts[1:] - 1)] = 1.0
    return shares


def linear(paths: Paths) -> np.ndarray:
    """The same to every touch."""
    return np.repeat(1.0 / paths.lengths, paths.lengths)


def position(paths: Paths, first: float, last: float) -> np.ndarray:
    """`first` and `last` to the ends, the rest evenly between; two touches share by first : last."""
    length, place = np.repeat(paths.lengths, paths.lengths), paths.place
    at_first, at_last = place == 0, place == length - 1
    middle = (1.0 - first - last) / np.maximum(length - 2, 1)
    shares = np.where(at_first, first, np.where(at_last, last, middle))
    two = np.where(at_first, first, last) / (first + last)
    return np.where(length == 1, 1.0, np.where(length == 2, two, shares))


def time_decay(paths: Paths, half_life: float = 7.0) -> np.ndarray:
    """By 2^(-days / half_life), scaled to one; needs the days of the touches.

    Raises
    ------
    ParameterError : the paths have no column ``days``
    """
    if paths.days is None:
        raise ParameterError("time_decay needs the column days: of each touch, days before the path's end")
    nearest = np.minimum.reduceat(paths.days, paths.starts[:-1])  # else all could underflow to 0
    weight = np.exp2(-(paths.days - np.repeat(nearest, paths.lengths)) / half_life)
    return weight / np.repeat(np.add.reduceat(weight, paths.starts[:-1]), paths.lengths)


def shapley(paths: Paths) -> np.ndarray:
    """The same to every distinct channel of the path, however often it was touched.

    This *is* the Shapley value of the game v(S) = conversions of the paths whose channels lie in S: each
    path is a unanimity game of its channels, which splits evenly (Shapley 1953), and the value is linear.
    So no list of 2^n coalitions is made. See `shapley_value` for a game of your own.
    """
    size = len(paths.channels)
    _, where = np.unique(paths.path_of_step * size + paths.steps, return_index=True)
    once = np.zeros(len(paths.steps))
    once[where] = 1.0
    distinct = np.add.reduceat(once, paths.starts[:-1])
    return once / np.repeat(distinct, paths.lengths)


RULES: dict[str, Rule] = {
    "first": first,
    "last": last,
    "last_non_direct": last_non_direct,
    "linear": linear,
    "u_shaped": partial(position, first=0.4, last=0.4),
    "j_shaped": partial(position, first=0.2, last=0.6),
    "inverse_j": partial(position, first=0.6, last=0.2),
    "time_decay": time_decay,
    "shapley": shapley,
}


def credit(paths: Paths, shares: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """What each channel gets of the weights of the paths."""
    given = shares * np.repeat(weight, paths.lengths)
    return np.bincount(paths.steps, given, len(paths.channels))
