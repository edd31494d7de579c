"""Run the notebooks and keep the text form of their blocks: `make notebooks`.

What is committed is what nbval compares: outputs as plain text, cells with fixed ids, no times, no paths,
and dots in place of pseudonyms, which differ from key to key.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
PSEUDONYM = re.compile(r"\bc-[a-z2-7]{10}\b")
KEPT_METADATA = ("kernelspec", "language_info", "crm")


def normalised(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook as it is committed."""
    for name in set(notebook.metadata) - set(KEPT_METADATA):
        del notebook.metadata[name]
    notebook.metadata["language_info"] = {"name": "python"}
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:02d}"
        cell["metadata"] = {"tags": cell.metadata["tags"]} if cell.metadata.get("tags") else {}
        for output in cell.get("outputs", []):
            if output.output_type not in ("execute_result", "display_data") or set(output.data) != {
                "text/plain"
            }:
                raise SystemExit(f"cell {number + 1} shows something that is not a block: {output}")
            output.data["text/plain"] = PSEUDONYM.sub("c-..........", output.data["text/plain"])
            output["metadata"] = {}
    return notebook


def main() -> None:
    """Run each notebook in a fresh kernel and write it back; with names, those alone: ``06_journey``."""
    os.environ["CRM_DISPLAY"] = "text"
    asked = set(sys.argv[1:])
    for path in sorted(FOLDER.glob("*.ipynb")):
        if asked and path.stem not in asked:
            continue
        print(path.name, file=sys.stderr)
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(FOLDER)}}).execute()
        nbformat.write(normalised(notebook), path)


if __name__ == "__main__":
    main()
