"""What sentences for a shop manager never say: the style list.

Each pattern is a kind of fault that was found on pages: German syntax in English words, clauses that begin
with "who" and have no noun before it, colon chains, words of a statistician on the first screen.
"""

from __future__ import annotations

import re

BANNED = {
    "who without its noun": r"(?:^|[.;:,] )[Ww]ho (?:\w+ ){1,7}(?:counts|has|is|may)\b",
    "two colons in a sentence": r":[^.;(]*:(?! \d)",
    "foretold": r"\bforetold\b|\bforesaw\b|\bforeseen\b|\bas foreseen\b",
    "one row a": r"\bone row an? \w+",
    "speaks from": r"\bspeaks? from\b",
    "beyond their rhythm": r"\b(?:beyond|past) (?:their|its) rhythm\b",
    "told from": r"\btold from\b|\btold apart from\b",
    "of the like": r"\bof the like\b|\bthe like who\b",
    "come to rest": r"\bc[oa]me to rest\b",
    "speaks against": r"\bspeaks against\b",
    "in the sense of the model": r"in the sense of the model",
    "likelier than not": r"\blikelier\b",
    "but for chance": r"\bbut for chance\b",
    "at stake so far": r"at stake [€$\d].*so far",
    "cannot be lost": r"who cannot be lost",
    "apart from it": r"(?:^|\. )Apart from it",
    "no nearer": r"came no nearer",
    "fit again": r"\bfit again\b",
    "influence function": r"influence function",
    "equal customers": r"\bequal customers\b",
    "returns for repeat purchases": r"\ball returns come\b|\breturns come within\b",
    "where it sits": r"\bWhere it sits\b",
    "better than one chance": r"one chance for all",
}


def faults(text: str) -> list[str]:
    """The kinds of fault in a text.

    >>> faults("who is silent for longer counts as quiet")
    ['who without its noun']
    >>> faults("At risk are 516 customers.")
    []
    """
    return [kind for kind, pattern in BANNED.items() if re.search(pattern, text)]
