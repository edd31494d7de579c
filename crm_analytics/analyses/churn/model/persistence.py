"""A trained model in a file that holds numbers and names only, and a hash that says it is the same file.

No pickle: what is kept is taken apart into lists, texts and arrays, written by skops, and put together again
from classes of this package alone. A file with anything else in it is refused before it is opened.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

from crm_analytics.analyses.churn.model.serialisation import Apart, Together
from crm_analytics.errors import DataError
from crm_analytics.tables.regular_files import read_bytes, read_record, replace_whole

FORMAT = 3  # of the files that are written: results are named, their modules are not
READ = (2, 3)  # 2 named modules, too
MOST_BYTES, MOST_PARTS = 256 << 20, 20_000  # a model of the largest kind has 10 MB in 2,000 parts
SCHEMA = "schema.json"  # skops' own list of contents


def save(trained: Any, path: str | os.PathLike[str]) -> Path:
    """Keep a model, or what training gave, as a skops file, with its hash in a JSON file beside it.

    Parameters
    ----------
    trained : a fitted `ChurnModel`, a frozen result of this package that holds one, or a dict of such
    path : of the file, e.g. "churn.skops"; the JSON is called the same with ".json" behind it

    Returns
    -------
    the path of the file. Equal models give equal files.

    Raises
    ------
    ParameterError : something in it is neither number, text, date, frame nor a result of this package.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np, pandas as pd
    >>> from crm_analytics.analyses.churn.model.model import ChurnModel
    >>> frame = pd.DataFrame({"days": range(600)})
    >>> model = ChurnModel("logistic").fit(frame, np.arange(600) % 7 == 0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = load(save(model, Path(folder) / "churn.skops"))
    >>> bool((again.predict_proba(frame) == model.predict_proba(frame)).all())
    True
    """
    import skops

    path = Path(path)
    content = packed(trained)
    about = {
        "format": FORMAT,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "holds": type(trained).__name__,
        "skops": skops.__version__,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_whole(path, content, 0o600)
    replace_whole(_beside(path), (json.dumps(about, indent=1, sort_keys=True) + "\n").encode(), 0o600)
    return path


def load(path: str | os.PathLike[str]) -> Any:
    """What `save` has kept.

    The hash tells a file that was damaged or exchanged; whoever can write both files can write both. So
    nothing in the file is ever run: it may hold plain values only, and names of this package's classes.

    Raises
    ------
    DataError : a file is missing, has changed since it was saved, is of another format, or holds types that
        are not trusted; they are named.
    """
    path = Path(path)
    about = _about(path)
    try:
        content = read_bytes(path, MOST_BYTES)
    except OSError as error:
        raise DataError(f"{path.name}: cannot be read ({error.strerror})") from error
    found = hashlib.sha256(content).hexdigest()
    if found != about.get("sha256"):
        raise DataError(
            f"{path.name} has changed since it was saved: its sha256 is {found[:12]}.., "
            f"{_beside(path).name} says {str(about.get('sha256'))[:12]}... Train it again"
        )
    version = about.get("format")
    if version not in READ:
        formats = " and ".join(str(one) for one in READ)
        raise DataError(f"{path.name} has format {version}, this version reads {formats}. Train it again")
    return unpacked(content, path.name, version)


def packed(trained: Any) -> bytes:
    """The content of the file that `save` writes; equal models give equal bytes."""
    import skops.io  # not above: its import looks through all types of scipy, and every report would wait

    by = Apart()
    structure = json.dumps(by.take(trained, type(trained).__name__))
    return _settled(skops.io.dumps({"structure": structure, **by.arrays}))


def unpacked(content: bytes, name: str, version: int = FORMAT) -> Any:
    """The opposite of `packed`.

    Parameters
    ----------
    name : what to call the content in an error

    Raises
    ------
    DataError : it is no skops file, or holds types that are not trusted; they are named.
    """
    import skops.io

    _check_size(content, name)
    try:
        untrusted = skops.io.get_untrusted_types(data=content)
    except Exception as error:  # whatever skops says of a file that is none of its own
        raise DataError(f"{name} is not a skops file ({type(error).__name__})") from error
    if untrusted:
        raise DataError(f"{name} holds types that are not trusted: {', '.join(sorted(untrusted))}")
    kept = skops.io.loads(content, trusted=[])
    if not isinstance(kept, dict) or not isinstance(kept.get("structure"), str):
        raise DataError(f"{name} holds a {type(kept).__name__}, which is no model of this package")
    return Together(kept, version).put(json.loads(kept["structure"]))


def _check_size(content: bytes, name: str) -> None:
    """Refuse an archive that unpacks to more than any model needs, before a byte of it is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
    except zipfile.BadZipFile:
        raise DataError(f"{name} is not a skops file (no zip archive)") from None
    if sum(part.file_size for part in parts) > MOST_BYTES or len(parts) > MOST_PARTS:
        raise DataError(
            f"{name} would unpack to more than a model can be ({MOST_BYTES >> 20} MB). It is not opened"
        )


def _about(path: Path) -> dict[str, Any]:
    beside = _beside(path)
    try:
        about = read_record(beside)
    except OSError as error:
        raise DataError(
            f"{beside.name} is not beside {path.name}: without its hash it is not opened"
        ) from error
    except ValueError as error:
        raise DataError(f"{beside.name} is not JSON: {error}") from error
    return about if isinstance(about, dict) else {}


def _beside(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def _settled(content: bytes) -> bytes:
    """The same archive with its parts numbered in order and without a time, so that equal models are equal.

    skops numbers parts by their place in memory.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        schema, named = json.loads(old.read(SCHEMA)), {}
        nodes = [schema]
        for number, node in enumerate(nodes):  # grows while it is walked
            if "__id__" in node:
                node["__id__"] = number
            if "file" in node:
                named[node["file"]] = f"{number}.npy"
                node["file"] = named[node["file"]]
            for below in node.values():
                nodes += [x for x in (below if isinstance(below, list) else [below]) if isinstance(x, dict)]
        for name, part in named.items():
            new.writestr(zipfile.ZipInfo(part), old.read(name))
        new.writestr(zipfile.ZipInfo(SCHEMA), json.dumps(schema, indent=1))
    return out.getvalue()
