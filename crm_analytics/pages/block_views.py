"""How a block shows itself outside the page: as plain text that is compared, and as HTML in JupyterLab."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from markupsafe import escape

from crm_analytics.errors import NotebookError, nearest
from crm_analytics.pages import block_values, drawing, words
from crm_analytics.pages.render import render
from crm_analytics.pages.theme import MUTED, PAPER, template

MOST_ROWS = 500
Formats = Mapping[str, str | Sequence[str]]  # column -> format of `words.say`, or one for each row


# --- a frame as the table of a page -------------------------------------------------------------------------


def table(
    frame: pd.DataFrame,
    formats: Formats | None = None,
    limit: int | None = None,
    names: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """`frame` in words, and what they say in numbers.

    ``{"columns": [{"label", "align", "name", "format", "type", "values"}], "rows": [[text, ...]], "more":
    rows left out}``. An index that says something (a name, or no plain 0..n-1) becomes the first column. At
    most 500 rows.

    Raises
    ------
    NotebookError : a format names a column that is not there, or an unknown format.

    Examples
    --------
    >>> table(pd.DataFrame({"segment": ["Loyal"], "revenue": [29190.4]}), {"revenue": "money:USD"})["rows"]
    [['Loyal', '$29,190']]
    >>> table(pd.DataFrame({"revenue": [29190.4]}), {"revenue": "money:USD"})["columns"][0]["values"]
    [29190.4]
    """
    frame = frame.to_frame() if isinstance(frame, pd.Series) else frame
    if frame.index.nlevels > 1 or frame.index.name is not None or not _is_plain(frame.index):
        frame = frame.reset_index(names=[str(name or " ") for name in frame.index.names])
    flat = [_flat(name) for name in frame.columns]
    formats = formats or {}
    for name in formats:
        if name not in flat:
            raise NotebookError(f"formats: the table has no column '{name}'{nearest(name, flat)}")
        if not isinstance(formats[name], str) and len(formats[name]) != len(frame):
            raise NotebookError(f"formats: '{name}' has {len(formats[name])} formats for {len(frame)} rows")
    shown = frame.head(min(limit or MOST_ROWS, MOST_ROWS))
    columns, cells = [], []
    for position, name in enumerate(flat):
        given = formats.get(name, "auto")
        fmt = given if isinstance(given, str) else "mixed"
        values = shown.iloc[:, position].tolist()
        if fmt == "auto" and shown.dtypes.iloc[position].kind == "f":
            fmt = f"number:{words.same_digits(values)}"
        each = [fmt] * len(values) if isinstance(given, str) else list(given)[: len(values)]
        texts = _said(values, each, fmt)
        shown_texts = [words.clean(text, words.LONGEST_LABEL * 2) for text in texts]
        label = (names or {}).get(name) or heading(name)
        column = {"label": label, "align": "text" if fmt == "mixed" else words.align(fmt, values)}
        column |= {"name": words.clean(name, words.LONGEST_LABEL), "format": fmt}
        columns.append(
            column | block_values.column(shown.iloc[:, position], shown_texts, each[0] if each else fmt)
        )
        cells.append(shown_texts)
    return {
        "columns": columns,
        "rows": [list(row) for row in zip(*cells, strict=True)],
        "more": len(frame) - len(shown),
    }


def _said(values: list[Any], formats: list[str], fmt: str) -> list[str]:
    """The cells of a column; amounts of one currency with the same decimals, so that they stand in line."""
    kind, _, currency = fmt.partition(":")
    if kind == "money":
        digits = words.cents_of(values, currency)
        return [words.money(v, currency, digits) for v in values]
    return [words.say(v, f) for v, f in zip(values, formats, strict=True)]


def _flat(name: Any) -> str:
    return " · ".join(str(part) for part in name if part != "") if isinstance(name, tuple) else str(name)


def _is_plain(index: pd.Index) -> bool:
    return isinstance(index, pd.RangeIndex) or (
        index.dtype.kind in "iu" and index.equals(pd.RangeIndex(len(index)))
    )


def heading(name: str) -> str:
    """A column's name as its heading.

    >>> heading("order_count"), heading("P(alive)"), heading("r_score")
    ('Order count', 'P(alive)', 'R score')
    """
    text = words.clean(name.replace("_", " "), words.LONGEST_LABEL)
    return text[:1].upper() + text[1:]


# --- plain text ---------------------------------------------------------------------------------------------


def text(kind: str, payload: dict[str, Any]) -> str:
    """A block as text: every number it shows, rounded as it is shown, and the same on each run."""
    lines = [f"[{kind}]", *_TEXT[kind](payload)]
    return "\n".join(line.rstrip() for line in lines if line)


def _items(payload: dict[str, Any]) -> list[str]:
    return [" | ".join(_parts(item)) for item in payload["items"]]


def _parts(item: dict[str, Any]) -> list[str]:
    """What a line of numbers, actions or findings shows; facts for machines and anchors are not shown."""
    parts = [
        str(v) for key, v in item.items() if v and key not in ("list", "list_there", "fact", "to", "from")
    ]
    return [*parts, f"list {item['list']['name']}: {item['list']['count']}"] if "list" in item else parts


def _chart(payload: dict[str, Any]) -> list[str]:
    return [
        payload["finding"],
        payload["caption"],
        drawing.digest(payload["figure"]),
        *_grid(payload["table"]),
    ]


def _grid(grid: dict[str, Any]) -> list[str]:
    rows = [[c["label"] for c in grid["columns"]], *grid["rows"]]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    left = [c["align"] == "text" for c in grid["columns"]]
    lines = [
        "  ".join(v.ljust(w) if at else v.rjust(w) for v, w, at in zip(row, widths, left, strict=True))
        for row in rows
    ]
    return [*lines, f"... and {words.plural(grid['more'], 'more row', 'more rows')}" if grid["more"] else ""]


def _fact(value: Any) -> str:
    return f"{drawing.rounded(value)}" if isinstance(value, float) else str(value)


_TEXT = {
    "headline": lambda p: [p["sentence"], p["lede"], "thin" if p["thin"] else ""],
    "kpis": _items,
    "actions": _items,
    "findings": _items,
    "links": lambda p: [p["finding"], *(f"{one['title']}: {one['text']}" for one in p["items"])],
    "chart": _chart,
    "table": lambda p: [p["finding"], p["caption"], *_grid(p["table"])],
    "method": lambda p: [f"{term}: {said}" for term, said in p["items"]],
    "glossary": lambda p: [f"{term}: {said}" for term, said in p["items"]],
    "note": lambda p: [p["finding"], *p["paragraphs"], "thin" if p["thin"] else ""],
    "record": lambda p: [f"{name} = {_fact(value)}" for name, value in p["facts"].items()],
}


# --- JupyterLab ---------------------------------------------------------------------------------------------


def html(kind: str, payload: dict[str, Any]) -> str:
    """A block as a small piece of HTML for JupyterLab, with its styles inside and everything escaped."""
    return render("lab.html", kind=kind, block=payload, fact=_fact).strip()


def plotly(payload: dict[str, Any]) -> dict[str, Any]:
    """A chart for JupyterLab, which shows Plotly's own type and nothing else: so the finding is its title.

    Unlike the page it can be zoomed: here somebody is looking for something.
    """
    figure, look = payload["figure"], template()
    layout = dict(figure["layout"])
    title, subtitle = f"<b>{_wrapped(payload['finding'], 76)}</b>", _wrapped(payload["caption"], 110)
    # Plotly hangs one line of a title below its place, and sets the first of several on it: that one is cut.
    top = 8 if "<br>" not in title else 8 + 13
    above = 26 * (title.count("<br>") + 1) + 10 + top + (20 * (subtitle.count("<br>") + 1) if subtitle else 0)
    margin = {**look["layout"]["margin"], **layout.get("margin", {})}
    look["layout"] |= {side: {**look["layout"][side], "fixedrange": False} for side in ("xaxis", "yaxis")}
    layout |= {
        "template": look,
        "margin": {**margin, "t": margin["t"] + above},
        "height": layout.get("height", 380) + above,
        "dragmode": "zoom",
        "paper_bgcolor": PAPER,
        "plot_bgcolor": PAPER,
        "title": {
            "text": title,
            "font": {"size": 18},
            "subtitle": {"text": subtitle, "font": {"size": 14, "color": MUTED}},
            **{"x": 0, "xref": "container", "xanchor": "left", "pad": {"l": 8, "t": top}},
            **{"y": 1, "yref": "container", "yanchor": "top"},
        },
    }
    return {"data": figure["data"], "layout": layout, "config": {"displaylogo": False, "responsive": True}}


def _wrapped(sentence: str, width: int) -> str:
    lines = [""]
    for word in str(escape(sentence)).replace("$", "&#36;").split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "<br>".join(lines)
