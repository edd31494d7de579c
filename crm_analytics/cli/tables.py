"""Plain tables: of results on stdout, of seconds on stderr."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from crm_analytics.cli.console import echo, say

if TYPE_CHECKING:
    from crm_analytics.runs.publishing.result import RunResult

_NUMBER = re.compile(r"[+-]?\d|-$")


def tell_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows in aligned columns on stdout; numbers stand to the right."""
    if not rows:
        return
    columns = range(len(header))
    widths = [max(len(row[i]) for row in (header, *rows)) for i in columns]
    numbers = [all(_NUMBER.match(row[i]) for row in rows) for i in columns]
    for row in (header, *rows):
        cells = [row[i].rjust(widths[i]) if numbers[i] else row[i].ljust(widths[i]) for i in columns]
        echo("  " + "  ".join(cells).rstrip())


def tell_timings(results: Sequence[RunResult]) -> None:
    """Seconds by report and step, on stderr; reports that were not made have none."""
    from crm_analytics.runs.timings import STEPS

    made = [result for result in results if result.timings]
    if not made:
        say("no report was made: there is nothing to time")
        return
    rows: list[tuple[str, ...]] = [("report", *STEPS, "in all")]
    for result in made:
        seconds = [result.timings.get(step) for step in STEPS]
        cells = ["-" if one is None else f"{one:.2f}" for one in seconds]
        rows.append((f"{result.name} {result.slug}".strip(), *cells, f"{result.seconds:.2f}"))
    if len(made) > 1:
        sums = [f"{sum(result.timings.get(step, 0.0) for result in made):.2f}" for step in STEPS]
        rows.append(("sum", *sums, f"{sum(result.seconds for result in made):.2f}"))
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    ]
    say("seconds by step (docs/telling.md says what each is)\n" + "\n".join(lines))
