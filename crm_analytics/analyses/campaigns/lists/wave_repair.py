"""A wave whose files were torn, as a power cut may leave them: its memory is made again from its lists."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from crm_analytics.analyses.campaigns.lists import exporting
from crm_analytics.analyses.campaigns.lists.exporting import MEMBERS, WAVE, write_whole
from crm_analytics.analyses.campaigns.lists.lists import TREATED
from crm_analytics.errors import DataError
from crm_analytics.tables.export import pseudonyms, read_csv
from crm_analytics.tables.project_key import fingerprint
from crm_analytics.tables.regular_files import open_regular

_NEEDED = ("reason_code", "channel")
_NO_LIST = ("waterfall",)


def is_torn(folder: Path) -> bool:
    """Whether the memory of a wave is missing or no Parquet file.

    Raises
    ------
    DataError : it is there and may not be read: that is no tear, and the right to read it must come back.
    """
    try:
        with open_regular(folder / MEMBERS) as file:
            pq.read_metadata(file)
    except (FileNotFoundError, pa.ArrowException):
        return True
    except OSError as error:
        raise DataError(f"{folder / MEMBERS} cannot be read ({error.strerror})") from None
    return False


def repair(folder: Path, key: bytes) -> bool:
    """Make the memory of a torn wave again from the files of its lists; False where these are torn, too.

    Who was contacted is known again. Who was held back as control is not, for no list names them.

    Raises
    ------
    PublishError : a file cannot be written.
    """
    day = date.fromisoformat(folder.name)
    parts = []
    for name in sorted({path.stem for path in folder.glob("*.*") if path.suffix in (".csv", ".parquet")}):
        if name in (*_NO_LIST, Path(MEMBERS).stem) or name.startswith("."):
            continue
        rows = _rows(folder, name)
        if rows is None:
            return False
        named = rows["customer"].tolist() if "customer" in rows else None
        called = pd.Series(named or pseudonyms(rows["customer_id"].tolist(), key), index=rows.index)
        parts.append(rows.assign(list=name, customer=called, treatment=TREATED))
    if not parts:
        return False
    members = pd.concat(parts, ignore_index=True)
    write_whole(folder / MEMBERS, exporting.remembered(members, day))
    return True


def repair_record(folder: Path, key: bytes) -> None:
    """Put a short record in the place of one that cannot be read: the day, the key, one day of rest.

    Raises
    ------
    PublishError : it cannot be written.
    """
    try:
        exporting.terms_of(folder)
    except DataError:
        facts = {"schema": exporting.SCHEMA, "day": folder.name, "key": fingerprint(key)}
        facts["terms"] = {"days": 1}  # at least: what the wave was made for is lost with the record
        write_whole(folder / WAVE, exporting.as_json(facts))


def _rows(folder: Path, name: str) -> pd.DataFrame | None:
    for path in (folder / f"{name}.parquet", folder / f"{name}.csv"):
        try:
            with open_regular(path) as file:
                rows = pd.read_parquet(file) if path.suffix == ".parquet" else read_csv(path)
        except (OSError, ValueError, DataError, pa.ArrowException):
            continue
        if {"customer", "customer_id"} & set(rows.columns) and set(_NEEDED) <= set(rows.columns):
            return rows
    return None
