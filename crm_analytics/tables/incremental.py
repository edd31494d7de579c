"""Opening a source of which most was read before: only new, changed and gone files cost anything.

Rows that passed are kept by the file they came from (`row_store`), with what was counted of them: tallies,
shapes of text columns, months, digests. All of these add up over files, so what is decided from all rows is
decided from the sums, exactly as if all rows were there. What does not add up is refused, and everything is
read again: then it is said why.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis.backends import BaseBackend

from crm_analytics.errors import DataError
from crm_analytics.tables import rejects
from crm_analytics.tables.acceptance import Accepted, accept, account_of, checked, tallies, turned
from crm_analytics.tables.checks import BROKEN
from crm_analytics.tables.collected_rows import collect_tables, expand, origins
from crm_analytics.tables.column_readings import Readings
from crm_analytics.tables.contract import PART, ROW, TABLES
from crm_analytics.tables.csv_files import CsvFile
from crm_analytics.tables.customer_days import customer_days
from crm_analytics.tables.date_grammar import PLAIN
from crm_analytics.tables.duplicates import DIFFERS, REPEATED, count_repeats
from crm_analytics.tables.file_grammars import differ
from crm_analytics.tables.findings import Finding
from crm_analytics.tables.line_facts import LineFacts, days_of, tests_of
from crm_analytics.tables.mapping import TableMapping
from crm_analytics.tables.order_states import speaking
from crm_analytics.tables.part_readings import Shapes, add_shapes, read_alike, readings_from, shapes_of
from crm_analytics.tables.preparation import left_out, lines_lost, prepare, shop_clock
from crm_analytics.tables.read_as import ReadAs
from crm_analytics.tables.row_store import RowStore
from crm_analytics.tables.shelves import Shelf, open_shelf
from crm_analytics.tables.snapshot import Snapshot, assemble, row_digest, take
from crm_analytics.tables.source_parts import MOST_ROWS, Part, UnlikeParts
from crm_analytics.tables.source_ref import SourceRef
from crm_analytics.tables.sources import Source, open_source
from crm_analytics.tables.stored_lines import StoredLines, lines_by_id, read_files

LINES = "transactions"
_TOLD = "The files of purchases are told apart by name, size and time, and by content where these differ."
_MONTH = "_month"
_ALL, _CONNECTION = "all rows were read", "a connection does not say which rows are new"
_ONE_BY_ONE = ("file_lines", "blank_operand", "rounded_amounts", "total_row", "lost_lines", "unread_values")


class Rebuild(Exception):  # noqa: N818 - no error of the user's
    """Everything has to be read again; says why."""


@dataclass(frozen=True)
class KeptPart:
    """What is known of one file whose rows are kept.

    Attributes
    ----------
    raw : rows in the file, those that `where` leaves out counted along
    tally : see `acceptance.tallies`; money as text, to stay exact
    spend : count, sum and largest of the amounts
    shapes : of each text column that is read as numbers or moments, how many values have which shape
    months : in which purchases lie, ``2026-11``
    newest : the last day of its purchases
    digest : rows, and the sum of their digests
    tests : lines of test orders, and their money
    files : in the store, below its folder
    rejected : place in the file, column, rule of the rows set aside
    """

    name: str
    stamp: tuple[int, int]
    sha256: str
    raw: int = 0
    tally: Mapping[str, str] = field(default_factory=dict)
    spend: tuple[int, str, str] = (0, "0", "0")
    shapes: Shapes = field(default_factory=dict)
    months: tuple[str, ...] = ()
    newest: str = ""
    digest: tuple[int, str] = (0, "0")
    tests: tuple[int, str] = (0, "0")
    files: tuple[str, ...] = ()
    rejected: tuple[tuple[int | None, str, str], ...] = ()

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> KeptPart:
        """From the JSON of a state."""
        lists = {
            name: tuple(content[name]) for name in ("stamp", "spend", "months", "digest", "tests", "files")
        }
        rows = tuple((None if n is None else int(n), str(c), str(r)) for n, c, r in content["rejected"])
        return cls(**{**content, **lists, "rejected": rows})


def open_incrementally(
    ref: SourceRef, mapping: Any, today: date, max_rejected: float, store: RowStore
) -> Snapshot:
    """The snapshot that `snapshot.take` gives of the same source; of its files only what is new is read.

    Raises
    ------
    DataError : as `snapshot.take`; what was kept before stays.
    """
    if ref.path is None:
        return replace(_plain(ref, mapping, today, max_rejected), reading=f"{_ALL}: {_CONNECTION}")
    with store.locked():
        night = _Night(ref, mapping, today, max_rejected, store)
        if night.why_whole:
            store.clear()
            return replace(night.whole(), reading=f"{_ALL}: {night.why_whole}")
        state, why = night.usable_state()
        if state is not None:
            try:
                return night.made(state)
            except (Rebuild, UnlikeParts) as reason:
                why = str(reason)
            except DataError:
                why = "the new rows alone cannot be read"
        try:
            made = night.made(None)
            return replace(made, reading=f"{_ALL}: {why}{night.trouble}")
        except UnlikeParts as reason:
            why = str(reason)
        except DataError as error:  # told with places in single files: all of them end to end tell it right
            why = str(error)
        store.clear()
        return replace(night.whole(), reading=f"{_ALL}: {why}")


def _plain(ref: SourceRef, mapping: Any, today: date, max_rejected: float) -> Snapshot:
    return take(open_source(ref, mapping), today, max_rejected)


@dataclass
class _Night:
    """One opening of a source whose rows are kept."""

    ref: SourceRef
    mapping: Any
    today: date
    max_rejected: float
    store: RowStore
    schema: dict[str, str] = field(default_factory=dict)  # of the purchases as they are read
    trouble: str = ""  # with keeping the rows
    files: list[CsvFile] = field(default_factory=list)  # that were read of them
    stamps: dict[str, tuple[tuple[int, int], str]] = field(default_factory=dict)

    @cached_property
    def shelf(self) -> Shelf:
        return open_shelf(self.ref, self.mapping)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The files of the purchases; empty where they are not told apart."""
        shelf = self.shelf
        spec = shelf.mapping.of(LINES)
        if shelf.parts is None or spec.joins or spec.fill_down or spec.footer:
            return ()
        origin = origins(shelf.mapping, shelf.names).get(LINES)
        if origin is None:
            return ()
        pieces = expand(origin, shelf.names, LINES)
        found = [part for piece in pieces for part in shelf.parts.list(piece, LINES)]
        return tuple(found) if len({p.path for p in found}) == len(found) else ()

    @cached_property
    def why_whole(self) -> str:
        """Why the purchases cannot be read file by file; empty where they can."""
        if len(self.parts) < 2:
            return "purchases lie in one file, or need several to understand one row"
        return ""

    @cached_property
    def made_of(self) -> dict[str, str]:
        """What the rows depend on besides the files."""
        return {
            "source": self.ref.identity,
            "mapping": hashlib.sha256(repr(self.shelf.mapping).encode()).hexdigest(),
        }

    def whole(self) -> Snapshot:
        """All rows, as if nothing were ever kept."""
        return _plain(self.ref, self.mapping, self.today, self.max_rejected)

    def usable_state(self) -> tuple[dict[str, Any] | None, str]:
        """The state of the night before, or why it is of no use now."""
        state, why = self.store.read()
        if state is None:
            return None, why
        try:
            if state["source"] != self.made_of["source"]:
                return None, "the source is another one"
            if state["mapping"] != self.made_of["mapping"]:
                return None, "the mapping changed"
            then = date.fromisoformat(state["today"])
            if then != self.today and state["future"]:
                return None, "rows after the day of the last run were left out then"
            if self.today < then and date.fromisoformat(state["newest"]) > self.today:
                return None, "the clock went back"
            state["parts"] = [KeptPart.of(part) for part in state["parts"]]
        except (ValueError, KeyError, TypeError):
            return None, "the kept rows cannot be read"
        return state, ""

    # -- one night -------------------------------------------------------------------------------

    def made(self, state: dict[str, Any] | None) -> Snapshot:
        """The snapshot, with the rows of a state where there is one; the next state is written."""
        kept, new = self._told_apart(state)
        gone = [] if state is None else [p for p in state["parts"] if p.name not in {k.name for k in kept}]
        if state is not None and state["readings"]:  # with examples from the first file
            first = state["parts"][0].name if state["parts"] else ""
            if self.parts[0].name != first or all(part.name != first for part in kept):
                raise Rebuild("the first file of purchases changed")
        shelf = open_shelf(self.ref, self.mapping) if state is None else self.shelf
        try:
            source = self._source(shelf, new, state)
        finally:
            shelf.close()
        merge = _Merge(self, source, kept, new, gone, state)
        snapshot = merge.snapshot()
        reading = f"read {len(new)} of {len(self.parts)} files of purchases"
        if gone and (lost := len({p.name for p in gone} - {p.name for p in self.parts})):
            reading += f"; {lost} {'is' if lost == 1 else 'are'} gone"
        return replace(snapshot, reading=reading)

    def _told_apart(self, state: dict[str, Any] | None) -> tuple[list[KeptPart], list[Part]]:
        """Files whose rows are kept, and those to be read."""
        known = {} if state is None else {part.name: part for part in state["parts"]}
        kept, new = [], []
        for part in self.parts:
            before = known.get(part.name)
            if before is not None and before.stamp == part.stamp:
                kept.append(before)
            elif before is not None and before.stamp[0] == part.stamp[0] and before.sha256 == part.sha256:
                kept.append(replace(before, stamp=part.stamp))
            else:
                new.append(part)
                self.stamps[part.name] = (part.stamp, part.sha256)  # before it is read
                if any(one.sha256 == part.sha256 for one in kept):
                    raise Rebuild("a new file holds what another one holds")
        return kept, new

    def _source(self, shelf: Shelf, new: list[Part], state: dict[str, Any] | None) -> Source:
        assert shelf.parts is not None
        if new:
            rows = shelf.parts.read(new, LINES)
            self.schema = {name: str(kind) for name, kind in rows.schema().items()}
            if state is not None and self.schema != state["raw"]:
                raise Rebuild("the columns of the purchases changed")
        else:
            assert state is not None
            schema = ibis.schema({name: ibis.dtype(kind) for name, kind in state["raw"].items()})
            rows = shelf.connection.create_table("no_new_rows", schema=schema, temp=True)
        found = collect_tables(shelf.mapping, shelf.names, shelf.read, shelf.where, {LINES: rows})
        self.files = list(shelf.csv.pop(LINES, ()))
        return Source(shelf.connection, found, shelf.mapping, shelf.label, True, shelf.csv)


