"""Nothing tries the network unasked: every test runs with connections to elsewhere forbidden and counted."""

from __future__ import annotations

import ast
import socket
from pathlib import Path

import duckdb
import pytest

import crm_analytics
from crm_analytics.tables.embedded_engine import FENCED, embedded_engine, guarded_engine


def test_a_connection_to_elsewhere_is_stopped_and_counted_law(attempts: list[str]) -> None:
    with pytest.raises(OSError, match="forbid the network"):
        socket.create_connection(("203.0.113.1", 80), timeout=1)
    with pytest.raises(socket.gaierror, match="forbid the network"):
        socket.getaddrinfo("extensions.example", 443)
    assert len(attempts) >= 2
    del attempts[-2:]


def test_this_machine_is_not_elsewhere_law() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()


OPENS = ("duckdb.connect", "ibis.duckdb.connect")
ENGINES = {
    "of a base": lambda: embedded_engine().con,
    "of files": guarded_engine,
    "of a state": lambda: duckdb.connect(config=FENCED),
}


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_no_engine_fetches_an_extension_or_a_file_law(engine) -> None:
    """DuckDB has sockets of its own, which no guard of Python's sees: it is told never to use them."""
    con = engine()
    for setting in ("autoinstall_known_extensions", "autoload_known_extensions"):
        assert con.execute(f"SELECT current_setting('{setting}')").fetchall() == [(False,)]
    for place in ("https://203.0.113.1/x.parquet", "s3://bucket/x.parquet", "hf://datasets/x/y.parquet"):
        with pytest.raises(duckdb.Error, match=r"httpfs|disabled"):
            con.execute(f"SELECT * FROM read_parquet('{place}')")
    con.close()


def test_every_engine_is_opened_with_fences_law() -> None:
    """Each call of `connect` names its settings; the one of Ibis cannot, and sets them at once."""
    bare = []
    for path in sorted(Path(crm_analytics.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            opens = isinstance(node, ast.Call) and ast.unparse(node.func) in OPENS
            if opens and "config" not in {keyword.arg for keyword in node.keywords}:
                bare.append(f"{path.stem}: {ast.unparse(node)}")
    assert bare == ["embedded_engine: ibis.duckdb.connect()"]
