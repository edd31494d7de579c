"""How the lifecycle report was made, and its numbers for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_analytics.pages import blocks, words
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.null_worlds import TITLE, wrong
from crm_analytics.reports.shared.section import section

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block
    from crm_analytics.reports.lifecycle.report import LifecycleReport


@section(small=small_form.method)
def method(report: LifecycleReport) -> Block:
    """Rules, periods, models, what is left out."""
    staged, flows, chain = report.staged, report.flows, report.chain
    rules = "; ".join(f"{rule.stage}: {rule.describe()}" for rule in staged.rules)
    items = report.method | {"Stages": f"{rules}."}
    items["How to read them"] = """From the top, the first rule that fits. Between two purchases only the
        days since the last one move, so entry and exit are exact days. Whoever bought before the data
        begin seems new at first."""
    items[TITLE] = wrong("lifecycle")
    if staged.rhythm:
        items["Rhythm"] = f"""From {words.plural(staged.rhythm.gaps, "return")}: half within
            {staged.rhythm.typical} days, nine in ten within {staged.rhythm.long}. Earlier days are judged
            by the same rhythm."""
    if "Prospect" in staged.order:
        items["Prospect"] = (
            "Known by the customers table or an event with a customer, without a purchase yet."
        )
    if staged.undated:
        items["Left out"] = f"""{words.plural(staged.undated, "customer")} without a purchase or a day on
            which they became known."""
    if flows:
        span = f"{words.date(flows.then)} to {words.date(flows.now)}"
        before = f", against {words.date(flows.before)} to {words.date(flows.then)}" if flows.before else ""
        items["Period"] = f"End of {span}{before}. Intervals of differences: Newcombe 1998."
    if report.forecast:
        items["Forecast"] = """A chain over stage and time in it (semi-Markov), pooled over the last periods;
            interval from the chance of each move, newcomers, and leaving out one period at a time.
            Seasons are not in it: in trials at past days four of five true sizes lay inside, not nineteen
            of twenty."""
    if chain:
        items["Value"] = f"""Pfeifer & Carraway 2000: states are periods since the last purchase; V = (I − P
            / (1 + d))⁻¹ R with {words.count(len(chain.states))} states of {chain.period_days // 7} weeks,
            {report.money(chain.spend_per_purchase)} a period with a purchase (n =
            {words.count(chain.purchases)}), {words.percent(report.rate, 0)} a year. {report.assumptions}"""
    items["Not in here"] = """Why customers leave, and whether a reminder would keep them: only a group left
        out by lot tells. A customer who gave notice counts by purchases alone."""
    return blocks.method(items)


@section(small=small_form.record)
def record(report: LifecycleReport) -> Block:
    """The key numbers, for machines and for tests."""
    facts = report.facts | {"staged": int(report.staged.sizes["customers"].sum())}
    for stage, n in zip(report.staged.sizes["stage"], report.staged.sizes["customers"], strict=True):
        facts[f"stage_{str(stage).lower().replace(' ', '_')}"] = int(n)
    if report.forecast and report.forecast.errors:
        facts["forecast_misplaced"], facts["unchanged_misplaced"] = (
            round(x, 1) for x in report.forecast.errors
        )
    if report.chain:
        facts["value_just_bought"] = round(float(report.chain.states["ahead"].iloc[0]), 2)
        facts["best_stop"] = report.chain.chain.best_stop()
    return blocks.record(**facts)
