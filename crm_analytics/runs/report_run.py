"""One report: checked, run by papermill, made a page, published."""

from __future__ import annotations

import json
import shutil
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm_analytics.errors import CrmError, LockedError, ParameterError, PublishError, in_words
from crm_analytics.pages.status import Status
from crm_analytics.runs import other_runs, run_files, timings, unchanged
from crm_analytics.runs.decisions import Decision, decide, repetition
from crm_analytics.runs.kernels.kernel import Kernel, imports_of, private_folder
from crm_analytics.runs.kernels.warm_kernels import WarmKernels
from crm_analytics.runs.plan import OpenedData, Plan, RunRequest, open_data
from crm_analytics.runs.publishing import index, lists_on_page, publish, published_tree
from crm_analytics.runs.publishing.result import RunResult, worst
from crm_analytics.runs.run_files import Outcome, Record
from crm_analytics.runs.time_limit import time_limit

if TYPE_CHECKING:
    from crm_analytics.runs.kernels.engine import Progress

__all__ = ["RunRequest", "RunResult", "run_report", "run_reports", "worst"]


def run_report(request: RunRequest, progress: Progress | None = None) -> RunResult:
    """Make one report.

    Parameters
    ----------
    request : what is asked for
    progress : called with (cells done, cells in all)

    Returns
    -------
    what became of it; errors of this package are told in it and not raised
    """
    (result,) = run_reports([request], progress)
    return result


def run_reports(requests: Iterable[RunRequest], progress: Progress | None = None) -> Iterator[RunResult]:
    """Make reports one after the other; those on the same source and day open it once.

    A report that is told of all others comes last, whatever its place.
    """
    decisions = sorted((decide(request) for request in requests), key=lambda d: other_runs.ALL in d.after)
    many = sum(d.result is None for d in decisions) > 1  # warm kernels gain nothing for one alone
    anew = False
    with WarmKernels() if many else nullcontext() as warm, Workshop(warm) as workshop:
        for known in decisions:
            decision = decide(known.request) if anew and known.after and known.result else known
            anew = anew or decision.result is None
            yield decision.result or workshop.make(decision, progress)


class Workshop:
    """Makes reports one after the other; those on the same source and day open it once.

    A context manager: what was opened and started goes at its end.

    Parameters
    ----------
    warm : forks the kernels from a process with the imports paid; None for cold ones
    kept : where results are kept for other workshops of the same night; None for a place of its own
    """

    def __init__(self, warm: WarmKernels | None = None, kept: Path | None = None) -> None:
        self._stack = ExitStack()
        if kept is None:
            kept = private_folder()
            self._stack.callback(shutil.rmtree, kept, ignore_errors=True)
        self.kept = kept
        self._shared = _SharedData(self._stack, {}, warm, kept)

    def __enter__(self) -> Workshop:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def make(self, decision: Decision, progress: Progress | None = None) -> RunResult:
        """Run what was decided; errors of this package are told in the result and not raised."""
        assert decision.plan is not None
        with ExitStack() as own:
            record = Record(decision.plan, inputs=decision.inputs)
            run = _Run(
                record, self._shared, own, progress, time.perf_counter(), decision.problem, decision.again
            )
            result = run.make()
        never = decision.inputs.never if decision.inputs else ""
        cautions = record.data.cautions if record.data else ()
        reading = record.data.reading if record.data else ""
        notes = [note for note in (result.note, reading, never, *cautions) if note]
        return replace(result, note="\n  ".join(notes))

    def open_again(self, plan: Plan, inputs: unchanged.Inputs) -> Record:
        """The record of a run that is made to be compared, with its data opened; nothing is published.

        Raises
        ------
        CrmError : of the data.
        """
        data, _ = self._shared.get(plan, inputs)
        return Record(plan, data=data, inputs=inputs)

    def make_again(self, record: Record, progress: Progress | None = None) -> Outcome:
        """The files that a run of this record would publish; they are returned and not published.

        Raises
        ------
        CrmError : of a cell, a limit, or the page.
        """
        with ExitStack() as own:
            run = _Run(record, self._shared, own, progress, time.perf_counter())
            run.execute(run.start_kernel())
            return run_files.success(record, record.plan.place(record.day))


