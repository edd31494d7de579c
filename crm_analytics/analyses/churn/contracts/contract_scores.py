"""Which running contracts end next: by a model where there are enough of them, else by their rate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.churn.contracts.contracts import contracts
from crm_analytics.analyses.churn.features import contract_features
from crm_analytics.analyses.churn.features.contract_features import GRACE
from crm_analytics.analyses.churn.measures import measures
from crm_analytics.analyses.churn.measures.grades import MINIMUMS
from crm_analytics.analyses.churn.model.model import ChurnModel
from crm_analytics.analyses.contract_lives import MONTH
from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

Array = NDArray[np.float64]
NEEDS = {"subscriptions": ("subscription_id", "customer_id", "start_date")}
WINDOW = 91  # days
MODEL: Literal["logistic"] = "logistic"
RATE = "rate of its kind"
WINDOWS = 3


@dataclass(frozen=True, eq=False)
class ContractScores(ObjectCard):
    """The chance of each running contract to end in the days after the base's.

    Attributes
    ----------
    scores : one row per running contract, the likeliest to end first: subscription_id, customer_id,
        probability, price_a_month (money; NaN where the source has none), at_risk (their product), reason
        (what speaks most for ending, in words; "" by the rate)
    interval : of the contracts that end, 95 %: by chance, for what is not known of their rate, as much as
        the method was off a contract in the newest window, of which nothing was learnt, and by what
        windows differ
    window : days
    method : "logistic", or "rate of its kind": the monthly rate of contracts of the same recurrence
    unmet : why there is no model, in sentences; empty where there is one
    evidence : method, n, ended, auc, brier, each of the two with _lower and _upper, on the newest window, of
        which nothing was learnt; empty where the history has no two windows
    """

    scores: pd.DataFrame
    interval: tuple[float, float]
    window: int
    method: str
    unmet: tuple[str, ...]
    evidence: pd.DataFrame

    @property
    def expected(self) -> float:
        """Contracts expected to end."""
        return float(self.scores["probability"].sum())


def contract_scores(
    base: CustomerBase, window: int = WINDOW, *, grace: int = GRACE, seed: int = 1
) -> ContractScores:
    """Learn from windows in time which contracts end, and score those that run.

    Parameters
    ----------
    base : with subscriptions, cut at the day of the scores
    window : days ahead
    grace : as in `contracts`
    seed : of folds

    Raises
    ------
    DataError : the base has no subscriptions, or they have no subscription_id
    NotEnoughData : no contract runs, or none has run for a month
    ParameterError : window is no number of days

    Examples
    --------
    >>> from crm_analytics import CustomerBase
    >>> bought = pd.DataFrame({"customer_id": ["a"], "transaction_date": ["2026-04-01"], "unit_spend": [1]})
    >>> subscriptions = pd.DataFrame({"subscription_id": ["1", "2"], "customer_id": ["a", "b"],
    ...     "start_date": ["2026-01-01", "2026-01-15"], "cancelled_at": [None, "2026-02-20"],
    ...     "recurrence_months": [1, 1], "amount": [9.0, 9.0]})
    >>> base = CustomerBase.open({"transactions": bought, "subscriptions": subscriptions}, today="2026-04-02")
    >>> found = contract_scores(base)
    >>> found.method, found.scores["probability"].round(2).tolist()
    ('rate of its kind', [0.58])
    """
    if not isinstance(window, int) or window < 1:
        raise ParameterError(f"window = {window!r}: a whole number of days, 1 or more")
    base.require(NEEDS)
    running = base.collect(contract_features.features(base).order_by("subscription_id"))
    if running.empty:
        raise NotEnoughData("chances of contracts to end", 0, 1, "running contracts")
    parts = [_part(base, day, window, grace) for day in _days(base, window, grace)]
    parts = [(frame, left) for frame, left in parts if 0 < left.sum() < len(left)]
    unmet = _unmet(base, parts, window)
    if unmet:
        rate, spread = _rates(base, grace, window, running)
        found = _table(running, rate, None)
        ends = _around(rate, spread, _apart(parts, float(rate.mean())))
        return ContractScores(found, ends, window, RATE, unmet, _evidence([]))
    model = _fitted(parts, seed)
    chance = model.predict_proba(_known(running))[:, 1]
    ended = np.concatenate([left for _, left in parts])
    spread = float(ended.std() / np.sqrt(len(ended)))
    evidence, off = _judged(base, parts, window, grace, seed)
    ends = _around(chance, spread, float(np.hypot(off, _apart(parts, None))))
    return ContractScores(_table(running, chance, model), ends, window, MODEL, (), evidence)


def _around(chance: Array, spread: float, off: float = 0.0) -> tuple[float, float]:
    """Of how many end: each by its own chance, and in total by the standard error of their rate.

    off : deviation, a contract, of the last forecast that could be checked and between windows
    """
    n = len(chance)
    half = 1.96 * float(np.sqrt((chance * (1 - chance)).sum() + (n * spread) ** 2 + (n * off) ** 2))
    total = float(chance.sum())
    return max(total - half, 0.0), min(total + half, float(len(chance)))


def _apart(parts: list[tuple[pd.DataFrame, Array]], said: float | None) -> float:
    """Deviation of the shares that ended in earlier windows: about what is said, else about their mean."""
    shares = np.array([left.mean() for _, left in parts])
    if said is not None:
        return float(np.sqrt(np.mean((shares - said) ** 2))) if len(shares) else 0.0
    return float(np.std(shares, ddof=1))


def _days(base: CustomerBase, window: int, grace: int) -> list[date]:
    """Days whose labels are known by now, oldest first; one window apart."""
    last = base.day - timedelta(days=window + grace)
    days = [last - timedelta(days=k * window) for k in range(WINDOWS)]
    return [day for day in days[::-1] if day >= base.first_day]


def _part(base: CustomerBase, day: date, window: int, grace: int) -> tuple[pd.DataFrame, Array]:
    known = contract_features.features(base.as_of(day))
    outcomes = contract_features.labels(base, day, window, grace=grace).select("subscription_id", "left")
    joined = known.inner_join(outcomes, "subscription_id")
    frame = base.collect(joined.order_by("subscription_id"))
    return frame, frame.pop("left").to_numpy(float)


def _unmet(base: CustomerBase, parts: list[tuple[pd.DataFrame, Array]], window: int) -> tuple[str, ...]:
    if len(parts) < 2:
        return (f"Two windows of {window} days in which some contracts ended and some did not are needed",)
    return MINIMUMS.unmet(
        customers=len(parts[-1][0]),
        history_days=(base.day - base.first_day).days + 1,
        window=window,
        contracts=True,
    )


def _known(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns=["subscription_id", "customer_id"])


def _fitted(parts: list[tuple[pd.DataFrame, Array]], seed: int) -> ChurnModel:
    frame = pd.concat([_known(frame) for frame, _ in parts], ignore_index=True)
    return ChurnModel(MODEL, seed=seed).fit(frame, np.concatenate([left for _, left in parts]))


def _rates(base: CustomerBase, grace: int, window: int, running: pd.DataFrame) -> tuple[Array, float]:
    """The chance to end by the monthly rate of their kind; the standard error of that of all."""
    found = contracts(base, grace=grace)
    lives = found.contracts.select("subscription_id", "recurrence")
    kind = base.collect(lives).set_index("subscription_id")["recurrence"]
    rate = found.rates.set_index("recurrence")["rate"]
    whole = float(rate.iloc[0])
    own = running["subscription_id"].map(kind).map(rate).fillna(whole).to_numpy(float)
    low, high = (1.0 - (1.0 - found.rates[end].iloc[0]) ** (window / MONTH) for end in ("lower", "upper"))
    return np.asarray(1.0 - (1.0 - own) ** (window / MONTH)), float(high - low) / (2 * 1.96)


def _judged(
    base: CustomerBase, parts: list[tuple[pd.DataFrame, Array]], window: int, grace: int, seed: int
) -> tuple[pd.DataFrame, float]:
    """Both methods as they would have spoken when the newest window began; and how far the model was off."""
    frame, left = parts[-1]
    then = base.as_of(_days(base, window, grace)[-1])
    scores = {
        MODEL: _fitted(parts[:-1], seed).predict_proba(_known(frame))[:, 1],
        RATE: _rates(then, grace, window, frame)[0],
    }
    rows = []
    for method, score in scores.items():
        row: dict[str, object] = {"method": method, "n": len(left), "ended": int(left.sum())}
        for name, measure in (("auc", measures.auc), ("brier", measures.brier)):
            row[name], row[f"{name}_lower"], row[f"{name}_upper"] = measure(left, score)
        rows.append(row)
    return _evidence(rows), abs(float(left.mean() - scores[MODEL].mean()))


def _evidence(rows: list[dict[str, object]]) -> pd.DataFrame:
    columns = ["method", "n", "ended"]
    columns += [f"{name}{end}" for name in ("auc", "brier") for end in ("", "_lower", "_upper")]
    return pd.DataFrame(rows, columns=columns)


def _table(running: pd.DataFrame, chance: Array, model: ChurnModel | None) -> pd.DataFrame:
    price = pd.Series(np.nan, running.index)
    if {"amount", "recurrence_months"} <= set(running.columns):
        price = running["amount"] / running["recurrence_months"].where(running["recurrence_months"] > 0)
    reason = pd.Series("", running.index)
    if model is not None:
        top = model.explain(_known(running)).top(1)["reason_1"]
        reason = top.map(lambda name: "" if pd.isna(name) else WORDS.get(str(name), str(name)))
    table = running[["subscription_id", "customer_id"]].assign(
        probability=chance, price_a_month=price, at_risk=chance * price, reason=reason
    )
    return table.sort_values(["probability", "subscription_id"], ascending=[False, True], ignore_index=True)


WORDS = {
    "age_days": "how long the contract has run",
    "recurrence_months": "how often it renews",
    "amount": "its price",
    "is_recurring": "whether it renews by itself",
    "days_to_renewal": "days to the next renewal",
    "other_contracts": "other contracts of the customer",
    "ended_before": "contracts of the customer that ended",
    "days_since_purchase": "days since the last purchase",
    "purchases_90_days": "purchases in the last 90 days",
    "tickets_90_days": "tickets in the last 90 days",
    "complaints_90_days": "complaints in the last 90 days",
}
