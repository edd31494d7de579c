"""A report is told the facts of earlier days and of its neighbours, and leaves lists of customers."""

from __future__ import annotations

import datetime as dt
import json

import nbformat
import pandas as pd
import pyarrow.parquet as pq
import pytest
from nbformat import v4

from crm_analytics.runs.plan import RunRequest
from crm_analytics.runs.publishing import erasure, publish
from crm_analytics.runs.report_run import run_report
from crm_analytics.tables.project_key import ensure_key

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
PARAMETERS = (
    'data: str = ""\nas_of: str = ""\nrows: int = 2  # on the list, 0..9\nrun: str = ""  # filled in by a run'
)
CELLS = {
    "open": "from pathlib import Path\nimport pandas as pd\nfrom crm_analytics import CustomerBase\n"
    "from crm_analytics.pages import blocks\nfrom crm_analytics.reports.shared.handed_in import handed_in\n"
    "base = CustomerBase.open(data).as_of(as_of)\ntold = handed_in(run)\n"
    "place = Path(run) / 'lists'\nplace.mkdir()\nframe = pd.DataFrame({'customer': ['c-1', 'c-2']})\n"
    "frame.to_csv(place / 'due.csv', index=False)\nframe.to_parquet(place / 'due.parquet', index=False);",
    "headline": "blocks.headline(f'{len(told.previous)} before, {len(told.neighbours)} beside')",
    "actions": "blocks.actions(blocks.action('Call them', list_name='due', list_count=rows, "
    "fact={'id': 'call', 'verb': 'call', 'whom': 'standing=at risk'}))",
    "record": "blocks.record(buyers=int(base.counts['customers']))",
}


def notebook(title, neighbours=()):
    made = v4.new_notebook(metadata={"crm": {"neighbours": list(neighbours)}})
    made.cells = [v4.new_markdown_cell(f"# {title}\n\nWho is due?")]
    made.cells.append(v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}))
    made.cells += [v4.new_code_cell(source) for source in CELLS.values()]
    return made


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("project")
    (root / "notebooks").mkdir()
    nbformat.write(notebook("First"), root / "notebooks" / "01_first.ipynb")
    nbformat.write(notebook("Second", ["first"]), root / "notebooks" / "02_second.ipynb")
    rows = [("a", "2026-01-05", 5.0), ("b", "2026-01-20", 7.0), ("a", "2026-02-10", 5.0)]
    frame = pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"])
    frame.to_csv(root / "shop.csv", index=False)
    return root


def made(project, name, day="", **parameters):
    request = RunRequest(
        report=name, now=NOW, data=str(project / "shop.csv"), as_of=day, out=project / "out", root=project,
        parameters=parameters,
    )  # fmt: skip
    result = run_report(request)
    about = result.run_folder / "manifest.json" if result.run_folder else None
    return result, json.loads(about.read_text(encoding="utf-8")) if about else {}


def test_a_run_is_told_of_earlier_days_and_neighbours_and_repeats_when_told_the_same(project):
    early, _ = made(project, "first", "2026-01-31")
    assert early.message == "0 before, 0 beside"
    late, about = made(project, "first", "2026-02-10")
    assert late.message == "1 before, 0 beside"
    assert about["handed_in"]["previous"] == [{"report": "first", "slug": "2026-01-31", "day": "2026-01-31"}]
    assert about["actions"] == [{"id": "call", "verb": "call", "whom": "standing=at risk", "do": "Call them"}]
    beside, about = made(project, "second", "2026-02-10")
    assert beside.message == "0 before, 1 beside"
    assert [one["report"] for one in about["handed_in"]["neighbours"]] == ["first"]
    again, _ = made(project, "second", "2026-02-10")
    assert again.status == "unchanged"


def test_lists_stand_in_the_run_and_beside_the_stable_page(project):
    result, _ = made(project, "first", "2026-02-10")
    for folder in (result.run_folder, result.page.parent):
        assert pq.read_metadata(folder / "lists" / "due.parquet").num_rows == 2
        assert (folder / "lists" / "due.csv").stat().st_mode & 0o007 == 0
    assert 'href="lists/due.csv"' in result.page.read_text(encoding="utf-8")
    assert str(project) not in (result.run_folder / "manifest.json").read_text(encoding="utf-8")


def test_forgetting_a_run_takes_its_lists_away(project):
    result, _ = made(project, "first", "2026-01-31")
    place = publish.Place(project / "out", "first", "2026-01-31")
    assert (place.folder / "lists" / "due.csv").exists()
    names = [path.name for path in (place.folder / "runs").iterdir()]
    runs = [erasure.KnowingRun(place, name, "shop.csv", "", True) for name in names]
    found = erasure.Found(runs=runs, files=[], unreadable=[], in_source=True, other_sources=[])
    erasure.erase(project / "out", found, "a", ensure_key(project), NOW.date())
    assert not (project / "out" / "first" / "2026-01-31").exists()
    assert not result.run_folder.exists()


def test_a_list_of_another_length_than_the_page_says_is_refused(project):
    result, _ = made(project, "first", "2026-02-10", rows=3)
    assert (result.status, result.exit_code) == ("failed", 6), result.message
    assert "the list 'due' holds 2 customers, and the page says 3" in result.message


def test_an_empty_list_is_said_and_not_linked(project):
    result, _ = made(project, "first", "2026-02-10", rows=0)
    page = result.page.read_text(encoding="utf-8")
    assert "Nobody is on the list today." in page
    assert "lists/due" not in page
