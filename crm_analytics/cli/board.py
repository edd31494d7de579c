"""Reports under way side by side, on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from crm_analytics.cli.console import say


class Board:
    """On a terminal one line for each report under way, with its cells; elsewhere a word when one begins."""

    def __init__(self, names: Mapping[int, str]) -> None:
        self._names = names
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
