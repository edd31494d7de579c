"""The notebook's parameters cell, read without running it, as a strict model.

The cell is the only place where a report's parameters are declared::

    bins: int = 5  # quantile bins, 2..20
    timing: str = "end"  # when money comes, one of start, mid, end
    as_of: str = ""  # a day, empty for the last one in the data
    compare_to: str = "-13w"  # a span like -13w
    rate: float = 0.15  # annual effective rate, 0..1
    channels: list[str] = []  # shown first

The text after `#` is the help; a range `lo..hi` (either end may be missing), `one of a, b`, `a day` and
`a span like -13w` in it are rules that values are held to.
"""

from __future__ import annotations

import ast
import builtins
import functools
import io
import keyword
import re
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crm_analytics.errors import ParameterError, nearest
from crm_analytics.runs.catalogue.parameter_rules import TYPES, Parameter, Value, short, strict_model

if TYPE_CHECKING:
    from pydantic import BaseModel

# Given with --data and --as-of, or by the run itself (its folder), never with -p.
INJECTED = ("data", "as_of", "run")

_SECRET = re.compile(r"pass(word|wd)|secret|token|api_?key", re.IGNORECASE)
_TAKEN = {"In", "Out", "get_ipython", "display", *dir(builtins)}


@dataclass(frozen=True)
class ParameterSet:
    """The parameters of one notebook, in the order of its cell."""

    parameters: tuple[Parameter, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names in the order of the cell."""
        return tuple(p.name for p in self.parameters)

    @property
    def defaults(self) -> dict[str, Value]:
        """What a run without any `-p` uses."""
        return {p.name: p.default for p in self.parameters}

    def __getitem__(self, name: str) -> Parameter:
        return next(p for p in self.parameters if p.name == name)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    @functools.cached_property
    def model(self) -> type[BaseModel]:
        """The strict pydantic model: unknown names, other types, NaN and values out of range are refused."""
        return strict_model(self.parameters)

    def check(self, values: Mapping[str, object]) -> dict[str, Value]:
        """All parameters of a run: the given values where they are allowed, else the defaults.

        Parameters
        ----------
        values : by name; texts are converted to the declared kind, other values must have it

        Returns
        -------
        every parameter of the cell with its value, in the order of the cell

        Raises
        ------
        ParameterError : a name is unknown (the nearest is offered), or a value is not allowed.

        Examples
        --------
        >>> chosen = ParameterSet((Parameter("bins", "int", 5, low=2, high=20),))
        >>> chosen.check({"bins": "4"})
        {'bins': 4}
        >>> chosen.check({"bin": "4"})
        Traceback (most recent call last):
        ...
        crm_analytics.errors.ParameterError: there is no parameter 'bin'; did you mean 'bins'? Known: bins
        """
        typed: dict[str, object] = {}
        for name, value in values.items():
            if name not in self:
                known = ", ".join(self.names) or "none"
                near = nearest(str(name), self.names) or "."
                raise ParameterError(f"there is no parameter {short(name)}{near} Known: {known}")
            typed[name] = self[name].convert(value) if isinstance(value, str) else value
        return self.validated({**self.defaults, **typed})

    def validated(self, values: Mapping[str, object]) -> dict[str, Value]:
        """Values that already have their kinds, held to the model; ParameterError where they break it."""
        from pydantic import ValidationError

        try:
            checked = self.model.model_validate(values)
        except ValidationError as error:
            wrong = str(error.errors()[0]["loc"][0])
            raise self[wrong].refusal(values[wrong]) from None
        return {name: getattr(checked, name) for name in self.names}

    def changed(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """Values that differ from the defaults, without the source and the day."""
        defaults = self.defaults
        return {n: v for n, v in values.items() if n not in INJECTED and v != defaults[n]}


def read_parameters(notebook: Mapping[str, Any]) -> ParameterSet:
    """Read the cell tagged `parameters` of a notebook without running anything.

    Parameters
    ----------
    notebook : a notebook node, or the JSON of an .ipynb file

    Raises
    ------
    ParameterError : there is no such cell or more than one, or a line in it is not
        `name: type = literal`.

    Examples
    --------
    >>> cell = {"cell_type": "code", "metadata": {"tags": ["parameters"]},
    ...         "source": "bins: int = 5  # quantile bins, 2..20"}
    >>> found = read_parameters({"cells": [cell]})["bins"]
    >>> found.default, found.help, found.allowed
    (5, 'quantile bins, 2..20', 'a whole number 2..20')
    """
    cells = [c for c in notebook.get("cells", []) if "parameters" in c.get("metadata", {}).get("tags", [])]
    if len(cells) != 1:
        count = "no cell" if not cells else f"{len(cells)} cells"
        raise ParameterError(
            f"the notebook has {count} tagged 'parameters', it needs one. In JupyterLab: select the cell "
            "that holds `data: str = ...`, open the property inspector (the gear) and add the tag"
        )
    found = ParameterSet(_read_cell("".join(cells[0].get("source", ""))))
    try:
        found.validated(found.defaults)
    except ParameterError as error:
        raise ParameterError(f"parameters cell, the default {error}") from None
    return found


def _read_cell(source: str) -> tuple[Parameter, ...]:
    try:
        tree = ast.parse(source)
        comments = _comments(source)
    except (SyntaxError, ValueError, tokenize.TokenError) as error:
        line = getattr(error, "lineno", None) or 1
        raise ParameterError(f"parameters cell, line {line}: this is not Python") from None
    found: dict[str, Parameter] = {}
    for node in tree.body:
        where = f"parameters cell, line {node.lineno}"
        if not (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value):
            raise ParameterError(
                f"{where}: only `name: type = literal` may stand there, such as `bins: int = 5  # 2..20`. "
                "Move code to a cell below"
            )
        name, kind = node.target.id, ast.unparse(node.annotation)
        _check_name(name, where, found)
        if kind not in TYPES:
            raise ParameterError(f"{where}: {name} is declared {short(kind)}, allowed are {', '.join(TYPES)}")
        try:
            default = ast.literal_eval(node.value)
        except ValueError:
            raise ParameterError(f"{where}: the value of {name} is not a plain literal") from None
        text = comments.get(node.end_lineno or node.lineno, "")
        found[name] = Parameter.of(name, kind, default, text)
    return tuple(found.values())


def _check_name(name: str, where: str, found: Mapping[str, Parameter]) -> None:
    if name.startswith("_") or keyword.issoftkeyword(name) or name in _TAKEN:
        raise ParameterError(f"{where}: {name!r} is taken by Python or Jupyter; choose another name")
    if _SECRET.search(name):
        raise ParameterError(
            f"{where}: {name!r} looks like a secret, and parameters are published. Read it from an "
            "environment variable in a cell below"
        )
    if name in found:
        raise ParameterError(f"{where}: {name!r} is declared twice")


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0]: t.string.lstrip("# ").strip() for t in tokens if t.type == tokenize.COMMENT}
