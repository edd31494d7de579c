"""How the channels report was made, and its numbers for machines."""

from __future__ import annotations

from crm_analytics.pages import blocks, words
from crm_analytics.pages.blocks import Block
from crm_analytics.reports.channels.report import DRAWS, ChannelReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.null_worlds import TITLE, wrong
from crm_analytics.reports.shared.section import section


@section(small=small_form.method)
def method(report: ChannelReport) -> Block:
    """Definitions of touch, path and models, what is left out, what it cannot tell."""
    items = report.method
    if report.now:
        now = report.now
        paths = now.paths
        items |= {
            "Period": f"""Paths that end after {words.date(now.after)}, up to {words.date(now.day)}; spend of
                the same days.""",
            "Touch": "An event with a channel that the customer made, neither the purchase itself nor what "
            "follows it; the same channel again within 30 minutes is the same touch. Equal seconds are "
            "ordered by channel, then event id.",
            "Path": f"""Ends with a purchase, or when nothing follows for {words.number(report.lookback, 0)}
                days. Touches earlier before a purchase get nothing. {words.count(paths.open)} paths may
                still end in a purchase and are left out; {words.count(paths.anonymous)} are of visitors
                nobody recognised. {words.plural(paths.untracked, "purchase")}
                ({report.money(paths.untracked_value)}) had no touch.""",
            "Models": f"""First, last, last but direct, linear, U (40/20/40), time decay (half-life
                {words.number(report.half_life, 0)} days), Shapley (a path's credit evenly to its distinct
                channels, which is the Shapley value of v(S) = purchases of paths within S), Markov of
                order 1 (removal effects by the fundamental matrix, of purchases and of money apart). Each
                model's credit sums to all tracked purchases.""",
            "Verdict": """Credit above spend, or below, only where that is so under every model and its
                interval; else it depends on the model. No model says what a channel causes.""",
            "Measured": "By campaigns of the channel with controls drawn by lot; it holds for their members.",
            TITLE: wrong("channels"),
            "Margin": report.margin_note,
            "Intervals": f"95 %, from {DRAWS} draws of customers' paths with their ends; none for time "
            "decay.",
        }
    items["Not in here"] = """Whether a purchase would have come without the channel: no attribution knows.
        Views without a click, and everything nobody recorded."""
    return blocks.method(items)


@section(small=small_form.record)
def record(report: ChannelReport) -> Block:
    """The key numbers, for machines and for tests."""
    facts = report.facts
    if report.now:
        paths = report.now.paths
        verdicts = report.now.economics.channels["verdict"].value_counts()
        facts |= {
            "tracked_purchases": paths.conversions,
            "tracked_revenue": paths.value,
            "untracked_purchases": paths.untracked,
            "spend": report.now.spend,
            **{
                f"channels_{str(name).replace(' ', '_')}": int(n)
                for name, n in sorted(verdicts.to_dict().items())
            },
        }
    return blocks.record(**facts)
