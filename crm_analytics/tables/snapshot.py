"""What `open` accepted, written once into the engine: every number of a run comes from here."""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.backends import BaseBackend

from crm_analytics.errors import DataError
from crm_analytics.tables.checks import RULE, CheckedTable, check_table, mark_repeated_keys
from crm_analytics.tables.contract import TABLES
from crm_analytics.tables.sources import Source, embedded_engine

SNAPSHOT_FILE = "snapshot.json"
REJECTED_COLUMNS = ("table", "row_number", "column", "rule")
_names = itertools.count()


@dataclass(frozen=True)
class Snapshot:
    """The accepted rows of every table, the rejected ones by rule, and where they live."""

    connection: BaseBackend
    tables: Mapping[str, ir.Table]
    rejected: (
        pd.DataFrame
    )  # table, row_number, column, rule; a row number is missing where the engine has none
    label: str
    currency: str
    show_customers: bool
    skipped: Mapping[str, str] = field(default_factory=dict)  # optional tables left out, and why
    data_hash: str | None = None  # known when the snapshot was read back from a folder
    kept: list[Any] = field(default_factory=list, repr=False)  # temporary tables live as long as the snapshot

    @functools.cached_property
    def customer_days(self) -> ir.Table:
        """Lines merged to one row a customer and day: spend, invoice_count, is_occasion.

        Computed once; a base cuts it by day afterwards, which changes no row of it.
        """
        lines = self.tables["transactions"]
        lines = lines.filter(lines.customer_id.notnull()).mutate(day=lines.transaction_date.date())
        bought = lines.unit_spend >= 0
        if "is_return" in lines.columns:
            bought &= ~lines.is_return.fill_null(False)
        if "transaction_id" in lines.columns:
            invoices = lines.transaction_id.nunique(where=bought)
        else:
            invoices = bought.any().cast("int64")
        days = lines.group_by("customer_id", "day").aggregate(
            spend=lines.unit_spend.sum(), bought=bought.any(), invoice_count=invoices
        )
        is_occasion = days.bought & (days.spend >= 0)
        return self.materialise(
            days.select("customer_id", "day", "spend", "invoice_count", is_occasion=is_occasion)
        )

    def materialise(self, expression: ir.Table) -> ir.Table:
        """Compute a table once and keep it in the engine."""
        cached = expression.cache()
        self.kept.append(cached)
        return cached

    def to_engine(self, frame: pd.DataFrame) -> ir.Table:
        """Bring a small frame into the engine; NaN and None become NULL."""
        table = pa.Table.from_pandas(frame, preserve_index=False)
        if self.connection.name == "duckdb":
            return self.connection.create_table(f"brought_{next(_names)}", obj=table, temp=True)
        # Other engines take frames as Parquet: on Spark a pandas frame would turn NULL into NaN.
        folder = tempfile.TemporaryDirectory(prefix="crm-")
        self.kept.append(folder)
        path = Path(folder.name) / "frame.parquet"
        pq.write_table(table, path)
        return self.connection.read_parquet(str(path))


def take(source: Source, today: date, max_rejected: float) -> Snapshot:
    """Check every table of a source and keep what passes.

    Raises
    ------
    DataError : a required column is missing, no row is usable, or more than `max_rejected` of a
        table's rows are broken.
    """
    tables, rejected, kept, skipped = {}, [], [], {}
    for name, raw in source.tables.items():
        try:
            checked = check_table(TABLES[name], raw, source.mapping.of(name), today)
        except DataError as error:
            if name == "transactions" or name in source.mapping.tables:
                raise
            skipped[name] = str(error)  # a file that only happens to bear the name of a table
            continue
        staged = mark_repeated_keys(checked.expression, checked.table).cache()
        kept.append(staged)
        broken = _broken(staged, raw, checked, source, today)
        good = scalar(staged[RULE].isnull().sum())
        _judge(name, good, broken, max_rejected)
        rejected.append(broken)
        tables[name] = staged.filter(staged[RULE].isnull()).drop(RULE)
    frame = pd.concat(rejected, ignore_index=True) if rejected else pd.DataFrame(columns=REJECTED_COLUMNS)
    currency = source.mapping.currency or _currency(tables["transactions"])
    mapping = source.mapping
    return Snapshot(
        source.connection,
        tables,
        frame,
        source.label,
        currency,
        mapping.show_customers,
        skipped=skipped,
        kept=kept,
    )


def _broken(
    staged: ir.Table, raw: ir.Table, checked: CheckedTable, source: Source, today: date
) -> pd.DataFrame:
    """The rejected rows (and set-aside values) of one table; a second scan only where there are any."""
    name = checked.table.name
    parts = [_torn_lines(name, source)]
    aside = {column: condition.sum() for column, condition, _ in checked.set_aside}
    counts = raw.aggregate(**aside).to_pyarrow().to_pylist()[0] if aside else {}
    bad = scalar(staged[RULE].notnull().sum())
    if bad == 0 and not any(counts.get(c) or 0 for c in aside):
        return parts[0]
    numbered = raw
    if source.connection.name == "duckdb":
        numbered = raw.mutate(_row=ibis.row_number() + 1)
    again = check_table(checked.table, numbered, source.mapping.of(name), today)
    row = numbered["_row"] if "_row" in numbered.columns else ibis.null("int64")
    rule = again.expression.op().values[RULE].to_expr()
    messages = [(rule, rule.notnull())] + [
        (ibis.literal(f"{column}|{says}"), condition)
        for column, condition, says in again.set_aside
        if counts.get(column)
    ]
    for message, condition in messages:
        found = numbered.select(row_number=row, rule=message, broken=condition)
        found = found.filter(found.broken).drop("broken").to_pyarrow().to_pandas()
        parts.append(_as_rejected(name, found))
    repeated = scalar(staged[RULE].contains("repeats a key").sum())
    if repeated:
        one = pd.DataFrame(
            {
                "row_number": [None] * repeated,
                "rule": [f"{checked.table.key[0]}|repeats a key that another row has"] * repeated,
            }
        )
        parts.append(_as_rejected(name, one))
    return pd.concat([p for p in parts if len(p)], ignore_index=True).sort_values(
        ["row_number", "column"], kind="stable", ignore_index=True
    )


