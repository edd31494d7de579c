"""Frame -> figure where bars and lines do not do: parts of a whole, moves, a number over two axes.

A figure that stands alone, in a notebook, also gets its look and a title here: on a page the section has
both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio

from crm_analytics.pages import words
from crm_analytics.pages.axis_formats import Wording, column, texts
from crm_analytics.pages.theme import (
    ACCENT,
    ACCENT_SOFT,
    CONTEXT,
    CONTEXT_SOFT,
    DARK,
    INK,
    MUTED,
    ON_PALE,
    ON_STRONG,
    PAPER,
    SCALE,
    template,
)

_TITLE = 44  # px above the figure
_STEPS = len(SCALE)
_STEPPED = [[(i + side) / _STEPS, c] for i, c in enumerate(SCALE) for side in (0, 1)]


def treemap(
    frame: pd.DataFrame, label: str, size: str, shade: str = "", *, fmt: str = "", shade_fmt: str = ""
) -> go.Figure:
    """Areas by `size`, the darker the larger `shade`; rows without a size above zero are left out.

    Parameters
    ----------
    frame : one row per part
    label, size : columns of names and of areas
    shade : column of the shade, by default the size

    >>> parts = pd.DataFrame({"segment": ["Loyal", "Lost"], "revenue": [9.0, 1.0]})
    >>> treemap(parts, "segment", "revenue").data[0].labels
    ('Loyal', 'Lost')
    """
    shown = frame[column(frame, size).fillna(0).astype(float) > 0]
    sizes, dark = Wording(fmt), Wording(shade_fmt or fmt)
    shades = dark.scaled(column(shown, shade or size))
    top = max((v for v in shades if v is not None), default=0.0) or 1.0
    steps = [max(0, min(_STEPS - 1, int(_STEPS * (v or 0) / top))) for v in shades]
    figure = go.Figure()
    figure.add_treemap(
        labels=texts(shown[label]),
        parents=[""] * len(shown),
        values=[float(v) for v in shown[size]],
        text=sizes.say(shown[size]),
        customdata=dark.say(shown[shade or size]),
        texttemplate="%{label}<br>%{text}",
        hovertemplate="%{label}<br>%{text}<br>%{customdata}<extra></extra>",
        marker={"colors": [SCALE[s] for s in steps], "line": {"color": PAPER, "width": 2}},
        textfont={"color": [ON_STRONG if s >= _STEPS - 2 else ON_PALE for s in steps], "size": 14},
        tiling={"pad": 2},
        pathbar={"visible": False},
    )
    figure.update_layout(height=380, margin={"t": 4, "l": 4, "r": 4, "b": 4})
    return figure


def flows(frame: pd.DataFrame, source: str, target: str, value: str, *, fmt: str = "count") -> go.Figure:
    """Bands from groups on the left to groups on the right; blue who moved, grey who stayed.

    Parameters
    ----------
    frame : one row per pair of groups; pairs of nobody are left out
    source, target, value : columns: from where, to where, how many

    >>> moves = pd.DataFrame({"a": ["Loyal", "Loyal"], "b": ["Loyal", "Lost"], "n": [8, 2]})
    >>> flows(moves, "a", "b", "n").data[0].link.value
    (8.0, 2.0)
    """
    shown = frame[column(frame, value).fillna(0).astype(float) > 0]
    left, right = (list(dict.fromkeys(texts(column(shown, c)))) for c in (source, target))
    said = Wording(fmt).say(shown[value])
    pairs = list(zip(texts(shown[source]), texts(shown[target]), strict=True))
    figure = go.Figure()
    figure.add_sankey(
        node={
            "label": [*left, *right],
            "color": ACCENT,
            "pad": 14,
            "thickness": 12,
            "line": {"width": 0},
            "hovertemplate": "%{label}<extra></extra>",
        },
        link={
            "source": [left.index(a) for a, _ in pairs],
            "target": [len(left) + right.index(b) for _, b in pairs],
            "value": [float(v) for v in shown[value]],
            "color": [CONTEXT_SOFT if a == b else ACCENT_SOFT for a, b in pairs],
            "customdata": said,
            "hovertemplate": "%{source.label} to %{target.label}<br>%{customdata}<extra></extra>",
        },
        textfont={"color": INK, "size": 13},
    )
    figure.update_layout(height=120 + 34 * max(len(left), len(right)), margin={"l": 8, "r": 8})
    return figure


def surface(
    frame: pd.DataFrame,
    x: str,
    y: str,
    value: str,
    *,
    x_title: str = "",
    y_title: str = "",
    fmt: str = "",
    top: float | None = None,
) -> go.Figure:
    """Shades over two axes of numbers, as of a probability over recency and frequency; the lowest row below.

    Parameters
    ----------
    frame : one row per point of a grid; a point that is missing stays blank
    x, y, value : columns
    top : the number of the darkest step; by default the largest

    >>> grid = pd.DataFrame({"recency": [0, 1], "frequency": [1, 1], "alive": [0.1, 0.9]})
    >>> list(surface(grid, "recency", "frequency", "alive").data[0].z[0])
    [0.1, 0.9]
    """
    wording = Wording(fmt)
    wide = frame.pivot_table(index=y, columns=x, values=value, aggfunc="mean")
    largest = wording.scaled([top])[0] if top else None
    figure = go.Figure()
    figure.add_heatmap(
        x=[float(v) for v in wide.columns],
        y=[float(v) for v in wide.index],
        z=[wording.scaled(row) for row in wide.to_numpy()],
        zmin=0,
        zmax=largest,
        colorscale=_STEPPED,
        colorbar={"thickness": 10, "outlinewidth": 0, "tickfont": {"color": MUTED}, **wording.axis()},
        customdata=[[words.say(v, fmt) if fmt else f"{v:.3g}" for v in row] for row in wide.to_numpy()],
        hovertemplate=f"{y_title or y} %{{y}}, {x_title or x} %{{x}}<br>%{{customdata}}<extra></extra>",
    )
    figure.update_layout(
        height=420,
        xaxis={"title": {"text": x_title or x}, "showgrid": False},
        yaxis={"title": {"text": y_title or y}, "showgrid": False},
    )
    return figure


def alone(figure: go.Figure, title: str) -> go.Figure:
    """The figure with its look and a title, to be shown outside a page, where it may be zoomed.

    It is dark where `plotly.io.templates.default` is a dark template, as ``"plotly_dark"``.

    >>> alone(go.Figure(go.Bar(y=[1])), "Orders").layout.title.text
    'Orders'
    """
    look: dict[str, Any] = template()
    look["layout"] |= {side: {**look["layout"][side], "fixedrange": False} for side in ("xaxis", "yaxis")}
    # Paper of its own, for in a dark notebook dark ink on no paper cannot be read.
    look["layout"] |= {"paper_bgcolor": PAPER, "plot_bgcolor": PAPER}
    above = _number(figure.layout.margin.t, look["layout"]["margin"]["t"])
    figure.update_layout(
        template=look,
        height=_number(figure.layout.height, 380) + _TITLE,
        margin={"t": above + _TITLE},
        title={
            "text": words.label(title),
            "x": 0,
            "xref": "container",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            "pad": {"t": 12, "l": 8},
            "font": {"size": 16, "color": INK},
        },
        modebar={"orientation": "v", "bgcolor": "rgba(0,0,0,0)", "color": CONTEXT, "activecolor": MUTED},
        meta=None,  # what a page changes for phones
    )
    return _darkened(figure) if "dark" in str(pio.templates.default) else figure


def _darkened(figure: go.Figure) -> go.Figure:
    """Each colour by its twin in the dark, on the dark paper: where Plotly's own default template is dark."""
    plain = _twins(figure.to_plotly_json())
    plain["layout"] |= {"paper_bgcolor": DARK[PAPER], "plot_bgcolor": DARK[PAPER]}
    return go.Figure(plain)


def _twins(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _twins(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_twins(v) for v in value]
    return DARK.get(value, value) if isinstance(value, str) else value


def nothing(sentence: str) -> go.Figure:
    """A figure that says in words why there is nothing to draw.

    >>> nothing("Nobody bought.").layout.annotations[0].text
    'Nobody bought.'
    """
    figure = go.Figure()
    figure.add_annotation(
        text=words.label(sentence),
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
        font={"color": MUTED, "size": 15},
    )
    hidden: Mapping[str, Any] = {"visible": False}
    figure.update_layout(height=180, xaxis=hidden, yaxis=hidden)
    return figure


def _number(value: Any, otherwise: float) -> float:
    return float(otherwise if value is None else value)
