"""The notebooks stay thin, run with their defaults, and nbval really compares them."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pandas as pd
import pytest

from crm_analytics.pages import blocks, figures
from tests import all_reports
from tests.notebooks import pictures
from tests.notebooks.normalise import FOLDER, MOST_BYTES, PSEUDONYM, normalised
from tests.notebooks.pictures import SVG

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
            text = output.data["text/plain"]
            assert text.startswith("["), "a block's text begins with its kind"
            assert set(output.data) <= {"text/plain", SVG if text.startswith("[chart]") else "text/plain"}
            assert not re.search(r"/(?:home|root|tmp)/", text)
            shown += 1
    assert shown >= 5


def test_committed_notebooks_show_pictures_and_stay_small():
    """Those that were run since pictures are kept have one of each chart."""
    pictured = 0
    for path in NOTEBOOKS:
        assert path.stat().st_size < MOST_BYTES, path.name
        charts = [
            output.data
            for cell in cells_of(path)
            for output in cell.outputs
            if output.data["text/plain"].startswith("[chart]")
        ]
        kept = [data[SVG] for data in charts if SVG in data]
        assert len(kept) in (0, len(charts)), path.name
        for svg in kept:
            root = ElementTree.fromstring(svg)
            assert root.tag.endswith("}svg")
            assert not re.search(r"(?:href|src)=\"(?!#|data:image/png;)|<script|foreignObject", svg), (
                "it asks for nothing"
            )
        pictured += bool(kept)
    assert pictured


def test_a_notebook_keeps_its_largest_pictures_no_more_than_it_may_weigh_law():
    outputs = [
        nbformat.from_dict(
            {
                "output_type": "display_data",
                "metadata": {},
                "data": {"text/plain": "[chart]", SVG: "x" * size},
            }
        )
        for size in (300_000, 500_000, 200_000)
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=outputs)])
    kept = [output.data.get(SVG, "") for output in normalised(notebook).cells[0].outputs]
    assert [len(svg) for svg in kept] == [300_000, 0, 200_000]


@pytest.mark.browser
def test_a_stored_chart_is_a_picture_that_is_the_same_each_time(monkeypatch):
    """The words of the finding stand in it, none is cut, and two pictures in one document share no id."""
    monkeypatch.setenv("CRM_DISPLAY", "stored")
    frame = pd.DataFrame({"segment": ["Loyal", "Lost"], "revenue": [54248.0, 38.0]})
    long = "Revenue came from a few customers with many orders who have been silent for longer than a year"
    made = [
        blocks.chart(figures.columns(frame, "segment", ["revenue"]), finding=finding, data=frame)
        for finding in ("Loyal lead", long)
    ]
    bundles = [block._repr_mimebundle_() for block in made]
    assert [set(bundle) for bundle in bundles] == [{"text/plain", blocks.PLOTLY_MIME}] * 2
    drawn = [bundle[blocks.PLOTLY_MIME] for bundle in bundles]
    first, second = pictures.pictures(drawn)
    assert [first, second] == pictures.pictures(drawn)
    assert "Loyal lead" in first
    assert len(first) < 40_000
    ids = [set(re.findall(r'\bid="([^"]+)"', svg)) for svg in (first, second)]
    assert ids[0]
    assert not ids[0] & ids[1]
    title = re.search(r'class="gtitle"[^>]* y="([\d.]+)"', second)
    assert title is not None
    assert float(title[1]) >= 18, "the first of two lines stands on its place: above it there must be room"


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
        data = {"text/plain": f"[kpis]\nCustomers | {number}", SVG: "<svg>not compared</svg>"}
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
