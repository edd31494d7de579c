"""The oracle: who is alive, how often each buys and what each spends is known; only chance is not."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from benchmarks.worlds.business import Array, Drawn, gaps, totals
from benchmarks.worlds.contracts import BoxDrawn, payments


def futures(drawn: Drawn, day: int, horizons: tuple[int, ...], draws: int, seed: int) -> pd.DataFrame:
    """Draws of what comes after the end of a day: draw, weeks, purchases, value, buyers."""
    rng = np.random.default_rng(seed)
    known = drawn.known(day)
    people = drawn.people.iloc[known].reset_index(drop=True)
    alive = people["dead"].to_numpy() > day + 1
    rows = []
    for draw in range(draws):
        lines = _future(drawn, people, alive, day, 7 * max(horizons), rng)
        rows += [
            {"draw": draw, "weeks": weeks, **totals(lines[lines["day"] <= day + 7 * weeks])}
            for weeks in horizons
        ]
    return pd.DataFrame(rows)


def _future(
    drawn: Drawn,
    people: pd.DataFrame,
    alive: NDArray[np.bool_],
    day: int,
    ahead: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    now = float(day + 1)
    dead = np.where(alive, _death(people, now, rng), now)
    until = np.minimum(dead, now + ahead)
    if isinstance(drawn, BoxDrawn):
        owner, days = payments(people, np.full(len(people), now), until)
    else:
        times = drawn.business.times
        began = np.full(len(people), times(np.array([now]))[0])
        owner, days = gaps(
            drawn.business, people, began, times(until), rng, _waiting(drawn, people, now, began, rng)
        )
    lines = drawn.business.money(people, owner, days, rng)
    lines = pd.concat([lines, _coming_back(drawn, people, day, rng)], ignore_index=True)
    return lines[lines["day"].between(day + 1, day + ahead)]


def _death(people: pd.DataFrame, now: float, rng: np.random.Generator) -> Array:
    """Days of death of those who live now, by the law of their kind given their age."""
    shape, scale = people["shape"].to_numpy(), people["scale"].to_numpy()
    age = np.maximum(now - people["born"].to_numpy(), 0)
    return people["born"].to_numpy() + scale * (
        (age / scale) ** shape + rng.exponential(size=len(people))
    ) ** (1 / shape)


def _waiting(drawn: Drawn, people: pd.DataFrame, now: float, began: Array, rng: np.random.Generator) -> Array:
    """What is left of each one's running gap, in gaps, given how long it has run."""
    bought = (
        drawn.lines[(drawn.lines["amount"] > 0) & (drawn.lines["day"] < now)].groupby("customer")["day"].max()
    )
    last = bought.reindex(drawn.known(int(now) - 1)).to_numpy(dtype=float)
    k = people["regularity"].to_numpy()
    passed = np.maximum(began - drawn.business.times(last), 0) * people["rate"].to_numpy()
    below = np.minimum(special.gammainc(k, k * passed), 1 - 1e-6)
    gap = special.gammaincinv(k, below + (1 - below) * rng.random(len(people)) * 0.999999) / k
    return np.maximum(gap - passed, 1e-9)


def _coming_back(drawn: Drawn, people: pd.DataFrame, day: int, rng: np.random.Generator) -> pd.DataFrame:
    """Goods bought before the day that are sent back after it."""
    business, empty = drawn.business, pd.DataFrame({"customer": [], "day": [], "amount": []})
    if not business.returned:
        return empty
    position = pd.Series(np.arange(len(people)), index=drawn.known(day))
    lines = drawn.lines[drawn.lines["day"].between(day - 12 * business.delay, day)]
    lines = lines[lines["customer"].isin(position.index)]
    back = lines[lines["amount"] < 0]
    key = set(zip(back["customer"], -back["amount"], strict=True))
    open_ = lines[(lines["amount"] > 0)]
    open_ = open_[[pair not in key for pair in zip(open_["customer"], open_["amount"], strict=True)]]
    waited = np.maximum(day + 1 - open_["day"].to_numpy() - 1, 0) / business.delay
    still = business.returned * np.exp(-waited)
    coming = rng.random(len(open_)) < still / (1 - business.returned + still)
    lag = rng.exponential(business.delay, int(coming.sum()))
    return pd.DataFrame(
        {
            "customer": position[open_["customer"][coming]].to_numpy(),
            "day": np.floor(day + 1 + lag).astype(int),
            "amount": -open_["amount"][coming].to_numpy(),
        }
    )
