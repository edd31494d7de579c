"""How many active customers fall silent: expected in the days ahead, and counted in the same days a year ago.

An active customer who buys nothing until they are at risk has fallen silent. The number of days comes from
`analyses.definitions`, so that a churn model, the lists and every report speak of the same customers. Nobody
is said to have left for good: many of those who fell silent buy again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.churn.measures.measures import calibration_error
from crm_analytics.analyses.churn.scoring import GONE, score
from crm_analytics.analyses.churn.training import Churn, train
from crm_analytics.analyses.comparison import YEAR
from crm_analytics.analyses.definitions import definitions
from crm_analytics.analyses.evidence import LEAST, Evidence, grade
from crm_analytics.analyses.intervals import Z95
from crm_analytics.tables.contract import MONEY

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

RISKS = ("high", "medium", "low", GONE)  # of `churn.score`: from .7, from .3, below; no longer active


@dataclass(frozen=True)
class Silence:
    """How many of the customers who are active will fall silent.

    Attributes
    ----------
    window : days ahead, and of silence
    customers : active at the day
    expected, lower, upper : of them fall silent; 95 %
    spent : money of those expected to, in as many days before the day; history, no forecast
    year_ago : how many fell silent in the same days a year ago, and of how many; None where the data are
        younger
    """

    window: int
    customers: int
    expected: float
    lower: float
    upper: float
    spent: float
    year_ago: tuple[int, int] | None = None

    @property
    def share(self) -> float | None:
        """Of the active customers, those expected to fall silent."""
        return self.expected / self.customers if self.customers else None

    @property
    def share_year_ago(self) -> float | None:
        """Of the customers active a year ago, those who fell silent."""
        return self.year_ago[0] / self.year_ago[1] if self.year_ago else None

    @property
    def evidence(self) -> Evidence:
        """Whether it is another share than a year ago.

        >>> str(Silence(102, 1000, 300.0, 280.0, 320.0, 0.0, (200, 1000)).evidence)
        'shown'
        >>> str(Silence(102, 1000, 300.0, 180.0, 420.0, 0.0, (200, 1000)).evidence)
        'suggested'
        """
        if self.share is None or self.year_ago is None or self.share_year_ago is None:
            return Evidence.CANNOT_BE_TOLD
        then, n = self.share_year_ago, self.year_ago[1]
        chance = Z95 * math.sqrt(then * (1 - then) / n)
        change = self.share - then
        low = change - math.hypot(self.share - self.lower / self.customers, chance)
        high = change + math.hypot(self.upper / self.customers - self.share, chance)
        return grade(change, low, high, min(n, self.customers))


def shared_window(base: CustomerBase) -> int | None:
    """Days of silence after which a customer is at risk, as a window to learn from; None where unfit.

    Where the data do not tell, or hold fewer than three such windows, `train` finds one of its own.
    """
    days = definitions(base).at_risk_days
    history = (base.day - base.first_day).days
    return days if days is not None and 3 * days <= history else None


def expected_silence(trained: Churn, bands: pd.DataFrame, year_ago: tuple[int, int] | None = None) -> Silence:
    """The sum of the chances, and as much to either side as the method was off a customer in a window before.

    To that the chance of the next window is added: of few customers it counts for more than any error before.
    To either side, because the same error does not come back: fewer fall silent in a window before Christmas
    than in one after it, and a sum put right by the first would be wrong by twice as much in the second.

    Parameters
    ----------
    bands : customers, leaving (sum of the chances), value_at_risk: of those who are active
    """
    here, many = int(bands["customers"].sum()), float(bands["leaving"].sum())
    chance = Z95 * math.sqrt(many * max(1 - many / here, 0.0)) if here else 0.0
    off = math.hypot(here * _off(trained), chance)
    spent = float(bands["value_at_risk"].sum())
    low, high = max(many - off, 0.0), min(many + off, float(here))
    return Silence(trained.window, here, many, low, high, spent, year_ago)


def bands(base: CustomerBase, scored: ir.Table) -> pd.DataFrame:
    """Customers by their chance to fall silent.

    Parameters
    ----------
    scored : of `churn.score`

    Returns
    -------
    risk (see `RISKS`), customers, leaving (sum of the chances), value (spent in as many days as the window
        has), value_at_risk (that times the chance): one row per band, all four
    """
    exact = {name: scored[name].round(4).cast(MONEY) for name in ("value", "value_at_risk")}
    counted = scored.mutate(
        **exact, chance=scored.churn_probability.fill_null(0.0).round(6).cast("decimal(9,6)")
    )
    sums = counted.group_by("risk").aggregate(
        customers=ibis._.count(), leaving=ibis._.chance.sum(), value=ibis._.value.sum(),
        value_at_risk=ibis._.value_at_risk.sum(),
    )  # fmt: skip
    found = base.collect(sums).set_index("risk").astype("float64").reindex(list(RISKS), fill_value=0.0)
    return found.astype({"customers": "int64"}).rename_axis("risk").reset_index()


def silence_of(base: CustomerBase) -> Silence:
    """Train a model on a base, score its active customers, and sum up.

    Raises
    ------
    NotEnoughData : see `training.train`.
    """
    trained = train(base, shared_window(base))
    table = bands(base, base.materialise(score(base, trained, explained=0)))
    return expected_silence(trained, table[table["risk"] != GONE], fell_silent(base, trained.window))


def _off(trained: Churn) -> float:
    """The largest error a customer, of the last window the end of its 95 % interval."""
    last = calibration_error(trained.held_out.left, trained.held_out.score)
    own = trained.evidence[trained.evidence["method"] == trained.method]
    before = ((own["left"] - own["expected"]) / own["n"]).abs().max()
    return max(abs(last.lower), abs(last.upper), float(before))


def fell_silent(base: CustomerBase, window: int, ago: int = YEAR) -> tuple[int, int] | None:
    """Of the customers active so many days ago, how many bought nothing in the window after it.

    Returns
    -------
    (fell silent, active); None where the data do not reach back, the window is not over, or fewer than 30
    were active.
    """
    day = base.day - timedelta(days=ago)
    if window > ago or day - timedelta(days=window) < base.first_day:
        return None
    active = _active(base.as_of(day), window)
    later = base.between(day, day + timedelta(days=window)).exact_occasions.select("customer_id").distinct()
    row = active.aggregate(of=active.count()).to_pyarrow().to_pylist()[0]
    back = active.semi_join(later, "customer_id").count().to_pyarrow().as_py()
    return (int(row["of"] - back), int(row["of"])) if row["of"] >= LEAST else None


def _active(base: CustomerBase, window: int) -> ir.Table:
    history = base.purchase_history
    bought = history.filter(history.order_count > 0)
    away = ibis.literal(base.day).delta(bought.last_day, unit="day").cast("int64")
    return bought.filter(away < window).select("customer_id")
