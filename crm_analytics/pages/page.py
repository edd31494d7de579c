"""A run notebook -> one self-contained HTML file; and the failure page and the index beside it.

Same notebook, same context, same bytes: there is no clock here and nothing at random.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import nbformat
import plotly
from markupsafe import Markup

from crm_analytics.errors import PublishError
from crm_analytics.pages import prose, theme, words
from crm_analytics.pages.blocks import KINDS, MIME, VERSION

LARGEST = 2_500_000
_LIFTED = ("headline", "kpis", "actions", "method", "record")
_FOLDER = Path(__file__).with_name("template")


class PageError(PublishError):
    """The notebook shows something that cannot stand on a page."""


@dataclass(frozen=True)
class PageContext:
    """What a page says about its run.

    Parameters
    ----------
    report, label : the report's name ("segments") and the data's name for people ("CDNOW sample")
    as_of : the day
    version, data_hash : of the package; 64 hex characters
    parameters : as the notebook got them; paths are never shown
    rows, rejected : transaction rows used and set aside
    first_day, last_day : of the data seen
    """

    report: str
    label: str
    as_of: dt.date | None
    version: str
    data_hash: str
    parameters: dict[str, object]
    rows: int
    rejected: int
    first_day: dt.date | None
    last_day: dt.date | None


@dataclass(frozen=True)
class IndexEntry:
    """One published report in the index; `status` is done, thin or failed, `href` relative to the index."""

    name: str
    title: str
    slug: str
    href: str
    status: str
    headline: str
    day: dt.date | None
    published: str
    problem: str = ""


@dataclass
class _Section:
    label: str = ""
    intro: Markup = field(default_factory=Markup)
    block: dict[str, Any] | None = None
    id: str = ""


# --- what a notebook shows ----------------------------------------------------------------------------------


def shown(notebook: nbformat.NotebookNode) -> Iterator[tuple[int, dict[str, Any]]]:
    """Cell number (from 1) and JSON of each block a notebook shows, in order.

    Raises
    ------
    PageError : an output is not a block; the message names the cell and the cure.
    """
    for number, cell in enumerate(notebook.cells, start=1):
        for output in cell.get("outputs", []) if cell.cell_type == "code" else []:
            yield number, _block(output, number)


def _block(output: Any, number: int) -> dict[str, Any]:
    kind = output.get("output_type")
    if kind == "stream":
        _refuse(
            number,
            f"prints text ({output.get('name', 'stdout')})",
            "remove the print, or show it with note()",
        )
    if kind == "error":
        _refuse(
            number,
            f"failed with {words.clean(output.get('ename', 'an error'), 60)}",
            "run the notebook again",
        )
    data = output.get("data", {})
    if MIME not in data:
        seen = ", ".join(sorted(data)) or "nothing"
        cure = "show it through pages.blocks (chart, table, note ...), or end the line with a semicolon"
        if set(data) == {"text/plain"} and str(data["text/plain"]).startswith("["):
            cure += "; if it is a block already, the kernel ran with CRM_DISPLAY=text"
        _refuse(number, f"shows {seen}, which is not a block", cure)
    block = data[MIME]
    if block.get("kind") not in KINDS or block.get("version") != VERSION:
        _refuse(number, f"shows a block of another version ({block.get('kind')})", "run the notebook again")
    return dict(block)


def _refuse(number: int, what: str, cure: str) -> None:
    raise PageError(f"cell {number} {what}; a page is made of blocks alone: {cure}")


def facts(notebook: nbformat.NotebookNode) -> dict[str, Any]:
    """The key numbers of all record() blocks, later ones over earlier."""
    found: dict[str, Any] = {}
    for _, block in shown(notebook):
        found |= block.get("facts", {})
    return found


def is_thin(notebook: nbformat.NotebookNode) -> bool:
    """Whether a headline or note says that the data are too few for the full report."""
    return any(block.get("thin") for _, block in shown(notebook))


def title(notebook: nbformat.NotebookNode) -> str:
    """The first heading of the notebook: "Segments".

    Raises
    ------
    PageError : there is none.
    """
    return _opening(notebook).heading


def headline(notebook: nbformat.NotebookNode) -> str:
    """The sentence of the headline block.

    Raises
    ------
    PageError : there is none, or more than one.
    """
    return str(_headline([block for _, block in shown(notebook)])["sentence"])


def _headline(blocks: list[dict[str, Any]]) -> dict[str, Any]:
    found = [block for block in blocks if block["kind"] == "headline"]
    if len(found) != 1:
        raise PageError(
            f"a report has one headline(), this notebook shows {len(found)}; it is the page's title"
        )
    return found[0]


def _opening(notebook: nbformat.NotebookNode) -> prose.Passage:
    first = notebook.cells[0] if notebook.cells else None
    if first is not None and first.cell_type == "markdown":
        for passage in prose.passages(first.source):
            if passage.level == 1:
                return passage
    raise PageError("the first cell must be markdown: '# Title', and below it the question it answers")


# --- the page -----------------------------------------------------------------------------------------------


def build(notebook: nbformat.NotebookNode, context: PageContext) -> str:
    """One HTML file from a run notebook.

    Parameters
    ----------
    notebook : run with CRM_DISPLAY=page; code is never shown, markdown becomes labels and prose
    context : what the footer says

    Returns
    -------
    HTML: self-contained, no request to anywhere, at most 2.5 MB

    Raises
    ------
    PageError : an output that is not a block, no title, no headline, or too large a page.
    """
    opening = _opening(notebook)
    blocks = [block for _, block in shown(notebook)]
    top = _headline(blocks)
    sections = _sections(notebook)
    figures = {s.id: s.block["figure"] for s in sections if s.block and s.block["kind"] == "chart"}
    island = {"report": context.report, "as_of": context.as_of, "facts": facts(notebook)}
    html = _render(
        "page.html",
        title=words.listing([opening.heading], ""),
        question=prose.plain(opening.prose),
        context=context,
        top=top,
        kpis=[b for b in blocks if b["kind"] == "kpis"][:1],
        actions=[b for b in blocks if b["kind"] == "actions"],
        sections=sections,
        method=[pair for b in blocks if b["kind"] == "method" for pair in b["items"]],
        footer=_footer(context),
        figures={key: island_json(figure) for key, figure in figures.items()},
        facts=island_json(island),
        look=island_json({"template": theme.template(), "dark": theme.DARK}) if figures else None,
        library=_library() if figures else None,
    )
    if len(html.encode()) > LARGEST:
        size = len(html.encode()) / 1e6
        raise PageError(f"the page is {size:.1f} MB, at most 2.5: draw fewer points or limit the tables")
    return html


def _sections(notebook: nbformat.NotebookNode) -> list[_Section]:
    found: list[_Section] = []
    waiting = _Section()
    seen_kpis = False
    for position, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            for passage in prose.passages(cell.source):
                if position == 0 and passage.level <= 1:
                    continue
                if passage.heading:
                    found += [waiting] if waiting.intro else []
                    waiting = _Section(label=passage.heading)
                waiting.intro += prose.html(passage.prose) if passage.prose else Markup("")
        elif cell.cell_type == "code":
            for output in cell.get("outputs", []):
                block = _block(output, position + 1)
                again = block["kind"] == "kpis" and seen_kpis
                seen_kpis = seen_kpis or block["kind"] == "kpis"
                if block["kind"] in _LIFTED and not again:
                    waiting = _Section(intro=waiting.intro)
                    continue
                waiting.block = block
                found.append(waiting)
                waiting = _Section()
    found += [waiting] if waiting.intro else []
    for number, section in enumerate(found, start=1):
        section.id = f"s{number}"
    return found


def _footer(context: PageContext) -> list[tuple[str, str]]:
    window = (
        f"{words.date(context.first_day, short=True)} – {words.date(context.last_day, short=True)}"
        if context.first_day and context.last_day
        else words.UNKNOWN
    )
    rows = words.plural(context.rows, "row")
    said = [f"{name} = {_value(name, value, context)}" for name, value in sorted(context.parameters.items())]
    return [
        ("Data", f"{context.label}, {window}"),
        ("Rows", f"{rows} used, {words.count(context.rejected)} rejected"),
        ("Fingerprint", context.data_hash[:12]),
        ("Parameters", ", ".join(said) or "none"),
        ("Made by", f"crm-analytics {context.version}"),
    ]


def _value(name: str, value: object, context: PageContext) -> str:
    if name == "data":
        return context.label
    if name == "as_of" and context.as_of:
        return context.as_of.isoformat()
    if isinstance(value, str) and re.search(r"^[/~\\.]|^\w:[/\\]|://|[/\\].*[/\\]", value):
        return "(a path)"
    return words.clean(value if value != "" else "“”", words.LONGEST_LABEL)


# --- the pages beside it ------------------------------------------------------------------------------------


def failure(context: PageContext, *, what: str, next_step: str, last_good: str | None) -> str:
    """The page that stands in for a report that could not be made.

    Parameters
    ----------
    what, next_step : plain words for a reader who does not run it: no traceback, no customer's name
    last_good : relative link to the last report that worked, or None
    """
    link = _safe_link(last_good) if last_good else None
    return _render(
        "failure.html",
        context=context,
        what=what,
        next_step=next_step,
        last_good=link,
        footer=_footer(context),
    )


def index(entries: list[IndexEntry], *, today: dt.date) -> str:
    """The list of published reports, with the age of their data in days counted from `today`."""
    order = sorted(entries, key=lambda e: (e.title.lower(), e.name, e.slug), reverse=False)
    rows = [
        {"entry": e, "href": _safe_link(e.href), "age": (today - e.day).days if e.day else None}
        for e in order
    ]
    return _render("index.html", rows=rows, today=today)


def _safe_link(href: str) -> str:
    if re.match(r"[\w+.-]*:|//|/|\\", href):
        raise PageError(f"a link between pages is relative, got '{words.clean(href, 60)}'")
    return href


# --- rendering ----------------------------------------------------------------------------------------------


@cache
def _environment() -> jinja2.Environment:
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    env.filters |= {"say": _tidy, "date": words.date, "count": words.count, "plural": words.plural}
    script = (_FOLDER / "loader.js").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    # Both files are part of the package: the only text on a page that is not escaped.
    style = re.sub(r"\s*\n\s*", "\n", (_FOLDER / "style.css").read_text("utf-8"))
    env.globals |= {"style": Markup(style), "script": Markup(script), "script_hash": digest}  # noqa: S704
    return env


def _render(name: str, **values: Any) -> str:
    return _environment().get_template(name).render(**values)


def _tidy(text: object) -> str:
    """Text cleaned once more at the door, numbers kept together with their unit."""
    return re.sub(r"(?<=\d) (?=%|points\b)", "\u00a0", words.clean(text))


def island_json(value: Any) -> Markup:
    r"""JSON that no text in it can break out of.

    >>> island_json({"a": "</script>\u2028"})
    Markup('{"a":"\\u003c/script\\u003e\\u2028"}')
    """
    made = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str, allow_nan=False)
    for mark in "<>&\u2028\u2029":
        made = made.replace(mark, f"\\u{ord(mark):04x}")
    return Markup(made)  # noqa: S704 (escaped just now)


@cache
def _library() -> Markup:
    """plotly.js of the installed wheel, gzipped without a time stamp, in base64.

    Level 6: the ninth would save 4 KB of 1.9 MB for half as much time again.
    """
    source = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    packed = packer.compress(source.read_bytes()) + packer.flush()
    return Markup(base64.b64encode(packed).decode())  # noqa: S704 (base64)
