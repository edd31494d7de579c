"""Features of one's own, as they were known on a day."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ibis
import pandas as pd

from crm_analytics.analyses.churn.features.features import FEATURES
from crm_analytics.errors import DataError, ParameterError, nearest

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

ID, KNOWN = "customer_id", "known_on"
_TAKEN = {feature.name for feature in FEATURES} | {"left", "value", "expected_purchases", "probability_alive"}
Given = Any  # a frame, an Ibis table, or a function of a base that is cut at a day


@dataclass(frozen=True, eq=False)
class OwnFeatures:
    """What somebody knows of customers beside the tables.

    Attributes
    ----------
    rows : customer_id, known_on (a day), and the features; None where `make` gives them
    make : gives customer_id and the features of a base, which holds nothing later than its day
    columns : names of the features
    """

    rows: pd.DataFrame | None
    make: Callable[[CustomerBase], Any] | None
    columns: tuple[str, ...]

    def on(self, past: CustomerBase) -> ir.Table:
        """customer_id and the features, each as last known at the end of the base's day."""
        if self.rows is None:
            assert self.make is not None
            found = _as_frame(past, self.make(past))
            _check(found, dated=False)
            return past.to_engine(found[[ID, *self.columns]])
        known = past.to_engine(self.rows)
        known = known.filter(known[KNOWN] <= ibis.literal(past.day))
        place = ibis.row_number().over(group_by=ID, order_by=ibis.desc(KNOWN))
        latest = known.mutate(_place=place).filter(lambda t: t["_place"] == 0)
        return latest.select(ID, *self.columns)


def own_features(base: CustomerBase, given: Given) -> OwnFeatures:
    """Features as a user gives them, checked.

    Parameters
    ----------
    given : a frame or an Ibis table with customer_id, known_on (the day from which the row was known) and
        the features; or a function of a base that is cut at a day, which gives customer_id and the features

    Raises
    ------
    ParameterError : a column is missing or has a name that is taken; two rows of one customer and day.
    DataError : none of the customers is in the base.
    """
    if callable(given) and not isinstance(given, pd.DataFrame):
        found = _as_frame(base, given(base))
        return OwnFeatures(None, given, _check(found, dated=False))
    frame = _as_frame(base, given)
    columns = _check(frame, dated=True)
    days = pd.to_datetime(frame[KNOWN], errors="coerce")
    if days.isna().any():
        raise ParameterError(f"own features: {int(days.isna().sum()):,} rows have no day in {KNOWN}")
    rows = frame[[ID, KNOWN, *columns]].copy()
    rows[ID], rows[KNOWN] = frame[ID].astype("str"), days.dt.date
    if rows.duplicated([ID, KNOWN]).any():
        raise ParameterError(f"own features: a customer has two rows of one {KNOWN}. Keep one for each day")
    mine = base.collect(base.customers.select(ID))[ID]
    if not rows[ID].isin(mine).any():
        raise DataError("own features: none of their customers is in the base. Look at how ids are written")
    return OwnFeatures(rows, None, columns)


def with_own(past: CustomerBase, table: ir.Table, own: OwnFeatures | None) -> ir.Table:
    """Our features and those of one's own beside them."""
    if own is None:
        return table
    return table.left_join(own.on(past), ID).drop(f"{ID}_right")


def _as_frame(base: CustomerBase, given: Any) -> pd.DataFrame:
    if hasattr(given, "to_pyarrow") and hasattr(given, "schema"):
        return base.collect(given)
    if isinstance(given, pd.DataFrame):
        return given
    raise ParameterError(
        f"own features are a pandas frame, an Ibis table or a function of a base, got {type(given).__name__}"
    )


def _check(frame: pd.DataFrame, *, dated: bool) -> tuple[str, ...]:
    """The names of the features."""
    if ID not in frame.columns:
        raise ParameterError(f"own features need the column {ID}{nearest(ID, map(str, frame.columns))}")
    if dated and KNOWN not in frame.columns:
        raise ParameterError(
            f"own features need the column {KNOWN}: the day from which a row was known. What was written "
            "after a customer left would tell the model who leaves"
        )
    names = tuple(str(c) for c in frame.columns if c not in (ID, KNOWN))
    if not names:
        raise ParameterError("own features have no column beside the customer and the day")
    if taken := [n for n in names if n in _TAKEN]:
        raise ParameterError(f"own features: {', '.join(taken)} is a name of ours. Give yours another")
    if not dated and frame.duplicated(ID).any():
        raise ParameterError("own features: a customer has two rows. Give one for each")
    return names


def refuse_unknown(frames: Iterable[tuple[Any, pd.DataFrame]], own: OwnFeatures) -> None:
    """Refuse a feature that nobody's value was known of on a day that is learnt from.

    Parameters
    ----------
    frames : day and features of each window

    Raises
    ------
    DataError : names the features and the day.
    """
    for day, frame in frames:
        late = [name for name in own.columns if name in frame.columns and frame[name].isna().all()]
        if late:
            raise DataError(
                f"own features: {', '.join(late)} was known of nobody on {day}, a day learnt from: it came "
                f"too late. Give what was known then ({KNOWN} on or before that day), or leave it out"
            )
