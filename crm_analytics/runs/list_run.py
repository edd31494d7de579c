"""Contact lists by night: one wave of a `[[list]]`, made whole or not at all, and never a second time.

::

    reports/lists/<name>/<day>/        a wave: see `campaigns.export`
    reports/lists/<name>/failed.json   what went wrong last, if nothing has worked since

Waves are kept: they say who was contacted and who is control. `crm forget` takes a person out of them.
"""

from __future__ import annotations

import shutil
import time
import traceback
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm_analytics.errors import CrmError, DataError, LimitError, LockedError, in_words
from crm_analytics.pages.status import Status
from crm_analytics.runs import unchanged
from crm_analytics.runs.publishing import (
    identity_store,
    index,
    publish,
    published_tree,
    suppressions,
    wave_memory,
)
from crm_analytics.runs.publishing.manifest import published_words
from crm_analytics.runs.publishing.result import RunResult
from crm_analytics.runs.publishing.wave_folders import FAILED, headline, waves_of
from crm_analytics.tables.regular_files import read_record, sync

if TYPE_CHECKING:
    from crm_analytics.analyses.campaigns import Lists
    from crm_analytics.runs.job import Progress, Workshop
    from crm_analytics.runs.schedule.list_jobs import WaveRequest

SOURCE = "source.json"


@dataclass(frozen=True)
class WaveDecision:
    """What is to be done about a `[[list]]`: nothing (there is a result), or perhaps a wave, and why."""

    request: WaveRequest
    result: RunResult | None = None
    problem: CrmError | None = None
    why: str = ""

    @property
    def name(self) -> str:
        """For the line it gets."""
        return self.request.place.name

    @property
    def slug(self) -> str:
        """The name of the lists."""
        return self.request.name

    @property
    def key(self) -> Any:
        """Of the source: a worker that opened it before opens it faster."""
        return (self.request.data, self.request.mapping, self.request.as_of)

    @property
    def after(self) -> tuple[str, ...]:
        """A list is told nothing by reports."""
        return ()

    @property
    def lane(self) -> str:
        """The next wave leaves alone whom the one before contacts: chance must not say which is first."""
        return "lists"

    def run(self, workshop: Workshop, progress: Progress | None = None) -> RunResult:
        """Make the wave; it has no cells to tell of."""
        return make_wave(self, workshop.kept, progress)

    @property
    def limit_seconds(self) -> float | None:
        """A list has no limit of its own."""
        return None

    def failing(self, error: CrmError) -> WaveDecision:
        """The same, known to fail."""
        return WaveDecision(self.request, problem=error)


def decide_wave(request: WaveRequest) -> WaveDecision:
    """Whether a wave may be due; without opening the data, as far as that can be told."""
    before = waves_of(request.place.folder)
    if not before:
        return WaveDecision(request, why="no wave yet")
    last = before[-1]
    if (request.place.folder / FAILED).exists():
        return WaveDecision(request, why="it failed last time")
    why = ""
    if request.as_of:
        why = _not_due(request, last, date.fromisoformat(request.as_of))
    elif not request.force and _stamps(request) == _stamped(last):
        why = f"the data are those of the wave of {last.name}"
    if not why:
        return WaveDecision(request, why=f"the last wave is of {last.name}")
    try:
        return WaveDecision(request, _unchanged(request, last, why), why=why)
    except DataError as error:
        return WaveDecision(request, problem=error)


def _not_due(request: WaveRequest, last: Path, day: date) -> str:
    """Why no wave is made on a day; empty where one is."""
    before = date.fromisoformat(last.name)
    if day <= before:
        return f"the wave of {last.name} is issued"
    after = before + timedelta(days=request.every)
    if day < after and not request.force:
        return f"the wave of {last.name} lasts; the next is due on {after}"
    return ""


