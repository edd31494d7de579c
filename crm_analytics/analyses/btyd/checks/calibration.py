"""Where a forecast is right and where not: by tenth, frequency, silence and cohort, with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from crm_analytics.analyses.btyd.checks.ranking_curve import Ranking, ranking_of
from crm_analytics.analyses.btyd.fitting.argument_order import model_first
from crm_analytics.analyses.btyd.fitting.histories import HISTORY, History
from crm_analytics.analyses.btyd.fitting.summary import Summary, summarize
from crm_analytics.analyses.btyd.fitting.units import UNIT_WORDS
from crm_analytics.analyses.btyd.forecasts.holdout import KEYS, held_out, length_of
from crm_analytics.analyses.btyd.forecasts.purchase_probability import equal_groups
from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel
from crm_analytics.analyses.btyd.totals.uncertainty import EXACT_UP_TO
from crm_analytics.analyses.plots import Plots
from crm_analytics.analyses.progress import watched
from crm_analytics.errors import ParameterError
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

Array = NDArray[np.float64]
TOP_FREQUENCY = 7  # and more
_SAMPLED = 20_000  # customers of a large base who tell the chance
_FOLLOWED = 4_000  # and who tell how the means of groups follow the parameters
_DRAWN_ROWS = 4_000_000  # of the bootstrap: large bases are drawn fewer times, 100 at least
_MOST_COHORTS = 24  # months, above which cohorts are quarters


@dataclass(frozen=True, eq=False)
class Calibration(ObjectCard):
    """Predicted against actual repeat purchases of the holdout, group by group.

    model, t : whose forecast, and how far ahead
    by_tenth : tenths of customers by forecast, lowest first
    by_frequency : 0, 1, .. 6, 7+ repeat purchases before the day
    by_silence : fifths of customers by the time since their last purchase
    by_cohort : month (above two years: quarter) of the first purchase
        Each: group, customers, predicted, lower, upper (purchases of the group, parameters and chance
        together), actual, ratio (actual / predicted), covered
    ranking : whether the forecast puts the right customers first: Gini and lift
    level : of the intervals
    """

    model: PurchaseModel
    t: float
    by_tenth: pd.DataFrame
    by_frequency: pd.DataFrame
    by_silence: pd.DataFrame
    by_cohort: pd.DataFrame
    ranking: Ranking
    level: float

    card_frame = "by_tenth"
    plot = Plots(
        "crm_analytics.analyses.btyd.checks.pictures", "tenths", "frequency", "silence", "cohorts", "ranking"
    )

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """All four, by what they are grouped by."""
        return {
            "tenth": self.by_tenth,
            "frequency": self.by_frequency,
            "silence": self.by_silence,
            "cohort": self.by_cohort,
        }


@watched("Holding a forecast against what came")
def calibrate(
    past: CustomerBase,
    future: CustomerBase,
    model: PurchaseModel,
    *,
    summary: Summary | None = None,
    level: float = 0.95,
    draws: int = 400,
    seed: int = 1,
) -> Calibration:
    """Hold a forecast against what came, group by group.

    Parameters
    ----------
    past, future : `base.as_of(a)` and `base.between(a, b)`
    model : fitted on `past`
    summary : of `past` in the model's unit, if there is one already
    level, draws, seed : of the intervals of groups and of the bootstrap of Gini and lift

    Raises
    ------
    ParameterError : the model has no unit, or `future` does not begin where `past` ends.
    """
    if model.unit is None:
        raise ParameterError("the model does not know its unit of time: fit a summary, or give the unit")
    t = length_of(past, future, model.unit)
    summary = summary or summarize(past, model.unit)
    held = held_out(summary, future)
    cells = held.groupby([*KEYS, *HISTORY[1:]], as_index=False)[["customers"]].sum()
    cells["actual"] = (held["bought"] * held["customers"]).groupby([held[k] for k in KEYS]).sum().to_numpy()
    each = model.expected_purchases(cells, t).to_numpy()
    groups = _groups(cells, each, summary.day, model.unit)
    noise = _drawn(model, cells, t, groups, draws=draws, seed=seed)
    tables = [_table(cells, each, g, drawn, level) for g, drawn in zip(groups, noise, strict=True)]
    tenth, frequency, silence, cohort = tables
    expected = model.expected_purchases(held, t).to_numpy()
    bought, n = held["bought"].to_numpy(float), held["customers"].to_numpy(float)
    fewer = int(np.clip(_DRAWN_ROWS / max(len(held), 1), 100, max(draws, 100)))
    ranking = ranking_of(expected, bought, n, level=level, draws=min(draws, fewer), seed=seed)
    return Calibration(model, t, tenth, frequency, silence, cohort, ranking, level)


def _groups(
    cells: pd.DataFrame, each: Array, day: date, unit: str
) -> list[tuple[NDArray[np.intp], list[str]]]:
    n, x = cells["customers"].to_numpy(float), cells["frequency"].to_numpy()
    tenth = equal_groups(each, n, 10)
    frequency, some = pd.factorize(np.minimum(x, TOP_FREQUENCY), sort=True)
    silent = (cells["T"] - cells["recency"]).to_numpy()
    fifth = equal_groups(silent, n, 5)
    spans = [(silent[fifth == g].min(), silent[fifth == g].max()) for g in range(fifth.max() + 1)]
    first = pd.to_datetime([day - timedelta(days=int(d)) for d in cells["age_days"]])
    months = first.to_period("M")
    periods = months if months.nunique() <= _MOST_COHORTS else first.to_period("Q")
    cohort, names = pd.factorize(periods, sort=True)
    return [
        (tenth, [str(g + 1) for g in range(tenth.max() + 1)]),
        (frequency, [str(f) if f < TOP_FREQUENCY else f"{TOP_FREQUENCY}+" for f in some]),
        (fifth, [f"{low:.0f}-{high:.0f} {UNIT_WORDS[unit]}" for low, high in spans]),
        (cohort, [str(name) for name in names]),
    ]


def _table(
    cells: pd.DataFrame, each: Array, group: tuple[NDArray[np.intp], list[str]], drawn: Array, level: float
) -> pd.DataFrame:
    code, names = group
    n = cells["customers"].to_numpy(float)
    customers, predicted = np.bincount(code, n), np.bincount(code, n * each)
    actual = np.bincount(code, cells["actual"].to_numpy(float))
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    low = np.maximum(low, 0.0)
    ratio = np.divide(actual, predicted, out=np.full(len(actual), np.nan), where=predicted > 0)
    return pd.DataFrame(
        {
            "group": names,
            "customers": customers.astype(np.int64),
            "predicted": predicted,
            "lower": low,
            "upper": high,
            "actual": actual.astype(np.int64),
            "ratio": ratio,
            "covered": (low <= actual) & (actual <= high),
        }
    )


def _drawn(
    model: PurchaseModel,
    cells: pd.DataFrame,
    t: float,
    groups: list[tuple[NDArray[np.intp], list[str]]],
    *,
    draws: int,
    seed: int,
) -> list[Array]:
    """Drawn totals of each group, one row per draw: parameters and chance together.

    Up to `EXACT_UP_TO` customers each future is drawn. Above, a sample of customers says how each group's
    mean follows the parameters, and how much chance there is in it; its sum is near enough to normal.
    """
    n = cells["customers"].to_numpy(float)
    rng = np.random.default_rng(seed)
    models = model.drawn(draws, rng)
    customers = np.repeat(np.arange(len(n)), np.rint(n).astype(np.int64))
    exact = len(customers) <= EXACT_UP_TO
    few = customers if exact else customers[:: max(1, len(customers) // _SAMPLED)]
    who = History.of(cells).rows(few)
    sizes = [len(names) for _, names in groups]
    if exact:
        futures = [m.simulate(who, t, rng) for m in models]
        return [
            np.stack([np.bincount(code[few], f, minlength=k) for f in futures])
            for (code, _), k in zip(groups, sizes, strict=True)
        ]
    followed = few[:: max(1, len(few) // _FOLLOWED)]
    rows = cells.iloc[followed]
    means = [m.expected_purchases(rows, t).to_numpy() for m in models]
    here = model.expected_purchases(rows, t).to_numpy()
    chance = (model.simulate(who, t, rng) - model.simulate(who, t, rng)) ** 2 / 2
    each = model.expected_purchases(cells, t).to_numpy()
    found = []
    for (code, _), k in zip(groups, sizes, strict=True):
        total, size = np.bincount(code, n * each, k), np.bincount(code, n, k)
        sampled = np.maximum(np.bincount(code[few], minlength=k), 1)
        variance = np.bincount(code[few], chance, k) / sampled * size
        centre = np.bincount(code[followed], here, k)
        ratio = np.stack([np.bincount(code[followed], m, k) for m in means]) / np.maximum(centre, 1e-300)
        all_alike = np.array([m.sum() for m in means])[:, None] / max(here.sum(), 1e-300)
        ratio = np.where(centre > 0, ratio, all_alike)  # a group so small that none of it was followed
        found.append(total * ratio + rng.normal(size=(draws, k)) * np.sqrt(variance))
    return found


@dataclass(frozen=True, eq=False)
class InSampleCounts(ObjectCard):
    """How many customers made 0, 1, .. repeat purchases, and how many the model says.

    table : frequency ("0".. "7+"), actual, expected (customers)
    chi_square : sum of (actual - expected)^2 / expected
    degrees : groups - 1 - parameters
    p : of so large a chi-square if the model were true; small = the counts do not have its shape
    """

    table: pd.DataFrame
    chi_square: float
    degrees: int
    p: float

    plot = Plots("crm_analytics.analyses.btyd.checks.pictures", "counts")


@model_first
def frequency_counts(model: PurchaseModel, summary: Summary, top: int = TOP_FREQUENCY) -> InSampleCounts:
    """Histogram of repeat purchases, actual and expected, each customer observed for his own T.

    Parameters
    ----------
    model : of repeat purchases
    summary : the model was fitted on
    top : the last group holds `top` and more

    Source
    ------
    Fader, Hardie & Lee (2005), Marketing Science 24(2), figure 2; Fader & Hardie, note 014.
    """
    cells = summary.cells
    x, n = cells["frequency"].to_numpy(), cells["customers"].to_numpy(float)
    ages, weight = np.unique(cells["T"].to_numpy(float), return_inverse=True)
    weight = np.bincount(weight, n)
    expected = np.array([float(weight @ model.probability_of(k, ages)) for k in range(top)])
    expected = np.append(expected, n.sum() - expected.sum())
    actual = np.bincount(np.minimum(x, top), n, minlength=top + 1)
    chi = float(((actual - expected) ** 2 / expected).sum())
    degrees = top - len(model.NAMES)
    names = [*(str(k) for k in range(top)), f"{top}+"]
    table = pd.DataFrame({"frequency": names, "actual": actual.astype(np.int64), "expected": expected})
    p = float(stats.chi2.sf(chi, degrees)) if degrees > 0 else float("nan")
    return InSampleCounts(table, chi, degrees, p)
