"""Results kept on disk, so that the processes of one night compute each of them once.

A result is a folder named by the digest of its key: Ibis tables and frames as Parquet, bytes as they are, the
rest as JSON. It is private, goes with the night, and is never published.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from filelock import FileLock
from ibis.backends import BaseBackend

from crm_analytics.tables.regular_files import read_bytes, read_record

_PARTS = "parts.json"

Parts = Mapping[str, Any]


def remember(
    folder: Path, connection: BaseBackend, key: tuple[Any, ...], make: Callable[[], Parts]
) -> dict[str, Any]:
    """The parts of a result: read where they are kept, else made and kept.

    Two processes that want the same result at once make it once: the second waits for the first.

    Parameters
    ----------
    folder : private
    connection : reads the tables
    key : what the result depends on; its `repr` must be the same in every process
    make : gives the parts by name: Ibis tables, frames, bytes, or what JSON holds. What it raises is not kept

    Returns
    -------
    The parts as they are read back, the first time, too: tables of `connection`, frames, bytes, JSON.
    """
    place = folder / hashlib.sha256(repr(key).encode()).hexdigest()[:32]
    with FileLock(f"{place}.lock"):
        if not (place / _PARTS).is_file():
            _write(place, connection, make())
    return _read(place, connection)


def _write(place: Path, connection: BaseBackend, parts: Parts) -> None:
    shutil.rmtree(place, ignore_errors=True)  # of a process that died over it
    place.mkdir(mode=0o700)
    kinds = {}
    for name, value in parts.items():
        if isinstance(value, ir.Table):
            kinds[name] = "table"
            connection.to_parquet(value, place / f"{name}.parquet")
        elif isinstance(value, pd.DataFrame):
            kinds[name] = "frame"
            value.to_parquet(place / f"{name}.parquet")
        elif isinstance(value, bytes):
            kinds[name] = "bytes"
            (place / name).write_bytes(value)
        else:
            kinds[name] = "json"
            (place / f"{name}.json").write_text(json.dumps(value, allow_nan=False), encoding="utf-8")
    (place / _PARTS).write_text(json.dumps(kinds), encoding="utf-8")  # last: with it the result is whole


def _read(place: Path, connection: BaseBackend) -> dict[str, Any]:
    read: dict[str, Callable[[str], Any]] = {
        "table": lambda name: connection.read_parquet(str(place / f"{name}.parquet")),
        "frame": lambda name: pd.read_parquet(place / f"{name}.parquet"),
        "bytes": lambda name: read_bytes(place / name),
        "json": lambda name: read_record(place / f"{name}.json"),
    }
    kinds = read_record(place / _PARTS)
    return {name: read[kind](name) for name, kind in kinds.items()}


def digest_of(thing: Any) -> str:
    """The same for equal contents in every process: frames, arrays, dataclasses and what they hold.

    Raises
    ------
    TypeError : it holds a thing whose contents nothing tells.
    """
    found = hashlib.sha256()
    for part in _bytes_of(thing):
        found.update(len(part).to_bytes(8, "little") + part)
    return found.hexdigest()


def _bytes_of(thing: Any) -> list[bytes]:
    if isinstance(thing, pd.DataFrame):
        return [*_bytes_of(list(thing)), *_bytes_of([thing[name].to_numpy() for name in thing])]
    if isinstance(thing, np.ndarray) and thing.dtype != object:
        return [thing.dtype.str.encode(), np.ascontiguousarray(thing).tobytes()]
    if isinstance(thing, Mapping):
        return _bytes_of(list(thing.items()))
    if is_dataclass(thing):
        inside = [getattr(thing, field.name) for field in fields(thing)]
        return [type(thing).__qualname__.encode(), *_bytes_of(inside)]
    if isinstance(thing, list | tuple):
        return [str(len(thing)).encode(), *(part for one in thing for part in _bytes_of(one))]
    if thing is None or isinstance(thing, str | int | float | np.generic):
        return [repr(thing).encode()]
    raise TypeError(f"nothing tells whether two of {type(thing).__name__} are equal")
