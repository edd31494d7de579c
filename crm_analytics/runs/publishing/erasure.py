"""Taking a person out of all that is published.

A run keeps no rows, so whether its data held somebody is told by the source: where the source, cut at the
run's day, still has the run's hash, it tells for certain. Where it has changed since, or the run has lost its
record, the run may have known them. Contact lists hold people themselves, and every file of them is looked
into, whatever state a killed command left it in.

The order is such that a kill at any step leaves what the next call finds: first the person is remembered as
not to be contacted, then the files that name somebody go, and last what a person is found by.
"""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from crm_analytics.analyses.campaigns.lists.exporting import MEMBERS, NUMBERS
from crm_analytics.errors import DataError, ParameterError
from crm_analytics.runs.publishing import (
    identity_store,
    index,
    kept_rows,
    partner_files,
    publish,
    published_tree,
    score_places,
    suppressions,
)
from crm_analytics.runs.publishing.wave_folders import LISTS, source_of_wave
from crm_analytics.tables.base_filter import as_given, read_conditions
from crm_analytics.tables.export import pseudonyms, read_csv, write_csv
from crm_analytics.tables.project_key import read_key
from crm_analytics.tables.regular_files import open_regular, read_record
from crm_analytics.tables.source_ref import public_name

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

_TABLES = (".csv", ".parquet")
Known = tuple[str, str, str]  # an id, since, until


@dataclass(frozen=True)
class KnowingRun:
    """A published run, and why it is on the list."""

    place: publish.Place
    run: str
    source: str
    data_hash: str
    certain: bool

    def line(self) -> dict[str, Any]:
        """For machines."""
        why = "its data held the customer" if self.certain else "its data have changed since: they may have"
        return {
            "report": self.place.name,
            "slug": self.place.slug,
            "run": self.run,
            "source": self.source,
            "data_hash": self.data_hash,
            "certain": self.certain,
            "why": why,
        }


@dataclass(frozen=True)
class Found:
    """Where a customer stands in what is published.

    Parameters
    ----------
    runs : published runs whose data held the customer, or may have
    files : files of contact lists with the customer in them
    unreadable : files of contact lists that cannot be read, so that nobody can tell
    in_source : whether the source has the customer now
    other_sources : names of further sources that reports here were made from; they are not looked at
    ids : by which the customer is or was known here: id, since, until (days; empty: always), the own first
    kept : whether rows kept for the next night hold the customer
    scores : names of files with scores, which are looked into
    servers : names of tables with scores on servers, which are not ours to clean
    partner_files : files of tokens for partners that were made from the source
    """

    runs: Sequence[KnowingRun]
    files: Sequence[Path]
    unreadable: Sequence[Path]
    in_source: bool
    other_sources: Sequence[str]
    ids: Sequence[Known] = ()
    kept: bool = False
    scores: Sequence[str] = ()
    servers: Sequence[str] = ()
    partner_files: Sequence[Path] = ()

    @property
    def own_ids(self) -> list[str]:
        """The ids of the customer's own records."""
        return [one for one, since, until in self.ids if not since and not until]

    @property
    def waves(self) -> list[Path]:
        """The folders of the files, each once."""
        return sorted({path.parent for path in self.files})


def find(out: Path, root: Path, base: CustomerBase, customer: str, source: str) -> Found:
    """Look for a customer in everything that is published.

    Parameters
    ----------
    out : the folder of reports
    root : of the project that published there, see `published_tree.project_of`
    base : the source as it is now
    customer : an id as the source has it
    source : as people name it; runs are recognised by its name or the data's label

    Raises
    ------
    ParameterError : nothing is published there, nothing there is of this source, or the key is not the one
        that the lists were made with. Each of these would be a false all-clear.
    """
    known = _sources_in(out)
    scored = score_places.of_customers(out)
    given = partner_files.lying(root)
    if not known and not published_tree.waves_in(out) and not any(scored) and not given:
        raise ParameterError(f"nothing is published in {out}: is this the right --out?")
    mine = {public_name(source), base.label}
    if known and not known & mine:
        raise ParameterError(
            f"nothing in {out} was made from {public_name(source)}. It has reports of: "
            f"{', '.join(sorted(known))}. If the source was renamed, say --known-as NAME"
        )
    key = read_key(root)
    published_tree.check_key(out, root, key)
    if key is not None:
        _check_old_waves(out, base, key)
    ids = identity_store.ids_of(out, customer, key)
    own = [one for one, since, until in ids if not since and not until]
    others = known.union(*given.values()) - mine
    files, unreadable = _traces(out, ids, key)
    return Found(
        runs=_runs(out, base, own, mine),
        files=files,
        unreadable=unreadable,
        in_source=_holds(base, own),
        other_sources=sorted(others),
        ids=ids,
        kept=bool(kept_rows.holding(out, own)),
        scores=sorted({one.name for one in scored[0]}),
        servers=sorted({one.name for one in scored[1]}),
        partner_files=sorted(path for path, sources in given.items() if sources & mine),
    )


