"""The first screen of the campaigns report: what the last campaigns did, what they earned, what to do."""

from __future__ import annotations

from crm_analytics.analyses.campaigns.measurement.balance import AS_PLANNED
from crm_analytics.analyses.campaigns.measurement.evaluation import Evaluation
from crm_analytics.analyses.campaigns.measurement.treatment_effects import LESS, MORE, NO_EFFECT
from crm_analytics.pages import blocks, words
from crm_analytics.pages.blocks import Block
from crm_analytics.reports.campaigns.due import Due, called
from crm_analytics.reports.campaigns.report import HUNDRED, UNMEASURED, CampaignsReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section


def _orders(found: Evaluation) -> tuple[float, str, str]:
    """Orders added by a hundred contacts, their interval in words, and the verdict."""
    row = found.effect("orders")
    bounds = words.interval(HUNDRED * row["adjusted_lower"], HUNDRED * row["adjusted_upper"])
    return HUNDRED * row["adjusted"], bounds, row["verdict"]


@section(small=small_form.headline)
def headline(report: CampaignsReport) -> Block:
    """Whom to contact now and what that would bring; what past campaigns did, with its interval."""
    past, lede = _past(report)
    due = report.due
    if due is None or not due.treated:
        return blocks.headline(past, lede)
    first = due.lists.nlargest(1, "treated").iloc[0]
    now = f"""{words.plural(due.treated, "customer")} are due a contact in the coming
        {words.plural(due.wave.terms.days, "day")}"""
    if due.profit is not None:
        now += _bring(report, due)
    why = f"Most of them, {words.count(first['treated'])}, because: {first['words']}. "
    return blocks.headline(now, f"{why}Past campaigns: {past[:1].lower()}{past[1:]}. {lede}")


def _bring(report: CampaignsReport, due: Due) -> str:
    best = due.best
    if best is None:
        return "; by what past campaigns did, that would cost more than it brings"
    bounds = words.interval(best["lower"], best["upper"], report.currency)
    who = due.best_words
    return f"; {who[:1].lower()}{who[1:]} expected to bring {report.money(best['expected'])} ({bounds})"


def _past(report: CampaignsReport) -> tuple[str, str]:
    """What past campaigns did: the sentence, and its numbers."""
    found = report.waves
    if found is None:
        return UNMEASURED, report.why("waves")
    value, bounds, verdict = _orders(found)
    table = found.waves.campaigns
    many, contacts = words.plural(len(table), "campaign"), words.count(table["treated"].sum())
    if verdict in (MORE, LESS):
        sentence = (
            f"{many} brought {words.number(abs(value), 1)} {verdict} orders for every {HUNDRED} contacts"
        )
    else:
        sentence = (
            f"{verdict.capitalize()}: {many}, {contacts} contacts, and what they added lies within chance"
        )
    lede = f"Orders added by {HUNDRED} contacts: {words.number(value, 1)} ({bounds}). "
    return sentence, lede + _worth(report, found) + _last(report)


def _worth(report: CampaignsReport, found: Evaluation) -> str:
    if found.profit.empty:
        if "margin" in found.waves.outcomes:
            return "What a contact costs is not known, so their profit is not, either. "
        return "Without unit costs or a margin their profit is not known. "
    row = found.profit.iloc[0]
    bounds = words.interval(row["total_lower"], row["total_upper"], report.currency)
    told = "" if row["verdict"] in (MORE, LESS) else ", so no profit is proved"
    return f"Margin added less the contacts: {report.money(row['total'])} ({bounds}){told}. "


def _last(report: CampaignsReport) -> str:
    found = report.waves
    if found is None or len(found.waves.campaigns) < 2:
        return ""
    newest = found.waves.campaigns.iloc[-1]
    rows = found.campaigns[found.campaigns["campaign_id"] == newest["campaign_id"]]
    row = rows[rows["outcome"] == "orders"].iloc[0]
    bounds = words.interval(HUNDRED * row["adjusted_lower"], HUNDRED * row["adjusted_upper"])
    called = newest["campaign_name"] if isinstance(newest["campaign_name"], str) else newest["campaign_id"]
    return f"The last, “{called}”: {words.number(HUNDRED * row['adjusted'], 1)} ({bounds}), {row['verdict']}."


def _due_now(report: CampaignsReport) -> list[dict[str, str]]:
    due = report.due
    if due is None or due.lists.empty:
        return []
    note = f"{words.count(due.lists['suppressed'].sum())} entries kept out"
    if due.treated:
        note = f"{report.money(due.lists['value_at_stake'].sum())} at stake; {note}"
    return [blocks.kpi("To contact now", words.count(due.treated), note=note)]


