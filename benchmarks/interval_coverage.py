"""Do the intervals hold what they promise? Bases drawn from each model, fitted, forecast, and held against
what the same customers then do.

    python -m benchmarks.interval_coverage --simulations 600 --workers 2       # the table of docs/coverage.md
    python -m benchmarks.interval_coverage --simulations 600 --write docs/coverage.md

A 90 % interval should hold the truth in 90 of 100 bases. Counted for totals, for three bands of frequency,
for the discounted value of all, and for what is said of coefficients, new customers and survival. The band
beside each count is where 99.9 % of counts fall if the promise is true (binomial), wide enough for all rows
together.
"""

from __future__ import annotations

import argparse
import functools
from collections import Counter
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binom

from benchmarks import coverage_bases as bases
from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel

Array = NDArray[np.float64]
LEVEL, DRAWS = 0.90, 400
ENOUGH = NormalDist().inv_cdf((1 + LEVEL) / 2)
BANDS = {"total": (0, 1_000_000), "x = 0": (0, 0), "x = 1 or 2": (1, 2), "x = 3 or more": (3, 1_000_000)}
OPPORTUNITIES_AHEAD = 10
Held = dict[str, bool] | None  # which intervals held the truth; None where the fit did not converge


def by_band(model: Any, base: bases.Base, t: float, seed: int) -> dict[str, bool]:
    """Totals of customers by how often they bought."""
    found = {}
    for name, (low, high) in BANDS.items():
        part = base.history["frequency"].between(low, high)
        forecast = btyd.forecast_total(base.history[part], model, t, level=LEVEL, draws=DRAWS, seed=seed)
        found[name] = forecast.covers(base.later[part.to_numpy()].sum())
    return found


def purchases(kind: type[PurchaseModel], seed: int) -> Held:
    """Purchases, and the money they bring."""
    base = bases.purchases(kind, np.random.default_rng(seed))
    model = kind.fit(base.history, unit="W")
    spend = btyd.GammaGamma.fit(base.history, unit="W")
    if base.worth is None or not (model.diagnosis.converged and spend.diagnosis.converged):
        return None
    summary = btyd.Summary(
        None,
        base.history,
        "W",
        None,
        None,
        None,
        base.history[["monetary_value"]],  # type: ignore[arg-type]
    )
    value = btyd.value_total(
        summary, model, spend, horizon=(bases.HOLDOUT, "W"), rate=bases.RATE, level=LEVEL, draws=DRAWS,
        seed=seed, net=False,
    )  # fmt: skip
    return by_band(model, base, bases.HOLDOUT, seed) | {"value": value.covers(base.worth.sum())}


def regular(kind: type[btyd.RegularBetaGeo | btyd.RegularModifiedBetaGeo], seed: int) -> Held:
    """Purchases of customers who buy regularly."""
    base = bases.purchases(kind, np.random.default_rng(seed))
    model = kind.fit(base.history, unit="W", k=bases.EVENTS)
    if not model.diagnosis.converged:
        return None
    total = btyd.forecast_total(base.history, model, bases.HOLDOUT, level=LEVEL, draws=DRAWS, seed=seed)
    return {"total": total.covers(base.later.sum())}


def covariates(kind: type[PurchaseModel], seed: int) -> Held:
    """What membership does, new customers, and the total."""
    base = bases.purchases(kind, np.random.default_rng(seed), club=True)
    fit = btyd.fit_covariates(kind, base.history, buying=["club"], leaving=["club"], unit="W")
    if not fit.diagnosis.converged:
        return None
    found = {}
    for row in fit.coefficients.itertuples():
        reach = ENOUGH * row.standard_error
        found[f"coefficient of {row.process}"] = abs(row.coefficient - bases.CLUB[row.process]) <= reach
    club = pd.DataFrame({"club": [1.0]})
    new = fit.expected_purchases_new(club, bases.HOLDOUT, level=LEVEL).iloc[0]
    params = {name: float(v[0]) for name, v in bases.parameters(kind, np.ones(1)).items()}
    truth = kind(params, unit="W").expected_purchases_new(bases.HOLDOUT)
    found["new members"] = bool(new["lower"] <= truth <= new["upper"])
    history = base.history.drop(columns="monetary_value")
    total = btyd.forecast_total(history, fit, bases.HOLDOUT, level=LEVEL, draws=DRAWS, seed=seed)
    return found | {"total": total.covers(base.later.sum())}


def opportunities(seed: int) -> Held:
    """Purchases at opportunities."""
    base = bases.opportunities(np.random.default_rng(seed), OPPORTUNITIES_AHEAD)
    model = btyd.BetaGeoBetaBinomial.fit(base.history)
    return by_band(model, base, OPPORTUNITIES_AHEAD, seed) if model.diagnosis.converged else None


