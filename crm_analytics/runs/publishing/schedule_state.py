"""What the index knows of the schedules: which reports there should be, and what their last run came to.

One file per `crm.toml`, ``reports/.schedule/<its name>.json``; without it the index could not tell of a
report that never ran.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm_analytics.errors import ParameterError
from crm_analytics.pages.status import Status
from crm_analytics.runs.catalogue.catalogue import find_report
from crm_analytics.runs.publishing import publish
from crm_analytics.runs.publishing.manifest import digest, published_words
from crm_analytics.runs.publishing.wave_folders import LISTS
from crm_analytics.runs.schedule.list_jobs import ScheduledList
from crm_analytics.tables.regular_files import read_record

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


@dataclass(frozen=True)
class State:
    """What is written of one `crm.toml`.

    Parameters
    ----------
    config : the file, seen from the folder of reports
    began : of its last run, in ISO; empty where none is known
    left : keys of what that run has not come to yet; empty once it has ended
    expected : reports and lists by key
    running : whether that run goes on right now
    """

    config: str = ""
    began: str = ""
    left: tuple[str, ...] = ()
    expected: Mapping[str, Expected] = field(default_factory=dict)
    running: bool = False

    def path(self, out: Path) -> Path | None:
        """The file that it is of, as far as there is one."""
        with suppress(OSError, ValueError, RuntimeError):
            path = (out / self.config).resolve()
            return path if path.is_file() else None
        return None

    @property
    def died(self) -> bool:
        """Whether its last run was ended before it came to all."""
        return bool(self.left) and not self.running


@contextmanager
def running(schedule: Schedule) -> Iterator[None]:
    """Hold the schedule while it runs: while this is held, the index knows that what is left may still come.

    Raises
    ------
    PublishError : the folder of locks cannot be made.
    """
    with publish.schedule_locked(schedule.out, schedule.name):
        yield


def check_name(schedule: Schedule) -> None:
    """Refuse a schedule whose name another file publishes under already.

    Raises
    ------
    ParameterError : it does, and is still there.
    """
    other = _read(_path(schedule)).path(schedule.out)
    if other is not None and other != schedule.path:
        raise ParameterError(
            f"{schedule.out} is where {other} publishes, which is called {schedule.path.name}, too. The "
            "index could not tell them apart. Rename one, give another out, or insist with --force"
        )


def remember(
    schedule: Schedule, results: Mapping[int, RunResult], todo: Collection[int] = (), *, ended: bool = True
) -> bool:
    """Write down what became of a schedule's reports; False, and nothing written, where nothing happened.

    Parameters
    ----------
    results : so far, by number; reports first, then lists, then scores, which the index does not show
    todo : numbers of what this run is to make; written before it begins, so that a run that dies is known
    ended : whether the run is over

    Raises
    ------
    PublishError : it cannot be written.
    """
    path = _path(schedule)
    before = _read(path)
    jobs: list[ScheduledReport | ScheduledList] = [*schedule.reports, *schedule.lists]
    keys = [_key_of(one) for one in jobs]
    now = {
        key: _expected(one, results.get(number), before.expected.get(key))
        for number, (key, one) in enumerate(zip(keys, jobs, strict=True))
    }
    open_ = sorted(number for number in set(todo) - results.keys() if number < len(keys))
    left = () if ended else tuple(keys[number] for number in open_)
    same = [_settled(e) for e in now.values()] == [_settled(e) for e in before.expected.values()]
    idle = all(r.status is Status.UNCHANGED for number, r in results.items() if number < len(keys))
    if same and idle and left == before.left:
        return False
    content = {
        "config": os.path.relpath(schedule.path, schedule.out),
        "began": schedule.now.isoformat(timespec="minutes"),
        "left": left,
        "reports": [{"key": key, **asdict(one)} for key, one in now.items()],
    }
    with publish.in_words(path):
        publish.make_folder(path.parent)
        publish.replace_file(path, publish.as_json(content))
    return not (same and idle)


def _path(schedule: Schedule) -> Path:
    return schedule.out / FOLDER / f"{schedule.name}.json"


def _key_of(one: ScheduledReport | ScheduledList) -> str:
    """Tells the reports and lists of one file apart, from run to run."""
    if isinstance(one, ScheduledList):
        return digest(LISTS, one.source, one.request.name)[:16]
    request = one.request
    what = (Path(request.report).stem, one.source, one.as_of, request.slug, request.parameters)
    return digest(*what, *([request.where] if request.where else []))[:16]


def _expected(
    one: ScheduledReport | ScheduledList, result: RunResult | None, before: Expected | None
) -> Expected:
    if isinstance(one, ScheduledList):
        name, oldest = one.request.name, one.request.oldest_days
        known = Expected(LISTS, "Contact lists", one.source, one.as_of, oldest, name)
    else:
        request = one.request
        report = find_report(request.report, request.root)
        known = Expected(report.name, report.title, one.source, one.as_of, request.oldest_days)
    slug = known.slug or (before.slug if before else "")
    if result is None:
        rest = (before.status, before.looked, before.message) if before else (Status.NEVER, "", "")
        return Expected(*_first(known), slug, *rest)
    good = result.status.good
    message = "" if good else published_words(result.message)
    return Expected(
        *_first(known), result.slug if good else slug, result.status, one.request.today.isoformat(), message
    )


def _first(known: Expected) -> tuple[str, str, str, str, int | None]:
    return known.name, known.title, known.source, known.as_of, known.oldest_days


def _settled(one: Expected) -> tuple[Any, ...]:
    """What must differ for the index to change: not whether a good page was made or found good."""
    good = "good" if one.status.good else one.status
    return (*_first(one), one.slug, good, one.message)


def _read(path: Path) -> State:
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        found = read_record(path)
        rows = {str(one.pop("key")): _as_written(Expected(**one)) for one in found["reports"]}
        expected = {key: replace(one, status=Status.read(one.status)) for key, one in rows.items()}
        left = tuple(map(str, found.get("left", ())))
        return State(str(found.get("config", "")), str(found.get("began", "")), left, expected)
    return State()


def _as_written(one: Expected) -> Expected:
    """The same, if it is as `remember` writes it."""
    texts = (one.name, one.title, one.source, one.as_of, one.slug, one.looked, one.message)
    if not all(isinstance(text, str) for text in texts) or type(one.oldest_days) not in (int, type(None)):
        raise TypeError("not as it was written")
    return one


def states(out: Path) -> list[State]:
    """Of all schedules that publish here."""
    found = []
    for path in sorted((out / FOLDER).glob("*.json")):
        state = _read(path)
        under_way = bool(state.left) and publish.schedule_is_locked(out, path.stem)
        found.append(replace(state, running=under_way))
    return found


def expected(out: Path) -> list[Expected]:
    """The reports and lists of all schedules that publish here."""
    return [one for state in states(out) for one in state.expected.values()]
