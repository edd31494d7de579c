"""Laws of a manager's page, for the tests of single reports: short, linked, well said, in one language."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow.parquet as pq

from crm_analytics.analyses.actions import contradictions
from crm_analytics.pages import blocks
from crm_analytics.pages.blocks import Block
from tests.style import faults

ENGLISH = re.compile(r"\b(?:customers?|weeks?|year ago|purchases?|revenue|orders?|the|of|and|days)\b")
CHARTS = 1  # on the manager's layer


def blocks_of(module: ModuleType, report: Any) -> dict[str, Block]:
    """Every section of a prepared report."""
    names = [name for name in module.__all__ if name != "prepare" and not name.endswith("Report")]
    return {name: getattr(module, name)(report) for name in names}


def manager(found: dict[str, Block]) -> str:
    """What a manager reads: everything but the appendix, the method and the record."""
    hidden = ("method", "record")
    return "\n".join(
        repr(block) for block in found.values() if "layer" not in block.payload and block.kind not in hidden
    )


def broken(found: dict[str, Block], folder: Path) -> list[str]:
    """What of a page is too long, leads nowhere, contradicts itself, or disagrees with its lists."""
    wrong = []
    items = {name: found[name].payload["items"] for name in ("kpis", "actions", "findings")}
    if not 1 <= len(items["findings"]) <= blocks.MOST_FINDINGS:
        wrong.append(f"{len(items['findings'])} findings")
    wrong += [f"cut: {one['text']}" for one in items["findings"] if one["text"].endswith("…")]
    if len(items["actions"]) > blocks.MOST_ACTIONS:
        wrong.append(f"{len(items['actions'])} actions")
    if len(items["kpis"]) != 4:
        wrong.append(f"{len(items['kpis'])} numbers")
    anchors = {block.payload["anchor"] for block in found.values() if "anchor" in block.payload}
    wrong += [
        f"leads nowhere: {one['to']}" for one in items["findings"] if one["to"] and one["to"] not in anchors
    ]
    layer = [
        name for name, one in found.items() if one.kind in ("chart", "table") and "layer" not in one.payload
    ]
    if len(layer) > CHARTS:
        wrong.append(f"charts before the appendix: {layer}")
    headings = [one.payload["sentence"] for one in found.values() if one.kind == "headline"]
    wrong += [f"heading: {text}" for text in headings if len(text) > blocks.LONGEST_FINDING]
    facts = [one["fact"] for one in items["actions"] if "fact" in one]
    wrong += [f"contradiction: {one}" for one in contradictions(facts)]
    for one in items["actions"]:
        if one.get("list", {}).get("count"):
            rows = pq.read_table(folder / "lists" / f"{one['list']['name']}.parquet").to_pandas()
            if len(rows) != one["list"]["count"] or not re.search(
                rf"\b{len(rows):,}\b", one["do"].replace(".", ",")
            ):
                wrong.append(f"list {one['list']['name']}: {len(rows)}, {one['do']}")
    return wrong


def badly_said(found: dict[str, Block]) -> list[str]:
    """Sentences of the style list; terms with a colon after them and rows of tables are no sentences."""
    return [
        f"{name}: {line} {faults(line)}"
        for name, block in found.items()
        if block.kind not in ("record", "method", "glossary")
        for line in repr(block).splitlines()
        if "  " not in line and faults(line)
    ]


def code_names(found: dict[str, Block]) -> list[str]:
    """Columns whose heading is the name of a variable."""
    return [
        f"{name}: {column['label']}"
        for name, block in found.items()
        if "table" in block.payload
        for column in block.payload["table"]["columns"]
        if "_" in column["label"] or not column["label"].strip()
    ]


def english_in(found: dict[str, Block]) -> list[str]:
    """English words on a German page."""
    return [
        line
        for name, block in found.items()
        if name != "record"
        for line in repr(block).splitlines()
        if not line.startswith(("[", "figure:")) and ENGLISH.search(line)
    ]
