"""Made-up notebooks with every kind of block: a fair one to look at, a hostile one to survive.

Not a test module; `runpy.run_path` loads it, so that it needs no place on the import path. Run as a script it
writes its pages into a folder: ``python tests/pages/sample.py OUT``.
"""

# ruff: noqa: E501 (sentences)

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import plotly.graph_objects as go
from nbformat import v4

from crm_analytics.pages import blocks, figures, page

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "=cmd|' /C calc'!A0",
    "abc\u202edcba\u200b\u200d\u2066x",
    "</script><script>alert(2)</script>",
    "<a href='https://evil.example/'>click</a> $x^2$ &lt;b&gt; {{ 7 * 7 }}",
    "x" * 1_000_000,
    "Ännä \u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301 \n\r\t\x00\x07 ß 中文 🍋",
    "%{x} </details></main> --> ]]> \u2028 '\"",
]


def cell(*shown: blocks.Block) -> nbformat.NotebookNode:
    outputs = [v4.new_output("display_data", data={blocks.MIME: block.to_json()}) for block in shown]
    return v4.new_code_cell("secret_code()", outputs=outputs)


def context(**changes: object) -> page.PageContext:
    values: dict[str, object] = {
        "report": "segments",
        "label": "CDNOW sample",
        "as_of": dt.date(1997, 9, 30),
        "version": "0.1.0",
        "data_hash": "3f9a" + "c21e" * 15,
        "parameters": {
            "data": "/tmp/private/snapshot",
            "as_of": "1997-09-30",
            "bins": 5,
            "compare_to": "-13w",
        },
        "rows": 4960,
        "rejected": 0,
        "first_day": dt.date(1997, 1, 1),
        "last_day": dt.date(1997, 9, 30),
    }
    return page.PageContext(**(values | changes))  # type: ignore[arg-type]


SEGMENTS = pd.DataFrame(
    [
        ("Champions", "bought in the last 90 days, 4 orders or more", 209, 54248.0, 0.313, 0.089, 30),
        ("Loyal", "in the last 150 days, 3 orders or more", 212, 29190.0, 0.169, 0.090, 92),
        ("Promising", "in the last 150 days, 2 orders", 207, 12925.0, 0.075, 0.088, 86),
        ("At risk", "longer ago, 2 to 5 orders", 290, 21240.0, 0.123, 0.123, 196),
        ("Cannot lose", "longer ago, 4 orders or more", 28, 11943.0, 0.069, 0.012, 190),
        ("Big one-timers", "once, in the top 40 % by value", 226, 18837.0, 0.109, 0.096, 232),
        ("Lapsed one-timers", "once", 1177, 24734.0, 0.143, 0.501, 228),
    ],
    columns=[
        "segment",
        "rule",
        "customers",
        "revenue",
        "share_of_revenue",
        "share_of_customers",
        "days_since_last",
    ],
)


def _heat() -> blocks.Block:
    z = [[0, 3217, 6371, 7999, 31427], [0, 3383, 4723, 7595, 7227], [0, 6324, 7118, 5299, 5680]]
    z += [[11107, 9073, 4979, 2414, 7124], [32464, 6234, 954, 1176, 1228]]
    n = [
        [0, 58, 57, 57, 86],
        [0, 48, 39, 44, 22],
        [0, 101, 60, 38, 18],
        [387, 137, 49, 15, 3],
        [1016, 95, 9, 8, 2],
    ]
    days = pd.Index(
        ["0–45 days", "46–90 days", "91–150 days", "151–210 days", "over 210"], name="last purchase"
    )
    money = pd.DataFrame(z, index=days, columns=["1", "2", "3", "4–5", "6 or more"], dtype=float)
    money = money.where(money > 0)
    text = [
        [f"${v / 1000:.1f}k\n{k:,}" if v else "" for v, k in zip(zr, nr, strict=True)]
        for zr, nr in zip(z, n, strict=True)
    ]
    return blocks.chart(
        figures.heatmap(money, text, x_title="orders so far"),
        finding="The money at risk sits with people who bought two to five times",
        data=money,
        caption="Revenue and, below it, number of customers, by days since the last purchase and by orders.",
        formats=dict.fromkeys(money.columns, "money:USD"),
    )