def _as_rejected(table: str, found: pd.DataFrame) -> pd.DataFrame:
    split = found["rule"].astype("str").str.split("|", n=1, expand=True)
    if split.shape[1] < 2:
        split = pd.DataFrame({0: [], 1: []}, dtype="str")
    return pd.DataFrame(
        {
            "table": pd.Series([table] * len(found), dtype="str"),
            "row_number": found["row_number"].astype("Int64").array,
            "column": split[0].array,
            "rule": split[1].array,
        },
        columns=list(REJECTED_COLUMNS),
    )


def _torn_lines(table: str, source: Source) -> pd.DataFrame:
    """CSV lines with too few or too many fields: the reader set them aside."""
    name = source.torn_lines.get(table)
    if name is None:
        return _as_rejected(table, pd.DataFrame({"row_number": [], "rule": []}))
    torn = source.connection.raw_sql(f"SELECT DISTINCT line - 1 AS row_number FROM {name} ORDER BY 1").df()
    return _as_rejected(table, torn.assign(rule="|the line has too few or too many fields, or an open quote"))


def _judge(table: str, good: int, broken: pd.DataFrame, max_rejected: float) -> None:
    rows_broken = (
        broken[~broken["rule"].str.contains("the row stays", regex=False)] if len(broken) else broken
    )
    total = good + len(rows_broken)
    if len(rows_broken) > max_rejected * total or (good == 0 and len(rows_broken)):
        top = (rows_broken["column"] + " " + rows_broken["rule"]).value_counts()
        reasons = "; ".join(f"{count:,} × {rule.strip()}" for rule, count in top.head(3).items())
        first = ", ".join(f"{n}" for n in rows_broken["row_number"].dropna().head(5))
        raise DataError(
            f"{table}: {len(rows_broken):,} of {total:,} rows are broken ({reasons})"
            + (f", first in rows {first}" if first else "")
            + ". Repair the source or its mapping.toml; `crm check` lists them all"
        )
    if good == 0 and table == "transactions":
        raise DataError("transactions: there is a header but not one row of data")


def _currency(transactions: ir.Table) -> str:
    if "currency" not in transactions.columns:
        return ""
    found = (
        transactions.select("currency").distinct().limit(3).to_pyarrow()["currency"].drop_null().to_pylist()
    )
    if len(found) > 1:
        raise DataError(
            f"transactions: amounts in several currencies ({', '.join(sorted(found))}, ...). "
            "Convert them to one, or open one currency at a time"
        )
    return found[0] if found else ""


def scalar(expression: ir.Scalar) -> int:
    """A count from the engine; NULL (nothing to count) is 0."""
    return int(expression.to_pyarrow().as_py() or 0)


def hash_of(tables: Mapping[str, ir.Table]) -> str:
    """64 hex characters of what the tables hold, whatever the order of the rows."""
    digest = hashlib.sha256()
    for name in sorted(tables):
        table = tables[name]
        columns = sorted(table.columns)
        text = ibis.literal("\x1f").join([table[c].cast("string").fill_null("\x1e") for c in columns])
        number = md5_number_lower(text) if table.get_backend().name == "duckdb" else text.hash()
        line = table.select(n=number.cast("decimal(38, 0)"))
        found = line.aggregate(rows=line.count(), total=line.n.sum()).to_pyarrow().to_pylist()[0]
        digest.update(f"{name}|{','.join(columns)}|{found['rows']}|{found['total']}\n".encode())
    return digest.hexdigest()


@ibis.udf.scalar.builtin
def md5_number_lower(text: str) -> dt.uint64:  # type: ignore[empty-body]
    """DuckDB's own: the lower half of an MD5 as a number, the same in every version and process."""


def write(folder: Path, snapshot: Snapshot, tables: Mapping[str, ir.Table], facts: dict[str, Any]) -> None:
    """Write tables as Parquet and what is known of them as `snapshot.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        snapshot.connection.to_parquet(table, folder / f"{name}.parquet")
    snapshot.rejected.to_parquet(folder / "_rejected.parquet", index=False)
    content = {
        "label": snapshot.label,
        "currency": snapshot.currency,
        "show_customers": snapshot.show_customers,
        "tables": sorted(tables),
        **facts,
    }
    (folder / SNAPSHOT_FILE).write_text(json.dumps(content, indent=1), encoding="utf-8")


def read(folder: Path) -> Snapshot:
    """Open a folder that `write` made; it was checked then and is not checked again."""
    content = json.loads((folder / SNAPSHOT_FILE).read_text(encoding="utf-8"))
    connection = embedded_engine()
    tables = {n: connection.read_parquet(str(folder / f"{n}.parquet")) for n in content["tables"]}
    return Snapshot(
        connection,
        tables,
        pd.read_parquet(folder / "_rejected.parquet"),
        content["label"],
        content["currency"],
        content["show_customers"],
        data_hash=content["data_hash"],
    )
