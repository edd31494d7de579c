"""The ten questions of each report, as `docs/questions.md` has them, and whether a page answers them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crm_analytics.pages.blocks import Block
from tests.reports.one_truth import items_of

DOC = Path(__file__).parents[2] / "docs" / "questions.md"
FIRST_LAYER = ("headline", "kpis", "actions", "findings", "glossary")
ROW = re.compile(r"\| (.+) \| `(.+)` \| +(.+) \|")


@dataclass(frozen=True)
class Question:
    """A question, the part or section that answers it, and the forms a piece of the answer may take."""

    text: str
    where: str
    forms: tuple[str, ...]

    def is_answered_by(self, page: Sequence[Block]) -> bool:
        """Whether the page says it there, and the place is on the first layer or led to from it."""
        if self.where.startswith("#"):
            places = [b for b in page if b.payload.get("anchor") == self.where[1:]]
        else:
            places = [b for b in page if b.kind == self.where]
        said = " ".join(repr(b) for b in places)
        return any(form in said for form in self.forms) and all(is_reached(b, page) for b in places)


def is_reached(block: Block, page: Sequence[Block]) -> bool:
    """Whether a manager comes to a block without reading the appendix."""
    if "layer" not in block.payload:
        return True
    anchors = {item["to"] for item in items_of(page, "findings")}
    return block.payload.get("anchor") in anchors


def questions() -> dict[str, list[Question]]:
    """The questions by report."""
    found: dict[str, list[Question]] = {}
    report = ""
    for line in DOC.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            report = line[3:]
        elif match := ROW.fullmatch(line):
            text, where, forms = match.groups()
            found.setdefault(report, []).append(Question(text, where, tuple(forms.split(" / "))))
    return found
