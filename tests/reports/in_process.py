"""A report made in this process, without a kernel: its notebook's own cells, and the blocks they show."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any
from unittest.mock import patch

from crm_analytics import CustomerBase
from crm_analytics.pages import block_views
from crm_analytics.pages.blocks import Block
from crm_analytics.runs.catalogue.catalogue import Report

# A missing value that was worded; "inf" and "nan" as words of their own, in any case.
NONSENSE = re.compile(r"\bnan\b|\bNone\b|\bNaT\b|<NA>|\binf(inity)?\b|\b(?:Timestamp|Decimal)\(|; 0 others")
HIDDEN = ("bdata",)  # packed arrays of a figure: no words


@dataclass(frozen=True)
class Shown:
    """One block, and the cell that shows it."""

    source: str
    block: Block

    @property
    def text(self) -> str:
        """As it is compared."""
        return repr(self.block)

    @property
    def html(self) -> str:
        """As it is drawn."""
        return block_views.html(self.block.kind, self.block.payload)


def shown_by(report: Report, base: CustomerBase, **parameters: object) -> list[Shown]:
    """The blocks of a report's notebook on a base, top to bottom.

    Whatever the notebook opens is `base`; the day it asks for is kept.
    """
    namespace: dict[str, Any] = {}
    found = []
    with patch.object(CustomerBase, "open", lambda *_, **__: base):
        for cell in report.notebook["cells"]:
            if cell["cell_type"] != "code":
                continue
            source = "".join(cell["source"])
            run, last = _halves(source)
            exec(run, namespace)
            if "parameters" in cell.get("metadata", {}).get("tags", []):
                namespace |= parameters
            value = eval(last, namespace) if last else None
            if value is not None:
                assert isinstance(value, Block), f"{source}: shows something that is not a block"
                found.append(Shown(source, value))
    return found


def _halves(source: str) -> tuple[CodeType, CodeType | None]:
    """A cell's statements, and the expression it ends with."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    shown = compile(ast.Expression(last.value), "<cell>", "eval") if isinstance(last, ast.Expr) else None
    return compile(tree, "<cell>", "exec"), shown


def texts_of(value: object) -> Iterator[str]:
    """Every text inside a payload: words, labels, cells, names of columns."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if name not in HIDDEN:
                yield str(name)
                yield from texts_of(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts_of(inner)


# --- the laws -----------------------------------------------------------------------------------------------


def nonsense_in(shown: list[Shown]) -> list[str]:
    """Missing values that were worded. A record is for machines and may say that it does not know."""
    return [
        f"{one.source}: {text[:200]!r}"
        for one in shown
        if one.block.kind != "record"
        for text in (*texts_of(one.block.payload), one.text)
        if NONSENSE.search(text)
    ]


def ids_in(shown: list[Shown], pattern: str) -> list[str]:
    """Customers' ids on the page."""
    wanted = re.compile(pattern)
    texts = [(one, text) for one in shown for text in texts_of(one.block.payload)]
    return [f"{one.source}: {text[:200]!r}" for one, text in texts if wanted.search(text)]


def unescaped_in(shown: list[Shown], hostile: str) -> list[str]:
    """Sections whose HTML or figure holds a hostile text as it came."""
    figures = [(one, "".join(texts_of(one.block.payload.get("figure", {})))) for one in shown]
    pages = [(one, one.html) for one in shown]
    return [one.source for one, text in figures + pages if hostile in text]


def is_thin(shown: list[Shown]) -> bool:
    """Whether the first block says that the data are few."""
    return bool(shown[0].block.payload.get("thin"))
