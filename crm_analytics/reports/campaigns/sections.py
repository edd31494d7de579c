"""What campaigns did: in total, one by one, by segment, by score, in money, and whom they move."""

from __future__ import annotations

import pandas as pd

from crm_analytics.analyses.campaigns.measurement.balance import AS_PLANNED
from crm_analytics.analyses.campaigns.measurement.evaluation import WORDS, Evaluation
from crm_analytics.analyses.campaigns.measurement.treatment_effects import MORE
from crm_analytics.pages import blocks, figures, words
from crm_analytics.pages.blocks import Block
from crm_analytics.reports.campaigns.report import (
    COUNTED,
    FEW,
    HUNDRED,
    UNMEASURED,
    CampaignsReport,
    per_hundred,
)
from crm_analytics.reports.shared.section import section

SHOWN = 12  # campaigns on a chart, the newest
COLUMNS = ["treated", "control", "treated_mean", "control_mean", "adjusted", "interval", "verdict"]


def _interval(table: pd.DataFrame) -> pd.Series:
    return blocks.together(table["adjusted_lower"], table["adjusted_upper"])


def _named(row: pd.Series) -> str:
    name = row["campaign_name"]
    return name if isinstance(name, str) and name else str(row["campaign_id"])


@section(part="waves", needs=UNMEASURED, small=FEW)
def what_campaigns_did(report: CampaignsReport, found: Evaluation) -> Block:
    """The effect on every outcome, treated against control."""
    table = per_hundred(found.pooled)
    shown = pd.DataFrame(
        {
            "of": [WORDS[o] + (f", by {HUNDRED}" if o in COUNTED else ", each") for o in table["outcome"]],
            "treated": table["treated_mean"],
            "control": table["control_mean"],
            "effect": table["adjusted"],
            "interval": _interval(table),
            "sharper_by": table["variance_reduction"],
            "verdict": table["verdict"],
        }
    )
    row = found.pooled.iloc[0]
    units = ["number:1" if o in COUNTED else report.currency for o in table["outcome"]]
    return blocks.table(
        shown,
        finding=found.sentence.rstrip("."),
        caption=f"{words.count(row['treated'])} treated and {words.count(row['control'])} controls, "
        f"{words.count(row['customers'])} customers. Effect: treated less control, after taking away what "
        f"their purchases of the {found.waves.before} days before predicted (CUPED); sharper by: the share "
        "of the variance this takes away. Intervals: 95 %, customers as the draw. Visits: of customers known "
        "by "
        f"name when they came. {found.waves.costs.capitalize()}.",
        formats={"sharper_by": "percent:0", "interval": [f"interval:{unit}" for unit in units]}
        | dict.fromkeys(("treated", "control", "effect"), units),
    )


@section("Which campaigns worked", part="waves", needs=UNMEASURED, small=FEW)
def which_campaigns_worked(report: CampaignsReport, found: Evaluation) -> Block:
    """Orders added by each campaign."""
    table = per_hundred(found.campaigns[found.campaigns["outcome"] == "orders"])
    table = table.iloc[::-1].reset_index(drop=True)
    table["campaign"] = [_named(row) for _, row in table.iterrows()]
    table["interval"] = _interval(table)
    known = table[table["adjusted_lower"].notna()].head(SHOWN)
    clear = table[table["verdict"] == MORE]["campaign"].tolist()
    finding = (
        f"{words.listing(clear[:3])} brought orders of their own"
        if clear
        else f"Of {words.plural(len(table), 'campaign')} none shows an effect of its own on orders"
    )
    if known.empty:
        finding = "In no campaign enough happened to tell its effect on orders"
    data = table[["campaign", "sent_day", *COLUMNS]].rename(columns={"adjusted": "effect"})
    caption = f"""Orders added by {HUNDRED} contacts. The intervals hold together: all campaigns lie inside
        theirs with 95 %, whether they are read once or on every night of their window (the 5 % are spent
        over the planned nights).{_still_running(report)}"""
    formats = {
        "sent_day": "date:short",
        **dict.fromkeys(("treated_mean", "control_mean", "effect"), "number:1"),
        "interval": "interval:number:1",
    }
    if known.empty:
        return blocks.table(data, finding=finding, caption=caption, formats=formats)
    return blocks.chart(
        figures.intervals(
            known, "campaign", "adjusted", "adjusted_lower", "adjusted_upper", reference=0.0,
            reference_label="no effect", fmt="number:1",
        ),
        finding=finding,
        data=data,
        caption=caption,
        formats=formats,
    )  # fmt: skip


