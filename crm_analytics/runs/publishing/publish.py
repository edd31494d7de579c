"""Putting a run in its place: a folder that never changes, then pointers replaced one by one.

::

    reports/index.html
    reports/<name>/<slug>/report.html       the last good page
    reports/<name>/<slug>/current.json      which run it is
    reports/<name>/<slug>/failed.json       the last failure, if nothing has worked since
    reports/<name>/<slug>/runs/<id>/        page.html or failure.html, notebook.ipynb, tables/, manifest.json

Whatever happens while publishing, `report.html` is the old page or the new one, whole.
"""

from __future__ import annotations

import glob
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crm_analytics.errors import LockedError, ParameterError, PublishError
from crm_analytics.tables.regular_files import read_record, replace_whole, sync, write_new

FOLDER_MODE, FILE_MODE = 0o750, 0o640
UNDATED = "undated"  # failures from before the day of the data was known
LISTS = "lists"  # folder of customer lists, in a run and beside the stable page
SCHEMA = 1

_SLUG = re.compile(r"[a-z0-9-]{1,64}")
_DAY_SLUG = re.compile(r"\d{4}-\d{2}-\d{2}(-[0-9a-f]{8})?")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?=-|$)")
_WINDOWS = {"con", "prn", "aux", "nul", *(f"{n}{i}" for n in ("com", "lpt") for i in range(10))}


@dataclass(frozen=True)
class Place:
    """Where the runs of one report and slug are."""

    out: Path
    name: str
    slug: str

    @property
    def folder(self) -> Path:
        """The folder with the page and the pointers."""
        return self.out / self.name / self.slug

    @property
    def page(self) -> Path:
        """The last good page."""
        return self.folder / "report.html"


def check_slug(slug: str) -> str:
    """A slug fit for a folder and a link.

    Raises
    ------
    ParameterError : it is not 1 to 64 of a-z, 0-9 and "-".

    >>> check_slug("1997-09-30")
    '1997-09-30'
    """
    if not _SLUG.fullmatch(slug) or slug in _WINDOWS or slug == UNDATED:
        shown = repr(slug if len(slug) <= 40 else slug[:37] + "...")
        raise ParameterError(
            f"the slug {shown} must be 1 to 64 of a-z, 0-9 and '-', such as 1997-09-30-north"
        )
    return slug


def run_id(now: datetime, digest: str) -> str:
    """The name of a run: when it began, and 8 characters of what it is. Later runs sort behind.

    >>> run_id(datetime(2026, 1, 31, 2, 0, 5, tzinfo=UTC), "ab12cd34ef")
    '20260131T020005Z-ab12cd34'
    """
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{digest[:8]}"


@contextmanager
def locked(place: Place, wait: float = 0) -> Iterator[None]:
    """Hold the report and slug for this run alone; the lock of a process that died is free again.

    Parameters
    ----------
    wait : seconds to wait for another run that holds it

    Raises
    ------
    LockedError : another run holds it.
    PublishError : the folder of locks cannot be made.
    """
    with _lock(place.out, f"{place.name}--{place.slug}", wait=wait) as held:
        if not held:
            raise LockedError(
                f"another run is making {place.name}/{place.slug} right now. "
                "Wait for it (--wait SECONDS), or give another --slug"
            )
        yield


@contextmanager
def lists_locked(out: Path) -> Iterator[None]:
    """Hold all contact lists below a folder while one wave reads who was contacted and is put beside them.

    Waits for the others, of this run or another: two waves made at once would both contact whom one may.

    Raises
    ------
    LockedError : another wave takes longer than an hour.
    PublishError : the folder of locks cannot be made.
    """
    with _lock(out, "lists", wait=3600) as held:
        if not held:
            raise LockedError(f"another contact list in {out} is being made since an hour. Run again later")
        yield


