"""The cover page is made last and shown first; every link of a page and of the index leads somewhere."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest
from nbformat import v4

from crm_analytics.runs.decisions import decide
from crm_analytics.runs.plan import RunRequest
from crm_analytics.runs.report_run import Workshop, run_reports
from crm_analytics.runs.schedule.night import prepare
from crm_analytics.runs.schedule.schedule_file import read_schedule
from crm_analytics.runs.workers import Cells, Ended, Started, run_side_by_side

NOW = dt.datetime(2026, 3, 1, 2, 0, tzinfo=dt.UTC)
PARAMETERS = 'data: str = ""\nas_of: str = ""\nlanguage: str = "en"  # one of en, de\nrun: str = ""'
OPEN = (
    "from crm_analytics import CustomerBase\nfrom crm_analytics.pages import blocks\n"
    "from crm_analytics.reports.shared.handed_in import handed_in\n"
    "base = CustomerBase.open(data).as_of(as_of)\ntold = handed_in(run)"
)
COVER = (
    "blocks.links('Every report', *(blocks.link(one['title'], one['headline'], one['report'], one['slug'])"
    " for one in told.neighbours))"
)


def notebook(title: str, neighbours: tuple[str, ...] = (), *more: str) -> nbformat.NotebookNode:
    made = v4.new_notebook(metadata={"crm": {"neighbours": list(neighbours)}})
    said = f"blocks.headline(f'{title}, told of {{len(told.neighbours)}}', language=language)"
    made.cells = [v4.new_markdown_cell(f"# {title}\n\nHow is it?")]
    made.cells.append(v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}))
    made.cells += [v4.new_code_cell(source) for source in (OPEN, said, *more)]
    return made


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    (root / "notebooks").mkdir()
    (root / "data").mkdir()
    for name, made in {
        "00_cover": notebook("Cover", ("*",), COVER),
        "01_first": notebook("First"),
        "02_second": notebook("Second"),
    }.items():
        nbformat.write(made, root / "notebooks" / f"{name}.ipynb")
    rows = "customer_id,transaction_date,unit_spend\na,2026-01-05,5\nb,2026-02-10,7\n"
    (root / "data" / "shop.csv").write_text(rows)
    (root / "data" / "mapping.toml").write_text('label = "Ann & Bo"\n')
    return root


def request(project: Path, name: str, now: dt.datetime = NOW, **values: object) -> RunRequest:
    return RunRequest(
        report=name, now=now, data=str(project / "data" / "shop.csv"), out=project / "out", root=project,
        mapping=project / "data" / "mapping.toml", parameters=values,
    )  # fmt: skip


@pytest.fixture(scope="module")
def published(project: Path) -> list[tuple[str, str, str]]:
    """Name, status and message of what one command made, the cover named first."""
    found = run_reports([request(project, name) for name in ("cover", "first", "second")])
    return [(one.name, str(one.status), one.message) for one in found]


class Links(HTMLParser):
    """Where a page leads to, and what it can be led to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.led: list[str] = []
        self.ids: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = dict(attrs)
        self.ids += [about["id"]] if about.get("id") else []
        self.led += [about["href"]] if tag == "a" and about.get("href") else []


def dead(page: Path) -> list[str]:
    """Links of a page that lead to no file, or to no place in it."""
    found = []
    for href in Links(page.read_text(encoding="utf-8")).led:
        path, _, fragment = href.partition("#")
        target = (page.parent / unquote(path)).resolve() if path else page
        whole = target.is_file() and (
            not fragment or unquote(fragment) in Links(target.read_text(encoding="utf-8")).ids
        )
        found += [] if whole and not href.startswith(("/", "file:", "http")) else [href]
    return found


def test_cover_is_made_last_and_told_of_all(published: list[tuple[str, str, str]]) -> None:
    assert published == [
        ("first", "done", "First, told of 0"),
        ("second", "done", "Second, told of 0"),
        ("cover", "done", "Cover, told of 2"),
    ]


def test_side_by_side_two_are_under_way_at_once_and_the_cover_waits_for_both(project: Path) -> None:
    asked = [replace(request(project, name), out=project / "side") for name in ("cover", "first", "second")]
    events = list(run_side_by_side(asked, 2))
    steps = [(type(one).__name__, asked[one.number].report) for one in events if not isinstance(one, Cells)]
    assert steps[:2] == [("Started", "first"), ("Started", "second")]
    assert {steps[2][0], steps[3][0]} == {"Ended"}
    assert steps[4:] == [("Started", "cover"), ("Ended", "cover")]
    [cover] = [one.result for one in events if isinstance(one, Ended) and one.number == 0]
    assert cover.message == "Cover, told of 2"
    first = replace(asked[1], force=True)
    ended = [one.result for one in run_side_by_side([asked[0], first], 2) if isinstance(one, Ended)]
    told = [(one.name, str(one.status)) for one in ended]
    assert told == [("first", "done"), ("cover", "unchanged")]  # known when its turn comes


