"""A Plotly figure made safe and small: checked traces, harmless labels, rounded numbers, plain JSON.

Two things are not obvious. Plotly draws its labels as a small HTML (links included), so any text that may
come from data is escaped here, once, for every figure. And traces that need WebGL or map files draw an error
*inside* the figure under the page's policy, which no console reports, so they are refused here.
"""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from crm_analytics.errors import NotebookError
from crm_analytics.pages import locales, words
from crm_analytics.pages.axis_formats import name_of

DRAWN = frozenset(
    """
    bar barpolar box candlestick carpet contour contourcarpet funnel funnelarea heatmap histogram
    histogram2d histogram2dcontour icicle image indicator ohlc parcats pie quiver sankey scatter
    scattercarpet scatterpolar scattersmith scatterternary sunburst table treemap violin waterfall
    """.split()  # noqa: SIM905 (fifty quotes and commas read worse)
)
REFUSED = frozenset(
    """
    choropleth choroplethmap cone densitymap isosurface mesh3d parcoords scatter3d scattergeo scattergl
    scattermap scatterpolargl splom streamtube surface volume
    """.split()  # noqa: SIM905 (fifty quotes and commas read worse)
)
INSTEAD = {
    "scattergl": "scatter",
    "scatterpolargl": "scatterpolar",
    "scatter3d": "scatter",
    "parcoords": "parcats",
}
MOST_VALUES = 60_000

_TREES = ("icicle", "sunburst", "treemap")
_DIGITS = 6  # of a number, where no more are needed to tell it from the others
_ROUNDING = 1e-9  # relative: what a float sum may differ by
# What a trace shows nothing without; kinds that are not here (indicator, image, table) draw of themselves.
_MARKS = {
    **dict.fromkeys(("scatter", "bar", "violin", "histogram", "funnel", "waterfall"), ("x", "y")),
    "box": ("x", "y", "median"),
    **dict.fromkeys(("heatmap", "contour"), ("z",)),
    **dict.fromkeys(("histogram2d", "histogram2dcontour"), ("x", "y", "z")),
    **dict.fromkeys(("pie", "funnelarea"), ("values", "labels")),
    **dict.fromkeys(_TREES, ("labels", "ids")),
    **dict.fromkeys(("scatterpolar", "barpolar"), ("r",)),
    **dict.fromkeys(("candlestick", "ohlc"), ("close",)),
}

# Written by the author of a figure, not by data: templates name fields with %{...} and may hold <br>.
_TEMPLATES = ("hovertemplate", "texttemplate", "hovertemplatefallback", "texttemplatefallback")
_POINTS = ("x", "y", "z", "values", "r", "value")
_EDGES = ("ticksuffix", "tickprefix", "suffix", "prefix")
_PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*")
_HARMLESS = re.compile(r"[^<>&\"']*")  # colours, formats, paths: no text of them is ever markup
_PROTOTYPE = ("__proto__", "constructor", "prototype")  # a script must not find these as names of its own
_VERBATIM = ("family", "path", "d", "colorscale", "colorway")


def to_json(figure: go.Figure) -> dict[str, Any]:
    """`figure` as ``{"data": [...], "layout": {...}}`` of plain lists, without its template.

    Raises
    ------
    NotebookError : not a figure, nothing to draw, a tree whose parts are more than their branch (Plotly
        leaves it blank), a trace that needs WebGL or a map, a picture from elsewhere, or more than 60,000
        values.

    Examples
    --------
    >>> to_json(go.Figure(go.Bar(x=[1 / 3], y=["<b>"])))["data"]
    [{'x': [0.333333], 'y': ['&lt;b&gt;'], 'type': 'bar'}]
    """
    if not isinstance(figure, go.Figure):
        raise NotebookError(f"chart() takes a plotly Figure, got {type(figure).__name__}")
    if not len(figure.data):
        raise NotebookError("chart() got a figure without a trace; use note() where there is nothing to draw")
    for trace in figure.data:
        _check(trace.type)
    raw = figure.to_plotly_json()
    layout = {k: v for k, v in raw["layout"].items() if k != "template"}
    for picture in [*layout.get("images", []), *[t for t in raw["data"] if t["type"] == "image"]]:
        if not str(picture.get("source") or "data:").startswith("data:"):
            raise NotebookError("a picture in a chart must be part of the page (data:image/png;base64,...)")
    _has_marks(figure)
    traces = [_whole_parts(plain) for plain in map(_plain, raw["data"])]
    plain = {"data": traces, "layout": _plain(layout)}
    if (values := _values(plain["data"])) > MOST_VALUES:
        raise NotebookError(f"a chart of {values:,} values makes the page slow; draw at most {MOST_VALUES:,}")
    return plain


