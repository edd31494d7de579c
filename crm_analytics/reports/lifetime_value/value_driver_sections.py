"""Who carries the value, by segment and by place today and to come; who is overlooked; what has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.btyd.checks.drift import LIMIT
from crm_analytics.pages import blocks, figures
from crm_analytics.reports.lifetime_value.placement import (
    names,
    noted,
    placed,
    translated,
    without_money,
)
from crm_analytics.reports.lifetime_value.sections import TIER_WORDS
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.spoken import segment_name

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block
    from crm_analytics.reports.lifetime_value.report import ValueReport
    from crm_analytics.reports.lifetime_value.value_drivers import Carriers

TOP = 10


@section(part="carriers", needs=without_money("segments", "segments"), small=small_form.comes_with_models)
def value_by_segment(report: ValueReport, parts: Carriers) -> Block:
    """What each RFM segment will bring, with its interval."""
    t, money = report.t, report.currency
    if parts.segments is None or parts.segments.empty:
        return noted(report, "segments", "segments.none")
    table = parts.segments.assign(segment=[segment_name(t, name) for name in parts.segments["segment"]])
    first, columns = table.iloc[0], ["segment", "customers", "value", "lower", "upper"]
    said = {"segment": first["segment"], "n": first["customers"], "value": first["value"]}
    beyond = t("segments.beyond", share=parts.beyond, span=report.span) if parts.beyond is not None else ""
    block = blocks.chart(
        figures.intervals(table, "segment", "value", "lower", "upper", fmt=money),
        finding=t("segments.finding", share=first["value"] / table["value"].sum(), **said),
        data=table[columns],
        caption=f"{t('segments.caption')} {beyond}".strip(),
        formats=dict.fromkeys(("value", "lower", "upper"), money),
        names=names(report, *columns),
    )
    return placed(report, block, "segments")


@section(part="carriers", needs=without_money("grid", "grid"), small=small_form.comes_with_models)
def today_and_to_come(report: ValueReport, parts: Carriers) -> Block:
    """Nine fields with a play and a ceiling."""
    t, money, table = report.t, report.currency, parts.grid.fields
    shown = table[table["customers"] > 0].reset_index(drop=True)
    rising = table[(table["to_come"] == "Top 20 %") & (table["today"] != "Top 20 %")]["customers"].sum()
    for column in ("today", "to_come"):
        shown[column] = [t(f"tiers.{TIER_WORDS[str(name)]}") for name in shown[column]]
    shown["play"] = [translated(t, "play", text) for text in shown["play"]]
    block = blocks.table(
        shown,
        finding=t("grid.finding", n=rising) if rising else t("grid.finding_none"),
        caption=t("grid.caption_ceiling" if "ceiling" in shown else "grid.caption"),
        formats={name: money for name in ("revenue", "value", "ceiling") if name in shown},
        names=names(report, *map(str, shown.columns)),
    )
    return placed(report, block, "grid")


@section(part="carriers", needs=without_money("overlooked", "overlooked"), small=small_form.comes_with_models)
def who_is_overlooked(report: ValueReport, parts: Carriers) -> Block:
    """High forecast, low past, not contacted."""
    t, grid = report.t, parts.grid
    many = int(grid.overlooked.count().to_pyarrow().as_py())
    if not many:
        return noted(report, "overlooked", "overlooked.none", "overlooked.none_why")
    order = [ibis.desc("lifetime_value"), "customer_id"]
    found = report.base.collect(grid.overlooked.order_by(order).limit(TOP))
    shown = pd.DataFrame(
        {
            "customer": report.called(found["customer_id"]),
            "revenue_of_52_weeks": found["revenue"].astype("float64"),
            "value": found["lifetime_value"].astype("float64"),
        }
    )
    known = "overlooked.finding" if grid.contacts_known else "overlooked.finding_unknown"
    block = blocks.table(
        shown,
        finding=t(known, n=many),
        caption=t("overlooked.caption"),
        formats=dict.fromkeys(("revenue_of_52_weeks", "value"), report.currency),
        names=names(report, *map(str, shown.columns)),
    )
    return placed(report, block, "overlooked")


@section(part="carriers", needs=without_money("drift", "drift"), small=small_form.comes_with_models)
def what_has_changed(report: ValueReport, parts: Carriers) -> Block:
    """Purchases against those of an earlier fit, added up week by week."""
    t, found, growth = report.t, parts.drift, report.growth
    if found is None or growth is None:
        return noted(report, "drift", "drift.none", "drift.none_why")
    table = found.tracking
    last = float(table["cusum"].iloc[-1])
    beyond = abs(last) > LIMIT * float(table["standard_error"].iloc[-1])
    shown = table.assign(
        lower=-LIMIT * table["standard_error"], upper=LIMIT * table["standard_error"], as_fitted=0.0
    )
    columns = ["day", "actual", "expected", "cusum", "standard_error"]
    block = blocks.chart(
        figures.lines(
            shown,
            "day",
            ["as_fitted", "cusum"],
            ("lower", "upper"),
            names={"as_fitted": t("drift.as_fitted"), "cusum": t("drift.cusum")},
            context=("as_fitted",),
            fmt="count",
            zero=False,
        ),
        finding=t("drift.finding", day=growth.day, n=abs(last), way="more" if last > 0 else "fewer")
        if beyond
        else t("drift.finding_calm", day=growth.day),
        data=table[columns],
        caption=t("drift.caption", day=growth.day, limit=LIMIT),
        formats={"day": "date:short", "actual": "count"}
        | dict.fromkeys(("expected", "cusum", "standard_error"), "number:1"),
        names=names(report, *columns),
    )
    return placed(report, block, "drift")
