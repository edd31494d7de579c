"""What `open` accepted, written once into the engine: every number of a run comes from here."""

from __future__ import annotations

import functools
import glob
import hashlib
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.backends import BaseBackend

from crm_analytics.errors import DataError, LimitError, ParameterError, in_words
from crm_analytics.tables.acceptance import Accepted, accept
from crm_analytics.tables.account import Account
from crm_analytics.tables.annotations import Annotation, read_annotations
from crm_analytics.tables.checks import cast_table
from crm_analytics.tables.contract import TABLES
from crm_analytics.tables.currencies import currency_of
from crm_analytics.tables.customer_days import COUNTED, customer_days
from crm_analytics.tables.duplicates import once_each
from crm_analytics.tables.embedded_engine import embedded_engine
from crm_analytics.tables.engine_errors import reason
from crm_analytics.tables.findings import Finding, by_weight
from crm_analytics.tables.identity_map import IdentityMap
from crm_analytics.tables.line_facts import line_facts
from crm_analytics.tables.odd_amounts import odd_amounts
from crm_analytics.tables.odd_days import odd_days
from crm_analytics.tables.preparation import (
    Clock,
    left_out,
    lines_lost,
    not_read,
    of_reading,
    prepare,
    shop_clock,
    why_empty,
)
from crm_analytics.tables.read_as import ReadAs, read_as
from crm_analytics.tables.regular_files import read_text
from crm_analytics.tables.rejects import Table
from crm_analytics.tables.scratch import scratch_folder
from crm_analytics.tables.side_tables import side_tables
from crm_analytics.tables.sources import Source
from crm_analytics.tables.stand_ins import stand_ins
from crm_analytics.tables.stored_lines import StoredLines, laid, lay, read_customers, read_files

SNAPSHOT_FILE = "snapshot.json"
_MOST_BYTES = 1 << 20  # of it
_PEOPLE, _KNOWN, _PAIRS = "_people.parquet", "_known_ids.parquet", "_pairs.parquet"
_RECORDS, _LINES = "_records.parquet", "_merged_lines.parquet"
_DAYS, _CUSTOMERS = "_days", "_customers"
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
    accounts: Mapping[str, Account] = field(default_factory=dict)  # by table
    notes: tuple[Finding, ...] = ()  # what was found when it was opened
    readings: tuple[ReadAs, ...] = ()  # how its text columns were read
    looked: tuple[Finding, ...] | None = None  # of a saved base, all that was found of the whole source
    timezone: str = ""  # on whose clock days are counted; empty: as the data write them
    annotations: tuple[Annotation, ...] = ()  # dates that the company marked
    saved: Mapping[str, Any] = field(default_factory=dict)  # day, start, first_day, data_hash of a saved base
    kept: list[Any] = field(default_factory=list, repr=False)  # temporary tables live as long as the snapshot
    kept_in: Path | None = None  # where results are kept for others with the same data
    identities: IdentityMap | None = None  # which records are the same customer, where somebody said so
    unmerged: Snapshot | None = field(default=None, repr=False)  # the same before that was applied
    records: ir.Table | None = None  # of a saved base, the rows of `customers` before they were merged
    merged_lines: ir.Table | None = None  # of a saved base, purchase lines of merged records before that
    stored: StoredLines | None = field(default=None, repr=False)  # where lines and customer-days lie on disk
    reading: str = ""  # how much of the source was read, where rows are kept

    @functools.cached_property
    def customer_days(self) -> ir.Table:
        """Lines merged to one row per customer and day: spend, invoice_count, is_occasion.

        Computed once; a base cuts it by day afterwards, which changes no row of it.
        """
        lines, stored = self.tables["transactions"], self.stored
        if stored is not None and stored.lines is lines:
            return stored.days
        return self.materialise(customer_days(lines))

    @functools.cached_property
    def customers(self) -> ir.Table | None:
        """`customer_history` of all days, where it lies on disk."""
        stored = self.stored
        if stored is None or stored.lines is not self.tables["transactions"] or not stored.customer_files:
            return None
        table = read_customers(self.connection, stored.customer_files)
        return table.drop(COUNTED) if COUNTED in table.columns else table

    @functools.cached_property
    def findings(self) -> list[Finding]:
        """What was found when it was opened, and what the rows show when looked at."""
        if self.looked is not None:
            return list(self.looked)
        tables = dict(self.tables)
        lines, stored = tables["transactions"], self.stored
        known = stored.facts if stored is not None and stored.lines is lines else None
        facts = line_facts(lines) if known is None else known
        looked = (*stand_ins(tables, facts), *odd_days(tables, facts), *odd_amounts(lines, facts),
                  *side_tables(tables, facts))  # fmt: skip
        return by_weight([*self.notes, *looked])

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
        path = scratch_folder(self) / "frame.parquet"
        pq.write_table(table, path)
        return self.connection.read_parquet(str(path))


