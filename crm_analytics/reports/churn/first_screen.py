"""The manager's layer of the churn report: the news, four numbers, what to do, what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.churn.measures.measures import calibration_error
from crm_analytics.analyses.definitions import return_curve
from crm_analytics.analyses.evidence import Evidence, told
from crm_analytics.errors import NotEnoughData
from crm_analytics.pages import blocks, words
from crm_analytics.reports.churn.placement import FEW
from crm_analytics.reports.churn.report import ChurnReport
from crm_analytics.reports.churn.saving import LIKELY
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import action_of, glossary_of, interval, plain_action, span, tile
from crm_analytics.reports.shared.trends import past_of
from crm_analytics.tables.days import span_of

if TYPE_CHECKING:
    import pandas as pd

    from crm_analytics.analyses.churn.silence import Silence
    from crm_analytics.analyses.churn.training import Churn
    from crm_analytics.pages.blocks import Block

WORDS = (
    "at_risk", "lapsed", "silent", "value_to_come", "margin", "contact_cost", "contact_effect", "change",
)  # fmt: skip
OWN_WORDS = ("fall_silent", "chance")


@section(small=small_form.headline)
def headline(report: ChurnReport) -> Block:
    """How many active customers will fall silent, against a year ago."""
    t, found = report.t, report.silence
    if found is None or not found.customers:
        sentence, why = t("none.headline"), report.why("trained")
        return blocks.headline(sentence, [why, t("none.lede")], language=report.language, title=t("title"))
    return blocks.headline(
        _news(report, found), _lede(report, found), language=report.language, title=t("title")
    )


def _slots(report: ChurnReport, found: Silence) -> dict[str, Any]:
    share = interval(
        report.t, found.lower / found.customers, found.upper / found.customers, "percent:0"
    )  # fmt: skip
    return {
        "n": found.expected, "of": found.customers, "days": found.window, "share": found.share,
        "interval": interval(report.t, found.lower, found.upper, "count"), "interval_share": share,
        "then": found.share_year_ago,
    }  # fmt: skip


def _news(report: ChurnReport, found: Silence) -> str:
    """A share that differs from a year ago is the news; else how many there will be."""
    t, slots = report.t, _slots(report, found)
    if not report.by_words:
        return t.of("headline.other_window", slots)
    if found.evidence.is_news:
        return t.of("headline.shown", slots)
    if found.evidence is Evidence.NOT_TOLD_APART:
        return t.of("headline.steady", slots)
    return t.of("headline.no_year", slots)


def _lede(report: ChurnReport, found: Silence) -> list[str]:
    t, given = report.t, report.plan.given
    said = []
    if report.by_words:
        share = given.definitions.at_risk_share
        said.append(t("lede.silent", days=found.window, share=share))
    else:
        said.append(t("lede.other_window", days=found.window))
    if found.year_ago is not None:
        n, of = found.year_ago
        said.append(t("lede.year_ago", n=n, of=of))
    worth, at_risk = report.kpis["value_at_risk"], report.kpis["customers_at_risk"]
    if worth.value is not None and at_risk.value:
        bounds = interval(t, worth.lower, worth.upper, report.currency)
        ahead = span(t, *span_of(worth.period))
        said.append(t("lede.at_risk", n=at_risk.value, value=worth.value, span=ahead, interval=bounds))
    return said


@section(small=small_form.kpis)
def kpis(report: ChurnReport) -> Block:
    """Active customers, those who will fall silent, those at risk, and what these may still bring."""
    t, found = report.t, report.kpis
    ago = report.plan.given.active_a_year_ago
    active, at_risk = found["customers_active"], found["customers_at_risk"]
    note = ""
    if active.value is not None and active.n:
        note = t("tile.of_customers", share=active.value / active.n, n=active.n)
        if ago is not None:
            note = t("tile.active", share=active.value / active.n, n=active.n, then=ago[0])
    beside = ""
    if at_risk.value is not None and at_risk.n:
        beside = t("tile.of_customers", share=at_risk.value / at_risk.n, n=at_risk.n)
    return blocks.kpis(
        tile(t, active, note, past_of(report)),
        tile(t, found["will_fall_silent"], _silent_note(report), past_of(report)),
        tile(t, at_risk, beside, past_of(report)),
        tile(t, found["value_at_risk"], past=past_of(report)),
    )


def _silent_note(report: ChurnReport) -> str:
    found = report.silence
    if found is None or found.share is None:
        return ""
    slots = _slots(report, found)
    return report.t.of("tile.silent" if found.year_ago is None else "tile.silent_year", slots)


@section(small=small_form.thanks)
def actions(report: ChurnReport) -> Block:
    """Whom to write to and whom to leave alone, and complaints to answer first."""
    t = report.t
    priced = [one for one in report.own_actions if one.verb != "leave_alone"]
    spared = [one for one in report.own_actions if one.verb == "leave_alone"]
    items = [action_of(t, one, report.plan, more=_slots_of_action(report)) for one in priced]
    if _complaint_counts(report):
        assert report.complaint is not None
        row = report.complaint.hazards.table.iloc[0]
        bounds = interval(t, row["lower"], row["upper"], "number:1")
        why = t("action.complaints.why", times=row["hazard_ratio"], interval=bounds)
        items.append(plain_action(t, "complaints", "service", t("action.complaints.do"), why))
    items += [action_of(t, one, report.plan) for one in spared]
    if report.silence is None:
        items = [
            blocks.action(t("action.history.do"), t("action.history.why"), t("role.data_owner")),
            *items,
        ]
    if not items:
        items = [blocks.action(t("action.nothing.do"), t("action.nothing.why"))]
    return blocks.actions(*items[: blocks.MOST_ACTIONS])


def _slots_of_action(report: ChurnReport) -> dict[str, Any]:
    """Of those who would have been named in the span before, how many fell silent."""
    if report.trained is None:
        return {}
    held = report.trained.held_out
    named = held.score >= LIKELY
    return {"share": float(held.left[named].mean())} if named.any() else {}


def _complaint_counts(report: ChurnReport) -> bool:
    return report.complaint is not None and bool(report.complaint.hazards.table.iloc[0]["lower"] > 1)


@section(small=small_form.regulars)
def findings(report: ChurnReport) -> Block:
    """What the report found, each with the way to its proof."""
    when = _faster(report) or _back(report)
    found = [_tested(report), _marks(report), when, _complaint(report), _contracts(report)]
    said = [one for one in found if one]
    return blocks.findings(*(said or [blocks.finding(report.t("none.headline"))]))


def tested(trained: Churn) -> bool:
    """Whether the window held out was another than those learnt from."""
    return len(trained.windows) > 1


def _tested(report: ChurnReport) -> dict[str, str] | None:
    t, trained = report.t, report.trained
    if trained is None:
        return None
    if not tested(trained):
        return blocks.finding(t("finding.untested"), "tested")
    held = trained.held_out
    off = calibration_error(held.left, held.score)
    expected, came = float(held.score.sum()), int(held.left.sum())
    slots: dict[str, Any] = {"expected": expected, "came": came, "day": held.day}
    if off.lower <= 0 <= off.upper or not came:
        return blocks.finding(t.of("finding.tested", slots), "tested")
    slots |= {"share": abs(expected / came - 1), "way": "high" if expected > came else "low"}
    return blocks.finding(t.of("finding.tested_off", slots), "tested")


def _marks(report: ChurnReport) -> dict[str, str] | None:
    """What goes with falling silent; not said where nothing is shown to."""
    t, trained = report.t, report.trained
    if trained is None or trained.model is None:
        return None
    if report.dependence is None:
        return blocks.finding(t("finding.no_marks"), "marks")
    return blocks.finding(
        t("finding.marks", what=words.clean(report.feature(report.dependence[0]), 48)), "marks"
    )


def _back(report: ChurnReport) -> dict[str, str] | None:
    """How many come back after the silence that makes a customer at risk: never called seldom or never."""
    found = report.plan.given.definitions
    if found.at_risk_days is None:
        return None
    return blocks.finding(
        report.t("finding.back", days=found.at_risk_days, share=found.at_risk_share), "back"
    )


def _faster(report: ChurnReport) -> dict[str, str] | None:
    """The group whose customers lapse most unlike all others; None where none is shown to."""
    table = report.faster
    if table is None or not told(table["clear"], "churn.group_lapses_faster").any():
        return None
    return blocks.finding(faster_words(report, table, "finding.faster"), "faster")


def faster_words(report: ChurnReport, table: pd.DataFrame, message: str) -> str:
    """The first row of `leaving_by_attribute` as a sentence."""
    row = table.iloc[0]
    bounds = interval(report.t, row["lower"], row["upper"], "number:2")
    slots = {"attribute": report.attribute(row["attribute"]), "group": words.clean(row["group"], 24),
             "times": row["ratio"], "interval": bounds}  # fmt: skip
    return report.t.of(message, slots)


def _complaint(report: ChurnReport) -> dict[str, str] | None:
    if report.complaint is None:
        return None
    row = report.complaint.hazards.table.iloc[0]
    bounds = interval(report.t, row["lower"], row["upper"], "number:1")
    shown = not row["lower"] <= 1 <= row["upper"]
    slots = {"times": row["hazard_ratio"], "interval": bounds}
    message = "finding.complaint" if shown else "finding.complaint_chance"
    return blocks.finding(report.t.of(message, slots), "complaint")


def _contracts(report: ChurnReport) -> dict[str, str] | None:
    t, found = report.t, report.endings
    if found is None:
        return None
    bounds = interval(t, *found.interval, "count")
    slots = {"n": found.expected, "of": len(found.scores), "days": found.window, "interval": bounds}
    return blocks.finding(t.of("finding.contracts", slots), "contracts")


def back_curve(report: ChurnReport) -> Any:
    """The return curve of the base; None where too few came back."""
    try:
        return return_curve(report.base)
    except NotEnoughData:
        return None


@section(small=FEW)
def glossary(report: ChurnReport) -> Block:
    """The words of the page."""
    t, days = report.t, report.silence.window if report.silence else None
    own = {}
    if days is not None:
        own = {t(f"own_word.{name}"): t.of(f"own_meaning.{name}", {"days": days}) for name in OWN_WORDS}
    return blocks.glossary(own | glossary_of(t, report.plan.given.definitions, WORDS))
