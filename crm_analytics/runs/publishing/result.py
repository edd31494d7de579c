"""What became of a report, and of many."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crm_analytics.pages.status import Status

_WORST_FIRST = (5, 4, 6, 3, 2, 75, 0)


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """What became of one report.

    Parameters
    ----------
    status : see `Status`
    exit_code : 0 done, thin or unchanged, 2 parameters, 3 data, 4 a cell failed, 5 time, memory or kernel,
        6 publishing, 75 another run holds the lock
    page : the page to open: the report, or the failure page; None where nothing was published
    run_folder : the immutable folder of the run, or None
    day : ISO, or empty where it was not known
    seconds : wall time
    message : one sentence: the headline, or what went wrong
    note : what else the caller should know: why it was not skipped
    timings : seconds by step, see `timings`; empty where nothing was made
    traceback : Python's own words of a failure; may hold customers' values, so keep it off any log
    """

    name: str
    slug: str
    status: Status
    exit_code: int
    message: str
    seconds: float
    page: Path | None = None
    run_folder: Path | None = None
    day: str = ""
    traceback: str = ""
    note: str = ""
    timings: dict[str, float] = field(default_factory=dict)

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
            **({"note": self.note} if self.note else {}),
        }


def worst(codes: Iterable[int]) -> int:
    """The exit code of many runs: 0 < 75 < 2 < 3 < 6 < 4 < 5.

    >>> worst([0, 75, 2, 0]), worst([4, 5]), worst([])
    (2, 5, 0)
    """
    return min(codes, key=_WORST_FIRST.index, default=0)
