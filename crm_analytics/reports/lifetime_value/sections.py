"""Who will bring the money, who is still a customer, and what other ways of counting say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses import btyd
from crm_analytics.analyses.portfolio.value_tiers import STATUSES, TIERS
from crm_analytics.pages import blocks, figures, words
from crm_analytics.reports.lifetime_value.placement import (
    names,
    noted,
    placed,
    translated,
    without_money,
)
from crm_analytics.reports.lifetime_value.report import SmallValueReport, UnpricedReport, ValueReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import span

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block
    from crm_analytics.pages.sentences import Sentences
    from crm_analytics.reports.lifetime_value.forecast import Forecast

TIER_WORDS = dict(zip([name for name, _ in TIERS], ("top", "next", "rest"), strict=True))
STATUS_WORDS = dict(zip([name for name, _ in STATUSES], ("active", "wavering", "gone"), strict=True))
BEST = 10


@section(part="priced", needs=without_money("tiers", "carriers"), small=small_form.every_regular)
def who_carries_it(report: ValueReport, found: Forecast) -> Block:
    """Value to come by tier; the one chart of the manager's layer."""
    t, money, tiers = report.t, report.currency, found.tiers.tiers.copy()
    tiers["customer_share"] = tiers["customers"] / tiers["customers"].sum()
    tiers["tier"] = [t(f"tiers.{TIER_WORDS[str(name)]}") for name in tiers["tier"]]
    data = tiers.rename(columns={"revenue": "revenue_so_far", "purchases": "purchases_to_come"})
    columns = [
        "tier", "customers", "value", "value_share", "value_per_customer", "purchases_to_come",
        "revenue_so_far",
    ]  # fmt: skip
    return (
        blocks.chart(
            figures.bars(tiers, y="tier", x="value_share", context="customer_share", fmt="percent:0"),
            finding=t("tiers.finding", share=found.tiers.spread.top_share),
            data=data[columns],
            caption=t("tiers.caption"),
            formats=dict.fromkeys(("value", "value_per_customer", "revenue_so_far"), money)
            | {"value_share": "percent", "purchases_to_come": "count"},
            names=names(report, *columns),
        )
        .under(t("tiers.label"))
        .anchored("tiers")
    )


@section(small=small_form.favourites)
def who_is_still_there(report: ValueReport | UnpricedReport) -> Block:
    """Customers by the chance that they are still customers: an expected number, no list of people."""
    t, found = report.t, report.forecast
    if not found.tells_who_left:
        return noted(report, "status", "status.not_told", "status.not_told_why")
    chance = found.status.probability_alive(found.summary.cells).to_numpy()
    n = found.summary.cells["customers"].to_numpy(float)
    named = pd.Series([next(name for name, low in STATUSES if p >= low) for p in chance])
    parts = pd.DataFrame({"status": named, "customers": n, "alive": n * chance})
    frame = parts.groupby("status").sum().reindex([name for name, _ in STATUSES]).fillna(0.0).reset_index()
    frame["status"] = [t(f"status.{STATUS_WORDS[str(name)]}") for name in frame["status"]]
    block = blocks.chart(
        figures.bars(frame, y="status", x="customers", context="alive", fmt="count"),
        finding=t("status.finding", alive=found.alive, n=found.summary.customer_count),
        data=frame,
        caption=t("status.caption"),
        formats={"customers": "count", "alive": "count"},
        names=names(report, "status", "customers", "alive"),
    )
    return placed(report, block, "status")


