"""The only things a notebook displays: headline, kpis, actions, findings, chart, table, note, method, ...

A page has two layers. What stands in the manager's layer is read in two minutes: headline, numbers, actions,
findings and at most a chart or two. Everything else is put `in_appendix`: folded, complete, printed.

A block is a few words and plain JSON. In JupyterLab it shows itself; when a report runs it hands its JSON
to `page.build`; with ``CRM_DISPLAY=text`` it is plain text, which is what tests compare, and with
``CRM_DISPLAY=stored`` charts bring their figure, too, of which a committed notebook keeps a picture. All
texts are plain: whatever they hold is escaped where it is shown.

>>> headline("One customer in five brings 63 % of revenue", lede="Growth came from people buying again.")
[headline]
One customer in five brings 63 % of revenue
Growth came from people buying again.
"""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from crm_analytics.errors import NotebookError
from crm_analytics.pages import block_views, drawing, locales, words
from crm_analytics.pages.marked_dates import marked
from crm_analytics.pages.sentences import sentences

MIME = "application/vnd.crm-analytics.block+json"
PLOTLY_MIME = "application/vnd.plotly.v1+json"
VERSION = 1
KINDS = (
    "headline", "kpis", "chart", "table", "actions", "findings", "links", "glossary", "method", "note",
    "record",
)  # fmt: skip
MOST_ACTIONS, MOST_FINDINGS, LONGEST_FINDING = 3, 5, 90
DIRECTIONS = ("", "up", "down", "flat")


@dataclass(frozen=True)
class Block:
    """One displayed thing: its kind, its words as plain JSON, and the figure it was made from, if any."""

    kind: str
    payload: dict[str, Any]
    figure: go.Figure | None = field(default=None, compare=False, repr=False)

    def to_json(self) -> dict[str, Any]:
        """What the page is built from."""
        return {"kind": self.kind, "version": VERSION, **self.payload}

    def under(self, label: str) -> Block:
        """The block with a small heading of its own on the page, in place of the notebook's.

        >>> note("Monday is the busiest day").under("When they come").to_json()["label"]
        'When they come'
        """
        return replace(self, payload={**self.payload, "label": _text(label)})

    def in_appendix(self) -> Block:
        """The block in the folded part of the page, for whoever asks how it is known.

        >>> note("The model fits").in_appendix().to_json()["layer"]
        'appendix'
        """
        return replace(self, payload={**self.payload, "layer": "appendix"})

    def anchored(self, name: str) -> Block:
        """The block with a name that findings can lead to.

        Raises
        ------
        NotebookError : the name is no plain word.

        >>> note("The model fits").anchored("fit").to_json()["anchor"]
        'fit'
        """
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,40}", name):
            raise NotebookError(f"an anchor is a word like 'at-risk', got '{_short(name)}'")
        return replace(self, payload={**self.payload, "anchor": name})

    def dated(
        self, marks: Sequence[tuple[dt.date, str]], told: Callable[[list[tuple[int, dt.date, str]]], str]
    ) -> Block:
        """A chart over days with the dates that the company marked, numbered; any other block as it is.

        Parameters
        ----------
        marks : day and label, ascending
        told : number, day and label of those in view -> the sentence under the chart
        """
        if self.kind != "chart" or not marks:
            return self
        figure, seen = marked(self.payload["figure"], marks)
        if not seen:
            return self
        caption = f"{self.payload['caption']} {_text(told(seen))}".strip()
        return replace(self, payload={**self.payload, "figure": figure, "caption": caption})

    def sliding(self, label: str, start: int) -> Block:
        """A table of which a reader sees one row, chosen by a slider that begins at row `start`.

        It works in a file that was mailed, without any server. On paper and without JavaScript all rows
        stand there.

        Raises
        ------
        NotebookError : it is no table, or has no such row.

        >>> rows = pd.DataFrame({"effect": [0.01, 0.05], "margin": [-20, 310]})
        >>> block = table(rows, finding="It pays from 2 % on").sliding("Effect of a letter", 1)
        >>> block.to_json()["slider"]
        {'label': 'Effect of a letter', 'start': 1}
        """
        if self.kind != "table" or not 0 <= start < len(self.payload["table"]["rows"]):
            raise NotebookError(f"a slider goes over the rows of a table, and begins at one; got {start}")
        return replace(self, payload={**self.payload, "slider": {"label": _text(label), "start": start}})

    def named(self, section: str) -> Block:
        """The block with the name of its section, which its published table is called by.

        >>> note("Monday is the busiest day").named("busiest_day").to_json()["section"]
        'busiest_day'
        """
        return replace(self, payload={**self.payload, "section": section})

    def __repr__(self) -> str:
        return block_views.text(self.kind, self.payload)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        form = os.environ.get("CRM_DISPLAY", "")
        if form == "page":
            return {MIME: self.to_json()}
        bundle: dict[str, Any] = {"text/plain": block_views.text(self.kind, self.payload)}
        if form == "text":
            return bundle
        if form != "stored":
            bundle |= {MIME: self.to_json(), "text/html": block_views.html(self.kind, self.payload)}
        if self.kind == "chart":
            bundle[PLOTLY_MIME] = block_views.plotly(self.payload)
        return bundle


