"""The tables of a run's charts and tables as Parquet: numbers, where the page has words."""

from __future__ import annotations

import datetime as dt
import io
import re
from typing import TYPE_CHECKING, Any

from crm_analytics.pages.block_values import PARTS
from crm_analytics.runs.publishing.manifest import BLOCK

if TYPE_CHECKING:
    import pyarrow as pa
    from nbformat import NotebookNode


def published_tables(executed: NotebookNode) -> dict[str, bytes]:
    """The table of each chart and table block, by path: ``tables/04_value_by_segment.parquet``.

    Columns are named as in the notebook and hold numbers, truths and days; texts are as the page shows them.
    An interval is two columns (`points_lower`, `points_upper`).
    A column's metadata has its `label` and `format` on the page, the file's metadata has the `finding`. The
    rows are those of the page.

    Parameters
    ----------
    executed : the author's cells with their blocks; the number of a file is the place of its block, its name
        is that of the section, or the kind of the block where it is of none
    """
    import pyarrow.parquet as pq

    outputs = [output for cell in executed.cells if cell.cell_type == "code" for output in cell.outputs]
    blocks = [output["data"][BLOCK] for output in outputs if BLOCK in output.get("data", {})]
    found: dict[str, bytes] = {}
    for number, block in enumerate(blocks, start=1):
        if block.get("table"):
            buffer = io.BytesIO()
            pq.write_table(_table(block), buffer)
            found[f"tables/{number:02}_{_name(block)}.parquet"] = buffer.getvalue()
    return found


def _name(block: dict[str, Any]) -> str:
    section = re.sub(r"\W+", "_", str(block.get("section", "")), flags=re.ASCII).strip("_")
    return section[:64] or str(block["kind"])


def _table(block: dict[str, Any]) -> pa.Table:
    import pyarrow as pa

    types = {"boolean": pa.bool_(), "integer": pa.int64(), "number": pa.float64(), "day": pa.date32()}
    columns = block["table"]["columns"]
    fields, arrays = [], []
    parts = [part for column in columns for part in _parts(column)]
    for name, part in zip(_distinct([p["name"] for p in parts]), parts, strict=True):
        kind, values = types.get(part["type"], pa.string()), part["values"]
        if part["type"] == "day":
            values = [None if v is None else dt.date.fromisoformat(v) for v in values]
        about = {"label": part["label"], "format": part["format"]}
        fields.append(pa.field(name, kind, metadata=about))
        arrays.append(pa.array(values, kind))
    return pa.table(arrays, schema=pa.schema(fields, metadata={"finding": block.get("finding", "")}))


def _parts(column: dict[str, Any]) -> list[dict[str, Any]]:
    """The column, or one for each number of its cells: points, points_lower, points_upper."""
    ends = PARTS.get(column["type"])
    if ends is None:
        return [column]
    rest = column | {"type": "number", "format": column["format"].partition(":")[2]}
    return [
        rest | {"name": f"{column['name']}_{end}".rstrip("_"), "values": [v[i] for v in column["values"]]}
        for i, end in enumerate(ends)
    ]


def _distinct(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    made = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        made.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return made
