"""How long contracts last, and what the running ones will still bring."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses.churn.contracts.contract_scores import ContractScores
from crm_analytics.analyses.churn.contracts.contract_value import ContractValue
from crm_analytics.analyses.churn.contracts.contracts import Contracts
from crm_analytics.pages import blocks, figures
from crm_analytics.reports.churn.placement import FEW, names_of, without
from crm_analytics.reports.churn.report import ChurnReport
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import interval

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block

AT_LEAST = 30  # contracts at risk for a share to be shown
TOP = 10


@section(part="contracts", needs=without("contracts"), small=FEW)
def how_long_contracts_last(report: ChurnReport, found: Contracts) -> Block:
    """Share of contracts ended by month."""
    t, row = report.t, found.rates.iloc[0]
    bounds = interval(t, row["lower"], row["upper"], "percent:1")
    finding = t("contracts.finding", share=row["rate"], interval=bounds)
    caption = t.of(
        "contracts.caption",
        {"least": AT_LEAST, "ended": row["ended"], "n": row["contracts"], "months": row["months"]},
    )
    table = found.by_month[found.by_month["at_risk"] >= AT_LEAST].reset_index(drop=True)
    if len(table) < 2:
        block = _one_rate(report, found, finding, caption)
    else:
        columns = ["month", "at_risk", "rate", "interval"]
        shown = table.assign(interval=blocks.together(table["lower"], table["upper"]))
        block = blocks.chart(
            figures.lines(
                table, "month", ["rate"], ("lower", "upper"), names={"rate": t("contracts.name")},
                x_title=t("contracts.x"), fmt="percent:0",
            ),
            finding=finding,
            data=shown[columns],
            caption=caption,
            formats={"rate": "percent", "interval": "interval:percent"},
            names=names_of(report, *columns),
        )  # fmt: skip
    return block.under(t("contracts.label")).anchored("lasting").in_appendix()


def _one_rate(report: ChurnReport, found: Contracts, finding: str, caption: str) -> Block:
    shown = found.rates.head(1).assign(
        recurrence=report.t("contracts.all"),
        interval=blocks.together(found.rates["lower"].head(1), found.rates["upper"].head(1)),
    )
    columns = ["recurrence", "contracts", "running", "ended", "rate", "interval"]
    return blocks.table(
        shown[columns],
        finding=finding,
        caption=caption,
        formats={"rate": "percent", "interval": "interval:percent"},
        names=names_of(report, *columns),
    )


@section(part="contract_value", needs=without("contracts"), small=FEW)
def what_contracts_bring(report: ChurnReport, found: ContractValue) -> Block:
    """Months and money still to come, and the curve they come from."""
    t = report.t
    months, low, high = found.months
    slots: dict[str, Any] = {
        "n": int(found.running["contracts"].sum()), "months": months, "horizon": found.horizon,
        "interval": interval(t, low, high, "count"),
    }  # fmt: skip
    finding = t.of("value.finding_months", slots)
    if not any(map(math.isnan, found.money)):
        money, least, most = found.money
        slots |= {"money": money, "interval": interval(t, least, most, report.currency)}
        finding = t.of("value.finding", slots)
    best = found.comparison.sort_values("bic")["model"].tolist()
    columns = ["month", "survival", "lower", "upper", "seen"]
    return blocks.chart(
        figures.lines(
            found.curve, "month", ["survival", "seen"], ("lower", "upper"),
            names=names_of(report, "survival", "seen"), context=["seen"], mark=found.seen,
            mark_label=t("value.mark"), x_title=t("contracts.x"), fmt="percent:0",
        ),
        finding=finding,
        data=found.curve.iloc[:: max(1, len(found.curve) // 12)][columns],
        caption=t("value.caption", model=best[0], other=best[1]),
        formats=dict.fromkeys(columns[1:], "percent"),
        names=names_of(report, *columns),
    ).under(t("value.label")).anchored("running").in_appendix()  # fmt: skip


@section(part="endings", needs=without("contracts"), small=FEW)
def which_contracts_end(report: ChurnReport, found: ContractScores) -> Block:
    """Running contracts by their price and the chance that they end."""
    t = report.t
    money = found.scores["at_risk"].sum(skipna=False)
    slots: dict[str, Any] = {
        "n": found.expected, "of": len(found.scores), "days": found.window, "money": money,
        "interval": interval(t, *found.interval, "count"),
    }  # fmt: skip
    message = "ending.finding" if math.isnan(money) else "ending.finding_money"
    shown = (_by_kind(found) if found.unmet else _first(report, found)).dropna(axis="columns", how="all")
    return blocks.table(
        shown,
        finding=t.of(message, slots),
        caption=_by_what(report, found),
        formats={
            name: fmt
            for name, fmt in (
                ("chance", "percent:0"), ("price_a_month", report.currency), ("at_risk", report.currency)
            ) if name in shown
        },
        names=names_of(report, *shown.columns) | {"at_risk": t("column.price_at_risk")} if "at_risk" in shown
        else names_of(report, *shown.columns),
    ).under(t("ending.label")).anchored("contracts").in_appendix()  # fmt: skip


def _by_kind(found: ContractScores) -> pd.DataFrame:
    """Contracts of one chance and price together: by a rate no customer stands out."""
    kinds = found.scores.groupby(["probability", "price_a_month"], dropna=False)
    table = kinds.agg(contracts=("customer_id", "size"), at_risk=("at_risk", "sum")).reset_index()
    table = table.rename(columns={"probability": "chance"})
    table["at_risk"] = table["at_risk"].where(table["price_a_month"].notna())
    return table.sort_values(["at_risk", "chance"], ascending=False, ignore_index=True).head(TOP)


def _first(report: ChurnReport, found: ContractScores) -> pd.DataFrame:
    """The customers whose contracts are worth most."""
    order = ["at_risk", "probability", "subscription_id"]
    first = found.scores.sort_values(order, ascending=[False, False, True]).head(TOP).reset_index(drop=True)
    return pd.DataFrame(
        {
            "customer": report.called(first["customer_id"]),
            "chance": first["probability"],
            "price_a_month": first["price_a_month"],
            "at_risk": first["at_risk"],
            "reason": first["reason"],
        }
    )


def _by_what(report: ChurnReport, found: ContractScores) -> str:
    """How the chances were found, and how well that did."""
    t = report.t
    if found.unmet:
        return t("ending.by_rate")
    by_method = found.evidence.set_index("method").to_dict("index")
    row, rate = by_method[found.method], by_method["rate of its kind"]
    bounds = interval(t, row["auc_lower"], row["auc_upper"], "number:2")
    return t(
        "ending.by_model", n=row["n"], days=found.window, auc=row["auc"], interval=bounds, rate=rate["auc"]
    )
