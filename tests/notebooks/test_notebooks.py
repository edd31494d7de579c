"""The notebooks stay thin, run with their defaults, and nbval really compares them."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests import all_reports
from tests.notebooks.normalise import FOLDER, PSEUDONYM, normalised

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
REPORTS = [report.path for report in all_reports.REPORTS.values()]
BANNED = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.For, ast.While, ast.If, ast.Try,
    ast.comprehension,
)  # fmt: skip
SETTINGS = Path(__file__).with_name("nbval.ini")


def cells_of(path, kind="code"):
    return [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == kind]


def test_every_notebook_is_a_report_but_the_tutorial():
    assert sorted(REPORTS) == [path for path in NOTEBOOKS if path.stem != "00_start_here"]
    assert len(REPORTS) >= 9


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_cells_are_thin(path):
    notebook = nbformat.read(path, as_version=4)
    assert len(notebook.cells) <= 30
    for cell in cells_of(path):
        for node in ast.walk(ast.parse(cell.source)):
            assert not isinstance(node, BANNED), cell.source
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not re.search(r"^[.~]{0,2}/|\w/\w+/|\\", node.value), f"a path: {node.value}"
        assert len(cell.source.splitlines()) <= 16
        assert not re.search(r"\bselect\b.+\bfrom\b", cell.source, re.IGNORECASE)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_first_cell_has_title_and_question(path):
    first = cells_of(path, "markdown")[0].source
    assert first.startswith("# ")
    assert "?" in first


@pytest.mark.parametrize("path", REPORTS, ids=lambda p: p.stem)
def test_reports_declare_their_question_needs_and_common_parameters(path):
    about = nbformat.read(path, as_version=4).metadata["crm"]
    assert about["question"].endswith("?")
    assert "transactions" in about["needs"]
    assert about["from_customers"] > 0
    parameters = next(c for c in cells_of(path) if "parameters" in c.metadata.get("tags", []))
    names = [node.target.id for node in ast.parse(parameters.source).body]
    assert names[:2] == ["data", "as_of"]
    assert {"compare_to", "show_customers"} <= set(names)
    assert "record(" in cells_of(path)[-1].source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_committed_outputs_are_there_to_be_compared(path):
    shown = 0
    for cell in cells_of(path):
        assert cell.execution_count is not None, "without a count nbval compares nothing; run make notebooks"
        for output in cell.outputs:
            assert set(output.data) == {"text/plain"}
            text = output.data["text/plain"]
            assert text.startswith("["), "a block's text begins with its kind"
            assert not re.search(r"/(?:home|root|tmp)/", text)
            shown += 1
    assert shown >= 5


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_committed_notebooks_are_normalised(path):
    notebook = nbformat.read(path, as_version=4)
    again = normalised(nbformat.read(path, as_version=4))
    assert json.dumps(notebook, sort_keys=True) == json.dumps(again, sort_keys=True)
    assert not PSEUDONYM.search(path.read_text(encoding="utf-8"))


def test_a_changed_number_fails_nbval(tmp_path):
    # a notebook of one cell whose committed output is off by one
    notebook = nbformat.v4.new_notebook(metadata=nbformat.read(NOTEBOOKS[0], as_version=4).metadata)
    source = 'from crm_analytics.pages import blocks\nblocks.kpis(blocks.kpi("Customers", str(2357)))'
    cell = nbformat.v4.new_code_cell(source, execution_count=1)
    notebook.cells = [cell]
    (tmp_path / "conftest.py").write_text(
        (FOLDER / "conftest.py").read_text(encoding="utf-8"), encoding="utf-8"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")

    def verdict(number):
        data = {"text/plain": f"[kpis]\nCustomers | {number}"}
        cell.outputs = [nbformat.v4.new_output("execute_result", data, execution_count=1)]
        nbformat.write(notebook, tmp_path / "one.ipynb")
        command = [
            sys.executable,
            "-m",
            "pytest",
            "--nbval",
            "--nbval-current-env",
            "-q",
            "-p",
            "no:cacheprovider",
        ]
        command += ["--nbval-sanitize-with", str(SETTINGS), str(tmp_path)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert verdict(2357).returncode == 0
    wrong = verdict(2358)
    assert wrong.returncode == 1
    assert "2358" in wrong.stdout
