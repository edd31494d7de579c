"""All reports of a `crm.toml`: checked before anything runs, skipped where unchanged, made side by side."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace

from crm_analytics.errors import CrmError, ParameterError, nearest
from crm_analytics.pages.status import Status
from crm_analytics.runs.decisions import Decision, decide, told_anew
from crm_analytics.runs.job import Job
from crm_analytics.runs.list_run import decide_wave
from crm_analytics.runs.publishing import index, kept_rows, published_tree, schedule_state
from crm_analytics.runs.publishing.result import RunResult, worst
from crm_analytics.runs.report_run import Workshop
from crm_analytics.runs.schedule.list_jobs import ScheduledList
from crm_analytics.runs.schedule.schedule_file import Schedule, ScheduledReport
from crm_analytics.runs.schedule.score_jobs import ScheduledScore
from crm_analytics.runs.score_run import decide_scores
from crm_analytics.runs.telling.night_telling import tell_night
from crm_analytics.runs.workers import Ended, Event, MakeWorkshop, work
from crm_analytics.tables.project import project_folder

__all__ = ["Item", "Summary", "prepare", "run_items"]


@dataclass(frozen=True)
class Item:
    """One report, list or score of the schedule and what is to be done about it; numbered in this order."""

    number: int
    scheduled: ScheduledReport | ScheduledList | ScheduledScore
    decision: Job

    @property
    def name(self) -> str:
        """The report's name, or "lists"."""
        return self.decision.name

    @property
    def slug(self) -> str:
        """Its slug, as far as it is known; of a list its name."""
        return self.decision.slug


@dataclass(frozen=True)
class Summary:
    """How many of a run came to what."""

    config: str
    counts: dict[str, int]
    exit_code: int
    seconds: float
    message: str = ""
    told: tuple[str, ...] = ()

    def line(self) -> dict[str, object]:
        """The last line of JSON."""
        message: dict[str, object] = {"message": self.message} if self.message else {}
        if self.told:
            message["told"] = list(self.told)
        return {
            "summary": self.config,
            "reports": sum(self.counts.values()),
            **self.counts,
            "exit_code": self.exit_code,
            "seconds": round(self.seconds, 2),
            **message,
        }


def prepare(schedule: Schedule, only: Sequence[str] = (), *, ask: bool = True) -> list[Item]:
    """What is to be done about each report; nothing is started, nothing written.

    Parameters
    ----------
    only : names of reports, or "name/slug"; empty for all
    ask : whether sources may be asked their `version_query`

    Raises
    ------
    ParameterError : a report is unknown, one of its parameters is wrong, two would have one place, or `only`
        names none. All reports are looked at, whatever `only` says; every problem is told.
    """
    if not schedule.force:
        schedule_state.check_name(schedule)
        published_tree.check(schedule.out, project_folder(schedule.path.parent))
    decisions = [decide(one.request, ask=ask) for one in schedule.reports]
    items = [
        Item(n, one, made) for n, (one, made) in enumerate(zip(schedule.reports, decisions, strict=True))
    ]
    waves = [Item(n, one, decide_wave(one.request)) for n, one in enumerate(schedule.lists, len(items))]
    first = len(items) + len(waves)
    scores = [Item(n, one, decide_scores(one.request)) for n, one in enumerate(schedule.scores, first)]
    problems = [
        f"{item.scheduled.where}: {item.decision.result.message}"
        for item in items
        if item.decision.result is not None and item.decision.result.status is Status.REFUSED
    ]
    problems = problems or [*_collisions(items, decisions), *_same_lists(waves)]
    if problems:
        raise ParameterError("\n".join(problems))
    return _looked_at_again(_chosen([*items, *waves, *scores], only), decisions)


def _looked_at_again(items: list[Item], decisions: list[Decision]) -> list[Item]:
    """What is unchanged, but is told of a report that is made tonight, is decided when its turn comes."""
    todo = [item.decision for item in items if item.decision.result is None]
    return [
        replace(item, decision=decisions[item.number].after_others())
        if told_anew(item.decision, todo)
        else item
        for item in items
    ]


