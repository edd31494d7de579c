"""How the `crm` command speaks: words for people on stderr, one JSON line a report on stdout."""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crm_analytics.errors import CrmError, LimitError
from crm_analytics.pages.status import Status
from crm_analytics.tables.redaction import redact

if TYPE_CHECKING:
    from datetime import datetime

    from crm_analytics.runs.report_run import RunResult

_CONTROLS = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")  # of Unicode's categories: they draw nothing

YEAR = 366 * 86_400  # seconds: the longest that anything is waited for


class Finite(click.FloatRange):
    """A number of a range that is one: click takes `nan` for a number of any range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number, or a refusal in click's words."""
        found: float = super().convert(value, param, ctx)
        if not math.isfinite(found):
            self.fail(f"{value} is no number.", param, ctx)
        return found


MARKS = {
    Status.DONE: ("done", "green"),
    Status.THIN: ("done, few data", "yellow"),
    Status.UNCHANGED: ("unchanged", "green"),
    Status.LOCKED: ("busy", "yellow"),
    Status.REFUSED: ("not started", "red"),
}


def plain(text: str) -> str:
    r"""Text as it may reach a terminal or a log: without the control characters that would move a cursor.

    >>> plain("a\x1b]0;x\x07b\u202ec")
    'a]0;xbc'
    """
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in _CONTROLS)


def echo(text: object) -> None:
    """A line on stdout; a reader that is gone, or a full disk behind it, ends no night."""
    try:
        click.echo(plain(str(text)))
        sys.stdout.flush()
    except OSError:
        _mute(sys.stdout)


def echo_json(line: Mapping[str, Any]) -> None:
    """One line of JSON for machines; no text in it tells a password."""
    shown = {name: _redacted(value) for name, value in line.items()}
    echo(json.dumps(shown, ensure_ascii=False))


def _redacted(value: Any) -> Any:
    if isinstance(value, list):
        return [_redacted(one) for one in value]
    return redact(value) if isinstance(value, str) else value


def _mute(stream: Any) -> None:
    """Nothing more is said where nobody listens; what is being made goes on."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    with suppress(OSError, ValueError):
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def say(text: str, colour: str | None = None, ctx: click.Context | None = None) -> None:
    """Words for people on stderr; coloured on a terminal only, and never under NO_COLOR."""
    bare = bool(os.environ.get("NO_COLOR")) or not sys.stderr.isatty()
    shown = plain(redact(text))
    if ctx is not None:
        shown += f"\n{ctx.command_path} --help shows what there is"
    try:
        click.echo(shown if bare else click.style(shown, fg=colour), err=True)
    except OSError:
        _mute(sys.stderr)


def now() -> datetime:
    """The one clock of the package: when a command was called."""
    from datetime import datetime

    return datetime.now().astimezone()


def show_trace(debug: bool, text: str) -> None:
    """Python's own words of a failure, for whoever asked for them."""
    if debug and text:
        say(text)


def tell(result: RunResult) -> None:
    """One line for machines, a few words for people."""
    echo_json(result.line())
    mark, colour = MARKS.get(result.status, ("failed", "red"))
    where = f"{result.name} {result.slug}".strip()
    say(f"{where}: {mark} ({result.seconds:.1f} s)", colour)
    say(f"  {result.message}")
    if result.note:
        say(f"  {result.note}")
    if result.page is not None:
        say(f"  {_from_here(result.page)}")


def tell_pdf(run: Path) -> int:
    """Print a run's page and say where the PDF is; the exit code where that fails. The report stays."""
    from crm_analytics.runs.manager_pdf import write_pdf

    try:
        say(f"  {_from_here(write_pdf(run))}")
    except CrmError as error:
        say(f"  {error}", "red")
        return error.exit_code
    return 0


def _from_here(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


class CellBar:
    """A bar over a notebook's cells on a terminal; nothing elsewhere.

    Called with (cells done, cells in all); `close` takes it off the screen before anything is said.
    """

    def __init__(self) -> None:
        self._bar: Any = None
        self._shown = sys.stderr.isatty()

    def __call__(self, done: int, total: int) -> None:
        """Show how far it is."""
        if not self._shown:
            return
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

            columns = (BarColumn(), MofNCompleteColumn(), "cells", TimeElapsedColumn())
            # Without its redirection: lines for machines must reach stdout, not the bar's terminal.
            self._bar = Progress(
                *columns,
                console=Console(stderr=True),
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._bar.add_task("", total=total)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=done, total=total)

    def close(self) -> None:
        """Take the bar off the screen; the next call begins a new one."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


@contextmanager
def stopped_in_words() -> Iterator[None]:
    """A stop from outside (a scheduler's SIGTERM) is a failure that is told, like any other."""

    def stop(*_: object) -> None:
        raise LimitError(
            "the run was stopped from outside before it was done. Start it again, or allow more time"
        )

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
