"""One report from request to page. Each kernel costs a second or two, so there are few of them."""

from __future__ import annotations

import json
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nbformat
import pytest

from crm_analytics.runs.kernels.kernel import imports_of, private_folder
from crm_analytics.runs.publishing import publish
from crm_analytics.runs.report_run import RunRequest, run_report, run_reports, worst

NOW = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
CANARY = "Kanari Vogel <kanari@example.com>"

PARAMETERS = """\
data: str = "shop"  # the source
as_of: str = ""  # a day
bins: int = 5  # 2..20
label: str = "00123"
mode: str = "fine"  # one of fine, thin, warn, zero, ours, package, foreign, print, plain, dead, slow, path
"""
BODY = """\
import os
import signal
import sys
import time
import warnings

from crm_analytics import CustomerBase
from crm_analytics.errors import NotEnoughData
from crm_analytics.pages import blocks

base = CustomerBase.open(data)
rows = base.counts["rows"]
"""
TROUBLE = f"""\
class DataError(Exception):
    pass

if mode == "zero":
    {{"{CANARY}": 1 / 0}}
if mode == "ours":
    raise NotEnoughData("Gamma-Gamma", 3, 50, "repeat buyers")
if mode == "package":
    base.as_of("1900-01-01")
if mode == "foreign":
    raise DataError("{CANARY}")
if mode == "print":
    print("{CANARY}")
if mode == "warn":
    warnings.warn("{CANARY}")
if mode == "dead":
    os.kill(os.getpid(), signal.SIGKILL)
if mode == "slow":
    time.sleep(60)
if mode == "path":
    mode = data
"""
SHOW = """\
blocks.headline(f"{rows} rows, label {label}, mode {mode}", thin=mode == "thin")
"""
FACTS = """\
blocks.record(
    rows=rows, label=label, bins=bins, as_of=as_of, display=os.environ["CRM_DISPLAY"],
    seed=os.environ["PYTHONHASHSEED"], hidden=hash("a"), here=len(os.listdir(".")), sockets="ipc",
)
"""
TABLE = """\
import pandas as pd

blocks.table(pd.DataFrame({"segment": ["=Loyal"], "n": [3]}), finding="Three are loyal")
"""


