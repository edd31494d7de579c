"""The manager's layer of the overview: the news, five numbers, what to do, and the way to every report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses.actions import Expected
from crm_analytics.analyses.comparison import YEAR, compare_periods
from crm_analytics.analyses.evidence import grade
from crm_analytics.pages import blocks, figures, words
from crm_analytics.reports.overview.report import OverviewReport, SmallOverview, in_order
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import (
    expected_words,
    glossary_of,
    interval,
    is_handful,
    say,
    span,
    tile,
)
from crm_analytics.reports.shared.trends import past_of
from crm_analytics.tables.days import span_of

if TYPE_CHECKING:
    from crm_analytics.analyses.comparison import Change
    from crm_analytics.analyses.kpi import Kpi
    from crm_analytics.pages.blocks import Block

WORDS = ("revenue", "at_risk", "lapsed", "value_to_come", "margin", "contact_effect", "change", "customer")
NEWS = 0.02  # a change smaller than this is no news, however sure
PERIODS_OF_A_YEAR = 4  # drawn against the same periods a year before
LONGEST_LINE = 120  # letters of what another report says


# --- the news -----------------------------------------------------------------------------------------------


@section(small=small_form.headline)
def headline(report: OverviewReport) -> Block:
    """What changed most against a year ago; revenue before all else."""
    t = report.t
    return blocks.headline(_news(report), _lede(report), language=report.language, title=t("title"))


def _news(report: OverviewReport) -> str:
    t, looks = report.t, len(report.figures)
    for name in ("revenue", *(name for name in report.figures if name != "revenue")):
        kpi = report.figures.get(name)
        change = (kpi.against_year or kpi.against_previous) if kpi else None
        if kpi is None or change is None or change.change is None or abs(change.change) < NEWS:
            continue
        n = max(int(change.now), int(change.before))
        if not grade(change.change, change.lower, change.upper, n, looks=looks).is_news:
            continue
        return t.of(
            f"headline.{'year' if kpi.against_year else 'before'}.shown",
            {
                "figure": t(f"figure.{name}"),
                "way": words.direction(change.now, change.before),
                "share": abs(change.change),
                "interval": interval(t, change.lower, change.upper, "percent:0"),
                "span": _span(report),
            },
        )
    if (said := _whole_year(report)) is not None:
        return said
    active = report.figures.get("customers_active")
    if active is not None and active.value is not None:
        return t("headline.steady", n=active.value)
    n = report.plan.given.buyers[0]
    return t("headline.plain", n=n, value=report.base.counts["revenue"])


def _whole_year(report: OverviewReport) -> str | None:
    """The change of a year's revenue, where that is news; the audit heads its page with it."""
    t, change = report.t, compare_periods(report.base, f"-{YEAR}d")
    if change is None or change.revenue.change is None or abs(change.revenue.change) < NEWS:
        return None
    revenue = change.revenue
    if not grade(revenue.change, revenue.lower, revenue.upper, round(change.buyers.now)).is_news:
        return None
    slots = {
        "span": span(t, YEAR // 7, "w"),
        "way": words.direction(revenue.now, revenue.before),
        "share": abs(revenue.change or 0.0),
        "interval": interval(t, revenue.lower, revenue.upper, "percent:0"),
    }
    return t.of("headline.whole_year.shown", slots)


def _span(report: OverviewReport) -> str:
    return span(report.t, *span_of(report.plan.given.span.lstrip("-")))


def _lede(report: OverviewReport) -> list[str]:
    t, said = report.t, []
    revenue = report.figures.get("revenue")
    if revenue is not None and revenue.value is not None:
        then = revenue.year_ago if revenue.against_year else revenue.previous
        message = "lede.year" if revenue.against_year else "lede.before"
        said.append(t(message, span=_span(report), now=revenue.value, then=then))
    ahead = report.figures.get("value_to_come")
    if ahead is not None and ahead.value is not None:
        bounds = interval(t, ahead.lower, ahead.upper, report.currency)
        over = span(t, *span_of(ahead.period))
        said.append(t("lede.ahead", span=over, value=ahead.value, interval=bounds))
    return said


# --- five numbers -------------------------------------------------------------------------------------------


@section(small=small_form.kpis)
def kpis(report: OverviewReport) -> Block:
    """The company in five numbers, each with its change and its past."""
    return blocks.kpis(*(_tile(report, kpi) for kpi in report.figures.values()))


def _tile(report: OverviewReport, kpi: Kpi) -> dict[str, str]:
    t, before = report.t, kpi.against_previous
    if kpi.value is None:
        return tile(t, kpi)
    note, past = "", past_of(report)
    if kpi.against_year is not None and before is not None and before.change is not None:
        if is_handful(kpi.unit, before):
            return tile(t, kpi, past=past)
        way = words.direction(before.now, before.before)
        note = t("tile.before", way=way, share=abs(before.change), span=_span(report))
    elif before is not None and kpi.against_year is None:
        note = t("tile.no_year")
    return tile(t, kpi, note, past)


# --- what to do ---------------------------------------------------------------------------------------------


@section(small=small_form.thanks)
def actions(report: OverviewReport) -> Block:
    """The three most valuable actions over all reports of the day."""
    t, items = report.t, [_action(report, fact) for fact in report.agreed.actions]
    if not items:
        message = "nothing" if report.handed.neighbours else "alone"
        items = [blocks.action(t(f"action.{message}.do"), t(f"action.{message}.why"))]
    return blocks.actions(*items[: blocks.MOST_ACTIONS])


def _action(report: OverviewReport, fact: Mapping[str, Any]) -> dict[str, Any]:
    t = report.t
    name = str(fact["id"]).partition(".")[0]
    there = next(one for one in report.handed.neighbours if one["report"] == name)
    worth = ""
    if fact.get("expected") is not None:
        left_out = tuple(part for part in str(fact.get("expected_without", "")).split(",") if part)
        value, low, high = (float(fact[f"expected{end}"]) for end in ("", "_lower", "_upper"))
        worth = expected_words(t, Expected(value, low, high, left_out))
    who = f"role.{fact.get('who', '')}"
    return blocks.action(
        fact.get("do") or t("action.in_report", report=there["title"]),
        who=t(who) if t.knows(who) else "",
        expected_value=worth,
        list_name=str(fact.get("list") or ""),
        list_count=int(fact.get("customers") or 0),
        fact={key: value for key, value in fact.items() if key != "do"},
        source=blocks.link(there["title"], "", there["report"], there["slug"]),
    )


# --- what was found -----------------------------------------------------------------------------------------


def _small_findings(report: SmallOverview) -> Block:
    return blocks.findings(blocks.finding(_data_line(report)))


@section(small=_small_findings)
def findings(report: OverviewReport) -> Block:
    """What changed since the last run, whether it is season, where reports disagree, how good data are."""
    found = [_since(report), _season(report), _at_risk(report), _disputed(report)]
    found.append(blocks.finding(_data_line(report)))
    return blocks.findings(*(one for one in found if one))


def _since(report: OverviewReport) -> dict[str, str] | None:
    t, changed = report.t, since_last_run(report)
    if changed.empty:
        return blocks.finding(t("finding.same")) if report.handed.previous else None
    row = changed.iloc[0]
    text = t(
        "finding.since", day=report.handed.previous[0]["day"], figure=t(f"figure.{row['id']}"),
        then=say(t, row["then"], row["unit"]), now=say(t, row["now"], row["unit"]),
    )  # fmt: skip
    return blocks.finding(text, "since")


def since_last_run(report: OverviewReport) -> pd.DataFrame:
    """id, unit, then, now of the figures that differ from the last run's, the greatest change first."""
    facts = report.handed.previous[0]["facts"] if report.handed.previous else {}
    rows = [
        (kpi.id, kpi.unit, float(facts[kpi.id]), float(kpi.value))
        for kpi in report.figures.values()
        if kpi.value is not None and isinstance(facts.get(kpi.id), int | float)
    ]
    frame = pd.DataFrame(rows, columns=["id", "unit", "then", "now"])
    frame = frame[frame["now"] != frame["then"]]
    size = (frame["now"] / frame["then"].where(frame["then"] != 0) - 1).abs().fillna(1.0)
    return frame.loc[size.sort_values(ascending=False, kind="stable").index].reset_index(drop=True)


def _season(report: OverviewReport) -> dict[str, str] | None:
    """Revenue on the period before; where it moved, beside what the same step was a year ago."""
    t, points, kpi = report.t, report.past["revenue"], report.figures.get("revenue")
    change = kpi.against_previous if kpi else None
    if len(points) < PERIODS_OF_A_YEAR + 2 or report.plan.given.year is None:
        return None
    then, earlier = points[-5].value, points[-6].value
    if change is None or change.change is None or earlier <= 0:
        return None
    slots = {
        "span": _span(report),
        "interval": interval(t, change.lower, change.upper, "percent:0"),
        "way": words.direction(change.now, change.before),
        "share": abs(change.change),
    }
    if not change.is_clear:
        return blocks.finding(
            t("finding.steps_same", span=slots["span"], interval=slots["interval"]), "revenue"
        )
    year = {"then_way": words.direction(then, earlier), "then": abs(then / earlier - 1)}
    return blocks.finding(
        t("finding.season", **slots, **year), "revenue", shorter=t("finding.steps", **slots)
    )


def _at_risk(report: OverviewReport) -> dict[str, str] | None:
    kpi = report.figures.get("customers_at_risk")
    if kpi is None or kpi.value is None:
        return None
    change: Change | None = kpi.against_previous
    if change is None or change.change is None:
        return None
    message = "finding.at_risk" if change.is_clear else "finding.at_risk_same"
    way = words.direction(change.now, change.before)
    slots = {"way": way, "now": kpi.value, "then": change.before, "span": _span(report)}
    return blocks.finding(report.t.of(message, slots))


def _disputed(report: OverviewReport) -> dict[str, str] | None:
    n = len(report.agreed.disputed)
    return blocks.finding(report.t("finding.disputed", n=n)) if n else None


def _data_line(report: OverviewReport | SmallOverview) -> str:
    """How good the data are, in one line."""
    counts = report.base.counts
    slots = {"rows": counts["rows"], "rejected": counts["rejected"], "anonymous": counts["anonymous_rows"]}
    if report.base.cautions:
        return report.t("finding.data_faults", n=len(report.base.cautions))
    return report.t("finding.data", **slots)


# --- the way to every report --------------------------------------------------------------------------------


@section()
def other_reports(report: OverviewReport | SmallOverview) -> Block:
    """Every other report of the day, with what it says."""
    t, others = report.t, in_order(report.handed)
    if not others:
        return blocks.note(t("reports.none"), t("reports.none_text")).under(t("reports.label"))
    said = Counter(one["headline"] for one in others)  # the small form says one sentence on all pages
    items = [
        blocks.link(
            one["title"],
            t("reports.small") if said[one["headline"]] > 1 else words.clean(one["headline"], LONGEST_LINE),
            one["report"],
            one["slug"],
        )
        for one in others
    ]
    return (
        blocks.links(t("reports.finding", n=len(items)), *items).under(t("reports.label")).anchored("reports")
    )


# --- one picture --------------------------------------------------------------------------------------------


@section(small=small_form.folded(small_form.weekdays))
def revenue_by_period(report: OverviewReport) -> Block:
    """Revenue of the last periods, beside the same periods a year before."""
    t, points = report.t, report.past["revenue"]
    if len(points) < 2:
        return blocks.note(t("revenue.short"), t("revenue.short_text", span=_span(report))).under(
            t("revenue.label")
        )
    last = points[-PERIODS_OF_A_YEAR:]
    earlier = points[-2 * PERIODS_OF_A_YEAR : -PERIODS_OF_A_YEAR]
    has_year = len(earlier) == len(last) == PERIODS_OF_A_YEAR and report.plan.given.year is not None
    shown = last if has_year else points
    data = pd.DataFrame(
        {
            "period": [words.date(point.day, short=True) for point in shown],
            "revenue": [point.value for point in shown],
        }
    )
    ys = ["revenue"]
    if has_year:
        data["year_before"] = [point.value for point in earlier]
        ys.append("year_before")
    names = {name: t(f"column.{name}") for name in data.columns}
    total, then = sum(data["revenue"]), sum(data.get("year_before", []))
    way = words.direction(total, then)
    if has_year and then > 0:
        finding = t("revenue.year", way=way, share=abs(total / then - 1), now=total)
    else:
        finding = t("revenue.plain", n=len(shown), now=total)
    symbol = words.say(0, report.currency).partition("0")[0]
    return (
        blocks.chart(
            figures.columns(data, x="period", ys=ys, names=names, prefix=symbol),
            finding=finding,
            data=data,
            caption=t("revenue.caption", span=_span(report)),
            formats=dict.fromkeys(ys, report.currency),
            names=names,
        )
        .under(t("revenue.label"))
        .anchored("revenue")
        .in_appendix()
    )


@section(small=small_form.glossary)
def glossary(report: OverviewReport) -> Block:
    """The words of the page."""
    return blocks.glossary(glossary_of(report.t, report.plan.given.definitions, WORDS))
