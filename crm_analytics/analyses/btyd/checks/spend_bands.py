"""Spend a purchase by band of frequency: what customers spent, and what was expected of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crm_analytics.analyses.btyd.forecasts.holdout import KEYS, held_out
from crm_analytics.analyses.btyd.spend.banded_spend import BANDS, BandedGammaGamma, band_of, labels_of
from crm_analytics.analyses.btyd.spend.gamma_gamma import GammaGamma

if TYPE_CHECKING:
    from crm_analytics.analyses.btyd.fitting.summary import Summary
    from crm_analytics.tables.customer_base import CustomerBase


def spend_by_band(summary: Summary, spend: GammaGamma, lowest: tuple[int, ...] = BANDS) -> pd.DataFrame:
    """Mean spend a purchase by band of frequency, predicted against actual; see `Dependence.bands`."""
    cells = summary.spend_cells
    x, mean, n = (cells[c].to_numpy(float) for c in ("frequency", "monetary_value", "customers"))
    band = band_of(x, lowest)
    expected = spend.expected(x, mean)
    rows = []
    for i, name in enumerate(labels_of(lowest)):
        w = n[band == i]
        if not w.sum():
            continue
        m = mean[band == i]
        actual = float(w @ m / w.sum())
        spread = np.sqrt(w @ (m - actual) ** 2 / max(w.sum() - 1, 1) / w.sum())
        predicted = float(w @ expected[band == i] / w.sum())
        interval = (actual - 1.959964 * spread, actual + 1.959964 * spread)
        rows.append(
            (name, round(w.sum()), actual, *interval, spend.mean_spend, predicted, actual / predicted)
        )
    columns = ["band", "customers", "actual", "lower", "upper", "independent", "predicted", "ratio"]
    return pd.DataFrame(rows, columns=columns)


def spend_held_by_band(
    summary: Summary, future: CustomerBase, spend: GammaGamma | BandedGammaGamma
) -> pd.DataFrame:
    """What was spent on a purchase of the holdout, against what was expected of those who bought.

    One-time buyers have a band of their own: of their repeat spend nothing was known.

    Parameters
    ----------
    summary : of the past
    future : the holdout
    spend : fitted on the past

    Returns
    -------
    band, customers (who bought in the holdout), purchases, actual, predicted (money a purchase), ratio
    (actual / predicted).
    """
    held = held_out(summary, future)
    means = summary.cell_days[["recency_days", "age_days", "monetary_value"]].assign(
        frequency=summary.cells["frequency"]
    )
    held = held[held["bought"] > 0].merge(means, on=KEYS, how="left")
    x, n, bought = (held[c].to_numpy(float) for c in ("frequency", "customers", "bought"))
    band = np.where(x == 0, 0, 1 + band_of(x, BANDS))
    purchases = n * bought
    expected = purchases * spend.expected(x, held["monetary_value"].to_numpy(float))
    rows = []
    for code, name in enumerate(["0", *labels_of(BANDS)]):
        here = band == code
        if here.any():
            count = purchases[here].sum()
            actual, predicted = held["spend"].to_numpy()[here].sum() / count, expected[here].sum() / count
            rows.append((name, round(n[here].sum()), round(count), actual, predicted, actual / predicted))
    return pd.DataFrame(rows, columns=["band", "customers", "purchases", "actual", "predicted", "ratio"])
