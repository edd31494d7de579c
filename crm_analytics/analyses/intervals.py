"""Intervals of shares and of changes, in one place."""

from __future__ import annotations

import math

Z95 = 1.959963984540054  # the 97.5 % point of the standard normal


def wilson(successes: int, n: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927, JASA 22, 209-212); (0, 1) when nothing was observed.

    >>> [round(x, 4) for x in wilson(81, 263)]
    [0.2553, 0.3662]
    """
    if n == 0:
        return 0.0, 1.0
    share, z2 = successes / n, Z95**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def share_difference(k1: int, n1: int, k2: int, n2: int) -> tuple[float, float]:
    """95 % interval of ``k1/n1 - k2/n2`` for independent samples (Newcombe 1998, method 10).

    >>> [round(x, 4) for x in share_difference(56, 70, 48, 80)]
    [0.0524, 0.3339]
    """
    (low1, high1), (low2, high2) = wilson(k1, n1), wilson(k2, n2)
    p1, p2 = (k1 / n1 if n1 else 0.5), (k2 / n2 if n2 else 0.5)
    lower = p1 - p2 - math.hypot(p1 - low1, high2 - p2)
    upper = p1 - p2 + math.hypot(high1 - p1, p2 - low2)
    return lower, upper