def erase(out: Path, found: Found, customer: str, key: bytes, today: date) -> None:
    """Take a customer out: from lists by their rows, from runs by deleting them; the index is made anew.

    All ids of the customer's own records go; the identity state is cleaned last, for it tells which they are.

    Calling it again after a kill, with what `find` finds then, does the rest.

    Raises
    ------
    LockedError : a report or a list is being made right now.
    PublishError : something cannot be written or deleted.
    DataError : files of lists cannot be read; everything else is done by then.
    """
    with publish.lists_locked(out):
        ids = found.ids or [(customer, "", "")]
        own = found.own_ids or [customer]
        for one in own:
            suppressions.suppress(out, one, key)
        kept_rows.forget(out)
        partner_files.delete(found.partner_files)
        _sweep([p for p in _below(out / LISTS) if ".part" in p.name and p.name.startswith(".")])
        for path in sorted(found.files, key=lambda p: (p.parent, p.name == MEMBERS, p.suffix, p.name)):
            _take_out(path, ids, key)
    half = [publish.Place(out, p.parents[2].name, p.parents[1].name) for p in out.glob("*/*/runs/.part-*")]
    for place in dict.fromkeys([*(one.place for one in found.runs), *half]):
        names = {one.run for one in found.runs if one.place == place}
        with publish.locked(place), publish.in_words(place.folder):
            _sweep((place.folder / "runs").glob(".part-*"))
            _delete_at(place, names)
    score_places.take_out(out, own, key)
    with publish.lists_locked(out):
        identity_store.forget(out, own, key)
    index.rebuild(out, today)
    if found.unreadable:
        raise DataError(
            "these files cannot be read, so nobody can tell whether they hold the customer. Delete them: "
            + ", ".join(str(path.relative_to(out)) for path in found.unreadable)
        )


def _sources_in(out: Path) -> set[str]:
    """What the sources of all that is published are called."""
    names = set()
    for path in _manifests(out):
        data = _record(path).get("data", {})
        names |= {str(data.get("source", "")), str(data.get("label", ""))}
    names |= {source_of_wave(wave) for wave in published_tree.waves_in(out)}
    return names - {""}


def _manifests(out: Path) -> Iterator[Path]:
    """Where each run's record is, or should be."""
    for run in sorted(out.glob("*/*/runs/*/")):
        if not run.name.startswith("."):
            yield run / "manifest.json"


def _record(path: Path) -> dict[str, Any]:
    try:
        about = read_record(path)
        return about if isinstance(about["data"], dict) else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _runs(out: Path, base: CustomerBase, own: list[str], mine: set[str]) -> list[KnowingRun]:
    found = []
    days: dict[tuple[str, str], tuple[str, bool] | None] = {}
    for path in _manifests(out):
        about = _record(path)
        data, day = about.get("data", {}), str(about.get("as_of") or "")
        if about and not {str(data.get("source")), str(data.get("label", ""))} & mine:
            continue
        where = data.get("where") or []
        cut = (day, json.dumps(where))
        if about and cut not in days:
            days[cut] = _at(base, day, own, where)
        now = days.get(cut) if about else None  # a run without its record may have known anybody
        same = now is not None and data.get("hash") == now[0]
        if same and now is not None and not now[1]:
            continue  # these very data, and the customer was not in them yet
        place = publish.Place(out, path.parents[3].name, path.parents[2].name)
        found.append(
            KnowingRun(place, path.parent.name, str(data.get("source", "")), str(data.get("hash", "")), same)
        )
    return found


def _at(base: CustomerBase, day: str, own: list[str], where: list[Any]) -> tuple[str, bool] | None:
    """Hash of the base at a day and whether the customer is in it; None where it has no such cut."""
    try:
        cut = base.as_of(day)
        cut = cut.filter(as_given(read_conditions(where))) if where else cut
    except (DataError, ParameterError, ValueError, TypeError):
        return None
    return cut.data_hash, _holds(cut, own)


def _holds(base: CustomerBase, own: list[str]) -> bool:
    return any(
        int(table.filter(table.customer_id.isin(own)).count().to_pyarrow().as_py())
        for table in base.tables.values()
        if "customer_id" in table.columns
    )


