"""What a file is, by its name and first bytes; packed ones (.gz, .zip) are unpacked to a private folder."""

from __future__ import annotations

import gzip
import shutil
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from crm_analytics.errors import DataError

ENDINGS = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".tab": "csv",
    ".parquet": "parquet", ".pq": "parquet",
    ".json": "json", ".jsonl": "json", ".ndjson": "json",
    ".xlsx": "excel", ".xlsm": "excel",
    ".duckdb": "database", ".ddb": "database", ".db": "database",
    ".sqlite": "database", ".sqlite3": "database",
}  # fmt: skip
PACKED = (".gz", ".zip")
_NEXT_STEP = {
    ".xls": "save it as .xlsx or .csv",
    ".ods": "save it as .xlsx or .csv",
    ".numbers": "export it as .xlsx or .csv",
    ".bz2": "unpack it", ".xz": "unpack it", ".zst": "unpack it", ".7z": "unpack it", ".rar": "unpack it",
    ".feather": "open it with pandas and give the frame, or write it as Parquet",
    ".arrow": "open it with pyarrow and give the table, or write it as Parquet",
    ".avro": "write it as Parquet",
    ".orc": "write it as Parquet",
    ".pkl": "a pickle can run code when it is opened: write it as Parquet",
    ".rds": "write it as Parquet or CSV in R",
    ".sav": "write it as CSV in SPSS",
    ".dta": "write it as CSV in Stata",
    ".sql": "load the dump into a database and give its URL",
}  # fmt: skip
KNOWN = (
    ".csv, .tsv, .parquet, .json, .jsonl, .xlsx, .duckdb or .sqlite file (the first five also as .gz or .zip)"
)
_LARGEST_RATIO = 500  # of unpacked to packed bytes; a shop's text stays under 100, a bomb goes to 1,000
_ALWAYS_FINE = 50_000_000  # bytes


def kind_of(path: Path) -> str:
    """The kind of a file by its ending, "" for none that can be read.

    >>> kind_of(Path("orders.CSV.gz")), kind_of(Path("orders.zip")), kind_of(Path("notes.md"))
    ('csv', 'packed', '')
    """
    ending = path.suffix.lower()
    if ending in PACKED:
        inner = Path(path.stem).suffix.lower()
        kind = ENDINGS.get(inner, "")
        return kind if kind and kind != "database" else "packed"
    return ENDINGS.get(ending, "")


def table_name(path: Path) -> str:
    """A file's name without its endings: the name of its table.

    >>> table_name(Path("orders.csv.gz")), table_name(Path("orders.2026.csv")), table_name(Path("parts"))
    ('orders', 'orders.2026', 'parts')
    """
    name = path.name
    for endings in (PACKED, ENDINGS):
        if Path(name).suffix.lower() in endings:
            name = Path(name).stem
    return name


def cannot_read(path: Path) -> DataError:
    """Which endings are read, and what to do about this one."""
    step = _NEXT_STEP.get(path.suffix.lower())
    more = f". {step[0].upper()}{step[1:]}" if step else ""
    return DataError(f"cannot read {path.name}: expected a {KNOWN}, or a folder of them{more}")


def unpacked(path: Path, folder: Path) -> Path:
    """The file itself, or what is in a .gz or .zip, written into `folder`.

    Raises
    ------
    DataError : it holds several files, is damaged, locked by a password, or unpacks to far more than any
        table would.
    """
    ending = path.suffix.lower()
    if ending not in PACKED:
        return path
    try:
        return _from_gzip(path, folder) if ending == ".gz" else _from_zip(path, folder)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise DataError(f"{path.name} cannot be unpacked: it is damaged or not a {ending} file") from error


def _from_gzip(path: Path, folder: Path) -> Path:
    inner = folder / (Path(path.stem).name if Path(path.stem).suffix else f"{path.stem}.csv")
    with gzip.open(path) as packed:
        _write(packed, inner, path)
    return inner


def _from_zip(path: Path, folder: Path) -> Path:
    with zipfile.ZipFile(path) as archive:
        inside = [
            i
            for i in archive.infolist()
            if not i.is_dir() and not i.filename.startswith("__MACOSX/")
            and not PurePosixPath(i.filename).name.startswith(".")
        ]  # fmt: skip
        readable = [i for i in inside if PurePosixPath(i.filename).suffix.lower() in ENDINGS]
        if len(readable) != 1:
            raise DataError(
                f"{path.name} holds {len(readable)} files that can be read, of {len(inside)}: one is "
                "expected. Unpack it into a folder and give the folder"
            )
        if readable[0].flag_bits & 1:
            raise DataError(f"{path.name} is locked by a password: unpack it, and give the file")
        inner = folder / PurePosixPath(readable[0].filename).name
        with archive.open(readable[0]) as packed:
            _write(packed, inner, path)
    return inner


def check_unpacked_size(path: Path) -> None:
    """Refuse a workbook, which is a .zip, whose parts unpack to far more than sheets would.

    Raises
    ------
    DataError : they do. What is no .zip passes: whoever opens it says so.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(part.file_size for part in archive.infolist())
    except (OSError, ValueError, zipfile.BadZipFile):
        return
    if size > max(path.stat().st_size * _LARGEST_RATIO, _ALWAYS_FINE):
        raise DataError(f"{path.name} unpacks to more than a table would: it is refused")


def _write(packed: object, inner: Path, path: Path) -> None:
    most = max(path.stat().st_size * _LARGEST_RATIO, _ALWAYS_FINE)
    with inner.open("wb") as file:
        while block := packed.read(1 << 20):  # type: ignore[attr-defined]
            file.write(block)
            if file.tell() > most:
                raise DataError(f"{path.name} unpacks to more than a table would: it is refused")
        shutil.copystat(path, inner)


def database_kind(path: Path) -> str:
    """Whether a database file is SQLite's or DuckDB's, by its first bytes; "" for neither.

    The ending says little: both are called .db.
    """
    with path.open("rb") as file:
        head = file.read(16)
    if head == b"SQLite format 3\0":
        return "sqlite"
    return "duckdb" if head[8:12] == b"DUCK" else ""
