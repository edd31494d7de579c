"""`crm run`: every report of a `crm.toml`, for a scheduler at night or a person who watches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crm_analytics.cli.board import Board
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
    board, results = Board({i.number: f"{i.name} {i.slug}".strip() for i in items}), []
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