@contextmanager
def index_locked(out: Path) -> Iterator[None]:
    """Hold the index while it is read together and written."""
    with _lock(out, "index", wait=60) as held:
        if not held:
            raise PublishError(
                f"{out / 'index.html'} is being written by another run since a minute. Try again"
            )
        yield


@contextmanager
def schedule_locked(out: Path, name: str) -> Iterator[None]:
    """Hold a schedule's name while it runs; a second run of it at once goes on without."""
    with _lock(out, f"schedule--{name}", wait=0):
        yield


def schedule_is_locked(out: Path, name: str) -> bool:
    """Whether a run of the schedule goes on right now; the lock of one that died is free again."""
    if not (out / ".locks").is_dir():
        return False
    with _lock(out, f"schedule--{name}", wait=0) as free:
        return not free


@contextmanager
def _lock(out: Path, name: str, wait: float) -> Iterator[bool]:
    from filelock import FileLock, Timeout

    with in_words(out):
        make_folder(out / ".locks")
        lock = FileLock(out / ".locks" / f"{name}.lock", timeout=wait, mode=FILE_MODE)
        try:
            lock.acquire()
            held = True
        except Timeout:
            held = False
    try:
        yield held
    finally:
        if held:
            lock.release()


@contextmanager
def in_words(where: Path) -> Iterator[None]:
    """Turn errors of the file system into one sentence with the next step."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise PublishError(
            f"{where} cannot be written ({reason}). "
            "Make room or give the right to write, or choose another --out"
        ) from None


def publish(
    place: Place, run: str, files: Mapping[str, bytes], pointer: Mapping[str, Any], keep: int
) -> Path:
    """Publish a good run: its folder, then the page, then the pointer; older runs go.

    Parameters
    ----------
    run : of `run_id`
    files : content by path inside the run's folder; ``page.html`` is the page
    pointer : what `current.json` says besides the run
    keep : how many runs of this slug stay, this one included; and of slugs named by their day, how many of
        these

    Returns
    -------
    the run's folder

    Raises
    ------
    PublishError : something cannot be written; the last good page is still there.
    """
    with in_words(place.folder):
        folder = _run_folder(place, run, files)
        _lay_lists(place, files)
        replace_file(place.page, files["page.html"])
        about = {"schema": SCHEMA, "run": folder.name, **pointer, "keep": keep}
        replace_file(place.folder / "current.json", as_json(about))
        for failed in settled(place):
            failed.unlink(missing_ok=True)
        _prune(place, keep)
    _prune_days(place, keep)
    return folder


def _lay_lists(place: Place, files: Mapping[str, bytes]) -> None:
    """Put the lists of a run beside the stable page; those of the run before go."""
    mine = {name: content for name, content in files.items() if name.startswith(f"{LISTS}/")}
    folder = place.folder / LISTS
    if mine:
        make_folder(folder)
    for name, content in mine.items():
        replace_file(place.folder / name, content)
    for old in folder.glob("*"):
        if f"{LISTS}/{old.name}" not in mine:
            old.unlink()


def publish_failure(
    place: Place, run: str, files: Mapping[str, bytes], pointer: Mapping[str, Any], keep: int
) -> Path:
    """Publish a failed run beside the last good one; ``failure.html`` is among the files.

    Raises
    ------
    PublishError : something cannot be written.
    """
    with in_words(place.folder):
        folder = _run_folder(place, run, files)
        replace_file(place.folder / "failed.json", as_json({"schema": SCHEMA, "run": folder.name, **pointer}))
        _prune(place, keep)
        return folder


def pointer_of(folder: Path, name: str) -> dict[str, Any] | None:
    """What `current.json` or `failed.json` in a slug's folder says; None where there is no whole one."""
    with suppress(OSError, ValueError):
        found = read_record(folder / name)
        if isinstance(found, dict) and re.fullmatch(r"[\w-]+", str(found.get("run", ""))):
            return found
    return None


