"""Why customers leave, when, and for whom the model errs."""

from __future__ import annotations

import pandas as pd

from crm_analytics.analyses import churn
from crm_analytics.analyses.churn.survival.complaints import AfterComplaint
from crm_analytics.analyses.churn.training import Churn, Definition
from crm_analytics.pages import blocks, figures, words
from crm_analytics.pages.blocks import Block
from crm_analytics.reports.churn.report import FEW, UNTOLD, ChurnReport
from crm_analytics.reports.shared.section import section

SHOWN = 8


@section(part="trained", needs=UNTOLD, small=FEW)
def what_tells_leavers(report: ChurnReport, trained: Churn) -> Block:
    """What the model goes by: AUC lost when a feature is shuffled."""
    table = report.reasons
    if table is None:
        return blocks.note("What tells leavers is not known", f"The recency rule: {trained.rule.words}.")
    named = table.assign(
        feature=[churn.WORDS.get(f, f) for f in table["feature"]],
        interval=blocks.together(table["lower"], table["upper"]),
    )
    clear = named[named["lower"] > 0]["feature"].tolist() if trained.tells else []
    finding = (
        f"Leavers are told by {words.listing(clear[:3])}"
        if clear
        else "No single thing is shown to tell leavers from stayers"
    )
    return blocks.chart(
        figures.intervals(
            named.head(SHOWN), "feature", "auc_lost", "lower", "upper", reference=0.0,
            reference_label="tells nothing", fmt="number:3",
        ),
        finding=finding,
        data=named[["feature", "auc_lost", "interval"]],
        caption=f"""AUC lost when one thing is shuffled between customers (Breiman 2001), by a model that
            had not seen them; the intervals of all {words.count(len(named))} things hold together with 95 %.
            Things that say the same share what they are worth. It tells what the model goes by, not what
            makes people leave.""",
        formats={"auc_lost": "number:3", "interval": "interval:number:3"},
    )  # fmt: skip


@section("How the chance depends on it", part="trained", needs=UNTOLD, small=FEW)
def how_it_depends(report: ChurnReport, trained: Churn) -> Block:
    """Mean chance to leave along what tells most."""
    if report.reasons is None or trained.model is None:
        bands = trained.rule.bands
        return blocks.table(
            bands,
            finding=f"By the rule: {trained.rule.words}",
            caption="Share who left by days since the last purchase.",
            formats={"probability": "percent:0"},
        )
    if not (trained.tells and report.reasons["lower"].iloc[0] > 0):
        return blocks.note(
            "How the chance to leave depends on anything cannot be told",
            "No single thing is shown to tell leavers from stayers.",
        )
    feature = str(report.reasons["feature"].iloc[0])
    table = churn.partial_dependence(trained.model, trained.held_out.frame, feature)
    said = churn.WORDS.get(feature, feature)
    if len(table) < 2 or not pd.api.types.is_numeric_dtype(table["value"]):
        return blocks.table(
            table, finding=f"The chance to leave by {said}", formats={"churn_probability": "percent:0"}
        )
    first, last = table.iloc[0], table.iloc[-1]
    way = "rises" if last["churn_probability"] > first["churn_probability"] else "falls"
    return blocks.chart(
        figures.lines(
            table, "value", ["churn_probability"], ("lower", "upper"),
            names={"churn_probability": "chance"}, x_title=said, fmt="percent:0",
        ),
        finding=f"The chance to leave {way} from {words.percent(first['churn_probability'], 0)} to "
        f"{words.percent(last['churn_probability'], 0)} with {said}",
        data=table,
        caption="""Mean chance if every customer had that value and kept all others (Friedman 2001). Band:
            the middle 80 % of the customers, not how sure the model is.""",
        formats={"value": "number:1"}
        | dict.fromkeys(("churn_probability", "lower", "upper"), "percent:0"),
    )  # fmt: skip


@section(part="definition", needs="When somebody is gone cannot be told yet")
def when_somebody_is_gone(report: ChurnReport, told: Definition) -> Block:
    """How long customers stay away before they come back."""
    window = report.trained.window if report.trained else told.window
    table = told.table
    within = table[table["days"] <= window].iloc[-1] if (table["days"] <= window).any() else table.iloc[0]
    return blocks.chart(
        figures.lines(
            table, "days", ["still_away"], ("lower", "upper"), names={"still_away": "still away"},
            mark=window, mark_label=f"{window} days", x_title="days since the last purchase", fmt="percent:0",
        ),
        finding=f"Who has not come back after {words.plural(window, 'day')} seldom does: "
        f"{words.percent(float(within['share_within']), 0)} of all returns came sooner",
        data=table,
        caption=f"""{told.why[:1].upper()}{told.why[1:]}. Still away: share of all silences that last longer,
            those still open counted in (Kaplan-Meier, 95 %).""",
        formats=dict.fromkeys(("share_within", "still_away", "lower", "upper"), "percent"),
    )  # fmt: skip


@section("What a complaint does", part="complaint", needs="What a complaint does is not known")
def what_a_complaint_does(report: ChurnReport, found: AfterComplaint) -> Block:
    """Leaving after a first complaint against before."""
    table = found.purchases.rename(columns={"kind": "purchases_that_were", "last": "were_the_last"})
    return blocks.table(
        table,
        finding=found.words.rstrip("."),
        caption=f"""Cox regression: from the purchase complained of on against before it, among customers
            with as many purchases in their first {found.pace} days. Below: after how many such purchases
            nothing more was bought. No experiment: whatever else brings complaints and leaving together
            is in the ratio.""",
        formats=dict.fromkeys(("share", "lower", "upper"), "percent"),
    )


@section("Does it err for some more than for others", part="trained", needs=UNTOLD, small=FEW)
def who_is_misjudged(report: ChurnReport, trained: Churn) -> Block:
    """Calibration and AUC by region, age and the like."""
    if report.groups is None:
        return blocks.note("Whether some are misjudged cannot be told", report.why("groups"))
    table = report.groups.table
    shown = pd.DataFrame(
        {
            "attribute": table["attribute"].str.replace("_", " "),
            "group": table["group"],
            "customers": table["n"],
            "left": table["left_share"],
            "said": table["predicted"],
            "more_than_said": blocks.together(table["lower"], table["upper"]),
            "auc": table["auc"],
            "verdict": table["how"].where(table["differs"], ""),
        }
    )
    if not table["differs"].any():
        shown = shown.drop(columns="verdict")
    order = table["differs"].astype(int).sort_values(ascending=False, kind="stable").index
    return blocks.table(
        shown.loc[order].reset_index(drop=True),
        finding=report.groups.words.rstrip("."),
        caption=f"""Against all other customers, corrected for {report.groups.tested} comparisons (Holm
            1979). Groups of fewer than {report.groups.minimum} customers are among the others.""",
        formats={"left": "percent:0", "said": "percent:0", "more_than_said": "interval:percent:0"}
        | {"auc": "number:2"},
    )
