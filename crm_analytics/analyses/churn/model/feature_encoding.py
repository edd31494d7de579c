"""A flat frame as a matrix of numbers: what each column is, learnt once and applied to every later frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.errors import DataError, nearest

Array = NDArray[np.float64]
LEVELS = 50  # names of a category told apart; the rarer ones are "others"
RARE = 10  # customers below which a name is one of the others
OTHERS = "(others)"
IDENTIFIERS = ("id", *(f"{who}id" for who in ("customer", "cust", "client", "user", "member", "subscriber")))


class BadFrame(DataError, ValueError):  # noqa: N818 - said of the frame
    """A frame that cannot be used; a ValueError, too, because scikit-learn's tools look for one."""


def is_identifier(name: Any) -> bool:
    """Whether a column names a customer, however that is written; such a one is never a feature.

    >>> [is_identifier(name) for name in ("customerID", "Client Id", "user_id", "visits", "bid")]
    [True, True, True, False, False]
    """
    return "".join(c for c in str(name).lower() if c.isalnum()) in IDENTIFIERS


@dataclass(frozen=True)
class Column:
    """One feature as it was in training.

    name : of the column
    kind : "number" or "category"
    levels : names of a category that are told apart, in order of their codes
    missing : share of values missing in training
    note : what to know of it, empty if nothing
    """

    name: str
    kind: Literal["number", "category"]
    levels: tuple[str, ...] = ()
    missing: float = 0.0
    note: str = ""


@dataclass(frozen=True)
class Columns:
    """The features of a model, categories first, each kind by name.

    used : features
    ignored : name -> why a column of the training frame is not used
    """

    used: tuple[Column, ...]
    ignored: dict[str, str]

    @property
    def names(self) -> list[str]:
        """Features in the order of the matrix."""
        return [column.name for column in self.used]

    @property
    def categorical(self) -> list[bool]:
        """For each feature whether it is a category."""
        return [column.kind == "category" for column in self.used]

    def matrix(self, frame: pd.DataFrame) -> Array:
        """Numbers as they are, categories as codes; missing, blank and unseen names as NaN.

        A name unseen in training counts among the others where there were any, else as missing.

        Raises
        ------
        BadFrame : a feature is not in the frame, or a number is infinite or has become text.
        """
        absent = [name for name in self.names if name not in frame.columns]
        if absent:
            some = ", ".join(repr(name) for name in absent[:5])
            hint = nearest(absent[0], [str(name) for name in frame.columns])
            raise BadFrame(f"the model needs {len(absent)} column(s) this frame does not have: {some}{hint}")
        out = np.empty((len(frame), len(self.used)))
        for i, column in enumerate(self.used):
            values = frame[column.name]
            out[:, i] = numbers(values, column.name) if column.kind == "number" else _codes(values, column)
        return out


def learn(frame: pd.DataFrame) -> Columns:
    """What each column of a training frame is.

    Numbers, booleans and durations are numbers; text is a category, unless all of it reads as numbers and
    there are more than `LEVELS` of them. Columns that are constant, wholly missing or an identifier are
    named among the ignored.

    Raises
    ------
    BadFrame : a column holds dates or something else that is neither number nor name; two have one name.

    Examples
    --------
    >>> frame = pd.DataFrame({"visits": [1, 2, 3], "plan": ["a", "b", "a"], "country": ["NL"] * 3})
    >>> columns = learn(frame)
    >>> columns.names, columns.ignored
    (['plan', 'visits'], {'country': 'the same for everybody'})
    >>> columns.matrix(pd.DataFrame({"plan": ["b", "new"], "visits": [7, None]})).tolist()
    [[1.0, 7.0], [nan, nan]]
    """
    if not frame.columns.is_unique:
        twice = sorted({str(name) for name in frame.columns[frame.columns.duplicated()]})
        raise BadFrame(f"two columns have the same name: {', '.join(twice)}")
    used, ignored = [], {}
    for name in sorted(frame.columns, key=str):
        found = _learnt(frame[name], name)
        if isinstance(found, str):
            ignored[name] = found
        else:
            used.append(found)
    return Columns(tuple(sorted(used, key=lambda column: (column.kind, str(column.name)))), ignored)


def _learnt(values: pd.Series, name: str) -> Column | str:
    if is_identifier(name):
        return "names a customer, says nothing of one"
    if values.isna().all():
        return "missing for everybody"
    if not _is_text(values):
        return _number(numbers(values, name), name)
    return _category(values, name)


