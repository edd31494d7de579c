"""Who will leave, how well that was told last time, and what contacting them would bring."""

from __future__ import annotations

import pandas as pd

from crm_analytics.analyses.churn.measures import measures
from crm_analytics.analyses.churn.training import Churn
from crm_analytics.pages import blocks, figures, words
from crm_analytics.pages.blocks import Block
from crm_analytics.reports.churn.expected_leavers import tested
from crm_analytics.reports.churn.report import FEW, UNTOLD, ChurnReport
from crm_analytics.reports.shared.section import section

TOP = 12
BANDS = {
    "high": "70 % or more",
    "medium": "30 to 70 %",
    "low": "below 30 %",
    "gone": "left already",
}


@section(part="trained", needs=UNTOLD, small=FEW)
def who_will_leave(report: ChurnReport, trained: Churn) -> Block:
    """Customers and money by risk."""
    table = report.risks.assign(risk=[BANDS[r] for r in report.risks["risk"]])
    finding = f"""{words.plural(report.band("high", "customers"), "customer")} are likely to leave; they
        bought for {report.money(report.band("high", "value"))} in the last
        {words.plural(trained.window, "day")}"""
    return blocks.chart(
        figures.bars(table, "risk", "customers", highlight=[BANDS["high"]], fmt="count"),
        finding=finding,
        data=table,
        caption=f"Chance of no purchase in the {words.plural(trained.window, 'day')} after "
        f"{words.date(report.base.day)}, by {_called(trained)}. Value: what they bought in as many days "
        "before; value at risk: that times the chance.",
        formats={"leaving": "count", "value": report.currency, "value_at_risk": report.currency},
    )


def _called(trained: Churn) -> str:
    return "the recency rule" if trained.model is None else f"the {trained.method} model"


@section("Whom to save first", part="trained", needs=UNTOLD, small=FEW)
def whom_to_save_first(report: ChurnReport, trained: Churn) -> Block:
    """Those with most at risk, and why."""
    assert report.scored is not None
    rows = report.scored.filter(report.scored.churn_probability.notnull())
    found = report.base.collect(rows.order_by([rows.value_at_risk.desc(), "customer_id"]).limit(TOP))
    shown = pd.DataFrame(
        {
            "customer": report.called(found["customer_id"]),
            "chance": found["churn_probability"],
            "value": found["value"],
            "at_risk": found["value_at_risk"],
            "why": [
                "; ".join(str(r) for r in row if isinstance(r, str)) or "likely to stay, but buys much"
                for row in found[["reason_1", "reason_2"]].astype("object").to_numpy()
            ],
        }
    )
    total = float(report.there["value_at_risk"].sum())
    part = float(found["value_at_risk"].sum()) / total if total else 0.0
    named = trained.model.card().learner if trained.model is not None else "rule"
    adds = "add up to the score" if named == "logistic" else "are the strongest, and do not add up exactly"
    return blocks.table(
        shown,
        finding=f"The first {len(shown)} carry {words.percent(part, 0)} of the sales at risk",
        caption=f"""Why: what speaks most for leaving, among the
            {words.plural(_explained(report), "customer")} likeliest to leave; such reasons {adds}.""",
        formats={"chance": "percent:0", "value": report.currency, "at_risk": report.currency},
    )


def _explained(report: ChurnReport) -> int:
    assert report.scored is not None
    return int(report.scored.filter(report.scored.reason_1.notnull()).count().to_pyarrow().as_py())


@section("What contacting them would bring", part="trained", needs=UNTOLD, small=FEW)
def what_contacting_brings(report: ChurnReport, trained: Churn) -> Block:
    """Profit by how many are contacted, most at risk first."""
    curve = report.profit
    if curve is None:
        return blocks.note("What contacting would bring is not known", report.why("profit"))
    table = curve.table.iloc[::4].reset_index(drop=True)
    best = curve.best
    bounds = words.interval(best["lower"], best["upper"], report.currency)
    finding = (
        f"Contacting {words.count(best['customers'])} customers would bring {report.money(best['profit'])} "
        f"({bounds})"
        if report.advice == "list"
        else "A mailing to most customers would pay by what is assumed; no list of fewer is better"
        if report.advice == "mailing"
        else "No campaign to keep them is shown to pay"
    )
    terms = report.terms
    return blocks.chart(
        figures.lines(
            table, "customers", ["profit"], ("lower", "upper"), names={"profit": "profit"},
            mark=int(best["customers"]), mark_label="best",
            x_title=f"customers contacted, those {report.whom} first",
            fmt=report.currency, zero=False,
        ),
        finding=finding,
        data=table,
        caption=f"Measured on the {words.plural(curve.n, 'customer')} of the window from "
        f"{words.date(trained.held_out.day)}, scaled to those here now. Assumed: {_assumed(report)}; margin "
        f"{words.percent(terms.margin, 0)} of the sales of {words.plural(trained.window, 'day')} "
        f"({terms.margin_from}). The best point was chosen on these customers; that flatters it by about "
        f"{report.money(curve.optimism)}. Bands: 95 %, customers as the draw.",
        formats={"customers_share": "percent:0", "lift": "number:2", "leavers": "count"}
        | dict.fromkeys(("profit", "lower", "upper"), report.currency),
    )  # fmt: skip


