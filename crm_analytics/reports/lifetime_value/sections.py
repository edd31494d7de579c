"""The lifetime-value report below the first screen: who carries the value, and how sure it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses import btyd
from crm_analytics.pages import blocks, figures, words
from crm_analytics.reports.lifetime_value.first_screen import NOBODY_LEAVES
from crm_analytics.reports.lifetime_value.report import SmallValueReport, UnpricedReport, ValueReport
from crm_analytics.reports.lifetime_value.value_driver_sections import AT_RISK
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block
    from crm_analytics.reports.lifetime_value.forecast import Forecast

LEFT_ADVICE = (
    "That happens in a young base, where nobody had time to leave, and where customers were chosen because "
    "they stayed. Until then days of silence against the base's own rhythm say more: see the segments report."
)


@section(part="priced", needs="Who carries the value to come cannot be told", small=small_form.regulars)
def who_carries_it(report: ValueReport, found: Forecast) -> Block:
    """Residual value by tier, with the ceiling on what to spend."""
    tiers = found.tiers.tiers.copy()
    tiers["customer_share"] = tiers["customers"] / tiers["customers"].sum()
    spread, money = found.tiers.spread, report.currency
    columns = ["tier", "customers", "value", "value_share", "value_per_customer", "purchases", "revenue"]
    return blocks.chart(
        figures.bars(tiers, y="tier", x="value_share", context="customer_share", fmt="percent:0"),
        finding=f"The top fifth of customers carries {words.percent(spread.top_share, 0)} of what is to come",
        data=tiers[columns].rename(columns={"revenue": "revenue_so_far", "purchases": "purchases_to_come"}),
        caption="Colour: share of the value to come; grey: share of customers. Value per customer is the "
        "ceiling: revenue, so less than that pays only out of its margin.",
        formats={
            "value": money,
            "value_share": "percent",
            "value_per_customer": money,
            "purchases_to_come": "count",
            "revenue_so_far": money,
        },
    )


@section(
    part="priced",
    needs="Status is told in money here: ask who will buy instead",
    small=small_form.favourites,
)
def who_is_still_there(report: ValueReport, forecast: Forecast) -> Block:
    """Customers by the chance that they are still customers."""
    if not forecast.tells_who_left:
        return blocks.note(NOBODY_LEAVES, f"{forecast.status.diagnosis.message} {LEFT_ADVICE}")
    found = forecast.tiers
    statuses, money = found.statuses, report.currency
    people = statuses["customers"].sum()
    gone = statuses.set_index("status").loc["Probably gone"]
    share = words.percent(gone["customers"] / people, 0)
    return blocks.chart(
        figures.bars(statuses, y="status", x="customers", highlight=["Wavering"]),
        finding=f"{share} of customers have probably gone; they brought {report.money(gone['revenue'])}",
        data=statuses[["status", "customers", "value", "revenue", "revenue_per_customer"]],
        caption="Active: P(alive) of 80 % or more; wavering: 50 to 80 %; by MBG/NBD. BG/NBD calls every "
        "one-time buyer alive, so it is not asked.",
        formats={"value": money, "revenue": money, "revenue_per_customer": money},
    )


@section(
    "The best customers",
    part="priced",
    needs="The best customers cannot be told by value",
    small=small_form.last_visits,
)
def best_customers(report: ValueReport, found: Forecast) -> Block:
    """The ten customers with most to come."""
    scored = found.scored
    top = report.base.collect(
        scored.order_by([ibis.desc("lifetime_value"), "customer_id"])
        .select("customer_id", "lifetime_value", "probability_alive", "expected_purchases", "expected_spend")
        .limit(10)
    )
    top["customer_id"] = report.called(top["customer_id"])
    money = report.currency
    if found.tells_who_left:
        top["value_at_risk"] = top["lifetime_value"] * (1 - top["probability_alive"])
    else:
        top = top.drop(columns="probability_alive")
    share = top["lifetime_value"].sum() / found.value.mean
    return blocks.table(
        top.rename(columns={"customer_id": "customer", "lifetime_value": "value_to_come"}),
        finding=f"Ten customers carry {words.percent(share, 0)} of the value to come",
        caption="Expected over the horizon, one customer at a time: right on average, not for each."
        + (f" {AT_RISK}" if found.tells_who_left else "")
        + (
            ""
            if report.show_customers or report.base.show_customers
            else " Customers are pseudonyms here; the command crm reveal names them to whoever holds the key."
        ),
        formats={"value_to_come": money, "expected_spend": money, "expected_purchases": "number:1"}
        | ({"probability_alive": "percent:0", "value_at_risk": money} if "value_at_risk" in top else {}),
    )


@section("By the textbook")
def by_the_textbook(report: ValueReport | UnpricedReport | SmallValueReport) -> Block:
    """The textbook value with every ingredient and its n."""
    book = report.textbook
    frame = book.ingredients
    money = report.currency
    frame["value"] = [
        words.say(value, money if unit == "money" else "number:2")
        for value, unit in zip(frame["value"], frame["unit"], strict=True)
    ]
    return blocks.table(
        frame.assign(unit=frame["unit"].replace("money", report.base.currency or "money")),
        finding=f"By the textbook a customer is worth {report.money(book.value)} in a "
        f"lifetime of {_lifetime(book.lifespan_years)}",
        caption=f"Average purchase value × purchases a year × lifespan. {book.rule} Revenue, undiscounted, "
        "the same for every customer.",
    )


def _lifetime(years: float) -> str:
    if years >= 1:
        return f"{words.number(years, 1)} years"
    return (
        words.plural(round(12 * years), "month") if years > 0.2 else words.plural(round(52 * years), "week")
    )


@section(
    "A second opinion",
    small=blocks.note(
        "A second opinion comes with the models",
        "lifetimes' own fitter is asked when there is something to fit.",
    ),
)
def second_opinion(report: ValueReport | UnpricedReport) -> Block:
    """What lifetimes' own fitter finds on the same customers."""
    model = report.forecast.model
    if not model.diagnosis.converged:
        return blocks.note("There is no optimum to compare with that of lifetimes", model.diagnosis.message)
    opinion = btyd.second_opinion(report.forecast.summary, "BetaGeo")
    if opinion.params is None:
        return blocks.note("lifetimes has no second opinion here", opinion.sentence)
    rows = [
        (name, value, opinion.params[name], model.standard_errors[name])
        for name, value in model.params.items()
    ]
    frame = pd.DataFrame(rows, columns=["parameter", "here", "lifetimes", "standard_error"])
    apart = float((abs(frame["here"] - frame["lifetimes"]) / frame["standard_error"]).max())
    return blocks.table(
        frame,
        finding="lifetimes finds the same optimum"
        if apart < 0.05
        else f"lifetimes stops {words.number(apart, 1)} standard errors away",
        caption=f"BG/NBD on the same customers. Log-likelihood here {words.number(model.log_likelihood, 3)}, "
        f"at lifetimes' parameters {words.number(opinion.log_likelihood, 3)}.",
        formats=dict.fromkeys(("here", "lifetimes", "standard_error"), "number:4"),
    )  # fmt: skip
