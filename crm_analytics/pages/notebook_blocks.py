"""What a run notebook shows: its blocks, its title, its key numbers. Anything else is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import nbformat

from crm_analytics.pages import prose, words
from crm_analytics.pages.blocks import KINDS, MIME, VERSION
from crm_analytics.pages.render import PageError


def shown(notebook: nbformat.NotebookNode) -> Iterator[tuple[int, dict[str, Any]]]:
    """Cell number (from 1) and JSON of each block a notebook shows, in order.

    Raises
    ------
    PageError : an output is not a block; the message names the cell and the cure.
    """
    for number, cell in enumerate(notebook.cells, start=1):
        for output in cell.get("outputs", []) if cell.cell_type == "code" else []:
            yield number, block_of(output, number)


def block_of(output: Any, number: int) -> dict[str, Any]:
    """The JSON of one output of cell `number`, or a PageError that says how to make it a block."""
    kind = output.get("output_type")
    if kind == "stream":
        _refuse(
            number,
            f"prints text ({output.get('name', 'stdout')})",
            "remove the print, or show it with note()",
        )
    if kind == "error":
        _refuse(
            number,
            f"failed with {words.clean(output.get('ename', 'an error'), 60)}",
            "run the notebook again",
        )
    data = output.get("data", {})
    if MIME not in data:
        seen = ", ".join(sorted(data)) or "nothing"
        cure = "show it through pages.blocks (chart, table, note ...), or end the line with a semicolon"
        if set(data) == {"text/plain"} and str(data["text/plain"]).startswith("["):
            cure += "; if it is a block already, the kernel ran with CRM_DISPLAY=text"
        _refuse(number, f"shows {seen}, which is not a block", cure)
    block = data[MIME]
    if block.get("kind") not in KINDS or block.get("version") != VERSION:
        _refuse(number, f"shows a block of another version ({block.get('kind')})", "run the notebook again")
    return dict(block)


def _refuse(number: int, what: str, cure: str) -> None:
    raise PageError(f"cell {number} {what}; a page is made of blocks alone: {cure}")


def facts(notebook: nbformat.NotebookNode) -> dict[str, Any]:
    """The key numbers of all record() blocks, later ones over earlier."""
    found: dict[str, Any] = {}
    for _, block in shown(notebook):
        found |= block.get("facts", {})
    return found


def action_facts(notebook: nbformat.NotebookNode) -> list[dict[str, Any]]:
    """What other runs are told of the actions of a page, in its order: each fact, and its sentence `do`."""
    return [{**item["fact"], "do": item["do"]} for item in _actions(notebook) if "fact" in item]


def named_lists(notebook: nbformat.NotebookNode) -> dict[str, int]:
    """The lists of customers that a page names, and how many it says are on each."""
    return {item["list"]["name"]: int(item["list"]["count"]) for item in _actions(notebook) if "list" in item}


def _actions(notebook: nbformat.NotebookNode) -> list[dict[str, Any]]:
    return [item for _, block in shown(notebook) if block["kind"] == "actions" for item in block["items"]]


def is_thin(notebook: nbformat.NotebookNode) -> bool:
    """Whether a headline or note says that the data are too few for the full report."""
    return any(block.get("thin") for _, block in shown(notebook))


def title(notebook: nbformat.NotebookNode) -> str:
    """The first heading of the notebook: "Segments".

    Raises
    ------
    PageError : there is none.
    """
    return opening(notebook).heading


def headline(notebook: nbformat.NotebookNode) -> str:
    """The sentence of the headline block.

    Raises
    ------
    PageError : there is none, or more than one.
    """
    return str(only_headline([block for _, block in shown(notebook)])["sentence"])


def only_headline(blocks: list[dict[str, Any]]) -> dict[str, Any]:
    """The one headline of a report."""
    found = [block for block in blocks if block["kind"] == "headline"]
    if len(found) != 1:
        raise PageError(
            f"a report has one headline(), this notebook shows {len(found)}; it is the page's title"
        )
    return found[0]


def opening(notebook: nbformat.NotebookNode) -> prose.Passage:
    """The title and the question in the first cell."""
    first = notebook.cells[0] if notebook.cells else None
    if first is not None and first.cell_type == "markdown":
        for passage in prose.passages(first.source):
            if passage.level == 1:
                return passage
    raise PageError("the first cell must be markdown: '# Title', and below it the question it answers")