def headline(
    sentence: str,
    lede: str | Iterable[str] = "",
    thin: bool = False,
    language: str = locales.ENGLISH,
    title: str = "",
) -> Block:
    """The report in one sentence: the number, its change, its consequence. One a report.

    Parameters
    ----------
    sentence, lede : plain text; the lede says why, in two or three sentences, given one by one or as one text
    thin : the data are too few for the full report; its status becomes "thin"
    language, title : of the page: "en" or "de"; what it is called there, by default the notebook's title

    Raises
    ------
    NotebookError : the sentence is empty.

    >>> headline("40 customers, 120 cups").kind
    'headline'
    """
    lede = lede if isinstance(lede, str) else " ".join(_text(part) for part in lede if part)
    sentence, rest = _shortened(_sentence(sentence, "headline"), language)
    payload = {"sentence": sentence, "lede": _text(f"{rest} {lede}".strip()), "thin": bool(thin)}
    spoken = {} if language == locales.ENGLISH else {"language": locales.checked(language)}
    spoken |= {"title": _text(title)} if title else {}
    return Block("headline", payload | spoken)


def _shortened(sentence: str, language: str) -> tuple[str, str]:
    """A heading of at most 90 letters where it can be: its second half, then its range, go before the lede.

    >>> _shortened("Customers " + "x" * 70 + " more (1 to 2); the rest is chance", "en")[1]
    'The rest is chance. The range is 1 to 2.'
    """
    rest = []
    first, _, second = sentence.partition("; ")
    if len(sentence) > LONGEST_FINDING and second:
        sentence = first
        rest.append(f"{second[:1].upper()}{second[1:].rstrip('.')}.")
    ranges = re.findall(r" \(([^()]*\d[^()]*)\)", sentence)
    if len(sentence) > LONGEST_FINDING and len(ranges) == 1:
        sentence = sentence.replace(f" ({ranges[0]})", "")
        rest.append(sentences(language)("page.range", range=ranges[0]))
    return sentence, " ".join(rest)


def kpi(  # noqa: PLR0917
    label: str,
    value: str,
    change: str = "",
    note: str = "",
    direction: str = "",
    trend: Sequence[float] = (),
    trend_said: str = "",
) -> dict[str, str]:
    """One number of the strip, already worded (see `words`).

    Parameters
    ----------
    label, value : what is counted, and the count
    change : against the earlier period, with its arrow, as `words.change` writes it
    note : n, interval or context
    direction : "up", "down", "flat" or "": good or bad is for the reader to say, so both are one colour
    trend : its values in the last periods, the newest last, drawn as a small line; fewer than three are none
    trend_said : what that line shows, in words

    >>> kpi("Customers", "2,349", change="▲ 18.5 %", direction="up")["value"]
    '2,349'
    """
    if direction not in DIRECTIONS:
        raise NotebookError(f"kpi '{_short(label)}': direction is up, down, flat or empty, got '{direction}'")
    texts = {
        "label": _sentence(label, "kpi"),
        "value": _sentence(value, "kpi", f"a value for '{_short(label)}'"),
    }
    texts |= {"change": _text(change), "note": _text(note), "direction": direction}
    if len(trend) > 2:
        values = " ".join(f"{float(value):.6g}" for value in trend)
        texts |= {"trend": values, "trend_said": _sentence(trend_said, "kpi", "what its trend shows")}
    return {key: _short(text) for key, text in texts.items()}


