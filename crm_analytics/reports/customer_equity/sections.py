"""The customer-equity report below the first screen: the firm's own equity, the balance, the budget."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crm_analytics.analyses.equity.acquisition_balance import Balance
from crm_analytics.analyses.equity.budget import WIN, Plan
from crm_analytics.analyses.equity.firm_equity import FirmEquity
from crm_analytics.analyses.evidence import LEAST, grade
from crm_analytics.pages import blocks, figures, words
from crm_analytics.reports.customer_equity.report import EquityReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.small_form import SmallReport
from crm_analytics.reports.shared.tiles import interval

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block


def _names(report: EquityReport, frame: pd.DataFrame) -> dict[str, str]:
    return {str(column): report.t(f"column.{column}") for column in frame.columns}


def _without(part: str) -> Callable[[EquityReport | SmallReport], Block]:
    """What a section says where its part is not there: the sentence of the catalogue, and why."""

    def said(report: EquityReport | SmallReport) -> Block:
        if isinstance(report, SmallReport):
            return small_form.too_few("small.not_yet.valued")(report)
        return blocks.note(report.t(f"{part}.none"), report.why(part)).in_appendix()

    return said


@section(part="channels", needs=_without("channels"), small=small_form.last_visits)
def by_channel(report: EquityReport, table: pd.DataFrame) -> Block:
    """Value of present customers by the channel that won them."""
    t, money = report.t, report.currency
    shown = table.rename(columns={"segment": "channel"})
    top = shown.nlargest(1, "each").iloc[0]
    message = "channels.finding" if _brings_most(shown) else "channels.finding_not_shown"
    return (
        blocks.chart(
            figures.bars(shown, y="channel", x="value", fmt=money),
            finding=t.of(message, {"channel": top["channel"], "each": top["each"]}),
            data=shown,
            caption=t("channels.caption"),
            formats=dict.fromkeys(("value", "lower", "upper", "each"), money),
            names=_names(report, shown),
        )
        .under(t("channels.label"))
        .anchored("channels")
        .in_appendix()
    )


def _brings_most(table: pd.DataFrame) -> bool:
    """Whether customers of the first channel bring more each than those of the second, beyond chance.

    The first is the best of all, so each other channel counts as one look.
    """
    if len(table) < 2:
        return False
    best = table.nlargest(2, "each")
    gap = float(best["each"].iloc[0] - best["each"].iloc[1])
    half = float(np.hypot(*((best["upper"] - best["lower"]) / (2 * best["customers"]))))
    n = int(best["customers"].min())
    return grade(gap, gap - half, gap + half, n, looks=len(table) - 1).is_news


@section(part="firm", needs=_without("firm"), small=small_form.weekdays)
def future_customers(report: EquityReport, firm: FirmEquity) -> Block:
    """Acquisition, retention and purchase, basket: customers still to be won, quarter by quarter."""
    t, money = report.t, report.currency
    table = firm.quarters.rename(columns={"revenue": "revenue_ahead", "margin": "margin_ahead"})
    year = firm.acquired.forecast.sum()
    return (
        blocks.table(
            table,
            finding=t("future.finding", n=year, value=firm.future.value, years=firm.years),
            caption=t("future.caption", basket=firm.basket),
            formats={
                "new_customers": "number:0", "orders": "number:0", "basket": money, "revenue_ahead": money,
                "margin_ahead": money, "acquisition_cost": money, "discounted": money,
            },
            names=_names(report, table),
        )
        .under(t("future.label"))
        .anchored("future")
        .in_appendix()
    )  # fmt: skip


@section(part="firm", needs=_without("firm"), small=small_form.too_few("small.not_yet.valued"))
def one_per_cent(report: EquityReport, firm: FirmEquity) -> Block:
    """What one per cent better would bring."""
    t, money = report.t, report.currency
    table = firm.sensitivity.assign(lever=[t(f"sensitivity.{x}") for x in firm.sensitivity["lever"]])
    table = table.dropna(axis=1, how="all")
    best, *others = table.nlargest(2, "change").to_dict("records")
    is_first = all(best["lower"] > other["upper"] for other in others)
    slots = {
        "lever": best["lever"],
        "change": best["change"],
        "interval": interval(t, best["lower"], best["upper"], money),
    }
    return (
        blocks.chart(
            figures.bars(table, y="lever", x="change", fmt=money),
            finding=t.of("sensitivity.finding" if is_first else "sensitivity.finding_not_shown", slots),
            data=table,
            caption=t("sensitivity.caption", years=firm.years),
            formats=dict.fromkeys(("change", "lower", "upper"), money) | {"share": "percent:2"},
            names=_names(report, table),
        )
        .under(t("sensitivity.label"))
        .anchored("one-per-cent")
        .in_appendix()
    )


@section(small=small_form.too_few("small.not_yet.valued"))
def winning_and_keeping(report: EquityReport) -> Block:
    """The balance of Blattberg and Deighton; without a judgement, what it needs."""
    t, found = report.t, report.balance
    if found is None:
        said = t("balance.law")
        block = blocks.note(t("balance.none"), f"{report.why('balance')}\n\n{said}")
    else:
        block = _balance(report, found)
    return block.under(t("balance.label")).anchored("winning").in_appendix()


def _balance(report: EquityReport, found: Balance) -> Block:
    t, money = report.t, report.currency
    table = pd.DataFrame(
        [
            (t("balance.winning"), found.winning, found.won, found.marginal_winning),
            (t("balance.keeping"), found.keeping, found.kept, found.marginal_keeping),
        ],
        columns=["what", "best_spend", "reached", "last_one_costs"],
    )
    return blocks.table(
        table,
        finding=t("balance.finding", value=found.value),
        caption=t("balance.law"),
        formats={"best_spend": money, "reached": "percent", "last_one_costs": money},
        names=_names(report, table),
    )


@section(part="budget", needs=_without("budget"), small=small_form.too_few("small.not_yet.budget"))
def next_budget(report: EquityReport, plan: Plan) -> Block:
    """Next quarter's spend on the levers that were measured."""
    t, money = report.t, report.currency
    if plan.table.empty or plan.profit is None:
        block = blocks.note(t("budget.refused"), t("budget.refused_why"))
        return block.under(t("budget.label")).anchored("budget").in_appendix()
    if not plan.budget:
        block = blocks.note(t("budget.nothing"), t("budget.nothing_why"))
        return block.under(t("budget.label")).anchored("budget").in_appendix()
    table = plan.table.drop(columns=["kind"])
    table = table.assign(lever=[_said(report, name) for name in table["lever"]])
    return (
        blocks.table(
            table,
            finding=t("budget.finding" if gain_is_shown(plan) else "budget.finding_not_shown",
                      budget=plan.budget, unspent=plan.unspent, profit=plan.profit,
                      interval=interval(t, plan.profit_lower, plan.profit_upper, money)),
            caption=t("budget.caption"),
            formats={name: money for name in table.columns if name not in ("lever", "next_coin")}
            | {"next_coin": "number:2"},
            names=_names(report, table),
        )
        .under(t("budget.label"))
        .anchored("budget")
        .in_appendix()
    )  # fmt: skip


