"""Is the model good enough to act on, and were there data enough to make one?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from crm_analytics.analyses.churn.measures.measures import auc
from crm_analytics.analyses.churn.measures.ranking import checked, ranked
from crm_analytics.analyses.intervals import wilson
from crm_analytics.errors import ParameterError

MARGIN = 0.1  # what an A is better than the rule, in shares of the leavers
RIGHT = 0.5  # what must be right of all predictions
CHANCE = 0.5  # AUC of a score that knows nothing


@dataclass(frozen=True)
class Grade:
    """A, B or C, and why.

    letter : "A", "B" or "C"
    accuracy : share of all customers called rightly
    churner_accuracy, lower, upper : share of the leavers that was called, with its 95 % interval
    baseline : the same share by the recency rule
    called : share of all customers called leavers
    n, left : customers it was measured on, and those of them who left
    """

    letter: Literal["A", "B", "C"]
    accuracy: float
    churner_accuracy: float
    lower: float
    upper: float
    baseline: float
    called: float
    n: int
    left: int

    def __str__(self) -> str:
        return self.letter

    @property
    def words(self) -> str:
        """The grade as a sentence."""
        points = 100 * (self.churner_accuracy - self.baseline)
        way = "more" if points >= 0 else "fewer"
        more = f"{abs(points):.0f} points {way} than" if abs(points) >= 0.5 else f"hardly {way} than"
        if abs(points) < 1e-9:
            more = "as many as"
        return (
            f"{self.letter}: {self.accuracy:.0%} of {self.n:,} predictions are right, and "
            f"{self.churner_accuracy:.0%} of the {self.left:,} who left were called, {more} by the recency "
            f"rule ({self.baseline:.0%})"
        )


def grade(y: ArrayLike, p: ArrayLike, baseline_accuracy: float, *, called: float | None = None) -> Grade:
    """A, B or C as in Dynamics 365 Customer Insights.

    A: at least half of the predictions are right and the share of leavers called exceeds that of the best
    recency rule by at least 10 points. B: it exceeds it, by less. C: everything else, also where both are
    equal, and, beyond Dynamics, where the 95 % interval of the AUC holds chance: a score that knows nothing
    exceeds a rule that knows nothing every second time.

    Parameters
    ----------
    y : who left, 0/1 or bool
    p : probability of leaving, 0..1
    baseline_accuracy : share of the leavers called by the recency rule (`RecencyRule.churner_accuracy`),
        measured on the same customers
    called : call as large a share as the rule does (`RecencyRule.called`), those of highest probability.
        Without it everybody from .5 on is called, as in Dynamics; then a model that calls more customers
        than the rule looks better by that alone.

    Raises
    ------
    NotEnoughData : nobody left, or all did.
    ParameterError : the baseline or `called` is no share.

    Examples
    --------
    >>> found = grade([0, 0, 1, 1] * 50, [.1, .2, .7, .9] * 50, baseline_accuracy=.5)
    >>> found.letter, found.words
    ('A', 'A: 100% of 200 predictions are right, and 100% of the 100 who left were called, 50 points more \
than by the recency rule (50%)')
    """
    left, score = checked(y, p, both="a grade", probabilities=True)
    for name, share in (("baseline_accuracy", baseline_accuracy), ("called", called)):
        if share is not None and not 0 <= share <= 1:
            raise ParameterError(f"{name} is a share between 0 and 1, got {share}")
    n, leavers = len(left), left.sum()
    if called is None:
        called, found = float((score >= 0.5).mean()), float(left[score >= 0.5].sum())
    else:
        found = float(ranked(left, score).captured(np.array([called]))[0])
    right = (found + (n - leavers) - (called * n - found)) / n
    reached = found / leavers
    ahead = round(reached - baseline_accuracy, 12)  # .6 - .5 is 10 points, whatever binary fractions say
    letter: Literal["A", "B", "C"] = "C"
    if right >= RIGHT and ahead > 0 and auc(left, score).lower > CHANCE:
        letter = "A" if ahead >= MARGIN else "B"
    lower, upper = wilson(found, float(leavers), 0.95)
    return Grade(
        letter,
        accuracy=float(right),
        churner_accuracy=float(reached),
        lower=lower,
        upper=upper,
        baseline=float(baseline_accuracy),
        called=float(called),
        n=n,
        left=int(leavers),
    )


@dataclass(frozen=True)
class Minimums:
    """From how much data on a churn model is made; below it the recency rule speaks alone.

    Source: the minimum data of Dynamics 365 Customer Insights.

    customers, customers_better : who have bought; from the second on it is comfortable
    contract_customers : the same where contracts end
    windows : history before the day, in windows
    activities, active_share : at least so many purchases for at least so large a share of the customers
    missing_share : of the values of the features of purchases, below this
    """

    customers: int = 500
    customers_better: int = 1_000
    contract_customers: int = 1_000
    windows: float = 2.0
    activities: int = 2
    active_share: float = 0.5
    missing_share: float = 0.2

    def unmet(
        self,
        *,
        customers: int,
        history_days: float | None = None,
        window: float | None = None,
        active_share: float | None = None,
        missing_share: float | None = None,
        contracts: bool = False,
    ) -> tuple[str, ...]:
        """What is missing, one sentence each; empty when a model may be made.

        What is not given is not asked for.

        >>> MINIMUMS.unmet(customers=120, history_days=200, window=180)
        ('120 customers, at least 500 are needed', '200 days of history, at least 360 are needed (2 windows)')
        """
        need, what = (self.contract_customers, "contracts") if contracts else (self.customers, "customers")
        found = []
        if customers < need:
            found.append(f"{customers:,} {what}, at least {need:,} are needed")
        if history_days is not None and window is not None and history_days < self.windows * window:
            found.append(
                f"{history_days:.0f} days of history, at least {self.windows * window:.0f} are needed "
                f"({self.windows:g} windows)"
            )
        if active_share is not None and active_share < self.active_share:
            found.append(
                f"{active_share:.0%} of the customers have {self.activities} purchases or more, at least "
                f"{self.active_share:.0%} are needed"
            )
        if missing_share is not None and missing_share >= self.missing_share:
            found.append(
                f"{missing_share:.0%} of what purchases should tell is missing, less than "
                f"{self.missing_share:.0%} is needed"
            )
        return tuple(found)


MINIMUMS = Minimums()
