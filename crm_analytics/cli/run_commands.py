"""`crm run`: every report of a `crm.toml`, for a scheduler at night or a person who watches."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crm_analytics.cli.console import YEAR, Finite, echo_json, now, say, show_trace, tell
from crm_analytics.cli.tables import tell_timings

if TYPE_CHECKING:
    from crm_analytics.runs.schedule.night import Item, Summary


@click.command()
@click.argument("config", type=click.Path(path_type=Path), default=Path("crm.toml"), required=False)
@click.option("--dry-run", is_flag=True, help="Say what would run and why; make nothing.")
@click.option(
    "--only", multiple=True, metavar="NAME", help="This report alone (NAME or NAME/SLUG); repeat it."
)
@click.option("--force", is_flag=True, help="Run although nothing has changed.")
@click.option(
    "--wait",
    type=Finite(0, YEAR),
    default=0,
    metavar="SECONDS",
    help="Wait for another run of the same report instead of ending it with 75.",
)
@click.option("--timings", "timed", is_flag=True, help="Tell where the seconds went.")
@click.pass_obj
def run(
    obj: dict[str, Any], config: Path, dry_run: bool, only: tuple[str, ...], timed: bool, **options: Any
) -> int:
    """Make all reports of CONFIG (crm.toml), side by side; what has not changed is skipped.

    \b
    crm run crm.toml --dry-run     what would run, and why
    crm run crm.toml               one line of JSON a report, and a last one
    """  # noqa: D301
    from crm_analytics.runs.publishing.result import worst
    from crm_analytics.runs.schedule.night import Summary, prepare, run_items
    from crm_analytics.runs.schedule.schedule_file import read_schedule
    from crm_analytics.runs.workers import Ended

    schedule = read_schedule(config, now(), **options)
    items = prepare(schedule, only, ask=not dry_run)
    if dry_run:
        for item in items:
            _foretell(item)
        return worst(i.decision.problem.exit_code for i in items if i.decision.problem is not None)
    board, results = _Board(items), []
    code = 0
    try:
        for event in run_items(schedule, items):
            if isinstance(event, Ended):
                board.drop(event.number)
                show_trace(bool(obj and obj["debug"]), event.result.traceback)
                results.append(event.result)
                with board.aside():
                    tell(event.result)
            elif isinstance(event, Summary):
                board.close()
                if timed:
                    tell_timings(results)
                code = _conclude(event)
            else:
                board.show(event)
    finally:
        board.close()
    return code


def _foretell(item: Item) -> None:
    """What a run would do about one report."""
    decision = item.decision
    status = "would run" if decision.result is None else "unchanged"
    if decision.problem is not None:
        status = "would fail"
    where = f"{item.name} {item.slug}".strip()
    line = {"name": item.name, "slug": item.slug or None, "status": status, "why": decision.why}
    echo_json(line)
    say(f"{where}: {status} ({decision.why})", "yellow" if decision.problem is not None else None)


def _conclude(summary: Summary) -> int:
    echo_json(summary.line())
    counts = ", ".join(f"{count} {status}" for status, count in sorted(summary.counts.items()))
    colour = "red" if summary.exit_code else "green"
    say(f"{summary.config}: {counts} ({summary.seconds:.1f} s), exit {summary.exit_code}", colour)
    if summary.message:
        say(summary.message, "red")
    for words in summary.told:
        say(words)
    return summary.exit_code


class _Board:
    """On a terminal one line for each report under way, with its cells; elsewhere a word when one begins."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._names = {i.number: f"{i.name} {i.slug}".strip() for i in items}
        self._tasks: dict[int, Any] = {}
        self._progress: Any = None
        self._live = sys.stderr.isatty()

    def show(self, event: Any) -> None:
        """A report begins, or has run more of its cells."""
        name = self._names[event.number]
        done, total = getattr(event, "done", 0), getattr(event, "total", None)
        if not self._live:
            if total is None:
                say(f"{name}: begins")
            return
        progress = self._start()
        if event.number not in self._tasks:
            self._tasks[event.number] = progress.add_task(name, total=total)
        progress.update(self._tasks[event.number], completed=done, total=total)

    def drop(self, number: int) -> None:
        """A report has ended: its line goes."""
        if number in self._tasks:
            self._progress.remove_task(self._tasks.pop(number))

    def aside(self) -> _Aside:
        """While something is said the lines are off the screen."""
        return _Aside(self._progress)

    def close(self) -> None:
        """Take all lines off the screen."""
        if self._progress is not None:
            self._progress.stop()

    def _start(self) -> Any:
        if self._progress is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), "cells")
            self._progress = Progress(
                *columns,
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
                redirect_stdout=False,  # lines for machines must reach stdout, not the terminal
                redirect_stderr=False,
            )
            self._progress.start()
        return self._progress


class _Aside:
    def __init__(self, progress: Any) -> None:
        self._progress = progress

    def __enter__(self) -> None:
        if self._progress is not None:
            self._progress.stop()

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.start()
