"""A figure of a user's own is published as Plotly draws it, and one that would be blank is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.express as px
import plotly.graph_objects as go
import pytest

from crm_analytics.errors import NotebookError
from crm_analytics.pages import blocks, drawing


def branches_above_their_parts(trace: dict) -> bool:
    """Plotly's own check: each branch at least the sum of its parts, added up one after the other."""
    sums: dict[str, float] = {}
    for parent, value in zip(trace["parents"], trace["values"], strict=True):
        sums[parent] = sums.get(parent, 0) + value
    return all(value >= sums.get(n, 0) for n, value in zip(trace["ids"], trace["values"], strict=True))


@pytest.fixture(scope="module")
def sales() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    rows = pd.DataFrame({name: rng.choice(list(of), 400) for name, of in {"a": "xyz", "b": "pqrstu"}.items()})
    rows["revenue"] = rng.uniform(0, 9_000, 400)
    return rows.groupby(["a", "b"], as_index=False)["revenue"].sum()


@pytest.mark.parametrize("draw", [px.treemap, px.sunburst, px.icicle])
def test_no_branch_is_smaller_than_its_parts_law(draw, sales):
    figure = draw(sales, path=[px.Constant("all"), "a", "b"], values="revenue")
    trace = drawing.to_json(figure)["data"][0]
    assert branches_above_their_parts(trace)
    assert trace["values"] == pytest.approx(figure.data[0]["values"].tolist(), rel=1e-5)


def test_the_numbers_that_were_blank_are_drawn():
    """426,603 against children of 426,603.55 after rounding: the case of a user."""
    trace = go.Treemap(
        ids=["all", "a", "b"], labels=["all", "a", "b"], parents=["", "all", "all"],
        values=[426_603.0 + 0.4, 426_600.125, 3.275], branchvalues="total",
    )  # fmt: skip
    made = drawing.to_json(go.Figure(trace))["data"][0]
    assert branches_above_their_parts(made)


def test_a_tree_whose_parts_are_more_than_the_branch_says_which_numbers():
    tree = go.Treemap(labels=["all", "a"], parents=["", "all"], values=[10, 12], branchvalues="total")
    with pytest.raises(NotebookError, match=r"treemap would be drawn blank.* 12, more than the 10 of the"):
        drawing.to_json(go.Figure(tree))


@pytest.mark.parametrize(
    "trace",
    [
        go.Bar(x=[], y=[]),
        go.Scatter(x=[1, 2], y=[None, np.nan]),
        go.Scatter(x=[1], y=[2], visible=False),
        go.Heatmap(z=[[None, None]]),
        go.Treemap(),
        go.Pie(labels=["a"], values=[None]),
    ],
    ids=lambda t: t.type,
)
def test_a_blank_figure_says_that_it_has_no_mark(trace):
    with pytest.raises(NotebookError, match="figure without a mark"):
        blocks.chart(go.Figure(trace), finding="Nothing", data=pd.DataFrame({"a": [1]}))


@pytest.mark.parametrize(
    "trace",
    [
        go.Histogram(x=[1, 1, 2]),
        go.Box(q1=[1], median=[2], q3=[3]),
        go.Indicator(value=4),
        go.Sankey(node={"label": ["a", "b"]}, link={"source": [0], "target": [1], "value": [2]}),
        go.Bar(y=[1, None]),
        go.Waterfall(x=["a"], y=[1]),
        go.Candlestick(x=["2026-01-01"], open=[1], high=[2], low=[1], close=[2]),
    ],
    ids=lambda t: t.type,
)
def test_a_figure_with_a_mark_is_drawn(trace):
    assert drawing.to_json(go.Figure(trace))["data"][0]["type"] == trace.type


def test_points_that_differ_by_little_stay_apart():
    near = [1_000_000.1, 1_000_000.2, 1_000_000.3]
    assert drawing.to_json(go.Figure(go.Scatter(y=near)))["data"][0]["y"] == pytest.approx(near, abs=0.01)
