"""Every sentence that a report says by its id gets the slots that the sentence has."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from crm_analytics.pages.sentences import slots_of
from crm_analytics.reports.shared.spoken import catalogue

REPORTS = Path(__file__).parents[2] / "crm_analytics" / "reports"
FOLDERS = sorted(path.parent for path in REPORTS.glob("*/catalogue") if path.parent.name != "shared")


def said_by_id(path: Path) -> list[tuple[int, str, set[str]]]:
    """Calls ``t("id", slot=...)`` and ``report.t("id", ...)`` of a file: line, id, slots."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (
            isinstance(node, ast.Call) and len(node.args) == 1 and isinstance(node.args[0], ast.Constant)
        ):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        slots = [keyword.arg for keyword in node.keywords]
        if called == "t" and None not in slots:
            found.append((node.lineno, str(node.args[0].value), {str(slot) for slot in slots}))
    return found


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_sentence_gets_its_slots(folder: Path) -> None:
    sentences = catalogue("en", str(folder / "__init__.py"), "EUR")
    wrong = []
    for path in sorted(folder.glob("*.py")):
        for line, message, slots in said_by_id(path):
            text = sentences.messages.get(message)
            wanted = None if text is None else {slot.name for slot in slots_of(text)}
            if wanted != slots:
                wrong.append(f"{path.name}:{line} {message}: has {wanted}, gets {slots}")
    assert wrong == []
