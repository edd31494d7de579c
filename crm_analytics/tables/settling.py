"""The lines of `mapping.toml` that settle what was read in silence before readings were decided."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from datetime import date
from pathlib import Path
from typing import Any

from crm_analytics.tables.column_readings import AmbiguousColumn
from crm_analytics.tables.customer_base import CustomerBase
from crm_analytics.tables.mapping import FILE_NAME, mapping_content

_MOST = 40  # columns in doubt; each round settles one


def settling_lines(source: str, mapping: str | Path | MappingType[str, Any] | None, today: date) -> list[str]:
    """What to add to a mapping so that a source reads as it did, and what is in doubt is said.

    A column that can be read in two ways gets the line with which it was read before (a decimal point; dates
    in the first order that fits). Findings give the line that settles each, as a comment: it is a choice.

    Raises
    ------
    DataError : the source cannot be opened for another reason than doubt.
    """
    content = _given(source, mapping)
    settled: dict[str, list[str]] = {}
    base = None
    for _ in range(_MOST):
        try:
            base = CustomerBase.open(source, mapping=content, today=today, max_rejected=1.0)
            break
        except AmbiguousColumn as doubt:
            table, key, value = doubt.settles
            content = {**content, table: {**content.get(table, {}), key: value}}
            says = str(doubt).split(" Say which", maxsplit=1)[0]
            settled.setdefault(table, []).extend((f"# {says}", f"{key} = {_toml(value)}"))
    findings = [finding for finding in (base.findings if base else []) if finding.settles]
    lines = [line for table, keys in settled.items() for line in (f"[{table}]", *keys)]
    for finding in findings:
        lines += [f"# {finding.says}", *(f"# {line}" for line in finding.settles.splitlines())]
    return lines


def _given(source: str, mapping: str | Path | MappingType[str, Any] | None) -> dict[str, Any]:
    if mapping is not None:
        return mapping_content(mapping)
    place = Path(source)
    beside = (place if place.is_dir() else place.parent) / FILE_NAME
    return mapping_content(beside) if beside.is_file() else {}


def _toml(value: Any) -> str:
    if isinstance(value, MappingType):
        return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + " }"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
