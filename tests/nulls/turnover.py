"""A shop in balance: customers come and leave at one rate for years before the first day and after it.

The same number joins each day, each stays for a time of its own and buys while staying, so that as many are
active, at risk and lapsed on one day as on another, but for chance. Kinds are those of `tests.nulls.worlds`;
in "unlike" customers buy at rates of their own, in "growth" ever more customers join (here there *are* more
active customers, and the moves are the same).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.nulls.worlds import KINDS, START

DAYS = 1092  # three years of 52 weeks
LEAD = 900  # days before the first one in which customers joined already
STAY = 300.0  # mean days as a customer


def turnover(
    seed: int, kind: str = "equal", link: str = "", *, customers: int = 2400
) -> dict[str, pd.DataFrame]:
    """Transactions of three years.

    Parameters
    ----------
    customers : who join over all days, those before the first one included
    link : "" nothing changes; "deserted": in the last 20 weeks customers leave four times as soon; "fewer
        join": from the last year on half as many join
    """
    rng = np.random.default_rng([seed, KINDS.index(kind), 29])
    place = rng.random(customers)
    join = (np.sqrt(place) if kind == "growth" else place) * (DAYS + LEAD) - LEAD
    if link == "fewer join":
        join = join[(join < DAYS - 364) | (rng.random(customers) < 0.5)]
    stay = rng.exponential(STAY, len(join))
    leave = join + stay
    if link == "deserted":  # what is left of a stay after that day is over four times as soon
        turn = DAYS - 140
        start = np.maximum(join, turn)
        leave = np.where(leave > turn, start + (leave - start) / 4, leave)
    rate = np.full(len(join), 1 / 25)
    if kind == "unlike":
        rate = rate * rng.gamma(2.0, 0.5, len(join))
    peak = 3.0 if kind == "season" else 1.0
    many = rng.poisson(peak * rate * (leave - join))
    who = np.repeat(np.arange(len(join)), many)
    day = join[who] + rng.random(len(who)) * (leave - join)[who]
    if kind == "season":
        december = (START + pd.to_timedelta(np.floor(day), unit="D")).month == 12
        kept = rng.random(len(who)) < np.where(december, 1.0, 1 / peak)
        who, day = who[kept], day[kept]
    who, day = np.concatenate([np.arange(len(join)), who]), np.concatenate([join, day])
    seen = (day >= 0) & (day < DAYS)
    who, day = who[seen], day[seen]
    sales = pd.DataFrame(
        {
            "customer_id": np.char.add("c", who.astype(str)),
            "transaction_date": START + pd.to_timedelta(day, unit="D").floor("s"),
            "unit_spend": np.round(rng.lognormal(3.0, 0.5, len(who)), 2),
        }
    )
    return {"transactions": sales}
