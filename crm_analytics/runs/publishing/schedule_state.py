"""What the index knows of the schedules: which reports there should be, and what their last run came to.

One file a `crm.toml`, ``reports/.schedule/<its name>.json``; without it the index could not tell of a report
that never ran.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm_analytics.pages.status import Status
from crm_analytics.runs.catalogue.catalogue import find_report
from crm_analytics.runs.publishing import publish
from crm_analytics.runs.publishing.manifest import digest

if TYPE_CHECKING:
    from crm_analytics.runs.publishing.result import RunResult
    from crm_analytics.runs.schedule.schedule_file import Schedule, ScheduledReport

FOLDER = ".schedule"


@dataclass(frozen=True)
class Expected:
    """One report of a schedule.

    Parameters
    ----------
    name, title : of the report
    source : the name of its source in the file
    as_of : the day as the schedule says it
    oldest_days : how old its data may be, or None
    slug : where its last good page is, or empty
    status : of its last run
    looked : the day of that run, ISO
    message : what went wrong
    """

    name: str
    title: str
    source: str
    as_of: str
    oldest_days: int | None
    slug: str = ""
    status: Status = Status.NEVER
    looked: str = ""
    message: str = ""


def remember(schedule: Schedule, results: Mapping[int, RunResult]) -> bool:
    """Write down what became of a schedule's reports; False, and nothing written, where nothing happened.

    Raises
    ------
    PublishError : it cannot be written.
    """
    path = schedule.out / FOLDER / f"{schedule.name}.json"
    before = _read(path)
    now = [
        _expected(one, results.get(number), before.get(_key_of(one)))
        for number, one in enumerate(schedule.reports)
    ]
    if [_settled(e) for e in now] == [_settled(e) for e in before.values()] and not any(
        result.status is not Status.UNCHANGED for result in results.values()
    ):
        return False
    content = publish.as_json(
        {"reports": [{"key": _key_of(o), **asdict(e)} for o, e in zip(schedule.reports, now, strict=True)]}
    )
    with publish.in_words(path):
        publish.make_folder(path.parent)
        publish.replace_file(path, content)
    return True


def _key_of(one: ScheduledReport) -> str:
    """Tells the reports of one file apart, from run to run."""
    request = one.request
    return digest(Path(request.report).stem, one.source, one.as_of, request.slug, request.parameters)[:16]


def _expected(one: ScheduledReport, result: RunResult | None, before: Expected | None) -> Expected:
    request = one.request
    report = find_report(request.report, request.root)
    known = Expected(report.name, report.title, one.source, one.as_of, request.oldest_days)
    slug = before.slug if before else ""
    if result is None:
        rest = (before.status, before.looked, before.message) if before else (Status.NEVER, "", "")
        return Expected(*_first(known), slug, *rest)
    good = result.status.good
    message = "" if good else result.message
    return Expected(
        *_first(known), result.slug if good else slug, result.status, request.today.isoformat(), message
    )


def _first(known: Expected) -> tuple[str, str, str, str, int | None]:
    return known.name, known.title, known.source, known.as_of, known.oldest_days


def _settled(one: Expected) -> tuple[Any, ...]:
    """What must differ for the index to change: not whether a good page was made or found good."""
    good = "good" if one.status.good else one.status
    return (*_first(one), one.slug, good, one.message)


def _read(path: Path) -> dict[str, Expected]:
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        found = json.loads(path.read_text(encoding="utf-8"))["reports"]
        return {one.pop("key"): Expected(**{**one, "status": Status(one["status"])}) for one in found}
    return {}


def expected(out: Path) -> list[Expected]:
    """The reports of all schedules that publish here."""
    return [one for path in sorted((out / FOLDER).glob("*.json")) for one in _read(path).values()]
