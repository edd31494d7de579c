"""Run the notebooks and keep the text form of their blocks, and pictures of their charts: `make notebooks`.

What is committed is what nbval compares: outputs as plain text, cells with fixed ids, no times, no paths,
and dots in place of pseudonyms, which differ from key to key. Beside the text of a chart stands its picture,
which nbval passes over: GitHub and nbviewer show it. A notebook stays below `MOST_BYTES`: its largest
pictures go first.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from crm_analytics.pages.blocks import PLOTLY_MIME
from tests.notebooks.pictures import SVG, pictures

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
PSEUDONYM = re.compile(r"\bc-[a-z2-7]{10}\b")
KEPT_METADATA = ("kernelspec", "language_info", "crm")
TEXT = "text/plain"
MOST_BYTES = 1_000_000  # of a committed notebook


def normalised(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook as it is committed."""
    for name in set(notebook.metadata) - set(KEPT_METADATA):
        del notebook.metadata[name]
    notebook.metadata["language_info"] = {"name": "python"}
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:02d}"
        cell["metadata"] = {"tags": cell.metadata["tags"]} if cell.metadata.get("tags") else {}
        for output in cell.get("outputs", []):
            shown = output.output_type in ("execute_result", "display_data")
            if not shown or TEXT not in output.data or set(output.data) - {TEXT, PLOTLY_MIME, SVG}:
                raise SystemExit(f"cell {number + 1} shows something that is not a block: {output}")
            for kind in {TEXT, SVG} & set(output.data):
                output.data[kind] = PSEUDONYM.sub("c-..........", output.data[kind])
            output["metadata"] = {}
    _draw([output.data for cell in notebook.cells for output in cell.get("outputs", [])])
    return notebook


def _draw(outputs: list[dict[str, Any]]) -> None:
    """Put a picture in the place of each figure; the largest are left out of a notebook of many."""
    charts = [data for data in outputs if PLOTLY_MIME in data]
    for data, picture in zip(charts, pictures([data.pop(PLOTLY_MIME) for data in charts]), strict=True):
        if picture:
            data[SVG] = PSEUDONYM.sub("c-..........", picture)
    for data in sorted((data for data in outputs if SVG in data), key=lambda data: -len(data[SVG])):
        if sum(len(str(text).encode()) for data in outputs for text in data.values()) < 0.9 * MOST_BYTES:
            return
        del data[SVG]


def main() -> None:
    """Run each notebook in a fresh kernel and write it back; with names, those alone: ``06_journey``."""
    os.environ["CRM_DISPLAY"] = "stored"
    asked, paths = set(sys.argv[1:]), sorted(FOLDER.glob("*.ipynb"))
    if unknown := asked - {path.stem for path in paths}:
        raise SystemExit(f"no notebook is called {', '.join(sorted(unknown))}")
    for path in paths:
        if asked and path.stem not in asked:
            continue
        print(path.name, file=sys.stderr)
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(FOLDER)}}).execute()
        nbformat.write(normalised(notebook), path)


if __name__ == "__main__":
    main()
