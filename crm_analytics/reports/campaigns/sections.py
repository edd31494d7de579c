"""What campaigns did: in total, one by one, by segment, in money, and whom they move."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses.campaigns.kpis import budget_of
from crm_analytics.analyses.campaigns.measurement.balance import AS_PLANNED, DIFFERED
from crm_analytics.analyses.campaigns.measurement.evaluation import Evaluation
from crm_analytics.analyses.campaigns.measurement.treatment_effects import LESS, MORE
from crm_analytics.analyses.evidence import may_claim
from crm_analytics.pages import blocks, figures, words
from crm_analytics.reports.campaigns.first_screen import moved_most
from crm_analytics.reports.campaigns.placement import (
    FEW,
    campaign_name,
    names_of,
    nothing,
    verdict,
    without,
    without_constant,
)
from crm_analytics.reports.campaigns.report import COUNTED, HUNDRED, CampaignsReport, per_hundred
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import interval

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block

SHOWN = 12  # campaigns on a chart, the newest
NUMBERS = ["treated", "control", "treated_mean", "control_mean", "adjusted", "interval"]
MEANS = dict.fromkeys(("treated_mean", "control_mean", "adjusted"), "number:1")


def _interval(table: pd.DataFrame) -> pd.Series:
    return blocks.together(table["adjusted_lower"], table["adjusted_upper"])


@section(part="waves", needs=without("measured"), small=FEW)
def what_campaigns_did(report: CampaignsReport, found: Evaluation) -> Block:
    """The effect on every outcome, treated against control."""
    t = report.t
    table = per_hundred(found.pooled)
    units = ["number:1" if o in COUNTED else report.currency for o in table["outcome"]]
    shown = table.assign(
        of=[t(f"outcome.{o}") for o in table["outcome"]],
        interval=_interval(table),
        verdict=[verdict(report, v) for v in table["verdict"]],
    )
    row = found.pooled.iloc[0]
    orders = found.effect("orders")
    low, high = (HUNDRED * orders[f"adjusted_{end}"] for end in ("lower", "upper"))
    bounds = interval(t, low, high, "number:1")
    slots: dict[str, Any] = {"value": abs(HUNDRED * orders["adjusted"]), "interval": bounds}
    message = {MORE: "more", LESS: "less"}.get(str(orders["verdict"]), "chance")
    if pd.isna(orders["adjusted_lower"]):
        message = "few"
    columns = ["of", "treated_mean", "control_mean", "adjusted", "interval", "verdict"]
    return blocks.table(
        shown[columns],
        finding=t.of(f"measured.{message}", slots),
        caption=t(
            "measured.caption", treated=int(row["treated"]), control=int(row["control"]),
            n=int(row["customers"]), days=found.waves.before,
        ),
        formats={"interval": [f"interval:{unit}" for unit in units]}
        | dict.fromkeys(("treated_mean", "control_mean", "adjusted"), units),
        names=names_of(report, *columns),
    ).under(t("measured.label")).anchored("measured").in_appendix()  # fmt: skip


@section(part="waves", needs=without("measured"), small=FEW)
def which_campaigns_worked(report: CampaignsReport, found: Evaluation) -> Block:
    """Orders added by each campaign."""
    t = report.t
    table = per_hundred(found.campaigns[found.campaigns["outcome"] == "orders"]).iloc[::-1]
    table = table.reset_index(drop=True).assign(interval=_interval)
    table["campaign"] = [campaign_name(row) for row in table.to_dict("records")]
    clear = table[table["verdict"] == MORE]
    known = table[table["adjusted_lower"].notna()].head(SHOWN)
    if known.empty:
        finding = t("each.few")
    elif len(clear):
        finding = t("each.finding", n=len(clear), of=len(table), name=clear.iloc[0]["campaign"][:40])
    else:
        finding = t("each.none", n=len(table))
    table["verdict"] = [verdict(report, v) for v in table["verdict"]]
    columns = ["campaign", "sent_day", *NUMBERS, "verdict"]
    data = without_constant(table[columns], "verdict")
    formats = {"sent_day": "date:short", "interval": "interval:number:1", **MEANS}
    caption = f"{t('each.caption')} {_still_running(report)}".strip()
    names = names_of(report, *data.columns)
    if known.empty:
        block = blocks.table(data, finding=finding, caption=caption, formats=formats, names=names)
    else:
        chart = figures.intervals(
            known, "campaign", "adjusted", "adjusted_lower", "adjusted_upper", reference=0.0,
            reference_label=t("no_effect"), fmt="number:1",
        )  # fmt: skip
        block = blocks.chart(chart, finding=finding, data=data, caption=caption, formats=formats, names=names)
    return block.under(t("each.label")).anchored("each").in_appendix()


def _still_running(report: CampaignsReport) -> str:
    """The campaign that runs longest yet, as it may be read tonight; empty where none runs."""
    rows = report.running.dropna(subset=["lower"]).head(1).to_dict("records")
    if not rows:
        return ""
    row, t = rows[0], report.t
    bounds = interval(t, HUNDRED * row["lower"], HUNDRED * row["upper"], "number:1")
    slots = {"night": row["night"], "nights": row["nights"], "value": HUNDRED * row["effect"]}
    return t("each.running", name=campaign_name(row), interval=bounds, **slots)


@section(part="waves", needs=without("measured"), small=FEW)
def who_is_moved(report: CampaignsReport, found: Evaluation) -> Block:
    """Orders added in each segment."""
    t = report.t
    table = per_hundred(found.segments[found.segments["outcome"] == "orders"]).reset_index(drop=True)
    table["interval"] = _interval(table)
    table["segment"] = [words.clean(name, 40) for name in table["segment"]]
    known = table[table["adjusted_lower"].notna()]
    most, clear = moved_most(found), int((table["verdict"] == MORE).sum())
    if known.empty:
        finding = t("moved.few")
    elif most is not None:
        name = words.clean(most["segment"], 30)
        finding = t("moved.finding", segment=name, value=HUNDRED * most["adjusted"])
    else:
        finding = t("moved.alike", n=clear) if clear else t("moved.none_shown")
    table["verdict"] = [verdict(report, v) for v in table["verdict"]]
    data = without_constant(table[["segment", *NUMBERS, "verdict"]], "verdict")
    formats = {"interval": "interval:number:1", **MEANS}
    names, caption = names_of(report, *data.columns), t("moved.caption")
    if known.empty:
        block = blocks.table(data, finding=finding, caption=caption, formats=formats, names=names)
    else:
        chart = figures.intervals(
            known, "segment", "adjusted", "adjusted_lower", "adjusted_upper", reference=0.0,
            reference_label=t("no_effect"), fmt="number:1",
        )  # fmt: skip
        block = blocks.chart(chart, finding=finding, data=data, caption=caption, formats=formats, names=names)
    return block.under(t("moved.label")).anchored("moved").in_appendix()


@section(part="waves", needs=without("measured"), small=FEW)
def whom_to_contact_first(report: CampaignsReport, found: Evaluation) -> Block:
    """What contacting the best first would have brought, against contacting by lot."""
    t = report.t
    if found.uplift is None:
        return nothing(report, "ranking")
    curve, money = found.uplift.qini, found.uplift.profit
    table = (curve if money is None else money).curve.iloc[::5].reset_index(drop=True)
    fmt = "number:3" if money is None else report.currency
    table["percent_of_members"] = HUNDRED * table["share"]
    bounds = interval(t, curve.lower, curve.upper, "number:4")
    columns = ["share", "gained", "lower", "upper", "random"]
    pays = found.uplift.pays and may_claim("campaigns.ranking_pays")
    return blocks.chart(
        figures.lines(
            table, "percent_of_members", ["gained", "random"], ("lower", "upper"),
            names=names_of(report, "gained", "random"), context=("random",), x_title=t("ranking.x"), fmt=fmt,
            zero=False,
        ),
        finding=t("ranking.pays" if pays else "ranking.finding_none"),
        data=table[columns],
        caption=t("ranking.caption", qini=curve.coefficient, interval=bounds),
        formats={"share": "percent:0"} | dict.fromkeys(("gained", "lower", "upper", "random"), fmt),
        names=names_of(report, *columns),
    ).under(t("ranking.label")).anchored("ranking").in_appendix()  # fmt: skip


@section(part="waves", needs=without("measured"), small=FEW)
def what_campaigns_earned(report: CampaignsReport, found: Evaluation) -> Block:
    """Margin of each campaign and of all, less contacts and budget, with interval."""
    t = report.t
    if found.profit.empty:
        return nothing(report, "earned")
    table = _less_budget(found)
    names = found.waves.campaigns.set_index("campaign_id")
    table["campaign"] = [
        t("earned.all") if pd.isna(i) else campaign_name({**names.loc[i].to_dict(), "campaign_id": i})
        for i in table["campaign_id"]
    ]
    table["verdict"] = [verdict(report, v) for v in table["verdict"]]
    total = table.iloc[0]
    bounds = interval(t, total["lower"], total["upper"], report.currency)
    shown = total["lower"] > 0 or total["upper"] < 0
    spent = budget_of(found)
    slots = {"value": total["net"], "interval": bounds}
    columns = ["campaign", "treated", "added", "budget", "net", "interval"]
    data = table[columns] if spent else table[columns].drop(columns="budget")
    return blocks.table(
        data,
        finding=t.of("earned.finding" if shown else "earned.chance", slots),
        caption=t("earned.caption"),
        formats={"treated": "count", "interval": f"interval:{report.currency}"}
        | {name: report.currency for name in ("added", "budget", "net") if name in data},
        names=names_of(report, *data.columns) | {"treated": t("column.contacts")},
    ).under(t("earned.label")).anchored("earned").in_appendix()  # fmt: skip


def _less_budget(found: Evaluation) -> pd.DataFrame:
    """All campaigns first, then the newest: what they added, and what is left of it after their budget."""
    table = found.profit
    if len(table) > 1:
        table = pd.concat([table.iloc[:1], table.iloc[:0:-1]])
    spent = table["budget"].astype("float64").fillna(0.0)
    return table.assign(
        added=table["total"],
        net=table["total"] - spent,
        lower=table["total_lower"] - spent,
        upper=table["total_upper"] - spent,
        interval=blocks.together(table["total_lower"] - spent, table["total_upper"] - spent),
    ).reset_index(drop=True)


@section(part="waves", needs=without("measured"), small=FEW)
def were_the_arms_alike(report: CampaignsReport, found: Evaluation) -> Block:
    """Arms that do not fit their plan; one sentence where all do."""
    t = report.t
    odd = found.balance[found.balance["verdict"] != AS_PLANNED]
    left = int(found.waves.left_out["members"].sum()) if len(found.waves.left_out) else 0
    if odd.empty:
        n = len(found.waves.campaigns)
        note = blocks.note(t("arms.fit", n=n), t("arms.fit_why", days=found.waves.before, left=left))
        return note.under(t("arms.label")).anchored("arms").in_appendix()
    names = found.waves.campaigns.set_index("campaign_id")
    shown = pd.DataFrame(
        {
            "campaign": [
                t("earned.all") if pd.isna(i) else campaign_name({**names.loc[i].to_dict(), "campaign_id": i})
                for i in odd["campaign_id"]
            ],
            "treated": odd["treated"],
            "control": odd["control"],
            "control_share": odd["control_share"],
            "planned_share": odd["planned_share"],
            "before": blocks.together(odd["orders_before_lower"], odd["orders_before_upper"]),
            "verdict": [t("arms.differed" if v == DIFFERED else "arms.mismatch") for v in odd["verdict"]],
        }
    ).reset_index(drop=True)
    return blocks.table(
        shown,
        finding=t("arms.odd", n=len(odd)),
        caption=t("arms.caption", days=found.waves.before, left=left),
        formats=dict.fromkeys(("control_share", "planned_share"), "percent")
        | {"before": "interval:number:2"},
        names=names_of(report, *shown.columns),
    ).under(t("arms.label")).anchored("arms").in_appendix()  # fmt: skip
