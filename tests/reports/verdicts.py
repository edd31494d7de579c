"""Verdict words against the interval beside them: what a page says more, or less, of than its numbers.

A sentence that says *more*, *fewer*, *faster* before a range must have a range that leaves out no change; one
that says *may be chance* or *not shown* must have one that holds it. So must a row of a table with a verdict.
The check knows no report: it reads sentences and tables, as a sceptic does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from crm_analytics.pages.blocks import Block
from tests.reports.one_truth import sentences_of

POINTED = re.compile(
    r"\b(more|fewer|less|up|down|above|below|faster|slower|longer|shorter|dearer|adds?|costs?|"
    r"added|gain(?:s|ed)?|brings?|brought|earn(?:s|ed)?|returns?|shown to|times as)\b"
)
HEDGED = re.compile(
    r"may be chance|not shown|cannot be told|no clear|not clearly|not told apart|no effect|too little|"
    r"is shown to pay|not yet"
)
CHANCE = re.compile(r"may be chance|not shown to")  # said of the range itself, and of no comparison after it
NO_VERDICT = re.compile(r"too little|cannot be told|not yet")  # there need be no interval
RANGE = re.compile(r"\(([^()]*?\d[^()]*?(?: to |–)[^()]*?\d[^()]*?)\)([^;]{0,24})")
NUMBER = re.compile(r"[−-]?[^\d\s(−-]{0,2}\d[\d,]*(?:\.\d+)?")
SENTENCE = re.compile(r"(?<=[a-z0-9)%”]\.) +(?!That may be chance)(?=[A-Z“])")
ROUNDED = 1e-9


def overclaims(blocks: Sequence[Block]) -> list[str]:
    """Sentences and rows of one page whose verdict is not that of their interval."""
    found = []
    for _, text in sentences_of({"page": blocks}):
        found += [said for one in SENTENCE.split(text) for said in _sentence(one)]
    for block in blocks:
        if "table" in block.payload:
            found += list(_rows(block.payload["table"]))
        if block.kind == "headline":
            found += _bare(str(block.payload["sentence"]))
    return found


def _sentence(text: str) -> Iterator[str]:
    start = 0
    for match in RANGE.finditer(text):
        clause, start = text[start : match.start()], match.end()
        ends = [_value(one) for one in NUMBER.findall(match[1])][:2]
        if len(ends) < 2:
            continue
        null = 1.0 if re.search(r"\btimes\b", clause + match[1]) else 0.0
        inside = min(ends) < null < max(ends)
        hedged = bool(HEDGED.search(clause) or HEDGED.search(match[2]))
        if inside and not hedged and POINTED.search(clause):
            yield f"says more than its range: {text}"
        if (
            hedged
            and CHANCE.search(clause + match[2])
            and not min(ends) - ROUNDED <= null <= max(ends) + ROUNDED
        ):
            yield f"says less than its range: {text}"


def _value(text: str) -> float:
    number = float(re.sub(r"[^\d.]", "", text))
    return -number if text[0] in "−-" else number


def _rows(table: dict[str, Any]) -> Iterator[str]:
    columns = {one["name"]: one for one in table["columns"]}
    if "verdict" not in columns or "interval" not in columns:
        return
    ratio = _is_ratio(columns)
    for word, ends in zip(columns["verdict"]["values"], columns["interval"]["values"], strict=True):
        low, high = ends or (None, None)
        if low is None or high is None or NO_VERDICT.search(str(word)):
            continue
        inside = low < ratio < high
        hedged = bool(HEDGED.search(str(word)))
        if inside and not hedged and POINTED.search(str(word)):
            yield f"a row says {word!r} of {low:.3g} to {high:.3g}"
        if hedged and not inside:
            yield f"a row says {word!r} of {low:.3g} to {high:.3g}"


def _is_ratio(columns: dict[str, Any]) -> float:
    """1 for a table of ratios, which hold the effect to two digits and no number below zero; else 0."""
    bounds = [x for ends in columns["interval"]["values"] for x in ends or () if x is not None]
    return (
        1.0 if columns["interval"]["format"] == "interval:number:2" and min(bounds, default=-1) >= 0 else 0.0
    )


def _bare(sentence: str) -> Iterator[str]:
    """A headline that says how much more or less, without a range."""
    compared = re.search(r"\d ?%? (more|fewer|less)\b|\b(up|down) \d|\btimes as\b", sentence)
    if compared and not RANGE.search(sentence):
        yield f"a headline without a range: {sentence}"
