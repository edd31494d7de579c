"""The index page: every report, how old its data are, and what became of its last run. Needs no figure."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from crm_analytics.pages import words
from crm_analytics.pages.brand import Brand
from crm_analytics.pages.render import PageError, render
from crm_analytics.pages.status import Status


@dataclass(frozen=True)
class IndexEntry:
    """One report in the index.

    Parameters
    ----------
    name, title, slug : of the report
    href : its page, relative to the index; empty where there is none
    status : of its last run
    headline : what it says
    day : of its data
    published : when it was made, in words
    problem : what failed, in words
    good : another page of the report to fall back on, relative; empty where there is none
    looked : the day on which the schedule last found it unchanged
    oldest_days : how old its data may become, by the schedule
    expected : the day it should show by now, by the schedule
    label, source : whose data they are, for people; which source they were read from
    place : the notebook's file, by which reports are read in order
    runs : when each earlier run of this slug was made, and its page, relative; the newest first
    """

    name: str
    title: str
    slug: str
    href: str
    status: Status
    headline: str
    day: dt.date | None
    published: str
    problem: str = ""
    good: str = ""
    looked: dt.date | None = None
    oldest_days: int | None = None
    expected: dt.date | None = None
    label: str = ""
    source: str = ""
    place: str = ""
    runs: tuple[tuple[str, str], ...] = ()

    def stale(self, today: dt.date) -> str:
        """Why its data are too old, in words; empty where they are not.

        >>> entry = IndexEntry("a", "A", "s", "", Status.DONE, "", dt.date(2026, 1, 1), "", oldest_days=3)
        >>> entry.stale(dt.date(2026, 1, 4)), entry.stale(dt.date(2026, 1, 5))
        ('', 'stale: the schedule allows 3 days')
        """
        if self.day is None:
            return ""
        if self.expected is not None and self.day < self.expected:
            return f"stale: the schedule expects {words.date(self.expected)}"
        if self.oldest_days is not None and (today - self.day).days > self.oldest_days:
            return f"stale: the schedule allows {words.plural(self.oldest_days, 'day')}"
        return ""

    def until(self, today: dt.date) -> dt.date | None:
        """The last day on which its data are young enough, by the schedule: true whenever it is read."""
        if self.day is None or self.oldest_days is None or self.stale(today) or self.oldest_days > 3660:
            return None
        return self.day + dt.timedelta(days=self.oldest_days)


def anchor(label: str, report: str, side: str = "") -> str:
    """Where the index tells of a report of a company: the part of its address after the ``#``.

    Parameters
    ----------
    label : the company's name
    side : "before" or "after": the report that stands there, or else the company

    >>> anchor("CDNOW sample", "segments"), anchor("CDNOW sample", "segments", "after")
    ('segments-deab6697', 'after-segments-deab6697')
    """
    company = hashlib.sha256(label.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    name = re.sub(r"[^\w.-]+", "-", report)  # a stranger's folder may be called anything
    return "-".join(part for part in (side, name, company) if part)


def index(entries: list[IndexEntry], *, today: dt.date, brand: Brand | None = None) -> str:
    """The reports of each company in reading order, with the age of their data in days up to `today`."""
    rows = [_row(entry, today) for entry in entries]
    counts = {
        "failed": sum(e.status is Status.FAILED for e in entries),
        "never": sum(e.status is Status.NEVER for e in entries),
        "stale": sum(bool(row["stale"]) for row in rows),
    }
    return render("index.html", rows=rows, shelves=_shelves(rows), today=today, brand=brand, **counts)


def _shelves(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Companies by name, and their reports in reading order: the newest data first, older folded."""
    labels = {row["entry"].source: row["entry"].label for row in rows if row["entry"].label}
    companies: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        entry = row["entry"]
        companies.setdefault(entry.label or labels.get(entry.source, entry.source), []).append(row)
    shelves = []
    for label in sorted(companies, key=lambda name: (not name, name.casefold())):
        reports: dict[str, list[dict[str, Any]]] = {}
        for row in sorted(companies[label], key=_reading_order):
            reports.setdefault(row["entry"].name, []).append(row)
        made = [_report(label, name, mine) for name, mine in reports.items()]
        for one, other in pairwise(made):
            one["sides"].append(anchor(label, other["name"], "before"))
            other["sides"].append(anchor(label, one["name"], "after"))
        ends = [anchor(label, made[0]["name"], "before"), anchor(label, made[-1]["name"], "after")]
        shelves.append({"label": label, "reports": made, "ends": ends})
    return shelves


def _reading_order(row: dict[str, Any]) -> tuple[str, ...]:
    entry = row["entry"]
    return (entry.place or f"~{entry.title.lower()}", entry.name)


def _report(label: str, name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """One report: what is shown at once, and what is folded because newer data were read."""
    rows = sorted(rows, key=lambda row: row["entry"].slug)
    rows.sort(key=lambda row: row["entry"].day or dt.date.max, reverse=True)
    newest = next((row["entry"].day for row in rows if row["entry"].day), None)
    at_once = [
        row for row in rows if row["entry"].problem or not row["entry"].day or row["entry"].day == newest
    ]
    return {
        "name": name,
        "anchor": anchor(label, name),
        "sides": [],  # what leads here from the pages beside it
        "title": rows[0]["entry"].title,
        "rows": at_once,
        "earlier": [row for row in rows if row not in at_once],
    }


def _row(entry: IndexEntry, today: dt.date) -> dict[str, Any]:
    return {
        "entry": entry,
        "href": safe_link(entry.href),
        "good": safe_link(entry.good),
        "age": (today - entry.day).days if entry.day else None,
        "stale": entry.stale(today),
        "until": entry.until(today),
        "runs": [(when, safe_link(href)) for when, href in entry.runs],
    }


def safe_link(href: str) -> str:
    """A link from one page to another, if it is relative.

    Raises
    ------
    PageError : it is not.
    """
    if re.match(r"[\w+.-]*:|//|/|\\", href):
        raise PageError(f"a link between pages is relative, got '{words.clean(href, 60)}'")
    return href
