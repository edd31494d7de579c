"""How the churn report was made, and its numbers for machines."""

from __future__ import annotations

from crm_analytics.analyses.churn.training import Churn
from crm_analytics.pages import blocks, words
from crm_analytics.pages.blocks import Block
from crm_analytics.reports.churn.expected_leavers import expected, tested
from crm_analytics.reports.churn.report import ChurnReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.null_worlds import TITLE, wrong
from crm_analytics.reports.shared.section import section


@section(small=small_form.method)
def method(report: ChurnReport) -> Block:
    """What leaving is, how the model was learnt and judged, what is assumed."""
    items = report.method
    trained, told = report.trained, report.definition
    if told is not None:
        items["Leaving"] = f"{told.why}. Whoever stays away for that long counts as gone, and may come back."
    if trained is not None:
        items["Windows"] = _windows(trained)
        items["Expected"] = """The sum of the chances; the range goes as far to either side as the sum was
            off a customer in a window before, for which way it errs changes with the season."""
        items["Model"] = f"{trained.model.card().words}." if trained.model else f"{trained.rule.words}."
        items["Grade"] = """A: half of the predictions right and at least 10 points more leavers called than
            by the best recency rule; B: more than the rule; C: no better (as in Dynamics 365), or the AUC's
            95 % interval holds chance."""
        items["List"] = """Customers are named to be contacted only where the scores are shown to tell
            leavers, those named left more often than all, and the profit's interval lies above zero. More
            than half of the customers are a mailing and no list."""
        items["Money"] = f"""Neslin et al. (2006), equation 1. {words.percent(report.terms.success, 0)} of
            the leavers contacted are taken to stay, at {report.money(report.terms.contact_cost)} a
            contact and {report.money(report.terms.incentive_cost)} an incentive taken. Who is likeliest
            to leave need not be who is easiest to keep (Ascarza 2018): a control group tells."""
        if trained.model is not None and trained.model.card().warnings:
            items["Note"] = " ".join(
                w if w.endswith((".", "?")) else f"{w}." for w in trained.model.card().warnings
            )
    items[TITLE] = wrong("churn")
    items["Not in here"] = (
        "What leavers would have bought later, costs to win new ones, and why people leave."
    )
    return blocks.method(items)


def _windows(trained: Churn) -> str:
    how = "a learner is chosen on one window, judged on the next, then fitted on all"
    if not tested(trained):
        how = "the rule is held against the window it was learnt from, as no other is over"
    return f"""{words.plural(len(trained.windows), "window")} of {words.plural(trained.window, "day")}, the
        last from {words.date(trained.held_out.day)}. Features are those known on the day a window begins,
        late facts left out; {how}. Only customers still there are learnt from and judged."""


@section(small=small_form.record)
def record(report: ChurnReport) -> Block:
    """The key numbers, for machines and for tests."""
    facts = report.facts
    trained = report.trained
    if trained is not None:
        leavers = expected(report, trained)
        facts |= {
            "window": trained.window,
            "method": trained.method,
            "here": leavers.here,
            "expected_to_leave": round(leavers.many, 2),
            "expected_to_leave_lower": round(leavers.low, 2),
            "expected_to_leave_upper": round(leavers.high, 2),
            "value_at_risk": round(leavers.money, 2),
        }
        last = trained.evidence[trained.evidence["until"] == trained.held_out.until]
        row = last[last["method"] == trained.method].iloc[0]
        facts |= {f"auc{end}": float(row[f"auc{end}"]) for end in ("", "_lower", "_upper")}
        if trained.grade is not None:
            facts["grade"] = trained.grade.letter
    if report.profit is not None:
        best = report.profit.best
        facts |= {"contacts": int(best["customers"]), "profit": float(best["profit"])}
        facts |= {"profit_lower": float(best["lower"]), "profit_upper": float(best["upper"])}
    return blocks.record(**facts)
