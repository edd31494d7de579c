"""Whom to contact now, who is suppressed and why, and what contacting the best of them would bring."""

from __future__ import annotations

import pandas as pd

from crm_analytics.analyses import campaigns
from crm_analytics.pages import blocks, figures, words
from crm_analytics.pages.blocks import Block
from crm_analytics.reports.campaigns.due import Due, called
from crm_analytics.reports.campaigns.report import FEW_LISTS, CampaignsReport, no_list
from crm_analytics.reports.shared.section import section

TOP = 12


@section(part="listed", needs=no_list, small=FEW_LISTS)
def whom_to_contact_now(report: CampaignsReport, due: Due) -> Block:
    """The lists of the coming days."""
    table = due.lists.sort_values("treated", ascending=False, kind="stable").reset_index(drop=True)
    shown = table.assign(list=[called(name) for name in table["list"]])
    first = table.iloc[0]
    finding = (
        f"{words.plural(due.treated, 'customer')} to contact, most of them because: {first['words']}"
        if due.treated
        else f"{words.plural(int(table['due'].sum()), 'entry')} due, and nobody may be contacted"
    )
    columns = ["list", "words", "due", "suppressed", "control", "treated", "value_at_stake"]
    data = shown[columns].rename(columns={"words": "why", "suppressed": "kept_out", "treated": "to_contact"})
    money = {"value_at_stake": report.currency}
    caption = f"""Lists of the {words.plural(due.wave.terms.days, "day")} after
        {words.date(report.base.day)}. A customer is on one list only, that which stands first in the
        rules; {words.percent(due.wave.terms.holdout, 0)} of each list are held back as control, the same
        ones every time, so that the effect can be told. At stake: the mean order of each customer
        (complaints: a year's purchases; save: those times the chance to leave).{_left_out(due)} The data
        team can have them written every week."""
    if not due.treated:
        return blocks.table(data, finding=finding, caption=caption, formats=money)
    return blocks.chart(
        figures.bars(shown[shown["treated"] > 0], "list", "treated", fmt="count"),
        finding=finding,
        data=data,
        caption=caption,
        formats=money,
    )


def _left_out(due: Due) -> str:
    if not due.wave.left_out:
        return ""
    gone = words.listing(map(called, due.wave.left_out))
    why = f" Who will leave cannot be told: {due.no_scores}." if due.no_scores else ""
    return f" Not asked, for lack of data: {gone}.{why}"


@section("What contacting the best would bring", part="listed", needs=no_list, small=FEW_LISTS)
def what_contacting_the_best_brings(report: CampaignsReport, due: Due) -> Block:
    """Expected profit by number of contacts, with the interval of the measured effect."""
    table = due.profit
    if table is None:
        return blocks.note(
            "What contacts would bring is not known",
            "It needs a measured effect of past campaigns, a margin and the cost of a contact.",
        )
    last, best = table.iloc[-1], due.best
    bounds = words.interval(last["lower"], last["upper"], report.currency)
    if best is None:
        finding = f"By what past campaigns did, contacting them costs more than it brings ({bounds} for all)"
    else:
        sure = "" if best["lower"] > 0 else "; a loss is as well within its interval"
        finding = f"""{due.best_words} expected to bring {report.money(best["expected"])}
            ({words.interval(best["lower"], best["upper"], report.currency)}){sure}"""
    assert due.orders is not None
    each = f"{words.number(due.orders[0], 3)} ({words.interval(due.orders[1], due.orders[2], 'number:3')})"
    return blocks.chart(
        figures.lines(
            table, "contacts", ["expected"], ("lower", "upper"), names={"expected": "expected"},
            x_title="contacts, the largest mean order first", fmt=report.currency, zero=False,
        ),
        finding=finding,
        data=table,
        caption=f"Orders added by a contact: {each}, as measured on past campaigns, taken to hold for all; "
        f"their mean order; margin {words.percent(due.margin, 0)}; {report.money(due.cost)} a contact. The "
        "band is the interval of that measurement alone. Which list moves most can be told once its waves "
        "are measured.",
        formats={"contacts": "count"}
        | dict.fromkeys(("order_value", "expected", "lower", "upper"), report.currency),
    )  # fmt: skip