def _curves() -> list[blocks.Block]:
    x = np.linspace(0, 1, 51)
    lorenz = pd.DataFrame({"top_customers": x, "revenue": 1 - (1 - x) ** 4.3})
    weeks = np.arange(1, 79)
    total = pd.DataFrame(
        {"week": pd.date_range("1997-01-05", periods=78, freq="W"), "model": 4300 * (1 - np.exp(-weeks / 55))}
    )
    total["actual"] = total["model"] * (1 + 0.04 * np.sin(weeks / 6)) + 2 * weeks
    total["low"], total["high"] = total["model"] * 0.93, total["model"] * 1.07
    bins = pd.DataFrame({"repeat_orders": ["0", "1", "2", "3", "4", "5", "6", "7+"]})
    bins["actual"] = [1411, 439, 214, 100, 62, 38, 29, 64]
    bins["expected"] = [1430.0, 424.6, 210.7, 112.4, 65.0, 39.6, 25.1, 49.7]
    holdout = pd.DataFrame({"model": ["BG/NBD", "MBG/NBD", "As in the last 39 weeks", "Nobody comes back"]})
    holdout["orders"], holdout["low"], holdout["high"] = (
        [1690, 1702, 2457, 0],
        [1604, 1611, None, None],
        [1776, 1793, None, None],
    )
    return [
        blocks.chart(
            figures.lorenz(lorenz),
            finding="The top fifth brings 62 %, not 80 %: do not run the business on the famous rule",
            data=lorenz.iloc[::5],
            caption="Blue: share of revenue of the most valuable customers. Dotted: if all were worth the same.",
            formats={"top_customers": "percent:0", "revenue": "percent"},
        ),
        blocks.chart(
            figures.lines(
                total,
                "week",
                ["model", "actual"],
                band=("low", "high"),
                names={"actual": "what came", "model": "BG/NBD forecast"},
                context=["actual"],
                mark="1997-09-30",
                mark_label="fitted to here",
                fmt="count",
            ),
            finding="Forecast and sales part company in the last weeks",
            data=total.iloc[::6],
            caption="Repeat orders, cumulated. Band: 95 % interval of the forecast.",
            formats=dict.fromkeys(("model", "actual", "low", "high"), "count") | {"week": "date:short"},
        ),
        blocks.chart(
            figures.columns(
                bins,
                "repeat_orders",
                ["actual", "expected"],
                x_title="repeat orders in 39 weeks",
                fmt="count",
            ),
            finding="The model counts almost as many one-time buyers as there are",
            data=bins,
            formats={"expected": "number:1"},
        ),
        blocks.chart(
            figures.intervals(
                holdout,
                "model",
                "orders",
                "low",
                "high",
                reference=1882,
                reference_label="counted: 1,882",
                highlight=["As in the last 39 weeks"],
                fmt="count",
            ),
            finding="Both models fall short of what came, and both beat the naive guess",
            data=holdout,
            caption="Orders in the 39 weeks after the fit, with 95 % intervals.",
        ),
    ]


