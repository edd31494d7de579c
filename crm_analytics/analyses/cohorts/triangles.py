"""The triangles: what each cohort did at each age, with its denominator in every row."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from crm_analytics.analyses.cohorts.cohort_cells import Reduced
from crm_analytics.analyses.intervals import Z95, wilson

NOBODY = "no purchase"  # returns of customers who have not bought, in view
MINIMUM = 30  # customers: below, no interval of a mean and no comparison
OPENING = 1.5  # times the usual number of new customers a day: then old ones are among them
OLD_SHARE = 0.05  # of a cohort in the customers table before the data begin


def cohort_table(reduced: Reduced) -> pd.DataFrame:
    """One row per cohort: number, cohort, start, end, customers, complete, left_truncated."""
    calendar = reduced.calendar
    sizes = reduced.people.groupby("cohort")["customers"].sum()
    numbers = [int(n) for n in sizes.index]
    table = pd.DataFrame(
        {
            "number": numbers,
            "cohort": [calendar.label(n) for n in numbers],
            "start": pd.to_datetime([max(calendar.start(n), calendar.begin) for n in numbers]),
            "end": pd.to_datetime([min(calendar.end(n), calendar.day) for n in numbers]),
            "customers": sizes.to_numpy("int64"),
            "complete": [calendar.is_whole(n) for n in numbers],
        }
    )
    table["left_truncated"] = _left_truncated(table, reduced.registered)
    return table


def _left_truncated(table: pd.DataFrame, registered: pd.DataFrame) -> list[bool]:
    """Which cohorts may hold customers won before the data begin.

    Where the customers table tells since when it knows them, by that. Otherwise the first cohorts, as long
    as they won customers at more than 1.5 times the daily rate of the cohorts after: old customers are all
    seen for the first time when the data begin. Without a later whole cohort nothing speaks for the first.
    """
    old = {
        int(cohort): bool(older > OLD_SHARE * known)
        for cohort, known, older in registered[["cohort", "known", "older"]].itertuples(index=False)
    }
    listed = {int(c): int(k) for c, k in zip(registered["cohort"], registered["known"], strict=True)}
    days = (table["end"] - table["start"]).dt.days + 1
    rate = table["customers"] / days
    marks: list[bool] = []
    opening = True
    for place, (number, customers) in enumerate(zip(table["number"], table["customers"], strict=True)):
        later = rate[place + 1 :][table["complete"][place + 1 :]]
        crowd = float(rate[place]) > OPENING * float(later.median()) if len(later) else place == 0
        opening = opening and crowd
        listed_before = listed.get(int(number), 0) >= customers / 2
        marks.append(old[int(number)] if listed_before else opening)
    return marks


def triangle(reduced: Reduced, table: pd.DataFrame) -> pd.DataFrame:
    """One row for each cohort and age up to the day, silent periods included; counts and running sums."""
    calendar = reduced.calendar
    lives = calendar.last - table["number"] + 1
    grid = table.loc[table.index.repeat(lives)].drop(columns=["start", "end"]).reset_index(drop=True)
    grid.insert(1, "age", grid.groupby("number").cumcount())
    numbers = grid["number"] + grid["age"]
    grid["period"] = [calendar.label(int(n)) for n in numbers]
    grid["partial"] = [not calendar.is_whole(int(n)) for n in numbers]
    cells = reduced.cells[reduced.cells["cohort"].notna()]
    cells = cells.assign(number=cells["cohort"].astype("int64"), age=cells["period"] - cells["cohort"])
    cells = cells.astype({"age": "int64"}).drop(columns=["cohort", "period"])
    grid = grid.merge(cells, on=["number", "age"], how="left").fillna(
        dict.fromkeys([c for c in cells.columns if c not in ("number", "age")], 0)
    )
    last = _histogram(reduced.people, "last", grid)
    back = _histogram(reduced.people, "back", grid)
    by_cohort = grid["number"]
    grid["still_active"] = last.iloc[::-1].groupby(by_cohort.iloc[::-1]).cumsum().sort_index()
    grid["returned"] = back.groupby(by_cohort).cumsum()
    counts = ["active", "orders", "still_active", "returned"]
    grid[counts] = grid[counts].astype("int64")
    running = {"revenue": "revenue_so_far", "squares_so_far": "squares_so_far", "margin": "margin_so_far"}
    for column, name in running.items():
        if column in grid:
            grid[name] = grid.groupby("number")[column].cumsum()
    return grid


def _histogram(people: pd.DataFrame, column: str, grid: pd.DataFrame) -> pd.Series:
    """How many customers of each cohort have their `column` at each age of the grid."""
    placed = people[people[column].notna()]
    counts = placed.groupby(["cohort", placed[column] - placed["cohort"]])["customers"].sum()
    wanted = pd.MultiIndex.from_arrays([grid["number"], grid["age"]])
    counts.index = pd.MultiIndex.from_tuples([(int(a), int(b)) for a, b in counts.index], names=[None, None])
    return pd.Series(counts.reindex(wanted, fill_value=0).to_numpy("int64"), index=grid.index)


def mean_interval(total: float, squares: float, n: int) -> tuple[float, float]:
    """95 % interval of a mean over n customers from their sum and sum of squares; NaN below 30.

    >>> mean_interval(400.0, 4400.0, 40)
    (9.0075..., 10.9924...)
    """
    if n < MINIMUM:
        return math.nan, math.nan
    variance = max(0.0, (squares - total * total / n) / (n - 1))
    half = Z95 * math.sqrt(variance / n)
    return total / n - half, total / n + half


def with_shares(frame: pd.DataFrame) -> pd.DataFrame:
    """Add share, lower, upper; returned_share, still_share; value_per_customer with its interval."""
    frame = frame.copy()
    n = frame["customers"]
    frame["share"] = frame["active"] / n
    bounds = [wilson(int(k), int(m)) for k, m in zip(frame["active"], n, strict=True)]
    frame["lower"], frame["upper"] = (np.array(side) for side in zip(*bounds, strict=True))
    frame["returned_share"] = frame["returned"] / n
    frame["value_per_customer"] = frame["revenue_so_far"] / n
    spans = [
        mean_interval(float(t), float(q), int(m))
        for t, q, m in zip(frame["revenue_so_far"], frame["squares_so_far"], n, strict=True)
    ]
    frame["value_lower"], frame["value_upper"] = (np.array(side) for side in zip(*spans, strict=True))
    return frame
