"""How the audit speaks of cohorts: names of periods and ages, marks, definitions."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from crm_analytics.analyses.cohorts import NOBODY, Cohorts
from crm_analytics.pages import words

OLD = "*"  # beside a cohort that may hold customers won before the data begin


def period_in_words(label: str) -> str:
    """A period as it stands in a sentence.

    >>> period_in_words("2026-03"), period_in_words("2026-Q1"), period_in_words("2026")
    ('March 2026', 'Q1 2026', '2026')
    """
    year, _, part = label.partition("-")
    if part.startswith("Q"):
        return f"{part} {year}"
    return words.date(f"{label}-01").partition(" ")[2] if part.isdigit() else label


def period_in_short(label: str) -> str:
    """As `period_in_words`, for an axis.

    >>> period_in_short("2026-03"), period_in_short("2026-Q1")
    ('Mar 2026', 'Q1 2026')
    """
    said = period_in_words(label)
    return said if "Q" in said or " " not in said else f"{said[:3]} {said[-4:]}"


def age_in_words(found: Cohorts, age: int) -> str:
    """How long after the first period, e.g. "3 months later"."""
    return f"{words.plural(age, found.every)} later"


def span_in_short(labels: Sequence[str]) -> str:
    """The first and the last of some periods in a row.

    >>> span_in_short(["2026-01", "2026-02", "2026-03"]), span_in_short(["2026"])
    ('Jan–Mar 2026', '2026')
    """
    first, last = period_in_short(labels[0]), period_in_short(labels[-1])
    if first == last:
        return first
    if first[-4:] == last[-4:] and " " in first:
        first = first[:-5]
    return f"{first}–{last}"


def named(found: Cohorts, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows with the cohort's name in a column `name`, starred where it may hold old customers."""
    old = set(found.cohorts.loc[found.cohorts["left_truncated"], "cohort"])
    return frame.assign(
        name=[period_in_short(label) + (OLD if label in old else "") for label in frame["cohort"]]
    )


def have_lived(found: Cohorts) -> int:
    """Customers who have lived a whole period after their first, in cohorts that may be compared."""
    return int(found.ageing.loc[found.ageing["age"] == 1, "customers"].sum())


def about_hatched(found: Cohorts) -> str:
    """What hatched cells are."""
    partial, last = found.periods[found.periods["partial"]], len(found.periods) - 1
    said = []
    for place, label in partial["period"].items():
        if place == last:
            said.append(f"{period_in_words(label)} has not ended on {words.date(found.day)}")
        else:
            said.append(f"{period_in_words(label)} is in the data from {words.date(found.begin)} on")
    return f"Hatched, and in no comparison: {words.listing(reversed(said))}. " if said else ""


def about_old(found: Cohorts) -> str:
    """What the star means."""
    if not found.cohorts["left_truncated"].any():
        return ""
    return f"""{OLD} May hold customers won before the data begin on {words.date(found.begin)}: the first
        purchase seen need not be the first. In no comparison. """


def definitions(found: Cohorts | None) -> dict[str, str]:
    """Terms of the method section."""
    if found is None:
        return {}
    every = found.every
    nobody = f" ('{NOBODY}')" if NOBODY in set(found.whole["cohort"]) else ""
    return {
        "Cohort": f"The customers whose first purchase in the data lies in the same {every}. Age counts "
        f"{every}s from there. Returns before any purchase belong to no cohort{nobody}; sales without a "
        "customer are left out.",
        "Retention": f"Customers of the cohort with a purchase in that {every}, of all customers of the "
        f"cohort. 'Then or later' counts who bought in that {every} or after it; near the last day it can "
        "only be too low. 'Came back by then' counts who bought on a second day; a second purchase on the "
        "same day is no return. Intervals: 95 %, Wilson.",
        "Comparing cohorts": f"At equal age, over whole {every}s and whole cohorts of customers won after "
        "the data begin. Shares: Newcombe's interval; values: the variance over customers. Cohorts meet "
        "season and campaigns at different ages, so a difference is not yet a cause.",
        "Old customers": "A first cohort is taken to hold customers won before the data begin where the "
        "customers table says so, or, without that, where it wins more than one and a half times as many "
        "a day as the cohorts after it.",
    }