def fair() -> nbformat.NotebookNode:
    """A report as it should be."""
    percent = SEGMENTS.assign(
        revenue=100 * SEGMENTS.share_of_revenue, customers=100 * SEGMENTS.share_of_customers
    )
    quiet = ["At risk", "Cannot lose"]
    curves = _curves()
    return v4.new_notebook(
        cells=[
            v4.new_markdown_cell("# Segments\n\nWho brings the money, and who has gone *quiet*?"),
            v4.new_code_cell("bins: int = 5", metadata={"tags": ["parameters"]}),
            cell(
                blocks.headline(
                    "One customer in five brings 63 % of revenue, and 318 proven buyers worth $33,183 have gone quiet",
                    lede="Revenue to date is $173,116 from 2,349 customers, 18 % more than three months ago. Growth came "
                    "from people buying again: the share of repeat buyers rose from 34 % to 40 %.",
                ),
                blocks.kpis(
                    blocks.kpi("Customers", "2,349", note="no new ones since April"),
                    blocks.kpi(
                        "Revenue to date", "$173,116", change="▲ 18.5 %", note="since June", direction="up"
                    ),
                    blocks.kpi(
                        "Bought again",
                        "40.3 %",
                        change="▲ 6.0 points",
                        note="95 % interval ± 2.0",
                        direction="up",
                    ),
                    blocks.kpi(
                        "From the top fifth",
                        "63.2 %",
                        change="▲ 2.1 points",
                        note="80/20 does not hold",
                        direction="up",
                    ),
                ),
                blocks.actions(
                    blocks.action(
                        "Win back 28 “cannot lose” customers by hand.",
                        "They spent $427 each and have been silent for six months.",
                        "account managers",
                        "$11,943 so far",
                    ),
                    blocks.action(
                        "Send 290 “at risk” buyers the next-order offer.",
                        "Hold out 29 of them to measure it.",
                        "campaigns",
                        "$21,240 so far",
                        "$1,150",
                    ),
                    blocks.action(
                        "Do not mail 1,177 lapsed one-timers.",
                        "They spent $21 once; a contact would need one reply in twenty.",
                    ),
                ),
            ),
            v4.new_markdown_cell("## Where the money is"),
            cell(
                blocks.chart(
                    figures.bars(percent, "segment", "revenue", "customers", quiet, suffix=" %"),
                    finding="Champions are 9 % of customers and 31 % of revenue",
                    data=SEGMENTS,
                    caption="Colour: share of revenue; orange segments have gone quiet. Grey: share of customers.",
                    formats={
                        "revenue": "money:USD",
                        "share_of_revenue": "percent",
                        "share_of_customers": "percent",
                    },
                )
            ),
            cell(_heat()),
            v4.new_markdown_cell("## How unequal it is"),
            cell(curves[0]),
            v4.new_markdown_cell(
                "## What comes next\n\nFitted at 30 September 1997, then held against what came. See [the method](#method)."
            ),
            *[cell(c) for c in curves[1:]],
            cell(
                blocks.table(
                    SEGMENTS.drop(columns="rule"),
                    finding="Five segments hold nine tenths of the revenue",
                    caption="Equal customers always fall in the same segment.",
                    formats={
                        "revenue": "money:USD",
                        "share_of_revenue": "percent",
                        "share_of_customers": "percent",
                    },
                ).sliding("Segment", 1)
            ),
            cell(
                blocks.note(
                    "What would make this surer",
                    "Margin and contact cost are not in the data.\n\nNo control group has tested the offers yet.",
                )
            ),
            cell(
                blocks.method(
                    {
                        "Data": "4,960 purchase lines, 1 January – 30 September 1997, 4,814 customer-days; 8 customers whose only purchase was free are left out.",
                        "Segments": "First matching rule in the table above; equal customers always fall in the same segment.",
                        "Change": "Against 30 June 1997 on the same customers; ± is a 95 % interval (Wilson).",
                        "Not in here": "Margin and contact cost; no control group has tested the offers yet.",
                    }
                ),
                blocks.record(customers=2349, revenue=173116.04, top_share=0.632),
            ),
        ]
    )


