"""What anybody could say without a model: who has not bought for long, has left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.isotonic import isotonic_regression

from crm_analytics.analyses.churn.measures.ranking import as_labels
from crm_analytics.analyses.intervals import wilson
from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.tables.object_cards import ObjectCard

Array = NDArray[np.float64]
WEEK = 7  # days; shorter cuts are not tried, unless the window itself is hardly longer


@dataclass(frozen=True, eq=False)
class RecencyRule(ObjectCard):
    """The best rule of the form "no purchase for `cut_days` or more: will leave".

    cut_days : the best of the cuts tried, by the mean of leavers and stayers called rightly
    called : share of all customers that it calls leavers
    accuracy : share of all customers called rightly
    churner_accuracy : share of the leavers called; what a model is graded against
    cuts : every cut tried: cut_days, called, accuracy, churner_accuracy, lower, upper, balanced_accuracy
    bands : from_days, customers, leavers, probability; between the cuts, never falling with the days
    n, left : customers it was chosen on, and those of them who left
    """

    cut_days: int
    called: float
    accuracy: float
    churner_accuracy: float
    cuts: pd.DataFrame
    bands: pd.DataFrame
    n: int
    left: int

    card_frame = "bands"

    def leaves(self, days_since: ArrayLike) -> NDArray[np.bool_]:
        """Who will leave by the rule."""
        return _days(days_since) >= self.cut_days

    def probability(self, days_since: ArrayLike) -> Array:
        """Chance to leave by days since the last purchase: the share of the band, 0..1."""
        band = np.searchsorted(self.bands["from_days"].to_numpy(), _days(days_since), side="right") - 1
        return self.bands["probability"].to_numpy(dtype=float)[band]

    @property
    def words(self) -> str:
        """The rule as a sentence."""
        return f"no purchase for {self.cut_days} days or more"


def recency_rule(days_since: ArrayLike, y: ArrayLike, window: int | None = None) -> RecencyRule:
    """Try a window, its half, its quarter and so on down to a week, and keep the best cut.

    Parameters
    ----------
    days_since : days since the last purchase, on the day; >= 0, one a customer
    y : who left in the window after it, 0/1 or bool
    window : days without a purchase that count as having left; without it the most days seen

    Returns
    -------
    RecencyRule. Best is the highest mean of the two shares called rightly, leavers and stayers: by leavers
    alone the rule that calls everybody would win. Of equals the longest cut.

    Raises
    ------
    NotEnoughData : nobody left, or all did.
    ParameterError : days are missing or negative, lengths differ, or the window is below 1 day.

    Source
    ------
    The baseline of the churn model in Dynamics 365 Customer Insights, which stops at a month. More cuts can
    only make a better rule; and of customers still here, a window below 60 days would leave nobody to call.

    Examples
    --------
    >>> rule = recency_rule([5, 20, 50, 100, 200, 300], [0, 0, 0, 1, 1, 1], window=180)
    >>> rule.cut_days, rule.churner_accuracy, rule.cuts["cut_days"].tolist()
    (90, 1.0, [180, 90, 45, 22, 11])
    """
    left, days = as_labels(y), _days(days_since)
    if left.shape != days.shape:
        raise ParameterError(f"{len(days)} days and {len(left)} labels: there must be one of each a customer")
    for share, who in ((left.sum(), "left"), (len(left) - left.sum(), "stayed")):
        if not share:
            raise NotEnoughData("the recency rule", 0, 1, f"customers who {who}")
    longest = int(days.max()) if window is None else window
    if window is not None and window < 1:
        raise ParameterError(f"window must be 1 day or more, got {window}")
    cuts = pd.DataFrame([_tried(days, left, cut) for cut in _halves(longest)])
    best = cuts.iloc[int(cuts["balanced_accuracy"].to_numpy().argmax())]
    return RecencyRule(
        cut_days=int(best["cut_days"]),
        called=float(best["called"]),
        accuracy=float(best["accuracy"]),
        churner_accuracy=float(best["churner_accuracy"]),
        cuts=cuts,
        bands=_bands(days, left, cuts["cut_days"].tolist()),
        n=len(left),
        left=int(left.sum()),
    )


def _halves(window: int) -> list[int]:
    cuts, shortest = [window], max(min(WEEK, window // 2), 1)
    while cuts[-1] // 2 >= shortest:
        cuts.append(cuts[-1] // 2)
    return cuts


def _tried(days: Array, left: Array, cut: int) -> dict[str, float]:
    called, gone = days >= cut, left > 0
    leavers, stayers = gone.sum(), (~gone).sum()
    found, spared = (called & gone).sum(), (~called & ~gone).sum()
    lower, upper = wilson(float(found), float(leavers), 0.95)
    return {
        "cut_days": cut,
        "called": float(called.mean()),
        "accuracy": float((called == gone).mean()),
        "churner_accuracy": float(found / leavers),
        "lower": lower,
        "upper": upper,
        "balanced_accuracy": float((found / leavers + spared / stayers) / 2),
    }


def _bands(days: Array, left: Array, cuts: list[int]) -> pd.DataFrame:
    """Share who left between the cuts; one customer at the share of all is added to each band."""
    edges = np.array([0, *sorted(cut for cut in set(cuts) if cut > 0)])
    band = np.searchsorted(edges, days, side="right") - 1
    customers = np.bincount(band, minlength=len(edges))
    leavers = np.bincount(band[left > 0], minlength=len(edges))
    share = (leavers + left.mean()) / (customers + 1)
    rising = isotonic_regression(share, sample_weight=customers + 1.0)
    return pd.DataFrame(
        {"from_days": edges, "customers": customers, "leavers": leavers, "probability": rising}
    )


def _days(days_since: ArrayLike) -> Array:
    days = np.asarray(days_since, dtype=float)
    if days.ndim != 1 or not len(days) or not (days >= 0).all() or not np.isfinite(days).all():
        raise ParameterError("days since the last purchase must be given for every customer, each 0 or more")
    return days
