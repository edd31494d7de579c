"""What is to be done about a request: looked at before anything starts or is written."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crm_analytics.errors import CrmError
from crm_analytics.runs import unchanged
from crm_analytics.runs.plan import Plan, RunRequest, plan_run
from crm_analytics.runs.publishing.result import RunResult


@dataclass(frozen=True)
class Decision:
    """What is to be done about a request: nothing (there is a result already), or a run, and why."""

    request: RunRequest
    plan: Plan | None = None
    inputs: unchanged.Inputs | None = None
    result: RunResult | None = None
    problem: CrmError | None = None
    why: str = ""

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
        return (self.plan.source, self.request.mapping, self.plan.as_of) if self.plan else None

    def failing(self, error: CrmError) -> Decision:
        """The same, known to fail."""
        return Decision(self.request, self.plan, self.inputs, problem=error)


def decide(request: RunRequest) -> Decision:
    """Look at a request and at what is published; starts nothing and writes nothing."""
    began = time.perf_counter()
    try:
        plan = plan_run(request)
    except CrmError as error:
        return Decision(request, result=_refused(request, error, began))
    try:
        inputs = unchanged.inputs_of(plan)
        found = "forced" if request.force else unchanged.find(plan, inputs)
    except CrmError as error:
        return Decision(request, plan, problem=error, why=str(error))
    if isinstance(found, unchanged.Former):
        return Decision(request, plan, inputs, repetition(found, began), why="nothing changed")
    return Decision(request, plan, inputs, why=found)


def repetition(found: unchanged.Former, began: float) -> RunResult:
    """The result of a run that would only repeat a published one."""
    place, seconds = found.place, time.perf_counter() - began
    said = str(found.pointer.get("headline", ""))
    return RunResult(
        place.name, place.slug, "unchanged", 0, place.page, found.run_folder, found.day, seconds, said
    )


def _refused(request: RunRequest, error: CrmError, began: float) -> RunResult:
    seconds = time.perf_counter() - began
    name, slug = Path(request.report).stem, request.slug or ""
    return RunResult(name, slug, "refused", error.exit_code, None, None, "", seconds, str(error))
