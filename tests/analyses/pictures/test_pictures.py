"""Pictures of results: each view draws, its frame is the result's own, and none is blank."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio
import pytest

from crm_analytics import CustomerBase, analyses
from crm_analytics.analyses import btyd, churn, cohorts, journey, lifecycle, rfm
from crm_analytics.analyses.attribution.channel_paths import channel_paths
from crm_analytics.analyses.attribution.economics import economics, spend_by_channel
from crm_analytics.analyses.audit.acquisition import acquisition
from crm_analytics.analyses.audit.change import change
from crm_analytics.analyses.audit.value_spread import value_spread
from crm_analytics.analyses.calendar.daily import daily
from crm_analytics.analyses.calendar.outlook import outlook
from crm_analytics.analyses.calendar.week_pattern import week_pattern
from crm_analytics.analyses.campaigns.measurement.qini import Qini
from crm_analytics.analyses.campaigns.measurement.uplift import Uplift
from crm_analytics.analyses.churn.survival.survival import until_next_purchase
from crm_analytics.analyses.plots import Picture, Plot, Plots
from crm_analytics.analyses.portfolio.value_tiers import value_tiers
from crm_analytics.analyses.products.category_months import category_months
from crm_analytics.analyses.products.cross_shop import cross_shop
from crm_analytics.analyses.products.movers import movers
from crm_analytics.errors import ParameterError
from crm_analytics.pages import blocks, drawing, theme

PACKAGE = Path(str(analyses.__file__)).parent
PLANTED = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}


def classes_with_pictures() -> list[tuple[type, Plots]]:
    """Found in the source: whoever adds one is tested."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if " = Plots(" not in source:
            continue
        parts = path.relative_to(PACKAGE.parent.parent).with_suffix("").parts
        module = importlib.import_module(".".join(parts))
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef):
                made = vars(getattr(module, node.name)).get("plot")
                if isinstance(made, Plots):
                    found.append((getattr(module, node.name), made))
    return found


CLASSES = classes_with_pictures()


@pytest.fixture(scope="module")
def results(small_company: CustomerBase) -> dict[str, object]:
    """One result of most classes, of one base."""
    base, past = small_company, small_company.as_of("2025-06-30")
    future = base.between("2025-06-30", "2025-12-31")
    scores, summary = rfm.score(base), btyd.summarize(past)
    model = btyd.BetaGeo.fit(summary)
    spend = btyd.GammaGamma.fit(summary)
    rows = past.collect(summary.customers.order_by("customer_id"))
    rows["early"] = (rows["T"] > rows["T"].median()).astype(float)
    steps = journey.journey(base)
    paths = channel_paths(base)
    stages = lifecycle.stages(base)
    cohort = cohorts.cohorts(base)
    calibration = btyd.calibrate(past, future, model, summary=summary, draws=100)
    curve = pd.DataFrame({c: [0.0, 1.0] for c in ("share", "gained", "lower", "upper", "random")})
    qini = Qini(curve, 0.1, 0.0, 0.2, 0.1, 0.0, 0.2, 10, 10, 0.95)
    tenths = pd.DataFrame({"decile": [1, 2], "members": 5, "predicted": [0.2, 0.1], "observed": [0.3, 0.0]})
    return {
        "scores": scores,
        "migration": rfm.migration(rfm.score(past, rules=scores.rules), scores),
        "summary": summary,
        "model": model,
        "calibration": calibration,
        "ranking": calibration.ranking,
        "counts": btyd.frequency_counts(summary, model),
        "evidence": btyd.evidence(past, future, model, summary=summary, draws=100),
        "reliability": btyd.reliability(past, future, model, summary=summary),
        "season": btyd.season(summary, model),
        "cohorts": cohort,
        "newest": cohort.newest,
        "stages": stages,
        "flows": lifecycle.flows(stages),
        "dwell": lifecycle.dwell(stages),
        "forecast": lifecycle.forecast(stages),
        "journey": steps,
        "map": journey.journey_map(steps),
        "paths": paths,
        "economics": economics(paths.attribute(["markov"]), spend_by_channel(base, paths.first_day), 0.4),
        "survival": until_next_purchase(base),
        "definition": churn.definition(base),
        "qini": qini,
        "uplift": Uplift(qini, None, "orders", "linear", tenths),
        "months": category_months(base),
        "movers": movers(base),
        "cross": cross_shop(base),
        "outlook": outlook(daily(base, "sales")),
        "week": week_pattern(base),
        "concentration": rfm.revenue_concentration(scores),
        "spread": value_spread(base),
        "change": change(base),
        "acquisition": acquisition(base),
        "tiers": value_tiers(past, past.materialise(btyd.score(model, spend, summary))),
        "contract": btyd.ShiftedBetaGeo.fit([1000, 631, 468, 382, 326, 289, 262, 241]),
        "given": btyd.ShiftedBetaGeo({"gamma": 0.7, "delta": 1.2}),
        "spend": spend,
        "effects": btyd.cohort_effects(summary),
        "covariates": btyd.fit_covariates(btyd.BetaGeo, rows, buying=["early"], unit="W"),
    }


