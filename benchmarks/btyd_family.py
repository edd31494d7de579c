"""The rest of the family beside its peers: Pareto/NBD, scores of a million, ten millions to a file.

    python -m benchmarks.btyd_family                       # Pareto/NBD and scores against lifetimes
    python -m benchmarks.btyd_family --scored 10000000     # Parquet to scored Parquet, time and memory
    python -m benchmarks.btyd_family --peers peers/bin/python   # BG/NBD against pymc-marketing and clvkit

The peers need an environment of their own (``pip install pymc-marketing clvkit pyarrow``); both sides fit the
same rows, every run in a process of its own, and their optimum is printed beside ours.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
TODAY = "2000-01-01"
NAMES = ("r", "alpha", "a", "b")


def pareto(customers: int) -> None:
    """Lifetimes' Nelder-Mead against Newton's steps on the same rows."""
    from benchmarks.btyd_fit import simulate, timed
    from crm_analytics.analyses import btyd
    from crm_analytics.analyses.btyd.fitting import lifetimes_bridge

    rows = simulate(customers)
    fitter = lifetimes_bridge._fitter("ParetoNBD")

    def theirs() -> Any:
        with lifetimes_bridge._quiet():
            return fitter.fit(rows["frequency"], rows["recency"], rows["T"])

    other, there = timed(theirs, 1)
    model, here = timed(lambda: btyd.ParetoNBD.fit(rows, unit="D"), 3)
    at_theirs = model.at(rows, {k: float(v) for k, v in other.params_.items()})
    print(f"Pareto/NBD, {customers:,} customers, daily, from rows")
    print(f"  lifetimes      {there:8.2f} s   log-likelihood {at_theirs.log_likelihood:.4f}")
    print(f"  crm-analytics  {here:8.2f} s   log-likelihood {model.log_likelihood:.4f}")
    print(f"  ratio          {there / here:8.1f} x   (goal: 100 or more)", flush=True)


def scores(customers: int) -> None:
    """P(alive) and expected purchases of every row."""
    from benchmarks.btyd_fit import simulate, timed
    from crm_analytics.analyses import btyd

    rows = simulate(customers)
    model = btyd.BetaGeo.fit(rows, unit="D")
    fitter = model.to_lifetimes()
    x, recency, T = rows["frequency"], rows["recency"], rows["T"]

    def theirs() -> Any:
        alive = fitter.conditional_probability_alive(x, recency, T)
        return alive, fitter.conditional_expected_number_of_purchases_up_to_time(91, x, recency, T)

    def ours() -> Any:
        return model.probability_alive(rows), model.expected_purchases(rows, 91)

    theirs(), ours()  # warm
    other, there = timed(theirs, 3)
    mine, here = timed(ours, 3)
    apart = float(np.nanmax(np.abs(np.asarray(other[1]) - np.asarray(mine[1]))))
    print(
        f"P(alive) and expected purchases, {customers:,} rows, median of 3 warm; "
        f"largest difference {apart:.1e}"
    )
    print(f"  lifetimes      {there:8.2f} s")
    print(f"  crm-analytics  {here:8.2f} s")
    print(f"  ratio          {there / here:8.1f} x   (goal: 3 or more)", flush=True)


def score_file(source: Path, target: Path) -> dict[str, float]:
    """Parquet of purchases to Parquet of scores; seconds of each part."""
    from crm_analytics import CustomerBase
    from crm_analytics.analyses import btyd

    seconds, began = {}, time.perf_counter()

    def mark(name: str) -> None:
        nonlocal began
        seconds[name], began = time.perf_counter() - began, time.perf_counter()

    base = CustomerBase.open(source, today=TODAY)
    mark("open and check")
    summary = btyd.summarize(base, unit="D")
    mark("summary")
    model, spend = btyd.BetaGeo.fit(summary), btyd.GammaGamma.fit(summary)
    mark("fit")
    scored = btyd.score(summary, model, spend, horizon=(52, "W"), rate=0.15)
    scored.to_parquet(target)
    mark("score and write")
    return seconds


def scored(customers: int) -> None:
    """A quarter, a half and the whole, each in a process of its own."""
    from benchmarks.summary import write_sales

    print("   customers        rows   seconds   s per 1M customers   peak memory")
    for n in (customers // 4, customers // 2, customers):
        with tempfile.TemporaryDirectory(prefix="crm-bench-") as folder:
            path = Path(folder) / "sales.parquet"
            rows = write_sales(path, n)
            found = asked(sys.executable, "--measure", "scored", "--folder", folder)
        total = sum(found["seconds"].values())
        print(
            f"{n:>12,} {rows:>11,} {total:>9.2f} {total / n * 1e6:>20.2f} {found['gib']:>9.2f} GiB",
            flush=True,
        )
        print(
            "      " + ", ".join(f"{part} {took:.2f}" for part, took in found["seconds"].items()), flush=True
        )
    print("goal: the same seconds per million customers, at most 6 GiB")


def peers(python: str, customers: int) -> None:
    """BG/NBD by each package on the same rows."""
    from benchmarks.btyd_fit import simulate

    with tempfile.TemporaryDirectory(prefix="crm-bench-") as folder:
        simulate(customers).to_parquet(Path(folder) / "rows.parquet")
        found = {"crm-analytics": asked(sys.executable, "--measure", "ours", "--folder", folder)}
        for name in ("pymc-marketing", "clvkit"):
            try:
                found[name] = asked(python, "--measure", name, "--folder", folder)
            except SystemExit as error:
                print(f"  {name}: not measured ({str(error).strip().splitlines()[-1][:120]})")
    here = found["crm-analytics"]["seconds"]
    print(
        f"BG/NBD, {customers:,} customers, daily, from rows; the second fit of a process (the first compiles)"
    )
    for name, one in found.items():
        said = "  ".join(f"{k} {one['params'][k]:.5f}" for k in NAMES)
        took = f"{one['seconds']:8.2f} s {one['seconds'] / here:8.1f} x"
        print(f"  {name:<15} {one['version']:<8} {took}   {said}", flush=True)


def measure(what: str, folder: Path) -> dict[str, Any]:
    """One side, in its own environment."""
    if what == "scored":
        seconds = score_file(folder / "sales.parquet", folder / "scores.parquet")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {"seconds": seconds, "gib": peak / 2**20 / (1024 if sys.platform == "darwin" else 1)}
    rows = pd.read_parquet(folder / "rows.parquet")
    fit = {"ours": _ours, "pymc-marketing": _pymc, "clvkit": _clvkit}[what]
    fit(rows)
    began = time.perf_counter()
    params = fit(rows)
    found = version("crm-analytics" if what == "ours" else what)
    return {"seconds": time.perf_counter() - began, "params": params, "version": found}


def _ours(rows: pd.DataFrame) -> dict[str, float]:
    from crm_analytics.analyses import btyd

    return btyd.BetaGeo.fit(rows, unit="D").params


def _pymc(rows: pd.DataFrame) -> dict[str, float]:
    from pymc_marketing.clv import BetaGeoModel

    model = BetaGeoModel()  # data come with the fit: 1.0 takes none here
    model.fit(data=rows.assign(customer_id=np.arange(len(rows))), method="map", progressbar=False)
    found = model.fit_result
    return {k: float(np.asarray(found[k]).ravel()[0]) for k in NAMES}


def _clvkit(rows: pd.DataFrame) -> dict[str, float]:
    from clvkit import BGNBD, CustomerBase

    data = rows.rename_axis("customer_id")
    base = CustomerBase(
        data, time_unit="D", observation_period_end=pd.Timestamp(TODAY), has_monetary=False, on_negative="net"
    )
    return {k: float(v) for k, v in BGNBD().fit(base).params_.items()}


def asked(python: str, *arguments: str) -> dict[str, Any]:
    """One run in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    call = [python, str(ROOT / "benchmarks" / "btyd_family.py"), *arguments]
    done = subprocess.run(call, check=False, capture_output=True, text=True, env=environment, cwd=ROOT)
    if done.returncode:
        raise SystemExit(done.stderr or done.stdout)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--scored", type=int, metavar="CUSTOMERS")
    parser.add_argument("--peers", metavar="PYTHON")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(given.measure, given.folder)))
        return
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    if given.scored:
        scored(given.scored)
    elif given.peers:
        peers(given.peers, given.customers)
    else:
        pareto(min(given.customers, 100_000))
        scores(given.customers)


if __name__ == "__main__":
    main()