def make_wave(
    decision: WaveDecision, kept: Path | None = None, progress: Progress | None = None
) -> RunResult:
    """Make the wave if one is due; errors of this package are told in the result and not raised.

    Parameters
    ----------
    kept : where the results of this night are kept, if anywhere
    progress : asked before the wave is issued; where nobody listens any more, nobody would be told of it
    """
    request, began = decision.request, time.perf_counter()
    place = request.place
    try:
        with publish.locked(place, request.wait):
            if decision.problem is not None:
                raise decision.problem
            made = _made(request, began, kept, progress)
            (place.folder / FAILED).unlink(missing_ok=True)
            return made
    except LockedError as error:
        return _result(request, Status.LOCKED, began, error=error)
    except CrmError as error:
        trace = "".join(traceback.format_exception(error)) if error.__cause__ is not None else ""
        return _failed(request, error, began, trace)
    except Exception as error:
        return _failed(request, in_words(error), began, "".join(traceback.format_exception(error)))


def _made(request: WaveRequest, began: float, kept: Path | None, progress: Progress | None) -> RunResult:
    from crm_analytics.analyses import campaigns
    from crm_analytics.analyses.audiences import spared_of
    from crm_analytics.tables.customer_base import CustomerBase

    published_tree.check(request.out, request.root, force=request.force)
    key = published_tree.key_for(request.out, request.root)
    stamps = _stamps(request)
    base = CustomerBase.open(request.data, mapping=request.mapping, today=request.today)
    unchanged.check_at_rest(stamps, _stamps(request), request.data.name)
    _check_age(request, base.day)
    base = identity_store.applied(base, request.out, request.data.name, key)
    base = base.as_of(request.as_of).keeping(kept).with_rules(**request.own_rules)
    base = base.filter(request.where) if request.where else base
    before = waves_of(request.place.folder)
    if before and (why := _not_due(request, before[-1], base.day)):
        _remember_source(before[-1], stamps)
        return _unchanged(request, before[-1], why, began)
    rules = campaigns.chosen(request.rules or None)
    wanted = any(rule.needs_scores for rule in rules)
    scores, why = campaigns.leaving(base) if wanted else (None, "")
    if why and not [rule for rule in rules if not rule.needs_scores]:
        raise DataError(f"no list can be made: {why}")
    spared = spared_of(base)  # as on the pages of the day
    with publish.lists_locked(request.out):
        mended = wave_memory.mend(request.out, key)
        before = waves_of(request.place.folder)
        issued = campaigns.issued(base, published_tree.waves_in(request.out), key)
        wave = campaigns.lists(
            base, rules, request.terms, scores=scores, issued=issued,
            previous=campaigns.previous_of(before[-1]) if before else None,
            barred=wave_memory.barred(request.out, base, key), spared=spared,
        )  # fmt: skip
        _heard(progress)
        published_tree.claim(request.out, request.root, key=key)
        published_tree.count_forgotten(request.out, suppressions.count(request.out))
        folder = _publish(request, wave, key, stamps)
    note = "; ".join([*mended, *(f"{name} left out: {reason}" for name, reason in wave.left_out.items())])
    return _issued(request, wave, why, began, folder, note)


def _check_age(request: WaveRequest, newest: date) -> None:
    age = (request.today - newest).days
    if request.oldest_days is not None and age > request.oldest_days:
        raise DataError(
            f"the newest row of {request.data.name} is of {newest}, {age:,} days before "
            f"{request.today}; at most {request.oldest_days:,} are allowed (oldest_data). Nobody is "
            "contacted on old data: find out why no newer rows came, or allow more"
        )


def _heard(progress: Progress | None) -> None:
    """Whether somebody still waits for the line that tells of the wave: else no wave must be issued."""
    if progress is None:
        return
    try:
        progress(0, 1)
    except OSError:
        raise LimitError(
            "the run ended before this list was issued, so nobody would have been told of it. It is made "
            "with the next one"
        ) from None


