"""Purchase lines kept and purchase lines new, made one: what is counted of parts adds up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import duckdb
import ibis.expr.types as ir
import pandas as pd

from crm_analytics.errors import DataError
from crm_analytics.tables import rejects
from crm_analytics.tables.acceptance import Accepted, accept, account_of, checked, tallies, turned
from crm_analytics.tables.checks import BROKEN
from crm_analytics.tables.column_readings import Readings
from crm_analytics.tables.contract import PART, ROW, TABLES
from crm_analytics.tables.csv_files import CsvFile
from crm_analytics.tables.customer_days import COUNTED
from crm_analytics.tables.date_grammar import PLAIN
from crm_analytics.tables.duplicates import DIFFERS, REPEATED
from crm_analytics.tables.file_grammars import differ
from crm_analytics.tables.findings import Finding
from crm_analytics.tables.kept_customers import KeptCustomers
from crm_analytics.tables.kept_days import Periods
from crm_analytics.tables.kept_parts import (
    LINES,
    KeptPart,
    Rebuild,
    as_rows,
    frame_of,
    names_in,
    rejected_of,
    write_by,
)
from crm_analytics.tables.kept_refusals import refuse_repeats, refuse_subtotals, refuse_totals
from crm_analytics.tables.line_facts import LineFacts, tests_of
from crm_analytics.tables.mapping import TableMapping
from crm_analytics.tables.order_states import speaking
from crm_analytics.tables.part_readings import Shapes, add_shapes, read_alike, readings_from, shapes_of
from crm_analytics.tables.preparation import left_out, lines_lost, prepare, shop_clock
from crm_analytics.tables.read_as import ReadAs
from crm_analytics.tables.row_store import RowStore
from crm_analytics.tables.shortened_amounts import shortened
from crm_analytics.tables.snapshot import Snapshot, assemble, row_digest
from crm_analytics.tables.source_parts import MOST_ROWS, Part, UnlikeParts
from crm_analytics.tables.sources import Source
from crm_analytics.tables.stored_lines import StoredLines, read_customers, read_files

_TOLD = "The files of purchases are told apart by name, size and time, and by content where these differ."
_ONE_BY_ONE = (
    "file_lines",
    "blank_operand",
    "rounded_amounts",
    "total_row",
    "subtotals",
    "lost_lines",
    "unread_values",
)


class Opening(Protocol):
    """One opening of a source whose rows are kept; see `incremental.Night`."""

    today: date
    max_rejected: float
    store: RowStore
    schema: dict[str, str]
    trouble: str
    files: list[CsvFile]
    stamps: dict[str, tuple[tuple[int, int], str]]

    @property
    def parts(self) -> tuple[Part, ...]:
        """All parts of the purchases, in order."""

    @property
    def made_of(self) -> dict[str, str]:
        """What the rows depend on besides the files."""


@dataclass
class Merge:
    """Rows kept and rows new, made one."""

    night: Opening
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

    @cached_property
    def order(self) -> dict[str, int]:
        """The place of each part among all."""
        return {part.name: number for number, part in enumerate(self.night.parts)}

    def snapshot(self) -> Snapshot:
        """The snapshot over all rows; the next state is written."""
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
        delimiters |= set(self.state.get("delimiters", ())) if self.state else set()
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
            if (
                file.says
                or file.doubtful
                or file.end.cut
                or _number(self.source.connection.table(file.torn).count())
            ):
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
        rejected = rejected_of(every, self.order)
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
        refuse_totals(self.kept, tallied)
        refuse_subtotals(staged, table.spec)
        if shortened(table.rows, table.readings) is not None:
            raise Rebuild("amounts are shortened")
        files = self._paths(self.kept) if self.new else ()
        refuse_repeats(self.source.connection, staged, files, repeated=self.state["repeated"])
        fresh = sum(int(row["broken"] or 0) + int(row["unread"] or 0) for row in tallied.values())
        found = rejects.explain(table, flagged=bool(fresh), repeated=0)
        every = pd.concat([frame_of(self.kept), found], ignore_index=True)
        lost = every[rejects.weighs(every)]
        account = account_of(LINES, counts, lost, 0, 0)
        raw = sum(p.raw for p in self.kept) + sum(self._raw().values())
        account = replace(account, left_out=raw - counts["rows"])
        try:
            rejects.judge(account, every, self.night.max_rejected, table)
        except DataError:
            raise Rebuild("too many rows are broken") from None
        notes = [turned(counts)] if counts["returned"] else []
        if counts["rounded"]:
            raise Rebuild("amounts have more than four decimals")
        good = staged.filter(~staged[BROKEN]) if counts["broken"] else staged
        placed = good.select(*self.state["columns"], ROW, PART)
        return Accepted(placed.drop(ROW, PART), found, account, notes, placed)

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
                               day=placed.transaction_date.strftime("%Y-%m-%d"))  # fmt: skip
        days = marked.group_by(PART, "day").aggregate(rows=marked.count(), total=marked.n.sum())
        facts = days.to_pyarrow().to_pandas()
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
                tuple(sorted(mine["day"])),
                (int(mine["rows"].sum()), str(sum(int(t) for t in mine["total"]))),
                (int(tests[index]["lines"]), str(tests[index]["money"] or 0)) if index in tests else (0, "0"),
                (),
                as_rows(rows),
            ))  # fmt: skip

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
        fresh = self._with_files(place)
        parts = sorted([*self.kept, *fresh], key=lambda part: self.order[part.name])
        lines = read_files(connection, self._paths(parts)).select(*self._columns(made))
        periods = Periods.of(self.state, parts)
        changed = {day for part in (*self.fresh, *self.gone) for day in part.days}
        periods = periods.renewed(connection, parts, changed, lines.columns, store.folder, place)
        day_files = tuple(store.folder / name for names in periods.days.values() for name in names)
        if not day_files:
            raise UnlikeParts("no line has a customer")
        total = (sum(p.digest[0] for p in parts), sum(int(p.digest[1]) for p in parts))
        tests = (sum(p.tests[0] for p in parts), float(sum(Decimal(p.tests[1]) for p in parts)))
        customers = self._customers(day_files, place)
        files = customers.paths(store.folder)
        every = read_customers(connection, files)
        by_id = every.select("customer_id", lines=every[COUNTED], money=every.revenue).cache()
        facts = LineFacts(by_id, periods.frame, tests, customers.odd, customers.forms)
        stored = StoredLines(
            lines,
            read_files(connection, day_files),
            total,
            self._paths(parts),
            day_files,
            files,
            facts,
            (min(p.days[0] for p in parts if p.days), max(p.days[-1] for p in parts if p.days)),
        )
        readings = made.readings
        if self.state is not None:
            mine = [ReadAs.of(one) for one in self.state["readings"]]
            readings = (*mine, *(one for one in readings if one.table != LINES))
        future = any("after today" in rule for part in parts for _, _, rule in part.rejected)
        state = {
            **self.night.made_of,
            "today": self.night.today.isoformat(),
            "newest": max(part.days[-1] for part in parts if part.days),
            "future": future,
            "clock": about,
            "raw": self.night.schema if self.state is None else dict(self.state["raw"]),
            "columns": self._columns(made),
            "repeated": self.repeated or bool(self.state and self.state["repeated"]),
            "readings": [one.as_dict() for one in readings if one.table == LINES],
            "parts": [asdict(part) for part in parts],
            "days": periods.days,
            "delimiters": self.delimiters,
            "by_day": periods.by_day,
            "customers": customers.as_dict(),
        }
        if any(part.stamp != known.stamp for part, known in zip(self.night.parts, parts, strict=True)):
            raise OSError("a file was written to while it was read")
        names = [*(n for p in parts for n in p.files), *(n for files in periods.days.values() for n in files)]
        names += customers.files
        store.write(state, names, new=place)
        return replace(made, tables={**made.tables, LINES: lines}, readings=readings, stored=stored)

    def _customers(self, day_files: tuple[Path, ...], place: Path) -> KeptCustomers:
        root, connection = self.night.store.folder, self.source.connection
        days = read_files(connection, day_files, COUNTED)
        if self.state is None:
            return KeptCustomers.whole(connection, days, root, place)
        assert self.placed is not None
        kept, went = KeptCustomers.of(self.state), self._paths(self.gone)
        return kept.renewed(connection, self.placed, went, days, root, place)

    def _columns(self, made: Snapshot) -> list[str]:
        return list(made.tables[LINES].columns)

    def _with_files(self, place: Path) -> list[KeptPart]:
        """The new files' rows written into the store."""
        assert self.placed is not None
        if not self.new:
            return []
        folder = place / "rows"
        write_by(self.source.connection, self.placed, folder, PART)
        return [
            replace(part, files=names_in(folder / f"{PART}={number}", self.night.store.folder))
            for number, part in enumerate(self.fresh)
        ]


def _number(expression: ir.Scalar) -> int:
    return int(expression.to_pyarrow().as_py() or 0)
