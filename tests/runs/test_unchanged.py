"""Skipping what would only be repeated. One run is made; all else looks at it and starts nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import nbformat
import pytest

from crm_analytics.errors import DataError
from crm_analytics.runs import unchanged
from crm_analytics.runs.plan import RunRequest, plan_run
from crm_analytics.runs.publishing import publish
from crm_analytics.runs.report_run import decide, run_report, run_reports

NOW = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
PARAMETERS = 'data: str = "shop"  # the source\nas_of: str = ""  # a day\nbins: int = 5  # 2..20'
SHOW = (
    "from crm_analytics import CustomerBase\nfrom crm_analytics.pages import blocks\n\n"
    "base = CustomerBase.open(data)\nblocks.headline(f\"{base.counts['rows']} rows\")"
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    (root / "notebooks").mkdir(parents=True)
    (root / "data" / "shop").mkdir(parents=True)
    new = nbformat.v4
    cells = [new.new_markdown_cell("# Small"), new.new_code_cell(PARAMETERS), new.new_code_cell(SHOW)]
    cells[1].metadata = {"tags": ["parameters"]}
    (root / "notebooks" / "small.ipynb").write_text(nbformat.writes(new.new_notebook(cells=cells)))
    lines = ["customer_id,transaction_date,unit_spend"]
    lines += [f"id-{i % 7},2026-01-{1 + i:02},{i}.5" for i in range(20)]
    (root / "data" / "shop" / "transactions.csv").write_text("\n".join(lines) + "\n")
    monkeypatch.chdir(root)
    monkeypatch.delenv("CRM_PROJECT", raising=False)
    return root


@pytest.fixture
def request_(project: Path) -> RunRequest:
    return RunRequest("small", NOW, data="shop")


@pytest.fixture
def made(request_: RunRequest) -> RunRequest:
    """A request whose report is published as a run would leave it, without a run."""
    pretend(request_)
    assert decide(request_).why == "nothing changed"
    return request_


def pretend(request: RunRequest, **more: object) -> publish.Place:
    plan = plan_run(request)
    inputs = unchanged.inputs_of(plan)
    files = unchanged.read_stamps(plan.source, request.mapping)
    about = {
        "page": {"sha256": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"},  # of b"x"
        "inputs": {"parts": inputs.parts, "files": files, "today": "", **more},
        "data": {"newest_day": "2026-01-20"},
    }
    place = plan.place("2026-01-20")
    pointer = {"asked": inputs.asked, "headline": "20 rows", "day": "2026-01-20"}
    content = {"page.html": b"x", "manifest.json": json.dumps(about).encode()}
    publish.publish(place, "20260301T020000Z-1", content, pointer, 12)
    (place.out / "index.html").write_bytes(b"index")
    return place


def state(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(p): (p.stat().st_mtime_ns, p.stat().st_size) for p in [folder, *folder.rglob("*")]}


def test_second_run_starts_no_kernel_and_touches_no_file(
    request_: RunRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run_report(request_)
    assert first.status == "done", first
    before = state(request_.out.resolve())

    def no_kernel(*_: object, **__: object) -> None:
        raise AssertionError("a kernel was started")

    monkeypatch.setattr("crm_analytics.runs.report_run.Kernel", no_kernel)
    later = replace(request_, now=NOW + timedelta(days=3))
    second, third = run_reports([later, replace(later, as_of="2026-01-20")])
    assert (second.status, second.exit_code, second.slug) == ("unchanged", 0, "2026-01-20")
    assert second.message == first.message
    assert (second.page, second.run_folder) == (first.page, first.run_folder)
    assert third.status == "unchanged"
    assert state(request_.out.resolve()) == before


def test_skipping_is_quick_and_imports_no_engine(made: RunRequest) -> None:
    program = (
        "import sys\nfrom datetime import datetime, UTC\n"
        "from crm_analytics.runs.report_run import RunRequest, run_report\n"
        "result = run_report(RunRequest('small', datetime(2026, 3, 1, tzinfo=UTC), data='shop'))\n"
        "heavy = ('pandas', 'numpy', 'ibis', 'duckdb', 'plotly', 'papermill', 'nbformat', 'jupyter_client')\n"
        "print(result.status, [m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "unchanged []"


def rewrite(path: Path, *, keep_time: bool = False) -> None:
    before = path.stat()
    path.write_bytes(path.read_bytes().replace(b"0.5", b"9.5"))
    if keep_time:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def edit_notebook(root: Path) -> None:
    path = root / "notebooks" / "small.ipynb"
    path.write_text(path.read_text().replace("rows", "lines"))


CHANGES: list[tuple[str, Callable[[Path], object], str]] = [
    ("notebook", edit_notebook, "the notebook changed"),
    ("data", lambda r: rewrite(r / "data/shop/transactions.csv"), "the data changed"),
    ("more", lambda r: (r / "data/shop/customers.csv").write_text("customer_id\nx\n"), "came or went"),
    ("mapping", lambda r: (r / "data/shop/mapping.toml").write_text('label = "X"'), "came or went"),
    ("key", lambda r: (r / ".crm-key").write_text("ab" * 32), "the key for pseudonyms"),
    ("page", lambda r: (r / "reports/small/2026-01-20/report.html").write_text("?"), "not as it was made"),
    ("gone", lambda r: (r / "reports/small/2026-01-20/report.html").unlink(), "no whole record"),
    ("index", lambda r: (r / "reports/index.html").unlink(), "index"),
]


@pytest.mark.parametrize(("change", "says"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
def test_each_change_says_what_changed(
    made: RunRequest, project: Path, change: Callable[[Path], object], says: str
) -> None:
    change(project)
    decision = decide(made)
    assert decision.result is None
    assert says in decision.why


def test_code_and_versions_count(made: RunRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as changed:
        changed.setattr(unchanged, "package_digest", lambda: "other")
        assert decide(made).why == "the package's code changed"
    monkeypatch.setattr(unchanged, "versions", lambda: {"pandas": "99"})
    assert decide(made).why == "a library's version changed"


def test_touched_file_with_the_same_content_is_unchanged(made: RunRequest, project: Path) -> None:
    os.utime(project / "data/shop/transactions.csv", (1, 1))
    assert decide(made).why == "nothing changed"


def test_parameters_count_and_outputs_of_the_notebook_do_not(made: RunRequest, project: Path) -> None:
    assert decide(replace(made, parameters={"bins": "5"})).why == "nothing changed"
    assert decide(replace(made, parameters={"bins": "6"})).why == "not made yet"
    named = replace(made, slug="mine")
    pretend(named)
    assert decide(replace(named, parameters={"bins": "6"})).why == "the parameters changed"
    path = project / "notebooks" / "small.ipynb"
    node = nbformat.read(path, as_version=4)
    node.cells[2].outputs = [nbformat.v4.new_output("stream", text="old")]
    path.write_text(nbformat.writes(node))
    assert decide(made).why == "nothing changed"


def test_force_runs_all_the_same(made: RunRequest) -> None:
    assert decide(replace(made, force=True)).why == "forced"


def test_failure_since_is_run_again(made: RunRequest) -> None:
    place = publish.Place(Path("reports").resolve(), "small", "2026-01-20")
    publish.publish_failure(place, "20260301T030000Z-2", {"failure.html": b"f"}, {}, 12)
    assert decide(made).why == "it failed last time"


def test_rows_that_lay_in_the_future_count_when_their_day_has_come(request_: RunRequest) -> None:
    pretend(request_, today="2026-03-01")
    assert decide(request_).why == "nothing changed"
    assert "were left out" in decide(replace(request_, now=NOW + timedelta(days=1))).why


def test_old_data_say_how_old_although_nothing_changed(made: RunRequest) -> None:
    assert decide(replace(made, oldest_days=40)).why == "nothing changed"
    decision = decide(replace(made, oldest_days=39))
    assert isinstance(decision.problem, DataError)
    assert "the newest row of shop is of 2026-01-20, 40 days before 2026-03-01; at most 39" in decision.why


def test_file_written_while_it_is_read_says_so() -> None:
    with pytest.raises(DataError, match="shop was being written while it was read"):
        unchanged.check_at_rest({"a": [1, 5]}, {"a": [2, 6, "hash"]}, "shop")
    unchanged.check_at_rest({"a": [1, 5]}, {"a": [1, 5, "hash"]}, "shop")


def test_connection_is_skipped_by_its_version_query_alone(project: Path) -> None:
    path = project / "crm.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.sql("CREATE TABLE transactions AS SELECT 'a' AS customer_id, DATE '2026-01-20' AS d")
    asked = RunRequest(
        "small", NOW, data=f"duckdb://{path}", version_query="SELECT count(*) FROM transactions"
    )
    pretend(asked)
    assert decide(asked).why == "nothing changed"
    changed = replace(asked, version_query="SELECT 1 + count(*) FROM transactions")
    assert decide(changed).why == "the data changed"
    wrong = decide(replace(asked, version_query="SELECT nothing FROM nowhere"))
    assert isinstance(wrong.problem, DataError)
    assert "the version_query has no answer" in wrong.why
    other = RunRequest("small", NOW, data="postgres://u:secret@nowhere/db")
    assert decide(other).why == "a connection without version_query is never skipped"
