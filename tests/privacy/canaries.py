"""A shop whose every text is a canary, and the search for canaries in whatever form a file holds them."""

from __future__ import annotations

import base64
import binascii
import csv
import gzip
import html
import io
import json
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from crm_analytics.tables.contract import TABLES

# Every planted value holds one of these; nothing else in the world does.
MARKS = ("zqxkanari", "@kanari.example", "555-0199-")
BROKEN_ROWS = 18
CUSTOMERS = 300


def canary(kind: str, number: int) -> str:
    """A value that must not be told: a name, a mail, a phone number or an id."""
    return {
        "name": f"Zqxkanari Vogel{number}",
        "email": f"vogel.{number}@kanari.example",
        "phone": f"+49 555-0199-{number:04}",
        "id": f"id-zqxkanari-{number:04}",
    }[kind]


KINDS = ("id", "email", "name", "phone")


def customer(number: int, id_kind: str) -> str:
    """What a customer is called: always in the same way, or "in turn" by id, mail, name and phone number."""
    return canary(KINDS[number % len(KINDS)] if id_kind == "in turn" else id_kind, number)


def kind_of(column: str) -> str:
    """Which canary a column of the contract gets."""
    for kind, words in (("email", ("email", "handle", "token")), ("phone", ("phone",)), ("id", ("_id",))):
        if any(word in column for word in words):
            return kind
    return "name"


def write_shop(
    folder: Path,
    *,
    id_kind: str = "id",
    broken: int = BROKEN_ROWS,
    customers: int = CUSTOMERS,
    product_names: bool = False,
) -> Path:
    """Every table of the contract with canaries in all its text columns.

    Parameters
    ----------
    id_kind : what a customer is called: "id", "email", "name", "phone", or each of these "in turn"
    customers : how many of them buy
    product_names : names of products are names of products; pages may show them
    broken : transactions whose date, amount or line key is a canary, too
    """
    folder.mkdir(parents=True)
    (folder / "mapping.toml").write_text('label = "Shop"\ncurrency = "USD"\n', encoding="utf-8")
    for name, table in TABLES.items():
        if name == "transactions":
            continue
        rows = [
            {c.name: _value(c.name, c.type, number, id_kind) for c in table.columns}
            for number in range(CUSTOMERS)
        ]
        if name == "products" and product_names:
            rows = [row | {"product_name": f"Product {number}"} for number, row in enumerate(rows)]
        _write(folder / f"{name}.csv", list(table.names), rows)
    lines = list(_lines(id_kind, customers))
    for number in range(broken):
        line = {**lines[number], "transaction_line_id": f"L-zqxkanari-b{number}"}
        field = ("transaction_date", "unit_spend", "transaction_line_id")[number % 3]
        line[field] = (
            lines[0]["transaction_line_id"]
            if number % 3 == 2
            else canary(("name", "email")[number % 2], number)
        )
        lines.append(line)
    names = [n for n in TABLES["transactions"].names if n != "currency"]
    _write(folder / "transactions.csv", names, lines)
    return folder


def _lines(id_kind: str, customers: int) -> Iterator[dict[str, str]]:
    chance = np.random.default_rng(3)
    columns = TABLES["transactions"].columns
    number = 0
    for who in range(customers):
        day = date(2024, 1, 1) + timedelta(days=int(chance.integers(0, 90)))
        for _ in range(int(1 + chance.poisson(chance.gamma(1.0, 2.0)))):
            number += 1
            line = {c.name: _value(c.name, c.type, number, id_kind) for c in columns}
            yield line | {
                "transaction_line_id": f"L-zqxkanari-{number}",
                "customer_id": customer(who, id_kind),
                "transaction_date": day.isoformat(),
                "unit_spend": f"{chance.gamma(4.0, 10.0):.2f}",
                "is_return": "false",
            }
            day += timedelta(days=int(chance.exponential(60)) + 1)
            if day > date(2025, 12, 31):
                break


def _value(column: str, kind: str, number: int, id_kind: str) -> str:
    if column.endswith("customer_id"):
        return customer(number, id_kind)
    if kind == "text":
        return canary(kind_of(column), number)
    return {
        "time": "2024-01-01",
        "date": "1980-01-01",
        "flag": "true",
        "count": "3",
    }.get(kind, "1")


def _write(path: Path, names: list[str], rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


# --- looking ------------------------------------------------------------------------------------------------


def found_in_folder(folder: Path) -> list[str]:
    """Files under a folder that hold a canary, in whatever form, with some of what is around it."""
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        for text in (path.relative_to(folder).as_posix(), *texts_of(path.read_bytes())):
            found += [f"{path.relative_to(folder)}: {hit}" for hit in found_in_text(text)]
    return found


def found_in_text(text: str) -> list[str]:
    """Canaries in a text, as they stand, escaped for HTML, JSON or a URL, or with marks in between."""
    forms = {text, html.unescape(text), re.sub(r"%([0-9A-Fa-f]{2})", lambda m: chr(int(m[1], 16)), text)}
    forms |= {re.sub(r"\\u([0-9A-Fa-f]{4})", lambda m: chr(int(m[1], 16)), form) for form in forms}
    hits = []
    for form in forms:
        low = form.lower()
        for mark in MARKS:
            at = low.find(mark)
            if at >= 0:
                hits.append(f"…{form[max(at - 60, 0) : at + 40]}…")
    return hits


def texts_of(content: bytes, depth: int = 0) -> Iterator[str]:
    """All texts a file may hold: its bytes, what is packed in it, the cells and metadata of Parquet."""
    yield content.decode("utf-8", "replace")
    yield content.decode("utf-16-le", "replace")
    if depth > 3:
        return
    if content[:4] == b"PAR1":
        table = pq.read_table(io.BytesIO(content))
        yield json.dumps(table.to_pydict(), default=str, ensure_ascii=False)
        yield repr(table.schema.metadata) + repr([field.metadata for field in table.schema])
        about = pq.ParquetFile(io.BytesIO(content)).metadata
        yield repr(about.metadata)
        return
    for unpack in (gzip.decompress, zlib.decompress, lambda b: zlib.decompress(b, -15)):
        with suppress(OSError, zlib.error, EOFError):
            yield from texts_of(unpack(content), depth + 1)
    for packed in re.findall(rb"[A-Za-z0-9+/_-]{24,}={0,2}", content):
        with suppress(binascii.Error, ValueError):
            plain = base64.b64decode(packed.replace(b"-", b"+").replace(b"_", b"/") + b"==")
            yield from texts_of(plain, depth + 1)