@section(small=small_form.kpis)
def kpis(report: CampaignsReport) -> Block:
    """Contacts, orders added, profit, margin given away."""
    items, found = _due_now(report), report.waves
    if found is not None:
        table = found.waves.campaigns
        if not items:
            note = f"{words.count(table['control'].sum())} held back as controls"
            items.append(blocks.kpi("Contacts", words.count(table["treated"].sum()), note=note))
        value, bounds, _ = _orders(found)
        change, way = "", ""
        if report.earlier is not None:
            then = _orders(report.earlier)[0]
            change, way = words.change(value, then, "number:1"), words.direction(value, then)
        items.append(blocks.kpi(f"Orders added by {HUNDRED}", words.number(value, 1), change, bounds, way))
        if not found.profit.empty:
            row = found.profit.iloc[0]
            note = f"a contact; {words.interval(row['lower'], row['upper'], report.currency)}"
            items.append(blocks.kpi("Profit", report.money(row["each"]), note=note))
    told = report.incentives
    if told is not None and told.deals:
        share = words.percent(told.deals / told.orders)
        if told.offers is None:
            note = f"in {share} of the orders"
            items.append(blocks.kpi("Money taken off", report.money(told.discount), note=note))
        else:
            row = told.offers.given_away.iloc[0]
            bounds = words.interval(row["given_away_lower"], row["given_away_upper"], report.currency)
            note = f"of {report.money(row['discount'])} taken off in campaigns; {bounds}"
            items.append(blocks.kpi("Given away", report.money(row["given_away"]), note=note))
    if not items:
        counts = report.base.counts
        items.append(
            blocks.kpi("Customers", words.count(counts["customers"]), note="no campaign, no coupon known")
        )
    return blocks.kpis(*items)


def _next_wave(report: CampaignsReport) -> list[dict[str, str]]:
    due = report.due
    if due is None or due.lists.empty:
        return []
    if due.no_consent:
        return [
            blocks.action(
                "Record who may be contacted, and how.",
                f"{words.plural(due.lists['due'].sum(), 'entry')} are due, and the data hold no consent.",
                "data team",
            )
        ]
    if not due.treated:
        return []
    first = due.lists.nlargest(1, "value_at_stake").iloc[0]
    control = words.count(due.lists["control"].sum())
    return [
        blocks.action(
            f"Send the lists, “{called(first['list'])}” first.",
            f"{words.plural(first['treated'], 'customer')}: {first['words']}. {control} are held back, so "
            "that the effect can be told.",
            "marketing",
            report.money(first["value_at_stake"]),
        )
    ]


@section(small=small_form.thanks)
def actions(report: CampaignsReport) -> Block:
    """What the measurements ask for."""
    items, found, told = _next_wave(report), report.waves, report.incentives
    if found is None:
        items.append(
            blocks.action(
                "Hold one in ten back at random.", "Without controls nobody knows what a campaign did.",
                "marketing",
            )
        )  # fmt: skip
    else:
        items += _measured_actions(report, found)
    if told is not None and told.offers is not None and told.offers.given_away["redeemed"].iloc[0]:
        row = told.offers.given_away.iloc[0]
        if row["anyway_lower"] > 0.5:
            items.append(
                blocks.action(
                    "Give offers to those who would not buy otherwise.",
                    f"{words.percent(row['anyway_share'], 0)} of the redeemed orders would have come anyway "
                    f"({words.interval(row['anyway_lower'], row['anyway_upper'], 'percent:0')}).",
                    "marketing",
                    report.money(row["given_away"]),
                )
            )
    return blocks.actions(*items[:4])


def _measured_actions(report: CampaignsReport, found: Evaluation) -> list[dict[str, str]]:
    items = []
    odd = found.balance[found.balance["verdict"] != AS_PLANNED]
    if len(odd):
        items.append(
            blocks.action(
                "Find out how the arms were drawn.",
                f"{words.plural(len(odd), 'comparison')} of arms do not fit: their effects are doubtful.",
                "data team",
            )
        )
    orders = found.segments[found.segments["outcome"] == "orders"]
    moved = orders[(orders["verdict"] == MORE) & orders["stands_out"]].nlargest(1, "adjusted")
    items += [
        blocks.action(
            f"Write to “{name}” first.",
            f"{words.number(HUNDRED * added, 1)} orders added by {HUNDRED} contacts, "
            f"{words.number(HUNDRED * above, 1)} more than among the others "
            f"({words.interval(HUNDRED * low, HUNDRED * high)}).",
            "marketing",
        )
        for name, added, above, low, high in moved[
            ["segment", "adjusted", "above_others", "above_others_lower", "above_others_upper"]
        ].itertuples(index=False)
    ]
    if found.effect("orders")["verdict"] == NO_EFFECT:
        row = found.effect("orders")
        items.append(
            blocks.action(
                "Keep the control group, and make it larger.",
                f"With {words.count(row['control'])} controls an effect below "
                f"{words.number(HUNDRED * (row['adjusted_upper'] - row['adjusted']), 1)} orders by {HUNDRED} "
                "contacts cannot be told from chance.",
                "marketing",
            )
        )
    if found.uplift is not None and found.uplift.pays:
        items.append(
            blocks.action("Contact those with the highest uplift.", found.uplift.sentence, "marketing")
        )
    if not items:
        items.append(blocks.action("Go on, with the control group.", found.sentence, "marketing"))
    return items
