"""A process that dies, or a disk that is full, at a call of the file system."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from hypothesis import strategies as st

CALLS = ("replace", "rename", "fsync", "unlink", "mkdir", "rmdir")
Fault = tuple[int, str | None]


class Killed(BaseException):
    """The process is gone at this call."""


@contextmanager
def struck(fault: Fault) -> Iterator[None]:
    """The call of that number fails; after a kill every later one does, too."""
    at, kind = fault
    count = 0

    def striking(real):
        def call(*args, **kwargs):
            nonlocal count
            count += 1
            if kind == "killed" and count >= at:
                raise Killed
            if kind == "full" and count == at:
                raise OSError(28, "No space left on device")
            return real(*args, **kwargs)

        return call

    import os

    with mock.patch.multiple("os", **{name: striking(getattr(os, name)) for name in CALLS}):
        yield


def faults(most: int) -> st.SearchStrategy[Fault]:
    """No fault, a kill or a full disk at one of the first so many calls."""
    return st.one_of(
        st.just((0, None)),
        st.tuples(st.integers(1, most), st.just("killed")),
        st.tuples(st.integers(1, most), st.just("full")),
    )
