"""The rows of each table of the contract: several files end to end, joins, fill down, defaults, `where`.

`sources` says what a place holds and how one name in it is read; here is said which names make a table.
"""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Callable
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field, replace
from pathlib import Path

import ibis
import ibis.expr.types as ir

from crm_analytics.errors import DataError, nearest
from crm_analytics.tables.casts import cast_value
from crm_analytics.tables.contract import FILE, ID, PART, ROW, TABLES
from crm_analytics.tables.export_kinds import plain
from crm_analytics.tables.headers import nearest_column
from crm_analytics.tables.mapping import FILE_NAME, Join, Mapping, TableMapping
from crm_analytics.tables.packed_files import table_name
from crm_analytics.tables.row_selection import filled, kept, nothing_left, order_heads, selects
from crm_analytics.tables.source_parts import UnlikeParts

_JOINED = "_joined"
Read = Callable[[str, str], ir.Table]


@dataclass(frozen=True)
class Files:
    """Files that lie below each other, of a table or of what it joins.

    Attributes
    ----------
    pieces : name and raw rows of each
    columns : what comes from them
    """

    pieces: list[tuple[str, ir.Table]]
    columns: frozenset[str]


@dataclass(frozen=True)
class Collected:
    """Raw tables by the contract's names.

    Attributes
    ----------
    tables : the source's rows, before casting
    numbered : the same with ROW, the place in the source; only where rows have one
    every : as `numbered`, with the rows that `where` and `except` leave out; only of tables that have such
    unmatched : of tables with joins, the rows whose key the other source does not have, as an expression
    several : of tables of which something lies in several files, the files, by the column of `numbered` that
        holds their number
    rewritten : columns whose texts were rewritten because the files of a table differ; filled when read
    not_read : names that are no table, and no part or join of one
    columns : of tables in several files, the columns of each file
    filled : columns of `where` that an export writes in the first line of an order only, and that were filled
    """

    tables: dict[str, ir.Table] = field(default_factory=dict)
    numbered: dict[str, ir.Table] = field(default_factory=dict)
    every: dict[str, ir.Table] = field(default_factory=dict)
    unmatched: dict[str, ir.IntegerScalar] = field(default_factory=dict)
    columns: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    filled: dict[str, tuple[str, ...]] = field(default_factory=dict)
    several: dict[str, dict[str, Files]] = field(default_factory=dict)
    rewritten: dict[str, tuple[str, ...]] = field(default_factory=dict)
    not_read: list[str] = field(default_factory=list)


def origins(known: Mapping, names: dict[str, str]) -> dict[str, str | tuple[str, ...]]:
    """Where each table of the contract lies: a name, a pattern or a list of names."""
    parts = _in_parts(names)
    found: dict[str, str | tuple[str, ...]] = {}
    for table in TABLES:
        origin = known.of(table).origin or parts.get(table) or names.get(table)
        if origin is None:
            continue
        if len(names) == 1 and isinstance(origin, str) and origin not in (*names, *names.values()):
            origin = next(iter(names.values()))  # one file was given, whatever it is called
        found[table] = origin
    return found


def collect_tables(
    known: Mapping,
    names: dict[str, str],
    read: Read,
    where: str,
    parted: MappingType[str, ir.Table | None] | None = None,
) -> Collected:
    """Read every table of the contract that is there.

    Parameters
    ----------
    names : what `read` takes, by the table it would be (or by its own name)
    read : (name, table of the contract) -> raw table
    where : what the place is called in messages
    parted : tables of which some parts were read already, with ROW and PART; None where no part was

    Raises
    ------
    DataError : there are no purchases, or a name, key or column of the mapping is not there.
    """
    found = Collected()
    parted = parted or {}
    places = origins(known, names)
    for table, origin in places.items():
        spec = known.of(table)
        if table in parted:
            if (rows := parted[table]) is not None:
                _take_parts(found, table, rows, spec)
            continue
        pieces = _pieces(origin, names, read, table)
        raw = _end_to_end(pieces, table, spec, found.columns.setdefault(table, {}))
        in_order = raw.get_backend().name == "duckdb"
        rows = raw.mutate(**{ROW: ibis.row_number() + 1}) if in_order else raw
        several = {FILE: Files(pieces, frozenset(raw.columns) - {FILE})}
        for i, join in enumerate(spec.joins):
            other = _pieces(join.origin, names, read, table)
            joined = _end_to_end(other, table, spec, {}).rename({f"{FILE}_{i}": FILE})
            several[f"{FILE}_{i}"] = Files(other, frozenset(joined.columns).difference(rows.columns))
            rows = _join(rows, joined, join, table)
        if _JOINED in rows.columns:
            found.unmatched[table] = rows[_JOINED].isnull().sum()
        if heads := order_heads(rows, spec):
            found.filled[table] = heads
            spec = replace(spec, fill_down=heads, within=str(spec.fields["transaction_id"]))
        rows = filled(rows, spec, table)
        if selects(spec, table):
            found.every[table] = rows
            rows = rows.filter(kept(rows, spec, table))
            if table == "transactions" and not rows.limit(1).count().to_pyarrow().as_py():
                raise nothing_left(spec.where, found.every[table], table)
        rows = rows.drop(_JOINED) if _JOINED in rows.columns else rows
        rows = rows.drop(*(mark for mark, files in several.items() if len(files.pieces) == 1 or not in_order))
        several = {mark: files for mark, files in several.items() if mark in rows.columns}
        found.tables[table] = rows.drop(ROW, *several) if in_order else rows
        if in_order:
            found.numbered[table] = rows
            if several:
                found.several[table] = several
    found.not_read.extend(_not_read(known, names, places))
    if "transactions" not in places:
        raise DataError(
            f"no table 'transactions' in {where}: it has {', '.join(sorted(names)) or 'nothing'}"
            f"{nearest('transactions', names) or '.'} Say which one it is in {FILE_NAME}: "
            '[transactions] from = "..."'
        )
    return found


