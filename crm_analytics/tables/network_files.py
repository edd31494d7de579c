"""Parquet files behind https:// or s3://, read over the network only where that is allowed.

It needs two consents: ``network = true`` of the source, and DuckDB's extension `httpfs`, installed by
hand. This package never installs it.
"""

from __future__ import annotations

import os
import re
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import duckdb
import ibis.expr.types as ir
from ibis.backends import BaseBackend

from crm_analytics.errors import DataError
from crm_analytics.tables.embedded_engine import load
from crm_analytics.tables.source_ref import SourceRef

_INSTALL = "python -c \"import duckdb; duckdb.connect().install_extension('httpfs')\""
_STATUS = re.compile(r"HTTP (?:code |Error: |error )?([45][0-9]{2})")
_S3_SETTINGS = {
    "s3_access_key_id": ("AWS_ACCESS_KEY_ID",),
    "s3_secret_access_key": ("AWS_SECRET_ACCESS_KEY",),
    "s3_session_token": ("AWS_SESSION_TOKEN",),
    "s3_region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
    "s3_endpoint": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
}


def read_network_parquet(connection: BaseBackend, ref: SourceRef) -> ir.Table:
    """A Parquet file of the network, copied into the embedded engine.

    Raises
    ------
    DataError : it is not allowed, is no Parquet file, the extension is not installed, or nothing answers.
    """
    if not ref.network:
        raise DataError(
            f"{ref.name}://… lies on the network, and nothing is read from there unless you allow it: copy "
            'the file here, or name it in crm.toml as [source.NAME] with url = "…" and network = true'
        )
    parts = urlsplit(ref.text)
    if PurePosixPath(parts.path).suffix.lower() not in (".parquet", ".pq"):
        raise DataError(f"{ref.name}://…: only a Parquet file is read over the network: copy the file here")
    con: duckdb.DuckDBPyConnection = connection.con
    try:
        con.execute("LOAD httpfs")
    except duckdb.Error:
        raise DataError(
            f"{ref.name}://… needs DuckDB's extension httpfs, which is not installed and is never fetched by "
            f"itself. Install it once: {_INSTALL}"
        ) from None
    try:
        if parts.scheme.lower().startswith("s3"):
            for setting, names in _S3_SETTINGS.items():
                value = next((os.environ[n] for n in names if os.environ.get(n)), "")
                if value:
                    con.execute(f"SET {setting} = '{value.replace(chr(39), chr(39) * 2)}'")
        return load(connection, con.read_parquet(ref.text, binary_as_string=True))
    except duckdb.Error as error:
        raise DataError(f"{ref.name}://… cannot be read: {_why(error)}") from None


def _why(error: duckdb.Error) -> str:
    """The cause in our words: the engine's quote the address, which may hold a signature."""
    text = str(error)
    status = getattr(error, "status_code", None) or next(iter(_STATUS.findall(text)), "")
    if str(status) in ("401", "403"):
        return (
            "access is refused. Check the signature of the address, or AWS_ACCESS_KEY_ID, "
            "AWS_SECRET_ACCESS_KEY and AWS_REGION"
        )
    if str(status) == "404" or "No files found" in text:
        return "there is no such file"
    if "magic bytes" in text:
        return "it is no Parquet file"
    if status or isinstance(error, duckdb.IOException):
        return f"the server answers {status}" if status else "nothing answers there"
    return f"{type(error).__name__}"
