"""The first screen of the lifetime-value report: what the base is worth, how sure, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_analytics.pages import blocks, words
from crm_analytics.reports.lifetime_value.holdout import Evidence
from crm_analytics.reports.lifetime_value.report import SmallValueReport, UnpricedReport, ValueReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block
    from crm_analytics.reports.lifetime_value.forecast import Forecast


def _small_headline(report: SmallValueReport) -> Block:
    seen, book = report.seen, report.textbook
    return blocks.headline(
        f"A customer is worth about {report.money(book.value)} by the textbook formula",
        f"{words.plural(seen.customers, 'customer')} and {words.plural(seen.orders, 'order')} from "
        f"{words.date(report.base.first_day)} to {words.date(report.base.day)} are too little for a "
        f"forecast: {report.reason}. An average purchase, times purchases a year, times the years a customer "
        "stays, is the answer until then, and a rough one.",
        thin=True,
    )


def _unpriced_headline(report: UnpricedReport) -> Block:
    found = report.forecast.purchases
    return blocks.headline(
        f"Today's customers will make {words.count(found.mean)} purchases over the next {report.span} "
        f"({words.interval(found.lower, found.upper, 'count')}); what these will bring cannot be told",
        _joined(report.reason, report.dates, held(report.evidence), _status(report)),
    )


@section(part="priced", needs=_unpriced_headline, small=_small_headline)
def headline(report: ValueReport, found: Forecast) -> Block:
    """What today's customers will bring, who carries it, and whether the last forecast held."""
    value = found.value
    range_ = words.interval(value.lower, value.upper, report.currency)
    sentence = (
        f"Today's customers will bring {report.money(value.mean)} over the next {report.span} ({range_}); "
        f"a fifth of them carries {words.percent(found.tiers.spread.top_share, 0)} of it"
    )
    return blocks.headline(sentence, _joined(report.dates, held(report.evidence), _status(report)))


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def held(evidence: Evidence | None) -> str:
    """Whether the last forecast held, in a sentence or two."""
    if evidence is None:
        return "The data do not reach back far enough to test the forecast on what came."
    total, actual = evidence.model.total, evidence.model.actual
    said = (
        f"The same model, fitted on {words.date(evidence.base.day)}, forecast "
        f"{words.count(total.mean)} repeat purchases "
        f"({words.interval(total.lower, total.upper, 'count')}) up to this day; {words.count(actual)} came."
    )
    if evidence.model.covered:
        return f"{said} That lies inside the interval."
    if not actual:
        return f"{said} Nobody came back, which the model did not expect."
    way, reading = ("low", "cautious") if total.mean < actual else ("high", "hopeful")
    error = words.percent(abs(total.mean / actual - 1), 0)
    return (
        f"{said} That lies outside the interval: the forecast was {error} too {way}, so read the value here "
        f"as {reading}."
    )


NOBODY_LEAVES = "The data do not tell who has left: the models find (almost) nobody leaving"


def _status(report: ValueReport | UnpricedReport) -> str:
    found = report.forecast
    if not found.tells_who_left:
        return f"{NOBODY_LEAVES}, so nobody is called lost here, and the interval is too narrow."
    return (
        f"About {words.count(found.alive)} of {words.plural(found.summary.customer_count, 'customer')} are "
        "still customers in the sense of the model."
    )


def _unpriced_kpis(report: UnpricedReport) -> Block:
    buyers = report.details.chances["buyers"].sum()
    soon = blocks.kpi("Will buy in 13 weeks", words.count(buyers), note="customers, expected")
    return blocks.kpis(*_purchases_and_people(report), _last_error(report) or soon)


