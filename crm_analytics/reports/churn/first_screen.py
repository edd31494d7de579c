"""The first screen of the churn report: how many will leave, what stands at risk, whom to save, how sure."""

from __future__ import annotations

from typing import Any

from crm_analytics.analyses.churn.measures.measures import calibration_error
from crm_analytics.analyses.churn.training import Churn
from crm_analytics.pages import blocks, words
from crm_analytics.pages.blocks import Block
from crm_analytics.reports.churn.expected_leavers import Expected, expected, tested
from crm_analytics.reports.churn.report import ChurnReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section


@section(small=small_form.headline)
def headline(report: ChurnReport) -> Block:
    """How many of those still here will leave, and the money at risk."""
    trained = report.trained
    if trained is None:
        return blocks.headline("Who will leave cannot be told yet", report.why("trained"))
    leavers = expected(report, trained)
    bounds = words.interval(leavers.low, leavers.high, "count")
    sentence = f"""{words.count(leavers.many)} of {words.plural(leavers.here, "customer")} still here are
        expected to leave within {words.plural(trained.window, "day")} ({bounds}), and
        {report.money(leavers.money)} of sales with them"""
    gone = report.band("gone", "customers")
    lede = f"""Leaving is {words.plural(trained.window, "day")} without a purchase; {words.count(gone)} have
        left already by that. {_last_time(trained)} {_worth(report)}"""
    return blocks.headline(sentence, lede)


def _last_time(trained: Churn) -> str:
    if not tested(trained):
        return "How well that was told before is not known: there is one window only, and it was learnt from."
    held = trained.held_out
    found = calibration_error(held.left, held.score)
    said, came = round(float(held.score.sum())), int(held.left.sum())
    verdict = "fewer than" if found.value < 0 else "more than"
    verdict = "about as many as" if found.lower <= 0 <= found.upper else verdict
    told = "The recency rule" if trained.model is None else "The same model"
    return f"""{told}, asked on {words.date(held.day)}, expected {words.count(said)} of
        {words.count(len(held.left))} to leave; {words.count(came)} did, {verdict} it said."""


def _worth(report: ChurnReport) -> str:
    curve = report.profit
    if curve is None:
        return ""
    best = curve.best
    bounds = words.interval(best["lower"], best["upper"], report.currency)
    if not report.advice:
        if report.trained is not None and not report.trained.tells:
            return (
                "The scores are not shown to tell leavers from stayers, so nobody is named to be contacted."
            )
        return "By what is assumed of cost and success, no campaign to keep them is shown to pay."
    if report.advice == "mailing":
        return f"""By what is assumed, contacting most customers ({words.percent(best["customers_share"], 0)})
            would pay: that is a mailing to all, and no list."""
    return f"""Contacting the {words.count(best["customers"])} {report.whom} would bring
        {report.money(best["profit"])} ({bounds}), if {words.percent(report.terms.success, 0)} of the
        leavers among them can be kept."""


@section(small=small_form.kpis)
def kpis(report: ChurnReport) -> Block:
    """Leavers, money at risk, what contacting brings, how good the forecast was."""
    trained = report.trained
    if trained is None:
        counts = report.base.counts
        return blocks.kpis(blocks.kpi("Customers", words.count(counts["customers"]), note="no forecast yet"))
    leavers = expected(report, trained)
    here = leavers.here
    change, way = "", ""
    if report.earlier is not None:
        day, then = report.earlier
        change = f"{words.change(here, then)} since {words.date(day)}"
        way = words.direction(here, then)
    items = [
        blocks.kpi("Still here", words.count(here), change, _to_leave(leavers), way),
        blocks.kpi(
            "Sales at risk", report.money(leavers.money),
            note=f"of {report.money(report.there['value'].sum())} in the last {trained.window} days",
        ),
    ]  # fmt: skip
    if report.profit is not None and report.advice == "list":
        best = report.profit.best
        bounds = words.interval(best["lower"], best["upper"], report.currency)
        items.append(
            blocks.kpi(
                "Contacting the best brings", report.money(best["profit"]),
                note=f"{words.count(best['customers'])} customers; {bounds}",
            )
        )  # fmt: skip
    row = _row(trained, trained.method)
    bounds = words.interval(row["auc_lower"], row["auc_upper"], "number:2")
    seen = "" if tested(trained) else ", on those learnt from"
    grade = f"grade {trained.grade.letter}; " if trained.grade else "recency rule; "
    items.append(
        blocks.kpi(
            "Leavers told from stayers",
            words.number(row["auc"], 2),
            note=f"{grade}AUC {bounds}, .5 is chance{seen}",
        )
    )
    return blocks.kpis(*items)


def _to_leave(leavers: Expected) -> str:
    """How many of those here leave, in a note."""
    share = words.percent(leavers.many / leavers.here, 0) if leavers.here else "–"
    bounds = words.interval(leavers.low, leavers.high, "count")
    return f"{words.count(leavers.many)} ({share}) to leave, {bounds} if it is as far off as before"


def _row(trained: Churn, method: str) -> dict[Any, Any]:
    """How a method did on the held-out window."""
    last = trained.evidence[trained.evidence["until"] == trained.held_out.until]
    rows = last[last["method"] == method].to_dict("records")
    return rows[0] if rows else {}


@section(small=small_form.thanks)
def actions(report: ChurnReport) -> Block:
    """Whom to contact, what to mend, what not to believe."""
    trained = report.trained
    if trained is None:
        return blocks.actions(blocks.action("Collect more history.", report.why("trained"), "data team"))
    items = []
    if report.profit is not None and report.advice == "list":
        best = report.profit.best
        items.append(
            blocks.action(
                f"Contact the {words.count(best['customers'])} customers {report.whom}.",
                "Hold one in ten back at random: then the next report measures what is assumed here. The "
                "data team can have the list written every week.",
                "marketing",
                expected_value=report.money(best["profit"]),
            )
        )
    if report.complaint is not None:
        row = report.complaint.hazards.table.iloc[0]
        if row["lower"] > 1:
            items.append(
                blocks.action("Answer complaints before anything else.", report.complaint.words, "service")
            )
    if trained.model is None:
        items.append(
            blocks.action("Do not read a model into this.", f"{'; '.join(trained.unmet)}.", "data team")
        )
    elif trained.grade is not None and trained.grade.letter == "C":
        items.append(
            blocks.action(
                "Go by the recency rule.", f"The model is no better: {trained.grade.words}.", "marketing"
            )
        )
    if report.groups is not None and report.groups.table["differs"].any():
        items.append(blocks.action("Look at the groups it misjudges.", report.groups.words, "data team"))
    if not items:
        items.append(
            blocks.action(
                "Hold a test with a control group.", "What keeping costs and brings is assumed.", "marketing"
            )
        )
    return blocks.actions(*items[:4])