def _issued(  # noqa: PLR0917
    request: WaveRequest, wave: Lists, why: str, began: float, folder: Path, note: str
) -> RunResult:
    """What is told of a wave that is issued: it stays issued, whatever becomes of the index."""
    code, message = 0, _summary(wave, why)
    try:
        index.rebuild(request.out, request.today)
    except CrmError as error:
        code, message = error.exit_code, f"{message}. The list is issued, but {error}"
    day = str(wave.base.day)
    done = _result(request, Status.DONE, began, folder=folder, day=day, message=message, note=note)
    return replace(done, exit_code=code)


def _publish(request: WaveRequest, wave: Lists, key: bytes, stamps: dict[str, Any]) -> Path:
    """The wave's folder, written beside its place, brought to the disk, and renamed there."""
    from crm_analytics.analyses import campaigns

    folder = request.place.folder
    target = folder / wave.base.day.isoformat()
    draft = folder / f".part-{target.name}"
    with publish.in_words(folder):
        publish.make_folder(folder)
        for left in folder.glob(".part-*"):  # of a run that was killed: we hold the lock
            shutil.rmtree(left, ignore_errors=True)
        if target.exists():  # not whole, or it would be in `before`
            wave_memory.set_aside(target)
        draft.mkdir(mode=publish.FOLDER_MODE)
        try:
            campaigns.export(
                wave, draft, key, show_customers=request.show_customers, source=request.data.name,
                forgotten=suppressions.count(request.out),
            )  # fmt: skip
            _remember_source(draft, stamps)
            sync(draft)
            draft.rename(target)
            sync(folder)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    return target


def _summary(wave: Lists, why: str) -> str:
    from crm_analytics.analyses import campaigns

    table = campaigns.summary(wave)
    counts = headline(*(int(table[name].sum()) for name in ("treated", "control", "suppressed")))
    return counts + (f"; save: {why}" if why else "")


def _stamps(request: WaveRequest) -> dict[str, Any]:
    """Size and time of the source's files, and what the lists are made on."""
    files = unchanged.watched(request.data, request.mapping)
    return {name: list(unchanged.stamp(path)) for name, path in files.items()}


def _stamped(wave: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = read_record(wave / SOURCE)
    except (OSError, ValueError):
        return None
    return found or None  # a connection has no files: it must be asked


def _remember_source(wave: Path, stamps: dict[str, Any]) -> None:
    if _stamped(wave) != stamps:
        publish.replace_file(wave / SOURCE, publish.as_json(stamps))


def _unchanged(request: WaveRequest, last: Path, why: str, began: float | None = None) -> RunResult:
    """That no wave is made.

    Raises
    ------
    DataError : who was forgotten is not known any more, which no night may pass over in silence.
    """
    suppressions.tokens(request.out)
    start = time.perf_counter() if began is None else began
    return _result(request, Status.UNCHANGED, start, folder=last, day=last.name, message=why)


def _failed(request: WaveRequest, error: CrmError, began: float, trace: str) -> RunResult:
    facts = {
        "schema": publish.SCHEMA,
        "message": published_words(str(error)),
        "looked": request.today.isoformat(),
    }
    try:
        with publish.in_words(request.place.folder):
            publish.make_folder(request.place.folder)
            publish.replace_file(request.place.folder / FAILED, publish.as_json(facts))
        index.rebuild(request.out, request.today)
    except (CrmError, OSError):
        pass  # what cannot be told there is told here
    return _result(request, Status.FAILED, began, error=error, traceback=trace)


def _result(
    request: WaveRequest,
    status: Status,
    began: float,
    *,
    folder: Path | None = None,
    day: str = "",
    message: str = "",
    note: str = "",
    error: CrmError | None = None,
    traceback: str = "",
) -> RunResult:
    code, text = (error.exit_code, str(error)) if error else (0, message)
    return RunResult(
        name=request.place.name,
        slug=request.name,
        status=status,
        exit_code=code,
        message=text,
        seconds=time.perf_counter() - began,
        run_folder=folder,
        day=day,
        traceback=traceback,
        note=note,
    )
