"""One parameter of a report: its kind, its rules, and a value held to them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

from crm_analytics.errors import ParameterError

if TYPE_CHECKING:
    from pydantic import BaseModel

Value = str | int | float | bool | list[str]

TYPES: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool, "list[str]": list}
KINDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list[str]": "texts separated by commas",
}

_RANGE = re.compile(r"(?<![\w.])(-?\d+(?:\.\d+)?)?\.\.(-?\d+(?:\.\d+)?)?(?![\w.])")
_CHOICES = re.compile(r"\bone of ([^;()]+)")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_SPAN = re.compile(r"[+-]?\d{1,5}[dwmy]", re.IGNORECASE)
_INT = re.compile(r"[+-]?[0-9]{1,18}")
_FLOAT = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_TRUTHS = {"true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True)
class Parameter:
    """One line of the parameters cell.

    Parameters
    ----------
    name : an identifier
    kind : ``"str"``, ``"int"``, ``"float"``, ``"bool"`` or ``"list[str]"``
    default : a value of that kind
    help : the comment behind it, without `#`
    low, high : bounds of a number, both included; None where there is none
    choices : the texts or numbers a value must be one of; empty where any is right
    shape : ``"day"``, ``"span"`` or ``""``
    """

    name: str
    kind: str
    default: Value
    help: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str | int | float, ...] = ()
    shape: str = ""

    @classmethod
    def of(cls, name: str, kind: str, default: Value, text: str) -> Parameter:
        """A parameter with the rules that its help states.

        >>> Parameter.of("bins", "int", 5, "quantile bins, 2..20").high
        20.0
        """
        low = high = None
        choices: tuple[str | int | float, ...] = ()
        shape = ""
        bounds = _RANGE.search(text)
        if kind in ("int", "float") and bounds:
            low, high = (float(b) if b else None for b in bounds.groups())
        listed = _CHOICES.search(text)
        if kind != "bool" and listed:
            words = [w.strip(" `'\"") for w in listed[1].rstrip(" .").split(",")]
            plain = cls(name, "str" if kind == "list[str]" else kind, default)
            choices = tuple(plain.convert(w) for w in words if w)  # type: ignore[misc]
        if kind == "str" and re.search(r"\ba span like\b", text):
            shape = "span"
        elif kind == "str" and re.search(r"\ba day\b", text):
            shape = "day"
        return cls(name, kind, default, text, low, high, choices, shape)

    @property
    def allowed(self) -> str:
        """What a value must be, in words."""
        if self.choices:
            return "one of " + ", ".join(str(c) for c in self.choices)
        if self.shape == "day":
            return "a day like 2026-01-31" + (", or empty" if self.default == "" else "")
        if self.shape == "span":
            return "a span like -13w, -90d, -6m or -1y" + (", or empty" if self.default == "" else "")
        words = KINDS[self.kind]
        if self.low is None and self.high is None:
            return words
        return f"{words} {_end(self.low)}..{_end(self.high)}"

    def convert(self, text: str) -> Value:
        """A value from a command line, by the declared kind; texts stay as they are.

        >>> Parameter("month", "str", "").convert("00123")
        '00123'
        """
        bare = text.strip()
        if self.kind == "str":
            return text
        if self.kind == "int" and _INT.fullmatch(bare):
            return int(bare)
        if self.kind == "float" and _FLOAT.fullmatch(bare):
            return float(bare)
        if self.kind == "bool" and bare.lower() in _TRUTHS:
            return _TRUTHS[bare.lower()]
        if self.kind == "list[str]":
            return [part.strip() for part in bare.split(",")] if bare else []
        raise self.refusal(text)

    def refusal(self, value: object) -> ParameterError:
        """The error that names the parameter, the value and what is allowed."""
        return ParameterError(f"{self.name} = {short(value)}: it must be {self.allowed}")

    def obeyed(self, value: Any) -> Any:
        """The value, where it is among the choices and has the shape.

        Raises
        ------
        ValueError : it is or has not.
        """
        wanted = value if isinstance(value, list) else [value]
        if self.choices and any(v not in self.choices for v in wanted):
            raise ValueError("not among the choices")
        if self.shape and not (value == "" == self.default) and not _shaped(value, self.shape):
            raise ValueError(f"not a {self.shape}")
        return value


def strict_model(parameters: tuple[Parameter, ...]) -> type[BaseModel]:
    """A pydantic model that refuses unknown names, other types, NaN and values against the rules."""
    from pydantic import AfterValidator, ConfigDict, Field, create_model

    fields: dict[str, Any] = {}
    for p in parameters:
        plain: Any = list[str] if p.kind == "list[str]" else TYPES[p.kind]
        fields[p.name] = (
            Annotated[plain, Field(ge=p.low, le=p.high), AfterValidator(p.obeyed)],
            p.default,
        )
    strict = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())
    return create_model("Parameters", __config__=strict, **fields)


def short(value: object) -> str:
    """A value as Python writes it, cut to 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _shaped(value: str, shape: str) -> bool:
    if shape == "span":
        return bool(_SPAN.fullmatch(value))
    try:
        return bool(_DAY.fullmatch(value)) and bool(date.fromisoformat(value))
    except ValueError:
        return False


def _end(bound: float | None) -> str:
    return "" if bound is None else f"{bound:g}"
