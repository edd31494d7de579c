"""A crm.toml: read strictly, checked before anything runs, made side by side; here without a kernel."""

from __future__ import annotations

import os
import signal
import threading
from datetime import UTC, date, datetime
from pathlib import Path

import nbformat
import pytest

from crm_analytics.errors import ParameterError
from crm_analytics.pages.status import Status
from crm_analytics.runs.publishing import schedule_state
from crm_analytics.runs.publishing.result import RunResult
from crm_analytics.runs.schedule import relative_days
from crm_analytics.runs.schedule.night import Item, Summary, prepare, run_items
from crm_analytics.runs.schedule.schedule_file import read_schedule
from crm_analytics.runs.workers import Cells, Ended, Started
from tests.runs.crew import Pretence

NOW = datetime(2026, 3, 4, 2, 0, tzinfo=UTC)
PARAMETERS = (
    'data: str = "shop"  # the source\nas_of: str = ""  # a day\nbins: int = 5  # 2..20\n'
    'mode: str = "fine"  # one of fine, wait, slow, dead, data, cell, busy\nnotes: str = "notes.txt"'
)
HEAD = '[source.shop]\npath = "data/shop"\n'
REPORT = '[[report]]\nname = "small"\nsource = "shop"\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    (root / "notebooks").mkdir(parents=True)
    (root / "data" / "shop").mkdir(parents=True)
    (root / "elsewhere").mkdir()
    new = nbformat.v4
    cells = [new.new_markdown_cell("# Small"), new.new_code_cell(PARAMETERS)]
    cells[1].metadata = {"tags": ["parameters"]}
    text = nbformat.writes(new.new_notebook(cells=cells))
    for name in ("small", "other"):
        (root / "notebooks" / f"{name}.ipynb").write_text(text)
    cover = new.new_notebook(cells=cells, metadata={"crm": {"neighbours": ["*"]}})
    (root / "notebooks" / "cover.ipynb").write_text(nbformat.writes(cover))
    (root / "data" / "shop" / "transactions.csv").write_text(
        "customer_id,transaction_date,unit_spend\na,2026-01-20,1\n"
    )
    monkeypatch.chdir(root / "elsewhere")  # a scheduler starts anywhere
    monkeypatch.delenv("CRM_PROJECT", raising=False)
    return root


def write(project: Path, text: str) -> Path:
    path = project / "crm.toml"
    path.write_text(text)
    return path


def report(slug: str, mode: str = "fine", name: str = "small", more: str = "") -> str:
    notes = "crew.txt"
    return (
        f'[[report]]\nname = "{name}"\nsource = "shop"\nslug = "{slug}"\n{more}\n'
        f'parameters = {{ mode = "{mode}", notes = "{notes}" }}\n'
    )


# --- the file -----------------------------------------------------------------------------------------------


