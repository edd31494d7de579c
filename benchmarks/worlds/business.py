"""How a made-up business lives: births, lives, a clock of its own, prices, returns. No model of ours is in
it.

Purchases come after gamma gaps on the business's clock (season times level), so they crowd where the season
is high; lives are mixtures of Weibull laws; spend is lognormal; a line may come back days later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
START = pd.Timestamp("2021-01-01")
YEARS = 5  # lines are drawn for so long; every day scored leaves 52 weeks
DAYS = 365 * YEARS + 1


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of customers: how often they buy, how long they live, what they spend."""

    share: float
    per_year: float  # purchases, in a normal year
    spread: float = 0.5  # coefficient of variation of the rate between customers
    life: tuple[float, float] = (1.0, 900.0)  # Weibull shape and scale, days
    regularity: float = 1.0  # shape of the gamma gaps; 1 is pure chance
    spend: float = 40.0
    spend_spread: float = 0.4  # log scale, between customers
    fading: float = 0.0  # share of its customers that order less and less


def flat(day: Array) -> Array:
    """No season, no trend."""
    return np.ones_like(day)


@dataclass(frozen=True, kw_only=True)
class Business:
    """One made-up business; functions of the day take days since its first day of data."""

    name: str
    story: str
    customers: int
    kinds: tuple[Kind, ...]
    season: Callable[[Array], Array] = flat
    level: Callable[[Array], Array] = flat
    price: Callable[[Array], Array] = flat
    births: Callable[[np.random.Generator, int], Array] = field(
        default=lambda rng, n: rng.uniform(0, DAYS, n)
    )
    returned: float = 0.0  # share of purchases that come back
    delay: float = 20.0  # days until they do, in the mean
    drift: float = 0.0  # a year, of each customer's own spend, log scale: sd between customers
    better: float = 0.0  # a year of birth: how much faster later cohorts buy, log scale
    noise: float = 0.5  # log scale, between one customer's purchases

    @cached_property
    def clock(self) -> Array:
        """Business time at the end of each day, in normal days."""
        day = np.arange(DAYS, dtype=float)
        return np.concatenate([[0.0], np.cumsum(self.season(day) * self.level(day))])

    def times(self, at: Array) -> Array:
        """Business time at a day; before the data the clock runs as in a normal year."""
        return np.where(at < 0, at, np.interp(at, np.arange(DAYS + 1), self.clock))

    def draw(self, seed: int) -> Drawn:
        """The business once, with what was planted."""
        rng = np.random.default_rng(seed)
        people = self._people(rng)
        owner, day = _purchases(self, people, rng)
        return Drawn(business=self, people=people, lines=self.money(people, owner, day, rng))

    def _people(self, rng: np.random.Generator) -> pd.DataFrame:
        n = self.customers
        kind = rng.choice(len(self.kinds), n, p=[one.share for one in self.kinds])
        take = lambda name: np.array([getattr(one, name) for one in self.kinds])[kind]  # noqa: E731
        spread, born = take("spread"), np.sort(self.births(rng, n))
        rate = take("per_year") / 365 * rng.gamma(1 / spread**2, spread**2)
        shape, scale = np.array([one.life for one in self.kinds])[kind].T
        return pd.DataFrame(
            {
                "kind": kind,
                "born": born,
                "dead": born + scale * rng.weibull(shape),
                "shape": shape,
                "scale": scale,
                "rate": rate * np.exp(self.better * born / 365),
                "regularity": take("regularity"),
                "mean": np.log(take("spend")) + take("spend_spread") * rng.normal(size=n),
                "drift": self.drift * rng.normal(size=n),
                "fades": np.where(rng.random(n) < take("fading"), rng.uniform(500, 1100, n), np.inf),
            }
        )

    def money(self, people: pd.DataFrame, owner: Array, day: Array, rng: np.random.Generator) -> pd.DataFrame:
        """Lines of purchases at (owner, day), and those of the goods sent back."""
        at = people.iloc[owner]
        mean = at["mean"].to_numpy() + at["drift"].to_numpy() * (day - at["born"].to_numpy()) / 365
        amount = self.price(day) * np.exp(mean + self.noise * rng.normal(size=len(day)))
        back = rng.random(len(day)) < self.returned
        lag = 1 + rng.exponential(self.delay, len(day))
        return pd.DataFrame(
            {
                "customer": np.concatenate([owner, owner[back]]),
                "day": np.floor(np.concatenate([day, (day + lag)[back]])).astype(int),
                "amount": np.round(np.concatenate([amount, -amount[back]]), 2),
            }
        )


