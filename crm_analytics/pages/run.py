"""One report: checked, run by papermill, made a page, published."""

from __future__ import annotations

import shutil
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm_analytics.errors import CrmError, LockedError, ParameterError, PublishError
from crm_analytics.pages import index, outcome, publish
from crm_analytics.pages.kernel import Kernel, imports_of, private_folder
from crm_analytics.pages.outcome import Outcome, Record
from crm_analytics.pages.plan import OpenedData, Plan, RunRequest, open_data, plan_run
from crm_analytics.pages.warm import WarmKernels

if TYPE_CHECKING:
    from crm_analytics.pages.engine import Progress

__all__ = ["RunRequest", "RunResult", "run_report", "run_reports", "worst"]

_WORST_FIRST = (5, 4, 6, 3, 2, 75, 0)


@dataclass(frozen=True)
class RunResult:
    """What became of one report.

    Parameters
    ----------
    status : "done", "thin" (too few data for the full report), "failed", "locked", or "refused" before
        anything began
    exit_code : 0 done or thin, 2 parameters, 3 data, 4 a cell failed, 5 time, memory or kernel,
        6 publishing, 75 another run holds the lock
    page : the page to open: the report, or the failure page; None where nothing was published
    run_folder : the immutable folder of the run, or None
    day : ISO, or empty where it was not known
    seconds : wall time
    message : one sentence: the headline, or what went wrong
    traceback : Python's own words of a failure; may hold customers' values, so keep it off any log
    """

    name: str
    slug: str
    status: str
    exit_code: int
    page: Path | None
    run_folder: Path | None
    day: str
    seconds: float
    message: str
    traceback: str = ""

    def line(self) -> dict[str, Any]:
        """What the command line prints as one line of JSON."""
        return {
            "name": self.name,
            "slug": self.slug,
            "status": self.status,
            "exit_code": self.exit_code,
            "page": str(self.page) if self.page else None,
            "day": self.day or None,
            "seconds": round(self.seconds, 2),
            "message": self.message,
        }


def worst(codes: Iterable[int]) -> int:
    """The exit code of many runs: 0 < 75 < 2 < 3 < 6 < 4 < 5.

    >>> worst([0, 75, 2, 0]), worst([4, 5]), worst([])
    (2, 5, 0)
    """
    return min(codes, key=_WORST_FIRST.index, default=0)


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
    """Make reports one after the other; those on the same source and day open it once."""
    with ExitStack() as stack:
        wanted = list(requests)
        warm = stack.enter_context(WarmKernels()) if len(wanted) > 1 else None  # one alone gains nothing
        shared = _SharedData(stack, {}, warm)
        for request in wanted:
            began = time.perf_counter()
            try:
                plan = plan_run(request)
            except CrmError as error:
                yield _refused(request, error, began)
                continue
            with ExitStack() as own:
                result = _Run(Record(plan), shared, own, progress, began).make()
            yield result


@dataclass(frozen=True)
class _SharedData:
    """Sources opened and saved once for all reports that want them cut at the same day; warm kernels."""

    stack: ExitStack
    opened: dict[tuple[Any, ...], OpenedData]
    warm: WarmKernels | None

    def get(self, plan: Plan) -> OpenedData:
        key = (plan.source, plan.request.mapping, plan.as_of, plan.request.today)
        if key not in self.opened:
            folder = private_folder()
            self.stack.callback(shutil.rmtree, folder, ignore_errors=True)
            self.opened[key] = open_data(plan, folder / "data")
        return self.opened[key]


