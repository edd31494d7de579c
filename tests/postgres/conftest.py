"""One PostgreSQL server for the lane, on loopback, with a role that may only read."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PASSWORD = "s3cret/päss word@x"  # as awkward as a generated one
QUOTED = "s3cret%2Fp%C3%A4ss%20word%40x"


@dataclass(frozen=True)
class Server:
    """A running server."""

    port: int

    def url(self, role: str = "reader", database: str = "shop", rest: str = "") -> str:
        return f"postgresql://{role}:{QUOTED}@127.0.0.1:{self.port}/{database}{rest}"

    def run(self, *statements: str, database: str = "shop") -> None:
        import psycopg

        with psycopg.connect(self.url("owner", database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    pytest.importorskip("psycopg", reason="the postgres extra is not installed")
    on_path = shutil.which("initdb")
    programs = [
        *sorted(Path("/usr/lib/postgresql").glob("*/bin")),
        *([Path(on_path).parent] if on_path else []),
    ]
    if not programs:
        pytest.fail("PostgreSQL is needed; on Debian: apt-get install postgresql")
    # The server refuses to run as root: there its own user owns the folder.
    as_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    folder = Path(tempfile.mkdtemp(prefix="crm-pg-"))
    try:
        secret = folder / "password"
        secret.write_text(PASSWORD)
        if as_user:
            shutil.chown(folder, "postgres")
            shutil.chown(secret, "postgres")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        data = folder / "data"
        subprocess.run(
            [*as_user, programs[0] / "initdb", "-D", data, "-U", "owner", "--auth=scram-sha-256",
             f"--pwfile={secret}", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
            check=True, capture_output=True, cwd=folder,
        )  # fmt: skip
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
        control = [*as_user, programs[0] / "pg_ctl", "-D", data, "-w"]
        subprocess.run([*control, "-o", options, "-l", folder / "log", "start"], check=True, cwd=folder)
        try:
            found = Server(port)
            found.run("CREATE DATABASE shop", database="postgres")
            word = PASSWORD.replace("'", "''")
            found.run(f"CREATE ROLE reader LOGIN PASSWORD '{word}'",
                      "ALTER ROLE reader SET default_transaction_read_only = on",
                      "REVOKE TEMPORARY, CREATE ON DATABASE shop FROM PUBLIC")  # fmt: skip
            yield found
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=True, cwd=folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