def kpis(*items: dict[str, str]) -> Block:
    """Two to six numbers side by side, under the headline.

    >>> kpis(kpi("Customers", "40"))
    [kpis]
    Customers | 40
    """
    if not items:
        raise NotebookError("kpis() needs at least one kpi(label, value)")
    return Block("kpis", {"items": list(items)})


def chart(
    figure: go.Figure,
    *,
    finding: str,
    data: pd.DataFrame,
    caption: str = "",
    formats: block_views.Formats | None = None,
    names: Mapping[str, str] | None = None,
) -> Block:
    """A figure under the sentence that says what it shows, and over the numbers it is drawn from.

    Parameters
    ----------
    figure : of `figures`, or any Plotly figure without WebGL, maps or 3-D; its labels are escaped here
    finding : the section's title: what the reader should see
    data : the numbers, one row per mark; shown as a table, and all there is with JavaScript off
    caption : how to read it
    formats : column -> format of `words.say`, e.g. ``{"revenue": "money:USD", "share": "percent"}``; where
        rows have different units, a list of formats
    names : column -> its heading, where the column's own name will not do

    Raises
    ------
    NotebookError : no finding, no data, an unknown column or format, or a figure the page cannot draw.

    >>> bars = go.Figure(go.Bar(x=[3, 1], y=["Loyal", "Lost"], orientation="h"))
    >>> numbers = pd.DataFrame({"segment": ["Loyal", "Lost"], "n": [3, 1]})
    >>> chart(bars, finding="Loyal customers lead", data=numbers)
    [chart]
    Loyal customers lead
    figure: 1 trace (bar), 2 points
    Segment  N
    Loyal    3
    Lost     1
    """
    finding = _sentence(finding, "chart", "finding: the sentence that says what the chart shows")
    _has_rows(data, finding)
    texts = {"finding": finding, "caption": _text(caption)}
    payload: dict[str, Any] = {
        **texts,
        "table": block_views.table(data, formats, names=names),
        "figure": drawing.called(drawing.to_json(figure), names or {}),
    }
    if locales.language() != locales.ENGLISH:
        payload["figure"]["layout"]["separators"] = locales.separators()
    return Block("chart", payload, figure)


def together(*numbers: pd.Series) -> pd.Series:
    """Columns as one column of a table, for the formats ``interval`` and ``estimate``.

    >>> frame = pd.DataFrame({"share": together(pd.Series([0.61]), pd.Series([0.65]))})
    >>> table(frame, finding="About two thirds", formats={"share": "interval:percent:0"})
    [table]
    About two thirds
    Share
    61–65 %
    """
    return pd.Series(list(zip(*numbers, strict=True)), index=numbers[0].index, dtype="object")


def table(
    frame: pd.DataFrame,
    *,
    finding: str,
    caption: str = "",
    formats: block_views.Formats | None = None,
    limit: int | None = None,
    names: Mapping[str, str] | None = None,
) -> Block:
    """A table under the sentence that says what it shows; at most `limit` (and never more than 500) rows.

    Raises
    ------
    NotebookError : no finding, no rows, or an unknown column or format.

    >>> table(pd.DataFrame({"who": ["Ann", "Bo"], "cups": [9, 7]}), finding="Thank Ann first", limit=1)
    [table]
    Thank Ann first
    Who  Cups
    Ann     9
    ... and 1 more row
    """
    finding = _sentence(finding, "table", "finding: the sentence that says what the table shows")
    _has_rows(frame, finding)
    texts = {"finding": finding, "caption": _text(caption)}
    return Block("table", {**texts, "table": block_views.table(frame, formats, limit, names)})