def _same_lists(waves: list[Item]) -> list[str]:
    seen: dict[str, Item] = {}
    problems = []
    for item in waves:
        if item.slug in seen:
            problems.append(
                f"{item.scheduled.where}: {seen[item.slug].scheduled.where} has this name, too. Waves of one "
                "name are one row of waves: give each its own"
            )
        seen.setdefault(item.slug, item)
    return problems


def _collisions(items: list[Item], decisions: list[Decision]) -> list[str]:
    """Reports that would be published in one place, or may be, once the day of their data is known."""
    seen: dict[object, Item] = {}
    problems = []
    for item, decision in zip(items, decisions, strict=True):
        plan = decision.plan
        assert plan is not None
        varied = plan.default_slug("day")
        key = (item.name, plan.slug) if plan.slug else (item.name, "the day of its data", varied)
        if key in seen:
            place = f"{item.name}/{plan.slug}" if plan.slug else f"{item.name} under the last day of its data"
            problems.append(
                f"{item.scheduled.where}: {place} is what {seen[key].scheduled.where} publishes, too. "
                'Give each a slug = "..." of its own'
            )
        seen.setdefault(key, item)
    return problems


def _chosen(items: list[Item], only: Sequence[str]) -> list[Item]:
    if not only:
        return items
    names = {n for item in items for n in (item.name, f"{item.name}/{item.slug}".rstrip("/"))}
    for wanted in only:
        if wanted not in names:
            near = nearest(wanted, names) or "."
            known = ", ".join(sorted({item.name for item in items}))
            raise ParameterError(f"--only: there is no report '{wanted}' in it{near} Known: {known}")
    return [item for item in items if item.name in only or f"{item.name}/{item.slug}" in only]


def run_items(
    schedule: Schedule, items: Sequence[Item], make: MakeWorkshop = Workshop
) -> Iterator[Event | Summary]:
    """Make what is to be made; each event as it comes, a `Summary` at the end.

    Parameters
    ----------
    items : of `prepare`
    make : see `workers.work`
    """
    began = time.perf_counter()
    results: dict[int, RunResult] = {}

    def events() -> Iterator[Event]:
        for item in items:
            if item.decision.result is not None:
                yield Ended(item.number, item.decision.result)
        todo = [(item.number, item.decision) for item in items if item.decision.result is None]
        if todo:
            yield from work(todo, schedule.workers, make)

    todo = [item.number for item in items if item.decision.result is None]
    with schedule_state.running(schedule) if todo else nullcontext():
        _drop_rows(schedule)
        _note(schedule, results, todo)
        for event in events():
            if isinstance(event, Ended):
                results[event.number] = event.result
                _note(schedule, results, todo)
            yield event
        error = _remember(schedule, results)
    made = _summary(schedule, results, error, time.perf_counter() - began)
    told = tell_night(schedule, results, made.exit_code, made.seconds) if results else ()
    yield replace(made, told=told, seconds=time.perf_counter() - began)


def _drop_rows(schedule: Schedule) -> None:
    """Delete the kept rows of sources that say no more that they are to be kept."""
    requests = [one.request for one in schedule.reports]
    for name in {getattr(one.data, "name", str(one.data)) for one in requests if not one.keep_rows}:
        with suppress(CrmError):
            kept_rows.drop(schedule.out, name)


def _note(schedule: Schedule, results: dict[int, RunResult], todo: list[int]) -> None:
    """Write down how far it is, so that a night that dies is known; what cannot be written is told later."""
    if not todo:
        return
    with suppress(CrmError):
        schedule_state.remember(schedule, results, todo, ended=False)


def _remember(schedule: Schedule, results: dict[int, RunResult]) -> CrmError | None:
    """Tell the index what came of it; where nothing came, not a file is touched."""
    try:
        if schedule_state.remember(schedule, results):
            index.rebuild(schedule.out, schedule.today)
    except CrmError as error:
        return error
    return None


def _summary(
    schedule: Schedule, results: dict[int, RunResult], error: CrmError | None, seconds: float
) -> Summary:
    counts: dict[str, int] = {}
    for result in results.values():
        counts[result.status] = counts.get(result.status, 0) + 1
    codes = [result.exit_code for result in results.values()]
    code = worst([*codes, error.exit_code] if error else codes)
    return Summary(schedule.path.name, counts, code, seconds, str(error) if error else "")