@dataclass(frozen=True)
class Drawn:
    """A business as it was drawn: people with what was planted, and every line until the last day."""

    business: Business
    people: pd.DataFrame
    lines: pd.DataFrame  # customer, day, amount; returns are negative

    def transactions(self, until: int | None = None) -> pd.DataFrame:
        """The lines in the contract's columns, from the first day of data to the end of a day."""
        lines = self.lines[(self.lines["day"] >= 0) & (self.lines["day"] < DAYS)]
        if until is not None:
            lines = lines[lines["day"] <= until]
        return pd.DataFrame(
            {
                "customer_id": "c" + lines["customer"].astype(str),
                "transaction_date": START + pd.to_timedelta(lines["day"], unit="D"),
                "unit_spend": lines["amount"],
            }
        ).sort_values(["transaction_date", "customer_id", "unit_spend"], ignore_index=True)

    def known(self, day: int) -> NDArray[np.int64]:
        """Customers with a purchase in the data up to the day."""
        seen = self.lines[(self.lines["day"] >= 0) & (self.lines["day"] <= day) & (self.lines["amount"] > 0)]
        return np.sort(seen["customer"].unique())

    def came(self, day: int, weeks: int) -> dict[str, float]:
        """What the customers known at the day then did."""
        later = self.lines[self.lines["day"].between(day + 1, day + 7 * weeks)]
        later = later[later["customer"].isin(self.known(day))]
        return totals(later)


def totals(lines: pd.DataFrame) -> dict[str, float]:
    """Purchase days, net money and buyers of some lines."""
    bought = lines.loc[lines["amount"] > 0, ["customer", "day"]].drop_duplicates()
    return {
        "purchases": float(len(bought)),
        "value": float(lines["amount"].sum()),
        "buyers": float(bought["customer"].nunique()),
    }


def _purchases(
    business: Business, people: pd.DataFrame, rng: np.random.Generator
) -> tuple[NDArray[np.int64], Array]:
    """(owner, day) of every purchase; the first is the birth."""
    born = people["born"].to_numpy()
    end = np.minimum(people["dead"].to_numpy(), DAYS)
    began = business.times(born)
    owner, day = gaps(business, people, began, business.times(end), rng)
    owner = np.concatenate([np.arange(len(people)), owner])
    return owner, np.concatenate([born, day])


def gaps(
    business: Business,
    people: pd.DataFrame,
    began: Array,
    ends: Array,
    rng: np.random.Generator,
    first: Array | None = None,
) -> tuple[NDArray[np.int64], Array]:
    """Gamma gaps on the business's clock between two times; fading accounts skip more and more."""
    rate, k = people["rate"].to_numpy(), people["regularity"].to_numpy()
    room = np.maximum(ends - began, 0) * rate
    most = (room + 6 * np.sqrt(room) + 6).astype(int)
    owner = np.repeat(np.arange(len(people)), most)
    start = np.cumsum(most) - most
    gap = rng.gamma(k[owner]) / k[owner]
    if first is not None:
        gap[start] = first
    total = np.cumsum(gap)
    total -= np.repeat(np.concatenate([[0.0], total])[start], most)
    inside = total < room[owner]
    owner, at = owner[inside], began[owner[inside]] + total[inside] / rate[owner[inside]]
    day = np.where(at < 0, at, np.interp(at, business.clock, np.arange(DAYS + 1)))
    kept = rng.random(len(day)) < np.exp(-np.maximum(day - people["fades"].to_numpy()[owner], 0) / 200)
    return owner[kept], day[kept]
