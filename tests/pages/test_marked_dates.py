"""Marked dates on charts over days: numbered, told under the chart, escaped, and nowhere else."""

from __future__ import annotations

from datetime import date

import pandas as pd
import plotly.graph_objects as go
import pytest

from crm_analytics.pages import blocks, figures
from crm_analytics.pages.marked_dates import MOST

WEEKS = pd.DataFrame({"start": pd.date_range("2026-01-05", periods=10, freq="7D"), "n": range(10)})
MARKS = [(date(2025, 1, 1), "Before"), (date(2026, 2, 1), "Prices <b>raised</b>"), (date(2026, 3, 1), "Shop")]


def told(seen):
    return "; ".join(f"{n} = {day}, {label}" for n, day, label in seen)


def weekly() -> blocks.Block:
    return blocks.chart(figures.lines(WEEKS, "start", ["n"]), finding="More every week", data=WEEKS)


def test_marks_in_view_are_numbered_and_told_under_the_chart():
    block = weekly().dated(MARKS, told)
    layout = block.payload["figure"]["layout"]
    assert [shape["x0"] for shape in layout["shapes"]] == ["2026-02-01", "2026-03-01"]
    assert [one["text"] for one in layout["annotations"] if one.get("yref") == "paper"] == ["1", "2"]
    assert "1 = 2026-02-01" in block.payload["caption"]
    assert "Before" not in block.payload["caption"]
    assert weekly().payload["figure"]["layout"].get("shapes", []) == []


@pytest.mark.parametrize(
    "block",
    [
        blocks.note("Monday is the busiest day"),
        blocks.chart(
            go.Figure(go.Bar(x=["Loyal", "Lost"], y=[3, 1])),
            finding="Loyal customers lead",
            data=pd.DataFrame({"segment": ["Loyal", "Lost"], "n": [3, 1]}),
        ),
        blocks.chart(
            go.Figure(go.Heatmap(z=[[1, 2]], x=["2026-01-01", "2026-03-01"], y=["a"])),
            finding="Two days",
            data=pd.DataFrame({"n": [1, 2]}),
        ),
    ],
)
def test_what_is_not_over_days_stays_as_it_is(block):
    assert block.dated(MARKS, told) == block


def test_of_many_marks_the_latest_are_shown():
    many = [(day.date(), f"No {n}") for n, day in enumerate(pd.date_range("2026-01-06", periods=40))]
    shapes = weekly().dated(many, told).payload["figure"]["layout"]["shapes"]
    assert [shape["x0"] for shape in shapes] == [day.isoformat() for day, _ in many[-MOST:]]
