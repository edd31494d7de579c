"""What `open` accepted, written once into the engine: every number of a run comes from here."""

from __future__ import annotations

import functools
import glob
import hashlib
import itertools
import json
from collections.abc import Mapping
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

from crm_analytics.errors import DataError, LimitError, in_words
from crm_analytics.tables.acceptance import accept
from crm_analytics.tables.account import Account
from crm_analytics.tables.checks import cast_table
from crm_analytics.tables.contract import TABLES
from crm_analytics.tables.currencies import currency_of
from crm_analytics.tables.embedded_engine import embedded_engine
from crm_analytics.tables.engine_errors import reason
from crm_analytics.tables.findings import Finding, by_weight
from crm_analytics.tables.identity_map import IdentityMap
from crm_analytics.tables.money import MONEY
from crm_analytics.tables.odd_days import odd_days
from crm_analytics.tables.preparation import left_out, lines_lost, of_reading, prepare, shop_clock
from crm_analytics.tables.read_as import ReadAs, read_as
from crm_analytics.tables.regular_files import read_text
from crm_analytics.tables.scratch import scratch_folder
from crm_analytics.tables.sources import Source
from crm_analytics.tables.stand_ins import stand_ins

SNAPSHOT_FILE = "snapshot.json"
_MOST_BYTES = 1 << 20  # of it
_PEOPLE, _KNOWN, _PAIRS = "_people.parquet", "_known_ids.parquet", "_pairs.parquet"
_RECORDS, _LINES = "_records.parquet", "_merged_lines.parquet"
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
    saved: Mapping[str, Any] = field(default_factory=dict)  # day, start, first_day, data_hash of a saved base
    kept: list[Any] = field(default_factory=list, repr=False)  # temporary tables live as long as the snapshot
    kept_in: Path | None = None  # where results are kept for others with the same data
    identities: IdentityMap | None = None  # which records are the same customer, where somebody said so
    unmerged: Snapshot | None = field(default=None, repr=False)  # the same before that was applied
    records: ir.Table | None = None  # of a saved base, the rows of `customers` before they were merged
    merged_lines: ir.Table | None = None  # of a saved base, purchase lines of merged records before that

    @functools.cached_property
    def customer_days(self) -> ir.Table:
        """Lines merged to one row per customer and day: spend, invoice_count, is_occasion.

        Computed once; a base cuts it by day afterwards, which changes no row of it.
        """
        lines = self.tables["transactions"]
        lines = lines.filter(lines.customer_id.notnull()).mutate(
            day=lines.transaction_date.date(), bought=lines.unit_spend >= 0
        )
        if "is_return" in lines.columns:
            lines = lines.mutate(bought=lines.bought & ~lines.is_return.fill_null(False))
        if "transaction_id" in lines.columns:  # two groupings cost less than counting distinct invoices
            lines = lines.group_by("customer_id", "day", "transaction_id").aggregate(
                unit_spend=lines.unit_spend.sum(), bought=lines.bought.any()
            )
            days = lines.group_by("customer_id", "day").aggregate(
                spend=lines.unit_spend.sum(),
                bought=lines.bought.any(),
                invoices=(lines.bought & lines.transaction_id.notnull()).sum(),
            )
            invoice_count = ibis.greatest(days.invoices, days.bought.cast("int64"))
        else:
            days = lines.group_by("customer_id", "day").aggregate(
                spend=lines.unit_spend.sum(), bought=lines.bought.any()
            )
            invoice_count = days.bought.cast("int64")
        return self.materialise(
            days.select(
                "customer_id",
                "day",
                spend=days.spend.cast(MONEY),  # as narrow as the lines: sums of it are twice as fast
                invoice_count=invoice_count,
                is_occasion=days.bought & (days.spend >= 0),
            )
        )

    @functools.cached_property
    def findings(self) -> list[Finding]:
        """What was found when it was opened, and what the rows show when looked at."""
        if self.looked is not None:
            return list(self.looked)
        tables = dict(self.tables)
        return by_weight([*self.notes, *stand_ins(tables), *odd_days(tables)])

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
    tables, broken, kept = {}, [], []
    accounts, notes = {}, [*clock.findings]
    readings: list[ReadAs] = []
    for name, found_table in prepared.items():
        table = replace(found_table, readings=replace(found_table.readings, zone=clock.zone))
        cast = cast_table(TABLES[name], table.rows, table.spec, today, table.readings)
        staged = _stage(name, cast)
        kept.append(staged)
        found = accept(staged, table, max_rejected, left_out(source, name), lines_lost(source, table))
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
        kept=kept,
    )


def _read_as(content: dict[str, Any]) -> ReadAs:
    return ReadAs(**{**content, "examples": tuple((text, value) for text, value in content["examples"])})


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


def hash_of(tables: Mapping[str, ir.Table], where: str = "") -> str:
    """64 hex characters of what the tables hold, whatever the order of the rows, and of the filter."""
    digest = hashlib.sha256(where.encode("utf-8", "surrogatepass"))
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
def md5_number_lower(text: str) -> dt.uint64:
    """DuckDB's own: the lower half of an MD5 as a number, the same in every version and process."""


def write(
    folder: Path,
    snapshot: Snapshot,
    tables: Mapping[str, ir.Table],
    facts: dict[str, Any],
    records: ir.Table | None = None,
) -> None:
    """Write tables as Parquet and what is known of them as `snapshot.json`."""
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
    for name, table in tables.items():
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
        "saved": facts,
        "kept_in": str(snapshot.kept_in) if snapshot.kept_in else None,
    }
    (folder / SNAPSHOT_FILE).write_text(json.dumps(content, indent=1), encoding="utf-8")


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
        tables = {
            n: connection.read_parquet(glob.escape(str(folder / f"{n}.parquet"))) for n in content["tables"]
        }
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
            readings=tuple(_read_as(one) for one in content["readings"]),
            timezone=content["timezone"],
            saved=content["saved"],
            kept_in=Path(content["kept_in"]) if content.get("kept_in") else None,
            **_merging(folder, connection),
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError, duckdb.Error) as error:
        raise DataError(
            f"{folder.name}/ is a damaged snapshot ({type(error).__name__}): make it again"
        ) from None
