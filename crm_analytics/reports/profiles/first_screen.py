"""The first screen of the profiles report: who matters, who could grow, who moved, what to do."""

from __future__ import annotations

from crm_analytics.analyses.portfolio.portfolio import BELOW_ZERO, GROWABLE, VALUABLE
from crm_analytics.pages import blocks, words
from crm_analytics.pages.blocks import Block
from crm_analytics.reports.profiles.report import ProfilesReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section

FEW = 0.01  # share of the customers: a group with fewer asks for nothing


@section(small=small_form.headline)
def headline(report: ProfilesReport) -> Block:
    """Who carries the forecast, and what could grow; without a forecast, how many moved."""
    found = report.portfolio
    if found is None:
        return blocks.headline(_moved(report) or _largest(report), report.why("portfolio"))
    groups = found.groups.set_index("group")
    top, grow, low = (groups.loc[name] for name in (VALUABLE, GROWABLE, BELOW_ZERO))
    what = "margin" if found.has_margin else "revenue"
    if found.top_share is None:
        return blocks.headline(
            _moved(report) or _largest(report), "No customer is forecast to bring a thing."
        )
    share, least, most = found.top_share
    sentence = (
        f"{words.plural(top['customers'], 'customer')} carry {words.percent(share, 0)} of next year's {what}"
    )
    if grow["customers"]:
        sentence += f"""; {words.plural(grow["customers"], "other")} could bring {report.money(grow["gap"])}
            more in another year like their best"""
    lede = f"Their share: {words.interval(100 * least, 100 * most, 'number:0')} %. "
    if low["customers"]:
        forecast = "is" if low["customers"] == 1 else "are"
        lede += (
            f"{words.plural(low['customers'], 'customer')} {forecast} likely to cost more than they bring. "
        )
    matter = report.significant
    if matter and matter.at_risk:
        lede += f"""Of {words.plural(matter.count, "strategically significant customer")}
            {words.count(matter.at_risk)} have probably gone. """
    return blocks.headline(sentence, lede + _moved(report))


def _moved(report: ProfilesReport) -> str:
    moves = report.migration
    if moves is None:
        return ""
    share, low, high, _ = moves.stayed
    return f"""{words.percent(share, 0)} are in the same segment as on {words.date(moves.then)}
        ({words.interval(low, high, "percent:0")})."""


def _largest(report: ProfilesReport) -> str:
    top = report.scores.segments.nlargest(1, "revenue").iloc[0]
    return f"""“{top["segment"]}”, {words.plural(top["customers"], "customer")}, bring
        {words.percent(top["revenue_share"], 0)} of revenue"""


@section(small=small_form.kpis)
def kpis(report: ProfilesReport) -> Block:
    """Most valuable, most growable, below zero, and who stayed in their segment."""
    items = []
    if report.portfolio:
        groups = report.portfolio.groups.set_index("group")
        top, grow, low = (groups.loc[name] for name in (VALUABLE, GROWABLE, BELOW_ZERO))
        items += [
            blocks.kpi(
                "Most valuable", words.count(top["customers"]), note=f"{report.money(top['value'])} ahead"
            ),
            blocks.kpi(
                "Most growable",
                words.count(grow["customers"]),
                note=f"up to {report.money(grow['gap'])} to gain",
            ),
        ]
        matter = report.significant
        if low["customers"]:
            note = f"{report.money(low['value'])} ahead"
            items.append(blocks.kpi("Below zero", words.count(low["customers"]), note=note))
        elif matter:
            note = f"{words.percent(matter.value_share, 0)} of the forecast"
            items.append(blocks.kpi("Strategically significant", words.count(matter.count), note=note))
    if report.migration:
        share, lower, upper, n = report.migration.stayed
        note = f"of {words.count(n)}; {words.interval(lower, upper, 'percent')}"
        items.append(blocks.kpi("Stayed in their segment", words.percent(share), note=note))
    if len(items) < 3:
        segments = report.scores.segments.nlargest(4 - len(items), "revenue")
        items += [
            blocks.kpi(
                row["segment"], words.count(row["customers"]), note=f"{report.money(row['revenue'])} so far"
            )
            for row in segments.to_dict("records")
        ]
    return blocks.kpis(*items)


@section(small=small_form.thanks)
def actions(report: ProfilesReport) -> Block:
    """The plays of the groups with most money, each with what it may cost."""
    items = []
    few = max(1, FEW * report.scores.segments["customers"].sum())
    if report.portfolio:
        for row in report.portfolio.groups.to_dict("records"):
            if row["group"] not in {VALUABLE, GROWABLE, BELOW_ZERO} or row["customers"] < few:
                continue
            stake = row["gap"] if row["group"] == GROWABLE else row["value"]
            items.append(
                blocks.action(
                    f"{row['group']}: {row['play']}.",
                    f"{words.plural(row['customers'], 'customer')}, {report.money(row['revenue'])} last "
                    "year.",
                    "account managers" if row["group"] == VALUABLE else "marketing",
                    f"up to {report.money(stake)} to gain"
                    if row["group"] == GROWABLE
                    else f"{report.money(stake)} ahead",
                )
            )
    quiet = report.plays[report.plays["segment"].isin(["Cannot lose", "Quiet regulars"])]
    for row in quiet.to_dict("records")[:1]:
        if not row["customers"]:
            continue
        ceiling = f" Not more than {report.money(row['ceiling'])} each." if "ceiling" in row else ""
        items.append(
            blocks.action(
                f"{row['segment']}: {row['play']}.",
                f"{words.plural(row['customers'], 'customer')}.{ceiling}",
                "service",
                f"{report.money(row['revenue'])} so far",
                report.money(row["expected_value"]) if "expected_value" in row else "",
            )
        )
    if not items:
        items.append(blocks.action("Wait for repeat purchases.", "A forecast needs them.", "shop"))
    return blocks.actions(*items[:4])
