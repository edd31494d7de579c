"""A workshop without kernels: its reports do what their `mode` says. Workers find it here by name."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from crm_analytics.pages.status import Status
from crm_analytics.runs.decisions import Decision
from crm_analytics.runs.kernels.warm_kernels import WarmKernels
from crm_analytics.runs.publishing.result import RunResult


def _result(name: str, slug: str, status: Status, code: int, said: str) -> RunResult:
    return RunResult(name=name, slug=slug, status=status, exit_code=code, message=said, seconds=0.1)


class Pretence:
    """Made with `warm` like a workshop."""

    def __init__(self, warm: WarmKernels | None, kept: Path) -> None:
        self.made: list[str] = []
        self.kept = kept

    def __enter__(self) -> Pretence:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def make(self, decision: Decision, progress: Callable[[int, int], None] | None = None) -> RunResult:
        """What the parameter `mode` asks for."""
        assert decision.plan is not None
        plan, mode = decision.plan, decision.plan.values["mode"]
        name, slug = plan.report.name, plan.slug or "undated"
        if decision.problem is not None:
            said = str(decision.problem)
            return _result(name, slug, Status.FAILED, decision.problem.exit_code, said)
        if progress:
            progress(1, 2)
        self.made.append(slug)
        note = Path(str(plan.values["notes"]))
        with note.open("a") as file:
            file.write(f"{slug} {os.getpid()} {'/'.join(self.made)}\n")
        if mode == "dead":
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            time.sleep({"slow": 60, "wait": 0.5}.get(str(mode), 0))
        except Exception as error:
            return _result(name, slug, Status.FAILED, 5, str(error))
        code = {"data": 3, "cell": 4, "busy": 75}.get(str(mode), 0)
        status = {0: Status.DONE, 75: Status.LOCKED}.get(code, Status.FAILED)
        return _result(name, slug, status, code, f"mode {mode}")
