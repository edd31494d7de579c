"""Whether talk and sales move together, and which comes first. Correlation alone: nothing here is a cause.

Both weekly series are first made free of their own past, so that two drifting series are not taken for
related: L. D. Haugh (1976), *JASA* 71, 378-385. The bound is widened for looking at so many lags (Šidák).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from crm_analytics.analyses.social.volume import WEEK
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.analyses.social.mentions import Mentions

LAGS = 8  # weeks to either side
LEAST = 100  # weeks: only where a year comes about twice is a season distinguished from a move
YEAR, STEP = 52.18, 2  # weeks
PAST = 4  # weeks of its own past that are taken out of a series
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LeadLag(ObjectCard):
    """Correlations of weekly mentions and weekly sales.

    Attributes
    ----------
    lags : lag (weeks; above 0 mentions come first), correlation, bound (beyond it chance is unlikely over all
        lags together, 5 %)
    weeks : behind it
    """

    lags: pd.DataFrame
    weeks: int

    @property
    def clear(self) -> list[int]:
        """Lags beyond the bound, the strongest first."""
        beyond = self.lags[self.lags["correlation"].abs() > self.lags["bound"]]
        order = beyond["correlation"].abs().sort_values(ascending=False).index
        return [int(lag) for lag in beyond.loc[order, "lag"]]


def lead_lag(said: Mentions, weeks: pd.DataFrame) -> LeadLag:
    """Correlate the weekly mentions of `volume.voice` with weekly purchases.

    Parameters
    ----------
    weeks : start, mentions; whole weeks without a gap

    Raises
    ------
    NotEnoughData : fewer than `LEAST` weeks have both.
    """
    sales = _weekly(said)
    both = weeks.set_index("start")["mentions"].to_frame().join(sales.rename("orders"), how="inner")
    if len(both) < LEAST:
        raise NotEnoughData("Talk and sales", len(both), LEAST, "weeks with both")
    return correlations(both["mentions"].to_numpy(float), both["orders"].to_numpy(float))


def correlations(leading: Array, following: Array) -> LeadLag:
    """Cross-correlations of two series, each freed of its own past.

    Parameters
    ----------
    leading, following : of equal length; a positive lag means that the first comes first

    Examples
    --------
    >>> draw = np.random.default_rng(3)
    >>> x = draw.normal(size=160)
    >>> correlations(x, np.roll(x, 2) + draw.normal(size=160)).clear
    [2]
    """
    x, y = _innovations(leading), _innovations(following)
    n = len(x)
    spent = PAST + 1 + min(len(leading), int(YEAR)) // STEP  # what each series was freed of
    level = 1 - (1 - 0.05) ** (1 / (2 * LAGS + 1))
    rows = []
    for lag in range(-LAGS, LAGS + 1):
        a, b = (x[: n - lag], y[lag:]) if lag >= 0 else (x[-lag:], y[: n + lag])
        spread = float(np.sqrt((a**2).mean() * (b**2).mean()))
        r = float((a * b).mean()) / spread if spread > 0 else 0.0
        free = max(len(a) - 2 - spent, 1)
        t = stats.t.ppf(1 - level / 2, free)
        rows.append((lag, r, float(t / np.sqrt(free + t * t))))
    return LeadLag(pd.DataFrame(rows, columns=["lag", "correlation", "bound"]), n)


def _innovations(series: Array) -> Array:
    """What a series does beyond its own last `PAST` weeks and the season of the year, as normal scores.

    The season has a mean for every `STEP` weeks of the year: waves are too smooth for a December, and what is
    left of it in both series would look like a move of one with the other. By rank, because a week in which
    everything jumps is one week and no more.
    """
    logs = np.log1p(np.maximum(series, 0.0)) if (series >= 0).all() else series
    n = len(logs)
    place = (np.arange(n) % YEAR // STEP).astype(int)
    known = np.column_stack([place[:, None] == np.unique(place), np.arange(n) / n]).astype(float)
    rest = _without(known, logs)
    past = [np.append(np.full(k, np.nan), rest[:-k]) for k in range(1, PAST + 1)]
    left = _without(np.column_stack([known, *past])[PAST:], logs[PAST:])
    return np.asarray(stats.norm.ppf((stats.rankdata(left) - 0.5) / len(left)))


def _without(design: Array, values: Array) -> Array:
    found, *_ = np.linalg.lstsq(design, values, rcond=None)
    return np.asarray(values - design @ found)


def _weekly(said: Mentions) -> pd.Series:
    """Purchases by the first day of their week; weeks end on the weekday of the base's day."""
    base = said.base
    days = base.occasions
    back = ibis.literal(base.day).delta(days.day, unit="day").cast("int64") // WEEK
    days = days.mutate(back=back.cast("int64"))
    found = base.collect(days.group_by("back").aggregate(orders=days.count())).set_index("back")["orders"]
    whole = ((base.day - base.first_day).days + 1) // WEEK
    found = found.reindex(range(whole)).fillna(0)
    start = pd.Timestamp(base.day) - pd.to_timedelta(WEEK * found.index.to_numpy() + WEEK - 1, unit="D")
    return pd.Series(found.to_numpy(), index=start).sort_index()
