"""The index: what is published, what the schedules expect, and in which words."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from crm_analytics.runs.publishing import index, publish
from crm_analytics.runs.publishing.publish import Place

TODAY = date(2026, 3, 4)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    good(tmp_path, "segments", "2026-03-01", "Four hundred customers have gone quiet")
    good(tmp_path, "value", "2026-02-28", "They will bring 67,378")
    good(tmp_path, "monthly", "2026-01-31", "January was fair")
    good(tmp_path, "stand", "2026-03-03", "Forty customers", status="thin")
    failed = {"title": "Churn", "day": None, "message": "there is no shop.csv", "exit_code": 3}
    files = {"failure.html": b"f"}
    good(tmp_path, "churn", "2026-02-01", "One in nine left")
    publish.publish_failure(Place(tmp_path, "churn", "undated"), "r9", files, failed, 12)
    publish.publish_failure(Place(tmp_path, "churn", "2026-03-03"), "r9", files, failed, 12)
    (tmp_path / ".schedule").mkdir()
    rows = [
        expected("segments", "last day", 3, "2026-03-01", "unchanged"),
        expected("value", "last day", 3, "2026-02-28", "done"),
        expected("monthly", "last full month", None, "2026-01-31", "done"),
        expected("stand", "last day", 30, "2026-03-03", "unchanged"),
        expected("churn", "last day", None, "", "failed"),
        expected("journey", "last full week", None, "", "never"),
        expected("late", "last day", None, "", "refused", "not started: the run was stopped"),
    ]
    (tmp_path / ".schedule" / "crm.json").write_text(json.dumps({"reports": rows}))
    return tmp_path


def good(out: Path, name: str, slug: str, headline: str, status: str = "done") -> None:
    pointer = {"title": name.capitalize(), "status": status, "headline": headline, "day": slug}
    pointer["published"] = "2026-03-03 02:00 UTC"
    publish.publish(Place(out, name, slug), "r1", {"page.html": b"x"}, pointer, 12)


def expected(
    name: str, as_of: str, oldest: int | None, slug: str, status: str, message: str = ""
) -> dict[str, object]:
    return {
        "key": name,
        "name": name,
        "title": name.capitalize(),
        "source": "shop",
        "as_of": as_of,
        "oldest_days": oldest,
        "slug": slug,
        "status": status,
        "looked": "2026-03-04",
        "message": message,
    }


def test_every_status_and_what_is_stale(out: Path) -> None:
    found = {(e.name, e.slug): e for e in index.entries(out, TODAY)}
    told = {key: (e.status, e.stale(TODAY)) for key, e in found.items()}
    assert told == {
        ("segments", "2026-03-01"): ("unchanged", ""),
        ("value", "2026-02-28"): ("done", "stale: the schedule allows 3 days"),
        ("monthly", "2026-01-31"): ("done", "stale: the schedule expects 28 February 2026"),
        ("stand", "2026-03-03"): ("thin", ""),
        ("churn", "undated"): ("failed", ""),
        ("churn", "2026-02-01"): ("done", ""),
        ("churn", "2026-03-03"): ("failed", ""),
        ("journey", ""): ("never", ""),
        ("late", ""): ("never", ""),
    }
    assert found["late", ""].problem == "not started: the run was stopped"
    assert found["churn", "2026-03-03"].good == "churn/2026-02-01/report.html"
    assert all((out / e.href).is_file() for e in found.values() if e.href)


def test_page_says_it_in_words_and_without_a_script(out: Path) -> None:
    html = index.rebuild(out, TODAY).read_text(encoding="utf-8")
    for said in (
        "2 of 9 reports could not be made",
        "2 with data too old and 2 that never ran",
        "unchanged",
        "never run",
        "few data",
        "stale: the schedule expects 28 February 2026",
        "current until 4 March 2026",
        "nothing new on 4 March 2026",
        "there is no shop.csv",
        "The last good page",
        "Scheduled for last full week, from shop",
        "3 days old",
    ):
        assert said in html, said
    assert "<script" not in html


@pytest.mark.parametrize(
    ("kept", "says"),
    [
        (("journey", "late", "value"), "2 of 7 reports never ran"),
        (("value", "monthly"), "2 of 5 reports show data that are too old"),
        (("segments",), "5 reports, all made without a problem"),
    ],
)
def test_worst_comes_first(out: Path, kept: tuple[str, ...], says: str) -> None:
    for failed in (out / "churn").glob("*/failed.json"):
        failed.unlink()
    path = out / ".schedule" / "crm.json"
    rows = [row for row in json.loads(path.read_text())["reports"] if row["name"] in kept]
    path.write_text(json.dumps({"reports": rows}))
    assert says in index.rebuild(out, TODAY).read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["", "[]", '{"reports": [3]}', '{"reports": [{"key": "a", "x": 1}]}'])
def test_broken_memory_of_a_schedule_is_passed_over(out: Path, text: str) -> None:
    (out / ".schedule" / "crm.json").write_text(text)
    assert {e.status for e in index.entries(out, TODAY)} == {"done", "thin", "failed"}
