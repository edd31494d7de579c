"""The table of `docs/forecast-worlds.md`."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from benchmarks.worlds.scores import table
from benchmarks.worlds.standing import OF

RIVALS = ("page", "BG/NBD", "last year", "oracle")
HEAD = """# Do forecasts hold in businesses that no model drew?

{worlds} made-up businesses, {seeds} of each, forecast at three days, 13 and 52 weeks ahead: what the page
says, BG/NBD with Gamma-Gamma alone, the same weeks of last year with the spread of their own past errors,
and an oracle that knows every customer's rate, life and spend and not the future. Every interval promises
95 %. *Score* is the interval score (width, and 40 times what lies outside) as a share of what came: smaller
is better. *Bias* and *error* are medians of the error and of its size. Forecasts that were refused are
counted, and are in no other column. Stages are the customers of each stage twelve weeks ahead, leavers the
active customers who will fall silent in as many days as the churn page has, contracts those that end in 91
days. Made by `python -m benchmarks.worlds --seeds {seeds} --write docs/forecast-worlds.md`; the first table,
before anything was mended, stands in the history of this file.
"""


def markdown(cases: pd.DataFrame, stories: Mapping[str, str]) -> str:
    """The whole page."""
    parts = [HEAD.format(worlds=len(stories), seeds=cases["seed"].nunique())]
    parts += [f"- **{name}**: {story}" for name, story in stories.items()]
    others = cases[cases["what"].isin(OF)]
    cases = cases[~cases["what"].isin(OF)]
    parts += ["\n## All businesses together\n", _rows(table(cases, ["rival", "what", "weeks"]))]
    parts += ["\n## Stages, customers who fall silent, contracts that end\n", _standing(others)]
    for what in ("value", "purchases", "buyers"):
        for weeks in (52, 13):
            some = cases[(cases["what"] == what) & (cases["weeks"] == weeks)]
            parts += [f"\n## {what.capitalize()}, {weeks} weeks\n", _wide(table(some, ["world", "rival"]))]
    return "\n".join(parts) + "\n"


def _rows(found: pd.DataFrame) -> str:
    head = ["forecast", "of", "weeks", "forecasts", "refused", "held", "bias", "error", "score"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in found.to_dict("records"):
        cells = [row["rival"], row["what"], row["weeks"], row["forecasts"], row["refused"]]
        lines.append("| " + " | ".join([str(c) for c in cells] + _numbers(row)) + " |")
    return "\n".join(lines)


def _standing(cases: pd.DataFrame) -> str:
    lines = ["| business | of | forecasts | refused | held | bias | error | score |", "|" + "---|" * 8]
    whole = table(cases.assign(world="all"), ["world", "what"])
    for row in pd.concat([whole, table(cases, ["world", "what"])]).to_dict("records"):
        cells = [str(row[c]) for c in ("world", "what", "forecasts", "refused")]
        lines.append("| " + " | ".join(cells + _numbers(row)) + " |")
    return "\n".join(lines)


def _wide(found: pd.DataFrame) -> str:
    head = ["business", *[f"{r}: held, bias, error, score" for r in RIVALS], "refused"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for world, some in found.groupby("world", sort=False):
        rows = {row["rival"]: row for row in some.to_dict("records")}
        cells = [", ".join(_numbers(rows[r])) if r in rows else "" for r in RIVALS]
        lines.append("| " + " | ".join([str(world), *cells, str(rows["page"]["refused"])]) + " |")
    return "\n".join(lines)


def _numbers(row: Mapping[str, float]) -> list[str]:
    if pd.isna(row["held"]):
        return ["–"] * 4
    return [f"{row['held']:.0%}", f"{row['bias']:+.0%}", f"{row['error']:.0%}", f"{row['score']:.2f}"]
