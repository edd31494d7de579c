"""A password in a source's text is told nowhere, however the text is spelled."""

from __future__ import annotations

import json
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
