"""A wave leaves the house: a list a file, for a mail tool, and what must be remembered of it.

::

    <folder>/<list>.csv          whom to contact, the most worth first; no cell runs as a formula
    <folder>/<list>.parquet      the same with types
    <folder>/members.parquet     treated and control, pseudonyms: what later waves and the evaluation read
    <folder>/waterfall.csv       who was suppressed, at which step
    <folder>/wave.json           the day, the terms, the counts
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from crm_analytics.analyses.campaigns.lists.list_summaries import summary, waterfall
from crm_analytics.analyses.campaigns.lists.lists import TREATED, Lists
from crm_analytics.analyses.customer_facts import Previous
from crm_analytics.errors import DataError, PublishError
from crm_analytics.tables.export import pseudonyms, write_csv
from crm_analytics.tables.project_key import fingerprint
from crm_analytics.tables.regular_files import open_regular, read_record, replace_whole

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

MEMBERS = "members.parquet"
WAVE = "wave.json"
SCHEMA = 1
NUMBERS = ("value_at_stake", "expected_value", "expected_margin")  # of a list's columns
FOR_PEOPLE = ("first_name", "last_name", "email", "phone", "postal_code", "city", "country", "language")
_COLUMNS = ("reason_code", "reason", "due_on", "item", "channel", *NUMBERS)


def export(
    wave: Lists,
    folder: str | Path,
    key: bytes,
    *,
    show_customers: bool = False,
    source: str = "",
    forgotten: int = 0,
) -> list[Path]:
    """Write a wave into a folder that is there.

    Parameters
    ----------
    folder : of this wave alone
    key : of the pseudonyms (`tables.export.project_key`)
    show_customers : ids, names and addresses in the files of the lists; else pseudonyms, which `crm reveal`
        turns back for whoever holds the key
    source : what may be told of where the rows came from
    forgotten : how many people were known who must not be contacted: later waves must know as many

    Returns
    -------
    The files, `wave.json` last: a folder that has it is whole.

    Raises
    ------
    PublishError : a file cannot be written
    """
    target = Path(folder)
    members = wave.base.collect(
        wave.members.filter(wave.members.treatment.notnull()).order_by("list", "customer_id")
    )
    members["customer"] = pseudonyms(members["customer_id"].tolist(), key)
    files = []
    for name, rows in _by_list(members):
        files += _files(wave, name, rows, target, show_customers)
    table = waterfall(wave)
    files.append(write_csv(table[table["list"] != ""], target / "waterfall.csv"))
    files.append(write_whole(target / MEMBERS, remembered(members, wave.base.day)))
    return [*files, write_whole(target / WAVE, _told(wave, source, fingerprint(key), forgotten))]


def _by_list(members: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    treated = members[members["treatment"] == TREATED]
    stake, expected = (treated[c].astype("float64") for c in NUMBERS[:2])
    ordered = treated.assign(_one=expected.fillna(0.0), _two=stake).sort_values(
        ["_one", "_two", "customer_id"], ascending=[False, False, True]
    )
    return [(str(name), rows.drop(columns=["_one", "_two"])) for name, rows in ordered.groupby("list")]


def _files(wave: Lists, name: str, rows: pd.DataFrame, folder: Path, show_customers: bool) -> list[Path]:
    """One list, as CSV for mail tools and as Parquet for machines: the same rows, people and columns."""
    columns = rows[["customer", *_COLUMNS]].reset_index(drop=True)
    due_on = pd.to_datetime(columns["due_on"])
    columns = columns.assign(due_on=due_on.dt.strftime("%Y-%m-%d"))
    if show_customers:
        columns = columns.drop(columns="customer")
        columns.insert(0, "customer_id", rows["customer_id"].to_numpy())
        people = wave.base.tables.get("customers")
        have = [c for c in FOR_PEOPLE if people is not None and c in people.columns]
        if people is not None and have:
            listed = wave.next_actions.filter(wave.next_actions["list"] == name)
            named = people.semi_join(listed, "customer_id").select("customer_id", *have)
            columns = columns.merge(wave.base.collect(named), on="customer_id", how="left")
            if "phone" in have:
                columns["phone"] = columns["phone"].map(international, na_action="ignore")
    typed = columns.assign(due_on=due_on, **columns[list(NUMBERS)].astype("float64"))
    types = {"due_on": pa.date32(), **dict.fromkeys(NUMBERS, pa.float64())}
    schema = pa.schema([(column, types.get(column, pa.string())) for column in typed.columns])
    table = pa.Table.from_pandas(typed, schema, preserve_index=False).replace_schema_metadata()
    return [
        write_csv(columns, folder / f"{name}.csv"),
        write_whole(folder / f"{name}.parquet", _parquet(table)),
    ]


def international(phone: str) -> str:
    """A phone number with a plus as mail and text-message tools take it (E.164); any other text as it is.

    A plus before digits alone is no formula to a spreadsheet, so it stays in the file.

    >>> international("+49 (170) 123-45 67"), international("0170 1234567"), international("+1+cmd|' /C'!A0")
    ('+491701234567', '0170 1234567', "+1+cmd|' /C'!A0")
    """
    if not re.fullmatch(r"\s*\+[\d\s()./\u2010-\u2015-]+", phone):
        return phone
    digits = "".join(str(int(c)) for c in phone.replace("(0)", "") if c.isdecimal())
    return f"+{digits}" if 4 <= len(digits) <= 15 and digits[0] != "0" else phone


def _parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def remembered(members: pd.DataFrame, day: date) -> bytes:
    """What later waves and the evaluation read of a wave, as a Parquet file."""
    kept = members[["list", "customer", "reason_code", "channel", "treatment"]].astype("str")
    item = members["item"] if "item" in members else pd.Series(None, members.index, dtype="object")
    table = pa.Table.from_pandas(kept, preserve_index=False)
    table = table.append_column(
        "item", pa.array(item.astype("object").where(item.notna(), None), pa.string())
    )
    table = table.append_column("issued_on", pa.array([day] * len(kept), pa.date32()))
    return _parquet(table)


def _told(wave: Lists, source: str, key: str, forgotten: int) -> bytes:
    terms = asdict(wave.terms)
    terms["where"] = {name: str(value) for name, value in wave.terms.where.items()}
    if isinstance(wave.terms.response, Mapping):
        terms["response"] = dict(wave.terms.response)
    counts = summary(wave)[["list", "due", "suppressed", "control", "treated"]]
    facts: dict[str, Any] = {
        "schema": SCHEMA,
        "day": wave.base.day.isoformat(),
        "data_hash": wave.base.data_hash,
        "source": source,
        "key": key,
        "forgotten": forgotten,
        "lists": counts.to_dict("records"),
        "left_out": dict(wave.left_out),
        "terms": terms,
    }
    return as_json(facts)


def as_json(facts: dict[str, Any]) -> bytes:
    """The record of a wave as a file."""
    return (json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def previous_of(folder: Path) -> Previous:
    """The wave in a folder, as that before the next one.

    Raises
    ------
    DataError : `wave.json` is broken
    """
    return Previous(date.fromisoformat(folder.name), terms_of(folder).get("days", 0))


def terms_of(folder: Path) -> dict[str, Any]:
    """The terms of a wave that was issued.

    Raises
    ------
    DataError : `wave.json` is broken
    """
    try:
        terms: dict[str, Any] = read_record(folder / WAVE)["terms"]
        return dict(terms)
    except (OSError, ValueError, KeyError, TypeError):
        raise DataError(f"{folder / WAVE} cannot be read: bring it back, or take the wave away") from None


def write_whole(path: Path, content: bytes) -> Path:
    """A file, whole or not at all."""
    try:
        replace_whole(path, content, 0o640)
    except OSError as error:
        raise PublishError(f"{path} cannot be written ({error.strerror})") from None
    return path


def issued(base: CustomerBase, folders: list[Path], key: bytes) -> ir.Table | None:
    """What earlier waves hold, for `lists(issued=...)`; None where there is none.

    Parameters
    ----------
    folders : of waves, <name of the lists>/<day>; those whose `wave.json` is missing were not finished, and
        are passed over
    key : of the pseudonyms; customers of waves made with another key are not recognised

    Returns
    -------
    list, customer_id, reason_code, channel, treatment, item (missing in older waves), issued_on, lists (the
    name of the wave's folder): of customers the base knows

    Raises
    ------
    DataError : a file is broken
    """
    parts = []
    for folder in folders:
        if not (folder / WAVE).is_file():
            continue
        try:
            with open_regular(folder / MEMBERS) as file:
                part = pq.read_table(file)
        except (OSError, pa.ArrowException):
            raise DataError(
                f"{folder / MEMBERS} cannot be read: bring it back, or take the wave away"
            ) from None
        parts.append(part.append_column("lists", pa.array([folder.parent.name] * len(part), pa.string())))
    if not parts:
        return None
    known = base.known_ids  # a wave may have reached a customer under an id that another one has today
    names = pd.Series(pseudonyms(known["known_id"].tolist(), key), index=known.index, dtype="str")
    called = known.assign(customer=names).drop(columns="known_id")
    every = pa.concat_tables(parts, promote_options="default").to_pandas()
    found = every.merge(called, on="customer").drop(columns="customer")
    day = found["issued_on"].astype("str")
    then = (day >= found["since"]) & ((found["until"] == "") | (day <= found["until"]))
    found = found[then].drop(columns=["since", "until"]).drop_duplicates(ignore_index=True)
    found["issued_on"] = pd.to_datetime(found["issued_on"])
    table = base.to_engine(found)
    return table.mutate(issued_on=table.issued_on.cast("date"))
