"""The last run as a text file for Prometheus (the textfile collector of its node exporter).

Names, ages, durations, exit codes: nothing of customers. The file is replaced in one step and readable by
all, because the exporter runs as a user of its own.

Source
------
Prometheus text exposition format, version 0.0.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from crm_analytics.pages.status import Status
from crm_analytics.runs.publishing import publish

if TYPE_CHECKING:
    from crm_analytics.runs.publishing.result import RunResult
    from crm_analytics.runs.schedule.schedule_file import Schedule

MODE = 0o644
Sample = tuple[dict[str, str], float]

_HELP = {
    "crm_run_start_timestamp_seconds": "When the last run of the schedule began.",
    "crm_run_duration_seconds": "How long it took.",
    "crm_run_exit_code": "0 done; 75 busy, 2 parameters, 3 data, 6 publishing, 4 a cell, 5 time or memory.",
    "crm_run_reports": "Reports and lists of the last run by what became of them.",
    "crm_report_exit_code": "Of the last run.",
    "crm_report_duration_seconds": "Of the last run.",
    "crm_report_step_seconds": "Where the seconds went.",
    "crm_report_data_age_days": "Age of the data on the page that people open, at the day of the run.",
}


def write(
    path: Path, schedule: Schedule, results: Mapping[int, RunResult], exit_code: int, seconds: float
) -> None:
    """Replace the file.

    Raises
    ------
    PublishError : it cannot be written.
    """
    text = "".join(_lines(schedule, results, exit_code, seconds))
    with publish.in_words(path):
        if not path.parent.is_dir():
            raise FileNotFoundError(2, "there is no such folder")
        publish.replace_file(path, text.encode("utf-8"))
        path.chmod(MODE)


def _lines(
    schedule: Schedule, results: Mapping[int, RunResult], exit_code: int, seconds: float
) -> Iterator[str]:
    run = {"schedule": schedule.name}
    statuses = [result.status for result in results.values()]
    counts = [({**run, "status": str(s)}, float(statuses.count(s))) for s in Status if s is not Status.NEVER]
    found: dict[str, list[Sample]] = {
        "crm_run_start_timestamp_seconds": [(run, schedule.now.timestamp())],
        "crm_run_duration_seconds": [(run, seconds)],
        "crm_run_exit_code": [(run, float(exit_code))],
        "crm_run_reports": counts,
    }
    for number, result in sorted(results.items()):
        labels = {**run, "report": result.name, "slug": result.slug, "source": _source(schedule, number)}
        found.setdefault("crm_report_exit_code", []).append((labels, float(result.exit_code)))
        found.setdefault("crm_report_duration_seconds", []).append((labels, result.seconds))
        for step, took in result.timings.items():
            found.setdefault("crm_report_step_seconds", []).append(({**labels, "step": step}, took))
        age = _age(schedule, result)
        if age is not None:
            found.setdefault("crm_report_data_age_days", []).append((labels, float(age)))
    for name, samples in found.items():
        yield f"# HELP {name} {_HELP[name]}\n# TYPE {name} gauge\n"
        yield from (f"{name}{_labels(labels)} {value:.10g}\n" for labels, value in _once(samples))


def _once(samples: Iterable[Sample]) -> Iterator[Sample]:
    """A series stands once in a file: where two reports would be one, the first counts."""
    seen: set[str] = set()
    for labels, value in samples:
        if (key := _labels(labels)) not in seen:
            seen.add(key)
            yield labels, value


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _source(schedule: Schedule, number: int) -> str:
    jobs = [one.source for one in schedule.reports] + [one.source for one in schedule.lists]
    return jobs[number]


def _age(schedule: Schedule, result: RunResult) -> int | None:
    """Days between the data of the page that people open and the day of the run."""
    pointer = publish.pointer_of(schedule.out / result.name / result.slug, "current.json") or {}
    with suppress(ValueError):
        return (schedule.today - date.fromisoformat(str(pointer.get("day")))).days
    return None