def contracts(kind: type[btyd.ShiftedBetaGeo | btyd.BetaDiscreteWeibull], seed: int) -> Held:
    """Renewals of running contracts, and the curve where no contract was seen."""
    params = bases.RENEWALS[kind.LABEL]
    base = bases.contracts(params, np.random.default_rng(seed))
    model = kind.fit(base.history, unit="M")
    if not model.diagnosis.converged:
        return None
    total = btyd.forecast_total(base.history, model, bases.MONTHS, level=LEVEL, draws=DRAWS, seed=seed)
    curve, truth = model.survival_table(36, LEVEL), kind(params).survival(np.arange(37))
    held = {"renewals": total.covers(base.later.sum())}
    for month in (12, 36):
        at = curve.iloc[month]
        held[f"survival of {month} months"] = bool(at["lower"] <= truth[month] <= at["upper"])
    return held


COVERED: dict[str, Callable[[int], Held]] = {
    **{
        k.LABEL: functools.partial(purchases, k) for k in (btyd.BetaGeo, btyd.ModifiedBetaGeo, btyd.ParetoNBD)
    },
    "NBD": functools.partial(purchases, btyd.NBD),
    **{
        f"{k.LABEL[:-1]}{bases.EVENTS}": functools.partial(regular, k)
        for k in (btyd.RegularBetaGeo, btyd.RegularModifiedBetaGeo)
    },
    **{
        f"{k.LABEL} with a covariate": functools.partial(covariates, k)
        for k in (btyd.BetaGeo, btyd.ModifiedBetaGeo, btyd.ParetoNBD)
    },
    "BG/BB": opportunities,
    **{k.LABEL: functools.partial(contracts, k) for k in (btyd.ShiftedBetaGeo, btyd.BetaDiscreteWeibull)},
}


def band(n: int, inside: float = 0.999) -> tuple[int, int]:
    """Counts of n between which the truth falls with this probability, if the promise is true."""
    tail = (1 - inside) / 2
    return int(binom.ppf(tail, n, LEVEL)), int(binom.ppf(1 - tail, n, LEVEL))


def table(
    simulations: int, first_seed: int = 1, models: Sequence[str] = tuple(COVERED), workers: int = 1
) -> pd.DataFrame:
    """Counts by model and interval, with the binomial band; refused are fits that did not converge."""
    rows = []
    seeds = range(first_seed, first_seed + simulations)
    for name in models:
        if workers > 1:
            with get_context("spawn").Pool(workers) as pool:
                found = pool.map(COVERED[name], seeds, chunksize=10)
        else:
            found = [COVERED[name](seed) for seed in seeds]
        known = [one for one in found if one is not None]
        held = Counter(what for one in known for what, inside in one.items() if inside)
        low, high = band(len(known))
        for what in known[0] if known else ():
            inside = low <= held[what] <= high
            share = held[what] / len(known)
            refused = simulations - len(known)
            rows.append((name, what, len(known), held[what], share, low, high, inside, refused))
    columns = ["model", "interval", "of", "held", "share", "lower", "upper", "inside", "refused"]
    return pd.DataFrame(rows, columns=columns)


def as_markdown(found: pd.DataFrame, simulations: int) -> str:
    """The table as a page of docs/."""
    half = 100 * NormalDist().inv_cdf(0.975) * np.sqrt(LEVEL * (1 - LEVEL) / simulations)
    lines = [
        "# Do the intervals hold what they promise?",
        "",
        f"{simulations} bases a model ({bases.CUSTOMERS:,} customers, or {2 * bases.CUSTOMERS:,} contracts),",
        f"drawn, fitted and forecast {bases.HOLDOUT} weeks, {OPPORTUNITIES_AHEAD} opportunities or",
        f"{bases.MONTHS} renewals ahead: how often the {LEVEL:.0%} interval held what the same customers",
        f"then did, or the value planted. A share is known to about {half:.1f} points. Made by",
        f"`python -m benchmarks.interval_coverage --simulations {simulations} --write docs/coverage.md`.",
        "",
        "| model | interval of | bases | held | share | 99.9 % of counts, if true | inside | fits refused |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.model} | {row.interval} | {row.of} | {row.held} | {row.share:.1%} "
        f"| {row.lower}–{row.upper} | {'yes' if row.inside else '**no**'} | {row.refused} |"
        for row in found.itertuples()
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--simulations", type=int, default=600)
    parser.add_argument("--models", nargs="+", choices=list(COVERED), default=list(COVERED))
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    found = table(given.simulations, given.first_seed, given.models, given.workers)
    text = as_markdown(found, given.simulations)
    print(text)
    if given.write:
        given.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