def _still_running(report: CampaignsReport) -> str:
    told = [
        f"“{_named(row)}”, night {row['night']} of {row['nights']}: "
        f"{words.number(HUNDRED * row['effect'], 1)} "
        f"({words.interval(HUNDRED * row['lower'], HUNDRED * row['upper'])}), {row['verdict']}"
        for _, row in report.running.dropna(subset=["lower"]).head(3).iterrows()
    ]
    return f" Still running: {'; '.join(told)}." if told else ""


@section(part="waves", needs=UNMEASURED, small=FEW)
def who_is_moved(report: CampaignsReport, found: Evaluation) -> Block:
    """Orders added in each segment."""
    table = per_hundred(found.segments[found.segments["outcome"] == "orders"]).reset_index(drop=True)
    table["interval"] = _interval(table)
    known = table[table["adjusted_lower"].notna()]
    clear = table[table["verdict"] == MORE].sort_values("adjusted", ascending=False)
    more = clear[clear["stands_out"]]
    if len(more):
        first = more.iloc[0]
        finding = f"""“{first["segment"]}” are moved more than the others:
            {words.number(first["adjusted"], 1)} orders added by {HUNDRED} contacts"""
    elif len(clear) > 1:
        finding = "Several segments are moved by campaigns; none is shown to be moved more than the others"
    elif len(clear):
        finding = f"""“{clear.iloc[0]["segment"]}” are moved by campaigns; that they are moved more than the
            others is not shown"""
    elif known.empty:
        finding = "In no segment enough happened to tell whether campaigns move it"
    else:
        finding = "No segment is shown to be moved by campaigns"
    data = table[["segment", *COLUMNS]].rename(columns={"adjusted": "effect"})
    caption = f"""Orders added by {HUNDRED} contacts; segments: {found.segments_are}. The intervals hold
        together with 95 %. Of several estimates one is always the largest: a segment counts as moved more
        only where its effect less that of all others is above zero."""
    formats = dict.fromkeys(("treated_mean", "control_mean", "effect"), "number:1")
    formats["interval"] = "interval:number:1"
    if known.empty:
        return blocks.table(data, finding=finding, caption=caption, formats=formats)
    return blocks.chart(
        figures.intervals(
            known, "segment", "adjusted", "adjusted_lower", "adjusted_upper", reference=0.0,
            reference_label="no effect", fmt="number:1",
        ),
        finding=finding,
        data=data,
        caption=caption,
        formats=formats,
    )  # fmt: skip


@section("Whom to contact first", part="waves", needs=UNMEASURED, small=FEW)
def whom_to_contact_first(report: CampaignsReport, found: Evaluation) -> Block:
    """What contacting the best first would have brought, against contacting blindly."""
    if found.uplift is None:
        return blocks.note(
            "Whom to contact first cannot be learned yet", "It begins with 200 members of each arm."
        )
    curve, money = found.uplift.qini, found.uplift.profit
    shown = curve if money is None else money
    table = shown.curve.iloc[::5].reset_index(drop=True)
    fmt = "number:3" if money is None else report.currency
    bounds = words.interval(curve.lower, curve.upper, "number:4")
    return blocks.chart(
        figures.lines(
            table, "share", ["gained", "random"], ("lower", "upper"),
            names={"gained": "best first", "random": "blindly"}, context=("random",),
            x_title="share of the members contacted", fmt=fmt, zero=False,
        ),
        finding=found.uplift.sentence.rstrip("."),
        data=table,
        caption=f"{'Profit' if money else 'Orders'} a treated member by contacting that share, ranked by the "
        "uplift predicted by models that had not seen the customer. Qini coefficient (orders): "
        f"{words.number(curve.coefficient, 4)} ({bounds}); 0 is a ranking that knows nothing. "
        "Intervals: 95 %, customers as the draw.",
        formats={"share": "percent:0"} | dict.fromkeys(("gained", "lower", "upper", "random"), fmt),
    )  # fmt: skip


