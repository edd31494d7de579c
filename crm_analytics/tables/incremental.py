"""Opening a source of which most was read before: only new, changed and gone files cost anything.

Rows that passed are kept by the file they came from (`row_store`), with what was counted of them: tallies,
shapes of text columns, months, digests. All of these add up over files, so what is decided from all rows is
decided from the sums, exactly as if all rows were there. What does not add up is refused, and everything is
read again: then it is said why.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any

import ibis

from crm_analytics.errors import DataError
from crm_analytics.tables.collected_rows import collect_tables, expand, origins
from crm_analytics.tables.csv_files import CsvFile
from crm_analytics.tables.kept_merge import Merge
from crm_analytics.tables.kept_parts import LINES, KeptPart, Rebuild
from crm_analytics.tables.row_store import RowStore
from crm_analytics.tables.shelves import Shelf, open_shelf
from crm_analytics.tables.snapshot import Snapshot, take
from crm_analytics.tables.source_parts import Part, UnlikeParts, row_groups
from crm_analytics.tables.source_ref import SourceRef
from crm_analytics.tables.sources import Source, open_source

_ALL, _CONNECTION = "all rows were read", "a connection does not say which rows are new"
_MOST_GROUPS = 2000  # row groups of a file that are kept one by one


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
        night = Night(ref, mapping, today, max_rejected, store)
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
class Night:
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
        """Where the source lies."""
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
        if len(found) == 1:
            return row_groups(found[0], _MOST_GROUPS)
        return tuple(found) if len({p.path for p in found}) == len(found) else ()

    @cached_property
    def why_whole(self) -> str:
        """Why the purchases cannot be read file by file; empty where they can."""
        if len(self.parts) < 2:
            return "purchases lie in one file of one piece, or need several to understand one row"
        return ""

    @cached_property
    def made_of(self) -> dict[str, str]:
        """What the rows depend on besides the files."""
        zones = self.shelf.zones.get(LINES, {}) if self.parts else {}
        said = repr(self.shelf.mapping) + (repr(sorted(zones.items())) if zones else "")
        return {"source": self.ref.identity, "mapping": hashlib.sha256(said.encode()).hexdigest()}

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
        merge = Merge(self, source, kept, new, gone, state)
        snapshot = merge.snapshot()
        what = "files" if self.parts[0].group is None else "row groups"
        reading = f"read {len(new)} of {len(self.parts)} {what} of purchases"
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
                alone = part.folder is None and part.group is None
                if alone and any(one.sha256 == part.sha256 for one in kept):
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
        return Source(
            shelf.connection,
            found,
            shelf.mapping,
            shelf.label,
            True,
            shelf.csv,
            self.shelf.zones | shelf.zones,
            found.columns | self.shelf.columns | shelf.columns,
        )
