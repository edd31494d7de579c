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

from crm_analytics.analyses.btyd.checks.ranks import RankTest, rank_test, under_independence
from crm_analytics.analyses.btyd.checks.spend_bands import spend_by_band, spend_held_by_band
from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel
from crm_analytics.analyses.btyd.spend.banded_spend import BANDS, BandedGammaGamma, band_of
from crm_analytics.analyses.btyd.spend.gamma_gamma import GammaGamma
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.analyses.btyd.fitting.summary import Summary
    from crm_analytics.tables.customer_base import CustomerBase

Array = NDArray[np.float64]
SMALL_CORRELATION = 0.03  # beyond what independence shows, below which it is not worth a sentence
SMALL = 0.02  # of the total value, below which dependence is no reason to change the model


@dataclass(frozen=True, eq=False)
class Dependence(ObjectCard):
    """Spend and frequency.

    test : the rank test
    expected_spearman : what it would show on average if spend were independent of frequency, as in the fitted
        Gamma-Gamma: a mean of few skewed amounts ranks lower than a mean of many
    p : two-sided, of independence, against that
    bands : one row per band of frequency: band, customers, actual (mean spend a purchase of its customers),
        lower, upper (95 % interval of that mean), independent (what Gamma-Gamma says of all), predicted (mean
        of what Gamma-Gamma expects of these customers, drawn towards all), ratio (actual / predicted)
    pooled, banded : the spend models; banded is None where there is one band only
    likelihood_ratio, degrees, likelihood_p : pooled against banded
    t : time ahead, in the model's unit
    total, total_banded : expected money of `t`, undiscounted, by either
    change, change_lower, change_upper : total_banded / total - 1, and what the banded fit leaves open (95 %;
        NaN where it did not converge)
    held : of a holdout, if given: band, purchases, actual (money a purchase), pooled, banded (what each model
        had said)
    error_pooled, error_banded : mean distance of a band's spend a purchase from what came, weighted by its
        purchases; NaN without a holdout
    handle : whether to use `banded`: dependence is more than chance, moves the total, and, where there is a
        holdout, the bands came nearer to it
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
    held: pd.DataFrame
    error_pooled: float
    error_banded: float
    handle: bool
    words: tuple[str, ...]

    card_frame = "bands"


def dependence(
    summary: Summary,
    model: PurchaseModel,
    t: float = 52.0,
    *,
    spend: GammaGamma | None = None,
    future: CustomerBase | None = None,
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
    future : a holdout that begins where the summary ends: what dependence in the past was worth after it
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
    total = float(purchases @ pooled.expected(x, each))
    change = low = high = 0.0
    ratio, degrees, p = 0.0, 0, float("nan")
    if banded is not None:
        change = float(purchases @ banded.expected(x, each)) / total - 1
        low = high = float("nan")
        if banded.diagnosis.converged:
            low, high = _interval(banded, (x, each, purchases), total, draws, seed)
        ratio = 2 * (banded.log_likelihood - pooled.log_likelihood)
        degrees = banded.parameters - 3  # the scales of all bands but one
        p = float(stats.chi2.sf(max(ratio, 0.0), degrees))
    held, errors = _held(summary, future, pooled, banded)
    sound = banded is not None and banded.diagnosis.converged
    handle = sound and max(p, p_independent) < 0.05 and abs(change) >= SMALL and not errors[1] >= errors[0]
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
        held,
        *errors,
        handle,
        tuple(
            _words((test, usual, p_independent), (change, low, high), errors, handle=handle, banded=banded)
        ),
    )


def _held(
    summary: Summary, future: CustomerBase | None, pooled: GammaGamma, banded: BandedGammaGamma | None
) -> tuple[pd.DataFrame, tuple[float, float]]:
    if future is None or banded is None:
        return pd.DataFrame(columns=["band", "purchases", "actual", "pooled", "banded"]), (np.nan, np.nan)
    one, many = (spend_held_by_band(summary, future, model) for model in (pooled, banded))
    table = one[["band", "purchases", "actual"]].assign(pooled=one["predicted"], banded=many["predicted"])
    weight = table["purchases"] / max(int(table["purchases"].sum()), 1)
    errors = tuple(float((weight * (table["actual"] - table[c]).abs()).sum()) for c in ("pooled", "banded"))
    return table, (errors[0], errors[1])


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
    moved: tuple[float, float, float],
    errors: tuple[float, float],
    banded: BandedGammaGamma | None,
    *,
    handle: bool,
) -> list[str]:
    (test, usual, p), (change, low, high), (one, many) = tested, moved, errors
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
    reach = f"{low:+.1%} to {high:+.1%}" if np.isfinite(low) else "its fit did not converge: no interval"
    second = (
        f"A spend level for each frequency band ({', '.join(banded.labels)}) moves the total by "
        f"{change:+.1%} ({reach})."
    )
    said = [first, second]
    if np.isfinite(one):
        verb = "came nearer to" if many < one else "came no nearer to"
        said.append(
            f"The bands {verb} what was spent afterwards: off by {many:.2f} a purchase, one level for all "
            f"by {one:.2f}."
        )
    if handle:
        return [*said, "Use the banded model for money."]
    if many >= one:
        return [*said, "So one spend model for all will do."]
    reason = "That is too little, or too uncertain, to change the model"
    return [*said, f"{reason}: one spend model for all will do."]
