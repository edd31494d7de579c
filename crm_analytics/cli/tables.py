"""Plain tables on stdout."""

from __future__ import annotations

import re
from collections.abc import Sequence

from crm_analytics.cli.console import echo

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