@section("Who comes first", part="listed", needs=no_list, small=FEW_LISTS)
def who_comes_first(report: CampaignsReport, due: Due) -> Block:
    """The customers with most at stake, and why they are due."""
    rows = due.wave.next_actions
    order = rows.order_by([rows.value_at_stake.desc(), "customer_id"]).limit(TOP)
    found = report.base.collect(order)
    if found.empty:
        return blocks.note("Nobody may be contacted", _why_nobody(due))
    shown = pd.DataFrame(
        {
            "customer": report.called(found["customer_id"]),
            "list": [called(name) for name in found["list"]],
            "why": found["reason"].astype("str"),
            "by": found["channel"].astype("str"),
            "at_stake": found["value_at_stake"].astype("float64"),
        }
    )
    total = float(due.lists["value_at_stake"].sum())
    share = shown["at_stake"].sum() / total if total > 0 else 0.0
    return blocks.table(
        shown,
        finding=f"The first {len(shown)} hold {words.percent(share, 0)} of what is at stake",
        caption="One next action a customer, by the first channel with their consent.",
        formats={"at_stake": report.currency},
    )


@section("Who is suppressed", part="listed", needs=no_list, small=FEW_LISTS)
def who_is_kept_out(report: CampaignsReport, due: Due) -> Block:
    """Entries after each step of suppression, and what is saved."""
    table = due.steps
    kept = table[~table["step"].isin(["due", "treated", "control"])]
    if kept.empty:
        finding = "Nobody is suppressed"
    else:
        most = kept.nlargest(1, "customers").iloc[0]
        of = words.plural(table["customers"].iloc[0], "entry")
        finding = (
            f"{words.count(kept['customers'].sum())} of {of} are suppressed, most of them: {most['step']}"
        )
    cost = due.cost
    saved = table["customers"] * cost if cost is not None else pd.Series(float("nan"), table.index)
    saved[table["step"].isin(["due", "treated"])] = float("nan")
    shown = table.assign(step=table["step"].replace({"treated": "to contact"}), saved=saved)
    shown = shown if cost is not None else shown.drop(columns="saved")
    return blocks.table(
        shown,
        finding=finding,
        caption="Entries: a customer counts once on each list. Each is suppressed by the first step that "
        "applies. " + ("" if cost is None else f"Saved: {report.money(cost)} a contact."),
        formats={"saved": report.currency} if cost is not None else None,
    )


@section("Who is on several lists", part="listed", needs=no_list, small=FEW_LISTS)
def who_is_due_twice(report: CampaignsReport, due: Due) -> Block:
    """Pairs of lists that name the same customers."""
    table = campaigns.overlap(due.wave)
    names = list(table.index)
    pairs = pd.DataFrame(
        [
            {"list": called(a), "also_on": called(b), "customers": int(table.loc[a, b]),
             "share": table.loc[a, b] / table.loc[a, a]}
            for i, a in enumerate(names) for b in names[i + 1:] if table.loc[a, b]
        ]
    )  # fmt: skip
    if pairs.empty:
        return blocks.note("No customer is on two lists")
    pairs = pairs.nlargest(TOP, "customers").reset_index(drop=True)
    first = pairs.iloc[0]
    return blocks.table(
        pairs,
        finding=f"{words.plural(int(first['customers']), 'customer')} are due for both “{first['list']}” and "
        f"“{first['also_on']}”",
        caption="Share: of the first list. They are contacted once.",
        formats={"share": "percent:0"},
    )


def _why_nobody(due: Due) -> str:
    if due.no_consent:
        return """The source records no consent. Map the columns consent_email, consent_post and the like, or
            name channels you may use with `assumed` in crm.toml."""
    kept = due.steps[~due.steps["step"].isin(["due", "treated"])]
    return "; ".join(f"{n:,}: {step}" for step, n in zip(kept["step"], kept["customers"], strict=True)) + "."