def _assumed(report: ChurnReport) -> str:
    """The terms of saving somebody, in words."""
    terms = report.terms
    gift = f", {report.money(terms.incentive_cost)} an incentive taken" if terms.incentive_cost else ""
    return f"""{report.money(terms.contact_cost)} a contact{gift}; {words.percent(terms.success, 0)} of the
        would-be leavers contacted are kept (until a control group has measured it)"""


@section(part="trained", needs=UNTOLD, small=FEW)
def how_well_it_did(report: ChurnReport, trained: Churn) -> Block:
    """Every method on the window nobody had seen."""
    last = trained.evidence[trained.evidence["until"] == trained.held_out.until]
    table = last.sort_values("auc", ascending=False, kind="stable").reset_index(drop=True)
    shown = pd.DataFrame(
        {
            "method": table["method"],
            "ranking_(AUC)": _with(table, "auc"),
            "average_precision": _with(table, "average_precision"),
            "lift_of_the_top_tenth": _with(table, "top_decile_lift"),
            "brier": _with(table, "brier"),
            "used": ["yes" if m == trained.method else "" for m in table["method"]],
        }
    )
    if trained.grade is not None:
        finding = trained.grade.words
    else:
        finding = f"There is no model, only the recency rule: {'; '.join(trained.unmet)}"
    row = last.iloc[0]
    return blocks.table(
        shown,
        finding=finding.rstrip("."),
        caption=f"Asked on {words.date(trained.held_out.day)} of {words.plural(int(row['n']), 'customer')}, "
        f"{words.count(row['left'])} of whom then left by {words.date(trained.held_out.until)}"
        f"{'; learnt from earlier windows only' if tested(trained) else ''}. AUC: chance that of a leaver "
        "and a stayer the leaver has the higher score. Brier: mean squared error, 0 is perfect. Intervals: "
        f"95 %.{_not_tested(trained)}",
        formats=dict.fromkeys(("ranking_(AUC)", "average_precision", "brier"), "estimate:number:3")
        | {"lift_of_the_top_tenth": "estimate:number:1"},
    )


def _not_tested(trained: Churn) -> str:
    return "" if tested(trained) else " The rule was learnt from these customers: no other window is over."


def _with(table: pd.DataFrame, name: str) -> pd.Series:
    """A measure with its interval."""
    return blocks.together(table[name], table[f"{name}_lower"], table[f"{name}_upper"])


@section("Does it say what comes", part="trained", needs=UNTOLD, small=FEW)
def does_it_say_what_comes(report: ChurnReport, trained: Churn) -> Block:
    """Chance said against share that left."""
    held = trained.held_out
    table = measures.calibration(held.left, held.score)
    error = measures.calibration_error(held.left, held.score)
    off = (table["predicted"] < table["lower"]) | (table["predicted"] > table["upper"])
    said = words.percent(float(held.score.mean()), 0)
    came = words.percent(float(held.left.mean()), 0)
    if error.lower <= 0 <= error.upper:
        finding = f"On the whole it said {said} and {came} left: no more than chance"
    else:
        finding = f"It said {said} and {came} left: it says too {'much' if error.value < 0 else 'little'}"
    shown = table.assign(said=[words.percent(p, 0) for p in table["predicted"]])
    return blocks.chart(
        figures.columns(
            shown, "said", ["left_share", "predicted"], {"left_share": "left", "predicted": "said"},
            x_title="chance said, tenths of the customers", fmt="percent:0",
        ),
        finding=finding,
        data=table,
        caption=f"""{words.count(int(off.sum()))} of {len(table)} groups lie outside their own 95 % interval;
            one in twenty would by chance. {words.plural(len(held.left), 'customer')} of the window from
            {words.date(held.day)}.{_not_tested(trained)}""",
        formats=dict.fromkeys(("predicted", "left_share", "lower", "upper"), "percent"),
    )  # fmt: skip


@section("How many of the leavers it finds", part="trained", needs=UNTOLD, small=FEW)
def how_many_it_finds(report: ChurnReport, trained: Churn) -> Block:
    """Share of the leavers among the customers with the highest scores."""
    held = trained.held_out
    table = measures.gains(held.left, held.score)
    start = pd.DataFrame({c: [0.0] for c in table.columns})
    whole = pd.concat([start.assign(lift=float("nan")), table], ignore_index=True)
    whole["blindly"] = whole["customers_share"]
    fifth = table[table["customers_share"].round(2) == 0.2].iloc[0]
    return blocks.chart(
        figures.lines(
            whole, "customers_share", ["leavers_share", "blindly"], ("lower", "upper"),
            names={"leavers_share": "leavers found", "blindly": "blindly"}, context=("blindly",),
            x_title="share of the customers, highest chance first", fmt="percent:0",
        ),
        finding=f"The fifth with the highest chance holds {words.percent(fifth['leavers_share'], 0)} of the "
        f"leavers ({words.interval(fifth['lower'], fifth['upper'], 'percent:0')})",
        data=whole.iloc[1:],
        caption=f"Band: 95 %, customers as the draw.{_not_tested(trained)}",
        formats=dict.fromkeys(("customers_share", "leavers_share", "lower", "upper", "blindly"), "percent:0")
        | {"lift": "number:2"},
    )  # fmt: skip