def _check_old_waves(out: Path, base: CustomerBase, key: bytes) -> None:
    """Waves of earlier versions do not name their key: it must at least know somebody on them."""
    if published_tree.key_of_tree(out):
        return
    members = [wave / MEMBERS for wave in published_tree.waves_in(out)]
    listed = {one for path in members if (table := _read(path)) for one in table["customer"].to_pylist()}
    ids = base.collect(base.customers.select("customer_id"))["customer_id"].tolist()
    if listed and not listed & set(pseudonyms(ids, key)):
        raise ParameterError(
            f"the key knows nobody on the contact lists in {out}: they were made with another key, or from "
            "another source. Bring the key back from your copy (crm key --import FILE)"
        )


# --- files of lists -----------------------------------------------------------------------------------------


def _traces(out: Path, ids: Sequence[Known], key: bytes | None) -> tuple[list[Path], list[Path]]:
    """Files of lists with the customer in them, and those that cannot be read."""
    found, unreadable = [], []
    for path in sorted(_below(out / LISTS)):
        if path.suffix not in _TABLES or not path.is_file() or _is_draft(path, out):
            continue
        try:
            if _others(path, ids, key) is not None:
                found.append(path)
        except DataError:
            unreadable.append(path)
    return found, unreadable


def _below(folder: Path) -> Iterator[Path]:
    """Everything below a folder, behind links as well: a folder of lists may lie on another disk."""
    seen: set[str] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        folders[:] = [] if real in seen else folders
        if real not in seen:
            yield from (Path(place) / name for name in (*folders, *files))
        seen.add(real)


def _is_draft(path: Path, out: Path) -> bool:
    return any(".part" in part and part.startswith(".") for part in path.relative_to(out).parts)


def _sweep(drafts: Iterable[Path]) -> None:
    """Remove what killed runs left half written: it may name anybody."""
    for draft in list(drafts):
        with publish.in_words(draft):
            shutil.rmtree(draft) if draft.is_dir() else draft.unlink(missing_ok=True)


def _others(path: Path, ids: Sequence[Known], key: bytes | None) -> Any:
    """The rows of a file that are not the customer's, as a table or frame; None where all are."""
    day = path.parent.name  # of the wave: an id that was shared for a while counts for that while
    their_ids = [one for one, since, until in ids if not since or since <= day <= (until or day)]
    called = [*their_ids, *(pseudonyms(their_ids, key) if key is not None else [])]
    if path.suffix == ".csv":
        rows = read_csv(path)
        names = [n for n in ("customer", "customer_id") if n in rows.columns]
        mine = rows[names].isin(called).any(axis=1)
        return (
            read_csv(path, numbers=[n for n in NUMBERS if n in rows.columns])[~mine] if mine.any() else None
        )
    table = _read(path)
    if table is None:
        raise DataError(f"{path.name} is not readable")
    kept = table
    for name in ("customer", "customer_id"):
        if name in table.column_names:
            mine = pc.is_in(kept[name].cast("string"), pa.array(called, "string"))
            kept = kept.filter(pc.invert(mine))
    return kept if len(kept) < len(table) else None


def _read(path: Path) -> pa.Table | None:
    try:
        with open_regular(path) as file:
            return pq.read_table(file)
    except (OSError, pa.ArrowException):
        return None


def _take_out(path: Path, ids: Sequence[Known], key: bytes) -> None:
    kept = _others(path, ids, key)
    if kept is None:
        return
    if path.suffix == ".csv":
        write_csv(kept, path)
        return
    buffer = io.BytesIO()
    pq.write_table(kept, buffer)
    with publish.in_words(path):
        publish.replace_file(path, buffer.getvalue())


# --- runs ---------------------------------------------------------------------------------------------------


def _delete_at(place: publish.Place, names: set[str]) -> None:
    """What a reader sees goes first, the run's record with its folder last, in one step each."""
    runs = place.folder / "runs"
    for pointer in ("current.json", "failed.json"):
        named = publish.pointer_of(place.folder, pointer)
        if named and named["run"] in names:
            if pointer == "current.json":
                _delete_shown(place)
            (place.folder / pointer).unlink()
    for name in names:
        gone = runs / f".part-{name}"
        shutil.rmtree(gone, ignore_errors=True)
        (runs / name).rename(gone)
        shutil.rmtree(gone)
    if runs.is_dir() and not any(runs.iterdir()):
        shutil.rmtree(place.folder)


def _delete_shown(place: publish.Place) -> None:
    """The page and all that stands beside it for readers."""
    for shown in place.folder.iterdir():
        if shown.name in ("runs", "current.json", "failed.json"):
            continue
        shutil.rmtree(shown) if shown.is_dir() and not shown.is_symlink() else shown.unlink(missing_ok=True)
