"""What a person who waits in a terminal or a notebook sees; a scheduler, a report and a test see nothing."""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

PATIENCE = 2.0  # seconds without a word
TICK = 0.5
DISPLAY = "CRM_DISPLAY"  # set where a notebook becomes a page or a text: nobody is waiting

Given = ParamSpec("Given")
Result = TypeVar("Result")
_busy: ContextVar[bool] = ContextVar("busy", default=False)  # only the outermost work is told


def somebody_waits() -> bool:
    """Whether standard error is a terminal, or this is the kernel of a notebook that somebody works in."""
    if os.environ.get(DISPLAY):
        return False
    return sys.stderr.isatty() or type(sys.stderr).__module__.startswith("ipykernel")


@contextmanager
def watching(what: str) -> Iterator[None]:
    """Say what is going on and for how long, from two seconds on, and nothing once it is done.

    >>> with watching("Learning who leaves"):
    ...     pass
    """
    if _busy.get() or not somebody_waits():
        yield
        return
    token, done = _busy.set(True), threading.Event()
    teller = threading.Thread(target=_tell, args=(what, done), daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()
        _busy.reset(token)


def watched(what: str) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """A function that is watched, whoever calls it.

    >>> watched("Counting")(len)("abc")
    3
    """

    def decorated(function: Callable[Given, Result]) -> Callable[Given, Result]:
        @functools.wraps(function)
        def called(*args: Given.args, **kwargs: Given.kwargs) -> Result:
            with watching(what):
                return function(*args, **kwargs)

        return called

    return decorated


def _tell(what: str, done: threading.Event) -> None:
    if done.wait(PATIENCE):
        return
    from tqdm import tqdm

    with tqdm(desc=what, bar_format="{desc} … {elapsed}", leave=False, file=sys.stderr) as line:
        while not done.wait(TICK):
            line.refresh()
