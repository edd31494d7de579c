"""A run notebook -> one self-contained HTML file; and the failure page and the index beside it.

Same notebook, same context, same bytes: there is no clock here and nothing at random.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from dataclasses import dataclass, field
from typing import Any

import nbformat
from markupsafe import Markup

from crm_analytics.pages import index_page, locales, prose, theme, words
from crm_analytics.pages.brand import Brand
from crm_analytics.pages.brand_charts import twins
from crm_analytics.pages.index_page import IndexEntry, index, safe_link
from crm_analytics.pages.notebook_blocks import (
    action_facts,
    block_of,
    facts,
    headline,
    is_thin,
    named_lists,
    only_headline,
    opening,
    shown,
    title,
)
from crm_analytics.pages.render import PageError, island_json, library, render
from crm_analytics.pages.sentences import sentences

__all__ = ["IndexEntry", "PageContext", "PageError"]
__all__ += [
    "action_facts",
    "build",
    "facts",
    "failure",
    "headline",
    "index",
    "is_thin",
    "named_lists",
    "title",
]

LARGEST = 2_500_000
OPEN_ON_THIN_PAGES = 2  # a page that has little to say says it on two screens
_LIFTED = ("headline", "kpis", "actions", "findings", "glossary", "method", "record")


@dataclass(frozen=True)
class PageContext:
    """What a page says about its run.

    Parameters
    ----------
    report, label : the report's name ("segments") and the data's name for people ("CDNOW sample")
    as_of : the day
    version, data_hash : of the package; 64 hex characters
    parameters : those that somebody set; the manifest holds them all. Paths are never shown
    rows, rejected : transaction rows used and set aside
    first_day, last_day : of the data seen
    timezone : on whose clock days are counted; empty where the data write no offset
    filtered_by : which customers or purchases the page is about, in words; empty for all
    cautions : sentences on the data that a reader must know before any number
    neighbours : (title, link) of the other reports of the same data and day, links from the stable page
    brand : the shop's colour and logo
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
    timezone: str = ""
    filtered_by: str = ""
    cautions: tuple[str, ...] = ()
    neighbours: tuple[tuple[str, str], ...] = ()
    brand: Brand = Brand()  # noqa: RUF009 - frozen

    def in_index(self, report: str, side: str = "") -> str:
        """Link to where the index tells of a report of the same data, or of the one before or after it.

        The index knows which reports there are, whatever was made before or after this page.
        """
        return f"../../index.html#{index_page.anchor(self.label, report, side)}"


@dataclass
class _Section:
    label: str = ""
    intro: Markup = field(default_factory=Markup)
    block: dict[str, Any] | None = None
    id: str = ""

    @property
    def heading(self) -> str:
        """What contents call it."""
        return self.label or (self.block or {}).get("finding", "")


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
    first = opening(notebook)
    blocks = [block for _, block in shown(notebook)]
    top = only_headline(blocks)
    language = top.get("language", locales.ENGLISH)
    with locales.speaking(language):
        html = render(
            "page.html",
            title=top.get("title") or words.listing([first.heading], ""),
            question=prose.plain(first.prose),
            context=context,
            brand=context.brand,
            top=top,
            t=sentences(language),
            **_parts(notebook, blocks, context),
        )
    if len(html.encode()) > LARGEST:
        size = len(html.encode()) / 1e6
        raise PageError(
            f"the page is {size:.1f} MB, at most {LARGEST / 1e6}: draw fewer points or limit the tables"
        )
    return html


def _parts(
    notebook: nbformat.NotebookNode, blocks: list[dict[str, Any]], context: PageContext
) -> dict[str, Any]:
    """All that the page shows below its headline."""
    sections = _sections(notebook)
    figures = {s.id: s.block["figure"] for s in sections if s.block and s.block["kind"] == "chart"}
    folded = _folded(sections, thin=any(b["kind"] == "headline" and b.get("thin") for b in blocks))
    island = {"report": context.report, "as_of": context.as_of, "facts": facts(notebook)}

    def items(kind: str) -> list[Any]:
        return [item for b in blocks if b["kind"] == kind for item in b["items"]]

    return {
        "kpis": [b for b in blocks if b["kind"] == "kpis"][:1],
        "actions": [b for b in blocks if b["kind"] == "actions"],
        "findings": _unsaid(items("findings"), only_headline(blocks)["sentence"]),
        "anchors": {s.id for s in sections},
        "glossary": items("glossary"),
        "sections": [s for s in sections if s not in folded],
        "appendix": folded,
        "method": [*_filter(context), *items("method")],
        "footer": _footer(context),
        "figures": {key: island_json(figure) for key, figure in figures.items()},
        "facts": island_json(island),
        "look": island_json(_colours(context)) if figures else None,
        "library": library() if figures else None,
    }


