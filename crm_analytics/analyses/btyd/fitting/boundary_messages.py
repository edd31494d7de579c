"""What it means that a fit ran to a limit, and what to do: in plain words, by model."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

_NOBODY = 0.01  # chance of leaving below which nobody leaves, in effect
_ALIKE = 100.0  # shape above which customers differ by less than 10 % of the mean
_STEADY = 50.0  # of beta, in units of the mean time seen
_NOTHING = 1e-3


def meaning(values: Mapping[str, float], edge: Collection[str]) -> str:
    """What parameters at a limit, or hardly determined, say of the customers.

    Parameters
    ----------
    values : of the parameters, times in units of the mean T
    edge : those that ran to a limit or that the data do not determine

    Returns
    -------
    Sentences, empty if there is nothing to add.

    Examples
    --------
    >>> meaning({"r": 1.4, "alpha": 0.1, "a": 1e-6, "b": 7.7}, ["a"])
    'In these data hardly anyone leaves (0.0 % after a purchase): P(alive) is near 1 for everybody and says \
nothing. Use NBD, in which nobody leaves, or wait for a longer window.'
    """
    found = [*_leaving(values, edge), *_hazard(values, edge), *_buying(values, edge), *_spend(values, edge)]
    return " ".join(found)


def _leaving(v: Mapping[str, float], edge: Collection[str]) -> list[str]:
    """Of a and b: the chance to leave after a purchase."""
    if not {"a", "b"} <= v.keys() or not {"a", "b"} & set(edge):
        return []
    chance = v["a"] / (v["a"] + v["b"])
    if chance < _NOBODY:
        return [_nobody(f"{100 * chance:.1f} % after a purchase")]
    if v["a"] + v["b"] > _ALIKE:
        return [
            f"a and b grow together without end: after a purchase all customers leave with the same chance, "
            f"{100 * chance:.1f} %. Read that chance, not a and b."
        ]
    if chance > 1 - _NOBODY:
        return [
            "Nearly everybody leaves after one purchase: too few come back to tell how they differ. Use more "
            "customers, or count repeat buyers instead."
        ]
    return []


def _hazard(v: Mapping[str, float], edge: Collection[str]) -> list[str]:
    """Of s and beta: the hazard of leaving."""
    if not {"s", "beta"} <= v.keys() or not {"s", "beta"} & set(edge):
        return []
    gone = -math.expm1(-v["s"] * math.log1p(1 / v["beta"]))
    if gone < _NOBODY:
        return [_nobody(f"{100 * gone:.1f} % in the mean time seen")]
    if v["beta"] > _STEADY:
        return [
            "s and beta grow together without end: all customers leave at the same hazard. Read s / beta, "
            "not s and beta."
        ]
    if v["beta"] < _NOTHING:
        return [
            "beta is at 0: many customers are gone at once after the first purchase and the others stay. "
            "Use MBG/NBD, which lets customers leave after the first purchase."
        ]
    return []


def _buying(v: Mapping[str, float], edge: Collection[str]) -> list[str]:
    """Of r and alpha: the rate of buying."""
    if not {"r", "alpha"} <= v.keys() or not {"r", "alpha"} & set(edge):
        return []
    if v["r"] > _ALIKE:
        return [
            "r and alpha grow together without end: all customers buy at the same rate. Read r / alpha, "
            "not r and alpha."
        ]
    if v["r"] < _NOTHING:
        return ["r is at 0: hardly anyone ever comes back. Use more customers or a longer window."]
    return []


def _spend(v: Mapping[str, float], edge: Collection[str]) -> list[str]:
    """Of p, q and v: the spend of a purchase."""
    if not {"p", "q", "v"} <= v.keys() or not edge:
        return []
    if v["q"] > _ALIKE:
        return ["q and v grow together without end: all customers spend alike. Use one mean spend for all."]
    if v["p"] > _ALIKE:
        return [
            "p is at its limit: a customer spends the same on every purchase. Value customers by their own "
            "mean."
        ]
    return []


def _nobody(how_many: str) -> str:
    return (
        f"In these data hardly anyone leaves ({how_many}): P(alive) is near 1 for everybody and says "
        "nothing. Use NBD, in which nobody leaves, or wait for a longer window."
    )
