"""Results taken apart into JSON and a few arrays, and put together from this package's classes alone."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.analyses.churn.model.model import ChurnModel
from crm_analytics.errors import DataError, ParameterError

OURS = "crm_analytics.analyses.churn"
PLAIN = (str, int, float, bool, type(None))
# Where the results stood when files named modules (format 2): {module below OURS: names of its results}
FORMAT_2 = {
    "calibrating": ("Calibration",),
    "card": ("ModelCard",),
    "columns": ("Column", "Columns"),
    "complaints": ("AfterComplaint",),
    "contract_scores": ("ContractScores",),
    "contract_value": ("ContractValue",),
    "contracts": ("Contracts",),
    "cox": ("Hazards",),
    "definition": ("Definition",),
    "features": ("Feature",),
    "grades": ("Grade", "Minimums"),
    "inputs": ("Labels",),
    "learners": ("Fitted",),
    "linear": ("Design", "Linear"),
    "measures": ("Measure",),
    "profit": ("ProfitCurve",),
    "ranking": ("Ranking",),
    "reasons": ("Contributions",),
    "rule": ("RecencyRule",),
    "subgroups": ("Subgroups",),
    "survival": ("Survival",),
    "training": ("HeldOut", "Churn"),
    "trees": ("Tree", "Forest"),
    "windows": ("Window",),
}


@cache
def results() -> dict[str, type]:
    """The results of the analysis of churn by name: what a file may hold, wherever its module stands.

    Examples
    --------
    >>> results()["RecencyRule"].__module__.rpartition(".")[2]
    'recency_rule'
    """
    found: dict[str, type] = {}
    package = importlib.import_module(OURS)
    for module in pkgutil.walk_packages(package.__path__, f"{OURS}."):
        for name, kind in vars(importlib.import_module(module.name)).items():
            if is_dataclass(kind) and isinstance(kind, type) and kind.__module__ == module.name:
                if name in found:
                    raise TypeError(f"{name} is a result of both {found[name].__module__} and {module.name}")
                found[name] = kind
    return found


class Apart:
    """Takes values apart; arrays of one type are laid end to end, so that a thousand trees are few parts."""

    def __init__(self) -> None:
        self._parts: dict[str, list[np.ndarray]] = {}
        self._ends: dict[str, int] = {}

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """One flat array a type."""
        return {kind: np.concatenate(parts) for kind, parts in sorted(self._parts.items())}

    def take(self, value: Any, where: str) -> Any:
        """Plain lists and dicts; what they were stands under "is"."""
        if isinstance(value, np.generic) and value.dtype.kind not in "mM":
            value = value.item()
        if type(value) in PLAIN:
            return value
        for kind, take in _TAKE.items():
            if isinstance(value, kind):
                return take(self, value, where)
        kind = type(value)
        if is_dataclass(value) and results().get(kind.__name__) is kind:
            kept = [f.name for f in fields(value) if f.init]
            parts = {name: self.take(getattr(value, name), f"{where}.{name}") for name in kept}
            return {"is": "result", "name": kind.__name__, "parts": parts}
        raise ParameterError(f"{where} is a {kind.__name__}, which cannot be kept without running code")

    def model(self, model: ChurnModel, where: str) -> Any:
        """The parameters and the fitted attributes of a model."""
        parts = {name: self.take(value, f"{where}.{name}") for name, value in sorted(vars(model).items())}
        return {"is": "model", "parts": parts}

    def array(self, values: np.ndarray, where: str) -> Any:
        """Numbers go to the flat arrays, names stay in the list."""
        if values.dtype.kind in "biuf":
            kind = str(values.dtype)
            start = self._ends.get(kind, 0)
            self._parts.setdefault(kind, []).append(values.ravel())
            self._ends[kind] = start + values.size
            return {"is": "numbers", "of": kind, "start": start, "shape": list(values.shape)}
        if values.ndim != 1:
            raise ParameterError(f"{where} is an array of {values.dtype} in {values.ndim} dimensions")
        kind = "str" if values.dtype.kind == "U" else "object"
        return {"is": "names", "of": kind, "values": [self.take(v, where) for v in values.tolist()]}

    def series(self, values: pd.Series, where: str) -> Any:
        """A frame of one column."""
        name = self.take(values.name, where)
        return {"is": "series", "name": name, "frame": self.frame(values.to_frame("0"), where)}

    def frame(self, frame: pd.DataFrame, where: str) -> Any:
        """Columns one by one, and the index where it is more than a count."""
        if isinstance(frame.index, pd.MultiIndex) or isinstance(frame.columns, pd.MultiIndex):
            raise ParameterError(f"{where} is a frame with several levels of rows or columns")
        columns = [
            {"name": self.take(name, where), **self.column(frame.iloc[:, i], f"{where}[{name!r}]")}
            for i, name in enumerate(frame.columns)
        ]
        counted = isinstance(frame.index, pd.RangeIndex) and frame.index.equals(pd.RangeIndex(len(frame)))
        index = len(frame) if counted else self.column(frame.index.to_series(), f"{where}.index")
        return {
            "is": "frame",
            "columns": columns,
            "index": index,
            "called": self.take(frame.index.name, where),
        }

    def column(self, values: pd.Series, where: str) -> dict[str, Any]:
        """Its type and its values."""
        kind = values.dtype
        if isinstance(kind, np.dtype) and kind.kind in "biuf":
            return {"dtype": str(kind), "values": self.array(values.to_numpy(), where)}
        if isinstance(kind, np.dtype) and kind.kind in "mM":
            return {"dtype": str(kind), "values": self.array(values.to_numpy().view("int64"), where)}
        text = "str" if isinstance(kind, pd.StringDtype) else "object"
        missing = values.isna().tolist()
        plain = values.astype(object).tolist()
        kept = [None if gone else self.take(v, where) for v, gone in zip(plain, missing, strict=True)]
        return {"dtype": text, "values": kept}

    def mapping(self, value: dict[Any, Any], where: str) -> Any:
        """Pairs, as keys may be other than text."""
        pairs = [[self.take(k, where), self.take(x, f"{where}[{k!r}]")] for k, x in value.items()]
        return {"is": "dict", "parts": pairs}

    def sequence(self, value: list[Any], where: str) -> list[Any]:
        """A list."""
        return [self.take(x, f"{where}[{i}]") for i, x in enumerate(value)]


_TAKE: dict[Any, Callable[[Apart, Any, str], Any]] = {
    ChurnModel: Apart.model,
    pd.DataFrame: Apart.frame,
    pd.Series: Apart.series,
    np.ndarray: Apart.array,
    datetime: lambda _, v, __: {"is": "datetime", "at": v.isoformat()},
    date: lambda _, v, __: {"is": "date", "at": v.isoformat()},
    tuple: lambda by, v, where: {"is": "tuple", "parts": by.sequence(v, where)},
    list: Apart.sequence,
    dict: Apart.mapping,
}


class Together:
    """The opposite of `Apart`."""

    def __init__(self, arrays: dict[str, np.ndarray], version: int) -> None:
        self._arrays, self._version = arrays, version

    def put(self, value: Any) -> Any:
        """The value as it was."""
        if isinstance(value, list):
            return [self.put(x) for x in value]
        if not isinstance(value, dict):
            return value
        put = _PUT.get(str(value.get("is")))
        if put is None:
            raise DataError(f"the file holds something unknown: {value.get('is')!r}")
        return put(self, value)

    def result(self, value: dict[str, Any]) -> Any:
        """A frozen result of this package, and of nothing else."""
        name, asked = str(value["name"]), str(value["name"])
        known = name in results()
        if self._version == 2:
            module = str(value["of"])
            asked = f"{module}.{name}"
            place, _, room = module.rpartition(".")
            known = place == OURS and name in FORMAT_2.get(room, ())
        if not known:
            raise DataError(f"the file asks for {asked}, which is no result of this package")
        return results()[name](**{part: self.put(x) for part, x in value["parts"].items()})

    def model(self, value: dict[str, Any]) -> ChurnModel:
        """A fitted model."""
        model = ChurnModel()
        for name, part in value["parts"].items():
            setattr(model, name, self.put(part))
        return model

    def numbers(self, value: dict[str, Any]) -> np.ndarray:
        """A part of the flat array of its type."""
        size = int(np.prod(value["shape"]))
        flat = self._arrays[value["of"]][value["start"] : value["start"] + size]
        return flat.reshape(value["shape"]).copy()

    def names(self, value: dict[str, Any]) -> np.ndarray:
        """An array of text, or of anything plain."""
        values = self.put(value["values"])
        if value["of"] == "str":
            return np.array(values, dtype=str)
        out = np.empty(len(values), dtype=object)
        out[:] = values
        return out

    def frame(self, value: dict[str, Any]) -> pd.DataFrame:
        """Columns and index."""
        columns = [self.column(column) for column in value["columns"]]
        size = value["index"]
        index = pd.RangeIndex(size) if isinstance(size, int) else pd.Index(self.column(size))
        frame = pd.DataFrame(dict(enumerate(columns)), index=pd.RangeIndex(len(index)))
        frame.columns = pd.Index([self.put(column["name"]) for column in value["columns"]])
        return frame.set_axis(index.rename(self.put(value["called"])), axis=0)

    def column(self, column: dict[str, Any]) -> pd.Series:
        """A column in its own type."""
        kind, values = str(column["dtype"]), self.put(column["values"])
        if isinstance(values, np.ndarray):
            return pd.Series(values.view(kind) if kind.startswith(("datetime", "timedelta")) else values)
        return pd.Series(values, dtype=kind)

    def series(self, value: dict[str, Any]) -> pd.Series:
        """The one column of a frame."""
        return self.frame(value["frame"]).iloc[:, 0].rename(self.put(value["name"]))


_PUT: dict[str, Callable[[Together, dict[str, Any]], Any]] = {
    "result": Together.result,
    "model": Together.model,
    "frame": Together.frame,
    "series": Together.series,
    "numbers": Together.numbers,
    "names": Together.names,
    "datetime": lambda _, v: datetime.fromisoformat(v["at"]),
    "date": lambda _, v: date.fromisoformat(v["at"]),
    "tuple": lambda by, v: tuple(by.put(x) for x in v["parts"]),
    "dict": lambda by, v: {by.put(k): by.put(x) for k, x in v["parts"]},
}