def take(source: Source, today: date, max_rejected: float) -> Snapshot:
    """Check every table of a source and keep what passes.

    Raises
    ------
    DataError : a required column is missing, no row is usable, a column can be read in two ways, or more than
        `max_rejected` of a table's rows, or of its money, are broken.
    """
    prepared, skipped = prepare(source, today)
    clock = shop_clock(source, prepared)

    def accepting(name: str, staged: ir.Table, table: Table) -> Accepted:
        return accept(staged, table, max_rejected, left_out(source, name), lines_lost(source, table))

    return assemble(source, prepared, skipped, clock, accepting)


Accepting = Callable[[str, ir.Table, Table], Accepted]


def assemble(
    source: Source,
    prepared: Mapping[str, Table],
    skipped: Mapping[str, str],
    clock: Clock,
    accepting: Accepting,
) -> Snapshot:
    """Cast every table, accept its rows, and put together what is known of them.

    Parameters
    ----------
    accepting : (name, staged rows, table) -> what is accepted of it
    """
    tables, broken, kept = {}, [], []
    accounts, notes = {}, [*clock.findings, *not_read(source)]
    readings: list[ReadAs] = []
    for name, found_table in prepared.items():
        table = replace(found_table, readings=replace(found_table.readings, zone=clock.zone))
        cast = cast_table(TABLES[name], table.rows, table.spec, table.today, table.readings)
        staged = _stage(name, cast)
        kept.append(staged)
        if _is_of_purchases(source, name) and all(k in staged.columns for k in TABLES[name].key):
            staged = once_each(staged, TABLES[name]).cache()
            kept.append(staged)
        try:
            found = accepting(name, staged, table)
        except DataError as error:
            raise DataError(f"{error}{why_empty(source, table)}") from None
        tables[name], accounts[name] = found.rows, found.account
        broken.append(found.rejected)
        notes += [*found.notes, *of_reading(source, table, found.account)]
        readings += read_as(table)
    currency, findings = currency_of(tables["transactions"], source.mapping, prepared["transactions"])
    return Snapshot(
        source.connection,
        tables,
        pd.concat(broken, ignore_index=True),
        source.label,
        currency,
        source.mapping.show_customers,
        skipped=skipped,
        accounts=accounts,
        notes=(*notes, *findings),
        readings=tuple(readings),
        timezone=clock.name,
        annotations=source.mapping.annotations,
        kept=kept,
    )


def _is_of_purchases(source: Source, name: str) -> bool:
    """Whether a table with a key is read from where the purchases are: names of products on every line."""
    origin, lines = (source.mapping.of(one).origin for one in (name, "transactions"))
    return name != "transactions" and bool(TABLES[name].key) and origin is not None and origin == lines


def _stage(name: str, cast: ir.Table) -> ir.Table:
    """The one pass over the source; what the engine says against it becomes an error of ours."""
    try:
        return cast.cache()
    except (duckdb.OutOfMemoryException, MemoryError):
        raise LimitError(
            f"{name}: the source does not fit into memory; open less of it, or use Spark"
        ) from None
    except Exception as error:
        if isinstance(known := in_words(error), LimitError):
            raise known from None
        raise DataError(f"{name}: the source cannot be read: {reason(error)}") from error