@section(part="priced", needs=without_money("best", "best"), small=small_form.last_visits)
def best_customers(report: ValueReport, found: Forecast) -> Block:
    """The ten customers with most to come."""
    t, money = report.t, report.currency
    scored = report.outlook.scored
    top = report.base.collect(
        scored.order_by([ibis.desc("value_to_come"), "customer_id"])
        .select("customer_id", "value_to_come", "expected_purchases", "probability_alive")
        .limit(BEST)
    )
    top["customer"] = report.called(top["customer_id"])
    columns = ["customer", "value_to_come", "expected_purchases"]
    columns += ["probability_alive"] if found.tells_who_left else []
    named = report.show_customers or report.base.show_customers
    block = blocks.table(
        top[columns],
        finding=t("best.finding", share=top["value_to_come"].sum() / report.outlook.total.mean),
        caption=t("best.caption_named" if named else "best.caption"),
        formats={"value_to_come": money, "expected_purchases": "number:1"}
        | ({"probability_alive": "percent:0"} if found.tells_who_left else {}),
        names=names(report, *columns),
    )
    return placed(report, block, "best")


def _small_textbook(report: SmallValueReport) -> Block:
    """The textbook value is the answer of a base too small for the models."""
    t, frame = report.own, _ingredients(report, report.own)
    return blocks.table(
        frame,
        finding=t("few.textbook", value=report.textbook.value),
        caption=t("few.caption"),
        names={str(name): t(f"column.{name}") for name in frame} | {"value": t("column.amount")},
    ).under(t("textbook.label"))


def _ingredients(report: ValueReport | UnpricedReport | SmallValueReport, t: Sentences) -> pd.DataFrame:
    """The parts of the formula in the language of the page."""
    frame = report.textbook.ingredients.assign(value=_worded(report.textbook, report.currency))
    frame["unit"] = frame["unit"].replace("money", report.base.currency or t("textbook_word.money"))
    for column in ("ingredient", "unit", "counted"):
        frame[column] = [translated(t, "textbook_word", text) for text in frame[column]]
    return frame


def _worded(book: btyd.TextbookValue, money: str) -> list[str]:
    frame = book.ingredients
    return [
        words.say(value, money if unit == "money" else "number:2")
        for value, unit in zip(frame["value"], frame["unit"], strict=True)
    ]


@section(small=_small_textbook)
def by_the_textbook(report: ValueReport | UnpricedReport) -> Block:
    """The textbook value with every ingredient and its n."""
    t, book = report.t, report.textbook
    frame = _ingredients(report, t)
    block = blocks.table(
        frame,
        finding=t("textbook.finding", value=book.value, life=_lifetime(report, book.lifespan_years)),
        caption=t("textbook.caption"),
        names=names(report, *map(str, frame.columns)) | {"value": t("column.amount")},
    )
    return placed(report, block, "textbook")


def _lifetime(report: ValueReport | UnpricedReport, years: float) -> str:
    if years >= 1:
        return report.t("textbook.years", n=years)
    if years > 0.2:
        return span(report.t, round(12 * years), "M")
    return span(report.t, round(52 * years), "W")


@section(small="small.second_fit")
def second_opinion(report: ValueReport | UnpricedReport) -> Block:
    """What lifetimes' own fitter finds on the same customers."""
    t, model = report.t, report.forecast.model
    opinion = btyd.second_opinion(report.forecast.summary, "BetaGeo") if model.diagnosis.converged else None
    if opinion is None or opinion.params is None:
        return noted(report, "opinion", "opinion.none", "opinion.none_why")
    rows = [
        (name, value, opinion.params[name], model.standard_errors[name])
        for name, value in model.params.items()
    ]
    frame = pd.DataFrame(rows, columns=["parameter", "here", "lifetimes", "standard_error"])
    apart = float((abs(frame["here"] - frame["lifetimes"]) / frame["standard_error"]).max())
    block = blocks.table(
        frame,
        finding=t("opinion.same") if apart < 0.05 else t("opinion.apart", n=apart),
        caption=t("opinion.caption", mine=model.log_likelihood, theirs=opinion.log_likelihood),
        formats=dict.fromkeys(("here", "lifetimes", "standard_error"), "number:4"),
        names=names(report, *map(str, frame.columns)),
    )
    return placed(report, block, "opinion")
