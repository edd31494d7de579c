"""What a source, a query, a saved file or a notebook may make the machine do: read what it was given."""

from __future__ import annotations

import hashlib
import io
import json
import sqlite3
import threading
import time
import zipfile
from contextlib import closing
from pathlib import Path

import duckdb
import pandas as pd

from crm_analytics import CustomerBase
from crm_analytics.analyses.churn.model import persistence
from crm_analytics.errors import CrmError, DataError, LimitError, ParameterError
from crm_analytics.runs import version_query
from crm_analytics.runs.catalogue.catalogue import read_report
from crm_analytics.runs.time_limit import time_limit
from crm_analytics.tables.source_ref import read_source
from tests.faults.attacks import Tries, attack, crm, everything, project

NO_SELECT = [
    "COPY (SELECT 1) TO 'written.csv'",
    "SELECT 1; COPY (SELECT 1) TO 'written.csv'",
    "CREATE TABLE t AS SELECT 1",
    "DELETE FROM transactions",
    "WITH gone AS (DELETE FROM transactions RETURNING *) SELECT * FROM gone",
    "INSERT INTO transactions VALUES (1)",
    "ATTACH 'other.duckdb'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "PRAGMA database_list",
    "SET enable_external_access = true",
    "EXPORT DATABASE 'written'",
    "CALL pragma_version()",
    "SELECT * INTO t FROM transactions",
    "VACUUM",
    "",
    "nonsense of a kind",
    "((((" * 4000,
]


@attack("3 sources")
def a_version_query_only_reads(folder: Path) -> Tries:
    for query in NO_SELECT:
        try:
            version_query.check(query)
            held = False
        except ParameterError:
            held = True
        yield f"refused: {query[:60]}", held
    for query in (
        "SELECT max(a), count(*) FROM t",
        "WITH x AS (SELECT 1 a) SELECT a FROM x UNION SELECT 2",
        "SELECT 1;",
    ):
        try:
            yield f"taken: {query[:60]}", version_query.check(query) == query
        except ParameterError:
            yield f"taken: {query[:60]}", False
    with duckdb.connect(str(folder / "x.duckdb")) as made:
        made.sql("CREATE TABLE t AS SELECT 1 AS a")
    (folder / "secret.txt").write_text("secret")
    source, before = read_source(f"duckdb:///{folder}/x.duckdb"), everything(folder)
    for query in (
        f"SELECT * FROM read_text('{folder}/secret.txt')",
        f"SELECT * FROM '{folder}/secret.txt'",
        f"SELECT * FROM read_csv('{folder}/secret.txt')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_parquet('https://db.example/x.parquet')",
    ):
        try:
            version_query.answer(source, query)
            held = False
        except CrmError:
            held = everything(folder) == before
        yield f"reaches nothing: {query[:50]}", held
    slow, began = "SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b", time.monotonic()
    try:
        version_query.answer(source, slow, seconds=0.5)
        held = False
    except LimitError:
        held = time.monotonic() - began < 20
    yield "a slow one ends", held
    yield "a quick one answers", version_query.answer(source, "SELECT count(*) FROM t") == "[[1]]"


@attack("3 sources")
def a_dry_run_asks_nothing(folder: Path) -> Tries:
    root = project(folder)
    with duckdb.connect(str(root / "shop.duckdb")) as made:
        made.sql(
            "CREATE TABLE transactions AS SELECT 'a' customer_id, DATE '2026-01-01' transaction_date,"
            " 1 unit_spend"
        )
    slow = "SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b"
    text = f'[source.s]\nurl = "duckdb:///shop.duckdb"\nversion_query = "{slow}"\n'
    text += '[[report]]\nname = "segments"\nsource = "s"\n'
    (root / "crm.toml").write_text(text)
    began = time.monotonic()
    code, out, _ = crm(root, "run", "--dry-run")
    yield (
        "a slow version_query is not run",
        code == 0 and time.monotonic() - began < 20 and "not asked" in out,
    )
    (root / "crm.toml").write_text(text.replace(slow, "COPY (SELECT 1) TO 'written.csv'"))
    code, _, _ = crm(root, "run", "--dry-run")
    yield "a writing one is refused", code == 2 and not (root / "written.csv").exists()


