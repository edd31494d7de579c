"""Who will fall silent, how well that was predicted last time, and what contacting them would bring."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses.churn import WORDS
from crm_analytics.analyses.churn.measures import measures
from crm_analytics.analyses.churn.measures.grades import Grade
from crm_analytics.analyses.churn.silence import GONE
from crm_analytics.analyses.churn.training import Churn
from crm_analytics.analyses.evidence import may_claim
from crm_analytics.pages import blocks, figures
from crm_analytics.reports.churn.first_screen import tested
from crm_analytics.reports.churn.placement import FEW, names_of, nothing, without
from crm_analytics.reports.churn.report import ChurnReport
from crm_analytics.reports.churn.saving import FALLING
from crm_analytics.reports.shared.customer_lists import list_of
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import interval

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block

TOP = 10  # customers on the page; the whole list stands beside it
BLIND = 0.2  # of those who fall silent, what a fifth of the customers holds that was drawn by lot


@section(part="trained", needs=without("none"), small=FEW)
def who_will_leave(report: ChurnReport, trained: Churn) -> Block:
    """Active customers by their chance to fall silent, and those who are no longer active."""
    assert report.risks is not None
    t = report.t
    table = report.risks.assign(risk=[t(f"band.{name}") for name in report.risks["risk"]])
    gone = report.risks["risk"] == GONE
    table[["leaving", "value"]] = table[["leaving", "value"]].mask(gone)
    high = table.iloc[0]
    n, money = int(high["customers"]), float(high["value"])
    finding = t("who.finding_none")
    if not trained.tells:
        finding = t("who.finding_untold")
    elif n:
        finding = t("who.finding", n=n, money=money, days=trained.window)
    columns = ["risk", "customers", "leaving", "value"]
    return blocks.chart(
        figures.bars(table, "risk", "customers", highlight=[high["risk"]], fmt="count"),
        finding=finding,
        data=table[columns],
        caption=t("who.caption", days=trained.window, day=report.base.day),
        formats={"leaving": "count", "value": report.currency},
        names=names_of(report, *columns),
    ).under(t("who.label")).anchored("who")  # fmt: skip


@section(part="trained", needs=without("none"), small=FEW)
def whom_to_save_first(report: ChurnReport, trained: Churn) -> Block:
    """The first of the list: active customers who will probably fall silent, by what they may still bring."""
    t = report.t
    action = next((one for one in report.own_actions if one.id == FALLING), None)
    if action is None:
        return nothing(report, "first", t("first.none_why" if trained.tells else "first.untold_why"))
    rows = list_of(report.base, action, report.show_customers)
    if "reason" in rows:
        rows["reason"] = [_reason(report, text) for text in rows["reason"]]
    columns = [n for n in ("customer", "silence_days", "probability", "value_to_come", "reason") if n in rows]
    return blocks.table(
        rows[columns].head(TOP),
        finding=t("first.finding", n=min(TOP, len(rows)), all=len(rows)),
        caption=t("first.caption"),
        formats={"probability": "percent:0", "value_to_come": report.currency},
        names=names_of(report, *columns),
    ).under(t("first.label")).anchored("first").in_appendix()  # fmt: skip


def _reason(report: ChurnReport, text: object) -> str:
    """A reason in the language of the page; scores give it in English words."""
    for name, said in WORDS.items():
        if text == said:
            return report.feature(name)
    return report.t("unknown") if not isinstance(text, str) or not text else str(text)


@section(small=FEW)
def what_contacting_brings(report: ChurnReport) -> Block:
    """The margin that each action can still bring, with its interval."""
    t = report.t
    priced = [one for one in report.own_actions if one.expected is not None]
    if not priced:
        return nothing(report, "contacting")
    rows = [
        {
            "group": t(f"group.{one.id}"), "customers": one.customers, "expected": one.expected.value,
            "interval": (one.expected.lower, one.expected.upper),
            "verdict": t(f"evidence.{one.evidence.name.lower()}"),
        }
        for one in priced if one.expected is not None
    ]  # fmt: skip
    best = priced[0]
    assert best.expected is not None
    bounds = interval(t, best.expected.lower, best.expected.upper, report.currency)
    message = "contacting.chance"
    if best.evidence.is_news and best.expected.value > 0:
        message = "contacting.shown"
    what = "revenue" if best.expected.without else "margin"
    finding = t.of(message, {"value": best.expected.value, "interval": bounds, "what": what})
    names = names_of(report, "group", "customers", "expected", "interval", "verdict")
    if best.expected.without:
        names["expected"] = t("column.expected_revenue")
    columns = ["group", "customers", "expected", "interval", "verdict"]
    return blocks.table(
        pd.DataFrame(rows)[columns],
        finding=finding,
        caption=t("contacting.caption_revenue" if best.expected.without else "contacting.caption"),
        formats={"expected": report.currency, "interval": f"interval:{report.currency}"},
        names=names,
    ).under(t("contacting.label")).anchored("contacting").in_appendix()  # fmt: skip


@section(part="trained", needs=without("none"), small=FEW)
def how_well_it_did(report: ChurnReport, trained: Churn) -> Block:
    """Every method on the window nobody had seen."""
    t = report.t
    last = trained.evidence[trained.evidence["until"] == trained.held_out.until]
    table = last.sort_values("auc", ascending=False, kind="stable").reset_index(drop=True)
    used = t("used")
    shown = pd.DataFrame(
        {
            "method": [report.way_called(m) for m in table["method"]],
            "auc": _with(table, "auc"),
            "average_precision": _with(table, "average_precision"),
            "top_decile_lift": _with(table, "top_decile_lift"),
            "brier": _with(table, "brier"),
            "used": [used if m == trained.method else "" for m in table["method"]],
        }
    )
    row, held = last.iloc[0], trained.held_out
    seen = {"asked": held.day, "n": int(row["n"]), "left": int(row["left"]), "until": held.until}
    return blocks.table(
        shown,
        finding=_compared(report, trained.grade),
        caption=t.of("did.caption" if tested(trained) else "did.caption_untested", seen),
        formats=dict.fromkeys(("auc", "average_precision", "brier"), "estimate:number:3")
        | {"top_decile_lift": "estimate:number:1"},
        names=names_of(report, *shown.columns),
    ).under(t("did.label")).anchored("did").in_appendix()  # fmt: skip


def _compared(report: ChurnReport, grade: Grade | None) -> str:
    """The model against days of silence alone: better only where the interval of what it finds says so."""
    t = report.t
    if grade is None:
        return t("did.rule")
    if grade.lower > grade.baseline and may_claim("churn.grade"):
        bounds = interval(t, grade.lower, grade.upper, "percent:0")
        return t("did.better", share=grade.churner_accuracy, interval=bounds, rule=grade.baseline)
    return t("did.not_better")


def _with(table: pd.DataFrame, name: str) -> pd.Series:
    """A measure with its interval."""
    return blocks.together(table[name], table[f"{name}_lower"], table[f"{name}_upper"])


@section(part="trained", needs=without("none"), small=FEW)
def does_it_say_what_comes(report: ChurnReport, trained: Churn) -> Block:
    """Chance predicted against share that fell silent."""
    t, held = report.t, trained.held_out
    table = measures.calibration(held.left, held.score)
    error = measures.calibration_error(held.left, held.score)
    off = (table["predicted"] < table["lower"]) | (table["predicted"] > table["upper"])
    slots = {"said": float(held.score.mean()), "came": float(held.left.mean())}
    fits = error.lower <= 0 <= error.upper
    way = {} if fits else {"way": "high" if error.value < 0 else "low"}
    columns = ["predicted", "left_share", "interval"]
    shown = table.assign(interval=blocks.together(table["lower"], table["upper"]))
    caption = t("comes.caption", off=int(off.sum()), of=len(table), n=len(held.left), day=held.day)
    return blocks.chart(
        figures.lines(
            table.assign(predicted_percent=100 * table["predicted"]), "predicted_percent",
            ["left_share", "predicted"], ("lower", "upper"),
            names=names_of(report, "left_share", "predicted"), context=["predicted"],
            x_title=t("comes.x"), fmt="percent:0",
        ),
        finding=t.of("comes.fits" if fits else "comes.off", slots | way),
        data=shown[columns],
        caption=caption,
        formats=dict.fromkeys(("predicted", "left_share"), "percent:0") | {"interval": "interval:percent:0"},
        names=names_of(report, *columns),
    ).under(t("comes.label")).anchored("tested").in_appendix()  # fmt: skip


@section(part="trained", needs=without("none"), small=FEW)
def how_many_it_finds(report: ChurnReport, trained: Churn) -> Block:
    """Share of those who fell silent among the customers with the highest chance."""
    t, held = report.t, trained.held_out
    table = measures.gains(held.left, held.score)
    start = pd.DataFrame({c: [0.0] for c in table.columns})
    whole = pd.concat([start.assign(lift=float("nan")), table], ignore_index=True)
    whole["blindly"] = whole["customers_share"]
    whole["percent_of_customers"] = 100 * whole["customers_share"]
    fifth = table[table["customers_share"].round(2) == BLIND].iloc[0]
    bounds = interval(t, fifth["lower"], fifth["upper"], "percent:0")
    finds = fifth["lower"] > BLIND
    finding = (
        t("finds.finding", share=fifth["leavers_share"], interval=bounds)
        if finds
        else t("finds.finding_none")
    )
    columns = ["customers_share", "leavers_share", "lower", "upper", "blindly"]
    return blocks.chart(
        figures.lines(
            whole, "percent_of_customers", ["leavers_share", "blindly"], ("lower", "upper"),
            names=names_of(report, "leavers_share", "blindly"), context=("blindly",), x_title=t("finds.x"),
            fmt="percent:0",
        ),
        finding=finding,
        data=whole.loc[1:, columns],
        caption=t("finds.caption" if tested(trained) else "finds.caption_untested"),
        formats=dict.fromkeys(columns, "percent:0"),
        names=names_of(report, *columns),
    ).under(t("finds.label")).anchored("finds").in_appendix()  # fmt: skip