def write_notebook(path: Path) -> None:
    def code(source: str, *tags: str) -> nbformat.NotebookNode:
        cell = nbformat.v4.new_code_cell(source)
        cell.metadata = {"tags": list(tags)} if tags else {}
        return cell

    text = nbformat.v4.new_markdown_cell
    cells = [text("# Small\n\nDoes it run?"), code(PARAMETERS, "parameters"), code(BODY)]
    cells += [text("## Whom to call"), code(TROUBLE), code(SHOW), code(TABLE), code(FACTS)]
    if path.stem == "plain":
        cells.append(code("mode"))
    node = nbformat.v4.new_notebook(cells=cells)
    node.metadata.kernelspec = {"name": "no-such-kernel", "display_name": "x", "language": "python"}
    path.write_text(nbformat.writes(node), encoding="utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    (root / "notebooks").mkdir()
    (root / "data" / "shop").mkdir(parents=True)
    write_notebook(root / "notebooks" / "07_small.ipynb")
    lines = ["customer_id,transaction_date,unit_spend"]
    lines += [f"id-{i % 7},2026-01-{1 + i:02},{i}.5" for i in range(20)]
    (root / "data" / "shop" / "transactions.csv").write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture(autouse=True)
def _here(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    for name in ("CRM_DISPLAY", "CRM_PROJECT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def request_(tmp_path: Path) -> RunRequest:
    return RunRequest("small", NOW, data="shop", out=tmp_path / "reports")


@pytest.fixture(autouse=True)
def _no_rest() -> Iterator[None]:
    """Whatever a run does, its private folders with customers' rows are gone afterwards."""
    yield
    assert not list(Path(tempfile.gettempdir()).glob(f"crm-run-{os.getpid()}-*"))


def everything(folder: Path) -> bytes:
    return b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())


def test_one_notebook_becomes_a_published_page(request_: RunRequest, project: Path) -> None:
    seen: list[tuple[int, int]] = []
    result = run_report(request_, lambda done, total: seen.append((done, total)))
    assert (result.status, result.exit_code, result.slug) == ("done", 0, "2026-01-20"), result
    assert result.message == "20 rows, label 00123, mode fine"
    assert result.page == request_.out.resolve() / "small" / "2026-01-20" / "report.html"
    assert seen[-1][0] == seen[-1][1]

    folder = result.run_folder
    assert folder is not None
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    assert names == ["manifest.json", "notebook.ipynb", "page.html", "tables/02_table.parquet"]
    assert all(stat.S_IMODE(p.stat().st_mode) & 0o007 == 0 for p in request_.out.rglob("*"))

    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["schema"] == 2
    assert manifest["facts"] == {
        "rows": 20,
        "label": "00123",
        "bins": 5,
        "as_of": "2026-01-20",
        "display": "page",
        "seed": "0",
        "hidden": manifest["facts"]["hidden"],
        "here": 0,
        "sockets": "ipc",
    }
    assert manifest["parameters"] == {"bins": 5, "label": "00123", "mode": "fine"}
    assert manifest["data"]["source"] == "shop"
    assert manifest["data"]["rows"] == 20
    assert (manifest["data"]["first_day"], manifest["data"]["last_day"]) == ("2026-01-01", "2026-01-20")
    assert re.fullmatch("[0-9a-f]{64}", manifest["data"]["hash"])
    assert {"open", "notebook"} <= set(manifest["seconds"])

    executed = nbformat.read(folder / "notebook.ipynb", as_version=4)
    nbformat.validate(executed)
    assert "papermill" not in json.dumps(executed)
    assert "data = 'shop'" in executed.cells[2].source
    told = everything(request_.out)
    for private in (str(project), tempfile.gettempdir() + "/crm-run", "no-such-kernel"):
        assert private.encode() not in told

    # The same input later, in the same place and in another: the same bytes.
    later = replace(request_, now=NOW + timedelta(hours=1), parameters={"bins": "5"}, force=True)
    elsewhere = replace(request_, out=request_.out / "deeper")
    again = list(run_reports([later, elsewhere]))
    assert [r.exit_code for r in again] == [0, 0]
    pages = {r.page.read_bytes() for r in [result, *again] if r.page}
    assert len(pages) == 1
    assert again[0].run_folder is not None
    assert again[0].run_folder.name > folder.name
    pointer = publish.pointer_of(again[0].run_folder.parent.parent, "current.json")
    assert pointer is not None
    assert pointer["run"] == again[0].run_folder.name


def test_failed_cell_says_where_and_keeps_the_last_good_page(request_: RunRequest) -> None:
    place = publish.Place(request_.out.resolve(), "small", "good")
    publish.publish(place, "r1", {"page.html": b"the last good page"}, {"title": "Small"}, 12)
    request = replace(request_, slug="good", parameters={"mode": "zero"})
    result = run_report(request)
    assert (result.status, result.exit_code) == ("failed", 4)
    assert result.message.startswith("cell 5 (“Whom to call”) failed with ZeroDivisionError")
    assert "ZeroDivisionError" in result.traceback
    assert place.page.read_bytes() == b"the last good page"
    folder = result.run_folder
    assert folder is not None
    assert result.page == folder / "failure.html"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["status"], manifest["exit_code"]) == ("failed", 4)
    link = re.search(r'href="([^"]+report\.html)"', (folder / "failure.html").read_text())
    assert link is not None
    assert (folder / link[1]).resolve() == place.page
    told = everything(folder)
    assert b"Traceback" not in told
    assert b"division by zero" not in told


@pytest.mark.parametrize(
    ("mode", "code", "says"),
    [
        ("ours", 3, "cell 5 (“Whom to call”) failed with NotEnoughData"),
        ("package", 3, "the day 1900-01-01 lies outside the data: they run from 2026-01-01"),
        ("foreign", 4, "cell 5 (“Whom to call”) failed with DataError"),
        ("print", 6, "cell 5 prints text"),
        ("dead", 5, "ended before its time (signal 9)"),
        ("slow", 5, "did not finish within 4 seconds"),
        ("path", 6, "would tell the folder the data lie in"),
    ],
)
def test_each_trouble_says_its_words_and_exit_code(
    request_: RunRequest, mode: str, code: int, says: str
) -> None:
    limit = 4.0 if mode == "slow" else None
    result = run_report(replace(request_, parameters={"mode": mode}, limit_seconds=limit))
    assert says in result.message
    assert (result.status, result.exit_code) == ("failed", code)
    assert result.page is not None
    assert result.page.name == "failure.html"
    assert result.seconds < 20
    folder = result.run_folder
    assert folder is not None
    assert not (folder.parent.parent / "report.html").exists()
    # The author's own cells hold the canary here; no output, message or page may.
    told = (folder / "failure.html").read_text() + (folder / "manifest.json").read_text() + result.message
    assert "kanari" not in told
    notebook = nbformat.read(folder / "notebook.ipynb", as_version=4)
    assert "kanari" not in json.dumps([c.get("outputs") for c in notebook.cells])


def test_warnings_are_counted_and_thin_data_are_no_failure(request_: RunRequest) -> None:
    thin, warned = run_reports([replace(request_, parameters={"mode": m}) for m in ("thin", "warn")])
    assert (thin.status, thin.exit_code) == ("thin", 0)
    assert re.fullmatch(r"2026-01-20-[0-9a-f]{8}", thin.slug)
    assert thin.slug != warned.slug
    assert warned.run_folder is not None
    assert json.loads((warned.run_folder / "manifest.json").read_text())["warnings"] == 1
    assert b"kanari" not in (warned.run_folder / "page.html").read_bytes()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"report": "smal"}, "did you mean 'small'"),
        ({"report": "./no.ipynb"}, "there is no notebook"),
        ({"parameters": {"bin": "4"}}, "did you mean 'bins'"),
        ({"parameters": {"bins": "99"}}, "a whole number 2..20"),
        ({"parameters": {"data": "x"}}, "with --data, not with -p"),
        ({"parameters": {"as_of": "2026-01-02"}}, "with --as-of, not with -p"),
        ({"slug": "../x"}, "1 to 64 of a-z"),
        ({"as_of": "yesterday"}, "a day like 2026-01-31"),
        ({"as_of": "2026-02-31"}, "a day like 2026-01-31"),
        ({"out": Path("data/shop/reports")}, "would be written into the data"),
    ],
)
def test_wrong_request_says_so_before_anything_is_written(
    request_: RunRequest, project: Path, changes: dict, says: str
) -> None:
    result = run_report(replace(request_, **changes))
    assert (result.status, result.exit_code) == ("refused", 2)
    assert says in result.message
    assert not request_.out.exists()
    assert not (project / "data" / "shop" / "reports").exists()
    assert result.seconds < 1


