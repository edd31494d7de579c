"""What the audit's sections on cohorts say: one sentence each, with the number and its interval."""

from __future__ import annotations

from crm_analytics.analyses.cohorts import Cohorts, Comparison
from crm_analytics.pages import words
from crm_analytics.reports.audit.cohort_words import age_in_words, period_in_words

A_YEAR = {"month": 12, "quarter": 4, "year": 1}


def retention(found: Cohorts) -> str:
    """How many come back in the next period, and whether the newest cohort differs."""
    first, newest = found.ageing.set_index("age").loc[1], found.newest
    new = words.plural(first["customers"], "new customer")
    range_ = words.interval(first["lower"], first["upper"], "percent:0")
    sentence = f"""{words.percent(first["share"], 0)} of {new} bought again in the {found.every} after their
        first ({range_})"""
    if newest is None:
        return f"{sentence}; no two cohorts are old and large enough to compare"
    return f"{sentence}; those won in {period_in_words(newest.newer[-1])} {against(found, newest)}"


def against(found: Cohorts, comparison: Comparison) -> str:
    """The verdict on shares, as the end of a sentence about the newer customers."""
    at = comparison.at
    points = words.interval(100 * at["difference_lower"], 100 * at["difference_upper"], "number:1")
    when = f"{age_in_words(found, comparison.age)} " if comparison.age > 1 else ""
    share = words.percent(at["share"], 0)
    if not comparison.retention_differs:
        return f"{when}are at {share}, no clear difference from those before ({points} points)"
    way = "better" if at["difference"] > 0 else "worse"
    return f"{when}do {way}: {share} against {words.percent(at['share_earlier'], 0)} ({points} points)"


def ageing(found: Cohorts) -> str:
    """Whether the same customers buy less often as they age."""
    fading, first = found.fading, found.ageing.set_index("age").loc[1]
    if fading is None:
        return f"""{words.percent(first["share"], 0)} buy again a {found.every} after their first
            ({words.interval(first["lower"], first["upper"], "percent:0")}); nothing older is known yet"""
    says = "fades" if fading.upper < 0 else "is not shown to fade"
    points = words.interval(100 * fading.lower, 100 * fading.upper, "number:1")
    return f"""Retention {says}: {words.percent(fading.first, 0)} buy a {found.every} after their first,
        {words.percent(fading.then, 0)} of the same customers {age_in_words(found, fading.age)} ({points}
        points)"""


def value(found: Cohorts, currency: str) -> str:
    """What a customer brings by age, and whether the newest cohort differs."""
    rows = found.ageing
    start, old = rows.iloc[0], rows[rows["customers"] >= 0.5 * rows["customers"].iloc[0]].iloc[-1]
    sentence = f"""A new customer brings {words.money(start["value_per_customer"], currency)} in the first
        {found.every} and {words.money(old["value_per_customer"], currency)} up to
        {age_in_words(found, old["age"])}"""
    newest = found.newest
    if newest is None:
        return sentence
    at = newest.at
    who = f"those won in {period_in_words(newest.newer[-1])} brought "
    said = f"{words.money(at['value_per_customer'], currency)} up to {age_in_words(found, newest.age)}"
    bounds = (at["value_difference_lower"], at["value_difference_upper"])
    range_ = words.interval(*bounds, f"money:{currency}")
    if not newest.value_differs:
        return f"{sentence}; {who}{said}, no clear difference from those before ({range_})"
    gap = words.money(abs(at["value_difference"]), currency)
    way = "more" if at["value_difference"] > 0 else "less"
    return f"{sentence}; {who}{said}, {gap} {way} than those before ({range_})"


def whole(found: Cohorts, currency: str) -> str:
    """How much of the last whole period's revenue came from customers won before it."""
    rows = found.periods[~found.periods["partial"] & found.periods["share_before"].notna()]
    if len(rows) < 2:
        total = words.money(found.periods["revenue"].sum(), currency)
        return f"{total} so far; no second whole {found.every} shows yet how much of it lasts"
    last, before, earlier = rows.iloc[-1], rows.iloc[-2], f"the {found.every} before"
    if len(rows) > A_YEAR[found.every] > 1:  # the same season
        before, earlier = rows.iloc[-1 - A_YEAR[found.every]], "a year before"
    name = period_in_words(last["period"])
    if not last["new_customers"]:
        won = found.periods.loc[found.periods["new_customers"] > 0, "period"].iloc[-1]
        return f"""All revenue of {name}, {words.money(last["revenue"], currency)}, came from customers won
            before it: nobody new has bought since {period_in_words(won)}"""
    new = words.plural(last["new_customers"], "new customer")
    return f"""{words.percent(last["share_before"], 0)} of the revenue of {name} came from customers won
        before it ({words.interval(last["lower"], last["upper"], "percent:0")}), against
        {words.percent(before["share_before"], 0)} {earlier}; {new} brought
        {words.money(last["revenue"] - last["revenue_before"], currency)}"""