def _folded(sections: list[_Section], *, thin: bool) -> list[_Section]:
    """The sections of the appendix; of a page on few data, all but the first that show something."""
    shown = [s for s in sections if s.block and s.block.get("layer") != "appendix"]
    rest = shown[OPEN_ON_THIN_PAGES:] if thin else []
    return [s for s in sections if (s.block and s.block.get("layer") == "appendix") or s in rest]


def _colours(context: PageContext) -> dict[str, Any]:
    """The template of all figures, and the twins of their colours by day and by night."""
    light, dark = twins(context.brand)
    return {"template": theme.template(), "light": light, "dark": dark}


def _filter(context: PageContext) -> list[tuple[str, str]]:
    """What the method says of the filter, before anything else."""
    if not context.filtered_by:
        return []
    t = sentences(locales.language())
    return [(t("page.filter"), t("page.filter_text", filter=context.filtered_by))]


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
                block = block_of(output, position + 1)
                again = block["kind"] == "kpis" and seen_kpis
                seen_kpis = seen_kpis or block["kind"] == "kpis"
                if block["kind"] in _LIFTED and not again:
                    waiting = _Section(intro=waiting.intro)
                    continue
                waiting.block = block
                waiting.label = block.get("label") or waiting.label
                found.append(waiting)
                waiting = _Section()
    found += [waiting] if waiting.intro else []
    found = _each_once(found)
    taken = {"main", "do", "how", "method", "found", "appendix", "facts", "look", "library"}
    for number, section in enumerate(found, start=1):
        anchor = (section.block or {}).get("anchor", "")
        section.id = anchor if anchor and anchor not in taken else f"s{number}"
        taken.add(section.id)
    return found


def _each_once(sections: list[_Section]) -> list[_Section]:
    """Sections without those that repeat one above word for word.

    Where a table is missing, several sections have the same to say: what to bring. The page says it once.
    """
    seen: list[dict[str, Any]] = []
    kept = []
    for section in sections:
        block = section.block or {}
        said = {k: v for k, v in block.items() if k not in ("section", "anchor", "label", "layer")}
        if said and said in seen:
            continue
        seen += [said] if said else []
        kept.append(section)
    return kept


def _unsaid(findings: list[dict[str, str]], headline: str) -> list[dict[str, str]]:
    """Findings without those that the headline has said already; its range and its second half aside.

    >>> said = [{"text": "38 % came by fair", "to": ""}, {"text": "Fairs cost $20", "to": ""}]
    >>> [one["text"] for one in _unsaid(said, "38 % came by fair (33 % to 43 %); others by web")]
    ['Fairs cost $20']
    """
    return [one for one in findings if _bare(one["text"]) != _bare(headline)]


def _bare(sentence: str) -> str:
    return re.sub(r" \([^()]*\)", "", sentence.partition("; ")[0]).rstrip(". ").casefold()


def _footer(context: PageContext) -> list[tuple[str, str]]:
    window = (
        f"{words.date(context.first_day, short=True)} – {words.date(context.last_day, short=True)}"
        if context.first_day and context.last_day
        else words.UNKNOWN
    )
    t = sentences(locales.language())
    parameters = [
        f"{name} = {_value(name, value, context)}" for name, value in sorted(context.parameters.items())
    ]
    return [
        (t("footer.data"), f"{context.label}, {window}"),
        (t("footer.rows"), t("footer.rows_used", rows=context.rows, rejected=context.rejected)),
        (
            t("footer.days"),
            t("footer.days_of", zone=context.timezone) if context.timezone else t("footer.days_as_written"),
        ),
        (t("footer.fingerprint"), context.data_hash[:12]),
        (t("footer.parameters"), ", ".join(parameters) or t("footer.preset")),
        (t("footer.made_by"), f"crm-analytics {context.version}"),
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


def failure(
    context: PageContext, *, what: str, next_step: str, last_good: str | None, language: str = locales.ENGLISH
) -> str:
    """The page that stands in for a report that could not be made.

    Parameters
    ----------
    what, next_step : plain words for a reader who does not run it: no traceback, no customer's name. Indented
        lines of `what` are shown to be copied, as they are
    last_good : relative link to the last report that worked, or None
    language : of what the page says around them, "en" or "de"
    """
    link = safe_link(last_good) if last_good else None
    with locales.speaking(language):
        return render(
            "failure.html",
            context=context,
            brand=context.brand,
            t=sentences(language),
            what=_with_code(what),
            next_step=next_step,
            last_good=link,
            footer=_footer(context),
        )


def _with_code(text: str) -> list[tuple[bool, str]]:
    """Paragraphs of a message, and its indented lines, which somebody will copy.

    >>> _with_code("Say in mapping.toml:" + chr(10) + "  currency = 'EUR'")
    [(False, 'Say in mapping.toml:'), (True, "currency = 'EUR'")]
    """
    runs = itertools.groupby((x for x in text.splitlines() if x.strip()), lambda x: x.startswith("  "))
    return [(code, "\n".join(words.clean(x) for x in lines)) for code, lines in runs]
