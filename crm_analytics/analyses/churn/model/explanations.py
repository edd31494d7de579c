"""Why a model says what it says: over all customers, and along one feature."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from crm_analytics.analyses.churn.measures.ranking import checked
from crm_analytics.errors import ParameterError, nearest

if TYPE_CHECKING:
    from crm_analytics.analyses.churn.model.model import ChurnModel

Array = NDArray[np.float64]


def permutation_reasons(
    model: ChurnModel, X: pd.DataFrame, y: ArrayLike, seed: int = 1, *, draws: int = 5, level: float = 0.95
) -> pd.DataFrame:
    """How much AUC is lost when one feature is shuffled between customers.

    Parameters
    ----------
    model : fitted
    X, y : customers the model was not trained on, and who of them left (0/1, bool, or the model's labels)
    seed, draws : of the shuffles
    level : of the interval, 0..1

    Returns
    -------
    feature, auc_lost, lower, upper; the most important first. The interval takes in both the customers
    (DeLong's variance of the difference, pairs kept) and the shuffles. Features that say the same share
    what they are worth: shuffling one of them alone loses little.

    Source
    ------
    Breiman (2001), Machine Learning 45, 5-32; DeLong, DeLong & Clarke-Pearson (1988).
    """
    X = model.frame(X)
    left, score = checked(model.labels(y), model.log_odds(X), both="permutation reasons")
    order = _canonical(model, X)
    left, score, X = left[order], score[order], X.iloc[order]
    whole = _placed(left, score)
    z = float(stats.norm.ppf(0.5 + level / 2))
    rows = []
    for i, feature in enumerate(model.features_):
        rng = np.random.default_rng([seed, i])
        lost = []
        for _ in range(draws):
            shuffled = X.copy(deep=False)
            shuffled[feature] = X[feature].iloc[rng.permutation(len(X))].set_axis(X.index)
            lost.append([a - b for a, b in zip(whole, _placed(left, model.log_odds(shuffled)), strict=True)])
        found = [float(above.mean()) for above, _ in lost]
        above, below = (np.mean([each[side] for each in lost], axis=0) for side in (0, 1))
        spread = np.sqrt(_variance(above) + _variance(below) + _variance(np.array(found)))
        value = float(np.mean(found))
        rows.append((feature, value, value - z * spread, value + z * spread))
    table = pd.DataFrame(rows, columns=["feature", "auc_lost", "lower", "upper"])
    return table.sort_values(["auc_lost", "feature"], ascending=[False, True], ignore_index=True)


def partial_dependence(
    model: ChurnModel, X: pd.DataFrame, feature: str, *, points: int = 12, sample: int = 2_000, seed: int = 1
) -> pd.DataFrame:
    """Mean churn probability if every customer had one value of a feature and kept all others.

    Parameters
    ----------
    feature : of the model
    points : values tried of a number, at its quantiles; a category is tried at every name
    sample, seed : at most so many customers are taken, drawn by the seed

    Returns
    -------
    value, churn_probability, lower, upper, customers. Lower and upper hold the middle 80 % of the customers:
    how much it differs between them, not how sure the model is. `customers` counts who have the value, or
    are nearest to it.

    Raises
    ------
    ParameterError : the model has no such feature.

    Source
    ------
    Friedman (2001), Annals of Statistics 29, 1189-1232; Goldstein et al. (2015) for the spread.
    """
    X = model.frame(X)
    if feature not in model.features_:
        raise ParameterError(f"the model has no feature '{feature}'{nearest(feature, model.features_)}")
    column = next(c for c in model.columns_.used if c.name == feature)
    order = _canonical(model, X)
    drawn = np.sort(np.random.default_rng(seed).permutation(len(X))[:sample])
    taken, at = X.iloc[order[drawn]], model.columns_.names.index(feature)
    matrix = model.columns_.matrix(taken)
    own = matrix[:, at][~np.isnan(matrix[:, at])]
    if column.kind == "category":
        grid, values = np.arange(len(column.levels), dtype=float), list(column.levels)
    else:
        grid = (
            np.unique(np.quantile(own, np.linspace(0.02, 0.98, points), method="nearest"))
            if len(own)
            else own
        )
        values = grid.tolist()
    nearest_to = np.abs(own[:, None] - grid[None, :]).argmin(axis=1) if len(grid) else np.zeros(0, dtype=int)
    rows = []
    for i, value in enumerate(grid):
        changed = matrix.copy()
        changed[:, at] = value
        p = np.sort(model.probabilities(changed))
        low, high = np.quantile(p, [0.1, 0.9])
        rows.append((values[i], float(p.mean()), float(low), float(high), int((nearest_to == i).sum())))
    return pd.DataFrame(rows, columns=["value", "churn_probability", "lower", "upper", "customers"])


def _canonical(model: ChurnModel, X: pd.DataFrame) -> NDArray[np.intp]:
    """An order of the customers that depends on what is known of them only."""
    matrix = model.columns_.matrix(X)
    return np.lexsort(matrix.T) if matrix.size else np.arange(len(X))


def _placed(left: Array, score: Array) -> tuple[Array, Array]:
    """As `ranking.placements`, in the order of the customers, so that two scores can be compared."""
    ranks, gone = stats.rankdata(score), left > 0
    above = (ranks[gone] - stats.rankdata(score[gone])) / (~gone).sum()
    below = 1 - (ranks[~gone] - stats.rankdata(score[~gone])) / gone.sum()
    return above, below


def _variance(values: Array) -> float:
    """Of the mean of the values."""
    return float(values.var(ddof=1) / len(values)) if len(values) > 1 else 0.0
