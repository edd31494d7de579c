"""Bases drawn from models at planted parameters: what is known at the day, and what then comes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.discounting.discounting import Discount
from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel

Array = NDArray[np.float64]
CUSTOMERS, HOLDOUT = 1_000, 39  # weeks; ages as in CDNOW, 27 to 39 weeks
RATE = 0.15
EVENTS = 2  # to a purchase, where buying is regular
TRUTH: dict[type[PurchaseModel], dict[str, float]] = {
    btyd.BetaGeo: {"r": 0.55, "alpha": 5.0, "a": 0.8, "b": 2.4},
    btyd.ModifiedBetaGeo: {"r": 0.7, "alpha": 5.0, "a": 0.9, "b": 2.0},
    btyd.ParetoNBD: {"r": 0.7, "alpha": 8.0, "s": 0.6, "beta": 12.0},
    btyd.NBD: {"r": 0.55, "alpha": 8.0},
    btyd.RegularBetaGeo: {"r": 0.7, "alpha": 3.0, "a": 0.8, "b": 2.4},
    btyd.RegularModifiedBetaGeo: {"r": 0.9, "alpha": 3.0, "a": 0.9, "b": 2.0},
}
SPEND = {"p": 6.25, "q": 3.74, "v": 15.44}
CLUB = {"buying": 0.4, "leaving": -0.6}  # what membership does, for half of the customers
OPPORTUNITIES = {"alpha": 1.2, "beta": 0.75, "gamma": 0.66, "delta": 2.8}
RENEWALS = {"sBG": {"gamma": 0.8, "delta": 3.0}, "BdW": {"gamma": 1.2, "delta": 6.0, "c": 1.4}}
MONTHS = 12  # of contracts ahead; they began up to 24 months ago


@dataclass(frozen=True)
class Base:
    """One base: what is known of each customer at the day, and what each does after it."""

    history: pd.DataFrame
    later: Array  # purchases, or renewals, in the holdout
    worth: Array | None = None  # their discounted money


def purchases(kind: type[PurchaseModel], rng: np.random.Generator, club: bool = False) -> Base:
    """Customers of a model of purchases; with `club` half of them are members, a column of the history."""
    n = CUSTOMERS
    member = (np.arange(n) % 2 if club else np.zeros(n)).astype(float)
    own = parameters(kind, member)
    age = rng.uniform(27, 39, n)
    rate = rng.gamma(own["r"], 1 / own["alpha"], n)
    ends = age + float(HOLDOUT)
    quits = np.zeros(n)
    if kind is btyd.ParetoNBD:
        ends = np.minimum(ends, rng.exponential(1 / rng.gamma(own["s"], 1 / own["beta"], n)))
    elif kind is not btyd.NBD:
        quits = rng.beta(own["a"], own["b"], n)
    there = np.arange(n)
    if kind in (btyd.ModifiedBetaGeo, btyd.RegularModifiedBetaGeo):  # may leave at once
        there = there[rng.random(n) >= quits]
    events = EVENTS if kind in (btyd.RegularBetaGeo, btyd.RegularModifiedBetaGeo) else 1
    moment, who, when = np.zeros(n), [], []
    while len(there):
        waited = rng.exponential(size=(events, len(there))).sum(axis=0)
        moment[there] += waited / rate[there]
        there = there[moment[there] < ends[there]]
        who.append(there)
        when.append(moment[there])
        there = there[rng.random(len(there)) >= quits[there]]
    owner, at = np.concatenate(who), np.concatenate(when)
    money = rng.gamma(SPEND["p"], 1 / rng.gamma(SPEND["q"], 1 / SPEND["v"], n)[owner])
    before = at < age[owner]
    x = np.bincount(owner[before], minlength=n)
    recency = np.zeros(n)
    np.maximum.at(recency, owner[before], at[before])
    mean = np.bincount(owner[before], money[before], minlength=n) / np.maximum(x, 1)
    discount = Discount.of((HOLDOUT, "W"), RATE, "end", "W")
    paid = money * discount.factor(np.maximum(at - age[owner], 1e-9))
    after = ~before
    history = pd.DataFrame(
        {"frequency": x, "recency": recency, "T": age, "monetary_value": mean, "customers": 1}
    )
    return Base(
        history.assign(club=member) if club else history,
        np.bincount(owner[after], minlength=n).astype(float),
        np.bincount(owner[after], paid[after], minlength=n),
    )


def parameters(kind: type[PurchaseModel], member: Array) -> dict[str, Array]:
    """Parameters of each customer, as `fit_covariates` has them: membership moves alpha, and who leaves."""
    own = {name: np.full(len(member), value) for name, value in TRUTH[kind].items()}
    own["alpha"] = own["alpha"] * np.exp(-CLUB["buying"] * member)
    if "beta" in own:
        own["beta"] = own["beta"] * np.exp(-CLUB["leaving"] * member)
    elif "a" in own:
        size, shift = own["a"] + own["b"], np.exp(CLUB["leaving"] * member)
        chance = own["a"] * shift / (own["a"] * shift + own["b"])
        own["a"], own["b"] = size * chance, size * (1 - chance)
    return own


def opportunities(rng: np.random.Generator, ahead: int) -> Base:
    """Customers of BG/BB: 6 to 12 opportunities seen, `ahead` to come."""
    seen, n = rng.integers(6, 13, CUSTOMERS), CUSTOMERS
    buys = rng.beta(OPPORTUNITIES["alpha"], OPPORTUNITIES["beta"], n)
    leaves = rng.beta(OPPORTUNITIES["gamma"], OPPORTUNITIES["delta"], n)
    number = np.arange(1, 13 + ahead)[None, :]
    met = number < rng.geometric(np.maximum(leaves, 1e-12))[:, None]
    bought = met & (rng.random(met.shape) < buys[:, None])
    past = bought & (number <= seen[:, None])
    come = bought & (number > seen[:, None]) & (number <= seen[:, None] + ahead)
    recency = np.where(past, number, 0).max(axis=1)
    history = pd.DataFrame({"frequency": past.sum(axis=1), "recency": recency, "opportunities": seen})
    return Base(history, come.sum(axis=1).astype(float))


def contracts(params: dict[str, float], rng: np.random.Generator) -> Base:
    """Contracts begun 1 to 24 months ago; what comes is the renewals of the running ones."""
    n = 2 * CUSTOMERS
    begun = rng.integers(1, 25, n)
    hazard = -np.log1p(-np.clip(rng.beta(params["gamma"], params["delta"], n), 1e-300, 1 - 1e-16))
    lasted = np.floor((rng.exponential(size=n) / hazard) ** (1 / params.get("c", 1.0)))
    over = lasted < begun
    history = pd.DataFrame({"tenure": np.where(over, lasted + 1, begun).astype(int), "cancelled": over})
    return Base(history, np.minimum(lasted - begun, MONTHS)[~over])
