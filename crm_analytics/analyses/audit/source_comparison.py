"""Whether customers of a source clearly bring more or less than all others."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from crm_analytics.analyses.intervals import Z95, benjamini_hochberg

MINIMUM = 30  # customers of a source, and of all others
LEVEL = 0.05  # of false discoveries among the sources called clear


def sources_apart(sources: pd.DataFrame) -> pd.DataFrame:
    """Hold the first-year revenue of each source against that of all other customers.

    Parameters
    ----------
    sources : as `Acquisition.sources`: source, customers, revenue (money per customer), revenue_lower,
        revenue_upper (95 %, normal)

    Returns
    -------
    source, customers, revenue, elsewhere (mean of all others), difference, lower, upper (95 %, Welch, and
    no narrower than if all customers spent by one law), p_adjusted (two-sided, Benjamini & Hochberg 1995 over
    the sources), clear. Sources with fewer than `MINIMUM` customers, here or elsewhere, are left out.

    >>> table = pd.DataFrame({"source": ["ad", "friend"], "customers": [100, 100], "revenue": [50.0, 80.0],
    ...     "revenue_lower": [40.0, 70.0], "revenue_upper": [60.0, 90.0]})
    >>> sources_apart(table)["clear"].tolist()
    [True, True]
    """
    n, mean = sources["customers"].to_numpy(float), sources["revenue"].to_numpy(float)
    variance = ((sources["revenue_upper"].to_numpy(float) - mean) / Z95) ** 2 * n
    squares = (n - 1) * variance + n * mean**2
    kept = (n >= MINIMUM) & (n.sum() - n >= MINIMUM)
    rest = (n.sum() - n)[kept]
    n, mean, variance, squares_rest = n[kept], mean[kept], variance[kept], (squares.sum() - squares)[kept]
    total = float((sources["customers"] * sources["revenue"]).sum())
    elsewhere = (total - n * mean) / rest
    spread = np.clip((squares_rest - rest * elsewhere**2) / (rest - 1), 0, None)
    # a source that lacks large spenders by chance has too small a spread, too: that of all is as likely
    everybody = float(squares.sum() - total**2 / sources["customers"].sum())
    pooled = everybody / max(float(sources["customers"].sum()) - 1, 1.0) * (1 / n + 1 / rest)
    error = np.sqrt(np.maximum(variance / n + spread / rest, pooled))
    difference = mean - elsewhere
    p = [
        math.erfc(abs(d) / e / math.sqrt(2)) if e > 0 else float(d == 0)
        for d, e in zip(difference, error, strict=True)
    ]
    adjusted = benjamini_hochberg(p)
    found = sources.loc[kept, ["source", "customers", "revenue"]].reset_index(drop=True)
    return found.assign(
        elsewhere=elsewhere,
        difference=difference,
        lower=difference - Z95 * error,
        upper=difference + Z95 * error,
        p_adjusted=adjusted,
        clear=adjusted < LEVEL,
    )
