"""What a night consists of: reports and contact lists behind one protocol."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from crm_analytics.errors import CrmError
    from crm_analytics.runs.publishing.result import RunResult

Progress = Callable[[int, int], None]  # cells done, cells in all


class Workshop(Protocol):
    """Makes reports, and keeps open what several of them share."""

    @property
    def kept(self) -> Path:
        """Where results of this night are kept."""

    def make(self, decision: Any, progress: Progress | None = None) -> RunResult:
        """Make one report; errors of this package are told in the result and not raised."""


class Job(Protocol):
    """Something to be made, and what is known of it before it begins."""

    @property
    def name(self) -> str:
        """Of the report, or "lists"."""

    @property
    def slug(self) -> str:
        """Its slug, as far as it is known; of a list its name."""

    @property
    def key(self) -> Any:
        """Of what it opens: jobs that share it are best made by one worker."""

    @property
    def lane(self) -> str:
        """Jobs of one lane run one after the other, in the order of the file; empty where order is free."""

    @property
    def after(self) -> tuple[str, ...]:
        """Names of jobs on the same source whose results it is told: it waits until they are made.

        "*" is every other job.
        """

    @property
    def limit_seconds(self) -> float | None:
        """Wall time it may take; None for any."""

    @property
    def result(self) -> RunResult | None:
        """What became of it, where nothing is to be made."""

    @property
    def problem(self) -> CrmError | None:
        """What will make it fail."""

    @property
    def why(self) -> str:
        """It is made, or not."""

    def failing(self, error: CrmError) -> Self:
        """The same, known to fail."""

    def run(self, workshop: Workshop, progress: Progress | None = None) -> RunResult:
        """Make it; errors of this package are told in the result and not raised."""