def channels_were_tested(plan: Plan) -> bool:
    """Whether the plan rests on the measured effect of a channel; a base without channels has none."""
    return not plan.table.empty and bool(plan.table["kind"].eq(WIN).any())


def gain_is_shown(plan: Plan) -> bool:
    """Whether the spend that is planned gains anything beyond chance; its range alone tells."""
    return grade(plan.profit, plan.profit_lower, plan.profit_upper, LEAST).is_news


def _said(report: EquityReport, name: str) -> str:
    message = f"lever.{name}"
    return report.t(message) if report.t.knows(message) else words.clean(name, words.LONGEST_LABEL)


@section(part="budget", needs=_without("budget"), small=small_form.too_few("small.not_yet.tests"))
def tests_to_make(report: EquityReport, plan: Plan) -> Block:
    """Channels whose effect nobody measured, and the test that would measure each."""
    t = report.t
    if not plan.tests:
        said = t("tests.none" if channels_were_tested(plan) else "finding.no_spend")
        return blocks.note(said).under(t("tests.label")).anchored("tests").in_appendix()
    table = pd.DataFrame(
        [
            (one.name, one.break_even, t("tests.weeks", n=one.weeks) if one.weeks else t("tests.too_long"))
            for one in plan.tests
        ],
        columns=["channel", "break_even", "test_length"],
    )
    return (
        blocks.table(
            table,
            finding=t("tests.finding", n=len(plan.tests)),
            caption=t("tests.caption"),
            formats={"break_even": "number:0"},
            names=_names(report, table),
        )
        .under(t("tests.label"))
        .anchored("tests")
        .in_appendix()
    )
