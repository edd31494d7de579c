"""The index page: every report, how old its data are, and what became of its last run. Needs no figure."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
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


def index(entries: list[IndexEntry], *, today: dt.date, brand: Brand | None = None) -> str:
    """The list of reports, with the age of their data in days counted from `today`."""
    order = sorted(entries, key=lambda e: (e.title.lower(), e.name, e.slug), reverse=False)
    rows = [_row(entry, today) for entry in order]
    counts = {
        "failed": sum(e.status is Status.FAILED for e in entries),
        "never": sum(e.status is Status.NEVER for e in entries),
        "stale": sum(bool(row["stale"]) for row in rows),
    }
    return render("index.html", rows=rows, today=today, brand=brand, **counts)


def _row(entry: IndexEntry, today: dt.date) -> dict[str, Any]:
    return {
        "entry": entry,
        "href": safe_link(entry.href),
        "good": safe_link(entry.good),
        "age": (today - entry.day).days if entry.day else None,
        "stale": entry.stale(today),
        "until": entry.until(today),
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
