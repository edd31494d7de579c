"""`reports/index.html`, built from the pointers of what is published."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm_analytics.pages import publish

if TYPE_CHECKING:
    from crm_analytics.pages.page import IndexEntry


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
    from crm_analytics.pages import page

    path = out / "index.html"
    with publish.index_locked(out), publish.in_words(path):
        publish.replace_file(path, page.index(entries(out), today=today).encode("utf-8"))
    return path


def entries(out: Path) -> list[IndexEntry]:
    """What the index lists: by name, the newest data first."""
    found = [_entry(out, slug) for slug in sorted(out.glob("*/*/")) if not slug.parent.name.startswith(".")]
    kept = [entry for entry in found if entry is not None]
    kept.sort(key=lambda e: (e.day or date.max, e.slug), reverse=True)
    return sorted(kept, key=lambda e: e.name)


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
    from crm_analytics.pages.page import IndexEntry

    current = publish.pointer_of(folder, "current.json")
    failed = publish.pointer_of(folder, "failed.json")
    newest = failed or current
    if newest is None:
        return None
    good = current if current and (folder / "report.html").is_file() else None
    target = folder / "report.html" if good else folder / "runs" / newest["run"] / "failure.html"
    shown: dict[str, Any] = good or newest
    return IndexEntry(
        name=folder.parent.name,
        title=str(shown.get("title") or folder.parent.name),
        slug=folder.name,
        href=target.relative_to(out).as_posix(),
        status="failed" if failed else str(shown.get("status", "done")),
        headline=str(shown.get("headline", "")),
        day=_day(shown.get("day")),
        published=str(shown.get("published", "")),
        problem=str(failed.get("message", "")) if failed else "",
    )


def _day(text: object) -> date | None:
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        return None