BAD = [
    ("", "crm.toml: source is missing; it must be a table such as [source.shop]"),
    ("x = [", "crm.toml is not TOML"),
    (f"wrokers = 2\n{HEAD}{REPORT}", "crm.toml: there is no key 'wrokers'; did you mean 'workers'?"),
    (f"workers = 0\n{HEAD}{REPORT}", "workers = 0: it must be a whole number 1..64"),
    (f"workers = true\n{HEAD}{REPORT}", "workers = True: it must be a whole number"),
    (f"keep = 0\n{HEAD}{REPORT}", "keep = 0: it must be a whole number from 1"),
    (HEAD, "report is missing; it must be one table or more"),
    (f"{HEAD}pth = 1\n{REPORT}", "[source.shop]: there is no key 'pth'; did you mean 'path'?"),
    (f"[source.shop]\n{REPORT}", '[source.shop]: give path = "..." or url = "...", one of them'),
    (f'{HEAD}url = "duckdb:///x"\n{REPORT}', "one of them"),
    (f'[source.shop]\nurl = "crm.duckdb"\n{REPORT}', "a file is a path"),
    (f'{HEAD}oldest_data = "3 days"\n{REPORT}', "[source.shop]: oldest_data = '3 days': it must be an age"),
    (f"{HEAD}max_rejected = 5\n{REPORT}", "max_rejected = 5: it must be a share of rows or of money"),
    (f'{HEAD}mapping = "no.toml"\n{REPORT}', "[source.shop]: there is no mapping no.toml"),
    (f'{HEAD}version_query = "SELECT 1"\n{REPORT}', "version_query is for a url"),
    (f"{HEAD}{REPORT}sorce = 1\n", "[[report]] 1 (small): there is no key 'sorce'; did you mean 'source'?"),
    (f'{HEAD}[[report]]\nname = "small"\n', "[[report]] 1 (small): source is missing"),
    (f"{HEAD}{REPORT}slug = 3\n", "[[report]] 1 (small): slug = 3: it must be a text"),
    (f"{HEAD}{REPORT}limit_seconds = 0\n", "limit_seconds = 0: it must be a number above 0"),
    (f"{HEAD}{REPORT}parameters = {{ bins = {{}} }}\n", "parameters.bins = {}: it must be a table"),
    (f'{HEAD}[[report]]\nname = "small"\nsource = "shp"\n', "no source 'shp'; did you mean 'shop'?"),
    (f'{HEAD}{REPORT}as_of = "last full mont"\n', "did you mean 'last full month'?"),
    (f"{HEAD}{REPORT}as_of = 2026-03-05\n", "as_of = '2026-03-05' lies in the future: today is 2026-03-04"),
    (f'out = "data/shop/reports"\n{HEAD}{REPORT}', "lies inside the data of [source.shop]"),
    # found by the reports themselves
    (f'{HEAD}[[report]]\nname = "smal"\nsource = "shop"\n', "no report 'smal'; did you mean 'small'?"),
    (f"{HEAD}{REPORT}parameters = {{ bin = 4 }}\n", "there is no parameter 'bin'; did you mean 'bins'?"),
    (f"{HEAD}{REPORT}parameters = {{ bins = 99 }}\n", "bins = 99: it must be a whole number 2..20"),
    (f'{HEAD}{REPORT}slug = "A b"\n', "the slug 'A b' must be"),
    (f"{HEAD}{report('a')}{report('a', 'wait')}", "small/a is what crm.toml, [[report]] 1 (small) publishes"),
    (f"{HEAD}{REPORT}{REPORT}", "small under the last day of its data is what"),
    (f'{HEAD}{REPORT}as_of = "-1w"\n{REPORT}as_of = 2026-02-25\n', "small/2026-02-25 is what"),
]


@pytest.mark.parametrize(("text", "says"), BAD)
def test_wrong_file_says_what_where_and_the_nearest(project: Path, text: str, says: str) -> None:
    path = write(project, text)
    with pytest.raises(ParameterError) as caught:
        prepare(read_schedule(path, NOW))
    assert says in str(caught.value)
    assert not (project / "reports").exists()


def test_all_problems_of_reports_are_told_at_once(project: Path) -> None:
    wrong = f"{HEAD}{REPORT}parameters = {{ bins = 1 }}\n{report('b', 'loud')}{report('c')}"
    with pytest.raises(ParameterError) as caught:
        prepare(read_schedule(write(project, wrong), NOW), only=["small/c"])
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == [
        "crm.toml, [[report]] 1 (small)",
        "crm.toml, [[report]] 2 (small)",
    ]


def test_missing_file_says_the_nearest(project: Path) -> None:
    write(project, "")
    with pytest.raises(ParameterError, match=r"did you mean 'crm\.toml'"):
        read_schedule(project / "crn.toml", NOW)


def test_paths_are_meant_from_the_folder_of_the_file(project: Path) -> None:
    text = (
        'out = "../pages"\nworkers = 3\nkeep = 4\n[source.shop]\npath = "shop"\nmapping = "data/m.toml"\n'
        'oldest_data = "2w"\nmax_rejected = 0.2\n[source.base]\nurl = "duckdb:///crm.duckdb"\n'
        '[[report]]\nname = "notebooks/small.ipynb"\nsource = "shop"\nas_of = 2026-01-31\n'
        "limit_seconds = 60\n"
        '[[report]]\nname = "small"\nsource = "base"\n'
    )
    (project / "data" / "m.toml").write_text("")
    schedule = read_schedule(write(project, text), NOW, wait=5, force=True)
    first, second = (one.request for one in schedule.reports)
    assert first.out == schedule.out == project.parent / "pages"
    assert (schedule.workers, first.keep, first.wait, first.force) == (3, 4, 5, True)
    assert first.data.path == project / "data" / "shop"
    assert first.mapping == project / "data" / "m.toml"
    assert (first.as_of, first.oldest_days, first.limit_seconds) == ("2026-01-31", 14, 60)
    assert (first.max_rejected, second.max_rejected) == (0.2, None)
    assert first.report == str(project / "notebooks" / "small.ipynb")
    assert (second.data.kind, second.data.path) == ("duckdb", project / "crm.duckdb")
    assert first.root == second.root == project


