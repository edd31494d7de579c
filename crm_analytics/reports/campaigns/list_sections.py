"""Whom to contact now, who is suppressed and why, and what contacting them can bring."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses import campaigns
from crm_analytics.pages import blocks, figures
from crm_analytics.reports.campaigns.due import Due
from crm_analytics.reports.campaigns.placement import (
    FEW,
    because,
    list_name,
    names_of,
    nothing,
    without,
    without_constant,
)
from crm_analytics.reports.campaigns.report import CampaignsReport
from crm_analytics.reports.shared.customer_lists import list_of
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.spoken import slug
from crm_analytics.reports.shared.tiles import interval

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block

TOP = 10  # customers on the page; the whole list stands beside it
PAIRS = 12


@section(part="listed", needs=without("lists"), small=FEW)
def whom_to_contact_now(report: CampaignsReport, due: Due) -> Block:
    """The lists of the coming days."""
    t = report.t
    table = due.lists.sort_values("treated", ascending=False, kind="stable").reset_index(drop=True)
    shown = table.assign(
        because=[because(report, n, w) for n, w in zip(table["list"], table["words"], strict=True)],
        list=[list_name(report, name) for name in table["list"]],
    )
    columns = ["list", "because", "due", "suppressed", "control", "treated"]
    half = due.action is not None and due.action.verb == "test"
    caption = t(
        "lists.caption_half" if half else "lists.caption", days=due.wave.terms.days, day=report.base.day,
        held=due.wave.terms.holdout,
    )  # fmt: skip
    names = names_of(report, *columns)
    if not due.treated:
        block = blocks.table(shown[columns], finding=t("lists.finding_none"), caption=caption, names=names)
        return block.under(t("lists.label")).anchored("lists").in_appendix()
    first = shown.iloc[0]
    return blocks.chart(
        figures.bars(shown[shown["treated"] > 0], "list", "treated", fmt="count"),
        finding=t("lists.finding", n=due.treated, first=int(first["treated"]), because=first["because"]),
        data=shown[columns],
        caption=caption,
        names=names,
    ).under(t("lists.label")).anchored("lists")  # fmt: skip


@section(part="listed", needs=without("lists"), small=FEW)
def what_contacting_the_best_brings(report: CampaignsReport, due: Due) -> Block:
    """The margin that each list can still bring, with its interval."""
    t, table = report.t, due.worth
    if table is None:
        return nothing(report, "worth")
    partial = due.plan.given.margin is None or due.plan.cost.amount is None
    shown = table.assign(
        list=[list_name(report, name) for name in table["list"]],
        interval=blocks.together(table["lower"], table["upper"]),
    )
    first, pays = shown.iloc[0], int((table["lower"] > 0).sum())
    bounds = interval(t, first["lower"], first["upper"], report.currency)
    finding = (
        t("worth.finding", n=pays, of=len(table))
        if pays
        else t("worth.finding_chance", list=first["list"], value=first["value"], interval=bounds)
    )
    columns = ["list", "customers", "revenue", "value", "interval"]
    names = names_of(report, *columns) | ({"value": t("column.value_part")} if partial else {})
    return blocks.table(
        shown[columns],
        finding=finding,
        caption=t("worth.caption_part" if partial else "worth.caption"),
        formats={"customers": "count", "revenue": report.currency, "value": report.currency}
        | {"interval": f"interval:{report.currency}"},
        names=names,
    ).under(t("worth.label")).anchored("worth").in_appendix()  # fmt: skip


@section(part="listed", needs=without("lists"), small=FEW)
def who_comes_first(report: CampaignsReport, due: Due) -> Block:
    """The first customers of the list, and why they are due."""
    t = report.t
    if due.action is None:
        return nothing(report, "first", t("first.consent_why" if due.no_consent else "first.none_why"))
    rows = list_of(report.base, due.action, report.show_customers)
    head = rows.head(TOP).reset_index(drop=True)
    reasons = [because(report, n, r) for n, r in zip(head["list"], head["reason"], strict=True)]
    head = head.assign(reason=reasons, list=[list_name(report, n) for n in head["list"]])
    if "channel" in head:
        head["channel"] = [t(f"channel.{slug(name)}") for name in head["channel"]]
    columns = [n for n in ("customer", "list", "reason", "channel", "value_to_come") if n in head]
    shown = without_constant(head[columns], "list", "channel")
    return blocks.table(
        shown,
        finding=t("first.finding", n=len(head), all=len(rows)),
        caption=t("first.caption"),
        formats={"value_to_come": report.currency} if "value_to_come" in shown else None,
        names=names_of(report, *shown.columns),
    ).under(t("first.label")).anchored("first").in_appendix()  # fmt: skip


@section(part="listed", needs=without("lists"), small=FEW)
def who_is_kept_out(report: CampaignsReport, due: Due) -> Block:
    """Entries after each step of suppression."""
    t, table = report.t, due.steps
    kept = table[~table["step"].isin(["due", "treated", "control"])]
    of = int(table["customers"].iloc[0])
    finding = t("suppressed.none")
    if len(kept):
        most = kept.nlargest(1, "customers").iloc[0]
        step = t(f"step.{slug(most['step'])}")
        finding = t("suppressed.finding", n=int(kept["customers"].sum()), of=of, step=step)
    shown = table.assign(step=[t(f"step.{slug(name)}") for name in table["step"]])[
        ["step", "customers", "left"]
    ]
    return blocks.table(
        shown,
        finding=finding,
        caption=t("suppressed.caption"),
        names=names_of(report, "step", "customers") | {"left": t("column.still_on")},
    ).under(t("suppressed.label")).anchored("suppressed").in_appendix()  # fmt: skip


@section(part="listed", needs=without("lists"), small=FEW)
def who_is_due_twice(report: CampaignsReport, due: Due) -> Block:
    """Pairs of lists that name the same customers."""
    t, table = report.t, campaigns.overlap(due.wave)
    names = list(table.index)
    pairs = pd.DataFrame(
        [
            {"list": list_name(report, a), "also_on": list_name(report, b), "customers": int(table.loc[a, b]),
             "share": table.loc[a, b] / table.loc[a, a]}
            for i, a in enumerate(names) for b in names[i + 1:] if table.loc[a, b]
        ]
    )  # fmt: skip
    if pairs.empty:
        return nothing(report, "twice")
    pairs = pairs.nlargest(PAIRS, "customers").reset_index(drop=True)
    first = pairs.iloc[0]
    finding = t("twice.finding", n=int(first["customers"]), one=first["list"], other=first["also_on"])
    return blocks.table(
        pairs,
        finding=finding,
        caption=t("twice.caption"),
        formats={"share": "percent:0"},
        names=names_of(report, *pairs.columns),
    ).under(t("twice.label")).anchored("twice").in_appendix()  # fmt: skip
