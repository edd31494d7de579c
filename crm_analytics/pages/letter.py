"""A report as a mail: its headline, key figures, actions and findings, as plain text and as HTML.

Mail programs run no script, fetch nothing and drop style sheets: the HTML has its styles in its tags, and no
picture. At most 100 KB, above which some programs cut a mail.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import nbformat

from crm_analytics.pages import locales, words
from crm_analytics.pages.notebook_blocks import only_headline, shown, title
from crm_analytics.pages.render import render
from crm_analytics.pages.sentences import Sentences, sentences

LARGEST = 100_000  # bytes of HTML
_LONGEST = (400, 160, 60)  # letters of a text: the first with which the mail is small enough
_MOST = {"kpis": 6, "actions": 3, "findings": 5}
_SUBJECT = 180
_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Letter:
    """A mail without addresses."""

    subject: str
    html: str
    text: str


@dataclass(frozen=True, kw_only=True)
class LetterContext:
    """What a mail says around the report.

    Parameters
    ----------
    label : the data's name for people
    day : of the data
    place : path of the page inside the folder of reports
    link : address of the page; empty where it has none
    attached : whether the page is attached
    accent : a colour with enough contrast on white, as #rrggbb
    """

    label: str
    day: dt.date | None
    place: str
    link: str = ""
    attached: bool = False
    accent: str = "#0b5cad"


def letter(notebook: nbformat.NotebookNode, context: LetterContext) -> Letter:
    """The mail of a run notebook.

    Parameters
    ----------
    notebook : run, with its blocks as outputs
    context : what stands around it

    Raises
    ------
    PageError : an output that is not a block, no title, or no headline.
    """
    blocks = [block for _, block in shown(notebook)]
    top = only_headline(blocks)
    t = sentences(top.get("language", locales.ENGLISH))
    heading = top.get("title") or title(notebook)
    with locales.speaking(t.language):
        parts = {kind: _items(blocks, kind) for kind in _MOST}
        day = words.date(context.day) if context.day else ""
    for longest in _LONGEST:
        values = {
            "t": t, "context": context, "day": day, "title": heading, "top": _cut(top, longest),
            **{kind: [_cut(item, longest) for item in items] for kind, items in parts.items()},
        }  # fmt: skip
        html = render("letter.html", **values)
        if len(html.encode()) <= LARGEST:
            break
    lines = [heading, "", *_body(t, _cut(top, longest), values), *_foot(t, context, day)]
    return _made(top["sentence"], html, lines)


def _made(subject: str, html: str, lines: list[str]) -> Letter:
    """A letter without characters that a screen obeys, whatever name they came with."""
    text = "\n".join(lines) + "\n"
    return Letter(words.clean(subject, _SUBJECT), _OBEYED.sub("", html), _OBEYED.sub("", text))


def failure_letter(*, heading: str, what: str, next_step: str, context: LetterContext, good: bool,
                   language: str = locales.ENGLISH) -> Letter:  # fmt: skip
    """The mail that says that a report could not be made.

    Parameters
    ----------
    heading : the report's title
    what, next_step : plain words, as on the failure page
    good : whether an earlier report is still there
    """
    t = sentences(language)
    subject = t("mail.not_made", title=heading, label=context.label)
    lead = t("mail.not_made_lead", title=heading, label=context.label)
    fallback = t("mail.last_good" if good else "mail.nothing_before")
    with locales.speaking(language):
        day = words.date(context.day) if context.day else ""
    html = render(
        "letter_failure.html", t=t, context=context, day=day, title=heading, lead=lead,
        what=words.clean(what, 2_000), next_step=next_step, fallback=fallback,
    )  # fmt: skip
    text = [
        lead, "", words.clean(what, 2_000), "", t("mail.what_to_do"), next_step, "", fallback, "",
        t("mail.page", place=context.link or context.place), t("mail.made"),
    ]  # fmt: skip
    return _made(subject, html, text)


def _items(blocks: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Of the first block of key figures, and of all actions and findings."""
    mine = [block for block in blocks if block["kind"] == kind]
    chosen = mine[:1] if kind == "kpis" else mine
    return [item for block in chosen for item in block["items"]][: _MOST[kind]]


def _cut(item: dict[str, Any], longest: int) -> dict[str, Any]:
    return {name: words.clean(v, longest) if isinstance(v, str) else v for name, v in item.items()}


def _body(t: Sentences, top: dict[str, Any], values: dict[str, Any]) -> Iterator[str]:
    yield from (top["sentence"], "", top["lede"])
    if values["kpis"]:
        yield from ("", t("page.key_numbers"))
        for item in values["kpis"]:
            rest = ", ".join(item[name] for name in ("change", "note") if item.get(name))
            yield f"- {item['label']}: {item['value']}" + (f" ({rest})" if rest else "")
    if values["actions"]:
        yield from ("", t("page.do_next"))
        for number, item in enumerate(values["actions"], start=1):
            yield f"{number}. {item['do']} {item.get('why', '')}".rstrip()
            if item.get("expected_value"):
                yield "   " + t("mail.expected", value=item["expected_value"])
    if values["findings"]:
        yield from ("", t("page.found"))
        yield from (f"- {item['text']}" for item in values["findings"])


def _foot(t: Sentences, context: LetterContext, day: str) -> Iterator[str]:
    yield ""
    if context.attached:
        yield t("mail.attached")
    yield t("mail.page", place=context.link) if context.link else t("mail.share", place=context.place)
    yield from ("", ", ".join(text for text in (context.label, day) if text), t("mail.made"))
