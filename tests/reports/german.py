"""No English on a German page: no heading, reason, refusal, name of a column, key of a figure or pop-up."""

from __future__ import annotations

import re
from collections.abc import Iterator

from crm_analytics.pages.blocks import Block

# Words that English sentences are made of and German ones are not.
WORDS = re.compile(
    r"\b(?:the|of|and|with|are|for|from|not|that|these|which|have|has|were|per|than|needs?|least|there|their|"
    r"its|been|each|every|without|between|before|after|customers?|purchases?|orders?|revenue|weeks?|days?|"
    r"years?|months?|share|unknown|others?|yes|never|quarter|value|chance|only|when|who|but|is|to|by)\b"
)
# Titles of books and papers.
TITLES = re.compile(
    r"\b[A-Z][^.;]*\(\d{4}\)[^.;]*|\b(?:Managing|Customer|Journal|chapter)\b[^.;]*"
)  # of books
PER_LOS = re.compile(r"\bper Los\b")
# Of a payload what machines read, and in a figure what readers see nevertheless.
MACHINES = {
    "name", "type", "format", "anchor", "layer", "fact", "section", "template", "values", "id", "href", "to",
    "report", "slug", "language", "good", "way", "direction", "meta", "fill", "mode", "kind", "role", "axis",
}  # fmt: skip
OF_FIGURES = {"name", "customdata", "text", "texttemplate", "hovertemplate"}
FIGURE_TEXTS = OF_FIGURES | {"title", "x", "y", "labels", "ticktext", "annotations"}


def said(value: object) -> Iterator[str]:
    """Every text of a payload that a reader may see."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name == "figure":
                yield from _drawn(inner)
            elif name not in MACHINES:
                yield from said(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from said(inner)


def _drawn(value: object, seen: bool = False) -> Iterator[str]:
    if isinstance(value, str):
        if seen:
            yield re.sub(r"%\{[^}]*\}|<[^>]*>", " ", value)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _drawn(inner, name in FIGURE_TEXTS or (seen and name == "text"))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _drawn(inner, seen)


def english(block: Block, own: re.Pattern[str] | None = None) -> list[str]:
    """The texts of a block that are English.

    Parameters
    ----------
    own : what the shop itself calls things in English, names of its events and products
    """
    if block.kind == "record":
        return []
    found = []
    for text in said(block.payload):
        plain = PER_LOS.sub("", TITLES.sub("", text))
        if WORDS.search(own.sub("", plain) if own else plain):
            found.append(text)
    return found
