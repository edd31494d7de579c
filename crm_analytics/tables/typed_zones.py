"""Zones that types of columns bear: engines keep the instant alone, and forget on whose clock it was."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from crm_analytics.errors import ParameterError
from crm_analytics.tables.zones import UTC, check_zone, fixed_zone


def zones_of(schema: pa.Schema) -> dict[str, str]:
    """The zone of every column that bears one, but for UTC, which programs write where they know none.

    >>> zones_of(pa.schema({"at": pa.timestamp("us", "Asia/Tokyo"), "on": pa.timestamp("us", "UTC")}))
    {'at': 'Asia/Tokyo'}
    """
    found = {}
    for column in schema:
        name = column.type.tz if pa.types.is_timestamp(column.type) else None
        if name is None:
            continue
        try:
            zone = fixed_zone(name) if name[:1] in "+-" else check_zone(name, column.name)
        except ParameterError:
            continue
        if zone not in (UTC, "Etc/UTC", "GMT", "Zulu"):
            found[column.name] = zone
    return found


def zones_of_parquet(path: Path) -> dict[str, str]:
    """The same of a Parquet file, or of the first in a folder; nothing where its schema cannot be read."""
    first = next(iter(sorted(path.rglob("*.parquet"))), None) if path.is_dir() else path
    try:
        return zones_of(pq.read_schema(first)) if first is not None else {}
    except (OSError, pa.ArrowException):
        return {}  # the engine says what is wrong with the file
