"""The first screen of the audit: is the base healthy, who made the change, what to do."""

from __future__ import annotations

import pandas as pd

from crm_analytics.analyses import comparison
from crm_analytics.analyses.audit import Change, ValueSpread, sources_apart
from crm_analytics.pages import blocks, words
from crm_analytics.pages.blocks import Block
from crm_analytics.reports.audit.report import AuditReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.period_change import change_in_words, period_kpi
from crm_analytics.reports.shared.section import section

WORTH_IT = 0.01  # share of profit lost with customers below zero, from which somebody should look
MUCH = 0.25  # share of revenue from which losing one of the first tenth hurts


@section(small=small_form.headline)
def headline(report: AuditReport) -> Block:
    """What revenue did, and who did it: new customers against lapsed ones."""
    change = report.change
    if change is None:
        return _without_past(report)
    total, weeks = change.totals.revenue, change.totals.span_days // 7
    moves = change.moves.set_index("move")["change"]
    won, lost = moves["new"] + moves["reactivated"], -moves["lapsed"]
    kept = moves["increased"] + moves["decreased"]
    balance = "more" if won >= lost else "less"
    if won:
        who = f"customers who came brought {report.money(won)}, {balance} than the {report.money(lost)} "
        who += "that left with the lapsed"
    else:
        who = f"nobody new came, and {report.money(lost)} left with the lapsed"
    share, low, high, n = change.repeat_rate
    lede = "Nobody bought in the period before." if not n else f"""{words.percent(share, 0)} of the
        {words.plural(n, 'buyer')} of the period before bought again
        ({words.interval(low, high, 'percent:0')}); those who stayed spent {report.money(abs(kept))}
        {'more' if kept >= 0 else 'less'} than before."""  # fmt: skip
    return blocks.headline(
        f"Revenue is {_moved(total, weeks)}: {who}",
        f"{lede}{report.season} {_spread_in_words(report)}".strip(),
    )


def _moved(total: comparison.Change, weeks: int) -> str:
    if total.now == total.before:
        return f"what it was in the {weeks} weeks before"
    return change_in_words(total, weeks) or "new"


def _without_past(report: AuditReport) -> Block:
    spread = report.spread
    n = report.base.counts["customers"]
    if spread is None:
        sentence = f"{words.plural(n, 'customer')}, too few of them lately to say who they are"
    else:
        top = words.percent(spread.concentration.top_share, 0)
        again = words.percent(spread.repeat_share, 0)
        sentence = f"The top fifth of customers brings {top} of revenue; {again} bought more than once"
    return blocks.headline(
        sentence,
        "The data do not hold two whole periods, so nothing can be said about change. "
        + _spread_in_words(report),
    )


def _spread_in_words(report: AuditReport) -> str:
    spread = report.spread
    if spread is None or spread.below_zero is None:
        return ""
    n, lost = spread.below_zero
    if not n:
        return "No customer costs more than they bring."
    told = f"{words.plural(n, 'customer')} cost more than they bring: {report.money(lost)}"
    return f"{told} in {report.window}."


@section(small=small_form.kpis)
def kpis(report: AuditReport) -> Block:
    """Revenue, buyers, who stayed, how much hangs on the top fifth."""
    items, change, spread = [], report.change, report.spread
    if change:
        weeks = f"last {change.totals.span_days // 7} weeks"
        items += [
            period_kpi(f"Revenue, {weeks}", change.totals.revenue, report.money),
            period_kpi(f"Buyers, {weeks}", change.totals.buyers, words.count),
        ]
        items += [_kept(change)] if change.repeat_rate[3] else []
    if spread:
        items.append(_top_fifth(spread, report.window))
    if not items:
        items.append(blocks.kpi("Customers", words.count(report.base.counts["customers"])))
    return blocks.kpis(*items[:4])


def _kept(change: Change) -> dict[str, str]:
    share, low, high, n = change.repeat_rate
    note = f"of {words.count(n)} buyers before; {words.interval(low, high, 'percent')}"
    return blocks.kpi("Bought again", words.percent(share), note=note)


def _top_fifth(spread: ValueSpread, window: str) -> dict[str, str]:
    found = spread.concentration
    note = words.interval(found.top_share_lower, found.top_share_upper, "percent")
    note += f"; of {words.count(found.customers)} buyers in {window}"
    return blocks.kpi("From the top fifth", words.percent(found.top_share), note=note)


@section(small=small_form.thanks)
def actions(report: AuditReport) -> Block:
    """What the lenses ask for: keep who carries the base, mend who costs, look at who left."""
    items = [*_ask_who_left(report), *_call_the_first(report), *_mend_who_costs(report), *_win_like(report)]
    if not items and report.change:
        items.append(
            blocks.action(
                "Nothing is urgent.", "Nobody who brought money left, and no few customers carry the rest."
            )
        )
    elif not items:
        items.append(blocks.action("Come back with a longer history.", "Two periods show what changed."))
    return blocks.actions(*items)


def _ask_who_left(report: AuditReport) -> list[dict[str, str]]:
    if report.change is None:
        return []
    lapsed = report.change.groups.set_index("group").loc["lapsed"]
    if not lapsed["customers"] or lapsed["revenue_before"] <= 0:
        return []
    return [
        blocks.action(
            f"Ask the largest of {words.plural(lapsed['customers'], 'lapsed customer')} why they left.",
            "They bought in the period before and not in this one.",
            "service",
            f"{report.money(lapsed['revenue_before'])} before",
        )
    ]


def _call_the_first(report: AuditReport) -> list[dict[str, str]]:
    spread = report.spread
    if spread is None or spread.deciles["revenue_share"].iloc[0] < MUCH:
        return []
    top = spread.deciles.iloc[0]
    return [
        blocks.action(
            f"Give the first tenth, {words.plural(top['customers'], 'customer')}, somebody to call.",
            f"They bring {words.percent(top['revenue_share'], 0)} of revenue; losing one costs as much "
            "as losing many others.",
            "account managers",
            f"{report.money(top['revenue'])} in {report.window}",
        )
    ]


def _mend_who_costs(report: AuditReport) -> list[dict[str, str]]:
    spread = report.spread
    if spread is None or not spread.below_zero:
        return []
    n, lost = spread.below_zero
    if -lost <= WORTH_IT * spread.deciles["profit"].sum():
        return []
    return [
        blocks.action(
            f"Look at what {words.plural(n, 'customer')} cost.",
            "They cost more than the margin they bring: mend the cause, or serve cheaper."
            if len(spread.costs)
            else "They bring less than their goods cost: look at their prices and returns.",
            "service",
            report.money(lost),
        )
    ]


def _win_like(report: AuditReport) -> list[dict[str, str]]:
    if report.acquisition is None:
        return []
    apart = sources_apart(report.acquisition.sources)
    apart = apart[apart["clear"]].sort_values("difference", ignore_index=True)
    items = []
    if len(apart) and apart["difference"].iloc[-1] > 0:
        best = apart.iloc[-1]
        told = f"Try to win more customers like those of {words.label(best['source'])}."
        items.append(_source(report, told, best, "more"))
    if len(apart) and apart["difference"].iloc[0] < 0:
        worst = apart.iloc[0]
        told = f"Check what is paid for customers from {words.label(worst['source'])}."
        items.append(_source(report, told, worst, "less"))
    return items


def _source(report: AuditReport, told: str, row: pd.Series, more: str) -> dict[str, str]:
    others = report.money(row["elsewhere"])
    why = f"In their first year they bring clearly {more} than all others ({others} a customer)."
    return blocks.action(told, why, "marketing", f"{report.money(row['revenue'])} a customer")
