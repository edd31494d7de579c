"""Markdown cells: the title and the question, section labels, and prose as harmless HTML."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import mistune
from markupsafe import Markup, escape

from crm_analytics.pages import words


class _Quiet(mistune.HTMLRenderer):
    """Prose without links or pictures: a page asks nothing of anybody. Links inside the page stay."""

    def __init__(self) -> None:
        super().__init__(escape=True)

    def link(self, text: str, url: str, title: str | None = None) -> str:
        return f'<a href="{escape(url)}">{text}</a>' if re.fullmatch(r"#[\w-]+", url) else text

    def image(self, text: str, url: str, title: str | None = None) -> str:
        return text

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        return f"<h3>{text}</h3>\n"

    def inline_html(self, html: str) -> str:
        return str(escape(html))

    def block_html(self, html: str) -> str:
        return f"<p>{escape(html.strip())}</p>\n"


_markdown = mistune.create_markdown(renderer=_Quiet(), plugins=["table"])
_HEADING = re.compile(r"^(#{1,2})[ \t]+(.+?)[ \t]*#*$", re.MULTILINE)


@dataclass(frozen=True)
class Passage:
    """A stretch of a markdown cell: its heading (1 title, 2 section, 0 none) and the prose below it."""

    level: int
    heading: str
    prose: str


def passages(source: str) -> list[Passage]:
    r"""A markdown cell cut at its ``#`` and ``##`` headings.

    >>> passages("# Segments\nWho brings the money?\n## Where it sits")[0]
    Passage(level=1, heading='Segments', prose='Who brings the money?')
    """
    found, level, heading, start = [], 0, "", 0
    text = _without_code(source)
    for match in _HEADING.finditer(text):
        found.append(Passage(level, heading, source[start : match.start()].strip()))
        level, start = len(match[1]), match.end()
        heading = words.clean(re.sub(r"[*`_]", "", source[match.start(2) : match.end(2)]), 120)
    found.append(Passage(level, heading, source[start:].strip()))
    return [p for p in found if p.heading or p.prose]


def _without_code(source: str) -> str:
    """Fenced code blanked out, at equal length, so that a comment in it is not taken for a heading."""
    return re.sub(
        r"^```.*?^```", lambda m: re.sub(r"[^\n]", " ", m[0]), source, flags=re.MULTILINE | re.DOTALL
    )


def html(prose: str) -> Markup:
    r"""Prose as HTML: raw HTML is shown as text, links and pictures become their words.

    >>> html("A *word*, [a link](https://example.org) <b>")
    Markup('<p>A <em>word</em>, a link &lt;b&gt;</p>\n')
    """
    lines = [
        words.clean(line, 4000) if line.strip() and not line[0].isspace() else line
        for line in prose.split("\n")
    ]
    made = str(_markdown("\n".join(lines)))
    made = made.replace(
        "<table>", '<div class="scroll" tabindex="0" role="region" aria-label="Table"><table>'
    )
    return Markup(made.replace("</table>", "</table></div>"))  # noqa: S704 (escape=True above)


def plain(prose: str) -> str:
    r"""The first paragraph of prose as one plain sentence.

    >>> plain("Who *brings* the money?\n\nMore.")
    'Who brings the money?'
    """
    first = str(html(prose.split("\n\n", maxsplit=1)[0]))
    return words.clean(Markup(first).striptags(), 300)  # noqa: S704 (made by html above)
