"""A limit on what runs in this process: opening a source, a query. A kernel has its own, see `kernel`."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from crm_analytics.errors import LimitError


@contextmanager
def time_limit(seconds: float | None, message: str) -> Iterator[None]:
    """Stop what runs inside after so many seconds, also while it waits for a file or the engine.

    Only the main thread of a process can be stopped so, and only where the system knows alarms; elsewhere
    there is no limit.

    Parameters
    ----------
    seconds : wall time; None for no limit
    message : what is said of it

    Raises
    ------
    LimitError : the time is over.
    """
    alone = threading.current_thread() is threading.main_thread()
    if seconds is None or not alone or not hasattr(signal, "setitimer"):
        yield
        return
    expired = False

    def expire(*_: object) -> None:
        nonlocal expired
        expired = True
        raise LimitError(message)

    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001), 1)  # again: a library may catch the first
    try:
        yield
    except Exception as error:
        if expired and not isinstance(error, LimitError):
            raise LimitError(message) from error
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