@pytest.mark.parametrize(
    ("words", "today", "day"),
    [
        ("last day", date(2026, 3, 4), ""),
        ("2026-03-04", date(2026, 3, 4), "2026-03-04"),
        ("Last  Full Month", date(2026, 3, 1), "2026-02-28"),
        ("last full month", date(2024, 3, 31), "2024-02-29"),
        ("last full month", date(2026, 1, 1), "2025-12-31"),
        ("last full week", date(2026, 3, 1), "2026-02-22"),  # a Sunday is not over
        ("last full week", date(2026, 3, 2), "2026-03-01"),
        ("-1d", date(2026, 3, 1), "2026-02-28"),
        ("-1m", date(2026, 3, 31), "2026-02-28"),
        ("-1y", date(2024, 2, 29), "2023-02-28"),
        ("-13w", date(2026, 3, 4), "2025-12-03"),
    ],
)
def test_relative_days_count_from_today(words: str, today: date, day: str) -> None:
    assert relative_days.resolve(words, today) == day


@pytest.mark.parametrize("words", ["-1q", "+1w", "yesterday", "2026-02-30", "-9999y", "20260101"])
def test_wrong_day_says_so(words: str) -> None:
    with pytest.raises(ParameterError):
        relative_days.resolve(words, date(2026, 3, 4))


# --- the run ------------------------------------------------------------------------------------------------


def start(project: Path, text: str) -> tuple[object, list[Item]]:
    schedule = read_schedule(write(project, text), NOW)
    return schedule, prepare(schedule)


def play(project: Path, text: str) -> tuple[dict[str, RunResult], Summary, list[object]]:
    schedule, items = start(project, text)
    events = list(run_items(schedule, items, Pretence))  # type: ignore[arg-type]
    results = {e.result.slug: e.result for e in events if isinstance(e, Ended)}
    assert isinstance(events[-1], Summary)
    return results, events[-1], events[:-1]


def test_one_failure_stops_nobody_and_the_worst_code_wins(project: Path) -> None:
    text = HEAD + "".join(report(mode, mode) for mode in ("data", "fine", "dead", "busy", "cell"))
    results, summary, events = play(project, text + report("last"))
    codes = {slug: result.exit_code for slug, result in results.items()}
    assert codes == {"data": 3, "fine": 0, "dead": 5, "busy": 75, "cell": 4, "last": 0}
    assert "ended before its time (signal 9)" in results["dead"].message
    assert summary.counts == {"failed": 3, "done": 2, "locked": 1}
    assert summary.exit_code == 5
    begun = [e.number for e in events if isinstance(e, Started)]
    assert sorted(begun) == list(range(6))
    assert {e.number for e in events if isinstance(e, Cells)} == set(range(6))


def test_workers_work_side_by_side_and_keep_to_their_source(project: Path) -> None:
    other = '[source.two]\npath = "data/shop/transactions.csv"\n'
    text = "workers = 2\n" + HEAD + other
    for slug in "abcd":
        text += report(slug, "wait").replace('"shop"', '"shop"' if slug in "ab" else '"two"')
    _, summary, _ = play(project, text)
    assert summary.counts == {"done": 4}
    lines = [line.split() for line in (project / "elsewhere" / "crew.txt").read_text().splitlines()]
    made = {pid: shops.split("/") for _, pid, shops in lines}  # the last line of each tells all it made
    assert len(made) == 2
    assert sorted(slug for slugs in made.values() for slug in slugs) == list("abcd")


