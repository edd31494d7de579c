"""How often campaigns without an effect show one on some night of thirty.

``python -m benchmarks.nightly_campaigns [--campaigns 10000] [--out docs/nightly-results.md]`` draws campaigns
in which the mail does nothing, of four kinds, and reads the orders of their members after each night, as the
campaigns page does, at the level that `sequential.nightly_level` allows on that night.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from crm_analytics.analyses.campaigns.measurement.sequential import LEAST, nightly_level
from crm_analytics.analyses.intervals import wilson

Array = NDArray[np.float64]
NIGHTS, MEMBERS = 30, 200
KINDS = {
    "equal arms": "200 members, halves, everybody orders at one pace",
    "few controls": "200 members, one in five held back, everybody orders at one pace",
    "unlike": "200 members, halves, paces differ by a gamma law of shape 0.5",
    "late": "200 members, halves, nine in ten orders come in the last ten nights",
}
HEAD = """# Campaigns that are read every night

{campaigns:,} campaigns without an effect, {nights} nights each, read every night by the rule of the page.
Made by `python -m benchmarks.nightly_campaigns --campaigns {campaigns} --out docs/nightly-results.md`.

An interval of 95 % that is read once, on the last night, is the *fixed* one; its width is the measure.

| kind | ever an effect | share, 95 % interval | fixed, every night | fixed, once | width, of the fixed one |
|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Found:
    """How many campaigns showed an effect.

    Attributes
    ----------
    ever : on some night, by the intervals of the page
    naive : on some night, by an interval of 95 % that knows of no other night
    once : on the last night, by the same
    width : of the page's interval on the last night, over that of an interval that is read once
    """

    kind: str
    campaigns: int
    ever: int
    naive: int
    once: int
    width: float


def share_of_nights(kind: str) -> Array:
    """Which part of the orders comes in each night, on average."""
    if kind == "late":
        return np.r_[np.full(20, 0.1 / 20), np.full(10, 0.9 / 10)]
    return np.full(NIGHTS, 1 / NIGHTS)


def draw(kind: str, campaigns: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Arm of each member (1: treated), orders before of each, and orders in each night; nobody is moved.

    Shapes: (members,), (campaigns, members), (campaigns, members, nights).
    """
    pace = rng.gamma(0.5, 2.0, (campaigns, MEMBERS)) if kind == "unlike" else np.ones((campaigns, MEMBERS))
    nightly = rng.poisson(0.6 * pace[:, :, None] * share_of_nights(kind)).astype("int16")
    held = 0.2 if kind == "few controls" else 0.5
    return np.arange(MEMBERS) >= held * MEMBERS, rng.poisson(1.5 * pace).astype(float), nightly


def effects(treated: Array, before: Array, orders: Array) -> tuple[Array, Array, int]:
    """Effect and standard error of each campaign, and the degrees of freedom: CUPED, then Welch.

    The same numbers as `treatment_effects.differences` makes in the engine; a test holds one to the other.
    """
    arms = [(orders[:, arm], before[:, arm]) for arm in (treated, ~treated)]
    y, x = ([part - part.mean(axis=1, keepdims=True) for part in pair] for pair in zip(*arms, strict=True))
    products = [sum((a * b).sum(axis=1) for a, b in zip(*pair, strict=True)) for pair in ((y, x), (x, x))]
    theta = (products[0] / products[1])[:, None]
    ends, variance = [], 0.0
    for one, past in arms:
        value = one - theta * past
        ends.append(value.mean(axis=1))
        variance = variance + value.var(axis=1, ddof=1) / one.shape[1]
    return ends[0] - ends[1], np.sqrt(variance), min(part[0].shape[1] for part in arms) - 1


def read(kind: str, campaigns: int, seed: int = 1, *, at_once: int = 500) -> Found:
    """Read campaigns of a kind on every night."""
    clock = tuple(float(x) for x in np.cumsum(share_of_nights(kind)) * MEMBERS)
    ever, naive, last = 0, 0, 0
    for start in range(0, campaigns, at_once):
        many = min(at_once, campaigns - start)
        rng = np.random.default_rng([seed, list(KINDS).index(kind), start])
        treated, before, nightly = draw(kind, many, rng)
        orders, shown, fixed = np.zeros((many, MEMBERS)), np.zeros(many, bool), np.zeros(many, bool)
        for night in range(NIGHTS):
            orders += nightly[:, :, night]
            effect, error, freedom = effects(treated, before, orders)
            level = nightly_level(night + 1, NIGHTS, clock=clock[: night + 1])
            few = np.minimum(orders[:, treated].sum(axis=1), orders[:, ~treated].sum(axis=1)) < LEAST
            shown |= ~few & (np.abs(effect) > stats.t.ppf(0.5 + level / 2, freedom) * error)
            once = np.abs(effect) > stats.t.ppf(0.975, freedom) * error
            fixed |= once
        ever, naive, last = ever + int(shown.sum()), naive + int(fixed.sum()), last + int(once.sum())
    level = nightly_level(NIGHTS, NIGHTS, clock=clock)
    width = stats.t.ppf(0.5 + level / 2, freedom) / stats.t.ppf(0.975, freedom)
    return Found(kind, campaigns, ever, naive, last, float(width))


def line(found: Found) -> str:
    """A row of the table."""
    low, high = wilson(found.ever, found.campaigns)
    shares = (found.naive / found.campaigns, found.once / found.campaigns)
    return (
        f"| {found.kind}: {KINDS[found.kind]} | {found.ever:,} | {found.ever / found.campaigns:.1%} "
        f"({low:.1%} to {high:.1%}) | {shares[0]:.1%} | {shares[1]:.1%} | {found.width:.2f} |"
    )


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--campaigns", type=int, default=10_000)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    rows = [line(read(kind, given.campaigns)) for kind in KINDS]
    text = HEAD.format(campaigns=given.campaigns, nights=NIGHTS) + "\n".join(rows) + "\n"
    print(text)
    if given.out:
        given.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