@dataclass
class _Run:
    """One run while it lasts; `own` holds its locks, its kernel and its private folder."""

    record: Record
    shared: _SharedData
    own: ExitStack
    progress: Progress | None
    began: float

    def make(self) -> RunResult:
        """All steps; a failure is published, too."""
        plan, record = self.record.plan, self.record
        place = plan.place(None)
        try:
            if plan.slug:
                self.own.enter_context(publish.locked(place))
            kernel = self._start_kernel()
            with self._timed("open"):
                record.data = self.shared.get(plan)
            if not plan.slug:
                place = plan.place(record.day)
                self.own.enter_context(publish.locked(place))
            with self._timed("notebook"):
                self._execute(kernel)
            with self._timed("page"):
                made = outcome.success(record, place)
            with self._timed("publish"):
                return self._publish(place, made)
        except LockedError as error:
            return self._result(place, "locked", error.exit_code, str(error))
        except CrmError as error:
            if error.__cause__ is not None:
                record.traceback = "".join(traceback.format_exception(error))
            return self._failed(place, error)
        except Exception as error:
            record.traceback = "".join(traceback.format_exception(error))
            return self._failed(place, _unexpected(error))

    def _start_kernel(self) -> Kernel:
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

    def _execute(self, kernel: Kernel) -> None:
        from crm_analytics.pages import engine

        engine.import_notebook_tools()
        import nbformat

        record = self.record
        assert record.data is not None
        values: dict[str, Any] = {**record.plan.values, "data": str(record.data.folder)}
        if "as_of" in values:
            values["as_of"] = record.day
        run = engine.Run(kernel, record.plan.request.limit_seconds, self.progress, meanwhile=_load_page)
        try:
            engine.execute(nbformat.from_dict(record.plan.report.notebook), values, run)
        finally:
            record.executed, record.traceback = run.executed, run.traceback or kernel.complaints()
            kernel.stop()

    def _publish(self, place: publish.Place, made: Outcome) -> RunResult:
        request = self.record.plan.request
        folder = publish.publish(place, made.run, made.files, made.pointer, request.keep)
        code, message = 0, made.message
        try:
            index.rebuild(place.out, request.today)
        except PublishError as error:  # the report itself is published and stays
            code, message = error.exit_code, str(error)
        return self._result(place, made.status, code, message, place.page, folder)

    def _failed(self, place: publish.Place, error: CrmError) -> RunResult:
        """Publish a failure; the last good page stays where it is. What cannot be told there is told here."""
        folder = None
        if not isinstance(error, ParameterError):
            with suppress(CrmError, OSError), ExitStack() as lock:
                if place.slug == publish.UNDATED:
                    lock.enter_context(publish.locked(place))
                folder = self._publish_failure(place, error)
        page = folder / "failure.html" if folder else None
        return self._result(place, "failed", error.exit_code, str(error), page, folder)

    def _publish_failure(self, place: publish.Place, error: CrmError) -> Path:
        good = index.last_good(place.out, place.name, place.slug)
        link = good.relative_to(place.out).as_posix() if good else None
        made = outcome.failure(self.record, place, error, link)
        request = self.record.plan.request
        folder = publish.publish_failure(place, made.run, made.files, made.pointer, request.keep)
        index.rebuild(place.out, request.today)
        return folder

    def _result(  # noqa: PLR0917
        self,
        place: publish.Place,
        status: str,
        code: int,
        message: str,
        page: Path | None = None,
        folder: Path | None = None,
    ) -> RunResult:
        seconds = time.perf_counter() - self.began
        day = self.record.day or ""
        words = self.record.traceback if status == "failed" else ""
        return RunResult(place.name, place.slug, status, code, page, folder, day, seconds, message, words)

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.record.timings[step] = time.perf_counter() - began


def _refused(request: RunRequest, error: CrmError, began: float) -> RunResult:
    seconds = time.perf_counter() - began
    name, slug = Path(request.report).stem, request.slug or ""
    return RunResult(name, slug, "refused", error.exit_code, None, None, "", seconds, str(error))


def _unexpected(error: Exception) -> CrmError:
    return CrmError(
        f"something went wrong that should not ({type(error).__name__}). "
        "Run again with --debug and report what it shows"
    )


def _load_page() -> None:
    """Import what makes the page while the kernel works; an error shows again where it is used."""
    with suppress(Exception):
        from crm_analytics.pages import page  # noqa: F401