@section(part="waves", needs=UNMEASURED, small=FEW)
def what_campaigns_earned(report: CampaignsReport, found: Evaluation) -> Block:
    """Profit of each campaign and of all, with interval."""
    if found.profit.empty:
        return blocks.note("What campaigns earned is not known", f"{found.waves.costs.capitalize()}.")
    names = found.waves.campaigns.set_index("campaign_id")
    table = found.profit.iloc[::-1] if len(found.profit) == 1 else pd.concat(
        [found.profit.iloc[:1], found.profit.iloc[:0:-1]]
    )  # fmt: skip
    shown = pd.DataFrame(
        {
            "campaign": ["all" if pd.isna(i) else _named(pd.Series({**names.loc[i], "campaign_id": i}))
                         for i in table["campaign_id"]],
            "contacts": table["treated"], "a_contact": table["each"], "total": table["total"],
            "interval": blocks.together(table["total_lower"], table["total_upper"]),
            "budget": table["budget"], "verdict": table["verdict"],
        }
    ).reset_index(drop=True)  # fmt: skip
    row = found.profit.iloc[0]
    bounds = words.interval(row["total_lower"], row["total_upper"], report.currency)
    proved = "" if row["verdict"] == MORE else "; no profit is proved"
    return blocks.table(
        shown,
        finding=f"Campaigns added {report.money(row['total'])} of margin after contacts ({bounds}){proved}",
        caption=f"""{found.waves.costs.capitalize()}. Discounts are in the margin already; the budget, where
            one is given, is not taken off. Intervals of single campaigns hold together with 95 %.""",
        formats={"contacts": "count", "interval": f"interval:{report.currency}"}
        | dict.fromkeys(("a_contact", "total", "budget"), report.currency),
        limit=SHOWN + 1,
    )


@section("Were the arms alike", part="waves", needs=UNMEASURED, small=FEW)
def were_the_arms_alike(report: CampaignsReport, found: Evaluation) -> Block:
    """Sample ratio and purchases before the sending."""
    table = found.balance
    odd = table[table["verdict"] != AS_PLANNED]
    shown = table.assign(
        campaign=table["campaign_id"].fillna("all"),
        before=blocks.together(table["orders_before_lower"], table["orders_before_upper"]),
    )
    gone = found.waves.left_out
    left = "" if gone.empty else " Left out: " + "; ".join(
        f"{words.plural(n, 'member')}, {why}" for why, n in gone.groupby("reason")["members"].sum().items()
    ) + "."  # fmt: skip
    return blocks.table(
        shown[
            [
                "campaign",
                "treated",
                "control",
                "control_share",
                "planned_share",
                "ratio_p",
                "before",
                "verdict",
            ]
        ],
        finding=f"{words.plural(len(odd), 'comparison')} of arms do not fit"
        if len(odd)
        else "Nothing speaks against the draw of the arms",
        caption=f"""Ratio p: chance of shares as odd as these where the plan was kept. Before: difference of
            orders in the {found.waves.before} days before the sending, 95 %. Doubt is said below a chance
            of one in a thousand over all campaigns.{left}""",
        formats=dict.fromkeys(("control_share", "planned_share"), "percent")
        | {"ratio_p": "number:3", "before": "interval:number:2"},
        limit=SHOWN + 1,
    )
