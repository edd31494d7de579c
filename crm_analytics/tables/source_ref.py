"""What a source text means: its kind, where it lies, what may be told of it, which files to watch.

A source is written by people: a file, a folder, the name of a folder in `data/`, the name of a
``[source.NAME]`` in `crm.toml`, a URL, or an environment variable that holds one (``$DATABASE_URL``). Every
part of the package that asks what such a text means asks here. Nothing is opened and nothing heavy is
imported.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import quote, urlsplit, urlunsplit

from crm_analytics.errors import ParameterError, nearest
from crm_analytics.tables.redaction import holds_secret, redact

MAPPING_FILE = "mapping.toml"  # found by itself beside the data
DEMOS = ("company", "cdnow", "cdnow-master", "lemonade")
_VARIABLE = re.compile(r"\$(?:\{(?P<braced>[A-Za-z_]\w*)\}|(?P<plain>[A-Za-z_]\w*))")
_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][\w+.-]*)://")
_FILE_SCHEMES = {"duckdb": "duckdb", "sqlite": "sqlite", "sqlite3": "sqlite", "file": "file"}
_NETWORK = ("http", "https", "s3", "s3a", "s3n", "gs", "gcs", "r2", "az", "azure", "abfss", "hf")
_SPELLINGS = {"postgresql": "postgres", "pgsql": "postgres", "mariadb": "mysql", "s3a": "s3", "s3n": "s3"}


@dataclass(frozen=True)
class SourceRef:
    """A source text, understood.

    Attributes
    ----------
    text : the URL with its secrets, or the path; for opening only, never shown (nor in `repr`)
    kind : "file" (also a folder, or a path where nothing is), "duckdb", "sqlite", "postgres", "network" (a
        file behind http, s3 ...) or the scheme of another engine
    path : the file or folder; None for what is reached by a connection
    name : what may be told: a bare name, the last part of a path, the kind of a connection
    network : whether the owner of the source allows files to be read over the network
    open_secret : the text itself holds a password, so it may stand in a process list or a history
    """

    text: str = field(repr=False)
    kind: str
    path: Path | None
    name: str
    network: bool = False
    open_secret: bool = False

    @property
    def is_connection(self) -> bool:
        """Whether it is reached by a connection, so that no file can be watched."""
        return self.path is None

    @property
    def identity(self) -> str:
        """16 hex characters that tell one source from another; no secret goes into them."""
        place = str(self.path) if self.path is not None else _without_secrets(self.text)
        return hashlib.sha256(place.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def watched(self, mapping: Path | None = None) -> dict[str, Path]:
        """The files whose change means that the source has changed, by a name inside it."""
        root, files = self.path, {}
        if root is not None and root.is_dir():
            files = dict(sorted(_below(root, root)))
        elif root is not None and root.exists():
            beside = (f"{root.name}.wal", f"{root.name}-wal", MAPPING_FILE)
            files = {p.name: p for p in (root, *(root.with_name(n) for n in beside)) if p.is_file()}
        if mapping is not None:
            files["the mapping"] = Path(mapping).expanduser()
        return files


def read_source(
    source: str | Path | SourceRef,
    *,
    folder: Path | None = None,
    root: Path | None = None,
    environment: Mapping[str, str] | None = None,
    network: bool = False,
) -> SourceRef:
    """Understand a source text.

    Parameters
    ----------
    folder : where relative paths begin; default the working folder
    root : the project's folder, whose `data/` is looked into for a bare name; None for no such folder
    environment : variables for ``$NAME`` and ``${NAME}``; default those of the process
    network : whether files may be read over the network

    Raises
    ------
    ParameterError : a variable that is not set.

    Examples
    --------
    >>> read_source("$SHOP", environment={"SHOP": "postgresql://ann:pw@db/shop"})
    SourceRef(kind='postgres', path=None, name='postgres', network=False, open_secret=False)
    >>> read_source("sqlite:///shop.sqlite", folder=Path("/data")).path.as_posix()
    '/data/shop.sqlite'
    """
    if isinstance(source, SourceRef):
        return source
    here = Path.cwd() if folder is None else folder
    given = str(source)
    text = (
        given
        if (here / given).exists()
        else _expand(given, os.environ if environment is None else environment)
    )
    text = text.removeprefix("jdbc:")  # Java's spelling of the same address
    if not _SCHEME.match(text):
        path = _place(Path(text), here, root)
        return SourceRef(str(path), "file", path, public_name(text))
    kind = kind_of(text)
    if kind in _FILE_SCHEMES.values():
        path = _file_of(text, here)
        return SourceRef(str(path), kind, path, path.name)
    return SourceRef(text, kind, None, public_name(text), network, holds_secret(given))


def kind_of(text: str) -> str:
    """The kind of a URL, whatever its spelling.

    >>> kind_of("PostgreSQL+psycopg2://db/shop"), kind_of("s3://bucket/x.parquet"), kind_of("mariadb://db/x")
    ('postgres', 'network', 'mysql')
    """
    scheme = urlsplit(text).scheme.lower().split("+")[0] or text.split("://", maxsplit=1)[0].lower()
    if scheme in _NETWORK:
        return "network"
    return _FILE_SCHEMES.get(scheme) or _SPELLINGS.get(scheme, scheme)


def public_name(text: str) -> str:
    """What may be told of a source: a bare name, the last part of a path, the kind of a connection.

    >>> public_name("cdnow"), public_name("/home/ann/shop.csv"), public_name("postgresql://u:pw@host/db")
    ('cdnow', 'shop.csv', 'postgres')
    >>> public_name("https://host/shop.parquet?X-Amz-Signature=abc"), public_name("$DATABASE_URL")
    ('https', '$DATABASE_URL')
    """
    text = text.removeprefix("jdbc:")
    if _SCHEME.match(text):
        kind = kind_of(text)
        return text.split("://", maxsplit=1)[0].lower() if kind == "network" else kind
    if holds_secret(text) or redact(text) != text:  # a connection string, written where a path belongs
        return "a connection"
    return PurePosixPath(PureWindowsPath(text).as_posix()).name


def _expand(text: str, environment: Mapping[str, str]) -> str:
    """``$NAME`` alone, or variables inside a URL; there their values are quoted as a URL needs it."""
    alone = _VARIABLE.fullmatch(text)
    if alone is None and "://" not in text:
        return text

    def value(found: re.Match[str]) -> str:
        name = found["braced"] or found["plain"]
        if not environment.get(name):
            near = nearest(name, environment)
            raise ParameterError(
                f"the environment variable {name} is not set{near or '.'} The source is to be read from it"
            )
        return environment[name] if alone else quote(environment[name], safe="")

    return _VARIABLE.sub(value, text)


def _below(folder: Path, root: Path, above: frozenset[Path] = frozenset()) -> Iterator[tuple[str, Path]]:
    """Every file below a folder with its place there; folders behind links are gone into, circles are not."""
    here = folder.resolve()
    if here in above:
        return
    for path in folder.iterdir():
        if path.is_dir():
            yield from _below(path, root, above | {here})
        elif path.is_file():
            yield path.relative_to(root).as_posix(), path


def _place(path: Path, folder: Path, root: Path | None) -> Path:
    path = path.expanduser()
    found = folder / path
    if not found.exists() and root is not None and len(path.parts) == 1 and (root / "data" / path).exists():
        return root / "data" / path
    return found.resolve() if found.exists() else found


def _file_of(url: str, folder: Path) -> Path:
    """The file of a URL: three slashes are relative where nothing absolute is there, as Ibis reads them."""
    scheme, _, rest = url.partition("://")
    rest = rest.split("?")[0]
    path = Path("/" + rest.lstrip("/") if rest.startswith("/") else rest)
    if path.is_absolute() and not path.exists() and scheme.lower() != "file":
        path = Path(str(path).lstrip("/"))
    return (folder / path.expanduser()).resolve() if not path.is_absolute() else path


def _without_secrets(url: str) -> str:
    """Kind, host and database: what makes two sources two."""
    parts = urlsplit(url)
    host = parts.netloc.rsplit("@", 1)[-1]
    return urlunsplit((kind_of(url), host, parts.path, "", ""))
