"""How often each finding was claimed of companies made up so that it is not there; for the method pages.

The numbers are those of docs/findings-results.md (`python -m benchmarks.nulls`), which a test compares.
"""

from __future__ import annotations

TITLE = "How often a finding is wrong"
CLAIMED: dict[str, tuple[tuple[str, int, int], ...]] = {}  # page: finding, claimed, companies without it


def wrong(page: str) -> str:
    """A sentence for the method section: each finding of a page, claimed of so many companies without it."""
    told = "; ".join(f"{finding}: {claimed} of {of}" for finding, claimed, of in CLAIMED.get(page, ()))
    if not told:
        return "Not measured yet."
    return f"Claimed of made-up companies without it. {told[:1].upper()}{told[1:]}."
