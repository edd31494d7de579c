"""Who is likely to buy a category in the next weeks, by what customers like them did a year ago."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.intervals import wilson
from crm_analytics.analyses.products.product_lines import product_lines
from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

YEAR = 364  # days: whole weeks
MINIMUM = 100  # buyers of the category in the weeks rates are measured on
TIMES = (1, 2, 4)  # least numbers of days with the category in the last year
SILENCES = (29, 92, 183, YEAR + 1)  # bounds of days since the last purchase of anything
LIKELY = 2.0  # times the mean probability, from which a customer is a likely buyer
PRIOR = 20.0  # customers by which the rate of a small cell is drawn to the mean
CELL = ["times", "in_season", "silence"]


@dataclass(frozen=True, eq=False)
class LikelyBuyers(ObjectCard):
    """Probabilities of buying a category within the next weeks.

    Attributes
    ----------
    customers : Ibis: customer_id, probability, times (place among `TIMES` of the days with the category in
        the last year), in_season (bought it in these weeks a year ago), silence (place among `SILENCES`)
    cells : times, in_season, silence, customers, bought (when it was measured), probability, lower, upper
        (95 %, Wilson, of the share that was seen)
    measured_on : first day of the weeks the rates are of: the same a year ago, where the data reach back so
        far, else the last ones
    same_season : whether they are the same weeks of the year
    mean : share of all customers who bought in those weeks
    """

    category: str
    weeks: int
    customers: ir.Table
    cells: pd.DataFrame
    measured_on: date
    same_season: bool
    mean: float

    @property
    def likely(self) -> ir.Table:
        """Those of the customers who are `LIKELY` times as likely as the mean, or more."""
        return self.customers.filter(self.customers.probability >= LIKELY * self.mean)


def likely_buyers(base: CustomerBase, category: str, weeks: int = 8, level: str = "category") -> LikelyBuyers:
    """Measure by cells of history, and apply to what is known now.

    Raises
    ------
    DataError : products have no category.
    NotEnoughData : fewer than `MINIMUM` customers bought the category in the weeks to measure on, or the data
        do not reach back a quarter before them.
    """
    if not 1 <= weeks <= 26:
        raise ParameterError(f"weeks is {weeks}: it must be 1 to 26")
    span = timedelta(days=7 * weeks)
    a_year_ago = base.day - timedelta(days=YEAR)
    same = base.first_day <= a_year_ago - timedelta(days=91)
    reference = a_year_ago if same else base.day - span
    if base.first_day > reference - timedelta(days=91):
        have = (base.day - base.first_day).days + 1
        raise NotEnoughData("likely buyers of a category", have, 7 * weeks + 91, "days")
    lines = product_lines(base, level)
    lines = lines.filter(~lines.is_return, ~lines.is_free, lines.customer_id.notnull())
    bought = base.materialise(
        lines.filter(lines["product"] == category).select("customer_id", "day").distinct()
    )
    then = _cells(base, bought, reference, span)
    came = bought.filter(bought.day > ibis.literal(reference), bought.day <= ibis.literal(reference + span))
    came = came.select("customer_id").distinct().mutate(bought=ibis.literal(1))
    joined = then.left_join(came, "customer_id").drop("customer_id_right")
    counted = base.collect(
        joined.group_by(CELL).aggregate(customers=joined.count(), bought=joined.bought.fill_null(0).sum())
    )
    total = int(counted["bought"].sum())
    if total < MINIMUM:
        raise NotEnoughData(f"likely buyers of a category in {weeks} weeks", total, MINIMUM, "buyers of it")
    cells, mean = _rates(counted)
    now = _cells(base, bought, base.day, span)
    told = base.to_engine(cells[[*CELL, "probability"]])
    scored = now.left_join(told, CELL)
    scored = scored.select("customer_id", *CELL, probability=scored.probability.fill_null(mean))
    return LikelyBuyers(
        category, weeks, base.materialise(scored), cells, reference + timedelta(days=1), same, mean
    )


def _cells(base: CustomerBase, bought: ir.Table, day: date, span: timedelta) -> ir.Table:
    """customer_id and the cell of each customer who had bought anything by the day."""
    days = base.customer_days
    days = days.filter(days.is_occasion, days.day <= ibis.literal(day))
    known = days.group_by("customer_id").aggregate(last=days.day.max())
    year = ibis.literal(day - timedelta(days=YEAR))
    mine = bought.filter(bought.day <= ibis.literal(day), bought.day > year)
    in_season = mine.day <= ibis.literal(day - timedelta(days=YEAR) + span)
    mine = mine.group_by("customer_id").aggregate(n=mine.count(), season=in_season.any())
    joined = known.left_join(mine, "customer_id").drop("customer_id_right")
    silent = ibis.literal(day).delta(joined["last"], unit="day").cast("int64")
    n = joined.n.fill_null(0)
    return joined.select(
        "customer_id",
        times=_place(n, TIMES),
        in_season=joined.season.fill_null(False).cast("int64"),
        silence=_place(silent, SILENCES),
    )


def _place(value: ir.Value, bounds: tuple[int, ...]) -> ir.IntegerValue:
    return ibis.cases(
        *((value >= bound, place) for place, bound in reversed(list(enumerate(bounds, 1)))), else_=0
    ).cast("int64")


def _rates(counted: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    cells = counted.sort_values(CELL, ignore_index=True)
    mean = float(cells["bought"].sum() / cells["customers"].sum())
    cells["probability"] = (cells["bought"] + PRIOR * mean) / (cells["customers"] + PRIOR)
    pairs = zip(cells["bought"], cells["customers"], strict=True)
    bounds = np.array([wilson(int(k), int(n)) for k, n in pairs]).reshape(-1, 2)
    return cells.assign(lower=bounds[:, 0], upper=bounds[:, 1]), mean