def hostile() -> nbformat.NotebookNode:
    """Every text in every place is one of HOSTILE."""
    bad = " ".join(HOSTILE[:5])
    frame = pd.DataFrame(
        {"name": HOSTILE, "value": [float(n) for n in range(8, 0, -1)], "<b>who</b>": HOSTILE}
    )
    grid = pd.DataFrame([[1.0, 2.0], [3.0, 4.0]], index=HOSTILE[:2], columns=HOSTILE[2:4])
    ends = frame.assign(low=frame.value - 1, high=frame.value + 1, day=range(8)).rename(
        columns={"value": HOSTILE[0]}
    )
    raw = go.Figure(go.Scatter(x=HOSTILE, y=list(range(8)), text=HOSTILE, mode="markers+text", name=bad))
    raw.update_layout(
        title=bad, xaxis_title=bad, annotations=[{"text": bad, "x": 1, "y": 1}], yaxis_tickprefix=bad
    )
    return v4.new_notebook(
        cells=[
            v4.new_markdown_cell(f"# Bad {bad}\n\n{bad}"),
            cell(
                blocks.headline(bad, bad, thin=True),
                blocks.kpis(*[blocks.kpi(h, h, h, h, "up") for h in HOSTILE]),
                blocks.actions(*[blocks.action(h, h, h, h, h) for h in HOSTILE]),
            ),
            v4.new_markdown_cell(
                f"## {bad}\n\n{bad}\n\n<script>alert(3)</script>\n\n![x](https://evil.example/a.png) [y](javascript:alert(4)) <https://evil.example>"
            ),
            cell(
                blocks.chart(
                    figures.bars(frame, "name", "value", highlight=HOSTILE[:1], suffix=bad[:20]),
                    finding=bad,
                    data=frame,
                    caption=bad,
                )
            ),
            cell(
                blocks.chart(
                    figures.heatmap(grid, [HOSTILE[:2], HOSTILE[2:4]], x_title=bad), finding=bad, data=grid
                )
            ),
            cell(blocks.chart(figures.columns(frame, "name", ["value"]), finding=bad, data=frame)),
            cell(
                blocks.chart(
                    figures.lines(ends, "day", [HOSTILE[0]], mark=3, mark_label=bad), finding=bad, data=ends
                )
            ),
            cell(
                blocks.chart(
                    figures.intervals(ends, "name", HOSTILE[0], "low", "high", 4), finding=bad, data=ends
                )
            ),
            cell(blocks.chart(raw, finding=bad, data=frame)),
            cell(blocks.table(frame, finding=bad, caption=bad), blocks.note(bad, bad, thin=True)),
            cell(blocks.method({h: h for h in HOSTILE}), blocks.record(worst=bad, n=float("nan"))),
        ]
    )


def pages(folder: Path) -> dict[str, Path]:
    """Write every kind of page; name -> file."""
    entries = [
        page.IndexEntry(
            "segments",
            "Segments",
            "1997-09-30",
            "segments/1997-09-30/report.html",
            "done",
            "One customer in five brings 63 % of revenue",
            dt.date(1997, 9, 30),
            "today",
        ),
        page.IndexEntry(
            "segments",
            "Segments",
            "lemonade",
            "segments/lemonade/report.html",
            "thin",
            "40 customers, 120 cups",
            dt.date(2025, 8, 1),
            "today",
        ),
        page.IndexEntry(
            "lifetime_value",
            "Lifetime value",
            "1997-09-30",
            "lifetime_value/1997-09-30/report.html",
            "failed",
            "The next year brings $120,000",
            dt.date(1997, 9, 30),
            "yesterday",
            "The last run found no transactions file.",
        ),
    ]
    what = "The file with the purchases was not where it should be, so nothing could be counted."
    step = "Put transactions.csv back into the folder data/shop and run the report again."
    made = {
        "fair": page.build(fair(), context()),
        "hostile": page.build(hostile(), context(label=HOSTILE[0], parameters={HOSTILE[0]: HOSTILE[3]})),
        "failure": page.failure(context(), what=what, next_step=step, last_good="1997-08-31/report.html"),
        "index": page.index(entries, today=dt.date(2025, 8, 3)),
        "empty": page.index([], today=dt.date(2025, 8, 3)),
    }
    for name, html in made.items():
        (folder / f"{name}.html").write_text(html, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in made}


if __name__ == "__main__":
    pages(Path(sys.argv[1]))