def options(results: dict[str, object], name: str, view: str) -> dict[str, object]:
    if (name, view) == ("journey", "funnel"):
        return {"steps": ["Ad Clicked", "Product Viewed", "Order Completed"]}
    if (name, view) == ("summary", "history"):
        summary = results["summary"]
        assert isinstance(summary, btyd.Summary)
        most = summary.customers.order_by(summary.customers.frequency.desc(), "customer_id").limit(1)
        return {"customer": summary.base.collect(most)["customer_id"][0], "model": results["model"]}
    return {}


def drawn(results: dict[str, object]) -> list[tuple[str, str, go.Figure, pd.DataFrame]]:
    found = []
    for name, result in results.items():
        plot = result.plot  # type: ignore[attr-defined]
        for view in plot.views:
            wanted = options(results, name, view)
            found.append((name, view, plot(view, **wanted), plot.data(view, **wanted)))
    return found


@pytest.fixture(scope="module")
def pictures(results):
    return drawn(results)


def test_every_view_has_a_function_that_says_what_it_shows_law():
    assert len(CLASSES) > 50
    for owner, plots in CLASSES:
        module = importlib.import_module(plots.module)
        for view in plots.views:
            made = getattr(module, view)
            assert inspect.getdoc(made), f"{owner.__name__}.plot.{view}"
            told = list(inspect.signature(made).parameters.values())
            assert all(p.kind is p.KEYWORD_ONLY for p in told[1:]), f"{plots.module}.{view}"


def test_every_view_draws_marks_that_a_page_takes_law(pictures):
    assert len(pictures) > 55
    for name, view, figure, frame in pictures:
        assert isinstance(figure, go.Figure), (name, view)
        if frame.empty:
            assert figure.layout.annotations[0].text, (name, view)
            continue
        block = blocks.chart(figure, finding="What it shows", data=frame.head(5))
        assert block, (name, view)


def test_a_picture_and_its_frame_show_no_customer_law(pictures, small_company):
    ids = set(small_company.collect(small_company.customers.select("customer_id"))["customer_id"])
    for name, view, figure, frame in pictures:
        shown = set(re.findall(r"[\w-]+", json.dumps(drawing_of(figure))))
        assert not ids & shown, (name, view)
        assert "customer_id" not in frame.columns, (name, view)


def drawing_of(figure: go.Figure) -> object:
    return drawing.to_json(figure) if len(figure.data) else {}


def test_the_colours_are_those_of_the_theme_law(pictures):
    known = {*theme.DARK, "rgba(0,0,0,0)"}
    for name, view, figure, _ in pictures:
        written = json.dumps(drawing_of(figure))
        used = {part.split('"')[0] for part in written.split('"#')[1:]}
        assert {f"#{color}" for color in used} <= known, (name, view)


def test_each_has_a_title_and_the_look_of_the_pages_law(pictures):
    for name, view, figure, _ in pictures:
        assert figure.layout.title.text, (name, view)
        assert figure.layout.template.layout.colorway[0] == theme.ACCENT


def test_the_frame_is_the_results_own(results):
    scores = results["scores"]
    data = scores.plot.data("treemap").set_index("segment")["revenue"]
    own = scores.segments.set_index("segment")["revenue"]
    assert data.to_dict() == own[own > 0].to_dict()
    assert (
        scores.plot.data("grid")["customers"].sum() == scores.segments.query("orders > 0")["customers"].sum()
    )
    model = results["model"]
    one = model.plot.data("alive").iloc[[3]]
    assert model.probability_alive(one).iloc[0] == one["probability_alive"].iloc[0]


def test_plot_draws_the_first_view(results):
    assert results["scores"].plot() == results["scores"].plot.treemap()
    assert results["scores"].plot("grid", value="revenue") == results["scores"].plot.grid(value="revenue")


def test_one_history_leaps_at_each_purchase():
    days = pd.to_datetime(["2026-01-01", "2026-02-01", "2026-03-01", "2026-06-30"])
    frame = pd.DataFrame({"customer_id": ["a", "a", "a", "b"], "transaction_date": days, "unit_spend": 9.0})
    summary = btyd.summarize(CustomerBase.open(frame, today="2026-07-01"))
    found = summary.plot.data("history", customer="a", model=btyd.BetaGeo(PLANTED, unit="W"))
    assert found["purchases"].max() == 3
    alive = found.set_index("day")["probability_alive"]
    third = days[2].date()
    assert alive[third] > alive[alive.index < third].iloc[-1]
    assert alive.iloc[-1] < alive[third]


