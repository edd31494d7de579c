"""What goes with falling silent, who comes back, and for whom the model errs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crm_analytics.analyses.churn.measures.subgroups import UNKNOWN
from crm_analytics.analyses.churn.survival.complaints import FIRST, AfterComplaint
from crm_analytics.analyses.churn.training import Churn
from crm_analytics.analyses.disclosure import OTHERS
from crm_analytics.analyses.drivers.leaving import PACE
from crm_analytics.analyses.evidence import told
from crm_analytics.pages import blocks, figures, words
from crm_analytics.reports.churn.first_screen import back_curve, faster_words
from crm_analytics.reports.churn.placement import FEW, names_of, nothing, without
from crm_analytics.reports.churn.report import ChurnReport
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import interval

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block

SHOWN = 8
MOST_GROUPS = 12
POINTS = 24  # of the return curve


@section(part="trained", needs=without("none"), small=FEW)
def what_tells_leavers(report: ChurnReport, trained: Churn) -> Block:
    """What the model goes by: AUC lost when a feature is shuffled."""
    t, table = report.t, trained.reasons
    if table is None:
        return nothing(report, "marks", t("marks.rule_why", days=trained.rule.cut_days))
    named = table.assign(
        feature=[words.clean(report.feature(f), 60) for f in table["feature"]],
        interval=blocks.together(table["lower"], table["upper"]),
    )
    clear = named[told(named["lower"] > 0, "churn.signs")]["feature"].tolist() if trained.tells else []
    columns = ["feature", "auc_lost", "interval"]
    return blocks.chart(
        figures.intervals(
            named.head(SHOWN), "feature", "auc_lost", "lower", "upper", reference=0.0,
            reference_label=t("marks.nothing"), fmt="number:3",
        ),
        finding=t("marks.finding", what=clear[0]) if clear else t("marks.finding_none"),
        data=named[columns],
        caption=t("marks.caption", n=len(named)),
        formats={"auc_lost": "number:3", "interval": "interval:number:3"},
        names=names_of(report, *columns),
    ).under(t("marks.label")).anchored("marks").in_appendix()  # fmt: skip


@section(part="trained", needs=without("none"), small=FEW)
def how_it_depends(report: ChurnReport, trained: Churn) -> Block:
    """Mean chance to fall silent along what tells most."""
    t = report.t
    if trained.model is None:
        bands = trained.rule.bands[trained.rule.bands["customers"] > 0].reset_index(drop=True)
        columns = ["from_days", "customers", "leavers", "probability"]
        return blocks.table(
            bands[columns],
            finding=t("depends.rule", days=trained.rule.cut_days),
            caption=t("depends.rule_caption"),
            formats={"probability": "percent:0"},
            names=names_of(report, *columns),
        ).under(t("depends.label")).anchored("depends").in_appendix()  # fmt: skip
    if report.dependence is None:
        return nothing(report, "marks", t("marks.none_why"))
    feature, table = report.dependence
    said = words.clean(report.feature(feature), 48)
    columns = ["value", "churn_probability", "lower", "upper"]
    formats = {"value": "number:1"} | dict.fromkeys(columns[1:], "percent:0")
    names = names_of(report, *columns[1:]) | {"value": said}
    if len(table) < 2 or not pd.api.types.is_numeric_dtype(table["value"]):
        block = blocks.table(
            table[columns], finding=t("depends.by", what=said), formats=formats | {"value": "auto"},
            names=names,
        )  # fmt: skip
        return block.under(t("depends.label")).anchored("depends").in_appendix()
    first, last = (float(table["churn_probability"].iloc[k]) for k in (0, -1))
    way = "up" if last > first else "down"
    return blocks.chart(
        figures.lines(
            table, "value", ["churn_probability"], ("lower", "upper"),
            names={"churn_probability": t("depends.name")}, x_title=said, fmt="percent:0",
        ),
        finding=t("depends.finding", way=way, first=first, last=last, what=said),
        data=table[columns],
        caption=t("depends.caption"),
        formats=formats,
        names=names,
    ).under(t("depends.label")).anchored("depends").in_appendix()  # fmt: skip


@section(small=FEW)
def when_somebody_is_gone(report: ChurnReport) -> Block:
    """How many come back within a year, by how long they were silent."""
    t, found = report.t, report.plan.given.definitions
    curve = back_curve(report)
    if curve is None:
        return nothing(report, "back")
    end = max(2, min(curve.followed, 2 * (found.lapsed_days or curve.followed)))
    days = np.unique(np.linspace(1, end, POINTS).astype(int))
    frame = pd.DataFrame({"silence_days": days, "back": curve.back_within(days)})
    if found.at_risk_days is None:
        finding = t("back.finding_plain", days=int(days[-1]), share=float(frame["back"].iloc[-1]))
    else:
        finding = t("back.finding", days=found.at_risk_days, share=found.at_risk_share)
    return blocks.chart(
        figures.lines(
            frame, "silence_days", ["back"], names={"back": t("back.name")}, mark=found.at_risk_days,
            mark_label=t("back.mark") if found.at_risk_days is not None else "", x_title=t("back.x"),
            fmt="percent:0",
        ),
        finding=finding,
        data=frame,
        caption=t("back.caption_far" if found.extrapolated else "back.caption", gaps=curve.gaps),
        formats={"back": "percent:0"},
        names=names_of(report, "silence_days", "back"),
    ).under(t("back.label")).anchored("back").in_appendix()  # fmt: skip


@section(part="complaint", needs=without("complaint"), small=FEW)
def what_a_complaint_does(report: ChurnReport, found: AfterComplaint) -> Block:
    """Lapsing after a first complaint against before; the table counts what the sentence is about."""
    t, row = report.t, found.hazards.table.iloc[0]
    table = found.spells.assign(
        complained=[
            t("complaint.after" if one else "complaint.before") for one in found.spells["complained"]
        ],
        left_per_year=365 * found.spells["left"] / found.spells["days"].where(found.spells["days"] > 0),
    )
    bounds = interval(t, row["lower"], row["upper"], "number:1")
    shown = not row["lower"] <= 1 <= row["upper"]
    last = found.purchases[found.purchases["kind"] == FIRST].iloc[0]
    message = "complaint.finding" if shown else "complaint.finding_chance"
    columns = ["complained", "customers", "left", "left_per_year"]
    return blocks.table(
        table[columns],
        finding=t.of(message, {"times": row["hazard_ratio"], "interval": bounds}),
        caption=t.of(
            "complaint.caption" if found.back == found.back else "complaint.caption_plain",  # NaN: not known
            {"days": found.window, "pace": found.pace, "back": found.back, "n": int(last["last"]),
             "of": int(last["purchases"])},
        ),
        formats={"left_per_year": "number:2"},
        names=names_of(report, *columns),
    ).under(t("complaint.label")).anchored("complaint").in_appendix()  # fmt: skip


@section(part="faster", needs=without("faster"), small=FEW)
def who_lapses_faster(report: ChurnReport, table: pd.DataFrame) -> Block:
    """Lapsing by account manager, source, region, type and first product, against all others."""
    t = report.t
    shown = table.head(MOST_GROUPS).assign(interval=blocks.together(table["lower"], table["upper"]))
    shown["group"] = [
        t("faster.group", attribute=report.attribute(a), group=words.clean(g, 40))
        for a, g in zip(shown["attribute"], shown["group"], strict=True)
    ]
    clear = bool(told(table["clear"], "churn.group_lapses_faster").any())
    finding = t("faster.finding_none", n=len(table))
    if clear:
        finding = faster_words(report, table, "faster.finding")
    columns = ["group", "customers", "left", "expected", "ratio", "interval"]
    return blocks.chart(
        figures.intervals(
            shown, "group", "ratio", "lower", "upper", reference=1.0,
            reference_label=t("faster.others"), fmt="number:1",
        ),
        finding=finding,
        data=shown[columns],
        caption=t("faster.caption", pace=PACE, n=len(table)),
        formats={"expected": "number:0", "ratio": "number:2", "interval": "interval:number:2"},
        names=names_of(report, "group", "customers", "interval")
        | {name: t(f"faster.{name}") for name in ("left", "expected", "ratio")},
    ).under(t("faster.label")).anchored("faster").in_appendix()  # fmt: skip


@section(part="trained", needs=without("none"), small=FEW)
def who_is_misjudged(report: ChurnReport, trained: Churn) -> Block:
    """Calibration and AUC by region, age and the like."""
    t = report.t
    if report.groups is None:
        return nothing(report, "groups")
    table = report.groups.table
    own = {OTHERS: t("others"), UNKNOWN: t("group_unknown")}
    shown = pd.DataFrame(
        {
            "attribute": [report.attribute(name) for name in table["attribute"]],
            "group": [own.get(name) or words.clean(name, 40) for name in table["group"]],
            "customers": table["n"],
            "left_share": table["left_share"],
            "predicted": table["predicted"],
            "more_than_said": blocks.together(table["lower"], table["upper"]),
            "auc": table["auc"],
            "verdict": [_verdict(report, how) for how in table["how"].where(table["differs"], "")],
        }
    )
    differs = int(told(table["differs"], "churn.group_misjudged").sum())
    if not differs:
        shown = shown.drop(columns="verdict")
    order = table["differs"].astype(int).sort_values(ascending=False, kind="stable").index
    return blocks.table(
        shown.loc[order].reset_index(drop=True),
        finding=t("groups.finding", n=differs, of=len(table)) if differs else t("groups.finding_none"),
        caption=t("groups.caption", tested=report.groups.tested, minimum=report.groups.minimum),
        formats={"left_share": "percent:0", "predicted": "percent:0", "more_than_said": "interval:percent:0"}
        | {"auc": "number:2"},
        names=names_of(report, *shown.columns),
    ).under(t("groups.label")).anchored("groups").in_appendix()  # fmt: skip


def _verdict(report: ChurnReport, how: object) -> str:
    said = str(how)
    if not said:
        return ""
    for part, message in (("more left", "more"), ("fewer left", "fewer"), ("worse", "worse")):
        if part in said:
            return report.t(f"groups.{message}")
    return report.t("groups.better")
