"""Dates that a company marked, as numbered lines on a figure over time."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from crm_analytics.pages.theme import MUTED

_DAY = re.compile(r"\d{4}-\d\d-\d\d($|[T ])")
MOST = 9  # lines on one figure, the latest: more would hide what they explain


def marked(
    figure: Mapping[str, Any], marks: Sequence[tuple[date, str]]
) -> tuple[dict[str, Any], list[tuple[int, date, str]]]:
    """The figure with a numbered line at each mark within its days, and which number is what.

    Parameters
    ----------
    figure : plain JSON, as `drawing.to_json` makes it; one that is not over days stays as it is
    marks : day and label, ascending

    >>> weeks = {"data": [{"type": "scatter", "x": ["2026-01-05", "2026-02-02"], "y": [1, 2]}], "layout": {}}
    >>> marked(weeks, [(date(2026, 1, 20), "Prices raised"), (date(2027, 1, 1), "Later")])[1]
    [(1, datetime.date(2026, 1, 20), 'Prices raised')]
    """
    days = _days(figure)
    if not days:
        return dict(figure), []
    seen = [mark for mark in marks if min(days) <= mark[0].isoformat() <= max(days)][-MOST:]
    numbered = [(number, day, label) for number, (day, label) in enumerate(seen, start=1)]
    if not numbered:
        return dict(figure), []
    layout = copy.deepcopy(dict(figure["layout"]))
    for number, day, _ in numbered:
        line = {"color": MUTED, "width": 1, "dash": "dot"}
        place = {"x0": day.isoformat(), "x1": day.isoformat(), "y0": 0, "y1": 1, "yref": "paper"}
        layout.setdefault("shapes", []).append({"type": "line", **place, "line": line})
        layout.setdefault("annotations", []).append(
            {"x": day.isoformat(), "y": 1, "yref": "paper", "yanchor": "bottom", "text": str(number)}
            | {"showarrow": False, "font": {"color": MUTED, "size": 12}}
        )
    return {**figure, "layout": layout}, numbered


def _days(figure: Mapping[str, Any]) -> list[str]:
    """The days along the figure; none where it is not over days alone."""
    across = [x for trace in figure["data"] if "z" not in trace for x in trace.get("x") or ()]
    days = [x for x in across if isinstance(x, str) and _DAY.match(x)]
    return [x[:10] for x in days] if days and len(days) == len(across) else []