@section(part="priced", needs=_unpriced_kpis, small=small_form.kpis)
def kpis(report: ValueReport, found: Forecast) -> Block:
    """Value, purchases, customers left, and the error of the last forecast."""
    value, before = found.value, report.earlier
    change = words.change(
        value.mean,
        before.mean if before else None,
        missing="no value then to compare with" if report.not_compared else "no earlier period",
    )
    if before:
        change += f" since {words.date(report.earlier_day, short=True)}"
    worth = blocks.kpi(
        f"Value of the next {report.span}",
        report.money(value.mean),
        change,
        words.interval(value.lower, value.upper, report.currency),
        words.direction(value.mean, before.mean if before else None),
    )
    per = report.money(value.mean / value.customers)
    each = blocks.kpi("A customer will bring", per, note=f"in the next {report.span}")
    return blocks.kpis(worth, *_purchases_and_people(report), _last_error(report) or each)


def _purchases_and_people(report: ValueReport | UnpricedReport) -> list[dict[str, str]]:
    """Purchases to come, and who is still there."""
    found, customers = report.forecast, report.forecast.summary.customer_count
    coming = found.purchases
    items = [
        blocks.kpi(
            "Purchases to come",
            words.count(coming.mean),
            note=words.interval(coming.lower, coming.upper, "count"),
        )
    ]
    if not found.tells_who_left:
        note = "the data do not tell who has left"
        return [*items, blocks.kpi("Still customers", "not known", note=note)]
    note = f"about {words.count(found.alive)} of {words.count(customers)}"
    return [*items, blocks.kpi("Still customers", words.percent(found.alive / customers, 0), note=note)]


def _last_error(report: ValueReport | UnpricedReport) -> dict[str, str] | None:
    """How far off the last forecast was; None where nothing came, or nothing could be held against it."""
    if report.evidence is None or not report.evidence.model.actual:
        return None
    tested = report.evidence.model
    return blocks.kpi(
        "Last forecast was off by",
        words.percent(tested.total.mean / tested.actual - 1, 0),
        "inside its interval" if tested.covered else "outside its interval",
        f"{words.count(tested.actual)} came, {words.count(tested.total.mean)} forecast",
    )


def _unpriced_actions(report: UnpricedReport) -> Block:
    """First the amounts, then the customers who are due."""
    likely = report.details.chances.iloc[:2]["customers"].sum()
    items = [
        blocks.action(
            "Look at the largest amounts.",
            "A misplaced digit, a wholesale buyer or another currency is enough to leave spend without an "
            "average; without them this page tells what customers will bring.",
            "whoever looks after the data",
        )
    ]
    if likely:
        items.append(
            blocks.action(
                f"Be ready for {words.plural(likely, 'customer')} who will likelier buy than not.",
                "That is their chance of buying in the next 13 weeks.",
                "campaigns",
            )
        )
    return blocks.actions(*items)


@section(part="priced", needs=_unpriced_actions, small=small_form.thanks)
def actions(report: ValueReport, found: Forecast) -> Block:
    """What to do: look after the top, win back the wavering, stop spending on the rest."""
    tiers = found.tiers.tiers.set_index("tier")
    status = found.tiers.statuses.set_index("status")
    top, rest, wavering = tiers.iloc[0], tiers.iloc[-1], status.loc["Wavering"]
    items = [
        blocks.action(
            f"Look after the {words.plural(top['customers'], 'customer')} of the top fifth.",
            f"Each will bring {report.money(top['value_per_customer'])} in {report.span}: to spend more than "
            "the margin on that, to keep one, is a loss.",
            "account managers",
            f"{report.money(top['revenue'])} so far",
        )
    ]
    if wavering["customers"]:
        items.append(
            blocks.action(
                f"Write to {words.plural(wavering['customers'], 'wavering customer')} now.",
                "They are silent for longer than they used to be and may still be there; hold out a tenth as "
                "a control group.",
                "campaigns",
                f"{report.money(wavering['revenue'])} so far",
            )
        )
    items.append(
        blocks.action(
            f"Spend nothing by hand on {words.plural(rest['customers'], 'customer')} of the lower half.",
            f"Each will bring {report.money(rest['value_per_customer'])} in {report.span} on average.",
            "campaigns",
        )
    )
    return blocks.actions(*items)
