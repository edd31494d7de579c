"""A PostgreSQL warehouse opens to the same base as the files it was filled from, and keeps its secrets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import btyd, rfm
from crm_analytics.errors import DataError
from crm_analytics.tables.demo import write_demo
from tests.postgres.conftest import PASSWORD, QUOTED

pytestmark = pytest.mark.postgres
TODAY = "2030-01-01"
POSTGRES_TYPES = {"VARCHAR": "text", "DOUBLE": "double precision", "TIMESTAMP WITH TIME ZONE": "timestamptz"}


@pytest.fixture(scope="session")
def company(tmp_path_factory) -> Path:
    return write_demo("company", tmp_path_factory.mktemp("demo"), customers=500, years=2)


@pytest.fixture(scope="session")
def warehouse(server, company) -> str:
    """Every table of the demo company in the schema `marts`, readable by a role that can do nothing else."""
    import psycopg

    server.run("CREATE SCHEMA marts")
    engine = duckdb.connect()
    with psycopg.connect(server.url("owner"), autocommit=True) as connection:
        for path in sorted(company.glob("*.parquet")):
            rows = engine.read_parquet(str(path))
            columns = ", ".join(
                f'"{c}" {POSTGRES_TYPES.get(str(t), str(t))}'
                for c, t in zip(rows.columns, rows.types, strict=True)
            )
            connection.execute(f"CREATE TABLE marts.{path.stem} ({columns})")
            text = company / f"{path.stem}.copy.txt"
            rows.write_csv(str(text), header=False)
            with connection.cursor().copy(f"COPY marts.{path.stem} FROM STDIN (FORMAT csv)") as copy:
                copy.write(text.read_bytes())
            text.unlink()
    server.run(
        "GRANT USAGE ON SCHEMA marts TO reader", "GRANT SELECT ON ALL TABLES IN SCHEMA marts TO reader"
    )
    return server.url()


def test_a_warehouse_gives_the_base_of_the_files_it_was_filled_from_law(warehouse, company) -> None:
    told = CustomerBase.open(warehouse, today=TODAY)
    files = CustomerBase.open(company, today=TODAY)
    assert set(told.tables) == set(files.tables)
    assert told.data_hash == files.data_hash
    assert told.counts == files.counts


def test_analyses_of_a_warehouse_give_the_files_numbers_law(warehouse, company) -> None:
    told, files = (CustomerBase.open(s, today=TODAY) for s in (warehouse, company))
    assert rfm.score(told).segments.equals(rfm.score(files).segments)
    cells = [btyd.summarize(base, unit="W").cells for base in (told, files)]
    assert cells[0].equals(cells[1])


def test_an_ibis_connection_is_pulled_like_a_url_law(warehouse, company) -> None:
    import ibis

    connection = ibis.connect(warehouse + "?options=-csearch_path%3Dmarts")
    try:
        assert (
            CustomerBase.open(connection, today=TODAY).data_hash
            == CustomerBase.open(company, today=TODAY).data_hash
        )
    finally:
        connection.disconnect()


# -- schemas, views, types ---------------------------------------------------------------------------


@pytest.fixture(scope="session")
def shapes(server) -> str:
    server.run("CREATE DATABASE shapes", database="postgres")
    server.run(
        "CREATE DOMAIN eur AS numeric(12, 2)",
        "CREATE TYPE kind AS ENUM ('web', 'shop')",
        """CREATE TABLE public.orders (id bigint, client uuid, "Placed At" timestamptz, total eur, ch kind,
           tags text[], extra jsonb, raw bytea, note varchar(40), exact numeric, span interval,
           ok boolean)""",
        """INSERT INTO orders SELECT i, ('00000000-0000-0000-0000-00000000000' || i)::uuid,
           timestamptz '2026-01-01 23:30+01' + i * interval '1 day', 10.25 + i, 'web', '{a,"b,c"}',
           '{"x": 1}', '\\x00ff', E'line\\nwith "quotes", commas', 0.1234567890123456789, '1 day', i = 1
           FROM generate_series(1, 3) AS i""",
        "INSERT INTO orders (id, client, \"Placed At\", total, note) "
        "VALUES (4, NULL, '2026-01-05 12:00+00', 1, '')",
        "CREATE SCHEMA marts", "CREATE SCHEMA hidden", "CREATE SCHEMA other",
        "CREATE VIEW marts.fct_orders AS SELECT client AS customer_id, \"Placed At\" AS transaction_date, "
        "total AS unit_spend, id AS transaction_id FROM orders",
        "CREATE MATERIALIZED VIEW marts.mat AS SELECT * FROM marts.fct_orders",
        "CREATE TABLE hidden.transactions AS SELECT * FROM marts.fct_orders",
        "CREATE TABLE marts.twin AS SELECT * FROM marts.fct_orders",
        "CREATE TABLE other.twin AS SELECT * FROM marts.fct_orders",
        "GRANT USAGE ON SCHEMA marts, other, public TO reader",
        "GRANT SELECT ON ALL TABLES IN SCHEMA marts, other, public TO reader",
        database="shapes",
    )  # fmt: skip
    return server.url(database="shapes")


MAPPED = {"from": "orders", "customer_id": "client", "transaction_date": "Placed At", "unit_spend": "total"}


@pytest.mark.parametrize(
    "table",
    [
        MAPPED,
        {**MAPPED, "from": "public.orders", "channel": "ch", "coupon": "note"},
        {"from": "marts.fct_orders"},
        {"from": "fct_orders"},
        {"from": "mat"},
        {"from": "marts.twin"},
    ],
    ids=["bare", "qualified", "view", "view by bare name", "materialised view", "one of two"],
)
def test_tables_views_and_schemas_open_alike_law(shapes, table) -> None:
    base = CustomerBase.open(shapes, mapping={"transactions": table}, today=TODAY)
    assert [base.counts[k] for k in ("rows", "revenue", "customers")] == [4, 37.75, 3]
    assert base.day.isoformat() == "2026-01-05"
    assert base.counts["anonymous_rows"] == 1


@pytest.mark.parametrize("rest", ["/marts", "?schema=marts"])
def test_a_schema_in_the_url_is_looked_into_first(server, shapes, rest) -> None:
    url = server.url(database="shapes", rest=rest)
    base = CustomerBase.open(url, mapping={"transactions": {"from": "twin"}}, today=TODAY)
    assert base.counts["rows"] == 4


def refused(source: str, **how) -> str:
    with pytest.raises(DataError) as caught:
        CustomerBase.open(source, today=TODAY, **how)
    said = str(caught.value)
    for secret in (PASSWORD, QUOTED, "s3cret", "127.0.0.1"):
        assert secret not in said
    return said


def test_what_is_not_there_or_not_allowed_says_so(server, shapes) -> None:
    assert "several tables 'twin'" in refused(shapes, mapping={"transactions": {"from": "twin"}})
    said = refused(shapes)
    assert "no table 'transactions'" in said
    assert "hidden" not in said  # what the role may not read is not told
    assert "did you mean 'fct_orders'" in refused(shapes, mapping={"transactions": {"from": "fct_order"}})
    assert "no such database or role" in refused(server.url(database="nowhere"))
    assert "the password is wrong" in refused(server.url().replace(QUOTED, "s3cret-other"))


# -- the command line ----------------------------------------------------------------------------------


def crm(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    # A connection that is left out of the environment is given by name alone: the text never holds it.
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "CRM_"))}
    return subprocess.run(
        [sys.executable, "-m", "crm_analytics.cli", *arguments], cwd=folder, text=True, capture_output=True,
        env={**environment, **variables}, check=False,
    )  # fmt: skip


def watch(found: set[str], stop: threading.Event) -> None:
    """Every command line of this machine, again and again, as `ps` would show it."""
    while not stop.is_set():
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                found.add(path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
            except OSError:
                continue
        stop.wait(0.02)


@pytest.fixture
def project(tmp_path) -> Path:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "crm.toml").write_text(
        '[source.wh]\nurl = "$SHOP_URL"\n'
        'version_query = "SELECT count(*), sum(unit_spend) FROM marts.transactions"\n'
        '[[report]]\nname = "segments"\nsource = "wh"\n'
    )
    return tmp_path


def is_nowhere(folder: Path, *told: str) -> None:
    written = [p.read_bytes() for p in folder.rglob("*") if p.is_file()]
    for secret in (PASSWORD, QUOTED, "s3cret"):
        assert not any(secret in text for text in told)
        assert not any(secret.encode() in content for content in written)


def test_every_report_is_made_from_a_warehouse(warehouse, project) -> None:
    made = crm(project, "report", "--all", "--data", "wh", SHOP_URL=warehouse)
    results = [json.loads(line) for line in made.stdout.splitlines()]
    assert made.returncode == 0, made.stderr
    assert {r["status"] for r in results} <= {"done", "thin"}
    assert len(results) >= 9
    is_nowhere(project, made.stdout, made.stderr)


def test_the_secrets_of_a_warehouse_are_nowhere_law(warehouse, project) -> None:
    lines: set[str] = set()
    stop = threading.Event()
    watcher = threading.Thread(target=watch, args=(lines, stop))
    watcher.start()
    try:
        made = crm(project, "report", "segments", "--data", "wh", SHOP_URL=warehouse)
        again = crm(project, "run", "crm.toml", SHOP_URL=warehouse)
        checked = crm(project, "check", "$SHOP_URL", SHOP_URL=warehouse)
        wrong = crm(project, "--debug", "report", "segments", "--data", "wh", "--force",
                    SHOP_URL=warehouse.replace("/shop", "/nowhere"))  # fmt: skip
    finally:
        stop.set()
        watcher.join()
    assert [p.returncode for p in (made, again, checked, wrong)] == [0, 0, 0, 3], wrong.stderr
    assert '"unchanged"' in again.stdout, again.stdout + again.stderr
    assert any("check $SHOP_URL" in line for line in lines)  # they were seen
    is_nowhere(project, *(p.stdout + p.stderr for p in (made, again, checked, wrong)), *lines)
