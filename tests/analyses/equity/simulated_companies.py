"""Companies whose true effects are known: what channels win, what last click credits, what tests measure.

Nothing here is shared with the planner: true curves are Hill, power, logarithmic or exponential; customers
come by chance; credit follows who was near the sale; tests are noisy counts in held-back regions.

`python -m tests.analyses.equity.simulated_companies [N]` prints the table of docs/equity.md.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from crm_analytics.analyses.equity.budget import KEEP, WIN, Lever, plan

RULES = ("plan", "last click", "equal split", "past ROAS", "as now")
STEPS = 2000  # into which the budget is cut, to find the best plan
FRACTIONS = (0.5, 1.0, 1.5)  # of today's spend, in a region of its own each


@dataclass(frozen=True)
class Channel:
    """A channel as it is: what any spend gains, what a customer of it brings, what it is credited with."""

    name: str
    kind: str
    spend: float
    curve: Callable[[float], float]
    value: float
    credit: float


@dataclass(frozen=True)
class Company:
    """Channels, new customers that come by themselves, and a budget."""

    channels: tuple[Channel, ...]
    organic: float
    budget: float
    chance: np.random.Generator

    def profit(self, spends: np.ndarray) -> float:
        """Margin that the spend truly gains, less the spend."""
        return sum(c.value * c.curve(float(s)) - float(s) for c, s in zip(self.channels, spends, strict=True))

    def best(self) -> float:
        """The most that the budget could gain: all true curves are concave, so the best coins come first."""
        grid = np.linspace(0, self.budget, STEPS + 1)
        worth = np.array([[c.value * c.curve(float(s)) for s in grid] for c in self.channels])
        coins = np.sort((np.diff(worth, axis=1) - self.budget / STEPS).ravel())[::-1][:STEPS]
        return float(coins[coins > 0].sum())

    def lever(self, channel: Channel) -> Lever:
        """What tests and records tell of a channel: counts in regions, a predicted value."""
        rows = []
        for fraction in FRACTIONS:  # a third of all regions each, against as many without the channel
            truth = channel.curve(fraction * channel.spend)
            with_it = self.chance.poisson((self.organic + truth) / 3)
            without = self.chance.poisson(self.organic / 3)
            error = 3 * np.sqrt(with_it + without + 1)
            rows.append((fraction * channel.spend, 3.0 * (with_it - without), error))
        tests = pd.DataFrame(rows, columns=["spend", "gained", "error"])
        error = 0.08 * channel.value
        value = max(channel.value + error * self.chance.normal(), 1.0)
        return Lever.of_tests(channel.name, channel.kind, channel.spend, tests, value, error)


def curve_of(form: str, reached: float, spend: float, bend: float) -> Callable[[float], float]:
    """A true curve of a form through (spend, reached)."""
    raw: dict[str, Callable[[float], float]] = {
        "hill": lambda s: s / (s + bend * spend),
        "power": lambda s: (s / spend) ** (0.25 + 0.35 * bend / 2),
        "log": lambda s: np.log1p(s / (0.5 * bend * spend)),
        "exponential": lambda s: 1 - np.exp(-s / (bend * spend)),
    }
    return lambda s: float(reached * raw[form](s) / raw[form](spend))


def company(seed: int) -> Company:
    """Four to six channels; among them one that is credited with much and wins next to nothing."""
    chance = np.random.default_rng(seed)
    count = int(chance.integers(4, 7))
    budget = float(chance.uniform(100_000, 400_000))
    # past budgets were set by habit, some channels far too much, some far too little
    spends = budget * chance.dirichlet(np.full(count, 1.5))
    spends = np.maximum(spends, 0.02 * budget)
    spends *= budget / spends.sum()
    organic = float(chance.uniform(1_000, 4_000))
    channels = []
    for k in range(count):
        value = float(chance.lognormal(np.log(90), 0.3))
        if k == 0:  # brand search: near every sale, cause of few
            gain, near = 0.05, 0.5
        else:
            gain, near = float(chance.uniform(0.3, 3.0)), float(chance.uniform(0.0, 0.25))
        reached = gain * spends[k] / value
        form = str(chance.choice(["hill", "power", "log", "exponential"]))
        curve = curve_of(form, reached, spends[k], float(chance.uniform(0.4, 1.6)))
        credit = reached * chance.uniform(0.5, 1.0) + near * organic
        kind = KEEP if k == count - 1 else WIN
        channels.append(Channel(f"channel {k}", kind, float(spends[k]), curve, value, float(credit)))
    return Company(tuple(channels), organic, budget, chance)


def outcomes(seed: int) -> dict[str, float]:
    """What each rule gains in one company, as a share of the most that could be gained."""
    here = company(seed)
    best = here.best()
    levers = [here.lever(c) for c in here.channels]
    planned = plan(levers, budget=here.budget, draws=2).table["spend"].to_numpy()
    credit = np.array([c.credit for c in here.channels])
    worth = np.array([c.value for c in here.channels])
    spends = np.array([c.spend for c in here.channels])
    roas = credit * worth / spends
    rules = {
        "plan": planned,
        "last click": here.budget * credit / credit.sum(),
        "equal split": np.full(len(credit), here.budget / len(credit)),
        "past ROAS": here.budget * roas / roas.sum(),
        "as now": spends,
    }
    return {name: here.profit(s) / best for name, s in rules.items()} | {"best": best}


def compared(companies: int, first: int = 1) -> pd.DataFrame:
    """One row per company: the share of the best gain that each rule reaches."""
    return pd.DataFrame([outcomes(seed) for seed in range(first, first + companies)])


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """Rule, mean regret, its 95 % point, companies in which the plan gains more."""
    rows = []
    for rule in RULES:
        regret = 1 - found[rule]
        beaten = int((found["plan"] > found[rule]).sum()) if rule != "plan" else len(found)
        rows.append((rule, regret.mean(), regret.quantile(0.95), beaten))
    return pd.DataFrame(rows, columns=["rule", "mean_regret", "regret_95", "plan_gains_more"])


if __name__ == "__main__":
    made = compared(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
    print(summary(made).round(3).to_string(index=False))
    print(f"companies with a best gain of zero or less: {int((made['best'] <= 0).sum())}")
