"""What the audit's sections on cohorts say: one sentence each, with the number and its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_analytics.analyses.cohorts import Cohorts, Comparison
from crm_analytics.analyses.evidence import may_claim
from crm_analytics.reports.audit.cohort_words import age_in_words, period_in_words, span_in_short
from crm_analytics.reports.shared.tiles import interval

if TYPE_CHECKING:
    from crm_analytics.pages.sentences import Sentences

A_YEAR = {"month": 12, "quarter": 4, "year": 1}


def retention(t: Sentences, found: Cohorts) -> str:
    """How many come back in the next period."""
    first = found.ageing[found.ageing["age"] == 1].iloc[0]
    bounds = interval(t, first["lower"], first["upper"], "percent:0")
    every = t(f"every.{found.every}")
    return t("come.finding", share=first["share"], n=first["customers"], every=every, interval=bounds)


def against(t: Sentences, found: Cohorts, comparison: Comparison) -> str:
    """How often newer customers come back, against those before."""
    at = comparison.at
    points = interval(t, 100 * at["difference_lower"], 100 * at["difference_upper"], "number:1")
    verdict = "same"
    if comparison.retention_differs and may_claim("audit.newer_differ"):
        verdict = "better" if at["difference"] > 0 else "worse"
    return t(
        f"come.{verdict}", period=span_in_short(comparison.newer),
        later=age_in_words(t, found, comparison.age), share=at["share"],
        before=at["share_earlier"], points=points,
    )  # fmt: skip


def newest(t: Sentences, found: Cohorts) -> str:
    """Whether the newest cohort comes back as often as those before."""
    return against(t, found, found.newest) if found.newest is not None else t("come.unknown")


def ageing(t: Sentences, found: Cohorts) -> str:
    """Whether the same customers buy less often as they age."""
    fading, first = found.fading, found.ageing[found.ageing["age"] == 1].iloc[0]
    if fading is None:
        bounds = interval(t, first["lower"], first["upper"], "percent:0")
        return t("age.young", share=first["share"], later=age_in_words(t, found, 1), interval=bounds)
    fades = fading.upper < 0 and may_claim("audit.retention_fades")
    return t(
        "age.fades" if fades else "age.holds",
        first=fading.first, then=fading.then, later=age_in_words(t, found, fading.age),
        soon=age_in_words(t, found, 1),
    )  # fmt: skip


def value(t: Sentences, found: Cohorts) -> str:
    """What a customer brings by age."""
    rows = found.ageing
    start, old = rows.iloc[0], rows[rows["customers"] >= 0.5 * rows["customers"].iloc[0]].iloc[-1]
    return t(
        "worth.finding", first=start["value_per_customer"], every=t(f"every.{found.every}"),
        then=old["value_per_customer"], later=age_in_words(t, found, int(old["age"])),
    )  # fmt: skip


def value_of_newest(t: Sentences, found: Cohorts) -> list[str]:
    """Whether the newest cohort brings as much as those before."""
    if found.newest is None:
        return []
    at = found.newest.at
    verdict = "same"
    if found.newest.value_differs and may_claim("audit.newer_differ"):
        verdict = "more" if at["value_difference"] > 0 else "less"
    bounds = interval(t, at["value_difference_lower"], at["value_difference_upper"], f"money:{t.currency}")
    said = t(
        f"worth.{verdict}", period=period_in_words(found.newest.newer[-1]), value=at["value_per_customer"],
        later=age_in_words(t, found, found.newest.age), interval=bounds,
    )  # fmt: skip
    return [said]


def whole(t: Sentences, found: Cohorts) -> str:
    """How much of the last whole period's revenue came from customers won before it."""
    rows = found.periods[~found.periods["partial"] & found.periods["share_before"].notna()]
    if len(rows) < 2:
        return t("whole.young", money=found.periods["revenue"].sum(), every=t(f"every.{found.every}"))
    last, before, when = rows.iloc[-1], rows.iloc[-2], "before"
    if len(rows) > A_YEAR[found.every] > 1:  # the same season
        before, when = rows.iloc[-1 - A_YEAR[found.every]], "year"
    name = period_in_words(last["period"])
    if not last["new_customers"]:
        won = found.periods.loc[found.periods["new_customers"] > 0, "period"].iloc[-1]
        return t("whole.nobody_new", period=name, since=period_in_words(won))
    return t(f"whole.{when}", period=name, share=last["share_before"], before=before["share_before"])
