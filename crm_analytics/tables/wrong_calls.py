"""What a wrong name or a wrong argument is told: the nearest right one, and what to write."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from types import FunctionType
from typing import Any

import pandas as pd

from crm_analytics.errors import ParameterError, nearest

# What people ask of a frame. A result holds frames and is none.
_OF_FRAMES = frozenset(
    [
        "head",
        "tail",
        "columns",
        "iloc",
        "loc",
        "groupby",
        "group_by",
        "describe",
        "info",
        "dtypes",
        "merge",
        "join",
        "sort_values",
        "sort",
        "query",
        "value_counts",
        "sample",
        "shape",
        "index",
        "values",
        "select",
        "with_columns",
        "assign",
        "pivot_table",
        "to_csv",
        "to_parquet",
        "to_excel",
        "to_dict",
        "to_pandas",
        "to_frame",
        "to_json",
        "to_sql",
        "write_csv",
        "write_parquet",
        "iterrows",
        "itertuples",
        "isna",
        "dropna",
    ]
)
# What other packages call an argument, where the nearest name of ours would be another one.
_KEYWORDS = {
    "time": "horizon",
    "discount_rate": "rate",
    "periods": "horizon",
    "random_state": "seed",
    "freq": "unit",
}
_OPENING = ("read_", "from_", "load")


class UnknownName(ParameterError, AttributeError):  # noqa: N818 - the name is the sentence
    """A name that is not there; an AttributeError, so that `hasattr` works."""


class NoFrame(ParameterError, TypeError):  # noqa: N818 - the name is the sentence
    """A result that is used as a frame."""


class WrongCall(ParameterError, TypeError):  # noqa: N818 - the name is the sentence
    """Arguments that a function does not take."""


def lacks(result: Any, name: str) -> AttributeError:
    """What to raise where a result is asked for a name it does not have."""
    kind = type(result).__name__
    if name.startswith("_"):
        return AttributeError(f"'{kind}' object has no attribute '{name}'")
    if name in _OF_FRAMES:
        return UnknownName(f"{kind} has no '{name}': it is no frame. {_frames(result)}")
    if name in result.instead:
        return UnknownName(f"{kind} has no '{name}': write {result.instead[name]}")
    known = [one for one in dir(result) if not one.startswith("_")]
    hint = nearest(name, known)
    return UnknownName(f"{kind} has no '{name}'{hint or f'; it has {_listed(known)}'}")


def no_frame(result: Any, key: Any) -> NoFrame:
    """What to raise where a result is asked for a column or a row."""
    return NoFrame(f"{type(result).__name__}[{str(key)[:40]!r}]: it is no frame. {_frames(result)}")


def _frames(result: Any) -> str:
    said = []
    for name in result.frame_names():
        value = getattr(result, name, None)
        if isinstance(value, pd.DataFrame):
            said.append(f".{name}")
        elif callable(getattr(value, "schema", None)):
            said.append(f".{name}.to_pandas()")
    return f"Write {' or '.join(said)}" if said else "Its numbers are its attributes, see dir()"


def _listed(names: Iterable[str], most: int = 12) -> str:
    names = list(names)
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


class Opened(type):
    """The class of `CustomerBase`, which other packages would open by `read_csv` or `from_pandas`."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith(_OPENING):
            raise UnknownName(
                f"{cls.__name__} has no '{name}': write {cls.__name__}.open(...), with the file, folder, "
                "connection or frame in place of the dots"
            )
        raise AttributeError(f"type object '{cls.__name__}' has no attribute '{name}'")


def explained(function: Callable[..., Any], call: str) -> Callable[..., Any]:
    """A function whose wrong arguments are told in words: which, the nearest, and what it takes.

    Examples
    --------
    >>> def score(base, *, bins=5): ...
    >>> explained(score, "rfm.score")(1, bin=3)
    Traceback (most recent call last):
    crm_analytics.tables.wrong_calls.WrongCall: rfm.score has no argument 'bin'; did you mean 'bins'? Write \
rfm.score(base, bins=...)
    """

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except TypeError:
            if not (words := refusal(function, call, args, kwargs)):
                raise
        raise WrongCall(words)

    called.explains = True  # type: ignore[attr-defined]
    return called