@attack("3 sources")
def a_duckdb_file_from_others_reads_nothing_else(folder: Path) -> Tries:
    root = project(folder)
    crm(root, "key")
    secret = (root / ".crm-key").read_text().strip()
    with duckdb.connect(str(root / "gift.duckdb")) as made:
        made.sql(
            "CREATE TABLE transactions AS SELECT 'a' || range customer_id, DATE '2026-01-01'"
            " transaction_date, 1 unit_spend, 'p1' product_id FROM range(30)"
        )
        made.sql(
            "CREATE VIEW products AS SELECT 'p1' product_id, trim(content) product_name "
            f"FROM read_text('{root}/.crm-key')"
        )
    try:
        base = CustomerBase.open(root / "gift.duckdb", today="2026-03-01")
        products = base.tables.get("products")
        told = "" if products is None else str(base.collect(products))
    except CrmError as error:
        told = str(error)
    yield "a view that reads the key", secret not in told and secret[:20] not in told


TELLING = [
    "(SELECT string_agg(path) FROM duckdb_databases())",
    "(SELECT string_agg(file) FROM pragma_database_list)",
    "(SELECT string_agg(value) FROM duckdb_settings())",
    "(SELECT string_agg(setting) FROM pg_catalog.pg_settings)",
    "current_setting('secret_directory')",
    "current_setting('allowed_paths')::VARCHAR",
    "(SELECT string_agg(path) FROM query('FROM duckdb_' || 'databases()'))",
    "(SELECT string_agg(path) FROM query_table('duckdb_' || 'databases'))",
    "(SELECT max(x) FROM told())",
    "(SELECT max(x) FROM inner_view)",
    "(SELECT string_agg(content) FROM read_text('/etc/hostname'))",
    "(SELECT count(*)::VARCHAR FROM glob('/*'))",
]


@attack("3 sources")
def a_database_file_tells_nothing_of_the_machine(folder: Path) -> Tries:
    sales = "SELECT 'a' || range customer_id, DATE '2026-01-01' transaction_date, 1 unit_spend FROM range(30)"
    for number, telling in enumerate([*TELLING, "computed"]):
        path = folder / f"gift{number}.duckdb"
        with duckdb.connect(str(path)) as made:
            made.sql(f"CREATE TABLE transactions AS {sales}")
            made.sql("CREATE MACRO told() AS TABLE SELECT path AS x FROM duckdb_databases()")
            made.sql("CREATE VIEW inner_view AS SELECT path AS x FROM duckdb_databases()")
            if telling == "computed":
                made.sql(
                    "CREATE TABLE products (product_id VARCHAR, product_name VARCHAR GENERATED ALWAYS AS "
                    "(current_setting('allowed_paths')::VARCHAR) VIRTUAL)"
                )
                made.sql("INSERT INTO products VALUES ('p1')")
            else:
                made.sql(f"CREATE VIEW products AS SELECT 'p1' product_id, {telling} product_name")
        told = _told(path)
        yield telling, str(folder) not in told and str(Path.home()) not in told and "/" not in told
    with duckdb.connect(str(folder / "fine.duckdb")) as made:
        made.sql(f"CREATE TABLE sold AS {sales}")
        made.sql("CREATE VIEW transactions AS SELECT *, 'x' AS query FROM sold")
    base = CustomerBase.open(folder / "fine.duckdb", today="2026-03-01")
    yield "a view of its own tables is read", base.counts["rows"] == 30
    for number, telling in enumerate(
        ("(SELECT group_concat(file) FROM pragma_database_list)", "load_extension('x')", "readfile('/etc/x')")
    ):
        with closing(sqlite3.connect(folder / f"gift{number}.sqlite")) as lite:
            lite.execute("CREATE TABLE transactions (customer_id, transaction_date, unit_spend)")
            lite.execute("INSERT INTO transactions VALUES ('a', '2026-01-01', 1.0)")
            lite.execute(f"CREATE VIEW products AS SELECT 'p1' product_id, {telling} product_name")
            lite.commit()
        yield f"SQLite: {telling}", str(folder) not in _told(folder / f"gift{number}.sqlite")


def _told(path: Path) -> str:
    try:
        base = CustomerBase.open(path, today="2026-03-01")
        products = base.tables.get("products")
        return "" if products is None else " ".join(base.collect(products)["product_name"].astype(str))
    except DataError as error:
        return str(error)


ENDLESS = (
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) "
    "SELECT n AS customer_id, '2026-01-01' AS transaction_date, 1.0 AS unit_spend FROM r"
)


