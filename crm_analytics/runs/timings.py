"""Where the seconds of a report go.

| step | it is |
|---|---|
| open | the source: in it `check` (read, cast, held to the contract) and `cut` (at the day, saved for the notebook) |
| notebook | all cells: `prepare` (the data and all analyses), `cells` (the blocks), `kernel` (waiting for its process) |
| page | the blocks become one HTML file |
| publish | files, pointers and the index are written; known only afterwards, so in no manifest |
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode

STEPS = ("open", "check", "cut", "kernel", "prepare", "cells", "page", "publish")


def of_cells(executed: NotebookNode | None, notebook: float) -> dict[str, float]:
    """Seconds of a notebook by step.

    Parameters
    ----------
    executed : with the times that papermill wrote into its cells
    notebook : seconds of all

    Returns
    -------
    prepare, cells, kernel; their sum is `notebook`
    """
    found = {"prepare": 0.0, "cells": 0.0}
    for cell in executed.cells if executed is not None else []:
        seconds = _seconds(cell.metadata)
        if cell.cell_type == "code" and seconds:
            found[_step(cell.source)] += seconds
    return {**found, "kernel": max(notebook - sum(found.values()), 0.0)}


def by_step(recorded: Mapping[str, float]) -> dict[str, float]:
    """The steps of a run side by side: what of opening is neither check nor cut is its `open`.

    >>> by_step({"open": 3.0, "check": 1.0, "cut": 0.5, "notebook": 2.0, "cells": 2.0})
    {'open': 1.5, 'check': 1.0, 'cut': 0.5, 'cells': 2.0}
    """
    rest = recorded.get("open", 0.0) - recorded.get("check", 0.0) - recorded.get("cut", 0.0)
    return {step: rest if step == "open" else recorded[step] for step in STEPS if step in recorded}


def _seconds(metadata: Mapping[str, Any]) -> float:
    return float((metadata.get("papermill") or {}).get("duration") or 0)


def _step(source: str) -> str:
    return "prepare" if ".prepare(" in source or "CustomerBase.open(" in source else "cells"
