"""The code blocks of a page of docs/, and how its Python is run and held to the numbers it names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def text_of(page: str) -> str:
    """What a page of the project says: `docs/scores.md`."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def run(text: str) -> dict[str, Any]:
    """Run every block of Python in one go; the names they leave."""
    names: dict[str, Any] = {}
    for block in blocks(text, "python"):
        exec(block, names)
    return names


def run_and_hold(text: str) -> int:
    """Run every block of Python in one go; how many lines `expression  # number` gave their number."""
    names: dict[str, Any] = {}
    held = 0
    for block in blocks(text, "python"):
        exec(block, names)
        for line in block.splitlines():
            promise = re.fullmatch(r"(\S.*?\S)\s+# ([\d.]+)", line)
            if promise is not None:
                assert eval(promise[1], names) == float(promise[2]), line
                held += 1
    return held
