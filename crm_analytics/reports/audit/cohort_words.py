"""How the audit speaks of cohorts: names of periods and ages, marks, definitions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crm_analytics.analyses.cohorts import NOBODY, Cohorts
from crm_analytics.pages import words

if TYPE_CHECKING:
    import pandas as pd

    from crm_analytics.pages.sentences import Sentences

OLD = "*"  # beside a cohort that may hold customers won before the data begin


def period_in_words(label: str) -> str:
    """A period as it stands in a sentence, in the language of the page.

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


def age_in_words(t: Sentences, found: Cohorts, age: int) -> str:
    """How long after the first period, e.g. "3 months later"."""
    return t(f"later.{found.every}", n=age)


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


def about_hatched(t: Sentences, found: Cohorts) -> list[str]:
    """What hatched cells are, in sentences."""
    partial, last = found.periods[found.periods["partial"]], len(found.periods) - 1
    said = []
    for place, label in reversed(list(partial["period"].items())):
        if place == last:
            said.append(t("hatched.last", period=period_in_words(label), day=found.day))
        else:
            said.append(t("hatched.first", period=period_in_words(label), day=found.begin))
    return said


def about_old(t: Sentences, found: Cohorts) -> list[str]:
    """What the star means, in a sentence."""
    return [t("old", day=found.begin)] if found.cohorts["left_truncated"].any() else []


def definitions(t: Sentences, found: Cohorts | None) -> dict[str, str]:
    """Terms of the method section."""
    if found is None:
        return {}
    every = t(f"every.{found.every}")
    nobody = NOBODY in set(found.whole["cohort"])
    return {
        "cohort": t("method.cohort_nobody" if nobody else "method.cohort_text", every=every),
        "retention": t("method.retention_text", every=every),
        "comparing": t("method.comparing_text"),
        "old": t("method.old_text"),
    }
