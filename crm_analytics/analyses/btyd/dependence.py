"""Whether spend a purchase depends on how often customers buy, and what that does to the total.

Gamma-Gamma assumes independence. A correlation coefficient under some threshold does not show it: amounts are
so skewed that Pearson's is near zero where ranks see a clear dependence (CDNOW: .114 against .206). So the
test is one of ranks. But ranks alone are no fair test either: the mean of one skewed amount lies below the
mean of many more often than above it, so that ranks rise with frequency even where spend does not depend on
it. What ranks show is therefore held against what they would show in customers drawn from the fitted
Gamma-Gamma. The answer is given in money: what the total becomes when each frequency band has its own level.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from crm_analytics.analyses.btyd.banded_spend import BANDS, BandedGammaGamma, band_of, labels_of
from crm_analytics.analyses.btyd.gamma_gamma import GammaGamma
from crm_analytics.analyses.btyd.purchase_model import PurchaseModel
from crm_analytics.analyses.btyd.ranks import RankTest, rank_test, under_independence

if TYPE_CHECKING:
    from crm_analytics.analyses.btyd.summary import Summary

Array = NDArray[np.float64]
SMALL_CORRELATION = 0.03  # beyond what independence shows, below which it is not worth a sentence
SMALL = 0.02  # of the total value, below which dependence is no reason to change the model


@dataclass(frozen=True, eq=False)
class Dependence:
    """Spend and frequency.

    test : the rank test
    expected_spearman : what it would show on average if spend were independent of frequency, as in the fitted
        Gamma-Gamma: a mean of few skewed amounts ranks lower than a mean of many
    p : two-sided, of independence, against that
    bands : one row a band of frequency: band, customers, actual (mean spend a purchase of its customers),
        lower, upper (95 % interval of that mean), independent (what Gamma-Gamma says of all), predicted (mean
        of what Gamma-Gamma expects of these customers, drawn towards all), ratio (actual / predicted)
    pooled, banded : the spend models; banded is None where there is one band only
    likelihood_ratio, degrees, likelihood_p : pooled against banded
    t : time ahead, in the model's unit
    total, total_banded : expected money of `t`, undiscounted, by either
    change, change_lower, change_upper : total_banded / total - 1, and what the banded fit leaves open (95 %;
        NaN where it did not come to rest)
    handle : whether to use `banded`
    words : the same in sentences
    """

    test: RankTest
    expected_spearman: float
    p: float
    bands: pd.DataFrame
    pooled: GammaGamma
    banded: BandedGammaGamma | None
    likelihood_ratio: float
    degrees: int
    likelihood_p: float
    t: float
    total: float
    total_banded: float
    change: float
    change_lower: float
    change_upper: float
    handle: bool
    words: tuple[str, ...]


def dependence(
    summary: Summary,
    model: PurchaseModel,
    t: float = 52.0,
    *,
    spend: GammaGamma | None = None,
    minimum: int = 100,
    draws: int = 400,
    seed: int = 1,
) -> Dependence:
    """Test independence, show each band, and say what dependence does to the total.

    Parameters
    ----------
    summary : of a cut base
    model : of purchases, in the summary's unit; it says how many each customer will make
    t : time ahead, in that unit
    spend : the Gamma-Gamma model of the same summary, if there is one already
    minimum : repeat buyers of a band
    draws, seed : of the interval of the change

    Raises
    ------
    NotEnoughData : too few repeat buyers with spend.
    """
    test = rank_test(summary)
    pooled = spend or GammaGamma.fit(summary)
    usual, p_independent = under_independence(summary, pooled, test, seed)
    banded: BandedGammaGamma | None = None
    if test.customers >= 2 * minimum:
        found = BandedGammaGamma.fit(summary, minimum=minimum)
        # q <= 1: nothing can be said of one-time buyers
        banded = found if len(found.lowest) > 1 and found.models[0].params["q"] > 1 else None
    x, each, purchases = _purchases(summary, model, t)
    total = float(purchases @ pooled._expected(x, each))
    change = low = high = 0.0
    ratio, degrees, p = 0.0, 0, float("nan")
    if banded is not None:
        change = float(purchases @ banded._expected(x, each)) / total - 1
        low = high = float("nan")
        if banded.diagnosis.converged:
            low, high = _interval(banded, (x, each, purchases), total, draws, seed)
        ratio = 2 * (banded.log_likelihood - pooled.log_likelihood)
        degrees = banded.parameters - 3  # the scales of all bands but one
        p = float(stats.chi2.sf(max(ratio, 0.0), degrees))
    sound = banded is not None and banded.diagnosis.converged
    handle = sound and max(p, p_independent) < 0.05 and abs(change) >= SMALL
    return Dependence(
        test,
        usual,
        p_independent,
        spend_by_band(summary, pooled, banded.lowest if banded else BANDS),
        pooled,
        banded,
        ratio,
        degrees,
        p,
        t,
        total,
        total * (1 + change),
        change,
        low,
        high,
        handle,
        tuple(_words((test, usual, p_independent), change, (low, high), handle=handle, banded=banded)),
    )


def spend_by_band(summary: Summary, spend: GammaGamma, lowest: tuple[int, ...] = BANDS) -> pd.DataFrame:
    """Mean spend a purchase by band of frequency, predicted against actual; see `Dependence.bands`."""
    cells = summary.spend_cells
    x, mean, n = (cells[c].to_numpy(float) for c in ("frequency", "monetary_value", "customers"))
    band = band_of(x, lowest)
    expected = spend._expected(x, mean)
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


def _purchases(summary: Summary, model: PurchaseModel, t: float) -> tuple[Array, Array, Array]:
    """Frequency, mean spend and expected purchases (all its customers) of each cell."""
    x, n = (summary.cells[c].to_numpy(float) for c in ("frequency", "customers"))
    each = summary.cell_days["monetary_value"].to_numpy(float)
    return x, each, n * model.expected_purchases(summary.cells, t).to_numpy()


def _interval(
    banded: BandedGammaGamma, cells: tuple[Array, Array, Array], total: float, draws: int, seed: int
) -> tuple[float, float]:
    """Of the change, from the parameters of every band; spend is linear in the mean, so sums by x suffice."""
    x, each, purchases = cells
    some, group = np.unique(x, return_inverse=True)
    count, money = np.bincount(group, purchases), np.bincount(group, purchases * each)
    band, worth = band_of(some, banded.lowest), np.zeros(draws)
    drawn = banded.draws(draws, np.random.default_rng(seed))
    for i in range(len(banded.models)):
        here = band == i
        p, q, v = drawn[:, [0, 1, 2 + i]].T[:, :, None]
        worth += (p * (v * count[here] + some[here] * money[here]) / (p * some[here] + q - 1)).sum(axis=1)
    low, high = np.quantile(worth / total - 1, [0.025, 0.975])
    return float(low), float(high)


def _words(
    tested: tuple[RankTest, float, float],
    change: float,
    interval: tuple[float, float],
    *,
    handle: bool,
    banded: BandedGammaGamma | None,
) -> list[str]:
    (test, usual, p), (low, high) = tested, interval
    seen = (
        f"rank correlation {test.spearman:.2f}, 95 % {test.lower:.2f} to {test.upper:.2f}, where "
        f"independence would show {round(usual, 2) + 0.0:.2f}; {test.customers:,} repeat buyers"
    )
    direction = "more" if test.spearman > usual else "less"
    first = (
        f"Customers who buy more often spend {direction} on a purchase ({seen})."
        if p < 0.05 and abs(test.spearman - usual) >= SMALL_CORRELATION
        else f"No dependence of spend on frequency worth speaking of is seen ({seen})."
    )
    if banded is None:
        return [first, "There are too few repeat buyers to give frequency bands a spend model of their own."]
    reach = f"{low:+.1%} to {high:+.1%}" if np.isfinite(low) else "its fit did not come to rest: no interval"
    second = (
        f"A spend level for each frequency band ({', '.join(banded.labels)}) moves the total by "
        f"{change:+.1%} ({reach})."
    )
    third = (
        "Use the banded model for money."
        if handle
        else "That is too little, or too uncertain, to change the model: one spend model for all will do."
    )
    return [first, second, third]
