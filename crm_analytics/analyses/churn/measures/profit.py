"""What contacting the customers most likely to leave would bring."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from crm_analytics.analyses.churn.measures.ranking import CELLS, checked
from crm_analytics.analyses.intervals import wilson
from crm_analytics.analyses.plots import Plots
from crm_analytics.errors import ParameterError
from crm_analytics.tables.object_cards import ObjectCard

Array = NDArray[np.float64]
EVERYBODY = 0.5  # share of the customers beyond which contacting them is a mailing
LIFTED = 0.99  # level of the interval of a lift: the best of a hundred shares is looked at


@dataclass(frozen=True, eq=False)
class ProfitCurve(ObjectCard):
    """Profit of a campaign by how many are contacted.

    table : one row per share: customers_share, customers, leavers, lift, profit, lower, upper
    best : the row of the highest profit. Chosen on the same customers it flatters itself; `optimism` is by
        how much, as found by choosing on resampled customers
    optimism : money to take off the best row's profit, >= 0
    pays : whether the best row's interval, less the optimism, lies above zero
    words : the assumptions in a sentence
    n, left : customers it was measured on, and those of them who left
    level : of the intervals, for one share at a time
    """

    table: pd.DataFrame
    best: pd.Series
    optimism: float
    pays: bool
    words: str
    n: int
    left: int
    level: float

    plot = Plots("crm_analytics.analyses.churn.pictures", "profit")

    @property
    def is_everybody(self) -> bool:
        """Whether the best share is most of the customers: a mailing, and no list."""
        return bool(self.best["customers_share"] > EVERYBODY)

    @property
    def lifts(self) -> bool:
        """Whether more of those contacted at the best share left than of all: its 99 % interval says so."""
        share = float(self.best["customers_share"])
        n = round(share * self.n)
        if not n or not self.left:
            return False
        low, _ = wilson(min(n, round(float(self.best["lift"]) * share * self.left)), n, LIFTED)
        return low > self.left / self.n


def profit_curve(
    y: ArrayLike,
    p: ArrayLike,
    value: ArrayLike,
    contact_cost: float,
    incentive_cost: float,
    *,
    success: float,
    fixed_cost: float = 0.0,
    customers: int | None = None,
    shares: ArrayLike | None = None,
    by: ArrayLike | None = None,
    level: float = 0.95,
    draws: int = 200,
    seed: int = 1,
) -> ProfitCurve:
    """Profit by the share contacted: N a {[g V + d (1 - g)] b L - d - c} - A.

    Of the a N customers contacted, b L (the share who left, b, times the lift, L) would have left; of these
    the incentive keeps g, each worth V and each taking d, while the rest goes without taking it. Who would
    have stayed takes it, too. The measured version sums over customers, so that each may have a worth of
    their own; with one worth for all it is the equation.

    Parameters
    ----------
    y, p : who left, and the score; customers with the highest score are contacted first, of equals a share
    value : V, what a kept customer brings in money, one number or one a customer
    contact_cost, incentive_cost : c and d, money a customer
    success : g, share of the would-be leavers the incentive keeps, 0..1
    fixed_cost : A, money
    customers : N, how many the campaign has to choose from; by default those measured
    shares : shares contacted; by default 0, .01, .. 1
    by : contact in this order instead of `p`, e.g. probability times value
    level, draws, seed : of the bootstrap of customers

    Raises
    ------
    ParameterError : a cost is negative, `success` is no share, or a value is missing.
    NotEnoughData : nobody left, or all did.

    Source
    ------
    Neslin, Gupta, Kamakura, Lu & Mason (2006), Journal of Marketing Research 43, 204-211, equation (1).
    `success` is an assumption until a test against a control group has measured it; who is most likely to
    leave need not be who is easiest to keep (Ascarza 2018, Journal of Marketing Research 55, 80-98).

    Examples
    --------
    >>> left, score = [1] * 10 + [0] * 90, [.9] * 20 + [.1] * 80
    >>> curve = profit_curve(left, score, 100, 1, 5, success=.4, shares=[0, .2, 1])
    >>> curve.table["profit"].tolist()
    [0.0, 310.0, -170.0]
    """
    left, place = checked(y, p if by is None else by, both="a profit curve")
    money = {"contact_cost": contact_cost, "incentive_cost": incentive_cost, "fixed_cost": fixed_cost}
    at = np.linspace(0, 1, 101) if shares is None else np.asarray(shares, dtype=float)
    _check(money, success, at)
    kept = success * _worth(value, len(left)) + incentive_cost * (1 - success)
    each = left * kept - incentive_cost - contact_cost
    scale = 1.0 if customers is None else customers / len(left)
    cells = _cells(place, each, left)
    spent = np.where(at > 0, fixed_cost, 0.0)
    profit = _at(at, cells["customers"], cells["money"]) * scale - spent
    drawn = _drawn(_units(place, each, left), at, draws, seed) * scale - spent
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    leavers = _at(at, cells["customers"], cells["left"])
    table = pd.DataFrame(
        {
            "customers_share": at,
            "customers": np.rint(at * scale * len(left)).astype("int64"),
            "leavers": leavers * scale,
            "lift": np.divide(leavers, at * left.sum(), out=np.full(len(at), np.nan), where=at > 0),
            "profit": profit,
            "lower": low,
            "upper": high,
        }
    )
    best, optimism = table.iloc[int(profit.argmax())], _optimism(drawn, profit)
    pays = bool(best["lower"] - optimism > 0)
    summary = _words(money, success)
    return ProfitCurve(table, best, optimism, pays, summary, len(left), int(left.sum()), level)


def _check(money: dict[str, float], success: float, at: Array) -> None:
    for name, amount in money.items():
        if not (np.isfinite(amount) and amount >= 0):
            raise ParameterError(f"{name} must be 0 or more, got {amount}")
    if not 0 <= success <= 1:
        raise ParameterError(f"success is the share of would-be leavers kept, between 0 and 1; got {success}")
    if not ((at >= 0) & (at <= 1)).all():
        raise ParameterError("shares contacted must lie between 0 and 1")


def _worth(value: ArrayLike, n: int) -> Array:
    worth = np.asarray(value, dtype=float)
    if worth.ndim and worth.shape != (n,):
        raise ParameterError(f"value must be one number or one a customer: {len(worth)} for {n} customers")
    if not np.isfinite(worth).all():
        raise ParameterError("value is missing or infinite for some customers")
    return np.broadcast_to(worth, (n,))


def _words(money: dict[str, float], success: float) -> str:
    fixed = f", {money['fixed_cost']:g} once" if money["fixed_cost"] else ""
    return (
        f"{money['contact_cost']:g} a contact, {money['incentive_cost']:g} an incentive taken{fixed}; "
        f"{success:.0%} of the would-be leavers contacted are kept (an assumption, unless measured)"
    )


def _cells(place: Array, each: Array, left: Array) -> pd.DataFrame:
    """Customers, money and leavers by distinct score, from the highest down."""
    frame = pd.DataFrame({"place": -place, "money": each, "left": left, "customers": 1.0})
    # sorted wholly, so that the sums do not know the order of the rows
    return frame.sort_values(["place", "money", "left"]).groupby("place").sum()


def _units(place: Array, each: Array, left: Array) -> pd.DataFrame:
    """What is resampled: customers, or of large bases the leavers and stayers of `CELLS` neighbouring scores.

    Returns
    -------
    place, left, customers, money (mean), spread (standard deviation of the money among them)
    """
    frame = pd.DataFrame({"place": -place, "left": left, "money": each}).sort_values(
        ["place", "left", "money"]
    )
    if len(frame) <= CELLS:
        return frame.assign(customers=1, spread=0.0)
    first = frame["place"].rank(method="min").to_numpy() - 1  # customers of equal score stay together
    frame["place"] = np.floor(first * CELLS / len(frame))
    money = frame.groupby(["place", "left"])["money"]
    units = pd.DataFrame({"customers": money.size(), "money": money.mean(), "spread": money.std(ddof=0)})
    return units.reset_index()


def _drawn(units: pd.DataFrame, at: Array, draws: int, seed: int) -> Array:
    """Profit by share in resampled bases of the same size, one row per draw."""
    rng, count = np.random.default_rng(seed), units["customers"].to_numpy()
    _, cell = np.unique(units["place"].to_numpy(), return_inverse=True)
    mean, spread = (units[name].to_numpy() for name in ("money", "spread"))
    found = np.empty((draws, len(at)))
    for i in range(draws):
        times = rng.multinomial(count.sum(), count / count.sum())
        money = times * mean + np.sqrt(times) * spread * rng.standard_normal(len(times))
        found[i] = _at(at, np.bincount(cell, weights=times), np.bincount(cell, weights=money))
    return found


def _at(at: Array, customers: ArrayLike, amounts: ArrayLike) -> Array:
    """Sum of the amounts over the share of highest score; a cell is taken pro rata."""
    reached = np.concatenate([[0.0], np.cumsum(np.asarray(customers))])
    return np.interp(at * reached[-1], reached, np.concatenate([[0.0], np.cumsum(np.asarray(amounts))]))


def _optimism(drawn: Array, profit: Array) -> float:
    """How much better the share chosen in a sample looks there than where it was not chosen."""
    chosen = drawn.argmax(axis=1)
    return max(0.0, float((drawn[np.arange(len(drawn)), chosen] - profit[chosen]).mean()))
