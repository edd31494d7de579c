"""What pages claim of worlds in which there is nothing, and of worlds in which there is something.

The whole table is made by ``python -m benchmarks.nulls --write`` and committed; here it is held to its own
promise, to the method pages, and to a few worlds made anew.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.nulls import DOCS, counts, table
from crm_analytics.analyses.error_rates import trials
from crm_analytics.analyses.intervals import wilson
from crm_analytics.pages.sentences import sentences
from crm_analytics.reports.shared.null_worlds import wrong
from crm_analytics.reports.shared.spoken import SHARED
from tests.nulls import worlds
from tests.nulls.bazaar import bazaar
from tests.nulls.probes import PROBES

PACKAGE = Path(__file__).parents[2] / "crm_analytics"
KIND = re.compile(r'(?:kind=|told\(.+, )"(\w+\.\w+)"|SEGMENT_HABIT, REGION_HABIT = "(.+)", "(.+)" ')
CHEAP = [p for p in PROBES if not p.kind.startswith("churn") and "ranking" not in p.kind]
FOUND = [kinds for file in PACKAGE.rglob("*.py") for kinds in KIND.findall(file.read_text("utf-8"))]
GRADED = sorted({kind for kinds in FOUND for kind in kinds} - {""})


def test_every_kind_of_finding_has_a_probe_and_its_trials() -> None:
    assert set(trials()) == {probe.kind for probe in PROBES}


def test_the_table_for_people_is_that_of_the_pages() -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert text.startswith(table(list(trials().values())))
    assert "## Before anything was mended" in text


@pytest.mark.parametrize("kind", GRADED)
def test_a_graded_finding_takes_the_error_rate_of_a_kind_that_was_tried(kind: str) -> None:
    assert trials()[kind].worlds


def test_no_finding_is_claimed_of_more_null_worlds_than_five_in_a_hundred_law() -> None:
    """The 95 % interval of each share holds 5 % or lies below it, and so does that of all together."""
    tried = trials().values()
    assert not {t.kind: t for t in tried if wilson(t.claimed, t.worlds)[0] > 0.05}
    assert wilson(sum(t.claimed for t in tried), sum(t.worlds for t in tried))[0] <= 0.05


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_method_of_a_page_tells_of_each_finding_how_often_it_was_wrong(language: str) -> None:
    t = sentences(language, (SHARED,), "")
    for page in {one.page for one in trials().values()}:
        (text,) = wrong(t, page).values()
        for one in trials().values():
            assert (t(f"kind.{one.kind}") in text) == (one.page == page and one.worlds > 0)
    assert wrong(t, "identity") == {t("wrong.term"): t("wrong.untried")}


@pytest.mark.slow
def test_first_worlds_made_anew_agree_with_the_committed_table() -> None:
    """One null world of each cheap finding, twice; of about 76 claims at 5 %, 10 or more come once in 200."""
    asked = [p for p in CHEAP if p.nulls[0][0] in (worlds.shop, worlds.visits, bazaar)]
    alone = [type(p)(p.kind, p.claims, p.nulls[:1], ()) for p in asked]
    assert sum(counts(alone, 2).values()) <= 9


@pytest.mark.slow
def test_planted_findings_are_found_recovers_planted_truth() -> None:
    """The first world of each cheap finding in which it is there; most have a power above one half."""
    asked = [p for p in CHEAP if p.theres and p.theres[0][0] in (worlds.shop, worlds.visits, bazaar)]
    alone = [type(p)(p.kind, p.claims, (), p.theres[:1]) for p in asked]
    assert sum(counts(alone, 1).values()) >= len(alone) / 2