def scalar(expression: ir.Scalar) -> int:
    """A count from the engine; NULL (nothing to count) is 0."""
    return int(expression.to_pyarrow().as_py() or 0)


def hash_of(
    tables: Mapping[str, ir.Table],
    known: Mapping[str, tuple[int, int]] | None = None,
    where: str = "",
) -> str:
    """64 hex characters of what the tables hold, whatever the order of the rows, and of the filter.

    Parameters
    ----------
    known : of some tables, rows and the sum of their digests, where they were counted before
    where : the filter, as text
    """
    digest = hashlib.sha256(where.encode("utf-8", "surrogatepass"))
    for name in sorted(tables):
        table = tables[name]
        columns = sorted(table.columns)
        if known is not None and name in known:
            rows, whole = known[name]
            total: Any = f"{whole}.00"  # as the engine writes the sum
        else:
            line = table.select(n=row_digest(table, columns))
            found = line.aggregate(rows=line.count(), total=line.n.sum()).to_pyarrow().to_pylist()[0]
            rows, total = found["rows"], found["total"]
        digest.update(f"{name}|{','.join(columns)}|{rows}|{total}\n".encode())
    return digest.hexdigest()


def row_digest(table: ir.Table, columns: Sequence[str]) -> ir.Value:
    """A number of each row, from its values in these columns; sums of it do not depend on the order."""
    text = ibis.literal("\x1f").join([table[c].cast("string").fill_null("\x1e") for c in columns])
    number = md5_number_lower(text) if table.get_backend().name == "duckdb" else text.hash()
    return number.cast("decimal(38, 0)")


@ibis.udf.scalar.builtin
def md5_number_lower(text: str) -> dt.uint64:
    """DuckDB's own: the lower half of an MD5 as a number, the same in every version and process."""


def write(  # noqa: PLR0917
    folder: Path,
    snapshot: Snapshot,
    tables: Mapping[str, ir.Table],
    facts: dict[str, Any],
    records: ir.Table | None = None,
    stored: StoredLines | None = None,
) -> None:
    """Write tables as Parquet and what is known of them as `snapshot.json`.

    Parameters
    ----------
    stored : the purchase lines of `tables` as files that need not be written again
    """
    folder.mkdir(parents=True, exist_ok=True)
    if snapshot.identities is not None:
        snapshot.identities.people.to_parquet(folder / _PEOPLE, index=False)
        snapshot.identities.known.to_parquet(folder / _KNOWN, index=False)
        snapshot.identities.pairs.to_parquet(folder / _PAIRS, index=False)
        if records is not None:
            snapshot.connection.to_parquet(records, folder / _RECORDS)
        if snapshot.unmerged is not None:
            lines = _lines_of(snapshot, snapshot.unmerged, facts)
            snapshot.connection.to_parquet(lines, folder / _LINES)
    if stored is not None:
        lay(stored.files, folder / "transactions.parquet")
        lay(stored.day_files, folder / _DAYS)
        lay(stored.customer_files, folder / _CUSTOMERS)
    for name, table in tables.items():
        if stored is None or name != "transactions":
            snapshot.connection.to_parquet(table, folder / f"{name}.parquet")
    snapshot.rejected.to_parquet(folder / "_rejected.parquet", index=False)
    content = {
        "label": snapshot.label,
        "currency": snapshot.currency,
        "show_customers": snapshot.show_customers,
        "tables": sorted(tables),
        "skipped": dict(snapshot.skipped),
        "accounts": {name: account.as_dict() for name, account in snapshot.accounts.items()},
        "findings": [found.as_dict() for found in snapshot.findings],
        "readings": [one.as_dict() for one in snapshot.readings],
        "timezone": snapshot.timezone,
        "annotations": [one.as_dict() for one in snapshot.annotations],
        "saved": facts,
        "kept_in": str(snapshot.kept_in) if snapshot.kept_in else None,
    }
    (folder / SNAPSHOT_FILE).write_text(json.dumps(content, indent=1), encoding="utf-8")


def _table_in(connection: BaseBackend, path: Path) -> ir.Table:
    return read_files(connection, laid(path) if path.is_dir() else (path,))