def _category(values: pd.Series, name: str) -> Column | str:
    text = _text(values)
    counts = {str(level): int(n) for level, n in text.value_counts().items()}
    missing = float(text.isna().mean())
    if not counts:
        return "missing for everybody"
    if len(counts) > LEVELS:
        plain = pd.Series(list(counts), dtype="str")
        if pd.to_numeric(plain, errors="coerce").notna().all() and not plain.str.match(r"0\d").any():
            return _number(numbers(values, name), name, "text read as numbers")
        if len(counts) > 0.5 * text.notna().sum():
            return f"an identifier: {len(counts):,} names for {int(text.notna().sum()):,} customers"
    if len(counts) == 1 and not missing:
        return "the same for everybody"
    common = [(-n, level) for level, n in counts.items() if n >= RARE or len(counts) <= 2]
    kept = tuple(sorted(level for _, level in sorted(common)[:LEVELS]))
    rare = len(counts) - len(kept)
    if not kept and not missing:
        return f"{rare:,} names, each of fewer than {RARE} customers"
    note = f"{rare} rare names counted as others" if rare else ""
    return Column(name, "category", kept + ((OTHERS,) if rare else ()), missing, note)


def _number(values: Array, name: str, note: str = "") -> Column | str:
    known = values[~np.isnan(values)]
    if not len(known):
        return "missing for everybody"
    if len(known) == len(values) and known.min() == known.max():
        return "the same for everybody"
    return Column(name, "number", (), float(np.isnan(values).mean()), note)


def numbers(values: pd.Series, name: str) -> Array:
    """A column as floats, missing as NaN.

    Raises
    ------
    BadFrame : dates, infinite numbers, or text none of which reads as a number.
    """
    kind = values.dtype
    if isinstance(kind, pd.DatetimeTZDtype) or pd.api.types.is_datetime64_any_dtype(kind):
        raise BadFrame(f"column '{name}' holds dates; give the days before the day of the score instead")
    if pd.api.types.is_timedelta64_dtype(kind):
        return values.dt.total_seconds().to_numpy(dtype=float) / 86_400
    if pd.api.types.is_complex_dtype(kind):
        raise BadFrame(f"Complex data not supported: column '{name}'")
    if _is_text(values):
        text = _text(values)
        found = pd.to_numeric(text, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        if text.notna().any() and np.isnan(found).all():
            raise BadFrame(f"column '{name}' was a number in training and is text here")
    else:
        try:
            found = values.to_numpy(dtype=float, na_value=np.nan)
        except (TypeError, ValueError) as error:
            raise BadFrame(f"column '{name}' holds neither numbers nor names: {error}") from error
    if np.isinf(found).any():
        raise BadFrame(f"column '{name}' contains infinity ({int(np.isinf(found).sum())} values)")
    return found


def _is_text(values: pd.Series) -> bool:
    if isinstance(values.dtype, pd.CategoricalDtype) or pd.api.types.is_string_dtype(values.dtype):
        return not _all_numbers(values)
    return values.dtype == object and not _all_numbers(values)


def _all_numbers(values: pd.Series) -> bool:
    """Whether an object column holds numbers only, as decimals of a database do."""
    if values.dtype != object:
        return False
    kind = pd.api.types.infer_dtype(values, skipna=True)
    return kind in ("integer", "floating", "decimal", "boolean", "mixed-integer-float")


def _text(values: pd.Series) -> pd.Series:
    """Names without blanks around them; blank is missing, 3.0 is "3"."""
    present = values.notna().to_numpy()
    plain = values.astype(object).to_numpy()[present]
    named = [str(int(x)) if isinstance(x, float) and x.is_integer() else str(x).strip() for x in plain]
    out = np.full(len(values), None, dtype=object)
    out[present] = [x or None for x in named]
    return pd.Series(out, index=values.index, dtype="str")


def _codes(values: pd.Series, column: Column) -> Array:
    text = _text(values)
    found = pd.Index(column.levels, dtype="str").get_indexer(pd.Index(text)).astype(float)
    found[text.isna().to_numpy()] = -1
    unseen = (found < 0) & text.notna().to_numpy()
    found[found < 0] = np.nan
    if column.levels and column.levels[-1] == OTHERS:
        found[unseen] = len(column.levels) - 1
    return found


def missing_share(columns: Sequence[Column]) -> float:
    """Share of all values of the features missing in training."""
    return float(np.mean([column.missing for column in columns])) if columns else 0.0
