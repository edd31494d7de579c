"""Taking published runs away whose data held one person.

A run keeps no rows, so whether its data held somebody is told by the source: where the source, cut at the
run's day, still has the run's hash, it tells for certain. Where it has changed since, the run may have known
them.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from crm_analytics.analyses.campaigns.lists.exporting import MEMBERS, NUMBERS
from crm_analytics.errors import DataError
from crm_analytics.runs.publishing import index, publish
from crm_analytics.runs.publishing.wave_folders import LISTS, WATERFALL, waves_of
from crm_analytics.tables.export import pseudonyms, read_csv, write_csv
from crm_analytics.tables.source_ref import public_name

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase


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


def runs_that_knew(out: Path, base: CustomerBase, customer: str, source: str) -> list[KnowingRun]:
    """Published runs of this source that knew a customer, or may have.

    Parameters
    ----------
    out : the folder of reports
    base : the source as it is now
    customer : an id as the source has it
    source : as people name it; runs are recognised by its name or the data's label
    """
    found = []
    days: dict[str, tuple[str, bool] | None] = {}
    for path in sorted(out.glob("*/*/runs/*/manifest.json")):
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            about = json.loads(path.read_text(encoding="utf-8"))
            data, day = about["data"], str(about["as_of"] or "")
            if data.get("source") != public_name(source) and data.get("label", "") != base.label:
                continue
            if day not in days:
                days[day] = _at(base, day, customer)
            now = days[day]
            same = now is not None and data.get("hash") == now[0]
            if same and now is not None and not now[1]:
                continue  # these very data, and the customer was not in them yet
            folder = path.parent
            place = publish.Place(out, folder.parents[2].name, folder.parents[1].name)
            found.append(
                KnowingRun(place, folder.name, str(data.get("source", "")), str(data.get("hash", "")), same)
            )
    return found


def _at(base: CustomerBase, day: str, customer: str) -> tuple[str, bool] | None:
    """Hash of the base at a day and whether the customer is in it; None where it has no such day."""
    try:
        cut = base.as_of(day)
    except DataError:
        return None
    known = any(
        int(table.filter(table.customer_id == customer).count().to_pyarrow().as_py())
        for table in cut.tables.values()
        if "customer_id" in table.columns
    )
    return cut.data_hash, known


def waves_that_know(out: Path, customer: str, key: bytes) -> list[Path]:
    """Waves of contact lists on which a customer is: contacted or control."""
    (called,) = pseudonyms([customer], key)
    found = []
    for folder in sorted((out / LISTS).glob("*/")):
        for wave in waves_of(folder):
            members = pq.read_table(wave / MEMBERS, columns=["customer"])
            if called in members["customer"].to_pylist():
                found.append(wave)
    return found


def take_out_of_waves(waves: Sequence[Path], customer: str, key: bytes) -> None:
    """Remove a customer from the files of waves; the counts of the waves stay.

    Raises
    ------
    PublishError : a file cannot be written.
    """
    (called,) = pseudonyms([customer], key)
    for wave in waves:
        members = pq.read_table(wave / MEMBERS)
        kept = members.filter(pc.not_equal(members["customer"], called))
        buffer = io.BytesIO()
        pq.write_table(kept, buffer)
        with publish.in_words(wave):
            publish.replace_file(wave / MEMBERS, buffer.getvalue())
        for path in wave.glob("*.csv"):
            if path.name == WATERFALL:
                continue
            rows = read_csv(path, numbers=NUMBERS)
            column = "customer" if "customer" in rows.columns else "customer_id"
            mine = rows[column] == (called if column == "customer" else customer)
            if mine.any():
                write_csv(rows[~mine], path)


def delete(out: Path, runs: Sequence[KnowingRun], today: date) -> None:
    """Delete runs with all they published: pages, tables, notebooks, pointers; the index is made anew.

    Raises
    ------
    LockedError : a report is being made right now.
    PublishError : something cannot be deleted.
    """
    for place in dict.fromkeys(one.place for one in runs):
        names = {one.run for one in runs if one.place == place}
        with publish.locked(place), publish.in_words(place.folder):
            _delete_at(place, names)
    index.rebuild(out, today)


def _delete_at(place: publish.Place, names: set[str]) -> None:
    for pointer, page in (("current.json", place.page), ("failed.json", None)):
        named = publish.pointer_of(place.folder, pointer)
        if named and named["run"] in names:
            if page is not None:
                page.unlink(missing_ok=True)
                shutil.rmtree(place.folder / publish.LISTS, ignore_errors=True)
            (place.folder / pointer).unlink()
    for name in names:
        shutil.rmtree(place.folder / "runs" / name)
    if not any((place.folder / "runs").iterdir()):
        shutil.rmtree(place.folder)