def test_side_by_side_one_report_named_twice_is_made_one_after_the_other(project: Path) -> None:
    asked = [replace(request(project, "first"), out=project / "twice") for _ in range(2)]
    events = [one for one in run_side_by_side(asked, 2) if not isinstance(one, Cells)]
    assert [type(one) for one in events] == [Started, Ended, Started, Ended]
    assert {str(one.result.status) for one in events if isinstance(one, Ended)} == {"done"}


def test_index_shows_the_company_its_cover_first_and_the_others_in_order(
    project: Path, published: list[tuple[str, str, str]]
) -> None:
    html = (project / "out" / "index.html").read_text(encoding="utf-8")
    places = [html.index(said) for said in ("Ann &amp; Bo", "Cover, told", "First, told", "Second, told")]
    assert places == sorted(places)


def test_every_link_leads_somewhere_and_none_is_absolute(
    project: Path, published: list[tuple[str, str, str]]
) -> None:
    pages = [*(project / "out").glob("*/*/report.html"), project / "out" / "index.html"]
    assert len(pages) == 4
    assert {page.parent.parent.name: dead(page) for page in pages if dead(page)} == {}
    first = Links((project / "out" / "first" / "2026-02-10" / "report.html").read_text(encoding="utf-8"))
    ways = [href.partition("#")[2].rpartition("-")[0] for href in first.led if "index.html#" in href]
    assert ways == ["before-first", "after-first"] * 2  # above and below
    cover = Links((project / "out" / "cover" / "2026-02-10" / "report.html").read_text(encoding="utf-8"))
    assert "../../first/2026-02-10/report.html" in cover.led


def test_ways_lead_to_the_report_before_and_after_of_what_was_made(
    project: Path, published: list[tuple[str, str, str]]
) -> None:
    html = (project / "out" / "index.html").read_text(encoding="utf-8")
    entry = next(part for part in html.split("<li ") if "First, told" in part)
    ids = [name.rpartition("-")[0] for name in Links(entry).ids]
    assert ids == ["after-cover", "before-second", "first"]
    company = html.split("<h2")[0]
    assert [name.rpartition("-")[0] for name in Links(company).ids][-2:] == ["before-cover", "after-second"]


def test_index_keeps_earlier_runs(project: Path, published: list[tuple[str, str, str]]) -> None:
    later = request(project, "first", dt.datetime(2026, 3, 2, 2, 0, tzinfo=dt.UTC))
    [again] = run_reports([replace(later, force=True)])
    assert again.status == "done"
    html = (project / "out" / "index.html").read_text(encoding="utf-8")
    assert "1 earlier run" in html
    assert "2026-03-01 02:00 UTC" in html
    assert dead(project / "out" / "index.html") == []


def test_cover_in_another_language_is_told_by_pages_of_that_language(
    project: Path, published: list[tuple[str, str, str]]
) -> None:
    german, cover = run_reports([request(project, name, language="de") for name in ("second", "cover")])
    assert (german.status, cover.status) == ("done", "done")
    about = json.loads((cover.run_folder / "manifest.json").read_text(encoding="utf-8"))
    slugs = {one["report"]: one["slug"] for one in about["handed_in"]["neighbours"]}
    assert slugs == {"first": "2026-02-10", "second": german.slug}


def test_a_night_that_makes_a_report_looks_at_the_cover_again(
    project: Path, published: list[tuple[str, str, str]]
) -> None:
    head = '[source.shop]\npath = "data/shop.csv"\nmapping = "data/mapping.toml"\n'
    reports = "".join(f'[[report]]\nname = "{name}"\nsource = "shop"\n' for name in ("cover", "first"))
    config = project / "crm.toml"
    config.write_text(f'out = "night"\n{head}{reports}')
    schedule = read_schedule(config, NOW)
    list(run_reports([item.scheduled.request for item in prepare(schedule)]))
    assert [item.decision.why for item in prepare(schedule)] == ["nothing changed"] * 2
    config.write_text(f'out = "night"\n{head}{reports}parameters = {{ language = "de" }}\n')
    cover, first = prepare(read_schedule(config, NOW))
    assert (first.decision.why, first.decision.result) == ("not made yet", None)
    assert (cover.decision.why, cover.decision.result) == ("a report it is told of is made anew", None)
    assert decide(cover.scheduled.request).why == "nothing changed"
    with Workshop() as shop:  # the page in German hands nothing to that in English
        made = [shop.make(item.decision).status for item in (first, cover)]  # type: ignore[arg-type]
    assert made == ["done", "unchanged"]
