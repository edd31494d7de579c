"""Large accounts that order less and less, each against its own history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_analytics.pages import blocks
from crm_analytics.reports.lifetime_value.placement import names, noted, placed
from crm_analytics.reports.lifetime_value.report import UnpricedReport, ValueReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section

if TYPE_CHECKING:
    from crm_analytics.analyses.portfolio.fading_accounts import FadingAccounts
    from crm_analytics.pages.blocks import Block

SHOWN = 15
COLUMNS = ["account", "standing", "orders", "usual", "spend", "usual_spend"]


@section(small=small_form.comes_with_models)
def key_accounts(report: ValueReport | UnpricedReport) -> Block:
    """The large accounts, those that fade first: what each ordered lately, and what is usual for it."""
    t, found = report.t, report.accounts
    if found is None:
        return noted(report, "accounts", "accounts.none", "accounts.none_why")
    shown = found.accounts.head(max(SHOWN, len(found.fading)))
    table = shown.assign(
        account=report.called(shown["customer_id"]),
        standing=[t("accounts.fades" if fades else "accounts.steady") for fades in shown["fading"]],
    )
    block = blocks.table(
        table[COLUMNS],
        finding=_finding(report, found),
        caption=t("accounts.caption", share=found.false_alarms),
        formats={"orders": "count", "usual": "number:1"}
        | dict.fromkeys(("spend", "usual_spend"), report.currency),
        names=names(report, *COLUMNS),
    )
    return placed(report, block, "accounts")


def _finding(report: ValueReport | UnpricedReport, found: FadingAccounts) -> str:
    n, of = len(found.fading), len(found.accounts)
    if n:
        return report.t("accounts.finding", n=n, of=of)
    return report.t("accounts.finding_none", of=of)
