"""What the holdout brought in money, beside what the models, repetition and the textbook said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crm_analytics.analyses.btyd.fitting.units import DAYS_PER_YEAR
from crm_analytics.analyses.btyd.forecasts.textbook import textbook_value
from crm_analytics.analyses.btyd.forecasts.value_totals import value_total
from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel
from crm_analytics.analyses.btyd.purchases.regular_model import RegularModel
from crm_analytics.analyses.btyd.spend.gamma_gamma import GammaGamma
from crm_analytics.errors import NotEnoughData, ParameterError

if TYPE_CHECKING:
    from crm_analytics.analyses.btyd.fitting.summary import Summary
    from crm_analytics.tables.customer_base import CustomerBase

COLUMNS = ["method", "forecast", "lower", "upper", "covered", "actual", "error", "how"]


def money_of(
    models: dict[str, PurchaseModel],
    summary: Summary,
    future: CustomerBase,
    t: float,
    *,
    level: float,
    draws: int,
    seed: int,
) -> pd.DataFrame:
    """What known customers paid in the holdout, less goods sent back, undiscounted; see `Comparison.money`.

    Parameters
    ----------
    models : by label
    summary : of the past
    future : the holdout
    t : its length in the summary's unit
    level, draws, seed : of the intervals
    """
    actual = _paid(summary, future)
    days = (future.day - summary.day).days
    try:
        spend = GammaGamma.fit(summary)
        _ = spend.mean_spend
    except (NotEnoughData, ParameterError):
        return pd.DataFrame(columns=COLUMNS)
    rows = []
    for label, model in models.items():
        low = high = float("nan")
        if not isinstance(model, RegularModel):  # whose futures have no times to spend at
            total = value_total(
                summary, model, spend, horizon=(days, "D"), rate=0.0, level=level, draws=draws, seed=seed
            )
            low, high = total.lower, total.upper
        rows.append((f"{label} and Gamma-Gamma", _expected(summary, model, spend, t), low, high, ""))
    rows.append(("last period repeated", *_repeated(summary, days)))
    rows.append(("textbook", *_textbook(summary, days)))
    found = pd.DataFrame(rows, columns=["method", "forecast", "lower", "upper", "how"])
    inside = (found["lower"] <= actual) & (actual <= found["upper"])
    found["covered"] = inside.astype("object").where(found["lower"].notna(), None)
    found["actual"] = actual
    found["error"] = found["forecast"] / actual - 1 if actual else np.nan
    return found[COLUMNS]


def _expected(summary: Summary, model: PurchaseModel, spend: GammaGamma, t: float) -> float:
    x, n = (summary.cells[c].to_numpy(float) for c in ("frequency", "customers"))
    each = spend.expected(x, summary.cell_days["monetary_value"].to_numpy(float))
    return float((n * model.expected_purchases(summary.cells, t).to_numpy()) @ each) * summary.kept_share


def _paid(summary: Summary, future: CustomerBase) -> float:
    """Net of all lines of the holdout, returns of earlier purchases included, of customers known before."""
    known = summary.history.select("customer_id")
    lines = future.customer_days.semi_join(known, "customer_id")
    return float(future.collect(lines.aggregate(paid=lines.spend.sum()))["paid"].fillna(0.0)[0])


def _repeated(summary: Summary, days: int) -> tuple[float, float, float, str]:
    """Spend on repeat purchase days in the last stretch as long as the holdout."""
    past = summary.base
    age = int(summary.cell_days["age_days"].max())
    window = max(min(days, age), 1)
    each, orders = past.customer_days, past.exact_occasions
    first = orders.group_by("customer_id").aggregate(first=orders.day.min())
    later = each.inner_join(first, "customer_id")
    since = past.day - pd.Timedelta(days=window)
    later = later.filter((later.day > later.first) & (later.day > since))
    spent = past.collect(later.aggregate(spent=later.spend.sum()))["spent"].fillna(0.0)[0]
    how = f"spend after the first purchase day, less goods sent back, in the last {window:,} days"
    factor = days / window
    how += "" if factor == 1 else f", times {factor:.4g}"
    return float(spent) * factor, float("nan"), float("nan"), how


def _textbook(summary: Summary, days: int) -> tuple[float, float, float, str]:
    """The textbook's lifetime value, spread evenly over the lifespan, as far as the holdout goes."""
    value = textbook_value(summary.base)
    share = min(1.0, days / DAYS_PER_YEAR / value.lifespan_years)
    how = (
        f"lifetime value {value.value:,.2f} of each customer, {share:.0%} of the lifespan of "
        f"{value.lifespan_years:.1f} years"
    )
    return value.value * share * summary.customer_count, float("nan"), float("nan"), how
