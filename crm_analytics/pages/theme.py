"""One look for every figure: a few colours, each with its twin in the dark, and quiet axes.

Figures are written in the light colours. The page's script (and nothing else) swaps each for its twin when
the reader's machine is set to dark, so a figure must take its colours from here to be readable there.
"""

from __future__ import annotations

from typing import Any

ACCENT = "#0b5cad"  # what the finding is about
ATTENTION = "#b4500b"  # what needs somebody
CONTEXT = "#a9b4bf"  # what it is compared with
INK = "#17202a"
MUTED = "#55606c"
GRID = "#e4e9ee"
PAPER = "#ffffff"
ACCENT_SOFT = "rgba(11,92,173,0.12)"
ATTENTION_SOFT = "rgba(180,80,11,0.14)"
CONTEXT_SOFT = "rgba(85,96,108,0.13)"
# More series than two: told apart by lightness too, never by hue alone.
SERIES = (ACCENT, ATTENTION, "#55707f", "#1d8a7a", "#8a5fb0", "#9a7b10")
# A scale in steps rather than a ramp: between the fourth and the fifth lies the band of lightness on which
# neither dark nor white text can be read, and it is left out.
SCALE = ("#f3f7fb", "#dde9f5", "#bfd6ee", "#98bce3", "#2f72b9", "#0b4f96")
ON_PALE = "#1c2127"  # text on the first four steps
ON_STRONG = "#fefefe"  # text on the last two

DARK: dict[str, str] = {
    ACCENT: "#6db3f2",
    ATTENTION: "#f2a066",
    CONTEXT: "#5d6975",
    INK: "#e9edf1",
    MUTED: "#a8b3be",
    GRID: "#2a333c",
    PAPER: "#12171c",
    ACCENT_SOFT: "rgba(109,179,242,0.18)",
    ATTENTION_SOFT: "rgba(242,160,102,0.18)",
    CONTEXT_SOFT: "rgba(168,179,190,0.16)",
    "#55707f": "#93adbb",
    "#1d8a7a": "#5cc8b8",
    "#8a5fb0": "#c3a1e6",
    "#9a7b10": "#d8bd5a",
    "#f3f7fb": "#1a222b",
    "#dde9f5": "#1c2d3f",
    "#bfd6ee": "#1f3d5c",
    "#98bce3": "#275280",
    "#2f72b9": "#6db3f2",
    "#0b4f96": "#a9d4fb",
    ON_PALE: "#eef2f6",
    ON_STRONG: "#0b1116",
}

FONT = (
    '-apple-system, BlinkMacSystemFont, "Segoe UI Variable Text", "Segoe UI", Roboto, "Noto Sans", '
    '"Liberation Sans", "Helvetica Neue", Arial, sans-serif'
)


def template() -> dict[str, Any]:
    """The Plotly template as plain JSON: written once into a page, and into each figure in JupyterLab.

    >>> template()["layout"]["colorway"][0]
    '#0b5cad'
    """
    axis = {
        "automargin": True,
        "gridcolor": GRID,
        "linecolor": GRID,
        "zeroline": False,
        "zerolinecolor": GRID,
        "ticks": "",
        "tickfont": {"color": MUTED, "size": 13},
        "title": {"font": {"color": MUTED, "size": 13}, "standoff": 12},
        "fixedrange": True,
    }
    layout = {
        "font": {"family": FONT, "size": 14, "color": INK},
        "colorway": list(SERIES),
        "colorscale": {"sequential": [[i / 5, c] for i, c in enumerate(SCALE)]},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "xaxis": axis,
        "yaxis": axis,
        "margin": {"l": 8, "r": 16, "t": 10, "b": 8, "pad": 4},
        "bargap": 0.3,
        "barcornerradius": 2,
        "dragmode": False,
        "hovermode": "closest",
        "hoverlabel": {"bgcolor": PAPER, "bordercolor": CONTEXT, "font": {"color": INK, "size": 14}},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom"},
        "annotationdefaults": {"font": {"color": MUTED, "size": 13}, "arrowcolor": MUTED, "showarrow": False},
        "shapedefaults": {"line": {"color": MUTED, "width": 1}},
        "autotypenumbers": "strict",
        "uniformtext": {"mode": False},
    }
    data = {
        "bar": [{"type": "bar", "marker": {"line": {"width": 0}}, "cliponaxis": False}],
        "scatter": [{"type": "scatter", "cliponaxis": False, "line": {"width": 2.5}}],
    }
    return {"data": data, "layout": layout}
