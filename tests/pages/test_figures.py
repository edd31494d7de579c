"""Generic figures draw what stands in the frame, in the colours of the theme."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from plotly.basedatatypes import BaseTraceType

from crm_analytics.errors import NotebookError
from crm_analytics.pages import drawing, figures, theme

SHARES = pd.DataFrame(
    {"segment": ["Loyal", "At risk", "Lost"], "share": [31.0, 12.3, 0.0], "base": [9.0, 12.0, 50.0]}
)


def test_bars_keep_the_order_of_the_frame_and_mark_what_needs_somebody():
    figure = figures.bars(SHARES, "segment", "share", "base", ["At risk"], suffix=" %")
    main, context = figure.data
    assert list(main.y) == list(SHARES.segment)
    assert list(main.marker.color) == [theme.ACCENT, theme.ATTENTION, theme.ACCENT]
    assert context.marker.color == theme.CONTEXT
    assert list(main.text) == ["31.0 %", "12.3 %", "0.0 %"]
    assert figure.layout.yaxis.autorange == "reversed"


def test_bars_show_negative_values_and_gaps():
    frame = pd.DataFrame({"what": ["a", "b", "c"], "x": [-5.0, 3.0, np.nan]})
    figure = figures.bars(frame, "what", "x", fmt="money:USD")
    assert list(figure.data[0].text) == ["−$5", "$3", "–"]
    assert figure.layout.xaxis.zeroline


def test_ids_that_look_like_numbers_stay_names():
    frame = pd.DataFrame({"id": ["00123", "1e5"], "n": [1, 2]})
    for figure in (figures.bars(frame, "id", "n"), figures.columns(frame, "id", ["n"])):
        axis = figure.layout.yaxis if figure.data[0].orientation == "h" else figure.layout.xaxis
        assert axis.type == "category"


def test_shares_are_drawn_as_percent():
    frame = pd.DataFrame({"what": ["a"], "x": [0.25]})
    figure = figures.bars(frame, "what", "x", fmt="percent:0")
    assert (figure.data[0].x, figure.data[0].text) == ((25.0,), ("25 %",))


def test_a_missing_column_says_the_nearest():
    with pytest.raises(NotebookError, match="no column 'shar'; did you mean 'share'"):
        figures.bars(SHARES, "segment", "shar")


def test_columns_compare_actual_and_expected():
    frame = pd.DataFrame({"n": ["0", "1"], "actual": [10, 4], "expected": [9.5, 4.4]})
    figure = figures.columns(frame, "n", ["actual", "expected"], {"expected": "BG/NBD"})
    assert [t.name for t in figure.data] == ["actual", "BG/NBD"]
    assert figure.layout.showlegend


def test_heat_map_text_can_be_read_on_its_step():
    z = pd.DataFrame([[0.0, 10.0, 100.0], [np.nan, 50.0, 70.0]], index=["a", "b"], columns=["x", "y", "z"])
    heat, text = figures.heatmap(z).data
    assert heat.z[1][0] is None
    assert len(text.x) == 5
    colors = dict(zip(zip(text.y, text.x, strict=True), text.textfont.color, strict=True))
    assert colors["a", "z"] == colors["b", "z"] == theme.ON_STRONG
    assert colors["a", "x"] == colors["b", "y"] == theme.ON_PALE


def test_heat_map_of_nothing_but_zeros():
    assert figures.heatmap(pd.DataFrame([[0.0]])).data[0].zmax == 1


def test_heat_map_text_of_two_lines():
    text = figures.heatmap(pd.DataFrame([[1.0]]), [["$1\n2 people"]]).data[1]
    assert (text.text[0], text.customdata[0]) == ("$1", "2 people")
    assert text.texttemplate == "%{text}<br>%{customdata}"


def test_lines_name_themselves_apart():
    frame = pd.DataFrame({"t": [1, 2, 3], "a": [1, 2, 3.0], "b": [1, 2, 3.01], "c": [1, np.nan, np.nan]})
    figure = figures.lines(
        frame, "t", ["a", "b", "c"], band=("a", "b"), context=["b"], mark=2, mark_label="cut"
    )
    named = {a.text: a.y for a in figure.layout.annotations if a.name == "direct"}
    assert set(named) == {"a", "b", "c"}
    assert abs(named["a"] - named["b"]) > 0.1
    assert list(figure.layout.xaxis.range) == [1, 3]


def test_intervals_may_be_missing():
    frame = pd.DataFrame({"m": ["a", "b"], "v": [1.0, 2.0], "l": [0.5, np.nan], "u": [1.5, np.nan]})
    figure = figures.intervals(frame, "m", "v", "l", "u", reference=1.2)
    assert list(figure.data[-1].customdata) == ["1.00 (0.50 to 1.50)", "2.00"]


def test_every_color_of_a_figure_has_its_twin_in_the_dark():
    frame = pd.DataFrame({"t": [1, 2], **{c: [1.0, 2.0] for c in "abcdef"}})
    made = [
        figures.bars(SHARES, "segment", "share", "base", ["Lost"]),
        figures.columns(frame, "t", ["a", "b"]),
        figures.columns(frame, "t", ["a"], highlight=["1"]),
        figures.lines(frame, "t", list("abcdef"), ("a", "b"), mark=1),
        figures.lorenz(pd.DataFrame({"c": [0, 0.2, 1], "v": [0, 0.6, 1]})),
        figures.intervals(frame, "t", "a", "b", "c", 1.5),
        figures.heatmap(frame),
    ]
    written = json.dumps([*map(drawing.to_json, made), theme.template()])
    used = set(re.findall(r"#[0-9a-f]{6}\b|rgba\([^)]*\)", written)) - {"rgba(0,0,0,0)"}
    assert used <= set(theme.DARK)


def _luminance(color: str) -> float:
    parts = [int(color[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def _contrast(a: str, b: str) -> float:
    high, low = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("twin", [lambda c: c, theme.DARK.get], ids=["light", "dark"])
def test_contrast_of_text_and_marks(twin):
    for n, step in enumerate(theme.SCALE):
        ink = theme.ON_STRONG if n >= len(theme.SCALE) - 2 else theme.ON_PALE
        assert _contrast(twin(ink), twin(step)) >= 4.5, step
    for text in (theme.INK, theme.MUTED, theme.ACCENT, theme.ATTENTION):
        assert _contrast(twin(text), twin(theme.PAPER)) >= 4.5, text
    for mark in theme.SERIES:
        assert _contrast(twin(mark), twin(theme.PAPER)) >= 3, mark


def test_every_trace_of_plotly_is_either_drawn_or_refused():
    kinds = {
        thing().type
        for thing in vars(go).values()
        if isinstance(thing, type) and issubclass(thing, BaseTraceType)
    } or {getattr(go, n)().type for n in dir(go) if n[0].isupper() and _is_trace(n)}
    assert {
        k for n in dir(go) if _is_trace(n) for k in [getattr(go, n)().type]
    } | kinds == drawing.DRAWN | drawing.REFUSED


def _is_trace(name: str) -> bool:
    thing = getattr(go, name)
    return isinstance(thing, type) and issubclass(thing, BaseTraceType)
