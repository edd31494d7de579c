"""Shops with complaints drawn by hand, sharing nothing with the demo company or the code under test."""

from __future__ import annotations

import numpy as np
import pandas as pd

FIRST = np.datetime64("2024-01-01")
COMPLAINED = (420, 620)  # days of the history
LAST = 760
SEEN, HIDDEN, ALIKE = "seen", "hidden", "alike"


def shop(customers: int, effect: float, seed: int, served: str = SEEN) -> dict[str, pd.DataFrame]:
    """Customers who buy at rates of their own and complain once; some are helped within two days.

    Parameters
    ----------
    effect : share of those who would have left for good and stay because they were helped quickly
    served : who is helped within two days more often. "seen": whoever bought often in the 90 days before,
        which stands in the data. "hidden": whoever is of the frequent kind, which stands nowhere and
        only shows in the purchases. "alike": nobody

    Buying goes on after the complaint unless the customer leaves there, which happens to half of the slow
    buyers and a quarter of the frequent ones.
    """
    chance = np.random.default_rng(seed)
    frequent = chance.random(customers) < 0.5
    rate = np.where(frequent, 1 / 12, 1 / 40) * chance.gamma(8, 1 / 8, customers)
    start = chance.integers(0, 330, customers)
    day = chance.integers(*COMPLAINED, customers)
    past, later = [], []
    for number in range(customers):
        gaps = chance.exponential(1 / rate[number], 120)
        days = np.floor(start[number] + np.cumsum(gaps)).astype(int)
        days = np.unique(np.append(days[days < LAST], [start[number], day[number] - 1]))
        past.append(days[days <= day[number]])
        later.append(days[days > day[number]])
    often = np.array([(days > day[n] - 90).sum() > 4 for n, days in enumerate(past)])
    first = {SEEN: often, HIDDEN: frequent, ALIKE: np.zeros(customers, bool)}[served]
    quick = chance.random(customers) < np.where(first, 0.75, 0.4)
    leaves = chance.random(customers) < np.where(frequent, 0.25, 0.5)
    leaves &= ~(quick & (chance.random(customers) < effect))
    bought = [np.append(p, [] if leaves[n] else q) for n, (p, q) in enumerate(zip(past, later, strict=True))]
    who = np.repeat(np.arange(customers), [len(days) for days in bought])
    names = np.array([f"s{seed}-{n}" for n in range(customers)], object)
    sales = pd.DataFrame({"n": who, "day": np.concatenate(bought).astype(int)})
    opened = FIRST + day.astype("timedelta64[D]") + np.timedelta64(9, "h")
    wait = np.where(quick, chance.uniform(2, 40, customers), chance.uniform(60, 200, customers))
    tickets = pd.DataFrame(
        {
            "ticket_id": [f"t{seed}-{n}" for n in range(customers)],
            "customer_id": names,
            "created_at": opened,
            "is_complaint": True,
            "first_solved_at": opened + (wait * 3600).astype("timedelta64[s]"),
        }
    )
    lines = pd.DataFrame(
        {
            "customer_id": names[sales["n"]],
            "transaction_date": FIRST + sales["day"].to_numpy().astype("timedelta64[D]"),
            "unit_spend": np.round(chance.gamma(4, 10, len(sales)), 2),
        }
    )
    end = pd.DataFrame(
        {"customer_id": ["end"], "transaction_date": [FIRST + np.timedelta64(LAST, "D")], "unit_spend": [1.0]}
    )
    return {"transactions": pd.concat([lines, end], ignore_index=True), "tickets": tickets}


def points_of_help(customers: int, effect: float, seed: int) -> float:
    """What the help did to those who got it: share buying again, with the effect less without it."""
    found = []
    for planted in (effect, 0.0):
        tables = shop(customers, planted, seed)
        sales, tickets = tables["transactions"], tables["tickets"]
        wait = tickets["first_solved_at"] - tickets["created_at"]
        quick = tickets[wait < np.timedelta64(2, "D")].set_index("customer_id")
        days = sales.merge(quick["created_at"].dt.normalize(), left_on="customer_id", right_index=True)
        later = (days["transaction_date"] - days["created_at"]).dt.days
        again = days[(later > 2) & (later <= 92)]["customer_id"].unique()
        found.append(quick.index.isin(again).mean())
    return float(found[0] - found[1])
