"""The gallery: pictures on the sample of CDNOW, each below the line that draws it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

START = """\
from crm_analytics import CustomerBase
from crm_analytics.analyses import btyd, cohorts, lifecycle, rfm

base = CustomerBase.open("cdnow")
past, future = base.as_of("1997-09-30"), base.between("1997-09-30", "1998-06-30")
"""
PICTURES = (
    ("Who brings the money", "scores = rfm.score(base)\nscores.plot()"),
    ("Where the money sits", "scores.plot.grid(value='revenue')"),
    ("How customers come back, by when they were won",
     "found = cohorts.cohorts(base)\nfound.plot.retention()"),
    ("Revenue by when its customers were won", "found.plot.whole()"),
    ("Who is still a customer", "summary = btyd.summarize(past, unit='W')\n"
     "model = btyd.ModifiedBetaGeo.fit(summary)\nmodel.plot.alive(T=39)"),
    ("Purchases to expect in 13 weeks", "model.plot.purchases(t=13, T=39, most=12)"),
    ("Actual and expected, week by week",
     "held = btyd.evidence(past, future, model, summary=summary)\nheld.plot.tracking()"),
    ("Was the forecast right, by tenth",
     "btyd.calibrate(past, future, model, summary=summary).plot.tenths()"),
    ("Who moved to which stage", "stages = lifecycle.stages(base)\nlifecycle.flows(stages).plot()"),
)  # fmt: skip


def write_gallery(page: Path, static: Path) -> None:
    """Draw every picture, and lay Plotly's library beside them once: the site asks nobody for it."""
    from plotly.offline import get_plotlyjs

    from crm_analytics.tables import demo

    static.mkdir(parents=True, exist_ok=True)
    (static / "plotly.min.js").write_text(get_plotlyjs(), encoding="utf-8")
    lines = ["# Gallery", "", "Every result draws itself: `result.plot()`. All views are in "
             "[Pictures in one call](../plots.md).", "", "```python", START.rstrip(), "```", "",
             "```{raw} html\n<script src=\"../_static/plotly.min.js\"></script>\n```", ""]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        demo.write_demo("cdnow", Path(folder) / "data")
        names: dict[str, Any] = {}
        exec(START.replace('"cdnow"', repr(str(Path(folder) / "data" / "cdnow"))), names)  # noqa: S102 - our own lines, as a reader types them
        for number, (caption, code) in enumerate(PICTURES):
            *before, last = code.split("\n")
            exec("\n".join(before), names)  # noqa: S102
            figure = eval(last, names)  # noqa: S307
            html = figure.to_html(include_plotlyjs=False, full_html=False, div_id=f"picture-{number}",
                                  config={"displayModeBar": False, "responsive": True})  # fmt: skip
            lines += [f"## {caption}", "", "```python", code, "```", "", f"```{{raw}} html\n{html}\n```", ""]
    page.write_text("\n".join(lines), encoding="utf-8")
