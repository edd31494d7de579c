"""How long contracts last, and what the running ones will still bring."""

from __future__ import annotations

import math

from crm_analytics.pages import blocks, figures, words
from crm_analytics.pages.blocks import Block
from crm_analytics.pages.churn.report import ChurnReport
from crm_analytics.pages.small_form import SmallReport, headed

AT_LEAST = 30  # contracts at risk for a share to be shown


@headed("How long contracts last")
def how_long_contracts_last(report: ChurnReport | SmallReport) -> Block:
    """Share of contracts ended by month."""
    if isinstance(report, SmallReport) or report.contracts is None:
        why = "" if isinstance(report, SmallReport) else report.why("contracts")
        return blocks.note("There are no contracts to look at", why)
    found = report.contracts
    table = found.by_month[found.by_month["at_risk"] >= AT_LEAST]
    if len(table) < 2:
        return blocks.table(found.rates, finding=found.words.rstrip("."))
    return blocks.chart(
        figures.lines(
            table, "month", ["rate"], ("lower", "upper"), names={"rate": "ended"},
            x_title="month of the contract", fmt="percent:0",
        ),
        finding=found.words.rstrip("."),
        data=table,
        caption="Share of the contracts running at the beginning of a month that ended in it; months with "
        f"{AT_LEAST} contracts or more. Intervals: 95 %.",
        formats=dict.fromkeys(("rate", "lower", "upper"), "percent"),
    )  # fmt: skip


@headed("What running contracts will bring")
def what_contracts_bring(report: ChurnReport | SmallReport) -> Block:
    """Months and money still to come, and the curve they are reckoned by."""
    if isinstance(report, SmallReport) or report.contract_value is None:
        why = (
            ""
            if isinstance(report, SmallReport)
            else report.why("contract_value" if report.contracts else "contracts")
        )
        return blocks.note("What running contracts will bring is not known", why)
    found = report.contract_value
    months, low, high = found.months
    running = int(found.running["contracts"].sum())
    finding = (
        f"{words.plural(running, 'running contract')} should last {words.count(months)} months in the next "
        f"{found.horizon} ({words.count(low)} to {words.count(high)})"
    )
    if not any(map(math.isnan, found.money)):
        money, least, most = (report.money(amount) for amount in found.money)
        finding += f" and bring {money} ({least} to {most})"
    best = found.comparison.sort_values("bic")["model"].tolist()
    return blocks.chart(
        figures.lines(
            found.curve, "month", ["survival", "seen"], ("lower", "upper"),
            names={"survival": "foretold", "seen": "seen"}, context=["seen"],
            mark=found.seen, mark_label="seen until here", x_title="month of the contract", fmt="percent:0",
        ),
        finding=finding,
        data=found.curve.iloc[:: max(1, len(found.curve) // 12)].rename(columns={"survival": "foretold"}),
        caption=f"Share of contracts that last longer than a month, by {best[0]} (BIC lower than that of "
        f"{best[1]}); intervals: 95 %, by drawing contracts anew. Each running contract goes on from the "
        "month it has reached; money is its price a month, if prices stay.",
        formats=dict.fromkeys(("foretold", "lower", "upper", "seen"), "percent"),
    )  # fmt: skip
