"""Key figures at the ends of earlier periods: how a figure came to where it is.

Totals of a period (revenue, buyers) are counted for each period of the same length before the last. Groups
(active, at risk) are counted as the base was known at the end of each period, by the words of today: so a
change is one of customers and not of words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.comparison import YEAR, change_of
from crm_analytics.analyses.definitions import ACTIVE, AT_RISK, LAPSED, standings
from crm_analytics.analyses.kpis import measure
from crm_analytics.tables.days import shift

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.comparison import Change
    from crm_analytics.analyses.kpi import Kpi
    from crm_analytics.analyses.measured import Measured

MOST_PERIODS = 12
OF_A_PERIOD = ("revenue", "buyers")
OF_A_DAY: Mapping[str, str] = {
    "customers_active": ACTIVE,
    "customers_at_risk": AT_RISK,
    "customers_lapsed": LAPSED,
}


@dataclass(frozen=True)
class Point:
    """One key figure in one period.

    Attributes
    ----------
    day : on which the period ends
    value : money, or a count
    """

    day: date
    value: float


def with_changes(given: Measured, names: tuple[str, ...]) -> dict[str, Kpi]:
    """The key figures of these names; counts of a standing with their change, which the record lacks.

    Returns
    -------
    as of `kpis.measure`, where `customers_active` and `customers_at_risk` are held against the end of the
    period before and the same day a year ago, with 95 % intervals over customers
    """
    found = measure(given, names)
    for name, standing in OF_A_DAY.items():
        if name in found and found[name].value is not None:
            length = (given.base.day - shift(given.base.day, given.span)).days
            before, year = (_standing_change(given, standing, lag) for lag in (length, YEAR))
            found[name] = replace(found[name], against_previous=before, against_year=year)
    return found


def _standing_change(given: Measured, standing: str, lag: int) -> Change | None:
    day = given.base.day - timedelta(days=lag)
    if lag <= 0 or day <= given.base.first_day:
        return None
    then = standings(given.base.as_of(day), given.definitions)
    pairs = _marked(given.standings, standing, "now").outer_join(
        _marked(then, standing, "before"), "customer_id"
    )
    filled = {name: pairs[name].fill_null(0).cast("float64") for name in ("held_now", "held_before")}
    return change_of(pairs.select(**filled), "held")


def _marked(table: ir.Table, standing: str, when: str) -> ir.Table:
    return table.select("customer_id", **{f"held_{when}": (table.standing == standing).cast("int64")})


def history(given: Measured, periods: int = MOST_PERIODS) -> dict[str, tuple[Point, ...]]:
    """Figures of the last periods, the oldest first; only of periods that the data hold whole.

    Parameters
    ----------
    given : of the base; `span` is the length of a period
    periods : at most

    Returns
    -------
    for each of `OF_A_PERIOD`, and for each of `OF_A_DAY` where the base tells who is at risk

    Examples
    --------
    >>> import pandas as pd
    >>> from crm_analytics import CustomerBase
    >>> from crm_analytics.analyses.measured import Measured
    >>> days = pd.date_range("2026-01-01", periods=29, freq="D").strftime("%Y-%m-%d")
    >>> frame = pd.DataFrame({"customer_id": "a", "transaction_date": days, "unit_spend": 2.0})
    >>> found = history(Measured(CustomerBase.open(frame, today="2026-02-01"), "-1w"))
    >>> [point.value for point in found["revenue"]], found["revenue"][0].day.isoformat()
    ([14.0, 14.0, 14.0, 14.0], '2026-01-08')
    """

    def make() -> dict[str, tuple[Point, ...]]:
        return _history(given, periods)

    return given.base.remember(("kpi_history", given.span, periods), make, _pack, _unpack)


def _pack(found: Mapping[str, tuple[Point, ...]]) -> dict[str, Any]:
    plain = {name: [[p.day.isoformat(), p.value] for p in points] for name, points in found.items()}
    return {"points": plain}


def _unpack(parts: Mapping[str, Any]) -> dict[str, tuple[Point, ...]]:
    return {
        name: tuple(Point(date.fromisoformat(day), value) for day, value in points)
        for name, points in parts["points"].items()
    }


def _history(given: Measured, periods: int) -> dict[str, tuple[Point, ...]]:
    ends = _ends(given, periods)
    found: dict[str, list[Point]] = {name: [] for name in OF_A_PERIOD}
    told = given.definitions.at_risk_days is not None
    found |= {name: [] for name in OF_A_DAY if told}
    for start, end in ends:
        bought = given.base.between(start, end).purchase_history
        row = bought.aggregate(
            revenue=bought.revenue.sum().cast("float64"), buyers=(bought.order_count > 0).sum()
        ).to_pyarrow().to_pylist()[0]  # fmt: skip
        for name in OF_A_PERIOD:
            found[name].append(Point(end, float(row[name] or 0)))
        if told:
            table = standings(given.base.as_of(end), given.definitions)
            counts = {name: (table.standing == standing).sum() for name, standing in OF_A_DAY.items()}
            row = table.aggregate(**counts).to_pyarrow().to_pylist()[0]
            for name in OF_A_DAY:
                found[name].append(Point(end, float(row[name] or 0)))
    return {name: tuple(points) for name, points in found.items()}


def _ends(given: Measured, periods: int) -> list[tuple[date, date]]:
    """Start (exclusive) and end of the last periods, the oldest first."""
    base, end, found = given.base, given.base.day, []
    for _ in range(periods):
        start = shift(end, given.span)
        if start >= end or start < base.first_day - timedelta(days=1):
            break
        # between() takes a start inside the data; what begins with them is all there is up to its end
        found.append((start, end))
        end = start
    return found[::-1]
