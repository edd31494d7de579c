"""Figures along an axis: lines with their names at the end, the Lorenz curve, dots with intervals.

Notebooks and reports take them from `figures`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from crm_analytics.pages import locales, words
from crm_analytics.pages.axis_formats import LETTER, Wording, column, name_of, texts
from crm_analytics.pages.sentences import sentences
from crm_analytics.pages.theme import (
    ACCENT,
    ACCENT_SOFT,
    ATTENTION,
    CONTEXT,
    INK,
    MUTED,
    PAPER,
    SERIES,
)


def lines(
    frame: pd.DataFrame,
    x: str,
    ys: Sequence[str],
    band: tuple[str, str] | None = None,
    *,
    names: Mapping[str, str] | None = None,
    context: Collection[str] = (),
    mark: Any = None,
    mark_label: str = "",
    x_title: str = "",
    fmt: str = "",
    prefix: str = "",
    suffix: str = "",
    zero: bool = True,
) -> go.Figure:
    """Lines over days or numbers, each with its name at its end.

    Parameters
    ----------
    frame : one row per point, ascending in `x`
    ys : columns; the first is blue, more take the further colours
    band : lower and upper column of an interval around the first line
    names : column -> what stands at the end of its line
    context : columns drawn grey and dashed, to compare with
    mark, mark_label : a value of `x` with a vertical line (the day of the cut), and its words
    zero : the axis begins at zero

    >>> frame = pd.DataFrame({"week": [1, 2], "actual": [10, 21], "model": [11, 20]})
    >>> lines(frame, "week", ["model", "actual"]).layout.annotations[0].text
    'model'
    """
    wording = Wording(fmt, prefix, suffix)
    across = column(frame, x).tolist()
    figure = go.Figure()
    if band:
        low, high = (wording.scaled(column(frame, name)) for name in band)
        figure.add_scatter(
            x=across, y=high, mode="lines", line={"width": 0}, hoverinfo="skip", showlegend=False
        )
        figure.add_scatter(
            x=across, y=low, mode="lines", line={"width": 0}, fill="tonexty", fillcolor=ACCENT_SOFT,
            hoverinfo="skip", showlegend=False,
        )  # fmt: skip
    colors = iter(SERIES)
    ends: list[tuple[str, Any, float, str]] = []
    for name in ys:
        quiet = name in context
        color = MUTED if quiet else next(colors)
        values = wording.scaled(column(frame, name))
        figure.add_scatter(
            x=across,
            y=values,
            mode="lines" if len(values) > 1 else "markers",
            name=name_of(name, names),
            line={"color": color, "width": 2 if quiet else 3, "dash": "dash" if quiet else "solid"},
            customdata=[f"{name_of(name, names)}: {label}" for label in wording.say(frame[name])],
            hovertemplate="%{customdata}<extra></extra>",
        )
        known = [n for n, v in enumerate(values) if v is not None]
        if known:
            ends.append((name_of(name, names), across[known[-1]], values[known[-1]] or 0.0, color))
    _name_ends(figure, ends, zero)
    figure.update_layout(
        height=350,
        showlegend=False,
        hovermode="x unified",
        xaxis={
            "title": {"text": x_title},
            "showgrid": False,
            "nticks": 8,
            "tickangle": 0,
            **_ends_of(across),
        },
        yaxis={"rangemode": "tozero" if zero else "normal", "nticks": 6, **wording.axis()},
    )
    if mark is not None:
        figure.add_shape(
            type="line",
            x0=mark,
            x1=mark,
            yref="paper",
            y0=0,
            y1=1,
            line={"color": MUTED, "width": 1.5, "dash": "dot"},
        )
        figure.add_annotation(
            x=mark, yref="paper", y=1, xanchor="right", yanchor="top", xshift=-6, text=mark_label
        )
    return figure


def _ends_of(across: list[Any]) -> dict[str, Any]:
    """The names at the ends would stretch the axis, so it says itself where it ends; not for categories."""
    if len(across) < 2 or any(isinstance(v, str) for v in across):
        return {}
    return {"range": [across[0], across[-1]]}


def _name_ends(figure: go.Figure, ends: list[tuple[str, Any, float, str]], zero: bool) -> None:
    """Names at the ends of lines, pushed apart where two lines end together."""
    heights = [v for trace in figure.data for v in trace.y if v is not None]
    floor = 0.0 if zero and min(heights, default=0) >= 0 else min(heights, default=0.0)
    step = 0.075 * ((max(heights, default=1.0) - floor) or 1.0)
    last = float("-inf")
    for name, at, height, color in sorted(ends, key=lambda end: end[2]):
        last = max(height, last + step)
        figure.add_annotation(
            name="direct", x=at, y=last, xanchor="left", xshift=8, align="left", text=name,
            font={"color": color, "size": 14},
        )  # fmt: skip
    longest = max((len(name) for name, *_ in ends), default=0)
    figure.update_layout(
        margin={"r": 18 + min(190.0, LETTER * longest), "t": 16},
        # Too narrow for names at the side: there they stand above, with a piece of their line.
        meta={
            "phone": {"height": 300, "showlegend": True, "margin": {"r": 16, "t": 34}, "xaxis": {"nticks": 4}}
        },
    )


def lorenz(frame: pd.DataFrame, x: str = "", y: str = "", *, mark: float | None = 0.2) -> go.Figure:
    """How unequally something is spread: its share over the share of customers, most valuable first.

    Parameters
    ----------
    frame : shares 0..1 of customers (`x`, by default the first column) and of the value (`y`, the second),
        ascending
    mark : the share of customers whose point is named, or None

    >>> curve = pd.DataFrame({"customer_share": [0, 0.2, 1], "revenue_share": [0, 0.63, 1]})
    >>> lorenz(curve).data[2].text
    ('the top 20 % bring 63 %',)
    """
    x, y = x or str(frame.columns[0]), y or str(frame.columns[1])
    customers, value = column(frame, x).astype(float), column(frame, y).astype(float)
    percent, t = Wording("percent:0", "", ""), sentences(locales.language())
    figure = go.Figure()
    figure.add_scatter(
        x=percent.scaled(customers),
        y=percent.scaled(value),
        mode="lines",
        line={"color": ACCENT, "width": 3},
        fill="tozeroy",
        fillcolor=ACCENT_SOFT,
        customdata=[t("figure.hover", top=a, share=b) for a, b in zip(customers, value, strict=True)],
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure.add_scatter(
        x=[0, 100],
        y=[0, 100],
        mode="lines",
        line={"color": CONTEXT, "width": 1.5, "dash": "dot"},
        hoverinfo="skip",
    )
    if mark is not None and len(frame):
        at = int((customers - mark).abs().to_numpy().argmin())
        here, brings = float(customers.iloc[at]), float(value.iloc[at])
        label = t("figure.top", top=here, share=brings)
        figure.add_scatter(
            x=[100 * here],
            y=[100 * brings],
            mode="markers+text",
            marker={"color": ATTENTION, "size": 11, "line": {"color": PAPER, "width": 2}},
            text=[label],
            textposition="bottom right",
            textfont={"color": ATTENTION, "size": 14},
            hoverinfo="skip",
        )
    figure.update_layout(
        height=350,
        showlegend=False,
        margin={"r": 26, "t": 14},
        xaxis={"ticksuffix": " %", "range": [0, 100], "title": {"text": t("figure.first")}},
        yaxis={"ticksuffix": " %", "range": [0, max(101, 100 * value.max())]},
        meta={"phone": {"height": 300}},
    )
    return figure


def intervals(  # noqa: PLR0917 (label, value, lower, upper: as they are read)
    frame: pd.DataFrame,
    label: str,
    value: str,
    lower: str,
    upper: str,
    reference: float | None = None,
    *,
    reference_label: str = "",
    highlight: Collection[str] = (),
    fmt: str = "",
    prefix: str = "",
    suffix: str = "",
) -> go.Figure:
    """A dot and its interval a row, the first row on top.

    Parameters
    ----------
    label, value, lower, upper : columns; an interval may be missing
    reference : a line to compare with, in the units of `value`

    >>> frame = pd.DataFrame({"what": ["model"], "x": [1.0], "low": [0.8], "high": [1.3]})
    >>> len(intervals(frame, "what", "x", "low", "high", reference=1.1).layout.shapes)
    1
    """
    wording = Wording(fmt, prefix, suffix)
    names = texts(column(frame, label))
    marked = {words.clean(h, words.LONGEST_LABEL) for h in highlight}
    middle = wording.scaled(column(frame, value))
    low, high = (wording.scaled(column(frame, name)) for name in (lower, upper))
    colors = [ATTENTION if n in marked else ACCENT for n in names]
    together = wording.say(pd.concat([frame[name] for name in (value, lower, upper)]))
    worded = [together[start : start + len(frame)] for start in range(0, 3 * len(frame), len(frame))]
    labels = [
        f"{v} ({a} {locales.to_word()} {b})" if words.UNKNOWN not in (a, b) else v
        for v, a, b in zip(*worded, strict=True)
    ]
    figure = go.Figure()
    for n, name in enumerate(names):
        figure.add_scatter(
            x=[low[n], high[n]],
            y=[name, name],
            mode="lines",
            line={"color": colors[n], "width": 5},
            opacity=0.35,
            hoverinfo="skip",
        )
    figure.add_scatter(
        x=middle,
        y=names,
        mode="markers",
        marker={"color": colors, "size": 12, "line": {"color": PAPER, "width": 2}},
        customdata=labels,
        hovertemplate="%{y}<br>%{customdata}<extra></extra>",
    )
    figure.update_layout(
        height=int(74 + 54 * len(names)),
        showlegend=False,
        margin={"t": 34 if reference is not None else 16, "l": 8, "r": 24, "b": 8},
        xaxis=wording.axis([*low, *high]),
        yaxis={
            "type": "category",
            "range": [len(names) - 0.5, -0.62],
            "showgrid": False,
            "ticklabelstandoff": 10,
            "tickfont": {"color": INK, "size": 14},
        },
    )
    for n, name in enumerate(names):
        if middle[n] is not None:  # on its own ground, so that no line runs through the number
            figure.add_annotation(
                x=middle[n], y=name, text=worded[0][n], yshift=18, borderpad=1, bgcolor=PAPER,
                font={"color": INK, "size": 13},
            )  # fmt: skip
    if reference is not None:
        at = wording.scaled([reference])[0]
        figure.add_vline(x=at, line={"color": MUTED, "width": 1.5, "dash": "dot"})
        figure.add_annotation(
            x=at, yref="paper", y=1, yanchor="bottom", text=reference_label or wording.say([reference])[0]
        )
    return figure