def refusal(function: Callable[..., Any], call: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """Why arguments do not fit a function, and how it is called; empty where they fit."""
    taken = inspect.signature(function).parameters
    bound = next(iter(taken), "") in ("self", "cls")
    parameters = dict(list(taken.items())[1:] if bound else taken.items())
    given = args[1:] if bound else args
    places = [n for n, p in parameters.items() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    free = [p.kind for p in parameters.values()]
    needed = [
        n
        for n, p in parameters.items()
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    options = [n for n, p in parameters.items() if n not in needed and n not in places]
    missing = [n for n in needed if n not in kwargs and n not in places[: len(given)]]
    unknown = [n for n in kwargs if n not in parameters and inspect.Parameter.VAR_KEYWORD not in free]
    if unknown:
        free_names = [n for n in parameters if n not in kwargs]
        meant = _KEYWORDS.get(unknown[0], "")
        hint = f"; did you mean '{meant}'?" if meant in free_names else nearest(unknown[0], free_names)
        named = hint.split("'")[1] if hint else ""
        shown = [*needed, *([named] if named and named not in needed else [])]
        more = "" if hint else f"; it takes {', '.join(parameters) or 'nothing'}"
        return (
            f"{call} has no argument '{unknown[0]}'{hint or more + '.'} Write {_written(call, shown, needed)}"
        )
    if len(given) > len(places) and inspect.Parameter.VAR_POSITIONAL not in free:
        others = [n for n in options if n not in kwargs][: len(given) - len(places)]
        return (
            f"{call} takes {len(places)} argument{'s' * (len(places) != 1)} by place, got {len(given)}: "
            f"name the others. Write {_written(call, [*places, *others], places)}"
        )
    if missing:
        return f"{call} needs {' and '.join(missing)}, too. Write {_written(call, needed, places)}"
    return ""


def _written(call: str, names: list[str], places: list[str]) -> str:
    return f"{call}({', '.join(n if n in places else f'{n}=...' for n in names)})"


def explain_methods(kind: type) -> None:
    """Let the public methods that a class defines itself be `explained`."""
    for name, value in list(vars(kind).items()):
        if name.startswith("_"):
            continue
        if isinstance(value, classmethod) and isinstance(value.__func__, FunctionType):
            setattr(kind, name, classmethod(explained(value.__func__, f"{kind.__name__}.{name}")))
        elif isinstance(value, FunctionType) and not hasattr(value, "explains"):
            setattr(kind, name, explained(value, f"{getattr(kind, 'said_as', 'result')}.{name}"))


def know_names(namespace: dict[str, Any], instead: Mapping[str, str] | None = None) -> None:
    """A package that offers its public names, tells the nearest of a wrong one, and explains wrong calls.

    Parameters
    ----------
    namespace : ``globals()`` of the package, which has `__all__`
    instead : what other packages call it -> what to write here
    """
    package: str = namespace["__name__"]
    names: list[str] = sorted(namespace["__all__"])
    short = package.rpartition(".")[2]
    for name in names:
        value = namespace[name]
        if isinstance(value, FunctionType) and not hasattr(value, "explains"):
            namespace[name] = explained(value, f"{short}.{name}")

    def offered() -> list[str]:
        return names

    def missing(name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        if instead and name in instead:
            raise UnknownName(f"{short} has no '{name}': write {instead[name]}")
        hint = nearest(name, names)
        raise UnknownName(f"{short} has no '{name}'{hint or f'; dir({short}) lists what it has'}")

    namespace["__dir__"], namespace["__getattr__"] = offered, missing
