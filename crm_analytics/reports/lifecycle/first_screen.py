"""The first screen of the lifecycle report: who is slipping away, who comes back, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_analytics.analyses.intervals import share_difference, wilson
from crm_analytics.analyses.lifecycle.rules import ACTIVE, AT_RISK, LAPSED, LOYAL, NEW, WON_BACK
from crm_analytics.pages import blocks, words
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section

if TYPE_CHECKING:
    from crm_analytics.analyses.lifecycle.chain_fit import FittedChain
    from crm_analytics.pages.blocks import Block
    from crm_analytics.reports.lifecycle.report import LifecycleReport

BUYING = (NEW, ACTIVE, LOYAL, WON_BACK)


@section(small=small_form.headline)
def headline(report: LifecycleReport) -> Block:
    """How many of the buyers still buy, and how many are at risk."""
    buying = sum(report.size(stage) for stage in BUYING)
    buyers = buying + report.size(AT_RISK) + report.size(LAPSED)
    sentence = f"{words.percent(buying / buyers, 0)} of {words.count(buyers)} buyers still buy"
    earlier = _earlier(report)
    if earlier:
        sentence += f" ({words.percent(earlier[0] / earlier[1], 0)} {report.weeks} weeks ago)"
    if report.size(AT_RISK):
        sentence += f"; {words.count(report.size(AT_RISK))} are at risk"
    return blocks.headline(sentence, _lede(report))


def _lede(report: LifecycleReport) -> str:
    buying, buyers, earlier = sum(report.size(s) for s in BUYING), _buyers(report), _earlier(report)
    low, high = wilson(buying, buyers)
    lede = f"The 95 % interval of that share is {words.interval(low, high, 'percent:0')}"
    if earlier:
        low, high = share_difference(buying, buyers, *earlier)
        unsure = ", which may be chance" if low < 0 < high else ""
        lede += f", that of its change {words.interval(100 * low, 100 * high, 'number:1')} points{unsure}"
    lede += ". "
    rhythm = report.staged.rhythm
    if rhythm:
        lede += f"""Half of all returns come within {rhythm.typical} days, nine in ten within {rhythm.long}:
            who is silent for longer is at risk, and lapsed after {2 * rhythm.long} days. """
    fate = _left(report, LAPSED)
    if fate:
        share, low, high, n = fate
        lede += f"""Of those who lapse, {words.percent(share, 0)} ({words.interval(low, high, "percent:0")},
            n = {words.count(n)}) buy again within {report.dwell.horizon} days."""
    return lede


def _buyers(report: LifecycleReport) -> int:
    return sum(report.size(stage) for stage in (*BUYING, AT_RISK, LAPSED))


def _earlier(report: LifecycleReport) -> tuple[int, int] | None:
    """Buyers who still bought at the beginning of the period, and all buyers then."""
    if report.flows is None or not report.ripe(report.flows.then):
        return None
    found = [report.flow(stage, "then") for stage in (*BUYING, AT_RISK, LAPSED)]
    sizes = [int(n) for n in found if n is not None]
    total = sum(sizes)
    return (sum(sizes[: len(BUYING)]), total) if len(sizes) == len(found) and total else None


def _left(report: LifecycleReport, stage: str) -> tuple[float, float, float, int] | None:
    rows = report.dwell.stages[report.dwell.stages["stage"] == stage]
    if rows.empty or rows["thin"].any():
        return None
    row = rows.iloc[0]
    return float(row["left_within"]), float(row["left_lower"]), float(row["left_upper"]), int(row["spells"])


@section(small=small_form.kpis)
def kpis(report: LifecycleReport) -> Block:
    """Loyal, at risk, lapsed in the period, won back in the period."""
    items = [_stock(report, LOYAL), _stock(report, AT_RISK)]
    if report.flows:
        items += [_came(report, LAPSED, "Lapsed"), _came(report, WON_BACK, "Won back")]
    else:
        items += [_stock(report, LAPSED), _stock(report, NEW)]
    return blocks.kpis(*items)


def _stock(report: LifecycleReport, stage: str) -> dict[str, str]:
    now, before = report.size(stage), report.flow(stage, "then")
    low, high = wilson(now, _buyers(report))
    of = f"{words.interval(low, high, 'percent')} of {words.plural(_buyers(report), 'buyer')}"
    if before is None:
        return blocks.kpi(stage, words.count(now), "no earlier period", of)
    said = words.change(now, before)
    return blocks.kpi(
        stage, words.count(now), said, f"{words.count(before)} before; {of}", words.direction(now, before)
    )


def _came(report: LifecycleReport, stage: str, label: str) -> dict[str, str]:
    now, before = report.flow(stage, "came") or 0.0, report.flow(stage, "earlier_came")
    name = f"{label}, last {report.weeks} weeks"
    if before is None or not report.flows or not report.ripe(report.flows.before):
        why = "the data begin too late to compare" if before is not None else "there now, not before"
        return blocks.kpi(name, words.count(now), "no earlier period", why)
    return blocks.kpi(
        name,
        words.count(now),
        words.change(now, before),
        f"{words.count(before)} in the {report.weeks} weeks before",
        words.direction(now, before),
    )


@section(small=small_form.thanks)
def actions(report: LifecycleReport) -> Block:
    """What to do with each stage, the money in it, and where to stop."""
    worth = report.worth.set_index("stage")
    items = []
    for stage, do, how, who in (
        (AT_RISK, "Remind the {} before they lapse.", "Keep a control group without.", "campaigns"),
        (NEW, "Welcome the {} and ask for a second order.", "", "campaigns"),
        (LOYAL, "Keep the {} close.", "Membership, a first look, thanks.", "everyone"),
        (WON_BACK, "Ask the {} what brought them.", "", "service"),
    ):
        if not report.size(stage):
            continue
        row = worth.loc[stage]
        fate = report.dwell.exits[report.dwell.exits["stage"] == stage]
        if stage == AT_RISK:
            fate = fate[fate["to_stage"] == LAPSED]
        why = how
        if len(fate):
            top = fate.iloc[0]
            why += f""" From here {words.percent(top["share_within"], 0)} go on to
                {words.label(top["to_stage"])} within {report.dwell.horizon} days (n =
                {words.count(top["spells"])})."""
        items.append(
            blocks.action(
                do.format(_people(report.size(stage), stage)),
                why.strip(),
                who,
                f"{report.money(row['revenue'])} so far",
            )
        )
    stop = _stop(report)
    return blocks.actions(*(items[:4] + ([stop] if stop else [])) or [blocks.action("Nothing is urgent.")])


def _stop_by_history(report: LifecycleReport, chain: FittedChain) -> dict[str, str] | None:
    """One rule for each kind of customer where first-time and repeat buyers are shown to differ."""
    if chain.stops is None:
        return None
    first, repeat = (chain.period_days // 7 * (state - 1) for state in chain.stops)
    each = report.money(chain.chain.mailing_cost)
    return blocks.action(
        f"Stop paid contact with one-time buyers after {first} weeks of silence, with repeat buyers after "
        f"{repeat}.",
        f"A contact at {each} no longer comes back from there; the two kinds differ, so one rule for both "
        "would be wrong. Leave a part of them in, drawn by lot, to see whether it holds.",
        "campaigns",
    )


def _people(n: int, stage: str) -> str:
    return {
        AT_RISK: f"{words.plural(n, 'buyer')} at risk",
        NEW: words.plural(n, "new buyer"),
        LOYAL: words.plural(n, "loyal customer"),
        WON_BACK: f"{words.plural(n, 'customer')} won back",
    }[stage]


def _stop(report: LifecycleReport) -> dict[str, str] | None:
    """Whom contact no longer pays for, by the chain."""
    if report.chain is None:
        return None
    state = report.chain.stop_worth_it
    if state is None:
        return None
    if not report.chain.recency_is_enough:
        return _stop_by_history(report, report.chain)
    weeks = report.chain.period_days // 7 * (state - 1)
    people = words.plural(report.chain.customers_from(state), "customer")
    each = report.money(report.chain.chain.mailing_cost)
    return blocks.action(
        f"Stop paid contact with {people} silent for {weeks} weeks or more.",
        f"By the chain of buying again a contact at {each} no longer comes back from there. Leave a part of "
        "them in, drawn by lot, to see whether it holds.",
        "campaigns",
    )
