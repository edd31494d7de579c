"""What forecasts are worth: how often their intervals held, how wide and how far off they were."""

from __future__ import annotations

import numpy as np
import pandas as pd

MISS = 0.05  # of a 95 % interval
COLUMNS = ["world", "seed", "day", "rival", "weeks", "what", "mean", "lower", "upper", "came"]


def scored(cases: pd.DataFrame) -> pd.DataFrame:
    """Cases with held, relative error, and the interval score as a share of what came.

    Source
    ------
    Gneiting & Raftery (2007), *JASA* 102, section 6.2: width, and 2/alpha times what lies outside.
    """
    low, high, came = (cases[c].to_numpy(float) for c in ("lower", "upper", "came"))
    outside = np.maximum(low - came, 0) + np.maximum(came - high, 0)
    return cases.assign(
        said=np.isfinite(cases["mean"]) & np.isfinite(high),
        held=(low <= came) & (came <= high),
        error=cases["mean"] / came - 1,
        score=(high - low + 2 / MISS * outside) / came,
    )


def table(cases: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Held, median error, bias and mean interval score of each group; refused forecasts counted apart."""
    found = scored(cases)
    rows = []
    for key, some in found.groupby(by, sort=False):
        told = some[some["said"]]
        row = dict(zip(by, key if isinstance(key, tuple) else (key,), strict=True))
        row |= {
            "forecasts": len(some),
            "refused": len(some) - len(told),
            "held": float(told["held"].mean()) if len(told) else np.nan,
            "bias": float(told["error"].median()) if len(told) else np.nan,
            "error": float(told["error"].abs().median()) if len(told) else np.nan,
            "score": float(told["score"].mean()) if len(told) else np.nan,
        }
        rows.append(row)
    return pd.DataFrame(rows)
