"""Blocks refuse what a page cannot show, and show themselves in three forms."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from crm_analytics.errors import NotebookError
from crm_analytics.pages import blocks, drawing, figures

SAMPLE = runpy.run_path(str(Path(__file__).with_name("sample.py")))
HOSTILE = SAMPLE["HOSTILE"]
FRAME = pd.DataFrame({"segment": ["Loyal", "Lost"], "share": [0.31, 0.12], "revenue": [54248.0, 37.5]})
BARS = figures.bars(FRAME, "segment", "share", fmt="percent")


def chart(**changes):
    given = {"figure": BARS, "finding": "Loyal customers lead", "data": FRAME} | changes
    return blocks.chart(given.pop("figure"), **given)


@pytest.mark.parametrize("finding", ["", "   ", "\u200b", None])
def test_a_chart_without_a_finding_says_so(finding):
    with pytest.raises(NotebookError, match=r"chart\(\) needs finding"):
        chart(finding=finding)


@pytest.mark.parametrize("data", [None, pd.DataFrame(), FRAME.head(0), [1, 2]])
def test_a_chart_without_its_numbers_says_so(data):
    with pytest.raises(NotebookError, match="numbers"):
        chart(data=data)


@pytest.mark.parametrize("kind", sorted(drawing.REFUSED))
def test_a_trace_that_needs_webgl_or_maps_says_what_instead(kind):
    with pytest.raises(NotebookError, match=f"cannot draw '{kind}'.*(use go|as bars)"):
        chart(figure=go.Figure([{"type": kind}]))


def test_other_figures_say_why_not():
    with pytest.raises(NotebookError, match="without a trace"):
        chart(figure=go.Figure())
    with pytest.raises(NotebookError, match="takes a plotly Figure, got dict"):
        chart(figure={"data": []})
    with pytest.raises(NotebookError, match="at most 60,000"):
        chart(figure=go.Figure(go.Scatter(x=np.arange(40_000), y=np.arange(40_000))))
    with pytest.raises(NotebookError, match="part of the page"):
        chart(figure=go.Figure(go.Bar(y=[1])).add_layout_image(source="https://evil.example/a.png"))
    with pytest.raises(NotebookError, match="no links"):
        chart(figure=go.Figure(go.Bar(y=[1], hovertemplate="<a href='x'>")))


def test_formats_say_the_nearest_column():
    with pytest.raises(NotebookError, match="no column 'revenu'; did you mean 'revenue'"):
        chart(formats={"revenu": "money:USD"})


def test_a_figure_is_small_plain_and_escaped():
    figure = go.Figure(
        go.Scatter(x=np.array([1 / 3, np.nan]), y=pd.to_datetime(["1997-01-01", None]), text=HOSTILE[:2])
    )
    figure.update_layout(
        title="<b>AT&T</b>", template="plotly_dark", yaxis_ticksuffix=" %", xaxis_tickformat="$,.0f"
    )
    made = drawing.to_json(figure)
    assert made["data"][0]["x"] == [0.333333, None]
    assert made["data"][0]["y"][0].startswith("1997-01-01")
    assert made["data"][0]["text"][0] == "&lt;img src=x onerror=alert(1)&gt;"
    assert made["layout"]["title"]["text"] == "&lt;b&gt;AT&amp;T&lt;/b&gt;"
    assert made["layout"]["yaxis"]["ticksuffix"] == " %"
    assert made["layout"]["xaxis"]["tickformat"] == "$,.0f"
    assert "template" not in made["layout"]


def test_arrays_of_two_dimensions_are_unpacked():
    made = drawing.to_json(go.Figure(go.Heatmap(z=np.arange(6.0).reshape(2, 3))))
    assert made["data"][0]["z"] == [[0, 1, 2], [3, 4, 5]]


def test_the_figure_given_is_left_alone():
    before = BARS.to_json()
    chart()
    assert BARS.to_json() == before


def test_hostile_labels_are_escaped_in_every_figure():
    for cell in SAMPLE["hostile"]().cells:
        for output in cell.get("outputs", []):
            block = output["data"][blocks.MIME]
            if block["kind"] == "chart":
                figure = json.dumps(block["figure"], ensure_ascii=False)
                assert "<img" not in figure
                assert "<script" not in figure
                assert "\u202e" not in figure
                assert "x" * 100 not in figure


def test_block_json_is_plain_and_small():
    made = json.dumps(chart().to_json(), allow_nan=False)
    assert json.loads(made)["kind"] == "chart"
    assert "bdata" not in made
    assert len(made) < 4000


# --- forms --------------------------------------------------------------------------------------------------


def test_text_form_shows_finding_numbers_and_a_digest(monkeypatch):
    monkeypatch.setenv("CRM_DISPLAY", "text")
    bundle = chart(formats={"share": "percent", "revenue": "money:USD"})._repr_mimebundle_()
    assert list(bundle) == ["text/plain"]
    assert bundle["text/plain"].splitlines() == [
        "[chart]",
        "Loyal customers lead",
        "figure: 1 trace (bar), 2 points",
        "Segment   Share  Revenue",
        "Loyal    31.0 %  $54,248",
        "Lost     12.0 %      $38",
    ]


def test_text_form_changes_with_a_number_and_not_with_its_noise():
    noise = FRAME.assign(revenue=FRAME.revenue * (1 + 1e-13))
    changed = FRAME.assign(revenue=[54248.0, 38.5])
    assert repr(chart(data=noise)) == repr(chart())
    assert repr(chart(data=changed)) != repr(chart())


def test_every_kind_has_all_three_forms(monkeypatch):
    made = [
        blocks.headline("A", "B", thin=True),
        blocks.kpis(blocks.kpi("a", "1", "▲ 2 %", "n = 3", "up")),
        chart(),
        blocks.table(FRAME, finding="A table", limit=1),
        blocks.actions(blocks.action("do", "why", "who", "$1", "$2")),
        blocks.findings(blocks.finding("B", to="b")),
        blocks.links("1 more", blocks.link("B", "says so", "b", "2026-01-31")),
        blocks.glossary({"At risk": "silent for long"}),
        blocks.method({"Data": "all"}),
        blocks.note("A note", "one\n\ntwo"),
        blocks.record(n=1, day=pd.Timestamp("1997-09-30"), x=np.float64(0.5), missing=float("nan")),
    ]
    assert [b.kind for b in made] == list(blocks.KINDS)
    for block in made:
        monkeypatch.setenv("CRM_DISPLAY", "page")
        assert list(block._repr_mimebundle_()) == [blocks.MIME]
        monkeypatch.delenv("CRM_DISPLAY")
        bundle = block._repr_mimebundle_()
        assert {"text/plain", "text/html", blocks.MIME} <= set(bundle)
        json.dumps(bundle, allow_nan=False)
    assert made[-1].payload["facts"] == {"n": 1, "day": "1997-09-30", "x": 0.5, "missing": None}


def test_jupyterlab_gets_the_chart_with_its_finding_and_theme():
    figure = chart(finding="<b>Loyal</b> & $5 lead", caption="How to read")._repr_mimebundle_()[
        blocks.PLOTLY_MIME
    ]
    assert figure["layout"]["title"]["text"] == "<b>&lt;b&gt;Loyal&lt;/b&gt; &amp; &#36;5 lead</b>"
    assert figure["layout"]["title"]["subtitle"]["text"] == "How to read"
    assert figure["layout"]["template"]["layout"]["colorway"]
    go.Figure(data=figure["data"], layout=figure["layout"])  # Plotly knows every name in it


def test_html_form_escapes_everything():
    bad = HOSTILE[0]
    frame = pd.DataFrame({bad: [bad]})
    for block in (
        blocks.headline(bad, bad),
        blocks.kpis(blocks.kpi(bad, bad, bad, bad)),
        blocks.table(frame, finding=bad, caption=bad),
        blocks.actions(blocks.action(bad, bad, bad, bad, bad)),
        blocks.method({bad: bad}),
        blocks.note(bad, bad),
        blocks.record(**{"x": bad}),
    ):
        html = block._repr_mimebundle_()["text/html"]
        assert "<img" not in html
        assert "&lt;img" in html


def test_tables_take_named_indexes_and_say_what_they_leave_out():
    frame = pd.DataFrame({("a", "x"): [1.25, 2.0]}, index=pd.Index(["p", "q"], name="who"))
    made = blocks.table(frame, finding="f", limit=1).payload["table"]
    assert [c["label"] for c in made["columns"]] == ["Who", "A · x"]
    assert made["rows"] == [["p", "1.25"]]
    assert made["more"] == 1
    assert blocks.table(pd.DataFrame({"n": range(10_000)}), finding="f").payload["table"]["more"] == 9500


def test_wrong_words_say_what_is_wrong():
    with pytest.raises(NotebookError, match="direction is up, down, flat"):
        blocks.kpi("a", "1", direction="north")
    with pytest.raises(NotebookError, match="at least one kpi"):
        blocks.kpis()
    with pytest.raises(NotebookError, match=r"record\(frame=...\).*DataFrame"):
        blocks.record(frame=FRAME)
    with pytest.raises(NotebookError, match=r"headline\(\) needs a sentence"):
        blocks.headline("")


def test_finding_too_long_for_one_glance_takes_its_shorter_text():
    """Names and amounts are the data's: won and dong have twice the digits of euros."""
    short, long = "It brings more than it costs", "It brings " + "₩1,234,567,890 " * 6
    assert blocks.finding(long, "pays", shorter=short) == {"text": short, "to": "pays"}
    assert blocks.finding(short, "pays", shorter="Pays")["text"] == short
    cut = blocks.finding(long)["text"]
    assert len(cut) <= blocks.LONGEST_FINDING
    assert cut.endswith("890…")
