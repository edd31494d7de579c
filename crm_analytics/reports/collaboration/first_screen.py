"""The manager's layer of the collaboration report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_analytics.analyses.collaboration import TEAMS, Rate
from crm_analytics.analyses.collaboration.coordination import AFTER_STOP
from crm_analytics.pages import blocks, words
from crm_analytics.reports.collaboration.report import OPEN_COMPLAINTS, CollaborationReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import interval, plain_action, refusal, with_target

if TYPE_CHECKING:
    from crm_analytics.analyses.kpi import Kpi
    from crm_analytics.pages.blocks import Block

WORDS = ("team", "contradiction", "hand_over", "asked_again", "opportunity", "slipped")


@section(small=small_form.headline)
def headline(report: CollaborationReport) -> Block:
    """How many customers only one team sees, with the interval."""
    t, one = report.t, report.kpis["seen_by_one_team"]
    if one.value is None:
        message = "headline.single" if report.met else "headline.nobody"
        met = t("lede.met", n=report.met) if report.met else ""
        return blocks.headline(t(message), met, language=report.language, title=t("title"))
    said = t("headline.one_team", share=one.value, range=interval(t, one.lower, one.upper, "percent:0"))
    lede = [t("lede.met", n=report.met)]
    if (name := _busiest(report)) is not None:
        lede.append(t("lede.busiest", team=t(f"team.{name[0]}"), n=name[1]))
    against = report.kpis["contradictory_messages"]
    if against.value is not None and report.contradictions is not None:
        lede.append(t("lede.complaint", n=report.contradictions[0][0].n, of=against.n))
    return blocks.headline(said, lede, language=report.language, title=t("title"))


def _busiest(report: CollaborationReport) -> tuple[str, int] | None:
    """The team that sees most customers alone."""
    alone = report.teams[report.teams["teams"] == 1]
    if alone.empty:
        return None
    row = alone.nlargest(1, "customers").iloc[0]
    return str(row["team"]), int(row["customers"])


@section(small=small_form.kpis)
def kpis(report: CollaborationReport) -> Block:
    """Four rates, each with its interval."""
    return blocks.kpis(*(_tile(report, kpi) for kpi in report.kpis.values()))


def _tile(report: CollaborationReport, kpi: Kpi) -> dict[str, str]:
    t = report.t
    if kpi.value is None:
        return blocks.kpi(t(f"tile.{kpi.id}"), t("kpi.not_known"), note=with_target(t, kpi, refusal(t, kpi)))
    note = t("tile.note", range=interval(t, kpi.lower, kpi.upper, "percent:1"), n=kpi.n)
    return blocks.kpi(t(f"tile.{kpi.id}"), words.percent(kpi.value, 1), note=with_target(t, kpi, note))


@section(small=small_form.thanks)
def actions(report: CollaborationReport) -> Block:
    """Open complaints first; then what slips in the pipeline; then the team nobody else knows of."""
    t, items = report.t, []
    for one in report.actions:
        do, why = t("action.complaints.do", n=one.customers), t("action.complaints.why")
        items.append(
            blocks.action(
                do,
                why,
                t("role.service"),
                list_name=OPEN_COMPLAINTS,
                list_count=one.customers,
                fact=one.facts(),
            )
        )
    if n := _stops(report):
        why = t("action.stop.why", n=n)
        items.append(plain_action(t, "stop", "campaigns", t("action.stop.do"), why))
    if report.pipeline is not None and report.pipeline.stages["slipped"].sum():
        late = report.pipeline.stages
        do = t("action.slipped.do", n=late["slipped"].sum(), value=late["slipped_amount"].sum())
        items.append(
            plain_action(t, "slipped", "sales", do, t("action.slipped.why", days=report.pipeline.cycle_days))
        )
    if not items:
        items = [blocks.action(t("action.none.do"), t("action.none.why"))]
    return blocks.actions(*items[: blocks.MOST_ACTIONS])


@section(small=small_form.regulars)
def findings(report: CollaborationReport) -> Block:
    """What the report found, each with the way to its proof."""
    t, found = report.t, []
    one = report.kpis["seen_by_one_team"]
    if one.value is not None:
        n = round(one.value * one.n)
        found.append(blocks.finding(t("finding.one_team", n=n, of=one.n), "teams"))
    if report.contradictions is not None:
        found += [
            blocks.finding(t(f"finding.{rate.name}", n=rate.n, of=rate.of), "contradictions")
            for rate in _most(report.contradictions[0])
            if rate.n
        ]
    if report.hand_offs is not None:
        rate = report.hand_offs[0]
        if rate.n:
            found.append(blocks.finding(t("finding.hand_offs", n=rate.n, of=rate.of), "handed-over"))
    if report.pipeline is not None:
        line = report.pipeline
        share = line.won / max(line.won + line.lost, 1)
        found.append(
            blocks.finding(t("finding.pipeline", value=line.stages["amount"].sum(), share=share), "pipeline")
        )
    elif report.repeated is not None and report.repeated.n:
        rate = report.repeated
        found.append(blocks.finding(t("finding.repeated", n=rate.n, of=rate.of), "handed-over"))
    message = "headline.single" if report.met else "finding.nothing"
    return blocks.findings(*(found or [blocks.finding(t(message))]))


def _most(rates: list[Rate]) -> list[Rate]:
    """The two that happened most."""
    return sorted(rates, key=lambda rate: -rate.n)[:2]


def _stops(report: CollaborationReport) -> int:
    """Messages that went out after the customer had unsubscribed."""
    if report.contradictions is None:
        return 0
    return sum(rate.n for rate in report.contradictions[0] if rate.name == AFTER_STOP)


@section(small=small_form.glossary)
def glossary(report: CollaborationReport) -> Block:
    """The words of the page."""
    t = report.t
    teams = words.listing([t(f"team.{name}") for name in TEAMS], t("and"))
    return blocks.glossary({t(f"term.{name}"): t.of(f"term_is.{name}", {"teams": teams}) for name in WORDS})
