"""How much a finding may claim: shown, suggested, not told apart, cannot be told.

The grade comes from the estimate, its interval and the number of cases, and from how often a finding of its
kind speaks where there is nothing to find. Headlines, findings and verdicts take their verb from it; the
verbs stand in the catalogues of the reports.
"""

from __future__ import annotations

import math
from enum import StrEnum
from statistics import NormalDist

import pandas as pd

from crm_analytics.analyses.error_rates import EXPECTED, error_rate
from crm_analytics.analyses.intervals import Z95

LEAST = 30  # cases; an interval over fewer rests on a normal law that nobody has checked
NOMINAL = EXPECTED  # share of null worlds in which a finding of 95 % may speak
TOLERATED = 0.10  # beyond, the interval is too narrow: the finding may suggest, and shows nothing
WORTHLESS = 0.20  # beyond, it speaks as often of nothing as of something
Z80 = 1.2815515655446004  # the 90 % point of the standard normal


class Evidence(StrEnum):
    """What may be said of a difference."""

    SHOWN = "shown"
    SUGGESTED = "suggested"
    NOT_TOLD_APART = "not told apart"
    CANNOT_BE_TOLD = "cannot be told"

    @property
    def is_news(self) -> bool:
        """Whether a headline or a finding may speak of it.

        What is only suggested is said of one in five worlds in which there is nothing: tables mark it so, and
        no sentence rests on it.

        >>> Evidence.SHOWN.is_news, Evidence.SUGGESTED.is_news
        (True, False)
        """
        return self is Evidence.SHOWN


def grade(
    estimate: float | None,
    lower: float | None,
    upper: float | None,
    n: int,
    *,
    null: float = 0.0,
    kind: str = "",
    least: int = LEAST,
    looks: int = 1,
) -> Evidence:
    """Grade an estimate against what it would be if there were nothing to find.

    Parameters
    ----------
    estimate, lower, upper : with its 95 % interval; None or NaN where it cannot be had
    n : cases behind it
    null : the estimate where there is nothing to find
    kind : of the finding, "page.finding" of `error_rates`, which tells the share of made-up companies without
        it in which the interval leaves `null` out. Above 10 % (nominal is 5 %) a finding is cut to
        *suggested*, above 20 % to *not told apart*. Without a kind the share counts as nominal
    looks : differences of which the page would tell whichever is clear, this one included (Bonferroni)

    Returns
    -------
    shown : the 95 % interval leaves out `null`
    suggested : only the 80 % interval does, or the 95 % interval of a finding that speaks a little too often
    not told apart : `null` lies within
    cannot be told : no interval, or fewer than `least` cases

    Examples
    --------
    >>> str(grade(0.24, 0.15, 0.32, 2047)), str(grade(0.24, -0.05, 0.53, 60)), str(grade(0.24, 0.2, 0.3, 12))
    ('shown', 'suggested', 'cannot be told')
    >>> str(grade(0.24, 0.03, 0.45, 200)), str(grade(0.24, 0.03, 0.45, 200, looks=5))
    ('shown', 'suggested')
    """
    numbers = (estimate, lower, upper)
    if n < least or any(x is None or not math.isfinite(x) for x in numbers):
        return Evidence.CANNOT_BE_TOLD
    assert estimate is not None
    assert lower is not None
    assert upper is not None
    wrong = error_rate(kind) if kind else NOMINAL
    side = estimate - lower if estimate > null else upper - estimate
    distance = abs(estimate - null)
    if distance == 0 or distance < Z80 * side / Z95 or wrong > WORTHLESS:
        return Evidence.NOT_TOLD_APART
    wider = NormalDist().inv_cdf(1 - NOMINAL / 2 / looks) / Z95 if looks > 1 else 1.0
    clear = distance > wider * side and wrong <= TOLERATED
    return Evidence.SHOWN if clear else Evidence.SUGGESTED


def may_claim(kind: str) -> bool:
    """Whether a finding of this kind may be claimed at all: said of at most 10 % of companies without it.

    Parameters
    ----------
    kind : "page.finding" of `error_rates`; empty for one of which no company was made up

    >>> may_claim("products.pair")
    True
    """
    return (error_rate(kind) if kind else NOMINAL) <= TOLERATED


def told(clear: pd.Series, kind: str) -> pd.Series:
    """Which differences of a table a page may claim, of those its analysis calls clear.

    The flags hold together over the rows of their table, so they need no interval; what is left for the page
    is how often a finding of this kind speaks of nothing, as in `grade`.

    Parameters
    ----------
    clear : of the table, one flag per row
    kind : of the finding, "page.finding" of `error_rates`; empty for one of which no company was made up

    Returns
    -------
    The flags, or no flag where the kind speaks in more than 10 % of companies without it

    >>> told(pd.Series([True, False]), "voice.driver").tolist()
    [True, False]
    """
    flags = clear.fillna(False).astype(bool)
    return flags if may_claim(kind) else flags & False