def test_names_are_completed_and_said(results):
    plot = results["scores"].plot
    assert dir(plot) == ["concentration", "data", "grid", "treemap", "views"]
    assert repr(plot) == "<pictures: .plot.treemap(), .plot.grid(), .plot.concentration()>"
    assert "customers" in (plot.treemap.__doc__ or "")
    assert ".plot.treemap()" in results["scores"]._repr_html_()


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda r: r["scores"].plot.treemapp(), "no picture 'treemapp'; did you mean 'treemap'"),
        (lambda r: r["scores"].plot("matrix"), "no picture 'matrix'.*treemap, grid, concentration"),
        (lambda r: r["scores"].plot(bye="x"), "no option 'bye'; did you mean 'by'.* it has by"),
        (lambda r: r["scores"].plot.concentration(by="x"), "it has no options"),
        (lambda r: r["scores"].plot(by="money"), "by: unknown 'money'. There is revenue, customers"),
        (lambda r: r["journey"].plot.funnel(), r"write .plot.funnel\(steps=\[at least two events\]\)"),
        (lambda r: r["summary"].plot.history(), r"write summary.plot.history\(customer='an id', model="),
        (
            lambda r: r["summary"].plot.history(customer="nobody", model=r["model"]),
            "no customer of the summary",
        ),
        (lambda r: r["model"].plot.alive(most=0), "most = 0: a number"),
        (lambda r: r["model"].plot.alive(T=-1), "T = -1: the age of the customers"),
        (lambda r: r["map"].plot.stages(segment="x"), "no segment 'x' on the map: one of"),
        (lambda _: rfm.RfmScores.plot(), "pictures are drawn of a result"),
    ],
)
def test_a_wrong_call_says_what_to_write(results, ask, says):
    with pytest.raises(ParameterError, match=says):
        ask(results)


def test_a_frame_of_nothing_gives_a_figure_that_says_so(results):
    empty = replace(results["scores"], segments=results["scores"].segments.head(0))
    figure = empty.plot.treemap()
    assert figure.layout.annotations[0].text == "No customer is in a segment."
    assert not figure.data


def test_no_view_of_an_empty_result_raises_law(results):
    """Every frame of a result emptied: each picture says so, or draws what does not come from a frame."""
    for name, result in results.items():
        frames = {
            field: value.head(0) for field, value in vars(result).items() if isinstance(value, pd.DataFrame)
        }
        if name in {"journey", "model", "paths", "summary"} or not frames:
            continue
        for view in result.plot.views:
            figure = replace(result, **frames).plot(view)
            assert figure.data or figure.layout.annotations[0].text, (name, view)


def test_a_figure_is_dark_where_plotlys_default_is(results, monkeypatch):
    light = results["scores"].plot.grid()
    monkeypatch.setattr(pio.templates, "default", "plotly_dark")
    dark = results["scores"].plot.grid()
    assert light.layout.title.font.color == theme.INK
    assert dark.layout.title.font.color == theme.DARK[theme.INK]
    assert dark.layout.paper_bgcolor == theme.DARK[theme.PAPER]


@pytest.mark.parametrize("default", ["plotly", "none", "plotly_dark"])
def test_a_figure_brings_its_own_paper_so_that_a_dark_notebook_shows_its_ink(results, monkeypatch, default):
    monkeypatch.setattr(pio.templates, "default", default)
    layout = results["scores"].plot.grid().layout
    usual, paper = (
        layout.template.layout,
        theme.PAPER if default != "plotly_dark" else theme.DARK[theme.PAPER],
    )
    assert (layout.paper_bgcolor or usual.paper_bgcolor) == paper
    assert (layout.plot_bgcolor or usual.plot_bgcolor) == paper


def test_hostile_names_are_escaped():
    picture = Picture(
        frame=pd.DataFrame({"n": [1]}), title="<a href='x'>", draw=lambda f: go.Figure(go.Bar(y=f["n"]))
    )
    assert "<a" not in picture.figure().layout.title.text
    assert isinstance(Plot(None, "x", ("y",)), Plot)


def test_analyses_do_not_import_plotly_law():
    code = (
        "import sys; from crm_analytics.analyses import btyd, rfm, churn, cohorts, lifecycle, journey, "
        "attribution, campaigns; print([m for m in sys.modules if m.split('.')[0] == 'plotly'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    light = (
        "import sys; import crm_analytics.analyses.btyd; print({'duckdb', 'plotly', 'tqdm'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", light], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
