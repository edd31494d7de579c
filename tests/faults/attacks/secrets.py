"""A password in a source's text is told nowhere, however the text is spelled."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from crm_analytics.runs.publishing.manifest import published_words
from tests.faults.attacks import Tries, attack, crm, files_with, project

CANARY = "S3cretPW"
SPELLINGS = [
    f"postgresql+psycopg2://crm:{CANARY}@db.example/crm",
    f"postgress://crm:{CANARY}@db.example/crm",
    f"POSTGRES://crm:{CANARY}@127.0.0.1:1/crm",
    f"csv://crm:{CANARY}@db.example/x.csv",
    f"postgres:/ann:{CANARY}@h/db",
    f"ann:{CANARY}@h/db",
    f"postgres://ann:{CANARY}/x@127.0.0.1:1/db",
    f"postgres://ann:a {CANARY} b@127.0.0.1:1/db",
    f"postgres://127.0.0.1:1/db?user=ann&password={CANARY}",
    f"snowflake://ann:{CANARY}@account/db",
    f"databricks://token:{CANARY}@host/x",
    f"md:shop?motherduck_token={CANARY}",
    f"mssql+pyodbc:///?odbc_connect=DRIVER;UID=ann;PWD={CANARY}",
    f"s3://key:{CANARY}@bucket/x.parquet",
    f"https://ann:{CANARY}@127.0.0.1:1/x.parquet",
    f"duckdb:///nowhere.duckdb?password={CANARY}",
    f"sqlite:///nowhere.sqlite?key={CANARY}&password={CANARY}",
    f"host=db.invalid user=ann password={CANARY} dbname=shop",
    f"host='db.invalid' password = '{CANARY} b'",
    f"service=shop passwd={CANARY}",
    f"Server=db;Uid=ann;Pwd={{{CANARY};x}};Database=shop",
    f"DSN=shop;UID=ann;PWD={CANARY}",
    f"jdbc:postgresql://127.0.0.1:1/db?user=ann&password={CANARY}",
    f"postgres%3A%2F%2Fann%3A{CANARY}%40127.0.0.1%2Fdb",
    f"postgres%253A%252F%252Fann%253A{CANARY}%2540127.0.0.1%252Fdb",
    f"postgres://ann:%53{CANARY}@127.0.0.1:1/db",
    f"postgres//ann:{CANARY}@127.0.0.1:1/db",
    f"postgres：//ann:{CANARY}@127.0.0.1:1/db",
    f"oracle://ann/{CANARY}@127.0.0.1:1521/shop",
    f"ann/{CANARY}@127.0.0.1:1521/shop",
    f"redis://:{CANARY}@127.0.0.1:1/0",
    f"postgres://{CANARY}@127.0.0.1:1/db",
    f"postgres://ann:\n{CANARY}@127.0.0.1:1/db",
]
QUICK = SPELLINGS[:12] + SPELLINGS[-16::3]


@attack("4 secrets", slow=True)
def a_password_is_told_nowhere(folder: Path) -> Tries:
    for number, url in enumerate(SPELLINGS):
        root = project(folder, f"p{number}")
        said = []
        for arguments in (
            ("check", url),
            ("list", "--data", url),
            ("--debug", "report", "segments", "--data", url),
        ):
            _, out, err = crm(root, *arguments)
            said += [out, err]
        (root / "crm.toml").write_text(
            f'[source.s]\nurl = {json.dumps(url)}\n[[report]]\nname = "segments"\nsource = "s"\n'
            '[[list]]\nname = "l"\nsource = "s"\n'
        )
        for arguments in (
            ("run", "--dry-run"),
            ("run",),
            ("index",),
            ("forget", "a", "--data", url, "--yes"),
        ):
            _, out, err = crm(root, *arguments)
            said += [out, err]
        (root / "crm.toml").unlink()
        yield url.replace(CANARY, "…"), CANARY not in "".join(said) and not files_with(root, CANARY)


@attack("4 secrets")
def a_password_on_the_command_line_is_not_repeated(folder: Path) -> Tries:
    root = project(folder)
    for url in QUICK:
        _, out, err = crm(root, "--debug", "check", url)
        yield url.replace(CANARY, "…"), CANARY not in out + err
    yield "nothing is written of it", not files_with(root, CANARY)


@attack("4 secrets", slow=True)
def a_password_is_in_no_process_list(folder: Path) -> Tries:
    root = project(folder)
    (root / "crm.toml").write_text(
        '[source.s]\nurl = "postgres://ann:${CRM_CANARY}@127.0.0.1:1/db"\n[[report]]\nname = "segments"\n'
        'source = "s"\n[[list]]\nname = "l"\nsource = "s"\n'
    )
    told = {**os.environ, "CRM_CANARY": CANARY}
    for arguments in (("run", "crm.toml"), ("report", "segments", "--data", "s"), ("check", "s")):
        command = [sys.executable, "-m", "crm_analytics.cli", *arguments]
        seen: set[str] = set()
        with subprocess.Popen(
            command, cwd=root, env=told, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            while process.poll() is None:
                seen |= _command_lines()
                time.sleep(0.2)
            said = (process.stdout or io.StringIO()).read() + (process.stderr or io.StringIO()).read()
        mine = [line for line in seen if CANARY in line]
        yield f"crm {arguments[0]}: {len(seen)} command lines were looked at", not mine and CANARY not in said
    yield "nothing is written of it", not files_with(root, CANARY)


def _command_lines() -> set[str]:
    """What `ps` shows of every process here."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.add(path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
    return found


@attack("4 secrets")
def published_words_hold_no_password_and_no_place(folder: Path) -> Tries:
    for url in SPELLINGS:
        words = published_words(f"cannot connect to '{url}': refused")
        yield url.replace(CANARY, "…"), CANARY not in words
    for place in (
        "/home/ann/x.parquet",
        "C:\\Users\\ann\\x.parquet",
        "~/ann/x.parquet",
        "/srv/ann b/x.parquet",
        "'/home/ann/x.db'",
    ):
        words = published_words(f"{place} is not readable")
        yield place, "ann" not in words and "x." in words
    hint = published_words("there is no x.csv; did you mean 'ann_vogel.csv'?")
    yield "names of other files", "vogel" not in hint
    listed = published_words("no table 'transactions' in shop: it has ann_vogel, bob_meier. Say which one")
    yield "names of what else lies there", "vogel" not in listed and "meier" not in listed
