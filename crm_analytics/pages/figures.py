"""Frame -> figure, for every report: bars, columns, intervals, lines, a Lorenz curve, a heat map.

They draw what stands in the frame and compute nothing. Blue is what the finding is about, orange what needs
somebody, grey what it is compared with; names stand beside their marks, not in a legend. Texts are plain:
`blocks.chart` escapes them. Wording follows `fmt`, a format of `words.say` ("count", "money:USD"; "percent"
takes fractions), or `prefix` and `suffix` around the number.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pandas as pd
import plotly.graph_objects as go

from crm_analytics.pages import words
from crm_analytics.pages.axis_formats import LETTER, Wording, column, name_of, texts
from crm_analytics.pages.curves import intervals, lines, lorenz
from crm_analytics.pages.theme import (
    ACCENT,
    ATTENTION,
    CONTEXT,
    INK,
    MUTED,
    ON_PALE,
    ON_STRONG,
    SCALE,
    SERIES,
)

__all__ = ["ACCENT", "ATTENTION", "CONTEXT", "INK", "MUTED"]
__all__ += ["bars", "columns", "heatmap", "intervals", "lines", "lorenz"]


CROWDED = 8  # columns of a heatmap: beyond, their names would break


def bars(
    frame: pd.DataFrame,
    y: str,
    x: str,
    context: str | None = None,
    highlight: Collection[str] = (),
    *,
    suffix: str = "",
    prefix: str = "",
    fmt: str = "",
) -> go.Figure:
    """Horizontal bars, the first row on top.

    Parameters
    ----------
    frame : one row per bar
    y, x : columns of the names and of the lengths
    context : column of a second, grey bar to compare with
    highlight : names whose bar is orange

    >>> frame = pd.DataFrame({"segment": ["Loyal", "At risk"], "share": [31.0, 12.0]})
    >>> bars(frame, y="segment", x="share", highlight=["At risk"], suffix=" %").data[0].text
    ('31 %', '12 %')
    """
    wording = Wording(fmt, prefix, suffix)
    names = texts(column(frame, y))
    marked = {words.clean(h, words.LONGEST_LABEL) for h in highlight}
    figure = go.Figure()
    labels: list[str] = []
    for name, colors, ink in (
        (x, [ATTENTION if n in marked else ACCENT for n in names], INK),
        (context, CONTEXT, MUTED),
    ):
        if name is None:
            continue
        values = wording.say(column(frame, name))
        labels += values
        figure.add_bar(
            orientation="h",
            y=names,
            x=wording.scaled(frame[name]),
            name=name_of(name),
            marker_color=colors,
            text=values,
            textposition="outside",
            textfont={"color": ink, "size": 14 if name == x else 12},
            customdata=[f"{name_of(name)}: {s}" for s in values],
            hovertemplate="%{y}<br>%{customdata}<extra></extra>",
        )
    below = any(v is not None and v < 0 for trace in figure.data for v in trace.x)
    room = round(12 + LETTER * max(map(len, labels), default=0))
    figure.update_layout(
        height=int(24 + len(names) * (46 if context else 36)),
        barmode="group",
        bargap=0.32 if context else 0.34,
        bargroupgap=0.06,
        showlegend=False,
        margin={"r": room, "l": room if below else 8, "t": 6, "b": 6},
        xaxis={"visible": below, "showgrid": False, "showticklabels": False, "zeroline": below},
        yaxis={
            "type": "category",
            "autorange": "reversed",
            "showgrid": False,
            "ticklabelstandoff": room if below else 6,
            "tickfont": {"color": INK, "size": 14},
        },
        meta={"phone": {"yaxis": {"tickfont": {"size": 13}}}},
    )
    return figure


def columns(
    frame: pd.DataFrame,
    x: str,
    ys: Sequence[str],
    names: Mapping[str, str] | None = None,
    *,
    highlight: Collection[str] = (),
    x_title: str = "",
    fmt: str = "",
    prefix: str = "",
    suffix: str = "",
) -> go.Figure:
    """Vertical columns side by side: the first blue, what it is compared with grey (actual and expected).

    Parameters
    ----------
    frame : one row per group, in the order of the axis
    ys : one or more columns of heights
    names : column -> what the key calls it
    highlight : groups drawn in orange, with one column only

    >>> frame = pd.DataFrame({"orders": ["0", "1"], "actual": [1411, 439], "expected": [1429.9, 424.6]})
    >>> [trace.name for trace in columns(frame, "orders", ["actual", "expected"]).data]
    ['actual', 'expected']
    """
    wording = Wording(fmt, prefix, suffix)
    groups = texts(column(frame, x))
    marked = {words.clean(h, words.LONGEST_LABEL) for h in highlight}
    figure = go.Figure()
    colors = (ACCENT, CONTEXT, *SERIES[1:])
    for name, color in zip(ys, colors, strict=False):
        values = wording.say(column(frame, name))
        roomy = len(ys) * len(groups) <= 12 and max(map(len, values), default=0) <= 7
        figure.add_bar(
            x=groups,
            y=wording.scaled(frame[name]),
            name=name_of(name, names),
            marker_color=[ATTENTION if g in marked else color for g in groups] if len(ys) == 1 else color,
            text=values if roomy else None,
            textposition="outside",
            textangle=0,
            textfont={"color": INK if name == ys[0] else MUTED, "size": 13},
            customdata=[f"{name_of(name, names)}: {s}" for s in values],
            hovertemplate="%{x}<br>%{customdata}<extra></extra>",
        )
    figure.update_layout(
        height=330,
        barmode="group",
        bargroupgap=0.05,
        showlegend=len(ys) > 1,
        margin={"t": 34 if len(ys) > 1 else 22},
        xaxis={"type": "category", "title": {"text": x_title}, "showgrid": False, "tickfont": {"color": INK}},
        yaxis={"rangemode": "tozero", "nticks": 6, **wording.axis()},
        meta={"phone": {"height": 290}},
    )
    return figure


def heatmap(
    frame: pd.DataFrame,
    text: pd.DataFrame | Sequence[Sequence[str]] | None = None,
    *,
    x_title: str = "",
    y_title: str = "",
    fmt: str = "",
    top: float | None = None,
) -> go.Figure:
    r"""A table of shades: rows are `frame`'s index (the first on top), columns its columns.

    Parameters
    ----------
    frame : numbers from 0 up; a missing one stays blank
    text : what stands in each cell, one or two lines (``"$3.2k\n58"``); by default the number
    top : the number of the darkest step; by default the largest

    >>> heatmap(pd.DataFrame({"1": [5.0], "2": [10.0]}, index=["0-45 d"])).data[1].text
    ('5', '10')
    """
    wording = Wording(fmt, "", "")
    z = [wording.scaled(row) for row in frame.to_numpy()]
    cells = text.to_numpy().tolist() if isinstance(text, pd.DataFrame) else text
    cell_texts = [[str(t) for t in row] for row in cells or [wording.say(row) for row in frame.to_numpy()]]
    rows, across = texts(frame.index), texts(frame.columns)
    largest = (
        wording.scaled([top])[0] if top else max((v for row in z for v in row if v is not None), default=1)
    )
    largest = largest or 1
    steps = len(SCALE)
    spots = [(r, c) for r in range(len(rows)) for c in range(len(across)) if z[r][c] is not None]
    parts = [cell_texts[r][c].replace("<br>", "\n").split("\n") for r, c in spots]
    strong = [min(steps - 1, int(steps * (z[r][c] or 0) / largest)) >= steps - 2 for r, c in spots]
    two = any(len(p) > 1 for p in parts)
    hover = [
        [" · ".join(p) for p in [s.replace("<br>", "\n").split("\n") for s in row]] for row in cell_texts
    ]
    figure = go.Figure()
    figure.add_heatmap(
        z=z,
        x=across,
        y=rows,
        zmin=0,
        zmax=largest,
        colorscale=[[(i + side) / steps, c] for i, c in enumerate(SCALE) for side in (0, 1)],
        showscale=False,
        xgap=3,
        ygap=3,
        customdata=hover,
        hovertemplate="%{y}, %{x}<br>%{customdata}<extra></extra>",
    )
    figure.add_scatter(
        x=[across[c] for _, c in spots],
        y=[rows[r] for r, _ in spots],
        mode="text",
        text=[p[0] for p in parts],
        customdata=[" ".join(p[1:]) for p in parts],
        texttemplate="%{text}<br>%{customdata}" if two else "%{text}",
        textfont={"color": [ON_STRONG if s else ON_PALE for s in strong], "size": 13},
        hoverinfo="skip",
    )
    axis = {"type": "category", "showgrid": False, "tickfont": {"color": INK}}
    narrow = {"tickfont": {"color": INK, "size": 11}} if len(across) > CROWDED else {}
    figure.update_layout(
        height=int(62 + len(rows) * (56 if two else 42)),
        showlegend=False,
        margin={"t": 4, "r": 4},
        xaxis={**axis, **narrow, "title": {"text": x_title}, "range": [-0.5, len(across) - 0.5]},
        yaxis={**axis, "title": {"text": y_title}, "range": [len(rows) - 0.5, -0.5]},
        meta={"phone": {"yaxis": {"title": {"text": ""}}}, "phone_hide": [1] if len(across) > 6 else []},
    )
    return figure