@dataclass(frozen=True)
class _SharedData:
    """Sources opened and saved once for all reports that want them cut at the same day; warm kernels."""

    stack: ExitStack
    opened: dict[tuple[Any, ...], OpenedData]
    warm: WarmKernels | None
    kept: Path

    def get(self, plan: Plan, inputs: unchanged.Inputs) -> tuple[OpenedData, bool]:
        """The data of a plan, and whether they were opened for it."""
        mapping = plan.request.mapping
        key = (plan.source, mapping, plan.as_of, plan.request.today, plan.request.oldest_days,
               plan.request.max_rejected, plan.where_text, repr(plan.request.rules))  # fmt: skip
        first = key not in self.opened
        if first:
            folder = private_folder()
            self.stack.callback(shutil.rmtree, folder, ignore_errors=True)
            opened = open_data(plan, folder / "data", self.kept)
            files = unchanged.read_stamps(plan.source, mapping)
            unchanged.check_at_rest(inputs.files, files, plan.source_name)
            self.opened[key] = replace(opened, files=files)
        return self.opened[key], first


@dataclass
class _Run:
    """One run while it lasts; `own` holds its locks, its kernel and its private folder."""

    record: Record
    shared: _SharedData
    own: ExitStack
    progress: Progress | None
    began: float
    problem: CrmError | None = None  # known before anything began
    again: bool = False  # reports that it is told of were made since it was decided on

    def make(self) -> RunResult:
        """All steps; a failure is published, too."""
        plan, record = self.record.plan, self.record
        place = plan.place(None)
        try:
            if plan.slug:
                self.own.enter_context(publish.locked(place, plan.request.wait))
            if self.problem is not None:
                raise self.problem
            if (plan.request.wait or self.again) and (made := self._made_meanwhile()):
                return made
            kernel = self.start_kernel()
            limit = plan.request.limit_seconds
            late = f"{plan.source_name} was not opened within {limit} seconds. Allow more time"
            with self._timed("open"), time_limit(limit, late):
                assert record.inputs is not None
                record.data, first = self.shared.get(plan, record.inputs)
            record.timings |= record.data.timings if first else {}
            if not plan.slug:
                place = plan.place(record.day)
                self.own.enter_context(publish.locked(place, plan.request.wait))
                if plan.request.wait and (made := self._made_meanwhile()):
                    return made
            with self._timed("notebook"):
                self.execute(kernel)
            record.timings |= timings.of_cells(record.executed, record.timings["notebook"])
            outcome_ = run_files.success(record, place)
            with self._timed("publish"):
                made = self._publish(place, outcome_)
            return replace(made, timings=timings.by_step(record.timings))
        except LockedError as error:
            return self._result(place, Status.LOCKED, error.exit_code, str(error))
        except CrmError as error:
            if error.__cause__ is not None:
                record.traceback = "".join(traceback.format_exception(error))
            return self._failed(place, error)
        except Exception as error:
            record.traceback = "".join(traceback.format_exception(error))
            return self._failed(place, in_words(error))

    def _made_meanwhile(self) -> RunResult | None:
        """The result of the other run that was waited for, where it is what this one would give."""
        record = self.record
        if record.plan.request.force or record.inputs is None:
            return None
        found = unchanged.find(record.plan, record.inputs)
        return repetition(found, self.began) if isinstance(found, unchanged.Former) else None

    def start_kernel(self) -> Kernel:
        """Start the notebook's process now: it gets ready while the data are opened and checked."""
        folder = private_folder()
        self.own.callback(shutil.rmtree, folder, ignore_errors=True)
        plan = self.record.plan
        return self.own.enter_context(
            Kernel(
                folder,
                preload=imports_of(plan.report.notebook),
                project=plan.root,
                limit_memory_mb=plan.request.limit_memory_mb,
                warm=self.shared.warm,
            )
        )

    def execute(self, kernel: Kernel) -> None:
        """Run the notebook on the data that are open, with what other runs hand in."""
        from crm_analytics.runs.kernels import engine

        engine.import_notebook_tools()
        import nbformat

        record = self.record
        assert record.data is not None
        values: dict[str, Any] = {**record.plan.values, "data": str(record.data.folder)}
        if "as_of" in values:
            values["as_of"] = record.day
        desk = self._desk(kernel)
        if desk is not None:
            values[other_runs.PARAMETER] = str(desk)
        limit, left = record.plan.request.limit_seconds, self._seconds_left()
        run = engine.Run(kernel, limit, left, self.progress, meanwhile=_load_page)
        try:
            engine.execute(nbformat.from_dict(record.plan.report.notebook), values, run)
            record.lists = lists_on_page.read(desk) if desk is not None else {}
        finally:
            record.executed, record.traceback = run.executed, run.traceback or kernel.complaints()
            kernel.stop()

    def _desk(self, kernel: Kernel) -> Path | None:
        """A private folder with what is handed in, where the notebook leaves its lists; None if not asked."""
        record = self.record
        assert record.data is not None
        if not other_runs.wants_other_runs(record.plan):
            return None
        record.handed_in = other_runs.handed_in(record.plan, record.day or "", record.data.data_hash)
        desk = kernel.folder / "desk"
        desk.mkdir(mode=0o700)
        (desk / other_runs.FILE).write_text(json.dumps(record.handed_in), encoding="utf-8")
        return desk

    def _seconds_left(self) -> float | None:
        """Of the limit, what opening has left."""
        limit = self.record.plan.request.limit_seconds
        return None if limit is None else max(limit - self.record.timings.get("open", 0), 1)

    def _publish(self, place: publish.Place, made: Outcome) -> RunResult:
        request = self.record.plan.request
        self._claim()
        folder = publish.publish(place, made.run, made.files, made.pointer, request.keep)
        code, message = 0, made.message
        try:
            index.rebuild(place.out, request.today)
        except PublishError as error:  # the report itself is published and stays
            code, message = error.exit_code, str(error)
        return self._result(place, made.status, code, message, place.page, folder)

    def _claim(self) -> None:
        plan = self.record.plan
        origin = plan.report.origin(plan.root)
        published_tree.claim(plan.out, plan.root, name=plan.report.name, origin=origin)

    def _failed(self, place: publish.Place, error: CrmError) -> RunResult:
        """Publish a failure; the last good page stays where it is. What cannot be told there is told here."""
        folder = None
        if not isinstance(error, ParameterError):
            with suppress(CrmError, OSError), ExitStack() as lock:
                if place.slug == publish.UNDATED:
                    lock.enter_context(publish.locked(place, self.record.plan.request.wait))
                folder = self._publish_failure(place, error)
        page = folder / "failure.html" if folder else None
        return self._result(place, Status.FAILED, error.exit_code, str(error), page, folder)

    def _publish_failure(self, place: publish.Place, error: CrmError) -> Path:
        good = index.last_good(place.out, place.name, place.slug)
        link = good.relative_to(place.out).as_posix() if good else None
        made = run_files.failure(self.record, place, error, link)
        request = self.record.plan.request
        self._claim()
        folder = publish.publish_failure(place, made.run, made.files, made.pointer, request.keep)
        index.rebuild(place.out, request.today)
        return folder

    def _result(  # noqa: PLR0917
        self,
        place: publish.Place,
        status: Status,
        code: int,
        message: str,
        page: Path | None = None,
        folder: Path | None = None,
    ) -> RunResult:
        seconds = time.perf_counter() - self.began
        day = self.record.day or ""
        words = self.record.traceback if status is Status.FAILED else ""
        return RunResult(
            name=place.name,
            slug=place.slug,
            status=status,
            exit_code=code,
            message=message,
            seconds=seconds,
            page=page,
            run_folder=folder,
            day=day,
            traceback=words,
            timings=timings.by_step(self.record.timings),
        )

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.record.timings[step] = time.perf_counter() - began


def _load_page() -> None:
    """Import what makes the page while the kernel works; an error shows again where it is used."""
    with suppress(Exception):
        from crm_analytics.pages import page  # noqa: F401