def test_what_is_told_of_all_is_made_after_all_wherever_it_stands(project: Path) -> None:
    covers = report("first", name="cover") + report("second", name="cover")  # they do not wait for each other
    text = "workers = 2\n" + HEAD + covers + report("a", "wait") + report("b") + report("c", "wait")
    _, summary, _ = play(project, text)
    assert summary.counts == {"done": 5}
    made = [line.split()[0] for line in (project / "elsewhere" / "crew.txt").read_text().splitlines()]
    assert sorted(made[:3]) == ["a", "b", "c"]
    assert sorted(made[3:]) == ["first", "second"]


def test_stop_from_outside_ends_all_and_still_tells(project: Path) -> None:
    text = "workers = 1\n" + HEAD + report("under-way", "slow") + report("not-begun")
    schedule, items = start(project, text)
    handler = signal.getsignal(signal.SIGTERM)
    results: dict[str, RunResult] = {}
    for event in run_items(schedule, items, Pretence):  # type: ignore[arg-type]
        if isinstance(event, Cells):
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
        elif isinstance(event, Ended):
            results[event.result.slug] = event.result
        elif isinstance(event, Summary):
            assert event.exit_code == 5
    assert "stopped from outside" in results["under-way"].message
    assert results["not-begun"].message == "not started: the run was stopped from outside"
    assert signal.getsignal(signal.SIGTERM) is handler


def test_only_and_its_mistakes(project: Path) -> None:
    schedule = read_schedule(
        write(project, HEAD + report("a") + report("b") + report("c", name="other")), NOW
    )
    assert [i.slug for i in prepare(schedule, ["small"])] == ["a", "b"]
    assert [i.slug for i in prepare(schedule, ["small/b", "other"])] == ["b", "c"]
    with pytest.raises(ParameterError, match="no report 'othr' in it; did you mean 'other'"):
        prepare(schedule, ["othr"])


def test_missing_source_fails_its_report_alone(project: Path) -> None:
    text = HEAD + '[source.gone]\npath = "data/gone"\n' + report("a")
    schedule = read_schedule(write(project, text + REPORT.replace("shop", "gone")), NOW)
    assert [item.decision.result for item in prepare(schedule)] == [None, None]


# --- what the index is told ---------------------------------------------------------------------------------


@pytest.fixture
def remembered(project: Path) -> tuple[object, Path]:
    schedule = read_schedule(write(project, HEAD + report("a") + report("b")), NOW)
    return schedule, project / "reports"


def result(slug: str, status: str, code: int = 0) -> RunResult:
    return RunResult(
        name="small",
        slug=slug,
        status=Status(status),
        exit_code=code,
        message=f"{slug} {status}",
        seconds=1.0,
        day="2026-01-20",
    )


def test_state_tells_never_failed_and_good(remembered: tuple[object, Path]) -> None:
    schedule, out = remembered
    assert schedule_state.remember(schedule, {1: result("b", "failed", 4)})  # type: ignore[arg-type]
    assert [(e.slug, e.status, e.message) for e in schedule_state.expected(out)] == [
        ("", "never", ""),
        ("", "failed", "b failed"),
    ]
    good = {0: result("a", "done"), 1: result("b", "thin")}
    assert schedule_state.remember(schedule, good)  # type: ignore[arg-type]
    assert [(e.slug, e.status) for e in schedule_state.expected(out)] == [("a", "done"), ("b", "thin")]
    assert schedule_state.remember(schedule, {1: result("b", "failed", 4)})  # type: ignore[arg-type]
    assert [(e.slug, e.status) for e in schedule_state.expected(out)] == [("a", "done"), ("b", "failed")]


def test_nothing_new_writes_nothing(remembered: tuple[object, Path]) -> None:
    schedule, out = remembered
    same = {0: result("a", "unchanged"), 1: result("b", "unchanged")}
    assert schedule_state.remember(schedule, {0: result("a", "done"), 1: result("b", "done")})  # type: ignore[arg-type]
    path = out / ".schedule" / "crm.json"
    before = path.stat().st_mtime_ns, path.read_bytes()
    assert not schedule_state.remember(schedule, same)  # type: ignore[arg-type]
    assert (path.stat().st_mtime_ns, path.read_bytes()) == before
    assert schedule_state.remember(schedule, {0: result("a", "unchanged"), 1: result("b", "done")})  # type: ignore[arg-type]
    assert [e.status for e in schedule_state.expected(out)] == ["unchanged", "done"]
