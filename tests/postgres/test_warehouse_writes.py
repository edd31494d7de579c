"""Rows that leave for PostgreSQL: one set for each day, by a role that may do no more than it must."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.errors import PublishError
from tests.postgres.conftest import PASSWORD, QUOTED, Server

pytestmark = pytest.mark.postgres
LINES = pd.DataFrame(
    {
        "customer_id": ["00123", "b", 'o"c,', "00123"],
        "transaction_date": ["2026-01-05", "2026-01-06", "2026-01-07", "2026-01-09"],
        "unit_spend": [9.0, 5.0, 2.0, 1.0],
    }
)


@pytest.fixture(scope="module")
def base() -> CustomerBase:
    return CustomerBase.open(LINES, today="2026-02-01")


@pytest.fixture(scope="module")
def writer(server: Server) -> str:
    """A role that may write into one schema."""
    word = PASSWORD.replace("'", "''")
    server.run(
        f"CREATE ROLE writer LOGIN PASSWORD '{word}'",
        "CREATE SCHEMA scored",
        "GRANT USAGE, CREATE ON SCHEMA scored TO writer",
        "GRANT USAGE ON SCHEMA scored TO reader",
        "CREATE SCHEMA closed",
        "GRANT USAGE ON SCHEMA closed TO writer",
    )
    return server.url("writer")


def rows(server: Server, table: str) -> list[tuple[object, ...]]:
    import psycopg

    with psycopg.connect(server.url("owner")) as con:
        said = (
            f"SELECT as_of::text, customer_id, order_count, revenue::text, segment FROM {table} ORDER BY 1, 2"
        )
        return con.execute(said).fetchall()


def write(base: CustomerBase, place: str, **more: object) -> int:
    history = base.purchase_history
    told = history.customer_id.cases(("b", ""), ("00123", "loyal"), else_=None)
    made = history.select("customer_id", "order_count", "revenue", "last_day", segment=told)
    return base.to_warehouse(place, made, **more)


def test_sets_are_replaced_and_days_kept_law(base, server, writer) -> None:
    place = f"{writer}::scored.customers"
    assert write(base.as_of("2026-01-06"), place) == 2
    assert write(base, place) == write(base, place) == 3
    assert rows(server, "scored.customers") == [
        ("2026-01-06", "00123", 1, "9.0000", "loyal"),
        ("2026-01-06", "b", 1, "5.0000", ""),  # an empty text is no NULL
        ("2026-01-09", "00123", 2, "10.0000", "loyal"),
        ("2026-01-09", "b", 1, "5.0000", ""),
        ("2026-01-09", 'o"c,', 1, "2.0000", None),
    ]
    write(base.without_customers(["b"]), place, gone=["b"])
    assert {row[1] for row in rows(server, "scored.customers")} == {"00123", 'o"c,'}


def test_a_place_that_cannot_be_written_says_why(base, server, writer) -> None:
    wrong = {
        f"{server.url('reader')}::scored.mine": "the role or the server is read-only",
        f"{writer}::closed.mine": "this role may not. GRANT SELECT, INSERT, DELETE",
        f"{writer}::nowhere.mine": "create its schema first",
        f"{writer.replace(QUOTED, 'wrong')}::scored.mine": "the user or the password is wrong",
    }
    for place, words in wrong.items():
        with pytest.raises(PublishError) as told:
            write(base, place)
        assert words in str(told.value)
        assert "Nothing was changed" in str(told.value)
        assert PASSWORD not in str(told.value)
        assert QUOTED not in str(told.value)


def test_a_table_that_does_not_fit_says_so_and_stays(base, server, writer) -> None:
    place = f"{writer}::scored.fits"
    write(base.as_of("2026-01-06"), place)
    before = rows(server, "scored.fits")
    with pytest.raises(PublishError, match="it lacks first_day and it has order_count"):
        base.to_warehouse(place, base.purchase_history.select("customer_id", "first_day"))
    server.run("ALTER TABLE scored.fits ADD CHECK (customer_id <> '00123') NOT VALID")
    with pytest.raises(PublishError, match="take other values") as told:
        write(base, place)
    assert "00123" not in str(told.value)
    server.run("CREATE VIEW scored.seen AS SELECT * FROM scored.fits", "GRANT ALL ON scored.seen TO writer")
    with pytest.raises(PublishError, match="is a view"):
        write(base, f"{writer}::scored.seen")
    assert rows(server, "scored.fits") == before


KILLED = """
import os, signal, sys
import pandas as pd
from crm_analytics import CustomerBase
from crm_analytics.tables import warehouse_postgres
lines = pd.DataFrame({"customer_id": ["x"], "transaction_date": ["2026-01-09"], "unit_spend": [1.0]})
base = CustomerBase.open(lines, today="2026-02-01")
copied = warehouse_postgres._copy
def die(*given):
    copied(*given)
    os.kill(os.getpid(), signal.SIGKILL)
warehouse_postgres._copy = die
history = base.purchase_history
base.to_warehouse(sys.argv[1], history.select("customer_id", "order_count", "revenue", "last_day",
                  segment=history.customer_id), source=sys.argv[2])
"""


def test_a_write_that_is_killed_leaves_what_was_there(base, server, writer) -> None:
    place = f"{writer}::scored.whole"
    write(base, place)
    before = rows(server, "scored.whole")
    command = [sys.executable, "-c", KILLED, place, base.label]
    done = subprocess.run(command, env=os.environ, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr[-500:]
    assert rows(server, "scored.whole") == before
    assert write(base, place) == 3
