"""Publishing: whole or not at all, the last good page first of all."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
import time
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from crm_analytics.errors import LockedError, ParameterError, PublishError
from crm_analytics.runs.publishing import index, publish
from crm_analytics.runs.publishing.publish import Place

NOW = datetime(2026, 1, 31, 2, 0, 5, tzinfo=UTC)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "reports", "segments", "1997-09-30")


def put(place: Place, number: int, keep: int = 12) -> Path:
    files = {"page.html": f"<p>{number}</p>".encode(), "tables/01.parquet": b"x", "manifest.json": b"{}"}
    pointer = {"title": "Segments", "status": "done", "headline": f"No. {number}", "day": "1997-09-30"}
    return publish.publish(place, f"20260131T0200{number:02}Z-aaaaaaaa", files, pointer, keep)


def fail(place: Place, number: int) -> Path:
    pointer = {"title": "Segments", "status": "failed", "message": "cell 3 failed", "exit_code": 4}
    run = f"20260131T0200{number:02}Z-ffffffff"
    return publish.publish_failure(place, run, {"failure.html": b"failed"}, pointer, 12)


def test_run_folder_page_and_pointer_agree(place: Place) -> None:
    folder = put(place, 1)
    assert folder == place.folder / "runs" / "20260131T020001Z-aaaaaaaa"
    assert place.page.read_bytes() == (folder / "page.html").read_bytes() == b"<p>1</p>"
    assert json.loads((place.folder / "current.json").read_text())["run"] == folder.name


def test_nothing_is_open_to_others(place: Place) -> None:
    before = os.umask(0)
    try:
        put(place, 1)
        index.rebuild(place.out, date(2026, 1, 31))
    finally:
        os.umask(before)
    for path in [place.out, *place.out.rglob("*")]:
        wanted = 0o750 if path.is_dir() else 0o640
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path


def test_failure_leaves_the_last_good_page_and_goes_with_the_next_success(place: Place) -> None:
    put(place, 1)
    fail(place, 2)
    assert place.page.read_bytes() == b"<p>1</p>"
    assert (place.folder / "failed.json").is_file()
    put(place, 3)
    assert place.page.read_bytes() == b"<p>3</p>"
    assert not (place.folder / "failed.json").exists()


def test_success_ends_a_failure_from_before_the_day_was_known(place: Place) -> None:
    undated = Place(place.out, place.name, publish.UNDATED)
    fail(undated, 1)
    assert [e.status for e in index.entries(place.out)] == ["failed"]
    put(place, 2)
    assert [(e.slug, e.status) for e in index.entries(place.out)] == [("1997-09-30", "done")]


def test_success_ends_failures_of_other_days_but_not_of_other_variants(place: Place) -> None:
    for slug in ("1990-01-01", "1990-01-01-1a2b3c4d", "north", "1997-06-30"):
        fail(Place(place.out, place.name, slug), 1)
    put(Place(place.out, place.name, "1997-06-30"), 2)
    fail(Place(place.out, place.name, "1997-06-30"), 3)
    put(place, 4)
    failed = [e.slug for e in index.entries(place.out) if e.status == "failed"]
    assert sorted(failed) == ["1990-01-01-1a2b3c4d", "1997-06-30", "north"]
    put(Place(place.out, place.name, "north"), 5)
    assert sorted(e.slug for e in index.entries(place.out) if e.status == "failed") == [
        "1990-01-01-1a2b3c4d",
        "1997-06-30",
    ]


def test_keep_prunes_runs_that_no_pointer_names(place: Place) -> None:
    put(place, 1)
    fail(place, 2)
    for number in range(3, 8):
        put(place, number, keep=3)
    left = sorted(p.name for p in (place.folder / "runs").iterdir())
    assert [n[13:15] for n in left] == ["05", "06", "07"]
    fail(place, 8)
    put(place, 9, keep=1)
    assert [p.name[13:15] for p in (place.folder / "runs").iterdir()] == ["09"]


def test_failed_and_good_pointer_survive_pruning(place: Place) -> None:
    put(place, 1)
    for number in range(2, 20):
        fail(place, number)
    left = {p.name[13:15] for p in (place.folder / "runs").iterdir()}
    assert {"01", "19"} <= left
    assert len(left) == 12


def test_same_run_twice_in_a_second_keeps_both(place: Place) -> None:
    assert put(place, 1).name + "-2" == put(place, 1).name


def test_run_ids_sort_by_time() -> None:
    later = datetime(2026, 1, 31, 3, 0, 5, tzinfo=UTC)
    assert publish.run_id(NOW, "ff" * 4) < publish.run_id(later, "00" * 4)


def test_killed_while_writing_leaves_no_run_and_the_next_one_sweeps(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(place, 1)
    with monkeypatch.context() as patch:
        patch.setattr(publish.shutil, "rmtree", lambda *_, **__: None)  # the dead clean up nothing
        patch.setattr(Path, "rename", _no_room)
        with pytest.raises(PublishError, match="cannot be written"):
            put(place, 2)
    names = {p.name for p in (place.folder / "runs").iterdir()}
    assert names == {"20260131T020001Z-aaaaaaaa", ".part-20260131T020002Z-aaaaaaaa"}
    assert place.page.read_bytes() == b"<p>1</p>"
    put(place, 3)
    assert not list((place.folder / "runs").glob(".part-*"))


def _no_room(*_: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("step", ["fsync", "fdopen"])
def test_full_disk_says_so_and_keeps_the_last_good_page(
    place: Place, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    put(place, 1)
    before = sorted(p.relative_to(place.out) for p in place.out.rglob("*"))
    monkeypatch.setattr(os, step, _no_room)
    with pytest.raises(PublishError, match="no space left on device") as caught:
        put(place, 2)
    monkeypatch.undo()
    assert caught.value.exit_code == 6
    assert place.page.read_bytes() == b"<p>1</p>"
    assert sorted(p.relative_to(place.out) for p in place.out.rglob("*")) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder_says_so(place: Place) -> None:
    put(place, 1)
    place.folder.chmod(0o500)
    try:
        with pytest.raises(PublishError, match="permission denied"):
            put(place, 2)
    finally:
        place.folder.chmod(0o750)


def test_link_out_of_the_reports_is_refused(place: Place, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    place.folder.parent.mkdir(parents=True)
    place.folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PublishError, match="leads out of"):
        put(place, 1)


@pytest.mark.parametrize("slug", ["../x", "", "a/b", "A", "a b", "é", "x" * 65, "con", "undated", ".", "a\n"])
def test_slug_says_what_it_may_be(slug: str) -> None:
    with pytest.raises(ParameterError, match="1 to 64 of a-z, 0-9"):
        publish.check_slug(slug)


def test_second_run_of_the_same_report_is_told_to_wait(place: Place) -> None:
    with publish.locked(place):
        with pytest.raises(LockedError) as caught, publish.locked(place):
            pass
        assert caught.value.exit_code == 75
        with publish.locked(Place(place.out, place.name, "another")):
            pass
    with publish.locked(place):
        pass


def _hold(place: Place, ready: object) -> None:
    with publish.locked(place):
        ready.set()  # type: ignore[attr-defined]
        time.sleep(60)


def test_lock_of_a_killed_process_is_free_again(place: Place) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    holder = context.Process(target=_hold, args=(place, ready))
    holder.start()
    assert ready.wait(60)
    with pytest.raises(LockedError), publish.locked(place):
        pass
    holder.kill()
    holder.join()
    holder.close()
    with publish.locked(place):
        pass


def test_index_lists_newest_data_first_and_links_to_what_is_there(place: Place) -> None:
    put(place, 1)
    newer = Place(place.out, "segments", "1998-06-30")
    publish.publish(newer, "r1", {"page.html": b"x"}, {"title": "Segments", "day": "1998-06-30"}, 12)
    fail(Place(place.out, "churn", "undated"), 3)
    fail(newer, 4)
    found = index.entries(place.out)
    assert [(e.name, e.slug, e.status) for e in found] == [
        ("churn", "undated", "failed"),
        ("segments", "1998-06-30", "failed"),
        ("segments", "1997-09-30", "done"),
    ]
    assert all((place.out / e.href).is_file() for e in found)
    assert found[1].href.endswith("report.html")
    assert found[0].problem == "cell 3 failed"
    html = index.rebuild(place.out, date(2026, 1, 31)).read_text(encoding="utf-8")
    assert "segments/1997-09-30/report.html" in html


def test_broken_pointer_is_passed_over(place: Place) -> None:
    put(place, 1)
    for text in ("", "[]", '{"run": "../../x"}', '{"run": 3'):
        (place.folder / "current.json").write_text(text)
        assert index.entries(place.out) == []


def test_last_good_page_of_another_day_is_better_than_none(place: Place) -> None:
    today = Place(place.out, place.name, "1997-10-01")
    assert index.last_good(place.out, place.name, today.slug) is None
    put(place, 1)
    assert index.last_good(place.out, place.name, today.slug) == place.page
