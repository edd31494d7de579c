"""English of code, messages and docs: written, not translated."""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

import pytest

from tests.style import translated

ROOT = Path(__file__).resolve().parents[1]
CODE = sorted((ROOT / "crm_analytics").rglob("*.py"))
DOCS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "data").glob("*.md")])


def prose_of(path: Path) -> list[tuple[int, str]]:
    """Comments, docstrings and messages by line. Sentences of reports are held by the tests of the pages."""
    text = path.read_text(encoding="utf-8")
    found = [
        (token.start[0], token.string)
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
    ]
    tree = ast.parse(text)
    if "reports" not in path.parts:
        strings = (node for node in ast.walk(tree) if isinstance(node, ast.Constant))
        return found + [(node.lineno, node.value) for node in strings if isinstance(node.value, str)]
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    return found + [
        (node.body[0].lineno, ast.get_docstring(node) or "")
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body
    ]


def test_code_reads_as_written() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} {what}"
        for path in CODE
        for line, text in prose_of(path)
        for what in translated(text)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_docs_read_as_written(path: Path) -> None:
    assert not translated(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "sentence",
    [
        "It speaks from 100 customers and 30 repeat buyers on.",
        "table : one row a customer",
        "The fit did not come to rest.",
        "It foretold 300 purchases.",
        "191 customers are kept out.",
        "1,726 repeat buyers now silent beyond their rhythm",
    ],
)
def test_a_translated_sentence_would_be_seen(sentence: str) -> None:
    assert translated(sentence)
