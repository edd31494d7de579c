"""How long contracts last, and what the running ones will still bring."""

from __future__ import annotations

import math

import pandas as pd

from crm_analytics.analyses.churn.contracts.contract_scores import ContractScores
from crm_analytics.analyses.churn.contracts.contract_value import ContractValue
from crm_analytics.analyses.churn.contracts.contracts import Contracts
from crm_analytics.pages import blocks, figures, words
from crm_analytics.pages.blocks import Block
from crm_analytics.reports.churn.report import ChurnReport
from crm_analytics.reports.shared.section import section

AT_LEAST = 30  # contracts at risk for a share to be shown
TOP = 10


@section("How long contracts last", part="contracts", needs="There are no contracts to look at")
def how_long_contracts_last(report: ChurnReport, found: Contracts) -> Block:
    """Share of contracts ended by month."""
    table = found.by_month[found.by_month["at_risk"] >= AT_LEAST]
    if len(table) < 2:
        return blocks.table(found.rates, finding=found.words.rstrip("."))
    return blocks.chart(
        figures.lines(
            table, "month", ["rate"], ("lower", "upper"), names={"rate": "ended"},
            x_title="month of the contract", fmt="percent:0",
        ),
        finding=found.words.rstrip("."),
        data=table,
        caption="Share of the contracts running at the beginning of a month that ended in it; months with "
        f"{AT_LEAST} contracts or more. Intervals: 95 %.",
        formats=dict.fromkeys(("rate", "lower", "upper"), "percent"),
    )  # fmt: skip


@section(
    "What running contracts will bring",
    part="contract_value",
    needs="What running contracts will bring is not known",
)
def what_contracts_bring(report: ChurnReport, found: ContractValue) -> Block:
    """Months and money still to come, and the curve they are reckoned by."""
    months, low, high = found.months
    running = int(found.running["contracts"].sum())
    finding = f"""{words.plural(running, "running contract")} should last {words.count(months)} months in the
        next {found.horizon} ({words.count(low)} to {words.count(high)})"""
    if not any(map(math.isnan, found.money)):
        money, least, most = (report.money(amount) for amount in found.money)
        finding += f" and bring {money} ({least} to {most})"
    best = found.comparison.sort_values("bic")["model"].tolist()
    return blocks.chart(
        figures.lines(
            found.curve, "month", ["survival", "seen"], ("lower", "upper"),
            names={"survival": "predicted", "seen": "seen"}, context=["seen"],
            mark=found.seen, mark_label="seen until here", x_title="month of the contract", fmt="percent:0",
        ),
        finding=finding,
        data=found.curve.iloc[:: max(1, len(found.curve) // 12)].rename(columns={"survival": "predicted"}),
        caption=f"Share of contracts that last longer than a month, by {best[0]} (BIC lower than that of "
        f"{best[1]}); intervals: 95 %, by drawing contracts anew. Each running contract goes on from the "
        "month it has reached; money is its price a month, if prices stay.",
        formats=dict.fromkeys(("predicted", "lower", "upper", "seen"), "percent"),
    )  # fmt: skip


@section("Which contracts end next", part="endings", needs="Which contracts end next is not known")
def which_contracts_end(report: ChurnReport, found: ContractScores) -> Block:
    """Running contracts by what is at risk, and by what their chances are told."""
    money = found.scores["at_risk"].sum(skipna=False)
    running = words.plural(len(found.scores), "running contract")
    span = words.plural(found.window, "day")
    low, high = map(words.count, found.interval)
    finding = f"{words.count(found.expected)} ({low}–{high}) of {running} are expected to end within {span}"
    if not math.isnan(money):
        finding += f", and {report.money(money)} a month with them"
    shown = _by_kind(found) if found.unmet else _first(report, found)
    return blocks.table(
        shown.dropna(axis="columns", how="all"),
        finding=finding,
        caption=_by_what(found),
        formats={"chance": "percent:0", "price_a_month": report.currency, "at_risk": report.currency},
    )


def _by_kind(found: ContractScores) -> pd.DataFrame:
    """Contracts of one chance and price together: by a rate no customer stands out."""
    kinds = found.scores.groupby(["probability", "price_a_month"], dropna=False)
    table = kinds.agg(contracts=("customer_id", "size"), at_risk=("at_risk", "sum")).reset_index()
    table = table.rename(columns={"probability": "chance"})
    table["at_risk"] = table["at_risk"].where(table["price_a_month"].notna())
    return table.sort_values(["at_risk", "chance"], ascending=False, ignore_index=True).head(TOP)


def _first(report: ChurnReport, found: ContractScores) -> pd.DataFrame:
    """The customers with most at risk."""
    order = ["at_risk", "probability", "subscription_id"]
    first = found.scores.sort_values(order, ascending=[False, False, True]).head(TOP).reset_index(drop=True)
    return pd.DataFrame(
        {
            "customer": report.called(first["customer_id"]),
            "chance": first["probability"],
            "price_a_month": first["price_a_month"],
            "at_risk": first["at_risk"],
            "why": first["reason"],
        }
    )


def _by_what(found: ContractScores) -> str:
    """How the chances were found, and how well that did."""
    if found.unmet:
        return f"""By the rate at which contracts of the same recurrence end, one chance for all of a kind:
            for a model {"; ".join(found.unmet)}. At risk: the chance times the price a month."""
    row, rate = (found.evidence.set_index("method").loc[name] for name in (found.method, "rate of its kind"))
    return f"""By the {found.method} model. On {words.count(row["n"])} contracts of the last {found.window}
        days that could be judged, of which it had seen nothing, AUC {words.number(row["auc"], 2)}
        ({words.interval(row["auc_lower"], row["auc_upper"], "number:2")}) against
        {words.number(rate["auc"], 2)} by the rate of their kind. At risk: the chance times the price a
        month."""