def called(figure: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """A figure whose keys and pop-ups call a column what its table does, instead of by its own name.

    >>> bar = {"name": "share of buyers", "customdata": ["share of buyers: 4 %"]}
    >>> called({"data": [bar], "layout": {}}, {"share_of_buyers": "Anteil"})["data"]
    [{'name': 'Anteil', 'customdata': ['Anteil: 4 %']}]
    """
    own = {words.label(name_of(column)): words.label(name) for column, name in names.items()}
    for trace in figure["data"]:
        old, texts = str(trace.get("name", "")), trace.get("customdata", [])
        if old in own:
            trace["name"] = own[old]
        before = f"{old}: "
        if not all(isinstance(text, str) and text.startswith(before) for text in texts):
            continue
        if old in own:
            trace["customdata"] = [f"{own[old]}: {text.removeprefix(before)}" for text in texts]
        elif locales.language() != locales.ENGLISH and texts:  # the column has a name in English alone
            trace["customdata"] = [text.removeprefix(before) for text in texts]
            if figure["layout"].get("showlegend") is False:
                trace.pop("name")
    return figure


def _has_marks(figure: go.Figure) -> None:
    """Refuse a figure whose traces hold nothing: the page would show an empty frame under a sentence."""
    if not any(_draws(trace) for trace in figure.data):
        raise NotebookError(
            "chart() got a figure without a mark: each trace is empty or hidden, or holds no number; use "
            "note() where there is nothing to draw"
        )


def _draws(trace: Any) -> bool:
    if trace.visible in (False, "legendonly"):
        return False
    if trace.type in _TREES and trace.branchvalues == "total":
        _check_parts(trace)
    if trace.type not in _MARKS:
        return True
    held = [trace[name] for name in _MARKS[trace.type] if trace[name] is not None]
    return bool(held) and all(any(not words.is_unknown(v) for v in _flat(values)) for values in held)


def _flat(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list | tuple | np.ndarray):
            yield from _flat(value)
        else:
            yield value


def _check_parts(trace: Any) -> None:
    """Plotly draws nothing at all of a tree whose children are more than their parent."""
    if trace.values is None:
        return
    sums: dict[str, float] = {}
    values = [0.0 if words.is_unknown(v) else float(v) for v in trace.values]
    for parent, value in zip(_parents(trace), values, strict=False):
        sums[parent] = sums.get(parent, 0.0) + value
    for name, value in zip(_names(trace), values, strict=False):
        if sums.get(name, 0.0) > value + _ROUNDING * max(abs(value), 1.0):
            raise NotebookError(
                f"the {trace.type} would be drawn blank: the parts of one of its branches come to "
                f"{sums[name]:,.6g}, more than the {value:,.6g} of the branch. Give each branch the sum of "
                "its parts, or leave out branchvalues='total'"
            )


def _names(trace: Any) -> list[str]:
    return [str(n) for n in (trace.labels if trace.ids is None else trace.ids)]


def _parents(trace: Any) -> list[str]:
    return [str(p) for p in (trace.parents if trace.parents is not None else ())]


def _whole_parts(plain: dict[str, Any]) -> dict[str, Any]:
    """A tree whose branches are the sum of their parts, as they were before each was rounded.

    Of rounded parts the sum may be more than the rounded branch, and Plotly then draws a blank picture.
    """
    if plain["type"] not in _TREES or plain.get("branchvalues") != "total" or "values" not in plain:
        return plain
    names = [str(name) for name in plain.get("ids", plain.get("labels", []))]
    parents = [str(parent) for parent in plain.get("parents", [])]
    values = [v or 0 for v in plain["values"]]
    place = {name: n for n, name in enumerate(names)}
    children: dict[str, list[int]] = {}
    for n, parent in enumerate(parents):
        children.setdefault(parent, []).append(n)
    # From the leaves up: a branch is raised after all below it.
    for n in sorted(range(min(len(names), len(values))), key=lambda n: -_depth(n, place, parents)):
        below = [values[child] for child in children.get(names[n], []) if child != n]
        values[n] = max(values[n], _summed(below))
    return {**plain, "values": values}


def _summed(values: Sequence[float]) -> float:
    """As a script adds them up, one after the other: `sum` of Python 3.12 is more exact than that."""
    total = 0.0
    for value in values:
        total += value
    return total


def _depth(n: int, place: Mapping[str, int], parents: Sequence[str]) -> int:
    depth = 0
    while n < len(parents) and parents[n] in place and depth <= len(place):
        n, depth = place[parents[n]], depth + 1
    return depth


def _check(kind: str) -> None:
    if kind in DRAWN:
        return
    use = INSTEAD.get(kind)
    next_step = f"use go.{use.capitalize()}" if use else "show the same numbers as bars or a heat map"
    raise NotebookError(f"a page cannot draw '{kind}' (it needs WebGL or map files); {next_step}")


def _plain(value: Any, key: str = "", digits: int = _DIGITS) -> Any:  # noqa: PLR0911
    if isinstance(value, dict):
        if set(value) >= {"dtype", "bdata"}:
            return _plain(_unpacked(value), key)
        return {k: _plain(v, k) for k, v in value.items() if v is not None and k not in _PROTOTYPE}
    if isinstance(value, str):
        return _text(value, key)
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else np.datetime_as_string(value, unit="auto")
    if isinstance(value, np.ndarray) and value.dtype.kind == "M":
        return [_plain(v) for v in value]
    if isinstance(value, list | tuple | np.ndarray):
        each = value.tolist() if isinstance(value, np.ndarray) else list(value)
        apart = _digits(each)
        return [_plain(v, key, apart) for v in each]
    if words.is_unknown(value):
        return None
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating | decimal.Decimal):
        return rounded(float(value), digits)
    return _text(str(value), key)


