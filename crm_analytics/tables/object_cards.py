"""What a result says of itself: one line at the prompt, a small card in a notebook.

Frames are counted, not printed, and no customer is shown: a card stands in notebooks that are passed on. It
asks the engine for nothing, unless a class says otherwise in `card_facts`.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import numbers
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd
from markupsafe import Markup, escape

from crm_analytics.tables import wrong_calls

LONGEST_LINE = 240  # letters of a repr
LONGEST_VALUE = 80
MOST_ROWS = 12  # of the frame on a card
MOST_NAMED = 8  # entries of a dict that are said one by one
_PERSONAL = {"customer_id", "known_id", "record_id", "user_id", "email", "phone", "name"}

# Lab's own colours, light and dark; elsewhere those of the reader's system.
_CARD = Markup("""<div class="crm-card"><style>
.crm-card{{color-scheme:light dark;color:var(--jp-ui-font-color1,CanvasText);font-size:13px;line-height:1.45;
border-left:3px solid var(--jp-brand-color1,#2f72b9);padding:2px 0 2px 12px;max-width:60em}}
.crm-card dl{{display:grid;grid-template-columns:max-content 1fr;gap:1px 14px;margin:4px 0}}
.crm-card dt{{color:var(--jp-ui-font-color2,GrayText)}}.crm-card dd{{margin:0}}
.crm-card table{{border-collapse:collapse;margin:6px 0;font-size:inherit}}
.crm-card :is(td,th){{padding:1px 8px;text-align:right;color:inherit;background:none}}
</style><strong>{name}</strong><dl>{facts}</dl>{frame}{pictures}</div>""")
_FACT = Markup("<dt>{}</dt><dd>{}</dd>")
_PICTURES = Markup("<div>Pictures: {}</div>")


class ObjectCard:
    """A result that is told in one line, and in a notebook on a card.

    A class may name the frame that its card shows in `card_frame` (never one with a row per customer), and
    say other facts than those of its fields in `card_facts`.

    Examples
    --------
    >>> @dataclasses.dataclass(frozen=True)
    ... class Scores(ObjectCard):
    ...     bins: int
    ...     segments: pd.DataFrame
    >>> Scores(5, pd.DataFrame({"segment": ["Loyal"], "customers": [31]}))
    <Scores: bins 5, segments 1 row x 2 columns>
    """

    card_frame: ClassVar[str] = ""
    said_as: ClassVar[str] = "result"  # the name of one in messages
    instead: ClassVar[Mapping[str, str]] = {}  # what other packages call it -> what to write

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # In the class itself: a dataclass writes its own only where there is none.
        cls.__repr__ = ObjectCard.__repr__  # type: ignore[method-assign]
        wrong_calls.explain_methods(cls)

    if not TYPE_CHECKING:  # a type checker would take any name for known

        def __getattr__(self, name: str) -> Any:
            """Only asked for what a result lacks."""
            if hasattr(type(self), name):  # its own property has failed: say how
                return object.__getattribute__(self, name)
            raise wrong_calls.lacks(self, name)

        def __getitem__(self, key: Any) -> Any:
            """A result is no frame, and says which frames it has."""
            raise wrong_calls.no_frame(self, key)

        __iter__ = None

    def frame_names(self) -> list[str]:
        """Where its frames are."""
        return [field.name for field in dataclasses.fields(self)] if dataclasses.is_dataclass(self) else []

    @property
    def card_facts(self) -> Mapping[str, Any]:
        """What the card says, by name: here each field."""
        assert dataclasses.is_dataclass(self)
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.repr}

    def __repr__(self) -> str:
        line = ""
        for name, text in told(self):
            more = f"{', ' if line else ''}{name} {text}"
            if len(line) + len(more) > LONGEST_LINE:
                line += ", …"
                break
            line += more
        return f"<{type(self).__name__}: {line}>" if line else f"<{type(self).__name__}>"

    def _repr_html_(self) -> str:
        facts = Markup().join(_FACT.format(name, text) for name, text in told(self))
        frame = getattr(self, self.card_frame) if self.card_frame else None
        plot = getattr(self, "plot", None)
        views = [f".plot.{view}()" for view in getattr(plot, "views", ())]
        return str(
            _CARD.format(
                name=type(self).__name__,
                facts=facts,
                frame=_rows(frame) if isinstance(frame, pd.DataFrame) else "",
                pictures=_PICTURES.format(", ".join(views)) if views else "",
            )
        )


def told(result: ObjectCard) -> Iterator[tuple[str, str]]:
    """Name and words of each fact of a result.

    A result that cannot be asked any more, as that of a closed connection, says so: a repr raises nothing.
    """
    try:
        facts = result.card_facts
    except Exception as problem:
        facts = {"not to be read": type(problem).__name__}
    for name, value in facts.items():
        if not name.startswith("_") and (text := said(value)):
            yield name, text


def said(value: Any) -> str:  # noqa: PLR0911 - one line for each kind of value
    """One value in a few words; empty for what needs none.

    Examples
    --------
    >>> said(0.24261), said({"r": 0.24261, "alpha": 4.41358}), said(pd.DataFrame({"a": [1, 2]}))
    ('0.2426', 'r 0.2426, alpha 4.414', '2 rows x 1 column')
    >>> said(None), said(["a", "b"]), said("x" * 100)[-3:]
    ('', '2 entries', 'xx…')
    """
    if value is None:
        return ""
    if isinstance(value, pd.DataFrame):
        return f"{_count(len(value), 'row')} x {_count(len(value.columns), 'column')}"
    if isinstance(value, pd.Series | pd.Index):
        return _count(len(value), "value")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, numbers.Integral):
        return f"{int(value):,}"
    if isinstance(value, numbers.Real):
        number = float(value)
        return f"{number:,.4g}" if abs(number) < 1e4 else f"{number:,.0f}"
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, str):
        text = " ".join(value.split())
        return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"
    if isinstance(value, Mapping):
        return _mapping(value)
    if shape := getattr(value, "shape", None):
        return " x ".join(f"{n:,}" for n in shape)
    if isinstance(value, Sequence | set | frozenset):
        return _count(len(value), "entry", "entries")
    return _other(value)


def _other(value: Any) -> str:
    if callable(getattr(value, "schema", None)):  # an Ibis table, which is not asked for its rows
        return f"table of {_count(len(value.columns), 'column')}"
    if isinstance(day := getattr(value, "day", None), dt.date):
        return f"at {day}"
    return type(value).__name__


def _mapping(value: Mapping[Any, Any]) -> str:
    plain = all(isinstance(v, numbers.Real | str | bool) for v in value.values())
    if not plain or len(value) > MOST_NAMED:
        return _count(len(value), "entry", "entries")
    return ", ".join(f"{name} {said(v)}" for name, v in value.items())


def _count(n: int, one: str, more: str = "") -> str:
    return f"{n:,} {one if n == 1 else more or one + 's'}"


def _rows(frame: pd.DataFrame) -> Markup:
    """The head of a frame, escaped; nothing where it has a row per customer."""
    if frame.empty or _PERSONAL & {str(column) for column in frame.columns}:
        return Markup()
    cells = [[said(v) for v in row] for row in frame.head(MOST_ROWS).itertuples(index=False)]
    head = "".join(f"<th>{escape(str(column))}</th>" for column in frame.columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in cells)
    rest = len(frame) - len(cells)
    more = f"<div>and {_count(rest, 'row')} more</div>" if rest > 0 else ""
    return Markup(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}")  # noqa: S704
