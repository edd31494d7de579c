"""Covariates as numbers: one column for a number, one for each level of a word but the commonest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.btyd.fitting.units import days_per_unit
from crm_analytics.errors import DataError, check_name, nearest

if TYPE_CHECKING:
    from crm_analytics.analyses.btyd.fitting.summary import Summary

Array = NDArray[np.float64]
MOST_LEVELS = 50


@dataclass(frozen=True)
class Column:
    """One covariate.

    name : of the column
    levels : of a word, the commonest first, against which the others are measured; empty for a number
    """

    name: str
    levels: tuple[str, ...]

    @property
    def labels(self) -> list[str]:
        """Of its coefficients."""
        return [f"{self.name}={level}" for level in self.levels[1:]] if self.levels else [self.name]


@dataclass(frozen=True)
class Coding:
    """How covariates become numbers, learned from the customers of a fit and used for all later ones.

    columns : the covariates that differ between customers
    constant : names of those that do not, and are left out

    Examples
    --------
    >>> frame = pd.DataFrame({"channel": ["web", "shop", "web"], "age": [20, 40, 60]})
    >>> coding = Coding.learn(frame, ["channel", "age"], np.ones(3))
    >>> coding.labels, coding.matrix(frame).tolist()
    (['channel=shop', 'age'], [[0.0, 20.0], [1.0, 40.0], [0.0, 60.0]])
    """

    columns: tuple[Column, ...]
    constant: tuple[str, ...] = ()

    @classmethod
    def learn(cls, frame: pd.DataFrame, names: Sequence[str], weight: Array) -> Coding:
        """From the customers of a fit.

        Raises
        ------
        DataError : a column is missing, holds missing values, or has more than 50 levels.
        """
        columns, constant = [], []
        for name in names:
            values = _values(frame, name)
            if values.nunique() < 2:
                constant.append(name)
                continue
            if _is_number(values):
                columns.append(Column(name, ()))
                continue
            words = values.astype(str)
            counts = pd.Series(weight, words.to_numpy()).groupby(level=0).sum()
            if len(counts) > MOST_LEVELS:
                raise DataError(
                    f"covariate '{name}' has {len(counts):,} different words, {MOST_LEVELS} at most are told "
                    "apart: merge the rare ones"
                )
            ordered = sorted(counts.index, key=lambda level: (-counts[level], level))
            columns.append(Column(name, tuple(ordered)))
        return cls(tuple(columns), tuple(constant))

    @property
    def labels(self) -> list[str]:
        """Of all coefficients, in order."""
        return [label for column in self.columns for label in column.labels]

    def matrix(self, frame: pd.DataFrame) -> Array:
        """One row per customer, one column per coefficient.

        Raises
        ------
        DataError : a column is missing, holds missing values, or a word that the fit did not know.
        """
        parts = [np.empty((len(frame), 0))]
        for column in self.columns:
            values = _values(frame, column.name)
            if not column.levels:
                if not _is_number(values):
                    raise DataError(f"covariate '{column.name}' was a number in the fit and holds words now")
                parts.append(values.to_numpy(float)[:, None])
                continue
            words = values.astype(str).to_numpy()
            unknown = ~np.isin(words, column.levels)
            if unknown.any():
                raise DataError(
                    f"covariate '{column.name}': {int(unknown.sum()):,} of {len(words):,} rows hold a word "
                    f"that the fit did not know (first at row {int(unknown.argmax())}); it knew "
                    f"{', '.join(column.levels)}"
                )
            parts.append((words[:, None] == np.array(column.levels[1:])[None, :]).astype(float))
        return np.hstack(parts)


def with_covariates(summary: Summary, table: ir.Table, columns: Sequence[str]) -> pd.DataFrame:
    """Equal histories of customers with equal covariates, counted in the engine, for `fit_covariates`.

    Parameters
    ----------
    summary : of purchases
    table : one row per customer: customer_id and the covariates, as they were known when the customer came
    columns : the covariates. Few different values make few rows; cut numbers into bands where they differ

    Returns
    -------
    frame: frequency, recency, T (in the summary's unit), the covariates, customers; sorted
    """
    for name in columns:
        check_name("covariates: unknown column", name, table.columns)
    history = summary.history
    joined = history.left_join(table.select("customer_id", *columns), "customer_id")
    keys = ["frequency", "recency_days", "age_days", *columns]
    counted = summary.base.collect(joined.group_by(keys).aggregate(customers=joined.count()).order_by(keys))
    one = days_per_unit(summary.unit)
    return pd.DataFrame(
        {
            "frequency": counted["frequency"].astype(np.int64),
            "recency": counted["recency_days"] / one,
            "T": counted["age_days"] / one,
            **{name: counted[name] for name in columns},
            "customers": counted["customers"].astype(np.int64),
        }
    )


def _values(frame: pd.DataFrame, name: str) -> pd.Series:
    if name not in frame.columns:
        hint = nearest(name, [str(c) for c in frame.columns])
        raise DataError(f"covariates: the frame has no column '{name}'{hint}")
    values = frame[name]
    missing = values.isna().to_numpy()
    if _is_number(values):
        missing = missing | ~np.isfinite(values.to_numpy(float, na_value=np.nan))
    if missing.any():
        raise DataError(
            f"covariate '{name}' is missing or infinite in {int(missing.sum()):,} of {len(values):,} rows "
            f"(first at row {int(missing.argmax())}); give them a word of their own or leave them out"
        )
    return values


def _is_number(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values)
