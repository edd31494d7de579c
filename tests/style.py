"""Words that read as translated, with what to write instead. One list for code, docs and pages."""

from __future__ import annotations

import re

STYLE = {
    r"\bone (?:row|column|line|file|list) (?:a|an) (?!time\b)\w": "one row per ...",
    r"\b(?:speaks|speak|begins|begin) from [\d{]": "needs at least N",
    r"\b(?:un)?foretold\b|\bforetell\w*": "predicted",
    r"\b(?:is|are|was|were) kept out\b": "is suppressed",
    r"\bbeyond (?:their|its|his) rhythm\b": "silent for longer than usual",
    r"\btold from\b": "told apart from, distinguished from",
    r"\b(?:of|with) the like\b": "like these",
    r"\b(?:come|comes|came) to rest\b": "converge",
    r"\bfor want of\b": "because there is no",
    r"\ball together\b": "in total",
    r"\bthe same as before and\b": "as before, and",
    r"\bas good as none\b": "hardly any",
    r"\bwhat is more\b": "also",
    r"\bon what terms\b": "under which conditions",
}
_FOUND = {re.compile(pattern, re.IGNORECASE): better for pattern, better in STYLE.items()}


def translated(text: str) -> list[str]:
    """What in a text reads as translated: the words and what to write instead."""
    return [
        f"{match.group(0)!r}: write {better!r}"
        for pattern, better in _FOUND.items()
        for match in pattern.finditer(text)
    ]