def test_missing_source_fails_without_a_day_until_the_next_success(request_: RunRequest) -> None:
    result = run_report(replace(request_, data="shp"))
    assert (result.status, result.exit_code, result.slug) == ("failed", 3, "undated")
    assert "did you mean 'shop'" in result.message
    assert (request_.out / "small" / "undated" / "failed.json").is_file()
    assert "shp" in (request_.out / "index.html").read_text()


@pytest.mark.parametrize("day", ["2025-12-31", "2026-01-21"])
def test_day_outside_the_data_says_the_window(request_: RunRequest, day: str) -> None:
    result = run_report(replace(request_, as_of=day))
    assert (result.exit_code, result.slug) == (3, day)
    assert "2026-01-01 to 2026-01-20" in result.message


def test_held_lock_exits_75_and_touches_nothing(request_: RunRequest) -> None:
    place = publish.Place(request_.out.resolve(), "small", "mine")
    with publish.locked(place):
        result = run_report(replace(request_, slug="mine"))
    assert (result.status, result.exit_code) == ("locked", 75)
    assert "another run is making small/mine" in result.message
    assert not place.folder.exists()


def test_worst_exit_code_follows_the_order_of_the_design() -> None:
    order = [0, 75, 2, 3, 6, 4, 5]
    assert [worst(order[: n + 1]) for n in range(len(order))] == order


def test_only_heavy_imports_are_made_ahead() -> None:
    sources = [
        "import os, pandas as pd\nfrom plotly import graph_objects as go",
        "%matplotlib inline",
        "import x.y",
    ]
    cells = [{"cell_type": "code", "source": s} for s in sources]
    assert imports_of({"cells": cells}) == ["pandas", "plotly:graph_objects"]


def test_folder_of_a_dead_run_is_swept_and_that_of_a_living_one_stays(tmp_path: Path) -> None:
    prefixes = "crm-run-4194304-", "crm-workers-4194304-"  # above the largest process id
    dead = [Path(tempfile.mkdtemp(prefix=prefix)) for prefix in prefixes]
    first = private_folder()
    second = private_folder()
    try:
        assert not any(folder.exists() for folder in dead)
        assert first.is_dir()
        assert stat.S_IMODE(first.stat().st_mode) == 0o700
    finally:
        first.rmdir()
        second.rmdir()
