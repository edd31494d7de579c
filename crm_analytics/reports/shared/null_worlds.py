"""How often each finding was claimed of companies made up so that it is not there; for the method pages.

The numbers are those of docs/findings-results.md (`python -m benchmarks.nulls`), which a test compares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_analytics.reports.shared.spoken import slug

if TYPE_CHECKING:
    from crm_analytics.pages.sentences import Sentences

TITLE = "How often a finding is wrong"
CLAIMED: dict[str, tuple[tuple[str, int, int], ...]] = {  # page: finding, claimed, companies without it
    "profiles": (
        ("people of a kind bring more", 2, 20),
        ("a habit sets a segment apart", 0, 20),
        ("a habit goes with a region", 1, 25),
        ("groups who want the same", 0, 7),
    ),
    "journey": (("something sets buyers apart", 3, 36),),
    "lifecycle": (("moves between stages changed", 0, 12),),
    "churn": (
        ("customers of a group lapse faster", 1, 14),
        ("leavers are told by something", 0, 2),
        ("grade A or B", 0, 2),
        ("contact those most at risk", 0, 2),
        ("a group is misjudged", 0, 2),
    ),
    "campaigns": (
        ("members differ", 0, 20),
        ("campaigns brought more or less", 0, 7),
        ("a segment is moved most", 0, 18),
        ("a ranking beats contacting blindly", 0, 9),
    ),
    "audit": (
        ("newer customers differ", 1, 6),
        ("retention fades", 0, 2),
        ("a source differs", 2, 20),
        ("a driver of the change is named", 0, 20),
    ),
    "channels": (("a channel adds or costs orders", 0, 2),),
}


def claimed(t: Sentences, page: str) -> str:
    """The same in the language of a page; its catalogue has a sentence for each finding, `null.<finding>`."""
    return " ".join(
        t(f"null.{slug(finding)}", claimed=said, of=of) for finding, said, of in CLAIMED.get(page, ())
    )


def wrong(page: str) -> str:
    """A sentence for the method section: each finding of a page, claimed of so many companies without it."""
    told = "; ".join(f"{finding}: {claimed} of {of}" for finding, claimed, of in CLAIMED.get(page, ()))
    if not told:
        return "Not measured yet."
    return f"Claimed of made-up companies without it. {told[:1].upper()}{told[1:]}."


def tried(page: str) -> tuple[int, int]:
    """How many findings of a page were claimed, and how many were asked, of companies without them.

    >>> tried("churn")
    (1, 22)
    """
    rows = CLAIMED.get(page, ())
    return sum(claimed for _, claimed, _ in rows), sum(of for *_, of in rows)
