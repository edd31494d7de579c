"""The first screen of the segments report: the finding, four numbers, what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_analytics.analyses.intervals import share_difference, wilson
from crm_analytics.pages import blocks, words
from crm_analytics.reports.segments.report import QUIET, SegmentReport, repeat_buyers
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.period_change import period_kpi
from crm_analytics.reports.shared.section import section

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block


@section(small=small_form.headline)
def headline(report: SegmentReport) -> Block:
    """The finding: how concentrated revenue is, and what lies with proven buyers who went quiet."""
    spread, quiet = report.spread, report.segment(QUIET)
    sentence = f"The top fifth of customers brings {words.percent(spread.top_share, 0)} of revenue"
    if quiet["customers"]:
        who = words.plural(quiet["customers"], "proven buyer")
        sentence += f", and {who} who brought {report.money(quiet['revenue'])} have gone quiet"
    revenue = report.scores.segments["revenue"].sum()
    lede = f"Revenue to date is {report.money(revenue)} from {words.plural(spread.customers, 'customer')}. "
    change = report.periods.revenue if report.periods else None
    if report.periods and change and change.change is not None:
        weeks = report.periods.span_days // 7
        doubt = "" if change.is_clear else ", which may be chance"
        lede += (
            f"Over the last {weeks} weeks it {'rose' if change.change > 0 else 'fell'} by "
            f"{words.percent(abs(change.change), 0)} against the {weeks} weeks before{doubt} "
            f"({words.interval(change.lower, change.upper, 'percent:0')}). "
        )
    rhythm = report.scores.rhythm
    if rhythm:
        lede += (
            f"Half of all returns come within {rhythm.typical} days and nine in ten within {rhythm.long}: "
            "who is silent for longer counts as quiet."
        )
    return blocks.headline(sentence, lede)


@section(small=small_form.kpis)
def kpis(report: SegmentReport) -> Block:
    """Buyers, revenue, repeat share and concentration, each with its change and interval."""
    people, again = repeat_buyers(report.scores)
    low, high = wilson(again, people)
    items = []
    periods = report.periods
    span = f"last {periods.span_days // 7} weeks" if periods else "to date"
    if periods:
        items += [
            period_kpi(f"Revenue, {span}", periods.revenue, report.money),
            period_kpi(f"Buyers, {span}", periods.buyers, words.count),
        ]
    else:
        revenue = report.scores.segments["revenue"].sum()
        items += [
            blocks.kpi("Revenue to date", report.money(revenue), "no earlier period"),
            blocks.kpi("Customers", words.count(people), "no earlier period"),
        ]
    repeat_change, repeat_way = "no earlier period", ""
    if report.earlier:
        n, k = repeat_buyers(report.earlier)
        repeat_change = words.change(again / people, k / n, "points")
        repeat_way = words.direction(again / people, k / n)
        points = share_difference(again, people, k, n)
        repeat_change += f" ({words.interval(100 * points[0], 100 * points[1], 'number:1')})"
    items.append(
        blocks.kpi(
            "Bought again",
            words.percent(again / people),
            repeat_change,
            f"of {words.count(people)}; {words.interval(low, high, 'percent')}",
            repeat_way,
        )
    )
    spread = report.spread
    then = report.earlier_spread.top_share if report.earlier_spread else None
    items.append(
        blocks.kpi(
            "From the top fifth",
            words.percent(spread.top_share),
            words.change(spread.top_share, then, "points"),
            words.interval(spread.top_share_lower, spread.top_share_upper, "percent"),
            words.direction(spread.top_share, then),
        )
    )
    return blocks.kpis(*items)


@section(small=small_form.thanks)
def actions(report: SegmentReport) -> Block:
    """What to do next, the segments' plays with the money observed in each."""
    table = report.scores.segments.set_index("segment")
    items = []
    for name, role in (
        ("Cannot lose", "account managers"),
        ("At risk", "campaigns"),
        ("Champions", "everyone"),
        ("Lost", "campaigns"),
    ):
        if name not in table.index or not table.loc[name, "customers"]:
            continue
        row = table.loc[name]
        people = words.plural(row["customers"], "customer")
        each = report.money(row["revenue_per_customer"])
        silent = f"silent for {words.count(row['median_recency_days'])} days (median)"
        said = {
            "Cannot lose": (
                f"Win back {people} who cannot be lost, by hand.",
                f"They spent {each} each and have been {silent}.",
                f"{report.money(row['revenue'])} so far",
            ),
            "At risk": (
                f"Send {people} at risk a next-order offer.",
                f"Hold out {words.count(max(1, round(0.1 * row['customers'])))} of them as a control group; "
                f"they spent {each} each, {silent}.",
                f"{report.money(row['revenue'])} so far",
            ),
            "Champions": (
                f"Thank {people}: they are the business.",
                f"{words.percent(row['customer_share'], 0)} of customers, "
                f"{words.percent(row['revenue_share'], 0)} of revenue.",
                f"{report.money(row['revenue'])} so far",
            ),
            "Lost": (
                f"Leave {people} alone.",
                f"They bought once, for {each}, and have been {silent}.",
                "",
            ),
        }[name]
        items.append(blocks.action(said[0], said[1], role, said[2]))
    if not items:
        items.append(blocks.action("Nothing is urgent: no proven buyer has gone quiet."))
    return blocks.actions(*items)
