"""`reports/index.html`, built from the pointers of what is published and from what schedules expect."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

from crm_analytics.pages import index_page
from crm_analytics.pages.index_page import IndexEntry
from crm_analytics.pages.status import Status
from crm_analytics.runs.publishing import (
    publish,
    published_look,
    published_tree,
    schedule_state,
    wave_folders,
)
from crm_analytics.runs.schedule import relative_days

KEPT = 12  # runs of a slug, where its pointer does not say
NAMED = 3  # runs that pointers name when the next one is there: it, the one shown now, and a failed one


def rebuild(out: Path, today: date) -> Path:
    """Write the index anew from every report's pointers.

    Parameters
    ----------
    out : the folder of reports
    today : ages are counted from it

    Returns
    -------
    the index file

    Raises
    ------
    PublishError : it cannot be written.
    """
    path = out / "index.html"
    published_tree.check_index(out)
    brand = published_look.of_tree(out).brand
    with publish.index_locked(out), publish.in_words(path):
        page = index_page.index(entries(out, today), today=today, brand=brand)
        publish.replace_file(path, page.encode("utf-8"))
    return path


def entries(out: Path, today: date | None = None) -> list[IndexEntry]:
    """What the index lists: by name, the newest data first.

    Parameters
    ----------
    today : for the days that schedules expect; None where nobody asks
    """
    found = [_entry(out, slug) for slug in sorted(out.glob("*/*/")) if not _is_hidden(slug)]
    found += [
        _wave(out, folder)
        for folder in sorted(out.glob(f"{wave_folders.LISTS}/*/"))
        if not _is_hidden(folder)
    ]
    kept = _as_scheduled([entry for entry in found if entry is not None], out, today)
    kept.sort(key=lambda e: (e.day or date.max, e.slug), reverse=True)
    return sorted(kept, key=lambda e: e.name)


def _is_hidden(slug: Path) -> bool:
    return slug.name.startswith(".") or slug.parent.name.startswith(".")


def _as_scheduled(found: list[IndexEntry], out: Path, today: date | None) -> list[IndexEntry]:
    """The entries with what the schedules say of them, and those that schedules name but nobody made."""
    by_place = {(entry.name, entry.slug): entry for entry in found}
    failed = {entry.name for entry in found if entry.status is Status.FAILED}
    for state, key, one in [(s, k, e) for s in schedule_state.states(out) for k, e in s.expected.items()]:
        entry = by_place.get((one.name, one.slug))
        unmade = _unmade(state, key, entry)
        if entry is not None and unmade:
            by_place[entry.name, entry.slug] = replace(entry, status=Status.FAILED, problem=unmade)
        elif entry is not None and entry.name == wave_folders.LISTS:
            continue  # a list is due when the last one is over, not every night
        elif entry is not None:
            same = one.status is Status.UNCHANGED and entry.status in (Status.DONE, Status.THIN)
            unchanged = same and entry.status is Status.DONE  # that there are few data is worth more
            by_place[entry.name, entry.slug] = replace(
                entry,
                status=Status.UNCHANGED if unchanged else entry.status,
                looked=_day(one.looked) if same else None,
                oldest_days=one.oldest_days,
                expected=relative_days.expected(one.as_of, today) if today else None,
            )
        elif unmade or not (one.status is Status.FAILED and one.name in failed):
            problem = unmade or one.message
            never = IndexEntry(
                one.name, one.title, "", "", Status.NEVER, "", None, "", problem=problem, source=one.source
            )
            by_place[one.name, f"?{len(by_place)}"] = replace(
                never, headline=f"Scheduled for {one.as_of}, from {one.source}"
            )
    return list(by_place.values())


def _unmade(state: schedule_state.State, key: str, entry: IndexEntry | None) -> str:
    """What is to be said of a report that a night did not make before it was ended; empty for others."""
    began = state.began.replace("T", " ")[:16]
    published = entry is not None and entry.published[:16] == began and entry.status is not Status.FAILED
    if key not in state.left or not state.died or published:
        return ""
    return f"The run that began at {began} was ended before this was made. Start it again: crm run"


def last_good(out: Path, name: str, slug: str) -> Path | None:
    """The page of this report to fall back on: of the same slug, else the newest of any."""
    same = publish.Place(out, name, slug)
    if publish.pointer_of(same.folder, "current.json") and same.page.is_file():
        return same.page
    others = []
    for folder in (out / name).glob("*/"):
        pointer = publish.pointer_of(folder, "current.json")
        if pointer and (folder / "report.html").is_file():
            others.append((pointer["run"], folder / "report.html"))
    return max(others)[1] if others else None


def _entry(out: Path, folder: Path) -> IndexEntry | None:
    current = publish.pointer_of(folder, "current.json")
    failed = publish.pointer_of(folder, "failed.json")
    newest = failed or current
    if newest is None:
        return None
    good = current if current and (folder / "report.html").is_file() else None
    target = folder / "report.html" if good else folder / "runs" / newest["run"] / "failure.html"
    shown: dict[str, Any] = good or newest
    other = None if good else last_good(out, folder.parent.name, folder.name)
    return IndexEntry(
        name=folder.parent.name,
        title=str(shown.get("title") or folder.parent.name),
        slug=folder.name,
        href=_href(target, out),
        status=Status.FAILED if failed else Status.read(shown.get("status")),
        headline=str(shown.get("headline", "")),
        day=_day(shown.get("day")),
        published=str(shown.get("published", "")),
        problem=str(failed.get("message", "")) if failed else "",
        good=_href(other, out) if other else "",
        label=str(shown.get("label") or ""),
        source=str(shown.get("source") or ""),
        place=str(shown.get("place") or ""),
        runs=_earlier_runs(out, folder, str(shown.get("run", "")), _kept(current)),
    )


def _href(page: Path, out: Path) -> str:
    """The way from the index to a page, whatever the folders are called."""
    return quote(os.fsencode(page.relative_to(out).as_posix()))


def _kept(pointer: dict[str, Any] | None) -> int:
    keep = (pointer or {}).get("keep")
    return keep if type(keep) is int and keep > 0 else KEPT


def _earlier_runs(out: Path, folder: Path, current: str, keep: int) -> tuple[tuple[str, str], ...]:
    """When the runs of a slug were made that its page does not show, by their names, and their pages.

    Runs that the next one may remove are left out: it removes them before the index is written anew, and a
    night that is killed between would leave links that lead nowhere.
    """
    found = []
    for run in sorted(folder.glob("runs/*/"), reverse=True):
        page = next((run / name for name in ("page.html", "failure.html") if (run / name).is_file()), None)
        made = re.match(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)", run.name)
        if run.name != current and page is not None and made is not None:
            year, month, day, hour, minute = made.groups()
            failed = " (failed)" if page.name == "failure.html" else ""
            when = f"{year}-{month}-{day} {hour}:{minute} UTC{failed}"
            found.append((when, _href(page, out)))
    return tuple(found[: max(keep - NAMED, 0)])


def _wave(out: Path, folder: Path) -> IndexEntry:
    """The newest wave of a contact list."""
    waves, failed = wave_folders.waves_of(folder), wave_folders.failure_of(folder)
    title = "Contact lists"
    if not waves:
        return IndexEntry(
            folder.parent.name, title, folder.name, "", Status.FAILED, title, None, "", problem=failed
        )
    newest = waves[-1]
    href = _href(newest / wave_folders.WATERFALL, out)
    return IndexEntry(
        folder.parent.name, title, folder.name, href, Status.FAILED if failed else Status.DONE,
        wave_folders.headline_of(newest), _day(newest.name), "", problem=failed,
    )  # fmt: skip


def _day(text: object) -> date | None:
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        return None
