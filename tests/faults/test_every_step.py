"""Publishing broken at each of its steps, one after the other: no luck needed."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from crm_analytics.errors import PublishError
from crm_analytics.runs.publishing import index, publish
from crm_analytics.runs.publishing.publish import Place
from tests.faults.scene import problems

STEPS = ("open", "fsync", "replace", "rename", "mkdir", "unlink", "link", "rmdir")
DIED = 137


def page_of(number: int) -> bytes:
    return f"<html><body><h1>Run {number}</h1>{'<p>x</p>' * 500}</body></html>".encode()


def put(place: Place, number: int) -> None:
    """A good run as `run` publishes it: under the lock, then the index."""
    html = page_of(number)
    about = {"status": "done", "page": {"sha256": hashlib.sha256(html).hexdigest()}}
    files = {
        "page.html": html,
        "notebook.ipynb": b"{}",
        "manifest.json": json.dumps(about).encode(),
        "tables/01_table.parquet": b"PAR1" + b"\0" * 400 + b"PAR1",
    }
    pointer = {"title": "Segments", "status": "done", "headline": f"No. {number}", "day": "1997-09-30"}
    with publish.locked(place):
        publish.publish(place, f"20260131T0200{number:02}Z-aaaaaaaa", files, pointer, keep=2)
        index.rebuild(place.out, date(2026, 1, 31))


def fail(place: Place, number: int) -> None:
    """A failed run as `run` publishes it."""
    files = {
        "failure.html": b"<html><body>failed</body></html>",
        "manifest.json": json.dumps({"status": "failed"}).encode(),
    }
    pointer = {"title": "Segments", "status": "failed", "message": "cell 3 failed", "exit_code": 4}
    with publish.locked(place):
        publish.publish_failure(place, f"20260131T0200{number:02}Z-ffffffff", files, pointer, keep=2)
        index.rebuild(place.out, date(2026, 1, 31))


class Broken:
    """Counts the steps of the file system under a folder; at step `at` something happens instead."""

    def __init__(self, under: Path, at: int, happens: Callable[[str], None]) -> None:
        self.under, self.at, self.happens = str(under), at, happens
        self.count = 0

    def patch(self, patch: pytest.MonkeyPatch) -> None:
        for name in STEPS:
            patch.setattr(os, name, self._wrapped(name, getattr(os, name)))

    def _wrapped(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **options: Any) -> Any:
            target = arguments[0]
            if name == "fsync":
                target = os.readlink(f"/proc/self/fd/{target}")  # noqa: PTH115
            elif options.get("dir_fd") is not None:
                target = self.under  # of rmtree, which walks by handles
            if str(target).startswith(self.under):
                self.count += 1
                if self.count == self.at:
                    if name == "fsync" and not os.path.isdir(target):  # noqa: PTH112
                        os.ftruncate(arguments[0], os.fstat(arguments[0]).st_size // 2)  # half is on the disk
                    self.happens(name)
            return real(*arguments, **options)

        return step


def die(name: str) -> None:
    """As kill −9: nothing is cleaned up."""
    os._exit(DIED)


def in_a_process(place: Place, work: Callable[[Place, int], None], at: int) -> int:
    """Do it in a fork that dies at a step; 0 where it was through before."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with pytest.MonkeyPatch.context() as patch:
                Broken(place.out, at, die).patch(patch)
                work(place, 2)
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def is_whole(place: Place, *numbers: int) -> None:
    assert problems(place.out) == []
    assert place.page.read_bytes() in [page_of(n) for n in numbers]
    assert publish.pointer_of(place.folder, "current.json") is not None
    assert index.last_good(place.out, place.name, place.slug) == place.page


def works_again(place: Place) -> None:
    put(place, 3)
    is_whole(place, 3)
    pointer = publish.pointer_of(place.folder, "current.json")
    assert pointer is not None
    assert pointer["run"].startswith("20260131T020003Z")
    assert not (place.folder / "failed.json").exists()
    left = [p for p in place.out.rglob("*") if ".part" in p.name]
    assert left == []


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """In memory where that is possible: each step waits for the disk, and there are thousands."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "reports", "segments", "1997-09-30")


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("work", [put, fail])
def test_killed_at_any_step_leaves_a_whole_page(tmp_path: Path, work: Callable[[Place, int], None]) -> None:
    put(Place(tmp_path / "warm", "segments", "1997-09-30"), 1)  # imports before the first fork
    at, code = 0, DIED
    while code == DIED:
        at += 1
        place = Place(tmp_path / f"r{at}", "segments", "1997-09-30")
        put(place, 0)
        put(place, 1)
        code = in_a_process(place, work, at)
        is_whole(place, 1, 2)
        works_again(place)
    assert code == 0
    assert at > 15


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_killed_at_any_step_of_the_first_run_names_nothing_half_as_good(tmp_path: Path) -> None:
    put(Place(tmp_path / "warm", "segments", "1997-09-30"), 1)
    at, code = 0, DIED
    while code == DIED:
        at += 1
        place = Place(tmp_path / f"r{at}", "segments", "1997-09-30")
        code = in_a_process(place, put, at)
        assert problems(place.out) == []
        works_again(place)
    assert code == 0
    assert at > 15


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("work", [put, fail])
def test_error_at_any_step_says_so_and_leaves_a_whole_page(
    tmp_path: Path, work: Callable[[Place, int], None], number: int
) -> None:
    def no(name: str) -> None:
        raise OSError(number, os.strerror(number))

    at, reached, told = 0, True, 0
    while reached:
        at += 1
        place = Place(tmp_path / f"r{at}", "segments", "1997-09-30")
        put(place, 0)
        put(place, 1)
        broken = Broken(place.out, at, no)
        with pytest.MonkeyPatch.context() as patch:
            broken.patch(patch)
            try:
                work(place, 2)
            except PublishError as error:
                told += 1
                assert os.strerror(number).lower() in str(error)  # noqa: PT017
        reached = broken.count >= at
        is_whole(place, 1, 2)
        works_again(place)
    assert told > 8


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_locks_of_the_dead_are_free_and_of_the_living_hold(place: Place) -> None:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        with publish.locked(place):
            os.write(write, b"held")
            os.kill(os.getpid(), signal.SIGSTOP)  # until it is killed
        os._exit(1)
    assert os.read(read, 4) == b"held"
    with pytest.raises(publish.LockedError, match="another run is making"), publish.locked(place):
        pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with publish.locked(place):
        pass
