"""`attribute`: the conversions and the money of paths, credited to channels by one model or many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd

from crm_analytics.analyses.attribution.markov import removal_effects
from crm_analytics.analyses.attribution.paths import Paths, read_paths
from crm_analytics.analyses.attribution.rules import RULES, Rule, credit, last_non_direct, time_decay
from crm_analytics.errors import ParameterError, check_name

HIGHEST_ORDER = 9
MODELS = (*RULES, "markov", *(f"markov_{order}" for order in range(2, HIGHEST_ORDER + 1)))
WITHOUT_TIMES = tuple(name for name in RULES if name != "time_decay")
CUSTOM_UP_TO = 12  # channels of a game given as a table of coalitions


def attribute(  # noqa: PLR0917 - the names are the contract
    paths: pd.DataFrame | Paths,
    models: Sequence[str] = ("first", "last", "linear", "markov", "shapley"),
    value: str | None = None,
    lookback: float | None = None,
    half_life: float = 7.0,
    direct: str = "direct",
    draws: int = 0,
    seed: int = 1,
) -> pd.DataFrame:
    """Credit conversions, and money, to the channels that led to them.

    Attribution describes paths; it does not say what would have happened without a channel. That needs
    customers, or regions, left out by chance.

    Parameters
    ----------
    paths : one row per path or a customer: ``path`` (``"a > b"`` or a list), ``conversions``; if given
        ``nulls``, ``value``, ``days`` (see `read_paths`)
    models : of `MODELS`: rules (first, last, last_non_direct, linear, u_shaped 40/20/40, j_shaped
        20/20/60, inverse_j 60/20/20, time_decay), shapley, and markov or markov_k of order k
    value : the column with the money, if it is not called ``value``
    lookback : days before the end; earlier touches get nothing
    half_life : days, of time_decay
    direct : the channel that last_non_direct passes over
    draws : bootstrap draws of customers for 95 % intervals; 0 for none
    seed : of the draws

    Returns
    -------
    model, channel, conversions [, value] and, with draws, ``..._lower`` and ``..._upper``. Of each model the
    credits are never negative and sum to all conversions, and to all money.

    Examples
    --------
    >>> import pandas as pd
    >>> paths = pd.DataFrame({"path": ["c1 > c2 > c3", "c1", "c2 > c3"],
    ...     "conversions": [1, 0, 0], "nulls": [0, 1, 1]})
    >>> attribute(paths, ["markov"])["conversions"].round(1).tolist()
    [0.2, 0.4, 0.4]
    """
    for name in [models] if isinstance(models, str) else models:
        check_name("there is no model", name, MODELS)
    if half_life <= 0:
        raise ParameterError(f"half_life = {half_life}: it must be a number of days above 0")
    if value is not None and isinstance(paths, pd.DataFrame):
        check_name("value: no column", value, paths.columns)
        paths = paths.drop(columns="value", errors="ignore").rename(columns={value: "value"})
    read = read_paths(paths)
    read = read.within(lookback) if lookback is not None else read
    rules: dict[str, Rule] = RULES | {
        "last_non_direct": partial(last_non_direct, direct=direct),
        "time_decay": partial(time_decay, half_life=half_life),
    }
    tables = []
    for name in [models] if isinstance(models, str) else models:
        model = _Rule(rules[name](read)) if name in rules else _Markov(int(name[7:] or 1))
        table = {"model": name, "channel": read.channels, **model.credits(read)}
        if draws:
            table |= _intervals(read, model, draws, seed)
        tables.append(pd.DataFrame(table))
    return pd.concat(tables, ignore_index=True)


class _Rule:
    def __init__(self, shares: np.ndarray) -> None:
        self.shares = shares

    def credits(self, paths: Paths) -> dict[str, np.ndarray]:
        given = {"conversions": credit(paths, self.shares, paths.conversions)}
        if paths.value is not None:
            given["value"] = credit(paths, self.shares, paths.value)
        return given


class _Markov:
    def __init__(self, order: int) -> None:
        self.order = order

    def credits(self, paths: Paths) -> dict[str, np.ndarray]:
        removal = removal_effects(paths, self.order)
        given = {"conversions": _scaled(removal.effect, paths.conversions.sum())}
        if paths.value is not None and removal.value_effect is not None:
            given["value"] = _scaled(removal.value_effect, paths.value.sum())
        return given


def _scaled(effect: np.ndarray, total: float) -> np.ndarray:
    whole = effect.sum()
    return effect * (total / whole) if whole > 0 else np.zeros_like(effect)


def _intervals(paths: Paths, model: _Rule | _Markov, draws: int, seed: int) -> dict[str, np.ndarray]:
    """Percentiles over draws of customers: a path's ends are drawn as often as there were customers."""
    chance = np.random.default_rng(seed)
    ends = np.concatenate([paths.conversions, paths.nulls])
    total, half = round(float(ends.sum())), len(paths.conversions)
    drawn: dict[str, list[np.ndarray]] = {}
    for _ in range(draws):
        again = chance.multinomial(total, ends / ends.sum()).astype(float)
        for name, found in model.credits(paths.weighted(again[:half], again[half:])).items():
            drawn.setdefault(name, []).append(found)
    return {
        f"{name}_{end}": np.quantile(found, q, axis=0)
        for name, found in drawn.items()
        for end, q in (("lower", 0.025), ("upper", 0.975))
    }


def shapley_value(game: Mapping[frozenset[str], float]) -> dict[str, float]:
    """The Shapley value of a game given as a table of coalitions; the empty one is worth 0 (Shapley 1953).

    Parameters
    ----------
    game : worth by coalition; all coalitions of the channels but the empty one

    Raises
    ------
    ParameterError : a coalition is missing, or there are more than 12 channels

    >>> worth = {frozenset("a"): 1.0, frozenset("b"): 1.0, frozenset("ab"): 4.0}
    >>> shapley_value(worth)
    {'a': 2.0, 'b': 2.0}
    """
    players = sorted(set().union(*game))
    if len(players) > CUSTOM_UP_TO:
        raise ParameterError(
            f"a table of coalitions is for at most {CUSTOM_UP_TO} channels, these are {len(players)}; "
            "attribute(paths, ['shapley']) has no limit"
        )
    n, shares = len(players), dict.fromkeys(players, 0.0)
    for size in range(n):
        weight = factorial(size) * factorial(n - size - 1) / factorial(n)
        for others in combinations(players, size):
            for player in (p for p in players if p not in others):
                joined = frozenset((*others, player))
                if joined not in game:
                    raise ParameterError(f"the game says nothing of the coalition {sorted(joined)}")
                shares[player] += weight * (game[joined] - game.get(frozenset(others), 0.0))
    return shares