def _stored_in(connection: BaseBackend, folder: Path, lines: ir.Table) -> StoredLines | None:
    """The customer-days and customers that were saved beside the lines; None where they were not."""
    days = laid(folder / _DAYS)
    if not days:
        return None
    files = laid(folder / "transactions.parquet")
    customers = laid(folder / _CUSTOMERS)
    return StoredLines(lines, read_files(connection, days), (0, 0), files, days, customers)


def _merging(folder: Path, connection: BaseBackend) -> dict[str, Any]:
    """Of a base saved after its records were merged: which, and what they were."""
    if not (folder / _PEOPLE).is_file():
        return {}
    people, known, pairs = (pd.read_parquet(folder / name) for name in (_PEOPLE, _KNOWN, _PAIRS))
    records, lines = (
        connection.read_parquet(glob.escape(str(path))) if path.is_file() else None
        for path in (folder / _RECORDS, folder / _LINES)
    )
    return {"identities": IdentityMap(people, known, pairs=pairs), "records": records, "merged_lines": lines}


def _lines_of(merged: Snapshot, before: Snapshot, facts: dict[str, Any]) -> ir.Table:
    """Purchase lines of merged customers as they were before, cut as the saved base is."""
    assert merged.identities is not None
    people = merged.to_engine(merged.identities.shared[["record_id"]].astype("str"))
    lines = before.tables["transactions"]
    day = lines.transaction_date.date()
    seen = lines.filter(day <= ibis.literal(date.fromisoformat(str(facts["day"]))))
    if facts["start"]:
        seen = seen.filter(day > ibis.literal(date.fromisoformat(str(facts["start"]))))
    return seen.semi_join(people, seen.customer_id == people.record_id)


def _checked(content: Any) -> dict[str, Any]:
    """What a `snapshot.json` says, if `write` can have written it; whoever gave the folder can change it."""
    kinds = {"label": str, "currency": str, "show_customers": bool, "tables": list, "skipped": dict}
    kinds["saved"] = dict
    if not isinstance(content, dict) or any(not isinstance(content[n], kind) for n, kind in kinds.items()):
        raise ValueError("not as it was written")
    unknown = [name for name in content["tables"] if name not in TABLES]
    saved = content["saved"]
    days = {
        name: date.fromisoformat(saved[name]) for name in ("day", "first_day", "start") if saved.get(name)
    }
    if unknown or "transactions" not in content["tables"] or not {"day", "first_day"} <= days.keys():
        raise ValueError("not the tables and days of a snapshot")
    if not days["first_day"] <= days["day"] or days.get("start", date.min) >= days["day"]:
        raise ValueError("its days contradict each other")
    return content


def read(folder: Path) -> Snapshot:
    """Open a folder that `write` made; it was checked then and is not checked again.

    Raises
    ------
    DataError : a file of the snapshot is missing or damaged.
    """
    try:
        content = _checked(json.loads(read_text(folder / SNAPSHOT_FILE, _MOST_BYTES)))
        connection = embedded_engine()
        tables = {n: _table_in(connection, folder / f"{n}.parquet") for n in content["tables"]}
        rejected = pd.read_parquet(folder / "_rejected.parquet")
        return Snapshot(
            connection,
            tables,
            rejected,
            content["label"],
            content["currency"],
            content["show_customers"],
            skipped=content["skipped"],
            accounts={name: Account(**one) for name, one in content["accounts"].items()},
            looked=tuple(Finding(**one) for one in content["findings"]),
            readings=tuple(ReadAs.of(one) for one in content["readings"]),
            timezone=content["timezone"],
            annotations=read_annotations(content.get("annotations", [])),
            saved=content["saved"],
            kept_in=Path(content["kept_in"]) if content.get("kept_in") else None,
            stored=_stored_in(connection, folder, tables["transactions"]),
            **_merging(folder, connection),
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError, ParameterError, duckdb.Error) as error:
        raise DataError(
            f"{folder.name}/ is a damaged snapshot ({type(error).__name__}): make it again"
        ) from None
