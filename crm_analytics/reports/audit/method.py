"""How the audit was made, and its numbers for machines."""

from __future__ import annotations

from crm_analytics.pages import blocks, words
from crm_analytics.pages.blocks import Block
from crm_analytics.reports.audit.cohort_words import definitions
from crm_analytics.reports.audit.report import AuditReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.null_worlds import TITLE, wrong
from crm_analytics.reports.shared.section import section


@section(small=small_form.method)
def method(report: AuditReport) -> Block:
    """Definitions of periods, groups, profit and cohorts; what is not in it."""
    items = report.method
    if report.change:
        change = report.change
        items["Periods"] = f"""{words.plural(change.totals.span_days, "day")} up to {words.date(change.day)}
            against as many before {words.date(change.middle)}: whole ones only, and of equal length."""
        items["Change of a customer"] = """New: first purchase in the data. Repeating: bought in both
            periods. Came back: bought now and before both, but not in the earlier one. Lapsed: bought in
            the earlier one, not now."""
    items["Profit"] = """Margin (spend less unit cost, returns taken off) less the cost of tickets, campaign
        mails and touches of that customer. Rent, wages and advertising that no row names are not in it."""
    items |= definitions(report.cohorts)
    items["Intervals"] = """95 %. Shares: Wilson. Change of totals: a ratio estimator over customers.
        First-year revenue: the normal approximation; a source is called better or worse than all others
        after a correction for looking at several (Benjamini and Hochberg). Costs of winning over keeping:
        the delta method on logarithms."""
    items["Drivers"] = """Customers who had bought before both spans of 26 weeks, by account manager, channel,
        region, type and first product: a group's change of orders and spend against that of all others, so
        that season and trend drop out; intervals and p-values are of all groups together (Holm)."""
    items[TITLE] = wrong("audit")
    items["Source"] = "P. S. Fader, B. G. S. Hardie and M. Ross, The Customer-Base Audit (2022)."
    items["Not in here"] = """Why customers came or left: the audit counts. A source with better customers
        may have found them rather than made them."""
    return blocks.method(items)


@section(small=small_form.record)
def record(report: AuditReport) -> Block:
    """The key numbers, for machines and for tests."""
    facts = report.facts
    if report.change:
        groups = report.change.groups.set_index("group")["customers"]
        facts |= {f"customers_{name}": int(groups[name]) for name in groups.index}
        facts["revenue"] = round(report.change.totals.revenue.now, 2)
        facts["revenue_before"] = round(report.change.totals.revenue.before, 2)
    if report.spread:
        facts["top_fifth_share"] = report.spread.concentration.top_share
        facts["gini"] = report.spread.concentration.gini
        if report.spread.below_zero:
            facts["customers_below_zero"] = report.spread.below_zero[0]
    if report.drivers is not None:
        facts["drivers_shown"] = int(report.drivers["clear"].sum())
    return blocks.record(**facts)
