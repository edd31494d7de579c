"""Numbers that people give, checked before anything is computed; an error says what is right."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

from crm_analytics.errors import ParameterError


def is_base(value: Any) -> bool:
    """Whether it is a `CustomerBase`, asked by what it has: its module imports DuckDB, which takes a while.

    >>> is_base("data/cdnow")
    False
    """
    return hasattr(type(value), "customer_days") and hasattr(type(value), "as_of")


def base_given(base: Any, call: str) -> None:
    """A `CustomerBase`, where a frame, a path or something else is easily given instead.

    Raises
    ------
    ParameterError : it is none, with what to write.

    >>> base_given({}, "rfm.score")
    Traceback (most recent call last):
    crm_analytics.errors.ParameterError: rfm.score takes a CustomerBase, got dict: write \
rfm.score(CustomerBase.open(...)), with the file, connection or frame in place of the dots
    """
    if not is_base(base):
        raise ParameterError(
            f"{call} takes a CustomerBase, got {type(base).__name__}: write {call}(CustomerBase.open(...)), "
            "with the file, connection or frame in place of the dots"
        )


def whole(name: str, value: Any, least: int, most: int | None = None) -> None:
    """A whole number.

    Raises
    ------
    ParameterError : it is none, or outside.

    >>> whole("days", 7.5, 1, 180)
    Traceback (most recent call last):
    crm_analytics.errors.ParameterError: days = 7.5: a whole number, 1 to 180
    """
    fits = isinstance(value, Integral) and not isinstance(value, bool)
    if not fits or value < least or (most is not None and value > most):
        allowed = f"{least} or more" if most is None else f"{least} to {most}"
        raise ParameterError(f"{name} = {value!r}: a whole number, {allowed}")


def share(name: str, value: Any, high: float = 1.0) -> None:
    """A share from 0 to `high`.

    Raises
    ------
    ParameterError : it is none.
    """
    if not _is_number(value) or not 0 <= value <= high:
        raise ParameterError(f"{name} = {value!r}: a share from 0 to {high:g}")


def amount(name: str, value: Any) -> None:
    """An amount of money that is not negative.

    Raises
    ------
    ParameterError : it is none.
    """
    if not _is_number(value) or value < 0:
        raise ParameterError(f"{name} = {value!r}: an amount of money; it cannot be negative")


def level(value: Any) -> None:
    """With what probability an interval holds.

    Raises
    ------
    ParameterError : it does not lie between 0 and 1.

    >>> level(95)
    Traceback (most recent call last):
    crm_analytics.errors.ParameterError: level = 95: it must lie between 0 and 1; did you mean 0.95?
    """
    if not _is_number(value) or not 0 < value < 1:
        meant = f"; did you mean {value / 100:g}?" if _is_number(value) and 1 < value < 100 else ""
        raise ParameterError(f"level = {value!r}: it must lie between 0 and 1{meant or ', such as 0.95'}")


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
