"""What can go wrong, each with the exit code a scheduler sees.

A message is a letter to a colleague: what happened, where, and what to do next. It never shows a
customer's name or a whole frame.
"""

from __future__ import annotations

import difflib
import errno
import os
from collections.abc import Iterable
from pathlib import PurePath

_LONGEST_NAME, _MOST_NAMES = 60, 30  # letters of a name, and names, that a message repeats

# Of libraries that this module does not import, by name.
_MEMORY = ("OutOfMemoryException", "ArrowMemoryError", "_ArrayMemoryError")


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


class MovedError(CrmError, ImportError):
    """A name of an earlier version is imported from where it no longer stands."""

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


def in_words(error: BaseException) -> CrmError:
    """An error that nobody expected, as one of ours: of its own class where the system or a text caused it.

    Full disks, open files and memory are limits; a path or text that no system takes is a parameter; a file
    that cannot be read is data. What is left is a fault of this package, and says so.

    >>> in_words(OSError(28, "No space left on device")).exit_code, in_words(KeyError("x")).exit_code
    (5, 4)
    """
    chain, cause = [error], error.__cause__ or error.__context__
    while cause is not None and cause not in chain:
        chain.append(cause)
        cause = cause.__cause__ or cause.__context__
    for one in chain:
        if isinstance(one, CrmError):
            return one
        if (ours := _of_the_system(one)) is not None:
            return ours
    return CrmError(
        f"something went wrong that should not ({type(error).__name__}). "
        "Run again with --debug and report what it shows"
    )


def _of_the_system(error: BaseException) -> CrmError | None:
    number, text = getattr(error, "errno", None), str(error).lower()
    io = isinstance(error, OSError) or type(error).__name__ == "IOException"  # DuckDB's
    if isinstance(error, MemoryError) or type(error).__name__ in _MEMORY:
        return LimitError("the memory ran out. Give it more memory or less data")
    if number in (errno.ENOSPC, errno.EDQUOT) or (io and "no space left" in text):
        return LimitError(
            "a disk is full: that of the temporary folder, or of what is written. Make room, or set TMPDIR"
        )
    if number in (errno.EMFILE, errno.ENFILE) or (io and "too many open files" in text):
        return LimitError("more files are open than the system allows. Allow more (ulimit -n)")
    if isinstance(error, OSError) and number is not None:
        name = (
            PurePath(os.fsdecode(error.filename)).name
            if isinstance(error.filename, (str, bytes))
            else "a file"
        )
        return DataError(f"{name} cannot be used ({error.strerror})")
    if isinstance(error, (UnicodeError, RecursionError)) or "null byte" in text:
        return ParameterError(f"a text, path or file is not one that can be used ({type(error).__name__})")
    if isinstance(error, RuntimeError) and ("home directory" in text or "symlink loop" in text):
        return ParameterError(f"a path leads nowhere ({str(error)[:80]})")
    return None


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the closest known name, or the empty string.

    >>> nearest("bin", ["bins", "rules"])
    "; did you mean 'bins'?"
    """
    originals = {k.lower(): k for k in known}
    matches = difflib.get_close_matches(name.lower(), originals, n=1, cutoff=0.6)
    return f"; did you mean '{originals[matches[0]]}'?" if matches else ""


def check_name(what: str, name: object, known: Iterable[str], also: Iterable[str] = ()) -> None:
    """Refuse a name that is not known, of a column or of a choice.

    Parameters
    ----------
    what : begins the message, such as "by: unknown column"
    known : names there are
    also : names that are offered where none of `known` is near, though they are not there

    Raises
    ------
    ParameterError : with the nearest name and what there is.

    >>> check_name("unknown column", "regoin", ["region", "city"])
    Traceback (most recent call last):
    crm_analytics.errors.ParameterError: unknown column 'regoin'; did you mean 'region'? There is region, city
    """
    there = [str(one) for one in known]
    if name in there:
        return
    near = nearest(str(name), there) or nearest(str(name), map(str, also)) or "."
    more = f" and {len(there) - _MOST_NAMES} more" if len(there) > _MOST_NAMES else ""
    shown = f"'{str(name)[:_LONGEST_NAME]}'"
    raise ParameterError(f"{what} {shown}{near} There is {', '.join(there[:_MOST_NAMES]) or 'none'}{more}")