def _digits(values: Sequence[Any]) -> int:
    """How many digits tell the values of a list apart: more than six where they differ by little."""
    if not all(isinstance(v, float) for v in values):
        return _DIGITS
    known = [v for v in values if math.isfinite(v)]
    spread, largest = (max(known) - min(known), max(map(abs, known))) if known else (0.0, 0.0)
    if spread <= 0 or not math.isfinite(largest / spread):
        return _DIGITS
    return min(15, _DIGITS + max(0, math.floor(math.log10(largest / spread)) - 1))


def _text(text: str, key: str) -> str:
    if key in _TEMPLATES:
        if re.search(r"<\s*a\b|href", text, re.IGNORECASE):
            raise NotebookError(f"no links in a {key}: write plain text and %{{customdata}}")
        return text
    if key == "source" and _PICTURE.fullmatch(text):
        return text
    if key in _VERBATIM or key.endswith(("color", "format")):
        return text if _HARMLESS.fullmatch(text) else words.label(text)
    if key in _EDGES:  # the space before "%" is meant
        return text[: len(text) - len(text.lstrip(" "))] + words.label(text) + text[len(text.rstrip(" ")) :]
    return words.label(text)


def _unpacked(packed: dict[str, Any]) -> np.ndarray:
    flat = np.frombuffer(base64.b64decode(packed["bdata"]), dtype=np.dtype(packed["dtype"]))
    shape = packed.get("shape")
    if not shape:
        return flat
    return flat.reshape([int(n) for n in (shape.split(",") if isinstance(shape, str) else shape)])


def _values(value: Any) -> int:
    if isinstance(value, dict):
        return sum(_values(v) for v in value.values())
    return sum(_values(v) for v in value) if isinstance(value, list) else 1


def rounded(x: float, digits: int = 6) -> float | int:
    """`x` to `digits` significant digits, but never coarser than a whole number; whole numbers as int.

    >>> rounded(1234567.89), rounded(0.123456789), rounded(-0.0)
    (1234568, 0.123457, 0)
    """
    if x == 0:
        return 0
    short = round(x, max(0, digits - 1 - math.floor(math.log10(abs(x)))))
    return int(short) if short == int(short) and abs(short) < 1e15 else short


def digest(plain: dict[str, Any]) -> str:
    """What a figure holds, in one line: for outputs that are compared as text.

    >>> digest({"data": [{"type": "bar", "x": [1, 2]}, {"type": "heatmap", "z": [[1, 2], [3, 4]]}]})
    'figure: 2 traces (bar, heatmap), 6 points'
    """
    traces = plain["data"]
    points = sum(
        max((_values(t[k]) for k in _POINTS if isinstance(t.get(k), list)), default=1) for t in traces
    )
    kinds = ", ".join(t["type"] for t in traces)
    return f"figure: {words.plural(len(traces), 'trace')} ({kinds}), {words.plural(points, 'point')}"