def _number(expression: ir.Scalar) -> int:
    return int(expression.to_pyarrow().as_py() or 0)


@dataclass
class _Merge:
    """Rows kept and rows new, made one."""

    night: _Night
    source: Source
    kept: list[KeptPart]
    new: list[Part]
    gone: list[KeptPart]
    state: dict[str, Any] | None
    readings: Readings | None = None
    fresh: list[KeptPart] = field(default_factory=list)  # of the new files, once they are counted
    why_not: str = ""  # why rows cannot be kept this time
    repeated: bool = False
    shapes: list[Shapes] = field(default_factory=list)
    delimiters: list[str] = field(default_factory=list)  # of all text files, kept and new
    placed: ir.Table | None = None

    @property
    def whole(self) -> bool:
        """Whether all rows are here."""
        return self.state is None

    def snapshot(self) -> Snapshot:
        source, today = self.source, self.night.today
        prepared, skipped = prepare(source, today, self._known)
        clock = shop_clock(source, prepared)
        about = [clock.zone, clock.name]
        if self.state is not None and about != self.state["clock"]:
            raise Rebuild("the clock of the purchases changed")

        def accepting(name: str, staged: ir.Table, table: rejects.Table) -> Accepted:
            if name == LINES:
                return self._accepted(staged, table)
            return accept(
                staged, table, self.night.max_rejected, left_out(source, name), lines_lost(source, table)
            )

        made = assemble(source, prepared, skipped, clock, accepting)
        if self.whole and (odd := [n for n in made.notes if n.kind in _ONE_BY_ONE and n.table == LINES]):
            self.why_not = f"what was found of purchases needs all rows ({odd[0].kind})"
        if not self.whole and any(n.kind in _ONE_BY_ONE and n.table == LINES for n in made.notes):
            raise Rebuild("what was found of purchases needs all rows")
        told = Finding("kept_rows", "note", LINES, "", _TOLD)
        made = replace(made, notes=(*made.notes, told))
        return self._kept(made, about)

    # -- readings --------------------------------------------------------------------------------

    def _known(self, name: str, rows: ir.Table, spec: TableMapping) -> Readings | None:
        """How the purchases' columns are read, from all values: those here and those counted before."""
        if name != LINES:
            return None
        self.shapes = shapes_of(TABLES[LINES], rows, spec, len(self.new))
        delimiters = {file.delimiter for file in self.night.files}
        delimiters |= set(self.state["delimiters"]) if self.state else set()
        if len(delimiters) > 1 or self._written_differently(spec):
            says = "the files are not written alike"
            raise UnlikeParts(says) if self.whole else Rebuild(says)
        self.delimiters = sorted(delimiters)
        if self.whole:
            return None
        before = add_shapes(part.shapes for part in (*self.kept, *self.gone))
        old = readings_from(TABLES[LINES], rows, spec, before)
        now = readings_from(
            TABLES[LINES], rows, spec, add_shapes([p.shapes for p in self.kept] + self.shapes)
        )
        if old is None or now is None:
            raise Rebuild("dates or amounts are written so that all of them must be looked at")
        if not read_alike(old, now):
            raise Rebuild("amounts are written in another way than before")
        return now

    def _written_differently(self, spec: TableMapping) -> bool:
        """Whether parts write a column of numbers differently: each is then read by its own values."""
        parts = [*(part.shapes for part in self.kept), *self.shapes]
        columns = dict.fromkeys(column for part in parts for column in part)
        return any(
            differ([list(found.items()) for part in parts if (found := part.get(column))], spec.decimal)
            for column in columns
            if not all(PLAIN.fullmatch(shape) for part in parts for shape in part.get(column) or ())
        )

    # -- acceptance ------------------------------------------------------------------------------

    def _accepted(self, staged: ir.Table, table: rejects.Table) -> Accepted:
        for file in self.night.files:  # they are there once the rows were read
            if file.says or _number(self.source.connection.table(file.torn).count()):
                says = "a file has lines that were set aside or mended"
                raise UnlikeParts(says) if self.whole else Rebuild(says)
        if speaking(table):
            raise UnlikeParts("a column that tells what became of orders is judged from all rows")
        tallied = self._tallied(staged)
        if self.whole:
            found = accept(staged, table, self.night.max_rejected, left_out(self.source, LINES))
        else:
            found = self._added_up(staged, table, tallied)
        assert found.placed is not None
        self._fill(found, tallied)
        self.placed = found.placed
        if self.whole:
            self.repeated = bool(found.rejected["rule"].isin([REPEATED, DIFFERS]).any())
        every = [*self.kept, *self.fresh]
        rejected = self._rejected(every)
        return replace(found, rejected=rejected)

    def _tallied(self, staged: ir.Table) -> dict[int, dict[str, Any]]:
        spend = staged.unit_spend
        wanted = {**tallies(staged), "_n": spend.count(), "_sum": spend.sum(), "_top": spend.max()}
        rows = staged.group_by(PART).aggregate(**wanted).to_pyarrow().to_pylist()
        return {int(row.pop(PART)): row for row in rows}

    def _added_up(
        self, staged: ir.Table, table: rejects.Table, tallied: dict[int, dict[str, Any]]
    ) -> Accepted:
        """What `accept` gives of all rows, from the rows that are new and what was counted of the others."""
        assert self.state is not None
        whole: dict[str, Any] = {}
        for one in (*(p.tally for p in self.kept), *tallied.values()):
            for name, value in one.items():
                if not name.startswith("_"):
                    whole[name] = whole.get(name, 0) + Decimal(value or 0)
        counts = checked({n: v if n in ("money", "lost", "turned") else int(v) for n, v in whole.items()})
        self._refuse_totals(tallied)
        self._refuse_repeats(staged)
        fresh = sum(int(row["broken"] or 0) + int(row["unread"] or 0) for row in tallied.values())
        found = rejects.explain(table, flagged=bool(fresh), repeated=0)
        every = pd.concat([self._frame(self.kept), found], ignore_index=True)
        lost = every[rejects.weighs(every)]
        account = account_of(LINES, counts, lost, 0, 0)
        raw = sum(p.raw for p in self.kept) + sum(self._raw().values())
        account = replace(account, left_out=raw - counts["rows"])
        try:
            rejects.judge(account, every, self.night.max_rejected, table.readings)
        except DataError:
            raise Rebuild("too many rows are broken") from None
        notes = [turned(counts)] if counts["returned"] else []
        if counts["rounded"]:
            raise Rebuild("amounts have more than four decimals")
        good = staged.filter(~staged[BROKEN]) if counts["broken"] else staged
        placed = good.select(*self.state["columns"], ROW, PART)
        return Accepted(placed.drop(ROW, PART), found, account, notes, placed)

    def _refuse_totals(self, tallied: dict[int, dict[str, Any]]) -> None:
        spends = [p.spend for p in self.kept] + [
            (r["_n"], r["_sum"] or 0, r["_top"] or 0) for r in tallied.values()
        ]
        n = sum(one[0] for one in spends)
        whole, top = sum(Decimal(one[1]) for one in spends), max(Decimal(one[2]) for one in spends)
        if n >= 3 and top > 0 and 2 * top == whole:
            raise Rebuild("one line may be the sum of all others")

    def _refuse_repeats(self, staged: ir.Table) -> None:
        assert self.state is not None
        repeats = count_repeats(staged, TABLES[LINES])
        if repeats is None:
            return
        if self.state["repeated"]:
            raise Rebuild("rows repeat a key of other rows")
        if _number(repeats):
            raise Rebuild("new rows repeat a key")
        files = self._paths(self.kept)
        if not files or not self.new:
            return
        key = TABLES[LINES].key[0]
        old = read_files(self.source.connection, files)
        mine = staged.filter(staged[key].notnull()).select(key).distinct()
        if _number(old.semi_join(mine, key).count()):
            raise Rebuild("new rows repeat a key of earlier files")

    # -- what is kept ----------------------------------------------------------------------------

    def _raw(self) -> dict[int, int]:
        rows = self.source.rows.every.get(LINES)
        if rows is None:
            rows = self.source.rows.numbered[LINES]
        counted = rows.group_by(PART).aggregate(n=rows.count()).to_pyarrow().to_pylist()
        return {int(row[PART]): int(row["n"]) for row in counted}

    def _fill(self, found: Accepted, tallied: dict[int, dict[str, Any]]) -> None:
        """Count the accepted rows of the new files, by file."""
        placed, raw = found.placed, self._raw()
        assert placed is not None
        columns = sorted(c for c in placed.columns if c not in (ROW, PART))
        marked = placed.select(PART, n=row_digest(placed, columns),
                               month=placed.transaction_date.strftime("%Y-%m"),
                               day=placed.transaction_date.date())  # fmt: skip
        months = marked.group_by(PART, "month").aggregate(
            rows=marked.count(), total=marked.n.sum(), last=marked.day.max()
        )
        facts = months.to_pyarrow().to_pandas()
        tests = {int(row[PART]): row for row in tests_of(placed, PART).to_pyarrow().to_pylist()}
        places = found.rejected["row_number"]
        number = (places // MOST_ROWS).fillna(-1).astype("int64")
        if (number < 0).any():
            raise UnlikeParts("the engine does not say where a broken row stands")
        for index, part in enumerate(self.new):
            mine = facts[facts[PART] == index]
            rows = found.rejected[(number == index).to_numpy()]
            row = tallied.get(index, {})
            self.fresh.append(KeptPart(
                part.name, *self.night.stamps[part.name], raw.get(index, 0),
                {n: str(v or 0) for n, v in row.items() if not n.startswith("_")},
                (int(row.get("_n") or 0), str(row.get("_sum") or 0), str(row.get("_top") or 0)),
                self.shapes[index],
                tuple(sorted(mine["month"])),
                max((d.isoformat() for d in mine["last"]), default=""),
                (int(mine["rows"].sum()), str(sum(int(t) for t in mine["total"]))),
                (int(tests[index]["lines"]), str(tests[index]["money"] or 0)) if index in tests else (0, "0"),
                (),
                _as_rows(rows),
            ))  # fmt: skip

    def _rejected(self, parts: Sequence[KeptPart]) -> pd.DataFrame:
        """The rejected rows of all files, by their place in all of them end to end."""
        order = {part.name: number for number, part in enumerate(self.night.parts)}
        frames, before = [], 0
        for part in sorted(parts, key=lambda p: order[p.name]):
            if part.rejected:
                frames.append(self._frame([part], before))
            before += part.raw
        if not frames:
            return self._frame([])
        whole = pd.concat(frames, ignore_index=True)
        return whole.sort_values(["row_number", "column"], kind="stable", ignore_index=True)

    @staticmethod
    def _frame(parts: Sequence[KeptPart], before: int = 0) -> pd.DataFrame:
        rows = [row for part in parts for row in part.rejected]
        number = pd.Series([None if n is None else n + before for n, _, _ in rows], dtype="Int64")
        column, rule = (pd.Series([row[i] for row in rows], dtype="str") for i in (1, 2))
        return rejects.frame_of(LINES, number, column, rule)

    def _paths(self, parts: Sequence[KeptPart]) -> tuple[Path, ...]:
        return tuple(self.night.store.folder / name for part in parts for name in part.files)

    def _kept(self, made: Snapshot, about: list[str]) -> Snapshot:
        """The snapshot over all rows; the next state is written."""
        store, placed = self.night.store, self.placed
        assert placed is not None
        if not self.why_not and store.barred is not None:
            ids = placed.select("customer_id").distinct().to_pyarrow()["customer_id"].drop_null().to_pylist()
            if store.barred(ids):
                self.why_not = "somebody who was forgotten is still in the source"
        if self.why_not and not self.whole:
            raise Rebuild(self.why_not)
        if self.why_not:
            raise UnlikeParts(self.why_not)
        try:
            return self._written(made, about)
        except (OSError, duckdb.Error) as error:  # a full disk stops no night
            if not self.whole:
                raise Rebuild("what is new cannot be kept") from None
            store.tidy()
            self.night.trouble = f"; they cannot be kept ({type(error).__name__})"
            return made

    def _written(self, made: Snapshot, about: list[str]) -> Snapshot:
        store, connection = self.night.store, self.source.connection
        place = store.draft()
        order = {part.name: number for number, part in enumerate(self.night.parts)}
        fresh = self._with_files(place)
        parts = sorted([*self.kept, *fresh], key=lambda part: order[part.name])
        lines = read_files(connection, self._paths(parts)).select(*self._columns(made))
        days, by_day = self._days(place, parts, lines)
        day_files = tuple(store.folder / name for names in days.values() for name in names)
        if not day_files:
            raise UnlikeParts("no line has a customer")
        total = (sum(p.digest[0] for p in parts), sum(int(p.digest[1]) for p in parts))
        tests = (sum(p.tests[0] for p in parts), float(sum(Decimal(p.tests[1]) for p in parts)))
        facts = LineFacts(lines_by_id(connection, day_files), _frame_of(by_day), tests)
        stored = StoredLines(
            lines, read_files(connection, day_files), total, self._paths(parts), day_files, facts
        )
        readings = made.readings
        if self.state is not None:
            mine = [ReadAs.of(one) for one in self.state["readings"]]
            readings = (*mine, *(one for one in readings if one.table != LINES))
        future = any("after today" in rule for part in parts for _, _, rule in part.rejected)
        state = {
            **self.night.made_of,
            "today": self.night.today.isoformat(),
            "newest": max(part.newest for part in parts),
            "future": future,
            "clock": about,
            "raw": self._schema(),
            "columns": self._columns(made),
            "repeated": self.repeated or bool(self.state and self.state["repeated"]),
            "readings": [one.as_dict() for one in readings if one.table == LINES],
            "parts": [asdict(part) for part in parts],
            "delimiters": self.delimiters,
            "days": days,
            "by_day": by_day,
        }
        if any(part.stamp != known.stamp for part, known in zip(self.night.parts, parts, strict=True)):
            raise OSError("a file was written to while it was read")
        names = [*(n for p in parts for n in p.files), *(n for files in days.values() for n in files)]
        store.write(state, names, new=place)
        return replace(made, tables={**made.tables, LINES: lines}, readings=readings, stored=stored)

    def _columns(self, made: Snapshot) -> list[str]:
        return list(made.tables[LINES].columns)

    def _schema(self) -> dict[str, str]:
        if self.state is not None:
            return dict(self.state["raw"])
        return self.night.schema

    def _with_files(self, place: Path) -> list[KeptPart]:
        """The new files' rows written into the store."""
        assert self.placed is not None
        if not self.new:
            return []
        folder = place / "rows"
        _write_by(self.source.connection, self.placed, folder, PART)
        return [
            replace(part, files=_names(folder / f"{PART}={number}", self.night.store.folder))
            for number, part in enumerate(self.fresh)
        ]

    def _days(
        self, place: Path, parts: list[KeptPart], lines: ir.Table
    ) -> tuple[dict[str, list[str]], dict[str, list[Any]]]:
        """By month, the files of customer-days and what is counted by day; of changed months alone anew."""
        changed = {month for part in (*self.fresh, *self.gone) for month in part.months}
        state = self.state or {"days": {}, "by_day": {}}
        days, by_day = ({m: n for m, n in state[k].items() if m not in changed} for k in ("days", "by_day"))
        there = sorted(changed & {month for part in parts for month in part.months})
        if there:
            connection, root = self.source.connection, self.night.store.folder
            mine = self._paths([part for part in parts if changed & set(part.months)])
            some = read_files(connection, mine).select(*lines.columns)
            some = some.filter(some.transaction_date.strftime("%Y-%m").isin(there))
            made = customer_days(some, counted=True)
            folder = place / "days"
            _write_by(connection, made.mutate(**{_MONTH: made.day.strftime("%Y-%m")}), folder, _MONTH)
            frame = days_of(some)
            rows = frame.assign(day=[f"{day:%Y-%m-%d}" for day in frame["day"]])
            for month in there:
                days[month] = list(_names(folder / f"{_MONTH}={month}", root))
                by_day[month] = rows[rows["day"].str.startswith(month)].to_dict("records")
        return dict(sorted(days.items())), dict(sorted(by_day.items()))


def _frame_of(by_day: Mapping[str, list[Any]]) -> pd.DataFrame:
    """What is counted by day, of all months."""
    frame = pd.DataFrame([row for rows in by_day.values() for row in rows])
    return frame.assign(day=pd.to_datetime(frame["day"]))


def _as_rows(rejected: pd.DataFrame) -> tuple[tuple[int | None, str, str], ...]:
    places = [int(n) % MOST_ROWS for n in rejected["row_number"]]
    return tuple(zip(places, map(str, rejected["column"]), map(str, rejected["rule"]), strict=True))


def _write_by(connection: BaseBackend, rows: ir.Table, folder: Path, column: str) -> None:
    """Rows as Parquet, a folder for each value of a column."""
    before = os.umask(0o077)
    try:
        connection.to_parquet(rows, folder, partition_by=column, write_partition_columns=False)
    finally:
        os.umask(before)


def _names(folder: Path, root: Path) -> tuple[str, ...]:
    return tuple(sorted(path.relative_to(root).as_posix() for path in folder.glob("*.parquet")))
