"""How the profiles report was made, and its numbers for machines."""

from __future__ import annotations

from crm_analytics.analyses.disclosure import settled_days
from crm_analytics.pages import blocks, words
from crm_analytics.pages.blocks import Block
from crm_analytics.reports.profiles.report import ProfilesReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.null_worlds import TITLE, wrong
from crm_analytics.reports.shared.section import section


@section(small=small_form.method)
def method(report: ProfilesReport) -> Block:
    """Rules of groups and reasons, cut points, what is not in it."""
    items = report.method
    rules = "; ".join(f"{row.segment}: {row.rule}" for row in report.scores.segments.itertuples())
    cut = report.scores.cuts.to_dict("records")
    cuts = "; ".join(f"{row['measure']}: {', '.join(words.number(v, 0) for v in row['cuts'])}" for row in cut)
    items["Segments"] = f"The first rule that fits. {rules}. Cut points: {cuts}."
    if report.migration:
        items["Moves"] = f"""The same rules on {words.date(report.migration.then)} and
            {words.date(report.migration.now)}. The cut points of F and M are those of each day's own
            customers: a segment is a place among them, and one may move because the others did."""
    if report.portfolio:
        items["Portfolio"] = """Below zero: forecast margin less the expected cost to serve is negative;
            expected is the cost of the last 52 weeks times the chance to be still a customer. Most
            valuable: the fifth with the highest value. Most growable: as many of the others with the
            largest gap between their own best 52 weeks, times the same chance, and the forecast.
            Forecast: BG/NBD with Gamma-Gamma, 52 weeks, 15 % a year; the chance to be still a customer by
            MBG/NBD. Interval of a share: 95 %, customers as the draw; the forecast's own error is not in
            it. Peppers & Rogers's most valuable, most growable and below zero."""
        items["Reasons"] = "; ".join(
            f"{row.reason}: {row.rule}" for row in report.significant.reasons.itertuples()
        ) if report.significant else ""  # fmt: skip
    if report.needs:
        steps = report.needs.stability.to_dict("records")
        tried = "; ".join(f"{row['clusters']:.0f}: {words.number(row['stability'], 2)}" for row in steps)
        items["Clusters"] = f"The largest stable number of them. Stability tried: {tried}."
    if report.habits:
        items["Habits by age, gender and region"] = f"""Counted at the end of the last full quarter
            ({words.date(settled_days(report.base.day)[0])}): pages of two nights never differ by one
            person."""
    items["Favourites"] = """What a customer has most lines (weekday: orders) of; who has two equally often
        has no favourite. Basket and price level: thirds of all customers. The favourite of three purchases
        is more often a rare one than that of thirty, so customers are compared with others of as many
        purchases."""
    items[TITLE] = wrong("profiles")
    items["Not in here"] = """Causes. A habit that goes with an age need not come from it. The best of
        several years is partly luck, so what the most growable could bring is a ceiling."""
    return blocks.method({name: text for name, text in items.items() if text})


@section(small=small_form.record)
def record(report: ProfilesReport) -> Block:
    """The key numbers, for machines and for tests."""
    facts = report.facts
    facts["clear_traits"] = 0 if report.traits is None else int(report.traits["clear"].sum())
    if report.portfolio:
        for row in report.portfolio.groups.to_dict("records"):
            name = str(row["group"]).lower().replace(" ", "_")
            facts[f"{name}_customers"] = int(row["customers"])
            facts[f"{name}_value"] = round(float(row["value"]), 2)
    if report.significant:
        facts["significant"] = report.significant.count
    if report.migration:
        facts["stayed"] = report.migration.stayed[0]
    if report.needs:
        facts["clusters"] = len(report.needs.profile)
    return blocks.record(**facts)
