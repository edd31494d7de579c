"""A box by subscription: monthly and yearly payers, a price rise, and a table of contracts."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.worlds.business import DAYS, START, Array, Business, Drawn, Kind

MONTH, YEAR = 30.4375, 365.25
MONTHLY, YEARLY = 24.0, 240.0


class BoxDrawn(Drawn):
    """Lines are payments; a contract that is cancelled is not paid again."""

    def subscriptions(self) -> pd.DataFrame:
        """The contracts in the columns of the tables."""
        people, cancelled = self.people, self.people["dead"].to_numpy()
        ended = cancelled < DAYS
        stamp = START + pd.to_timedelta(np.floor(cancelled).clip(max=DAYS), unit="D")
        return pd.DataFrame(
            {
                "subscription_id": [f"s{i}" for i in range(len(people))],
                "customer_id": [f"c{i}" for i in range(len(people))],
                "start_date": START + pd.to_timedelta(np.floor(people["born"]), unit="D"),
                "recurrence_months": np.where(people["kind"] == 0, 1, 12),
                "is_recurring": True,
                "amount": np.where(people["kind"] == 0, MONTHLY, YEARLY),
                "cancelled_at": pd.Series(stamp).where(ended),
            }
        )


class Box(Business):
    """The business of `BOX`: payments at each billing day until the contract is cancelled."""

    def draw(self, seed: int) -> BoxDrawn:
        """The business once."""
        rng = np.random.default_rng(seed)
        people = self._people(rng)
        owner, day = payments(people, people["born"].to_numpy(), np.minimum(people["dead"].to_numpy(), DAYS))
        return BoxDrawn(business=self, people=people, lines=self.money(people, owner, day, rng))


def payments(people: pd.DataFrame, after: Array, until: Array) -> tuple[np.ndarray, Array]:
    """(owner, day) of the payments from a day on, before another, on each contract's own billing days."""
    cycle = np.where(people["kind"] == 0, MONTH, YEAR)
    born = people["born"].to_numpy()
    first = np.ceil(np.maximum(after - born, 0) / cycle - 1e-9)
    count = np.maximum(np.ceil((until - born) / cycle - 1e-9) - first, 0).astype(int)
    owner = np.repeat(np.arange(len(people)), count)
    step = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return owner, born[owner] + (first[owner] + step) * cycle[owner]


BOX = Box(
    name="box",
    story="a box by subscription: two in three pay monthly, the others yearly; 15 % dearer in year three",
    customers=1500,
    kinds=(
        Kind(share=0.67, per_year=12, life=(0.7, 400), spend=MONTHLY, spend_spread=0.0),
        Kind(share=0.33, per_year=1, life=(1.0, 1300), spend=YEARLY, spend_spread=0.0),
    ),
    price=lambda day: np.where(day > 910, 1.15, 1.0),
    noise=0.0,
)
