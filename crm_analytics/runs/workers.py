"""Many reports at once: processes of our own that each make one after the other."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import cache
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.forkserver import ensure_running
from multiprocessing.process import BaseProcess
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

from crm_analytics.errors import LimitError
from crm_analytics.pages.status import Status
from crm_analytics.runs.decisions import decide, told_anew
from crm_analytics.runs.job import Job
from crm_analytics.runs.kernels.fork_server import ONE_THREAD
from crm_analytics.runs.kernels.kernel import WORKERS_PREFIX, private_folder
from crm_analytics.runs.kernels.warm_kernels import WarmKernels
from crm_analytics.runs.other_runs import ALL
from crm_analytics.runs.plan import RunRequest
from crm_analytics.runs.publishing.result import RunResult
from crm_analytics.runs.report_run import Workshop

STOPPED = "the run was stopped from outside before it was done. Start it again, or allow more time"
GRACE = 30.0  # seconds for a worker to tell that its time is over, or to be woken up again
PATIENCE = 30  # seconds for a stopped worker to tell what became of its report

MakeWorkshop = Callable[[WarmKernels | None, Path], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Started:
    """A worker began with the report of this number."""

    number: int


@dataclass(frozen=True)
class Cells:
    """A report's notebook has run so many of its cells."""

    number: int
    done: int
    total: int


@dataclass(frozen=True)
class Ended:
    """What became of a report."""

    number: int
    result: RunResult


Event = Started | Cells | Ended


def run_side_by_side(requests: Iterable[RunRequest], workers: int) -> Iterator[Event]:
    """Make reports in so many processes, as `run_reports` makes them one after the other.

    Two of one name would be published in one place; then one process makes all of them.

    Yields
    ------
    each event as it comes, an `Ended` for every request, by its place among them
    """
    decisions = [decide(request) for request in requests]
    todo = [one for one in decisions if one.result is None]
    decisions = [one.after_others() if told_anew(one, todo) else one for one in decisions]
    for number, one in enumerate(decisions):
        if one.result is not None:
            yield Ended(number, one.result)
    jobs = [(number, one) for number, one in enumerate(decisions) if one.result is None]
    alike = len({one.name for _, one in jobs}) < len(jobs)
    if jobs:
        yield from work(jobs, 1 if alike else workers)


def work(jobs: Sequence[tuple[int, Job]], workers: int, make: MakeWorkshop = Workshop) -> Iterator[Event]:
    """Make reports in so many processes; each event as it comes, an `Ended` for every report.

    A process that dies fails its own report and is replaced. SIGTERM and SIGINT end all: what is under way
    tells that it was stopped, and what was not begun, too.

    Parameters
    ----------
    jobs : what is to be made, by number
    workers : processes at most
    make : gives each process its workshop
    """
    many = len(jobs) > 1  # one alone gains nothing from imports paid beforehand
    kept = private_folder()
    with _stop_asked() as stop, WarmKernels() if many else nullcontext() as warm:
        crew = _Crew(list(jobs), make, warm, kept)
        try:
            yield from crew.start(min(workers, len(jobs)))
            while crew.busy:
                if stop:
                    yield from crew.stop()
                    return
                yield from crew.listen()
        finally:
            crew.dismiss()
            shutil.rmtree(kept, ignore_errors=True)


@dataclass
class _Worker:
    process: BaseProcess
    line: Connection
    number: int = -1  # of the report it makes
    keys: set[Any] = field(default_factory=set)  # sources it has opened
    began: float = 0.0
    halted: float | None = None  # since when its process stands still


