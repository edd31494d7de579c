"""What pages claim of worlds in which there is nothing, and of worlds in which there is something.

The whole table is made by ``python -m benchmarks.nulls`` and committed; here it is held to its own promise,
to the method pages, and to a few worlds made anew.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.nulls import counts
from crm_analytics.analyses.intervals import wilson
from crm_analytics.reports.shared.null_worlds import CLAIMED
from tests.nulls import worlds
from tests.nulls.probes import PROBES

TABLE = Path(__file__).parents[2] / "docs" / "findings-results.md"
ROW = re.compile(r"\| (\w+) \| ([^|]+) \| ([^|]+) \| (\d+) \| (\d+) \|")
CHEAP = [p for p in PROBES if p.page != "churn" and "ranking" not in p.finding]


def committed() -> dict[tuple[str, str], tuple[int, int]]:
    """By page and finding: claimed, and null worlds."""
    rows = (ROW.match(line) for line in TABLE.read_text(encoding="utf-8").splitlines())
    return {(r[1], r[2]): (int(r[5]), int(r[4])) for r in rows if r and r[3] == "**null, all**"}


def test_every_finding_is_in_the_committed_table_and_on_its_method_page() -> None:
    told = {(page, finding): (k, n) for page, rows in CLAIMED.items() for finding, k, n in rows}
    assert told == committed()
    assert set(told) == {(probe.page, probe.finding) for probe in PROBES}


def test_no_finding_is_claimed_of_more_null_worlds_than_five_in_a_hundred_law() -> None:
    """The 95 % interval of each share holds 5 % or lies below it, and so does that of all together."""
    over = {name: (k, n) for name, (k, n) in committed().items() if wilson(k, n)[0] > 0.05}
    assert not over
    claimed, of = (sum(column) for column in zip(*committed().values(), strict=True))
    assert wilson(claimed, of)[0] <= 0.05


@pytest.mark.slow
def test_first_worlds_made_anew_agree_with_the_committed_table() -> None:
    """One null world of each cheap finding, twice; of about 28 claims at 5 %, 6 or more come once in 500."""
    asked = [p for p in CHEAP if p.nulls[0][0] in (worlds.shop, worlds.visits)]
    alone = [type(p)(p.page, p.finding, p.claims, p.nulls[:1], ()) for p in asked]
    assert sum(counts(alone, 2).values()) <= 5


@pytest.mark.slow
def test_planted_findings_are_found_recovers_planted_truth() -> None:
    """The first world of each cheap finding in which it is there; most have a power above one half."""
    asked = [p for p in CHEAP if p.theres and p.theres[0][0] in (worlds.shop, worlds.visits)]
    alone = [type(p)(p.page, p.finding, p.claims, (), p.theres[:1]) for p in asked]
    assert sum(counts(alone, 1).values()) >= len(alone) / 2
