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
# On pages alone: faults that were found there, and words that a shop manager would not say.
ON_PAGES = {
    "who without its noun": r"(?:^|[.;:,] )[Ww]ho (?:\w+ ){1,7}(?:counts|has|is|may)\b",
    "two colons in a sentence": r":[^.;(]*:(?! \d)",
    "foresaw": r"\bforesaw\b|\bforeseen\b|\bas foreseen\b",
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
    "could bring more in another year": r"more in another year like their best",
    "have a low basket": r"\bhave a (?:low|middle|high) basket\b",
    "buy by web": r"\bmostly buy by\b",
    "want the same": r"\bcustomers want the same\b",
    "most reasons": r"customers with the most reasons(?:$|;)",
    "many looks": r"correction for many looks",
    "code on a page": r"\banalyses?\.\w+\.\w+\(|\bprofiling\.\w+\(",
    "left with": r"\bthat left with the\b",
    "largest part for chance": r"as much is often followed by less",
    "somebody to call": r"\bsomebody to call\b",
    "as much as losing many": r"losing one costs as much",
    "at stake each": r"\bat stake [€$\d][\d,.]* a customer\b",
    "five times": r"not five times as much",
    "go on from here": r"\bFrom here [\d{]",
    "spells": r"\bspells last\b",
    "half has not left": r"whose half has not\b",
    "sum in words": r"\bplus came less\b",
    "as it was": r"“as it was”",
    "come to be": r"\bcome to be\b",
    "as long as the data reach": r"as long as the data reach",
    "take for": r"\btakes? a customer\b.* for lost",
    "comes back from there": r"no longer comes back\b",
    "better than one chance": r"one chance for all",
    "one point more": r"\b[Oo]ne point more\b",
    "mend what": r"\bmend what\b",
    "those before": r"\bof those before\b",
    "may be others": r"\bmay be others\b",
    "awake": r"\bis awake\b",
    "keep their sign": r"keep their sign",
    "no click shows": r"no click shows",
    "a channel loses": r"\bloses: [€$\d]",
    "money spent": r"Revenue per money spent",
    "paths drawn by lot": r"paths drawn by lot",
    "each one it ended": r"for each one it ended",
    "left already": r"\bleft already\b|\bhave left\b",
    "says too much": r"\bit says too\b",
    "were called": r"\bwho left were called\b",
    "of equal pace": r"\bof equal pace\b",
    "as far off as before": r"\bas far off as before\b",
    "flatters it": r"\bflatters\b",
    "served worse": r"\bserved worse\b",
    "money so far": r"\bmoney so far\b",
    "because with a colon": r"\bbecause:",
    "added by a number": r"\badded by \d+$",
    "can be proved": r"\bcan be proved\b|\bis proved\b",
    "as well within": r"\bas well within\b",
    "the like who": r"\bof the like\b",
    "hold together": r"\bintervals\b.*\bhold together\b",
    "perhaps no chance": r"\bperhaps no chance\b",
    "not believed": r"\bis not believed\b",
    "seldom does": r"\bseldom (?:does|do|come|buy)\b",
}
_FOUND = {re.compile(pattern, re.IGNORECASE): better for pattern, better in STYLE.items()}


def translated(text: str) -> list[str]:
    """What in a text reads as translated: the words and what to write instead."""
    return [
        f"{match.group(0)!r}: write {better!r}"
        for pattern, better in _FOUND.items()
        for match in pattern.finditer(text)
    ]


def faults(text: str) -> list[str]:
    """The kinds of fault in a sentence of a page.

    >>> faults("who is silent for longer counts as quiet")
    ['who without its noun']
    >>> faults("At risk are 516 customers.")
    []
    """
    return [kind for kind, pattern in ON_PAGES.items() if re.search(pattern, text)] + translated(text)
