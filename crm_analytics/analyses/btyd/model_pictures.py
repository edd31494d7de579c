"""Pictures of purchase models and summaries: P(alive) and purchases over frequency and recency."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd

from crm_analytics.analyses.btyd.fitting.summary import Summary
from crm_analytics.analyses.btyd.fitting.units import DAYS_PER_YEAR, UNIT_WORDS, days_per_unit
from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel
from crm_analytics.analyses.btyd.spend.gamma_gamma import GammaGamma
from crm_analytics.analyses.plots import Picture
from crm_analytics.errors import ParameterError
from crm_analytics.pages import composed_figures, curves, figures

STEPS = 40  # of recency
MOST = 20  # repeat purchases


def alive(model: PurchaseModel, *, T: float | None = None, most: int = MOST) -> Picture:
    """P(alive) by repeat purchases (up to `most`) and recency, of customers of age `T` (default a year)."""
    who = _grid(model, T, most)
    who["probability_alive"] = model.probability_alive(who)
    return Picture(
        frame=who,
        title=f"P(alive) by {model.LABEL}, first purchase {_age(model, who)} ago",
        draw=lambda f: _over_histories(model, f, "probability_alive", "percent:0", 1.0),
    )


def purchases(
    model: PurchaseModel, *, t: float | None = None, T: float | None = None, most: int = MOST
) -> Picture:
    """Expected purchases in the next `t` units (default a quarter of a year), by frequency and recency."""
    who = _grid(model, T, most)
    ahead = _year(model) / 4 if t is None else t
    who["expected_purchases"] = model.expected_purchases(who, ahead)
    return Picture(
        frame=who,
        title=f"Purchases in the next {ahead:.4g} {_unit(model)}, first bought {_age(model, who)} ago",
        draw=lambda f: _over_histories(model, f, "expected_purchases", "number:1", None),
    )


def new_customers(model: PurchaseModel, *, t: float | None = None) -> Picture:
    """Expected repeat purchases of a new customer up to `t` units after the first (default a year)."""
    times = np.linspace(0, _year(model) if t is None else t, 60)
    frame = pd.DataFrame({"t": times, "expected_purchases": model.expected_purchases_new(times)})
    return Picture(
        frame=frame,
        title=f"Repeat purchases of a new customer, by {model.LABEL}",
        draw=lambda f: figures.lines(
            f, "t", ["expected_purchases"], names={"expected_purchases": model.LABEL},
            x_title=f"{_unit(model)} since the first purchase",
        ),
    )  # fmt: skip


def matrix(summary: Summary) -> Picture:
    """Customers by repeat purchases and recency; more than 20 repeat purchases count as 20."""
    cells = summary.cells
    recency = cells["recency"]
    width = float(recency.max() or 1.0) / STEPS
    frame = pd.DataFrame(
        {
            "frequency": cells["frequency"].clip(upper=MOST),
            "recency": (recency / width).round() * width,
            "customers": cells["customers"],
        }
    )
    frame = frame.groupby(["frequency", "recency"])["customers"].sum().reset_index()
    return Picture(
        frame=frame,
        title="Customers by repeat purchases and recency",
        draw=lambda f: composed_figures.surface(
            f[f["frequency"] > 0] if f["frequency"].any() else f,  # who bought once would outshine the rest
            "recency", "frequency", "customers", fmt="count", top=float(f["customers"].quantile(0.95)),
            x_title=f"recency, {UNIT_WORDS[summary.unit]}", y_title="repeat purchases",
        ),
        empty="Nobody has bought.",
    )  # fmt: skip


def frequencies(summary: Summary) -> Picture:
    """Customers by number of repeat purchases; the last column is 7 and more."""
    counts = summary.cells["customers"].groupby(summary.cells["frequency"].clip(upper=7)).sum()
    names = ["7+" if n == 7 else str(n) for n in counts.index]
    return Picture(
        frame=pd.DataFrame({"repeat_purchases": names, "customers": counts.to_numpy()}),
        title="Customers by repeat purchases",
        draw=lambda f: figures.columns(
            f, "repeat_purchases", ["customers"], x_title="repeat purchases", fmt="count"
        ),
        empty="Nobody has bought.",
    )


def history(summary: Summary, *, customer: str = "", model: PurchaseModel | None = None) -> Picture:
    """P(alive) of one customer from the first purchase to the day, by a `model`; it leaps at each purchase.

    Neither the frame nor the figure says who it is.
    """
    if model is None or not customer:
        raise ParameterError("write summary.plot.history(customer='an id', model=a fitted model)")
    occasions = summary.base.exact_occasions
    bought = occasions.filter(occasions.customer_id == customer).select("day").order_by("day")
    days = [row["day"] for row in bought.to_pyarrow().to_pylist()]
    if not days:
        raise ParameterError("no customer of the summary has this id")
    one = days_per_unit(summary.unit)
    age = (summary.day - days[0]).days
    at = np.unique(np.r_[np.linspace(0, age, 120).astype(int), [(day - days[0]).days for day in days]])
    gone = np.array([(day - days[0]).days for day in days])
    last = np.searchsorted(gone, at, side="right") - 1
    frame = pd.DataFrame({"frequency": last, "recency": gone[last] / one, "T": at / one})
    told = pd.DataFrame(
        {
            "day": [days[0] + timedelta(days=int(n)) for n in at],
            "purchases": last + 1,
            "probability_alive": model.probability_alive(frame),
        }
    )
    return Picture(
        frame=told,
        title=f"P(alive) of one customer by {model.LABEL}, {len(days)} purchases",
        draw=lambda f: figures.lines(
            f, "day", ["probability_alive"], names={"probability_alive": "P(alive)"}, fmt="percent:0"
        ),
    )


def _grid(model: PurchaseModel, age: float | None, most: int) -> pd.DataFrame:
    if not 1 <= most <= 200:
        raise ParameterError(f"most = {most}: a number of repeat purchases from 1 to 200")
    old = _year(model) if age is None else age
    if not old > 0:
        raise ParameterError(f"T = {age}: the age of the customers, above 0 {_unit(model)}")
    counts, recency = np.meshgrid(np.arange(1, most + 1), np.linspace(old / STEPS, old, STEPS))
    return pd.DataFrame({"frequency": counts.ravel(), "recency": recency.ravel(), "T": float(old)})


def _over_histories(
    model: PurchaseModel, frame: pd.DataFrame, value: str, fmt: str, top: float | None
) -> curves.go.Figure:
    return composed_figures.surface(
        frame, "recency", "frequency", value, fmt=fmt, top=top,
        x_title=f"recency, {_unit(model)}", y_title="repeat purchases",
    )  # fmt: skip


def _year(model: PurchaseModel) -> float:
    return 52.0 if model.unit is None else DAYS_PER_YEAR / days_per_unit(model.unit)


def _unit(model: PurchaseModel) -> str:
    return UNIT_WORDS.get(model.unit or "", "units of time")


def _age(model: PurchaseModel, who: pd.DataFrame) -> str:
    return f"{float(who['T'].iloc[0]):.4g} {_unit(model)}"


def spend(model: GammaGamma, *, most: int = 10) -> Picture:
    """Expected spend of a purchase by the mean seen so far, after 1, 3 and `most` purchases.

    The fewer there are, the nearer it is to the mean of all.
    """
    counts = sorted({1, 3, most})
    means = np.linspace(0.2, 3.0, 40) * model.mean_spend
    frame = pd.DataFrame({"mean_so_far": means})
    for n in counts:
        who = pd.DataFrame({"frequency": float(n), "monetary_value": means})
        frame[f"after {n}"] = model.expected_spend(who)
    return Picture(
        frame=frame,
        title="Expected spend by the mean so far, after so many repeat purchases",
        draw=lambda f: figures.lines(
            f, "mean_so_far", [f"after {n}" for n in counts], x_title="mean spend so far", fmt="money"
        ),
    )
