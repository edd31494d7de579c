"""Do the intervals hold what they promise? Bases drawn from each model, fitted, forecast, and held against
what the same customers then do.

    python -m benchmarks.interval_coverage --simulations 600            # the table of docs/coverage.md
    python -m benchmarks.interval_coverage --simulations 600 --write docs/coverage.md

A 90 % interval should hold the truth in 90 of 100 bases. Counted for the total, for three bands of frequency,
and for the discounted value of all. The band beside each count is where 99.9 % of counts fall if the
promise is true (binomial), wide enough for all rows together.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binom

from crm_analytics.analyses.btyd import (
    BetaGeo,
    GammaGamma,
    ModifiedBetaGeo,
    ParetoNBD,
    Summary,
    forecast_total,
    value_total,
)
from crm_analytics.analyses.btyd.lifetime_value import Discount
from crm_analytics.analyses.btyd.purchase_model import PurchaseModel

Array = NDArray[np.float64]
LEVEL, DRAWS = 0.90, 400
CUSTOMERS, HOLDOUT = 1_000, 39.0  # weeks; ages as in CDNOW, 27 to 39 weeks
RATE = 0.15
TRUTH: dict[type[PurchaseModel], dict[str, float]] = {
    BetaGeo: {"r": 0.55, "alpha": 5.0, "a": 0.8, "b": 2.4},
    ModifiedBetaGeo: {"r": 0.7, "alpha": 5.0, "a": 0.9, "b": 2.0},
    ParetoNBD: {"r": 0.7, "alpha": 8.0, "s": 0.6, "beta": 12.0},
}
SPEND = {"p": 6.25, "q": 3.74, "v": 15.44}
BANDS = {"total": (0, 1_000_000), "x = 0": (0, 0), "x = 1 or 2": (1, 2), "x = 3 or more": (3, 1_000_000)}


@dataclass(frozen=True)
class Base:
    """One base: what is known of each customer at the day, and what each does after it."""

    history: pd.DataFrame  # frequency, recency, T, monetary_value, customers
    later: Array  # purchases in the holdout
    worth: Array  # their discounted money


def draw(kind: type[PurchaseModel], rng: np.random.Generator) -> Base:
    """Customers of a model, at its planted parameters."""
    params, n = TRUTH[kind], CUSTOMERS
    age = rng.uniform(27, 39, n)
    rate = rng.gamma(params["r"], 1 / params["alpha"], n)
    ends = age + HOLDOUT
    if kind is ParetoNBD:
        ends = np.minimum(ends, rng.exponential(1 / rng.gamma(params["s"], 1 / params["beta"], n)))
        quits = np.zeros(n)
    else:
        quits = rng.beta(params["a"], params["b"], n)
    there = np.arange(n)
    if kind is ModifiedBetaGeo:  # may leave at once
        there = there[rng.random(n) >= quits]
    moment, who, when = np.zeros(n), [], []
    while len(there):
        moment[there] += rng.exponential(1 / rate[there])
        there = there[moment[there] < ends[there]]
        who.append(there)
        when.append(moment[there])
        there = there[rng.random(len(there)) >= quits[there]]
    owner, at = np.concatenate(who), np.concatenate(when)
    nu = rng.gamma(SPEND["q"], 1 / SPEND["v"], n)
    money = rng.gamma(SPEND["p"], 1 / nu[owner])
    before = at < age[owner]
    x = np.bincount(owner[before], minlength=n)
    recency = np.zeros(n)
    np.maximum.at(recency, owner[before], at[before])
    mean = np.bincount(owner[before], money[before], minlength=n) / np.maximum(x, 1)
    discount = Discount.of((int(HOLDOUT), "W"), RATE, "end", "W")
    paid = money * discount.factor(np.maximum(at - age[owner], 1e-9))
    after = ~before
    history = pd.DataFrame(
        {"frequency": x, "recency": recency, "T": age, "monetary_value": mean, "customers": 1}
    )
    return Base(
        history,
        np.bincount(owner[after], minlength=n).astype(float),
        np.bincount(owner[after], paid[after], minlength=n),
    )


def as_summary(base: Base) -> Summary:
    """What `value_total` looks at of a summary."""
    days = base.history[["monetary_value"]]
    return Summary(None, base.history, "W", None, None, None, days)  # type: ignore[arg-type]


def covered(kind: type[PurchaseModel], seed: int) -> dict[str, bool] | None:
    """Which intervals held the truth in one base; None where the fit said that it did not come to rest."""
    base = draw(kind, np.random.default_rng(seed))
    model = kind.fit(base.history, unit="W")
    spend = GammaGamma.fit(base.history, unit="W")
    if not (model.diagnosis.converged and spend.diagnosis.converged):
        return None
    found = {}
    for name, (low, high) in BANDS.items():
        part = base.history["frequency"].between(low, high)
        forecast = forecast_total(base.history[part], model, HOLDOUT, level=LEVEL, draws=DRAWS, seed=seed)
        found[name] = forecast.covers(base.later[part.to_numpy()].sum())
    value = value_total(
        as_summary(base), model, spend, horizon=(int(HOLDOUT), "W"), rate=RATE, level=LEVEL, draws=DRAWS,
        seed=seed,
    )  # fmt: skip
    found["value"] = value.covers(base.worth.sum())
    return found


def band(n: int, inside: float = 0.999) -> tuple[int, int]:
    """Counts of n between which the truth falls with this probability, if the promise is true."""
    tail = (1 - inside) / 2
    return int(binom.ppf(tail, n, LEVEL)), int(binom.ppf(1 - tail, n, LEVEL))


def table(simulations: int, first_seed: int = 1) -> pd.DataFrame:
    """Counts by model and interval, with the binomial band; refused are fits that did not come to rest."""
    rows = []
    for kind in TRUTH:
        held: Counter[str] = Counter()
        done = refused = 0
        for seed in range(first_seed, first_seed + simulations):
            found = covered(kind, seed)
            if found is None:
                refused += 1
                continue
            done += 1
            held.update(name for name, inside in found.items() if inside)
        low, high = band(done)
        rows += [
            (
                kind.LABEL,
                what,
                done,
                held[what],
                held[what] / done,
                low,
                high,
                low <= held[what] <= high,
                refused,
            )
            for what in (*BANDS, "value")
        ]
    columns = ["model", "interval", "of", "held", "share", "lower", "upper", "inside", "refused"]
    return pd.DataFrame(rows, columns=columns)


def as_markdown(found: pd.DataFrame, simulations: int) -> str:
    """The table as a page of docs/."""
    half = 100 * NormalDist().inv_cdf(0.975) * np.sqrt(LEVEL * (1 - LEVEL) / simulations)
    lines = [
        "# Do the intervals hold what they promise?",
        "",
        f"{simulations} bases of {CUSTOMERS:,} customers a model, drawn, fitted and forecast {HOLDOUT:.0f}",
        f"weeks ahead; how often the {LEVEL:.0%} interval held what the same customers then did. A share is",
        f"known to about {half:.1f} points. Made by",
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
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    text = as_markdown(table(given.simulations), given.simulations)
    print(text)
    if given.write:
        given.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
