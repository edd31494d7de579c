"""BG/NBD fit of ours on cells against lifetimes' on rows, in one run: same optimum, how many times faster.

python benchmarks/btyd_fit.py [--customers 1000000] [--repeats 3]

Customers are drawn from BG/NBD with daily dates over 546 days, as in the design's table of speeds.
`rows -> fit` starts from the customer frame and merges it to cells first; `cells -> fit` is what a
summary costs, whose cells the engine has counted.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.fitting import lifetimes_bridge

TRUE = {"r": 0.45, "alpha": 40.0, "a": 0.8, "b": 2.5}  # days
WINDOW = 546


def simulate(customers: int, seed: int = 1) -> pd.DataFrame:
    """frequency, recency, T in whole days."""
    rng = np.random.default_rng(seed)
    T = rng.integers(1, WINDOW + 1, customers)
    rate = rng.gamma(TRUE["r"], 1 / TRUE["alpha"], customers)
    leave = rng.beta(TRUE["a"], TRUE["b"], customers)
    x, recency = np.zeros(customers, np.int64), np.zeros(customers)
    now, day = np.zeros(customers), np.zeros(customers, np.int64)
    here = np.arange(customers)
    while len(here):
        with np.errstate(divide="ignore"):
            now[here] += rng.exponential(size=len(here)) / rate[here]
        here = here[now[here] <= T[here]]
        landed = np.minimum(np.ceil(now[here]).astype(np.int64), T[here])
        new_day = landed > day[here]  # purchases of a day merge
        bought = here[new_day]
        x[bought] += 1
        day[bought], recency[bought] = landed[new_day], landed[new_day]
        here = here[rng.random(len(here)) >= leave[here]]
    return pd.DataFrame({"frequency": x, "recency": recency, "T": T.astype(float)})


def timed(action: Callable[[], Any], repeats: int) -> tuple[Any, float]:
    """Result and median seconds."""
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        result = action()
        seconds.append(time.perf_counter() - begin)
    return result, float(np.median(seconds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    rows = simulate(chosen.customers)
    keys = ["frequency", "recency", "T"]
    cells = rows.groupby(keys).size().rename("customers").reset_index()
    purchases = int(rows["frequency"].sum()) + len(rows)
    print(f"{len(rows):,} customers, {purchases:,} purchases, {len(cells):,} cells")

    btyd.second_opinion(cells.head(1000))  # imports are not timed
    theirs, their_seconds = timed(lambda: fit_lifetimes(rows), 1)
    ours, our_seconds = timed(lambda: btyd.BetaGeo.fit(cells, unit="D"), chosen.repeats)
    ours_rows, our_row_seconds = timed(lambda: btyd.BetaGeo.fit(rows, unit="D"), chosen.repeats)
    at_theirs = ours.at(cells, {k: float(v) for k, v in theirs.params_.items()})
    print(f"{'':24}{'seconds':>10}{'ratio':>9}   {'r':>9}{'alpha':>11}{'a':>9}{'b':>9}   log-likelihood")
    for name, seconds, model in (
        ("lifetimes, rows", their_seconds, at_theirs),
        ("ours, rows -> fit", our_row_seconds, ours_rows),
        ("ours, cells -> fit", our_seconds, ours),
    ):
        p = model.params
        print(
            f"{name:24}{seconds:10.3f}{their_seconds / seconds:8.1f}x   {p['r']:9.6f}{p['alpha']:11.6f}"
            f"{p['a']:9.6f}{p['b']:9.6f}   {model.log_likelihood:.4f}"
        )
    print(ours.diagnosis.message, f"{ours.diagnosis.iterations} Newton steps on all cells.")


def fit_lifetimes(rows: pd.DataFrame) -> Any:
    """Lifetimes' own fit of the rows, as its Quickstart does it."""
    fitter = lifetimes_bridge._fitter("BetaGeo")
    with lifetimes_bridge._quiet():
        return fitter.fit(rows["frequency"], rows["recency"], rows["T"])


if __name__ == "__main__":
    main()
