"""What became of a run, in one word."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Of a report or list: on the index, in `current.json`, in manifests and on the command line."""

    DONE = "done"
    THIN = "thin"  # too few data for the full report
    UNCHANGED = "unchanged"  # looked at again: what is published is what a run would give
    FAILED = "failed"
    LOCKED = "locked"  # another run holds the lock
    REFUSED = "refused"  # before anything began
    NEVER = "never"  # scheduled, but no run has come to it

    @property
    def good(self) -> bool:
        """Whether a page that can be read came of it."""
        return self in (Status.DONE, Status.THIN, Status.UNCHANGED)

    @classmethod
    def read(cls, written: object) -> Status:
        """As it stands in a pointer; a word of another version means that there is a page.

        >>> Status.read("thin"), Status.read("finer"), Status.read(None)
        (<Status.THIN: 'thin'>, <Status.DONE: 'done'>, <Status.DONE: 'done'>)
        """
        return next((status for status in cls if status == written), cls.DONE)
