"""Evidence: a model fitted before a stretch of time, held against what came in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.btyd.fitting.summary import Summary, summarize
from crm_analytics.analyses.btyd.fitting.units import days_per_unit
from crm_analytics.analyses.btyd.forecasts.holdout import held_out, length_of
from crm_analytics.analyses.btyd.forecasts.simulated_total import forecast_total
from crm_analytics.analyses.btyd.purchases.beta_geo import BetaGeo
from crm_analytics.analyses.btyd.purchases.purchase_model import MINIMUM_CUSTOMERS, PurchaseModel
from crm_analytics.analyses.btyd.totals.uncertainty import TotalForecast
from crm_analytics.analyses.plots import Plots
from crm_analytics.analyses.progress import watched
from crm_analytics.errors import ParameterError
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

BANDS = 7  # frequencies 0, 1, .. 6, and 7 or more


@dataclass(frozen=True, eq=False)
class Evidence(ObjectCard):
    """A forecast and what came of it.

    model : as fitted on the calibration base
    t : length of the holdout, in the model's unit
    actual : repeat purchases in the holdout of customers known before it
    total : the forecast of it, with interval
    covered : whether the interval holds the actual
    bands : by frequency before: band ("0".."6", "7+"), customers, actual, expected (means a customer),
        actual_total, expected_total
    baselines : see `baselines`; with error (forecast / actual - 1), and the model as the last row
    tracking : by period of one unit from the first purchase on: period, day (its last), holdout, actual,
        expected, cumulative_actual, cumulative_expected; repeat purchases of the same customers
    correlation, mean_absolute_error, root_mean_squared_error : customer by customer
    new_customers : first bought in the holdout, so not part of it
    """

    model: PurchaseModel
    t: float
    actual: int
    total: TotalForecast
    covered: bool
    bands: pd.DataFrame
    baselines: pd.DataFrame
    tracking: pd.DataFrame
    correlation: float
    mean_absolute_error: float
    root_mean_squared_error: float
    new_customers: int

    card_frame = "bands"
    plot = Plots(
        "crm_analytics.analyses.btyd.checks.pictures", "tracking", "cumulative", "bands", "baselines"
    )


def baselines(
    past: CustomerBase, t: float, unit: str = "W", *, summary: Summary | None = None
) -> pd.DataFrame:
    """Forecasts that need no model: what any model has to beat.

    Parameters
    ----------
    past : a base cut at a day
    t : time ahead in `unit`
    summary : of the same base and unit, if there is one already

    Returns
    -------
    baseline, forecast (repeat purchases of all customers together), how. "last period repeated": as many
    as in the last `t` (scaled up if the base is younger); "average rate": all repeat purchases over all
    customer time, times customers, times `t`.
    """
    summary = summary or summarize(past, unit)
    scale = days_per_unit(summary.unit)
    if not (np.isfinite(t) and t > 0):
        raise ParameterError(f"t must be a number > 0, got {t}")
    cells, n = summary.cells, summary.cells["customers"].to_numpy(float)
    exposure = float(n @ cells["T"].to_numpy(float))
    repeats = float(n @ cells["frequency"].to_numpy(float))
    age = float(cells["T"].max()) if len(cells) else 0.0
    window = min(t, age)
    days = repeats_by_day(past)
    recent = float(days.loc[days["back"] < round(window * scale), "repeats"].sum())
    stretched = "" if age >= t else f", scaled up from the {age:.1f} there are"
    rate = repeats / exposure * n.sum() * t if exposure else 0.0
    return pd.DataFrame(
        [
            ("last period repeated", recent * t / window if window else 0.0, f"the last {t:g}{stretched}"),
            ("average rate", rate, "all repeat purchases over all customer time"),
        ],
        columns=["baseline", "forecast", "how"],
    )


@watched("Holding a forecast against what came")
def evidence(
    past: CustomerBase,
    future: CustomerBase,
    model: type[PurchaseModel] | PurchaseModel = BetaGeo,
    unit: str = "W",
    *,
    level: float = 0.95,
    draws: int = 400,
    seed: int = 1,
    minimum: int = MINIMUM_CUSTOMERS,
    summary: Summary | None = None,
) -> Evidence:
    """Fit up to a day, forecast the time after it, and compare.

    Parameters
    ----------
    past : the calibration base, `base.as_of(a)`
    future : the holdout, `base.between(a, b)`
    model : `BetaGeo` or `ModifiedBetaGeo`, or one already fitted on `past` in `unit`
    unit : of the model
    level, draws, seed : of the interval
    minimum : customers below which the fit is refused
    summary : of `past` in `unit`, if there is one already

    Raises
    ------
    ParameterError : `future` does not begin where `past` ends.
    NotEnoughData : too few customers to fit.
    """
    t = length_of(past, future, unit)
    summary = summary or summarize(past, unit)
    fitted = model.fit(summary, minimum=minimum) if isinstance(model, type) else model
    held = held_out(summary, future)
    held["expected"] = fitted.expected_purchases(held, t)
    total = forecast_total(summary, fitted, t, level=level, draws=draws, seed=seed)
    n, bought, expected = (held[c].to_numpy(float) for c in ("customers", "bought", "expected"))
    came = int(n @ bought)
    error = bought - expected
    simple = baselines(past, t, unit, summary=summary)
    ours = pd.DataFrame([(fitted.LABEL, total.mean, "the model")], columns=simple.columns)
    simple = pd.concat([simple, ours], ignore_index=True)
    simple["error"] = simple["forecast"] / came - 1 if came else np.nan
    known = int(n.sum())
    return Evidence(
        fitted,
        t,
        came,
        total,
        total.covers(came),
        _bands(held),
        simple,
        tracking(summary, future, fitted),
        _correlation(bought, expected, n),
        float(n @ np.abs(error) / known),
        float(np.sqrt(n @ error**2 / known)),
        _new_customers(summary, future),
    )


def repeats_by_day(past: CustomerBase) -> pd.DataFrame:
    """Back (days before the day), repeats (purchase days that are not a customer's first)."""
    occasions = past.occasions
    first = occasions.group_by("customer_id").aggregate(first=occasions.day.min())
    return _count_by_day(past, occasions, first)


def _count_by_day(base: CustomerBase, occasions: ibis.Table, first: ibis.Table) -> pd.DataFrame:
    bought = occasions.group_by("day").aggregate(bought=occasions.count())
    began = first.group_by(day="first").aggregate(began=first.count())
    days = bought.left_join(began, "day").select("day", "bought", began=began.began.fill_null(0))
    back = ibis.literal(base.day).delta(days.day, unit="day").cast("int64")
    found = base.collect(days.mutate(back=back))
    found["repeats"] = found["bought"] - found["began"]
    return found.sort_values("back", ignore_index=True)


def _bands(held: pd.DataFrame) -> pd.DataFrame:
    n = held["customers"]
    parts = pd.DataFrame(
        {
            "frequency": held["frequency"].clip(upper=BANDS),
            "customers": n,
            "actual_total": held["bought"] * n,
            "expected_total": held["expected"] * n,
        }
    )
    bands = parts.groupby("frequency", as_index=False).sum()
    names = [str(f) if f < BANDS else f"{BANDS}+" for f in bands["frequency"]]
    return pd.DataFrame(
        {
            "band": names,
            "customers": bands["customers"],
            "actual": bands["actual_total"] / bands["customers"],
            "expected": bands["expected_total"] / bands["customers"],
            "actual_total": bands["actual_total"],
            "expected_total": bands["expected_total"],
        }
    )


def tracking(summary: Summary, future: CustomerBase, model: PurchaseModel) -> pd.DataFrame:
    """Repeat purchases period by period from the first day on, of the customers known at the end of the past.

    Expected ones follow from the day each customer began: E[X(t)] of a new customer, t counted from
    that day to the end of the period.
    """
    past, scale = summary.base, days_per_unit(summary.unit)
    before = repeats_by_day(past)
    known = future.occasions.semi_join(summary.history, "customer_id")
    after = future.collect(known.group_by("day").aggregate(repeats=known.count()))
    oldest = int(before["back"].max())
    bought = np.concatenate(
        [
            oldest - before["back"].to_numpy(),
            oldest + (pd.to_datetime(after["day"]) - pd.Timestamp(past.day)).dt.days.to_numpy(),
        ]
    )
    counts = np.concatenate([before["repeats"].to_numpy(float), after["repeats"].to_numpy(float)])
    last = oldest + (future.day - past.day).days + 1
    ends = np.arange(1, int(np.floor(last / scale + 1e-9)) + 1) * scale
    actual = np.array([counts[bought < end].sum() for end in ends])
    births = before[before["began"] > 0]
    born, began = oldest - births["back"].to_numpy(float), births["began"].to_numpy(float)
    times = np.maximum(ends[:, None] - born[None, :], 0.0) / scale
    expected = model.expected_purchases_new(times) @ began
    first = pd.Timestamp(past.day) - pd.Timedelta(days=oldest)
    return pd.DataFrame(
        {
            "period": np.arange(1, len(ends) + 1),
            "day": [(first + pd.Timedelta(days=int(np.ceil(end)) - 1)).date() for end in ends],
            "holdout": ends > oldest + 1,
            "actual": np.diff(actual, prepend=0.0),
            "expected": np.diff(expected, prepend=0.0),
            "cumulative_actual": actual,
            "cumulative_expected": expected,
        }
    )


def _new_customers(summary: Summary, future: CustomerBase) -> int:
    occasions = future.occasions
    new = occasions.anti_join(summary.history, "customer_id")
    return int(future.collect(new.aggregate(n=new.customer_id.nunique()))["n"].iloc[0])


def _correlation(a: np.ndarray, b: np.ndarray, weight: np.ndarray) -> float:
    if not len(a) or weight.sum() == 0:
        return float("nan")
    a, b = a - np.average(a, weights=weight), b - np.average(b, weights=weight)
    size = np.sqrt((weight @ a**2) * (weight @ b**2))
    return float(weight @ (a * b) / size) if size > 0 else float("nan")
