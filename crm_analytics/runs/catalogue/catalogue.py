"""Which reports there are, and where."""

from __future__ import annotations

import hashlib
import json
import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import crm_analytics
from crm_analytics.errors import ParameterError, nearest
from crm_analytics.runs.catalogue.parameters import ParameterSet, read_parameters
from crm_analytics.tables.project import project_folder
from crm_analytics.tables.regular_files import read_text

MOST_BYTES = 64 << 20  # of a notebook, with the outputs that it may hold
_NUMBER = re.compile(r"^\d+[_-]*")


@dataclass(frozen=True)
class Report:
    """A notebook that can be made a page: its name without the number, its file, its JSON."""

    name: str
    path: Path
    notebook: dict[str, Any]

    def origin(self, root: Path) -> str:
        """Which notebook it is, whatever number stands before its name: tells two of one name apart."""
        package = Path(crm_analytics.__file__).resolve().parent
        if self.path.parent in (package / "notebooks", package.parent / "notebooks"):
            place = "package"
        else:
            place = os.path.relpath(self.path.parent, root.resolve())
        name = f"{place}/{_NUMBER.sub('', self.path.stem) or self.path.stem}"
        return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    @property
    def parameters(self) -> ParameterSet:
        """What its parameters cell declares."""
        return read_parameters(self.notebook)

    @property
    def is_report(self) -> bool:
        """Whether it has a parameters cell with a source in it; a tutorial need not."""
        try:
            return "data" in self.parameters
        except ParameterError:
            return False

    @property
    def title(self) -> str:
        """The first heading of the notebook."""
        for cell in self.notebook["cells"]:
            if cell.get("cell_type") == "markdown":
                for line in "".join(cell.get("source", "")).splitlines():
                    if line.startswith("# "):
                        return line[2:].strip()
        return self.name.replace("_", " ").replace("-", " ").capitalize()


def report_name(path: Path) -> str:
    """The name of a notebook's report, fit for a folder: no number in front, no odd characters.

    Letters that no folder's name can be sure to keep are told by a short digest, so that two names stay two.
    "lists" is the folder of contact lists.

    >>> report_name(Path("01_segments.ipynb")), report_name(Path("My Report.ipynb"))
    ('segments', 'my-report')
    >>> [report_name(Path(f"{name}.ipynb")) for name in ("Übersicht", "отчёт", "lists")]
    ['ubersicht', 'report-520a7692', 'lists-report']
    """
    bare = _NUMBER.sub("", path.stem) or path.stem
    plain = "".join(c for c in unicodedata.normalize("NFKD", bare.lower()) if not unicodedata.combining(c))
    name = re.sub(r"[^a-z0-9_-]+", "-", plain).strip("-_")[:50] or "report"
    if re.search(r"[^\W\d_a-z]", plain):
        name += "-" + hashlib.sha256(bare.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{name}-report" if name == "lists" else name


def report_files(root: Path | None = None) -> dict[str, Path]:
    """Notebooks by name: those of the project, then those the package brings; the nearer one counts."""
    package = Path(crm_analytics.__file__).resolve().parent
    places = [(root or project_folder()) / "notebooks", package / "notebooks", package.parent / "notebooks"]
    found: dict[str, Path] = {}
    for place in places:
        for path in sorted(place.glob("*.ipynb")):
            found.setdefault(report_name(path), path)
    return found


def find_report(name: str, root: Path | None = None) -> Report:
    """A report by name ("segments", "01_segments") or by the path of its notebook.

    Raises
    ------
    ParameterError : there is none; the nearest name is offered.
    """
    if name.endswith(".ipynb") or "/" in name or "\\" in name:
        path = Path(name).expanduser()
        if not path.is_file():
            siblings = [p.name for p in path.parent.glob("*.ipynb")] if path.parent.is_dir() else []
            raise ParameterError(f"there is no notebook {name}{nearest(path.name, siblings)}")
        return read_report(path)
    files = report_files(root)
    wanted = report_name(Path(f"{name}.ipynb"))
    if wanted not in files:
        known = ", ".join(files) or "none"
        raise ParameterError(
            f"there is no report '{name}'{nearest(wanted, files) or '.'} Known: {known}. "
            "Your own notebook is given by its path: ./name.ipynb"
        )
    return read_report(files[wanted])


def read_report(path: Path) -> Report:
    """A notebook file as a report.

    Raises
    ------
    ParameterError : the file is not a notebook.
    """
    try:
        notebook = json.loads(read_text(path, MOST_BYTES))
        whole = _is_about(notebook.get("metadata", {})) and all(_is_cell(cell) for cell in notebook["cells"])
        if notebook.get("nbformat") != 4 or not whole:
            raise ValueError("another format")
    except OSError as error:
        raise ParameterError(f"{path} cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ParameterError(
            f"{path} is not a notebook of Jupyter's format 4; save it anew in JupyterLab"
        ) from None
    return Report(report_name(path), path.resolve(), notebook)


def _is_about(about: object) -> bool:
    """Whether the metadata of a notebook are what Jupyter, papermill and this package write there."""
    if not isinstance(about, dict):
        return False
    tables = [about.get(name, {}) for name in ("crm", "kernelspec", "language_info", "papermill")]
    if not all(isinstance(one, dict) for one in tables):
        return False
    neighbours = tables[0].get("neighbours", [])
    return isinstance(neighbours, list) and all(isinstance(one, str) for one in neighbours)


def _is_cell(cell: object) -> bool:
    """Whether a cell is what the format says: nothing of it is believed before."""
    if not isinstance(cell, dict) or cell.get("cell_type") not in ("code", "markdown", "raw"):
        return False
    about, source = cell.get("metadata", {}), cell.get("source", "")
    tags = about.get("tags", []) if isinstance(about, dict) else None
    texts = source if isinstance(source, list) else [source]
    if not isinstance(tags, list) or not isinstance(about.get("papermill", {}), dict):
        return False
    return all(isinstance(one, str) for one in (*texts, *tags))
