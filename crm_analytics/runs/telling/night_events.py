"""What of a night is worth a message: what failed, what is too old, what has clearly changed.

A headline has clearly changed where the run before says another one and a recorded number has changed by more
than its uncertainty, see `run_diff`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm_analytics.pages.status import Status
from crm_analytics.runs.publishing import publish
from crm_analytics.runs.schedule import relative_days
from crm_analytics.runs.telling.notices import Event
from crm_analytics.tables.regular_files import read_record

if TYPE_CHECKING:
    from crm_analytics.runs.publishing.result import RunResult
    from crm_analytics.runs.publishing.run_diff import Difference
    from crm_analytics.runs.schedule.schedule_file import Schedule, ScheduledReport

_NAMED = 3  # numbers in one message
_GROWING = ("rows", "customers", "customers_bought")  # they change with every day that passes


def events_of(
    schedule: Schedule, results: Mapping[int, RunResult], kinds: Collection[str], stale: str = ""
) -> list[Event]:
    """The events of these kinds, failures first.

    Parameters
    ----------
    results : of the night, by number; reports first, then lists
    kinds : of "failure", "staleness", "change"
    stale : age from which data are stale, such as "3d"; empty for what each source says
    """
    failed = [_failure(result) for result in results.values() if is_failure(result)]
    old, changed = [], []
    for number, result in sorted(results.items()):
        if number < len(schedule.reports):
            old += _staleness(schedule.reports[number], result, schedule, stale)
            changed += _change(result)
    found = {"failure": failed, "staleness": old, "change": changed}
    return [event for kind in found if kind in kinds for event in found[kind]]


def is_failure(result: RunResult) -> bool:
    """Whether somebody must look; another run that holds the lock is none."""
    return result.status in (Status.FAILED, Status.REFUSED)


def _failure(result: RunResult) -> Event:
    return Event("failure", result.name, result.slug, f"not made (exit {result.exit_code}). {result.message}")


def _staleness(one: ScheduledReport, result: RunResult, schedule: Schedule, stale: str) -> list[Event]:
    """Whether the page that people open now shows data that are too old."""
    allowed = relative_days.days_of(stale) if stale else None
    if allowed is None and one.as_of == relative_days.LAST_DAY:
        allowed = one.request.oldest_days
    pages = (schedule.out / result.name).glob("*/current.json") if result.name else ()
    shown = [_day_of(path.parent) for path in pages if result.slug in (path.parent.name, publish.UNDATED)]
    newest = max((day for day in shown if day is not None), default=None)
    if allowed is None or newest is None or (schedule.today - newest).days <= allowed:
        return []
    age = (schedule.today - newest).days
    words = f"the page shows data of {newest}, {age:,} days old; at most {allowed:,} are wanted"
    return [Event("staleness", result.name, result.slug, words)]


def _day_of(folder: Path) -> date | None:
    pointer = publish.pointer_of(folder, "current.json") or {}
    with suppress(ValueError):
        return date.fromisoformat(str(pointer.get("day")))
    return None


def _change(result: RunResult) -> list[Event]:
    if result.status not in (Status.DONE, Status.THIN) or result.run_folder is None:
        return []
    now = _record(result.run_folder / "manifest.json")
    before = _run_before(result.run_folder, now) if now else None
    if now is None or before is None or now["message"] == before["message"]:
        return []
    from crm_analytics.runs.publishing.run_diff import compare  # the key figures: only where one has changed

    clear = [one for one in compare(before["facts"], now["facts"]) if one.clear and not _is_setting(one)]
    if not clear:
        return []
    clear.sort(key=lambda one: -abs(one.percent or 0))
    numbers = ", ".join(_in_words(one) for one in clear[:_NAMED])
    return [
        Event("change", result.name, result.slug, f"{now['message']} (since {before['as_of']}: {numbers})")
    ]


def _is_setting(one: Difference) -> bool:
    """Whether a whole number counts what only grows, or is no count at all."""
    return one.told_by == "count" and (one.name in _GROWING or one.name.endswith(("_days", "_version")))


def _in_words(one: Difference) -> str:
    name = one.name.replace("_", " ")
    if one.percent is not None:
        return f"{name} {one.percent:+,.0f} %"
    return f"{name} {one.change:+,g}" if one.change is not None else name


def _run_before(run: Path, now: Mapping[str, Any]) -> dict[str, Any] | None:
    """The last good run of the same report, source and parameters, of this slug or of another day."""
    same = []
    for path in run.parents[2].glob("*/runs/*/manifest.json"):
        about = _record(path) if path.parent.name < run.name else None
        if about and _asked(about) == _asked(now):
            same.append((path.parent.name, about))
    return max(same, key=lambda one: one[0])[1] if same else None


def _asked(about: Mapping[str, Any]) -> tuple[Any, ...]:
    return about["report"], about["parameters"], about["data"].get("source")


def _record(path: Path) -> dict[str, Any] | None:
    """A good run's record; None where there is no whole one."""
    if path.parent.name.startswith("."):
        return None
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        about = read_record(path)
        if about["status"] != Status.FAILED and about["facts"] is not None and about["data"]:
            _ = about["message"], about["as_of"], about["report"], about["parameters"]
            return dict(about)
    return None
