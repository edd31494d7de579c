"""What can go wrong, each with the exit code a scheduler sees.

A message is a letter to a colleague: what happened, where, and what to do next. It never shows a
customer's name or a whole frame.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class CrmError(Exception):
    """The parent of every error this package raises on purpose."""

    exit_code = 4


class ParameterError(CrmError):
    """A parameter, a name or a command-line argument is wrong."""

    exit_code = 2


class DataError(CrmError):
    """The source cannot be used as it is: a file, a column, too many broken rows, a day outside the data."""

    exit_code = 3


class NotEnoughData(DataError):  # noqa: N818 - the name is the sentence
    """A number could be computed but would mean nothing.

    Parameters
    ----------
    what : the thing that needs more data, e.g. ``"Gamma-Gamma"``
    have, need : how many there are and from how many on it speaks
    unit : what is counted, e.g. ``"repeat buyers"``
    """

    def __init__(self, what: str, have: int, need: int, unit: str = "customers") -> None:
        self.what, self.have, self.need, self.unit = what, have, need, unit
        super().__init__(f"{what} needs at least {need:,} {unit}, this base has {have:,}")


class NotebookError(CrmError):
    """A cell of a notebook failed."""

    exit_code = 4


class LimitError(CrmError):
    """Time or memory ran out, or the kernel died."""

    exit_code = 5


class PublishError(CrmError):
    """The page could not be made or put in its place."""

    exit_code = 6


class LockedError(CrmError):
    """Another run is making the same report."""

    exit_code = 75


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the closest known name, or the empty string.

    >>> nearest("bin", ["bins", "rules"])
    "; did you mean 'bins'?"
    """
    originals = {k.lower(): k for k in known}
    matches = difflib.get_close_matches(name.lower(), originals, n=1, cutoff=0.6)
    return f"; did you mean '{originals[matches[0]]}'?" if matches else ""