class _Crew:
    def __init__(
        self, todo: list[tuple[int, Job]], make: MakeWorkshop, warm: WarmKernels | None, kept: Path
    ) -> None:
        self.todo, self.make, self.kept = todo, make, kept
        self.door = warm.door if warm is not None else None
        self.context = _context(paid=self.door is not None)
        self.jobs = dict(todo)
        self.busy: list[_Worker] = []
        self.idle: list[_Worker] = []

    def start(self, count: int) -> Iterator[Event]:
        for _ in range(count):
            yield from self._give(self._hire())

    def _hire(self) -> _Worker:
        ours, theirs = self.context.Pipe()
        arguments = (theirs, self.make, self.door, self.kept, dict(os.environ))
        process = self.context.Process(target=_serve, args=arguments, daemon=True)  # type: ignore[attr-defined]
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def _give(self, worker: _Worker) -> Iterator[Event]:
        """The next report, if there is one: rather on a source that this worker has opened already."""
        ready = self._ready()
        if not ready:
            self.idle.append(worker)
            return
        known = [task for task in ready if task[1].key in worker.keys]
        task = (known or ready)[0]
        self.todo.remove(task)
        worker.number, worker.began = task[0], time.perf_counter()
        worker.keys.add(task[1].key)
        self.busy.append(worker)
        yield Started(worker.number)
        with suppress(OSError):  # it is dead: we hear that when we listen
            worker.line.send(task)

    def _ready(self) -> list[tuple[int, Job]]:
        """What may begin now: jobs of one lane one after the other, in the order of the file."""
        taken = {self.jobs[worker.number].lane for worker in self.busy} - {""}
        ready = []
        for number, job in self.todo:
            if job.lane not in taken and not self._waits(number, job):
                ready.append((number, job))
            if job.lane:
                taken.add(job.lane)
        return ready

    def _waits(self, number: int, job: Job) -> bool:
        """Whether a report that this one is told of is still to be made.

        One that names its neighbours waits for those before it in the file, one that is told of all waits
        for every other.
        """
        making = [(worker.number, self.jobs[worker.number]) for worker in self.busy]
        others = [(n, other) for n, other in (*self.todo, *making) if other.key == job.key]
        if ALL in job.after:
            return any(not {ALL, job.name} & set(other.after) for _, other in others)
        return any(n < number and other.name in job.after for n, other in others)

    def listen(self, seconds: float = 0.2) -> Iterator[Event]:
        """What the workers say, and whether one has died."""
        for line in wait([worker.line for worker in self.busy], seconds):
            worker = next(w for w in self.busy if w.line is line)
            try:
                event = worker.line.recv()
            except (EOFError, OSError):
                yield from self._replace(worker)
                continue
            yield event
            if isinstance(event, Ended):
                self.busy.remove(worker)
                yield from self._give(worker)
                while self.idle and self._ready():  # what waited for it may begin
                    yield from self._give(self.idle.pop())
        for worker, why in [(w, why) for w in self.busy if (why := self._stuck(w))]:
            worker.process.kill()
            yield from self._replace(worker, why)

    def _stuck(self, worker: _Worker) -> str:
        """Why a worker will not come to an end by itself; empty where it may."""
        now, limit = time.perf_counter(), self.jobs[worker.number].limit_seconds
        if limit is not None and now > worker.began + limit + GRACE:
            return f"it did not end {GRACE:g} seconds after its limit of {limit:g} seconds, and was ended"
        if not _is_halted(worker.process.pid):
            worker.halted = None
            return ""
        worker.halted = worker.halted or now
        if now < worker.halted + GRACE:
            return ""
        return f"its process was halted from outside for {GRACE:g} seconds (SIGSTOP), and was ended"

    def _replace(self, worker: _Worker, why: str = "") -> Iterator[Event]:
        self.busy.remove(worker)
        worker.process.join(5)
        code = worker.process.exitcode
        how = f" (signal {-code})" if code is not None and code < 0 else ""
        yield self._failed(
            worker,
            why
            or f"the process that made the report ended before its time{how}; most often the machine "
            "ran out of memory. Give it more memory or fewer workers, and look into the system's log",
        )
        if self.todo:
            yield from self._give(self._hire())

    def _failed(self, worker: _Worker, message: str) -> Ended:
        """Publish the failure in the place of the worker that cannot any more."""
        dead = self.jobs[worker.number].failing(LimitError(message))
        with self.make(None, self.kept) as shop:
            return Ended(worker.number, dead.run(shop))

    def stop(self) -> Iterator[Event]:
        """End all; each report under way tells that it was stopped."""
        for number, job in self.todo:
            why = "not started: the run was stopped from outside"
            result = RunResult(
                name=job.name, slug=job.slug, status=Status.REFUSED, exit_code=5, message=why, seconds=0
            )
            yield Ended(number, result)
        self.todo.clear()
        for worker in self.busy:
            worker.process.terminate()
        until = time.monotonic() + PATIENCE
        while self.busy and time.monotonic() < until:
            yield from self.listen()
        for worker in list(self.busy):
            worker.process.kill()
            self.busy.remove(worker)
            yield self._failed(worker, STOPPED)

    def dismiss(self) -> None:
        """Let all workers go; those that make something still are ended."""
        for worker in self.busy:
            worker.process.terminate()
        for worker in [*self.idle, *self.busy]:
            worker.line.close()  # an idle one takes it for the end
        for worker in [*self.idle, *self.busy]:
            worker.process.join(10)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()


def _is_halted(pid: int | None) -> bool:
    """Whether a process was halted by a signal; where the system does not tell, it was not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return state.rpartition(")")[2].split()[:1] == ["T"]


@contextmanager
def _stop_asked() -> Iterator[list[int]]:
    """A list that gets the number of the signal when somebody wants us to stop."""
    asked: list[int] = []

    def note(number: int, _: object) -> None:
        asked.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _context(*, paid: bool) -> BaseContext:
    """How workers are started: anew, or forked from a process that has the imports and ends with us."""
    started_anew = multiprocessing.get_context("spawn")
    if not paid:
        return started_anew
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["crm_analytics.runs.kernels.worker_preload"])
    before, usual = {name: os.environ.get(name) for name in ONE_THREAD}, tempfile.tempdir
    os.environ.update(ONE_THREAD)  # no library may start a thread before the fork
    tempfile.tempdir = _folder_of_server()
    try:
        ensure_running()
    except OSError:  # no place for its socket
        return started_anew
    finally:
        tempfile.tempdir = usual
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
    return context


@cache
def _folder_of_server() -> str:
    """A folder for its socket that the next run sweeps if this one is killed."""
    folder = private_folder(WORKERS_PREFIX)
    # after -100, at which multiprocessing takes its own folder out of it
    Finalize(None, shutil.rmtree, args=(folder,), kwargs={"ignore_errors": True}, exitpriority=-101)
    return str(folder)


def _serve(
    line: Connection, make: MakeWorkshop, door: socket.socket | None, kept: Path, environment: dict[str, str]
) -> None:
    """A worker's life: reports one after the other until the line is closed or it is told to stop."""
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        if not stopped:
            stopped = True
            raise LimitError(STOPPED)

    signal.signal(signal.SIGTERM, stop)
    warm = WarmKernels.sharing(door) if door is not None else None
    with suppress(EOFError, OSError, LimitError), make(warm, kept) as shop:
        while not stopped:
            number, job = line.recv()

            def progress(done: int, total: int, number: int = number) -> None:
                line.send(Cells(number, done, total))

            result = job.run(shop, progress)
            line.send(Ended(number, result))
