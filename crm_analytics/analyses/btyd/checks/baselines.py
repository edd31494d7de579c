"""Forecasts of each customer's purchases that need no model, held against what came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses import rfm
from crm_analytics.analyses.btyd.fitting.units import days_per_unit
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.btyd.fitting.summary import Summary
    from crm_analytics.tables.customer_base import CustomerBase

BINS = 3  # scores a measure: 27 cells, so that a cell still holds some customers of a small base


@dataclass(frozen=True, eq=False)
class NaiveForecast(ObjectCard):
    """name, and how it is made; cells: forecast (purchases), bought, customers."""

    name: str
    how: str
    cells: pd.DataFrame


def naive_forecasts(summary: Summary, future: CustomerBase, t: float) -> list[NaiveForecast]:
    """What each customer does if he goes on as before, does as all do, or does as his RFM cell did.

    Parameters
    ----------
    summary : of the base at the day the holdout begins
    future : the holdout
    t : its length, in the summary's unit

    Returns
    -------
    "last period repeated": each customer's own repeat purchases of the last `t`; "average rate": all repeat
    purchases over all customer time, the same for everybody; "RFM-cell mean": what customers with the same
    R, F and M scores did in the last stretch (`t`, or half of the base's age if that is less), after their
    scores of that time. The last is left out where there are too few customers to score.

    Source
    ------
    lifetimes issue 299: a naive mean beat the model by RMSE; Wuebben & Wangenheim (2008), J. of Marketing 72.
    """
    found = [_last_period(summary, future, t), _average_rate(summary, future, t)]
    cell = _rfm_cell(summary, future, t)
    return found if cell is None else [*found, cell]


def _bought(summary: Summary, future: CustomerBase) -> ir.Table:
    """One row per customer of the past: customer_id, bought."""
    days = future.occasions
    later = days.group_by("customer_id").aggregate(bought=days.count())
    known = summary.history.left_join(later, "customer_id")
    return known.select("customer_id", bought=later.bought.fill_null(0))


def _age_days(summary: Summary) -> int:
    days = summary.cell_days["age_days"]
    return int(days.max()) if len(days) else 0


def _last_period(summary: Summary, future: CustomerBase, t: float) -> NaiveForecast:
    past, scale = summary.base, days_per_unit(summary.unit)
    window = max(min(round(t * scale), _age_days(summary)), 1)
    days = past.occasions
    first = days.group_by("customer_id").aggregate(first=days.day.min())
    back = ibis.literal(past.day).delta(days.day, unit="day").cast("int64")
    repeat = days.mutate(back=back).inner_join(first, "customer_id")
    repeat = repeat.filter((repeat.day > repeat.first) & (repeat.back < window))
    recent = repeat.group_by("customer_id").aggregate(recent=repeat.count())
    each = _bought(summary, future).left_join(recent, "customer_id")
    each = each.select("bought", recent=recent.recent.fill_null(0))
    cells = past.collect(each.group_by("recent", "bought").aggregate(customers=each.count()))
    cells = cells.sort_values(["recent", "bought"], ignore_index=True)
    factor = t * scale / window
    cells = pd.DataFrame({"forecast": cells["recent"] * factor, **cells[["bought", "customers"]]})
    how = f"each customer's repeat purchases of the last {window / scale:.4g}"
    return NaiveForecast(
        "last period repeated", how + ("" if factor == 1 else f", times {factor:.4g}"), cells
    )


def _average_rate(summary: Summary, future: CustomerBase, t: float) -> NaiveForecast:
    n = summary.cells["customers"].to_numpy(float)
    exposure = float(n @ summary.cells["T"].to_numpy(float))
    rate = float(n @ summary.cells["frequency"].to_numpy(float)) / exposure if exposure else 0.0
    each = _bought(summary, future)
    cells = summary.base.collect(each.group_by("bought").aggregate(customers=each.count()))
    cells = cells.sort_values("bought", ignore_index=True).assign(forecast=rate * t)
    how = "all repeat purchases over all customer time, the same for everybody"
    return NaiveForecast("average rate", how, cells[["forecast", "bought", "customers"]])


def _rfm_cell(summary: Summary, future: CustomerBase, t: float) -> NaiveForecast | None:
    past, scale = summary.base, days_per_unit(summary.unit)
    window = min(round(t * scale), _age_days(summary) // 2)
    if window < 1:
        return None
    before = past.as_of(past.day - pd.Timedelta(days=window))
    customers = before.collect(before.occasions.aggregate(n=before.occasions.customer_id.nunique()))["n"][0]
    if customers < rfm.MINIMUM_CUSTOMERS:
        return None
    then = rfm.score(before, bins=BINS)
    cuts = dict(zip(then.cuts["measure"], then.cuts["cuts"], strict=True))
    now = rfm.score(past, bins=BINS, cuts=cuts)
    keys = ["r_score", "f_score", "m_score"]
    days = past.between(before.day, past.day).occasions
    since = days.group_by("customer_id").aggregate(since=days.count())
    did = then.customers.filter(then.customers.r_score.notnull()).left_join(since, "customer_id")
    did = did.select(*keys, since=since.since.fill_null(0))
    means = past.collect(did.group_by(keys).aggregate(total=did.since.sum(), known=did.count()))
    each = now.customers.select("customer_id", *keys).inner_join(_bought(summary, future), "customer_id")
    cells = past.collect(each.group_by([*keys, "bought"]).aggregate(customers=each.count()))
    cells = cells.merge(means, on=keys, how="left").sort_values([*keys, "bought"], ignore_index=True)
    overall = means["total"].sum() / means["known"].sum()
    mean = (cells["total"] / cells["known"]).fillna(overall) * (t * scale / window)
    how = f"mean of the {BINS} x {BINS} x {BINS} RFM cell in the {window / scale:.4g} after {before.day}"
    return NaiveForecast(
        "RFM-cell mean", how, pd.DataFrame({"forecast": mean, **cells[["bought", "customers"]]})
    )


def errors_of(forecast: np.ndarray, bought: np.ndarray, customers: np.ndarray) -> dict[str, float]:
    """Customer by customer: mean_absolute_error, root_mean_squared_error, correlation; and the total.

    >>> found = errors_of(np.array([1.0, 2.0]), np.array([0.0, 2.0]), np.array([3.0, 1.0]))
    >>> [round(v, 3) for v in found.values()]
    [5.0, 0.75, 0.866, 1.0]
    """
    n = customers.sum()
    error = bought - forecast
    a, b = (v - np.average(v, weights=customers) for v in (bought, forecast))
    size = np.sqrt((customers @ a**2) * (customers @ b**2))
    return {
        "forecast": float(customers @ forecast),
        "mean_absolute_error": float(customers @ np.abs(error) / n),
        "root_mean_squared_error": float(np.sqrt(customers @ error**2 / n)),
        "correlation": float(customers @ (a * b) / size) if size > 1e-12 else float("nan"),
    }