def _not_read(
    known: Mapping, names: dict[str, str], places: MappingType[str, str | tuple[str, ...]]
) -> list[str]:
    """Names that are no table, and no part or join of one."""
    used: set[str] = set()
    for table, origin in places.items():
        for one in (origin, *(join.origin for join in known.of(table).joins)):
            used |= {names.get(name, name) for name in expand(one, names, table)}
    return sorted(real for real in set(names.values()) - used if table_name(Path(real)) not in used)


def _take_parts(found: Collected, table: str, rows: ir.Table, spec: TableMapping) -> None:
    """Rows of some parts; what looks at rows of another part to understand one is refused."""
    if order_heads(rows, spec):
        raise UnlikeParts(f"{table} has cells that are filled from other lines")
    rows = filled(rows, spec, table)
    if selects(spec, table):
        found.every[table] = rows
        rows = rows.filter(kept(rows, spec, table))
    found.tables[table] = rows.drop(ROW, PART)
    found.numbered[table] = rows


def expand(origin: str | tuple[str, ...], names: dict[str, str], table: str) -> list[str]:
    """The names that a name, a list or a pattern (``orders_*.csv``) stands for, in order, each once.

    >>> expand("orders_*", {"orders_1": "orders_1.csv", "x": "x.csv", "orders_2": "orders_2.csv"}, "t")
    ['orders_1.csv', 'orders_2.csv']
    """
    found: list[str] = []
    for one in (origin,) if isinstance(origin, str) else origin:
        if not any(mark in one for mark in "*?[") or one in names or one in names.values():
            found.append(one)
            continue
        fits = sorted(
            real
            for name, real in names.items()
            if fnmatch.fnmatchcase(real, one) or fnmatch.fnmatchcase(name, one)
        )
        if not fits:
            raise DataError(
                f"{table}: nothing fits the pattern '{one}': it has {', '.join(sorted(names.values())[:12])}"
            )
        found += fits
    return list(dict.fromkeys(found))


