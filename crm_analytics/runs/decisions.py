"""What is to be done about a request: looked at before anything starts or is written."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm_analytics.errors import CrmError
from crm_analytics.pages.status import Status
from crm_analytics.runs import other_runs, unchanged
from crm_analytics.runs.other_runs import ALL
from crm_analytics.runs.plan import Plan, RunRequest, plan_run
from crm_analytics.runs.publishing.result import RunResult

if TYPE_CHECKING:
    from crm_analytics.runs.job import Job, Progress, Workshop


@dataclass(frozen=True)
class Decision:
    """What is to be done about a request: nothing (there is a result already), or a run, and why."""

    request: RunRequest
    plan: Plan | None = None
    inputs: unchanged.Inputs | None = None
    result: RunResult | None = None
    problem: CrmError | None = None
    why: str = ""
    again: bool = False  # to be looked at once more when its turn comes

    @property
    def name(self) -> str:
        """The report's name."""
        return self.plan.report.name if self.plan else Path(self.request.report).stem

    @property
    def slug(self) -> str:
        """Its slug, as far as it is known."""
        return self.result.slug if self.result else (self.plan and self.plan.slug) or ""

    @property
    def key(self) -> Any:
        """Of the source and day: reports that share it are made from data opened once."""
        plan = self.plan
        return (plan.source, self.request.mapping, plan.as_of, plan.where_text) if plan else None

    @property
    def lane(self) -> str:
        """Reports may run side by side."""
        return ""

    @property
    def after(self) -> tuple[str, ...]:
        """The reports whose facts it is told."""
        return other_runs.neighbours_of(self.plan) if self.plan else ()

    def run(self, workshop: Workshop, progress: Progress | None = None) -> RunResult:
        """Have it made."""
        return workshop.make(self, progress)

    @property
    def limit_seconds(self) -> float | None:
        """Wall time of the report; None for any."""
        return self.request.limit_seconds

    def after_others(self) -> Decision:
        """The same, where a report whose facts it is told is made before it: whether anything is to be done
        is known when its turn comes.
        """
        why = "a report it is told of is made anew"
        return Decision(self.request, self.plan, self.inputs, why=why, again=True)

    def failing(self, error: CrmError) -> Decision:
        """The same, known to fail."""
        return Decision(self.request, self.plan, self.inputs, problem=error)


def decide(request: RunRequest, *, ask: bool = True) -> Decision:
    """Look at a request and at what is published; starts nothing and writes nothing.

    Parameters
    ----------
    ask : whether a source may be asked its `version_query`
    """
    began = time.perf_counter()
    try:
        plan = plan_run(request)
    except CrmError as error:
        return Decision(request, result=_refused(request, error, began))
    try:
        inputs = unchanged.inputs_of(plan, ask=ask)
        found = "forced" if request.force else unchanged.find(plan, inputs)
    except CrmError as error:
        return Decision(request, plan, problem=error, why=str(error))
    if isinstance(found, unchanged.Former):
        return Decision(request, plan, inputs, repetition(found, began), why="nothing changed")
    return Decision(request, plan, inputs, why=found)


def told_anew(decision: Job, todo: Sequence[Job]) -> bool:
    """Whether a job without anything to do is told of a report that is made now."""
    return decision.result is not None and any(
        other.key == decision.key and (other.name in decision.after or ALL in decision.after)
        for other in todo
        if ALL not in other.after
    )


def repetition(found: unchanged.Former, began: float) -> RunResult:
    """The result of a run that would only repeat a published one."""
    place, seconds = found.place, time.perf_counter() - began
    headline = str(found.pointer.get("headline", ""))
    return RunResult(
        name=place.name,
        slug=place.slug,
        status=Status.UNCHANGED,
        exit_code=0,
        message=headline,
        seconds=seconds,
        page=place.page,
        run_folder=found.run_folder,
        day=found.day,
    )


def _refused(request: RunRequest, error: CrmError, began: float) -> RunResult:
    return RunResult(
        name=Path(request.report).stem,
        slug=request.slug or "",
        status=Status.REFUSED,
        exit_code=error.exit_code,
        message=str(error),
        seconds=time.perf_counter() - began,
    )