def as_json(content: Any) -> bytes:
    """JSON for files: indented, in the order given."""
    return (json.dumps(content, indent=1, ensure_ascii=False, default=str) + "\n").encode("utf-8")


def make_folder(folder: Path) -> None:
    """A folder and those above it, closed to others."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        with suppress(FileExistsError):
            each.mkdir(mode=FOLDER_MODE)


def replace_file(path: Path, content: bytes) -> None:
    """Put a file in its place in one step: readers see the old one or the new one, whole."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.part"):  # of a run that was killed
        left.unlink(missing_ok=True)
    replace_whole(path, content, FILE_MODE)


def _run_folder(place: Place, run: str, files: Mapping[str, bytes]) -> Path:
    """Write a run beside its place, then rename it there: it exists whole or not at all."""
    runs = place.folder / "runs"
    make_folder(runs)
    if not runs.resolve().is_relative_to(place.out.resolve()):
        raise PublishError(f"{place.folder} is a link that leads out of {place.out}. Remove it and run again")
    for left in runs.glob(".part-*"):  # of a run that was killed: we hold the lock, so nobody writes there
        shutil.rmtree(left, ignore_errors=True)
    for page_or_pointer in place.folder.glob(".*.part"):
        page_or_pointer.unlink(missing_ok=True)
    draft = runs / f".part-{run}"
    try:
        draft.mkdir(mode=FOLDER_MODE)
        for name, content in files.items():
            make_folder((draft / name).parent)
            write_new(draft / name, content, FILE_MODE)
        for folder in {(draft / name).parent for name in files}:
            sync(folder)
        target, more = runs / run, 1
        while target.exists():  # the same run twice within a second
            more += 1
            target = runs / f"{run}-{more}"
        draft.rename(target)
    except OSError:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    sync(runs)
    return target


def settled(place: Place) -> list[Path]:
    """Failures that this success puts an end to: its own, and for a run named by its day those of other days
    that never had a page, such as a day outside the data.
    """
    found = [place.folder / "failed.json"]
    named_by_day = _DAY.match(place.slug)
    if named_by_day:
        for failed in (place.out / place.name).glob("*/failed.json"):
            slug = failed.parent.name
            other_day = _DAY.match(slug) is not None and slug[10:] == place.slug[10:]
            if slug == UNDATED or (other_day and not (failed.parent / "current.json").exists()):
                found.append(failed)
    return found


def _prune(place: Place, keep: int) -> None:
    """Remove the oldest runs that no pointer names."""
    pointers = [pointer_of(place.folder, name) for name in ("current.json", "failed.json")]
    named = {p["run"] for p in pointers if p}
    runs = sorted((p for p in (place.folder / "runs").iterdir() if not p.name.startswith(".")), reverse=True)
    free = [p for p in runs if p.name not in named]
    for old in free[max(keep - len(named), 0) :]:
        gone = old.with_name(f".part-{old.name}")
        old.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def _prune_days(place: Place, keep: int) -> None:
    """Remove the slugs that were made longest ago, where slugs are named by their day and nothing else.

    A slug that somebody chose stays, and so does one that is being made, or that cannot be removed now.
    """
    mine = _DAY_SLUG.fullmatch(place.slug)
    if mine is None:
        return
    made = []
    for folder in (place.out / place.name).glob("*/"):
        named, pointer = _DAY_SLUG.fullmatch(folder.name), pointer_of(folder, "current.json")
        if named and pointer and named[1] == mine[1] and folder.name != place.slug:
            made.append((pointer["run"], folder))
    for _, folder in sorted(made, reverse=True)[max(keep - 1, 0) :]:
        with suppress(LockedError, PublishError, OSError), locked(Place(place.out, place.name, folder.name)):
            gone = folder.with_name(f".part-{folder.name}")
            folder.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)
    for left in (place.out / place.name).glob(".part-*"):  # of a run that was killed
        shutil.rmtree(left, ignore_errors=True)