def _in_parts(names: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """Tables in parts: files that differ by a number or a date alone (one a month).

    They are the table that they are called after; else the purchases, if nothing else could be.

    >>> _in_parts({"sales_2025-01": "sales_2025-01.csv", "sales_2025-02": "sales_2025-02.csv"})
    {'transactions': ('sales_2025-01.csv', 'sales_2025-02.csv')}
    >>> _in_parts({"events_1": "events_1.csv", "events_2": "events_2.csv", "transactions": "all.csv"})
    {'events': ('events_1.csv', 'events_2.csv')}
    >>> _in_parts({"sales_1": "sales_1.csv", "people": "people.csv"})
    {}
    """
    groups: dict[str, list[str]] = {}
    for name, real in sorted(names.items()):
        if name not in TABLES:
            groups.setdefault(_stem(name) if re.search(r"\d", name) else name, []).append(real)
    called = {re.sub("_", "", table): table for table in TABLES}
    found = {
        called[stem]: tuple(groups.pop(stem))
        for stem in list(groups)
        if stem in called and called[stem] not in names
    }
    if (
        "transactions" not in found | names
        and len(groups) == 1
        and len(last := next(iter(groups.values()))) > 1
    ):
        found["transactions"] = tuple(last)
    return found


def _stem(name: str) -> str:
    """Letters alone; of a file in folders those of the first, or of the keys of the folders."""
    first, _, rest = name.partition("/")
    if rest and "=" in first:
        first = "".join(part.partition("=")[0] for part in name.split("/")[:-1])
    return re.sub(r"[\W\d_]+", "", first).lower()


def _pieces(
    origin: str | tuple[str, ...], names: dict[str, str], read: Read, table: str
) -> list[tuple[str, ir.Table]]:
    """The sources that a name, a list or a pattern stands for, each with its raw rows."""
    return [(name, read(name, table)) for name in expand(origin, names, table)]


def _end_to_end(
    pieces: list[tuple[str, ir.Table]], table: str, spec: TableMapping, held: dict[str, tuple[str, ...]]
) -> ir.Table:
    """One source, or several below each other, with FILE; a column that some of them lack is empty there.

    What columns each of several has is written into `held`.
    """
    tables = one_spelling([rows for _, rows in pieces], table, spec)
    if len(tables) == 1:
        return tables[0].mutate(**{FILE: ibis.literal(0)})
    held |= {name: tuple(one.columns) for (name, _), one in zip(pieces, tables, strict=True)}
    columns = list(dict.fromkeys(c for t in tables for c in t.columns))
    shared = set(tables[0].columns).intersection(*(t.columns for t in tables[1:]))
    if not shared:
        several = ", ".join(name for name, _ in pieces[:6])
        raise DataError(f"{table}: {several} have no column in common")
    kinds = {c: {t[c].type().copy(nullable=True) for t in tables if c in t.columns} for c in columns}
    whole = []
    for number, one in enumerate(tables):
        fields = {}
        for name in columns:
            alike = next(iter(kinds[name])) if len(kinds[name]) == 1 else None
            if name not in one.columns:
                fields[name] = ibis.null(alike if alike is not None else "string")
            elif alike is None:  # a number in one file, text in another: as text, like a CSV
                fields[name] = cast_value(one[name], ID)
            else:
                fields[name] = one[name]
        whole.append(one.select(**fields, **{FILE: ibis.literal(number)}))
    return ibis.union(*whole)


def one_spelling(tables: list[ir.Table], table: str, spec: TableMapping) -> list[ir.Table]:
    """Tables whose columns of one name in two spellings ("Customer ID", "customer_id") bear one of them.

    A spelling that the mapping uses goes first, then that of the contract, then that of the first file.
    """
    mentioned = _mentioned(spec)
    columns = [name for one in tables for name in one.columns]
    used = [name for name in columns if any(name in text for text in mentioned)]
    spelling: dict[str, str] = {}
    for name in (*used, *TABLES[table].names, *columns):
        spelling.setdefault(plain(name), name)
    found = []
    for one in tables:
        counts = Counter(plain(name) for name in one.columns)
        new = {
            spelling[plain(name)]: name
            for name in one.columns
            if counts[plain(name)] == 1 and plain(name) and spelling[plain(name)] != name
        }
        found.append(one.rename(new) if new else one)
    return found


def _mentioned(spec: TableMapping) -> list[str]:
    """Texts in which a mapping names columns."""
    fields = [o.get("column", "") if isinstance(o, dict) else str(o) for o in spec.fields.values()]
    keys = [key for join in spec.joins for pair in join.keys for key in pair]
    more = [text for text in (spec.rate, spec.within) if isinstance(text, str)]
    return [*fields, *keys, *more, *spec.where, *spec.exclude, *spec.default, *spec.fill_down]


def _join(rows: ir.Table, other: ir.Table, join: Join, table: str) -> ir.Table:
    """The columns of another source, by its key; a key of two types is compared as text, like every id."""
    shown = join.origin if isinstance(join.origin, str) else join.origin[0]
    for here, there in join.keys:
        for side, key in ((rows, here), (other, there)):
            if key not in side.columns:
                raise DataError(
                    f"{table}: cannot join {shown} on '{key}': no such column"
                    f"{nearest_column(key, side.columns)}"
                )
    alike = all(
        rows[here].type().copy(nullable=True) == other[there].type().copy(nullable=True)
        and not rows[here].type().is_string()  # texts may have blanks, or the ".0" of a number
        for here, there in join.keys
    )
    left: dict[str, ir.Value] = {}
    right: dict[str, ir.Value] = {}
    for i, (here, there) in enumerate(join.keys):
        left[f"_key{i}"] = rows[here] if alike else cast_value(rows[here], ID)
        right[f"_key{i}"] = other[there] if alike else cast_value(other[there], ID)
    keyed = other.select(**right)
    named = keyed.filter([keyed[key].notnull() for key in right])
    counts = named.group_by(list(right)).aggregate(n=named.count())
    repeated = counts.filter(counts.n > 1).count().to_pyarrow().as_py()
    if repeated:
        right_keys = ", ".join(there for _, there in join.keys)
        raise DataError(
            f"{table}: {shown} has {repeated:,} values of '{right_keys}' more than once; "
            "joining would multiply rows"
        )
    extra = {c: other[c] for c in other.columns if c not in rows.columns and c != _JOINED}
    had = _JOINED in rows.columns
    found = other.select(**extra, **right, _found=ibis.literal(True))
    keys = list(right)
    joined = rows.mutate(**left).left_join(found, keys)
    gone = [
        c for c in joined.columns if c in keys or (c.endswith("_right") and c.removesuffix("_right") in keys)
    ]
    joined = joined.drop(*gone)
    if had:
        return joined.mutate(**{_JOINED: joined[_JOINED] & joined["_found"]}).drop("_found")
    return joined.rename({_JOINED: "_found"})