@attack("3 sources")
def a_view_without_an_end_is_ended(folder: Path) -> Tries:
    path = folder / "endless.sqlite"
    with closing(sqlite3.connect(path)) as lite:
        lite.execute(f"CREATE VIEW transactions AS {ENDLESS}")
        lite.commit()
    try:
        with time_limit(0.5, "too late"):
            CustomerBase.open(path, today="2026-03-01")
        held = False
    except LimitError:
        held = True
    yield "a view of SQLite", held
    before = threading.active_count()
    try:
        version_query.answer(read_source(f"sqlite:///{path}"), "SELECT count(*) FROM transactions", 0.5)
        held = False
    except LimitError:
        held = True
    ended = time.monotonic() + 20
    while threading.active_count() > before and time.monotonic() < ended:
        time.sleep(0.05)
    yield "a version_query of SQLite, whose thread ends", held and threading.active_count() <= before


SNAPSHOTS = [
    {"saved": {"day": "2099-01-01", "first_day": "2026-01-01"}},
    {"saved": {"day": "2020-01-01", "first_day": "2020-01-01"}},
    {"saved": {"day": "2026-01-01", "first_day": "2026-12-01"}},
    {"saved": {"day": 5, "first_day": []}},
    {"saved": "x"},
    {"saved": {}},
    {"tables": ["transactions", "../../../etc/passwd"]},
    {"tables": {"transactions": 1}},
    {"tables": []},
    {"tables": [["transactions"]]},
    {"label": 5},
    {"currency": ["EUR"]},
    {"show_customers": "true"},
    {"skipped": 7},
]


@attack("3 sources")
def a_snapshot_is_looked_at_before_it_is_believed(folder: Path) -> Tries:
    frame = pd.DataFrame(
        {
            "customer_id": ["a", "b"],
            "transaction_date": ["2026-01-05", "2026-02-01"],
            "unit_spend": [1.0, 2.0],
        }
    )
    CustomerBase.open(frame, today="2026-03-01").save(folder / "s")
    good = json.loads((folder / "s" / "snapshot.json").read_text())
    for change in SNAPSHOTS:
        (folder / "s" / "snapshot.json").write_text(json.dumps({**good, **change}))
        yield f"refused: {change}", _refused(folder / "s")
    for text in ("[]", "5", "null", "{", "[" * 100_000, '{"saved": 1e999}', ""):
        (folder / "s" / "snapshot.json").write_text(text)
        yield f"refused: {text[:20]!r}", _refused(folder / "s")
    (folder / "s" / "snapshot.json").write_text(json.dumps(good))
    yield "the one that was written is taken", not _refused(folder / "s")


def _refused(folder: Path) -> bool:
    try:
        CustomerBase.open(folder, today="2026-03-01")
    except (DataError, ParameterError):
        return True
    return False


@attack("3 sources")
def a_saved_model_is_measured_before_it_is_opened(folder: Path) -> Tries:
    for what, parts in (
        ("one huge part", [("0.npy", 1 << 30)]),
        ("many parts", [(f"{n}.npy", 1) for n in range(30_000)]),
    ):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
            for name, size in parts:
                with made.open(name, "w", force_zip64=True) as part:
                    for _ in range(max(size >> 24, 1)):
                        part.write(b"\0" * min(size, 1 << 24))
            made.writestr("schema.json", "{}")
        path = folder / "m.skops"
        path.write_bytes(packed.getvalue())
        about = {"format": persistence.FORMAT, "sha256": hashlib.sha256(packed.getvalue()).hexdigest()}
        (folder / "m.skops.json").write_text(json.dumps(about))
        try:
            persistence.load(path)
            held = False
        except DataError as error:
            held = "unpack" in str(error)
        yield f"a bomb of {what}", held


NOTEBOOKS = [
    {"cells": [{"cell_type": "code", "metadata": 5, "source": ""}]},
    {"cells": [{"cell_type": "code", "metadata": {"tags": "parameters"}, "source": ""}]},
    {"cells": [{"cell_type": "code", "metadata": {"tags": [["parameters"]]}, "source": ""}]},
    {"cells": [{"cell_type": "code", "metadata": {}, "source": 7}]},
    {"cells": [{"cell_type": "code", "metadata": {}, "source": [1]}]},
    {"cells": [{"cell_type": "odd", "metadata": {}, "source": ""}]},
    {"cells": [[]]},
    {"cells": 5},
    {"cells": None},
    {},
]


@attack("3 sources")
def a_notebook_is_looked_at_before_it_is_believed(folder: Path) -> Tries:
    for content in NOTEBOOKS:
        (folder / "n.ipynb").write_text(
            json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, **content})
        )
        try:
            read_report(folder / "n.ipynb")
            held = False
        except ParameterError:
            held = True
        yield f"refused: {json.dumps(content)[:70]}", held
    (folder / "n.ipynb").write_text("[" * 100_000)
    code, _, _ = crm(folder, "report", "./n.ipynb", "--data", "x")
    yield "nested without end", code == 2
