"""One order of arguments, model before spend before customers; another order still works, and warns."""

from __future__ import annotations

import functools
import inspect
import sys
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from crm_analytics.analyses.arguments import is_base
from crm_analytics.errors import ParameterError
from crm_analytics.tables.wrong_calls import explained

Result = TypeVar("Result")
_CUSTOMERS = ("summary", "frame", "source")  # what functions call whom they look at
_PACKAGE = __name__.partition(".")[0]


def model_first(function: Callable[..., Result]) -> Callable[..., Result]:
    """Let a function of (model[, spend], customers) take these in any order, told apart by what they are.

    Who writes another order outside this package is warned, until version 0.3.

    Raises
    ------
    ParameterError : one of them is missing or is nothing of the kind, with what to write.
    """
    signature, function = inspect.signature(function), explained(function, f"btyd.{function.__name__}")
    wanted = [
        name
        for name, parameter in signature.parameters.items()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD and name in ("model", "spend", *_CUSTOMERS)
    ]

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Result:
        first = [name for name in wanted if name not in kwargs]
        given, rest = args[: len(first)], args[len(first) :]
        found = _told_apart(function.__name__, wanted, first, given)
        if list(found) != [name for name in wanted if name in found]:
            _warn(function.__name__, wanted)
        others = [n for n in signature.parameters if n not in wanted]
        return function(**found, **dict(zip(others, rest, strict=False)), **kwargs)

    return called


def _told_apart(call: str, wanted: list[str], first: list[str], given: tuple[Any, ...]) -> dict[str, Any]:
    order = ", ".join(wanted)
    found: dict[str, Any] = {}
    for value in given:
        if is_base(value):
            raise ParameterError(
                f"{call} takes a summary, not a base: write btyd.{call}({order}) with "
                f"{wanted[-1]} = btyd.summarize(base, unit='W')"
            )
        kind = _kind(value) or wanted[-1]
        if kind not in first or kind in found:
            what = f"a second {kind}" if kind in found else f"{type(value).__name__} as {kind}"
            raise ParameterError(f"{call} got {what}: write btyd.{call}({order})")
        found[kind] = value
    missing = [name for name in first if name not in found]
    if missing:
        raise ParameterError(f"{call} needs {' and '.join(missing)}, too: write btyd.{call}({order})")
    return found


def _kind(value: Any) -> str:
    """Of what kind an argument is: spend models have a mean spend, other models a total; else empty."""
    kind = type(value)
    if hasattr(kind, "mean_spend"):
        return "spend"
    return "model" if any(hasattr(kind, name) for name in ("LABEL", "total_purchases", "total_value")) else ""


def _warn(call: str, wanted: list[str]) -> None:
    caller = sys._getframe(2)  # who called the function; pages of this package keep the order they have
    if str(caller.f_globals.get("__name__", "")).partition(".")[0] != _PACKAGE:
        warnings.warn(
            f"btyd.{call} takes {', '.join(wanted)} in this order now; the other one works until version 0.3",
            DeprecationWarning,
            stacklevel=3,
        )
