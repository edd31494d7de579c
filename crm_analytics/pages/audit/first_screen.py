"""The first screen of the audit: is the base healthy, who made the change, what to do."""

from __future__ import annotations

from crm_analytics.analyses.audit import Change, ValueSpread, sources_apart
from crm_analytics.pages import blocks, small_form, words
from crm_analytics.pages.audit.report import AuditReport
from crm_analytics.pages.blocks import Block
from crm_analytics.pages.compared import change_in_words, period_kpi
from crm_analytics.pages.small_form import or_small


@or_small(small_form.headline)
def headline(report: AuditReport) -> Block:
    """What revenue did, and who did it: new customers against lapsed ones."""
    change = report.change
    if change is None:
        return _without_past(report)
    total, weeks = change.totals.revenue, change.totals.span_days // 7
    moves = change.moves.set_index("move")["change"]
    won, lost = moves["new"] + moves["reactivated"], -moves["lapsed"]
    kept = moves["increased"] + moves["decreased"]
    sentence = f"Revenue is {change_in_words(total, weeks)}" if total.change is not None else "Revenue is new"
    balance = "more" if won >= lost else "less"
    if won:
        sentence += f": customers who came brought {report.money(won)}, {balance} than the "
        sentence += f"{report.money(lost)} that left with the lapsed"
    else:
        sentence += f": nobody new came, and {report.money(lost)} left with the lapsed"
    share, low, high, n = change.repeat_rate
    lede = (
        f"{words.percent(share, 0)} of the {words.plural(n, 'buyer')} of the period before bought again "
        f"({words.interval(low, high, 'percent:0')}); those who stayed spent {report.money(abs(kept))} "
        f"{'more' if kept >= 0 else 'less'} than before.{report.season} "
    )
    return blocks.headline(sentence, lede + _spread_in_words(report))


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
    return f"{told} in {spread.days // 7} weeks."


@or_small(small_form.kpis)
def kpis(report: AuditReport) -> Block:
    """Revenue, buyers, who stayed, how much hangs on the top fifth."""
    items, change, spread = [], report.change, report.spread
    if change:
        weeks = f"last {change.totals.span_days // 7} weeks"
        items += [
            period_kpi(f"Revenue, {weeks}", change.totals.revenue, report.money),
            period_kpi(f"Buyers, {weeks}", change.totals.buyers, words.count),
            _kept(change),
        ]
    if spread:
        items.append(_top_fifth(spread))
    if not items:
        items.append(blocks.kpi("Customers", words.count(report.base.counts["customers"])))
    return blocks.kpis(*items[:4])


def _kept(change: Change) -> dict[str, str]:
    share, low, high, n = change.repeat_rate
    note = f"of {words.count(n)} buyers before; {words.interval(low, high, 'percent')}"
    return blocks.kpi("Bought again", words.percent(share), note=note)


def _top_fifth(spread: ValueSpread) -> dict[str, str]:
    found = spread.concentration
    note = words.interval(found.top_share_lower, found.top_share_upper, "percent")
    note += f"; of {words.count(found.customers)} buyers in {spread.days // 7} weeks"
    return blocks.kpi("From the top fifth", words.percent(found.top_share), note=note)


@or_small(small_form.thanks)
def actions(report: AuditReport) -> Block:
    """What the lenses ask for: keep who carries the base, mend who costs, look at who left."""
    items, change, spread, found = [], report.change, report.spread, report.acquisition
    if change:
        lapsed = change.groups.set_index("group").loc["lapsed"]
        items.append(
            blocks.action(
                f"Ask the largest of the {words.plural(lapsed['customers'], 'lapsed customer')} why they "
                "left.",
                "They bought in the period before and not in this one.",
                "service",
                f"{report.money(lapsed['revenue_before'])} before",
            )
        )
    if spread:
        top = spread.deciles.iloc[0]
        items.append(
            blocks.action(
                f"Give the first tenth, {words.plural(top['customers'], 'customer')}, somebody to call.",
                f"They bring {words.percent(top['revenue_share'], 0)} of revenue; losing one costs as much "
                "as losing many others.",
                "account managers",
                f"{report.money(top['revenue'])} in {spread.days // 7} weeks",
            )
        )
        if spread.below_zero and spread.below_zero[0]:
            n, lost = spread.below_zero
            items.append(
                blocks.action(
                    f"Look at what {words.plural(n, 'customer')} cost.",
                    "They cost more than the margin they bring: mend the cause, or serve cheaper."
                    if len(spread.costs)
                    else "They bring less than their goods cost: look at their prices and returns.",
                    "service",
                    report.money(lost),
                )
            )
    if found is not None:
        apart = sources_apart(found.sources)
        better = apart[apart["clear"] & (apart["difference"] > 0)]
        if len(better):
            best = better.nlargest(1, "difference").iloc[0]
            items.append(
                blocks.action(
                    f"Try to win more customers like those of {words.label(best['source'])}.",
                    f"In their first year they bring clearly more than all others "
                    f"({report.money(best['elsewhere'])} a customer).",
                    "marketing",
                    f"{report.money(best['revenue'])} a customer",
                )
            )
    if not items:
        items.append(blocks.action("Come back with a longer history.", "Two periods show what changed."))
    return blocks.actions(*items[:4])
