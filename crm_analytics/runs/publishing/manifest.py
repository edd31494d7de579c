"""What is published of a run besides the page: its record, its notebook, its tables; without paths."""

from __future__ import annotations

import functools
import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import crm_analytics
from crm_analytics.runs.catalogue.parameters import INJECTED
from crm_analytics.tables.redaction import redact
from crm_analytics.tables.source_ref import public_name

if TYPE_CHECKING:
    from nbformat import NotebookNode

# The folders of an absolute path, or of one from home; of a path with blanks the blanks, too.
_PLACE = re.compile(
    r"(?<![\w/.:…])(?:~|[A-Za-z]:(?=[/\\]))?[/\\](?:[^/\\\s'\"`:(),;]+(?: [^/\\\s'\"`:(),;]+)*[/\\])+"
)
_AND_MORE = re.compile(r"; did you mean '[^'\n]*'\?(?= [a-z])")
_BESIDE = re.compile(r"; did you mean '[^'\n]*'\?|: it has [^\n]*?(?=\.(?:\s|$)|$)")
BLOCK = "application/vnd.crm-analytics.block+json"
SCHEMA = 2  # in 1 the cells of published tables were texts, and their files had no name but a number
LIBRARIES = (
    "numpy",
    "pandas",
    "scipy",
    "ibis-framework",
    "duckdb",
    "pyarrow",
    "plotly",
    "papermill",
    "nbclient",
)


def without_paths(values: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters that may be told: no source, no day (both stand elsewhere), no folder of this machine.

    >>> without_paths({"bins": 5, "data": "/x", "list": "/home/ann/list.csv"})
    {'bins': 5, 'list': 'list.csv'}
    """
    return {n: _without_path(v) for n, v in values.items() if n not in INJECTED}


def _without_path(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_path(v) for v in value]
    if isinstance(value, str) and ("://" in value or re.match(r"[/~\\]|\.\.?[/\\]|[A-Za-z]:[/\\]", value)):
        return public_name(value)
    return value


def published_words(text: str) -> str:
    """A message as it may stand on a page, in a record, in the index.

    Without passwords, without folders of this machine, and without the names of what else lies there: those
    are for whoever runs it.

    >>> published_words("/home/ann/shop data.csv cannot be read at postgres://ann:pw@db/shop")
    'shop data.csv cannot be read at postgres://…'
    >>> published_words("cell 3 failed (and/or more): 5 / 7")
    'cell 3 failed (and/or more): 5 / 7'
    >>> published_words("no column 'date'; did you mean 'ann'? no column 'amount'")
    "no column 'date'; no column 'amount'"
    >>> published_words("there is no file 'a.csv'; did you mean 'ann_vogel.csv'?")
    "there is no file 'a.csv'"
    """
    text = "".join(
        c for c in redact(text) if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs")
    )
    text = _AND_MORE.sub(";", text)
    return _PLACE.sub("", _BESIDE.sub("", text))


def versions() -> dict[str, str]:
    """Versions of Python, this package and what it computes with."""
    import platform

    import crm_analytics

    found = {"crm-analytics": crm_analytics.__version__, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def digest(*parts: Any) -> str:
    """64 hex characters of some plain values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode("utf-8")).hexdigest()


def code_digest(notebook: Mapping[str, Any]) -> str:
    """64 hex characters of what a notebook says and does; outputs and metadata do not count."""
    return digest([[c.get("cell_type"), "".join(c.get("source", ""))] for c in notebook["cells"]])


def published_notebook(
    executed: NotebookNode, values: Mapping[str, Any], source: str, day: str, only: str = ""
) -> bytes:
    """The executed notebook as it may be published: blocks alone, no prints, no errors, no paths.

    Parameters
    ----------
    executed : as it left the kernel, papermill's own cells included
    values : every parameter of the run
    source : its public name, in the place of the path that the run got
    day : ISO
    only : the filter in words

    Returns
    -------
    .ipynb as bytes; the cell after the parameters says what they were in this run
    """
    given = (("data", source), ("as_of", day), ("run", ""))
    shown = {**without_paths(values), **{n: v for n, v in given if n in values}}
    lines = [f"{name} = {shown[name]!r}" for name in values]
    about = f" (only {' '.join(only.split())})" if only else ""
    source = f"# The parameters of this run{about}\n" + "\n".join(lines)
    cells: list[dict[str, Any]] = []
    for number, cell in enumerate(executed.cells):
        tags = [t for t in cell.metadata.get("tags", []) if not t.startswith("papermill")]
        if "papermill-error-cell-tag" in cell.metadata.get("tags", []):
            continue
        made: dict[str, Any] = {
            "cell_type": cell.cell_type,
            "id": cell.get("id") or f"cell-{number}",
            "metadata": {"tags": tags} if tags else {},
            "source": cell.source,
        }
        if "injected-parameters" in tags:
            made |= {"id": "parameters-of-this-run", "source": source}
        if cell.cell_type == "code":
            made |= {"execution_count": cell.execution_count, "outputs": list(_blocks_of(cell))}
        cells.append(made)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return (json.dumps(whole, indent=1, ensure_ascii=False) + "\n").encode("utf-8")


def _blocks_of(cell: NotebookNode) -> Iterator[dict[str, Any]]:
    for output in cell.outputs:
        if BLOCK in output.get("data", {}):
            yield {"output_type": "display_data", "metadata": {}, "data": {BLOCK: output["data"][BLOCK]}}


@functools.cache
def package_digest() -> str:
    """64 hex characters of this package's code and templates."""
    root = Path(crm_analytics.__file__).resolve().parent
    kinds = {".py", ".html", ".css", ".js", ".toml"}
    files = sorted(p for p in root.rglob("*") if p.suffix in kinds and p.is_file())
    return digest(
        [[p.relative_to(root).as_posix(), hashlib.sha256(p.read_bytes()).hexdigest()] for p in files]
    )
