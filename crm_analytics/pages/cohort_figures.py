"""Figures of cohorts: a triangle of shades, two curves with ribbons, columns stacked of cohorts.

They draw what stands in the frame and compute nothing. A period that has not ended is hatched. Cohorts are
told apart by lightness, from strong (oldest) to pale (newest), never by hue alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from crm_analytics.pages import locales
from crm_analytics.pages.axis_formats import Wording, column, texts
from crm_analytics.pages.theme import (
    ACCENT,
    ACCENT_SOFT,
    CONTEXT,
    CONTEXT_SOFT,
    INK,
    MUTED,
    ON_PALE,
    ON_STRONG,
    PAPER,
    SCALE,
)

ROW = 34  # px of a cohort
FITTING = 20  # columns whose numbers can be read
_STEPS = len(SCALE)
_HALF = 0.47  # of a cell, from its middle to its edge


def triangle(
    frame: pd.DataFrame,
    row: str,
    age: str,
    value: str,
    partial: str,
    *,
    aside: str = "",
    x_title: str = "",
    fmt: str = "",
    hover: str = "",
) -> go.Figure:
    """A table of shades by cohort and age, the first cohort on top; partial cells hatched, without a shade.

    Parameters
    ----------
    frame : one row per cell
    row, age, value : the cohort's name, its age (a whole number), the number of the cell
    partial : column that marks cells of a period that is not whole
    aside : column that marks cells which do not set the scale of shades
    hover : column of what a cell says when pointed at; by default the number

    >>> frame = pd.DataFrame({"cohort": ["Q1", "Q1", "Q2"], "age": [1, 2, 1], "share": [0.4, 0.1, 0.3],
    ...     "partial": [False, True, True]})
    >>> triangle(frame, "cohort", "age", "share", "partial", fmt="percent:0").data[1].text
    ('40 %', '10 %', '30 %')
    """
    rows = list(dict.fromkeys(texts(column(frame, row))))
    ages = list(range(int(frame[age].min()), int(frame[age].max()) + 1))
    spots = list(zip(frame[age].astype(int), map(rows.index, texts(frame[row])), strict=True))
    wording = Wording(fmt)
    numbers, labels = wording.scaled(column(frame, value)), wording.say(frame[value])
    whole = [not mark for mark in column(frame, partial)]
    ruling = [w and not a for w, a in zip(whole, frame[aside], strict=True)] if aside else whole
    rulers = ruling if any(ruling) else [True] * len(whole)
    top = max((v for v, r in zip(numbers, rulers, strict=True) if r and v is not None), default=0)
    top = top if top > 0 else 1
    z: list[list[float | None]] = [[None] * len(ages) for _ in rows]
    pointed: list[list[str]] = [[""] * len(ages) for _ in rows]
    hovers = texts(frame[hover]) if hover else labels
    for n, (a, r) in enumerate(spots):
        z[r][a - ages[0]] = min(top, max(0, numbers[n] or 0)) if whole[n] else 0.0
        pointed[r][a - ages[0]] = hovers[n]
    strong = [
        w and min(_STEPS - 1, int(_STEPS * (v or 0) / top)) >= _STEPS - 2
        for v, w in zip(numbers, whole, strict=True)
    ]
    figure = go.Figure()
    figure.add_heatmap(
        x=ages,
        y=list(range(len(rows))),
        z=z,
        zmin=0,
        zmax=top,
        colorscale=[[(i + side) / _STEPS, c] for i, c in enumerate(SCALE) for side in (0, 1)],
        showscale=False,
        xgap=2,
        ygap=2,
        customdata=pointed,
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure.add_scatter(
        x=[a for a, _ in spots],
        y=[r for _, r in spots],
        mode="text",
        text=labels if len(ages) <= FITTING else [""] * len(labels),
        textfont={"color": [ON_STRONG if s else ON_PALE for s in strong], "size": 12},
        hoverinfo="skip",
    )
    _hatch(figure, [spot for spot, w in zip(spots, whole, strict=True) if not w])
    axis = {"showgrid": False, "tickfont": {"color": INK}, "tickmode": "array"}
    figure.update_layout(
        height=66 + ROW * len(rows),
        showlegend=False,
        margin={"t": 4, "r": 4},
        xaxis={
            **axis,
            "title": {"text": x_title},
            "range": [ages[0] - 0.5, ages[-1] + 0.5],
            "tickvals": ages if len(ages) <= FITTING else ages[:: 1 + len(ages) // 12],
        },
        yaxis={
            **axis,
            "range": [len(rows) - 0.5, -0.5],
            "tickvals": list(range(len(rows))),
            "ticktext": rows,
        },
        meta={"phone_hide": [1] if len(ages) > 6 else []},
    )
    return figure


def _hatch(figure: go.Figure, spots: Sequence[tuple[int, int]]) -> None:
    """Strokes from lower left to upper right across each cell, and its frame."""
    x: list[float | None] = []
    y: list[float | None] = []
    for a, r in spots:
        left, right, top, low = a - _HALF, a + _HALF, r - _HALF, r + _HALF
        for cut in (0.25, 0.5, 0.75):  # beside the number, above and below it
            x += [left, left + 2 * cut * _HALF, None]
            y += [top + 2 * cut * _HALF, top, None]
            x += [right, right - 2 * cut * _HALF, None]
            y += [low - 2 * cut * _HALF, low, None]
        x += [left, right, right, left, left, None]
        y += [top, top, low, low, top, None]
    if x:
        figure.add_scatter(
            x=x, y=y, mode="lines", line={"color": CONTEXT, "width": 1}, opacity=0.8, hoverinfo="skip"
        )


def ribbons(
    frame: pd.DataFrame,
    x: str,
    value: str,
    lower: str,
    upper: str,
    *,
    names: tuple[str, str],
    suffixes: tuple[str, str] = ("", "_earlier"),
    x_title: str = "",
    fmt: str = "",
) -> go.Figure:
    """Two curves with their intervals: blue what the finding is about, grey and dashed what was before.

    Parameters
    ----------
    frame : one row per age, ascending; each of the columns with both suffixes
    names : what stands at the end of the two curves

    >>> frame = pd.DataFrame({"age": [1, 2], **{c + s: [0.4, 0.3] for c in ("share", "lower", "upper")
    ...     for s in ("", "_earlier")}})
    >>> figure = ribbons(frame, "age", "share", "lower", "upper", names=("new", "old"))
    >>> [trace.name for trace in figure.data if trace.name]
    ['old', 'new']
    """
    wording = Wording(fmt)
    across = column(frame, x).tolist()
    figure = go.Figure()
    sides = list(zip(names, suffixes, (ACCENT, MUTED), (ACCENT_SOFT, CONTEXT_SOFT), strict=True))
    for name, suffix, color, soft in reversed(sides):
        quiet = suffix == suffixes[1]
        low, middle, high = (wording.scaled(column(frame, c + suffix)) for c in (lower, value, upper))
        bare = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
        figure.add_scatter(x=across, y=high, **bare)
        figure.add_scatter(x=across, y=low, fill="tonexty", fillcolor=soft, **bare)
        labels = [
            f"{name}: {v} ({a} {locales.to_word()} {b})"
            for v, a, b in zip(*(wording.say(frame[c + suffix]) for c in (value, lower, upper)), strict=True)
        ]
        figure.add_scatter(
            x=across,
            y=middle,
            mode="lines+markers",
            name=name,
            marker={"color": color, "size": 7 if quiet else 9, "line": {"color": PAPER, "width": 1.5}},
            line={"color": color, "width": 2 if quiet else 3, "dash": "dash" if quiet else "solid"},
            customdata=labels,
            hovertemplate="%{customdata}<extra></extra>",
        )
    figure.update_layout(
        height=340,
        hovermode="x unified",
        margin={"t": 34},
        xaxis={"title": {"text": x_title}, "showgrid": False, **_whole_numbers(across)},
        yaxis={"rangemode": "tozero", "nticks": 6, **wording.axis()},
        meta={"phone": {"height": 300}},
    )
    return figure


def _whole_numbers(across: Sequence[float]) -> dict[str, Any]:
    step = 1 + len(across) // 12
    room = 0.04 * max(1, len(across) - 1)
    return {
        "tickmode": "array",
        "tickvals": list(across)[::step],
        "range": [across[0] - room, across[-1] + room],
    }


def stack(
    frame: pd.DataFrame,
    x: str,
    group: str,
    value: str,
    *,
    partial: Collection[str] = (),
    quiet: str = "",
    fmt: str = "",
) -> go.Figure:
    """Columns made of cohorts, the oldest at the bottom and strongest; a period that is not whole is hatched.

    Parameters
    ----------
    frame : one row per part of a column, in the order of time; groups from oldest to newest, six at the most
    partial : values of `x` whose period is not whole
    quiet : a group drawn grey

    >>> frame = pd.DataFrame({"month": ["Jan", "Feb", "Feb"], "won": ["Jan", "Jan", "Feb"], "eur": [9, 4, 6]})
    >>> [(t.name, t.y) for t in stack(frame, "month", "won", "eur").data]
    [('Jan', (9.0, 4.0)), ('Feb', (None, 6.0))]
    """
    wording = Wording(fmt)
    across = list(dict.fromkeys(texts(column(frame, x))))
    colored = [name for name in dict.fromkeys(texts(column(frame, group))) if name != quiet]
    groups = [*colored, quiet] if quiet in set(frame[group]) else colored
    shades = list(SCALE[:0:-1]) if len(colored) > 2 else [SCALE[-1], SCALE[2]]
    marked = {name for name in across if name in partial}
    figure = go.Figure()
    where, labels = texts(frame[x]), texts(frame[group])
    for name in groups:
        color = CONTEXT if name == quiet else shades[min(colored.index(name), len(shades) - 1)]
        at = {where[n]: n for n, label in enumerate(labels) if label == name}
        heights = wording.scaled(frame[value])
        amounts = wording.say(frame[value])
        figure.add_bar(
            x=across,
            y=[heights[at[place]] if place in at else None for place in across],
            name=name,
            marker={
                "color": color,
                "line": {"color": CONTEXT, "width": 1},  # the palest part needs an edge
                "pattern": {
                    "shape": ["/" if place in marked else "" for place in across],
                    "fgcolor": PAPER,
                    "fillmode": "overlay",
                    "size": 6,
                    "solidity": 0.35,
                },
            },
            customdata=[f"{name}: {amounts[at[place]]}" if place in at else "" for place in across],
            hovertemplate="%{x}<br>%{customdata}<extra></extra>",
        )
    figure.update_layout(
        height=370,
        barmode="relative",
        bargap=0.18,
        showlegend=True,
        legend={"traceorder": "normal"},
        margin={"t": 40},
        xaxis={"type": "category", "showgrid": False, "tickfont": {"color": INK}, "nticks": 14},
        yaxis={"nticks": 6, **wording.axis()},
        meta={"phone": {"height": 340, "margin": {"t": 60}}},
    )
    return figure