def action(
    do: str,
    why: str = "",
    who: str = "",
    value_at_stake: str = "",
    expected_value: str = "",
    *,
    list_name: str = "",
    list_count: int = 0,
    fact: Mapping[str, Any] | None = None,
    source: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """One line of what to do next.

    Parameters
    ----------
    do : an imperative sentence
    why, who : the reason in a number; the role that does it
    value_at_stake : what these customers spent, as observed, e.g. "$11,943 so far"
    expected_value : the margin that it can still bring, with its interval
    list_name, list_count : of the list of customers that belongs to it, ``lists/<name>.csv`` beside the page,
        and how many stand on it
    fact : the action for machines, see `analyses.actions`; kept in the manifest
    source : the report that it comes from, of `link`; `list_name` then is a list of that report

    Raises
    ------
    NotebookError : no sentence, or a list without a name that a file can have.

    >>> action("Call the 28 customers who stopped", who="account managers")["who"]
    'account managers'
    """
    rest = {"why": why, "who": who, "value_at_stake": value_at_stake, "expected_value": expected_value}
    item: dict[str, Any] = {
        "do": _sentence(do, "action"),
        **{key: _text(value) for key, value in rest.items()},
    }
    if list_name:
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", list_name):
            raise NotebookError(f"a list has a name like 'at_risk', got '{_short(list_name)}'")
        item["list" if source is None else "list_there"] = {"name": list_name, "count": int(list_count)}
    if source is not None:
        item["from"] = {name: source[name] for name in ("title", "report", "slug")}
    if fact is not None:
        item["fact"] = {name: _fact(name, value) for name, value in fact.items()}
    return item


def actions(*items: dict[str, Any]) -> Block:
    """What to do next, the most urgent first.

    >>> actions(action("Thank Ann", why="9 cups"))
    [actions]
    Thank Ann | 9 cups
    """
    if not items:
        raise NotebookError("actions() needs at least one action(do); leave the block out when there is none")
    return Block("actions", {"items": list(items)})


def fitting(text: str, shorter: str) -> str:
    """The sentence where it has at most 90 letters, else the shorter one.

    Names and amounts come from the data, so a sentence may grow too long for one glance. What the shorter
    one leaves out, such as an interval, stands in the section it leads to.

    >>> fitting("It brings " + "more " * 20, "It brings more than it costs")
    'It brings more than it costs'
    """
    return text if len(_text(text)) <= LONGEST_FINDING else shorter


def finding(text: str, to: str = "", *, shorter: str = "") -> dict[str, str]:
    """One thing the report found, in at most 90 letters; `to` is the anchor of the block that shows it.

    Parameters
    ----------
    shorter : said in place of a text of more letters. What is too long even so is cut at a word: a name in
        the data must not keep a page from being made

    Raises
    ------
    NotebookError : nothing is said.

    >>> finding("Champions are 13 % of customers and 55 % of revenue", to="segments")["to"]
    'segments'
    """
    sentence = _sentence(fitting(text, shorter) if shorter else text, "finding")
    if len(sentence) > LONGEST_FINDING:
        sentence = sentence[:LONGEST_FINDING].rpartition(" ")[0].rstrip(" ,;:–(") + "…"
    return {"text": sentence, "to": to}


def findings(*items: dict[str, str]) -> Block:
    """What the report found, at most five things, each with the way to its proof.

    >>> findings(finding("Monday is the busiest day"))
    [findings]
    Monday is the busiest day
    """
    if not 1 <= len(items) <= MOST_FINDINGS:
        raise NotebookError(f"findings() takes one to {MOST_FINDINGS}, got {len(items)}")
    return Block("findings", {"items": list(items)})


def link(title: str, text: str, report: str, slug: str = "") -> dict[str, str]:
    """A way to another report of the same folder: what it is called, what it says.

    Without a slug it leads to where the index tells of that report of the same data.

    Raises
    ------
    NotebookError : nothing is said, or `report` and `slug` name no folder.

    >>> link("Segments", "A fifth of customers brings 82 %", "segments", "2025-12-31")["report"]
    'segments'
    """
    for name in (report, slug or report):
        if not re.fullmatch(r"\w[\w.-]{0,120}", name):
            raise NotebookError(f"a link leads to a report and its slug, got '{_short(name)}'")
    return {"title": _sentence(title, "link"), "text": _text(text), "report": report, "slug": slug}


def links(finding: str, *items: dict[str, str]) -> Block:
    """Other reports, one line each, under the sentence that says what they have in common.

    >>> links("1 more report of the day", link("Segments", "82 % from a fifth", "segments", "2025-12-31"))
    [links]
    1 more report of the day
    Segments: 82 % from a fifth
    """
    if not items:
        raise NotebookError("links() needs at least one link(); say with note() that there is none")
    return Block("links", {"finding": _sentence(finding, "links"), "items": list(items)})


def glossary(items: Mapping[str, str]) -> Block:
    """The words of the page, each in one sentence; one tap away on the page.

    >>> glossary({"At risk": "Silent for 102 days or more."})
    [glossary]
    At risk: Silent for 102 days or more.
    """
    return Block(
        "glossary",
        {"items": [[_sentence(word, "glossary"), _text(meaning)] for word, meaning in items.items()]},
    )


def method(items: Mapping[str, str]) -> Block:
    """How it was made and how sure it is: definitions, window, exclusions, what changed, what is missing.

    >>> method({"Data": "4,960 purchase lines", "Change": "against 30 June 1997"})
    [method]
    Data: 4,960 purchase lines
    Change: against 30 June 1997
    """
    return Block(
        "method", {"items": [[_sentence(term, "method"), _text(text)] for term, text in items.items()]}
    )


def note(finding: str, text: str = "", thin: bool = False) -> Block:
    """A section in words only: a small form, a refusal, a remark. A blank line begins a new paragraph.

    >>> note("No churn model yet", "It begins at 200 customers.", thin=True)
    [note]
    No churn model yet
    It begins at 200 customers.
    thin
    """
    paragraphs = [paragraph for part in text.split("\n\n") if (paragraph := _text(part))]
    return Block(
        "note", {"finding": _sentence(finding, "note"), "paragraphs": paragraphs, "thin": bool(thin)}
    )


def record(**facts: Any) -> Block:
    """Key numbers for machines: kept in the page and the manifest, drawn nowhere.

    Parameters
    ----------
    facts : name -> number, text, bool, day or None; NaN and infinity become None

    Raises
    ------
    NotebookError : a fact of another kind.

    >>> record(customers=2357, share=0.63210001)
    [record]
    customers = 2357
    share = 0.6321
    """
    return Block("record", {"facts": {name: _fact(name, value) for name, value in facts.items()}})


def _fact(name: str, value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if words.is_unknown(value):
        return None
    if isinstance(value, dt.date):
        return value.isoformat()[:10]
    if isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return words.clean(value)
    try:
        # Ten digits: the last bits of a sum differ from machine to machine, and a page must not.
        return float(f"{float(value):.10g}")
    except (TypeError, ValueError):
        raise NotebookError(
            f"record({name}=...): a fact is a number, a text or a day, got {type(value).__name__}"
        ) from None


def _text(value: object) -> str:
    return words.clean(value) if value else ""


def _short(value: object) -> str:
    return words.clean(value, 2 * words.LONGEST_LABEL)


def _sentence(value: object, where: str, what: str = "a sentence") -> str:
    if not (text := _text(value)):
        raise NotebookError(f"{where}() needs {what}; it was empty")
    return text


def _has_rows(data: Any, finding: str) -> None:
    if not isinstance(data, pd.DataFrame | pd.Series):
        raise NotebookError(f"'{finding}' needs its numbers as a pandas frame, got {type(data).__name__}")
    if not len(data) or not data.size:
        raise NotebookError(f"'{finding}' has no numbers to show; use note() to say so in words")
