"""What sells, what moves, what comes back and what customers choose: sections of the products report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crm_analytics.analyses.evidence import told
from crm_analytics.pages import blocks, figures
from crm_analytics.pages.blocks import together
from crm_analytics.reports.products.placement import names, placed, short, shown, without
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import interval

if TYPE_CHECKING:
    from crm_analytics.analyses.products.first_product import FirstProducts
    from crm_analytics.analyses.products.movers import Movers
    from crm_analytics.analyses.products.popularity import Popularity
    from crm_analytics.analyses.products.quality import Quality
    from crm_analytics.pages.blocks import Block
    from crm_analytics.reports.products.report import ProductReport

BEST = 10  # products in a chart
LISTED = 40  # in a table
LETTERS = 40  # of a product's name in a chart


@section(part="popular", needs=without("popular", manager=True), small=small_form.favourites)
def what_sells(report: ProductReport, found: Popularity) -> Block:
    """The products that most orders hold while they can be had."""
    t, table = report.t, found.products.head(LISTED)
    data = pd.DataFrame(
        {
            "product": [report.name(p) for p in table["product"]],
            "per_1000": table["rate"],
            "range": together(table["lower"], table["upper"]),
            "orders": table["orders"],
            "sales": table["sales"],
            "price_rank": table["price_rank"],
        }
    )
    data = data if table["price_rank"].notna().any() else data.drop(columns="price_rank")
    first = table.iloc[0]
    bounds = interval(t, first["lower"], first["upper"], "number:0")
    drawn = data.head(BEST).assign(product=[short(name, LETTERS) for name in data["product"].head(BEST)])
    caption = t("popular.caption")
    if found.sold_before_launch:
        caption += " " + t("popular.early", n=found.sold_before_launch)
    if found.free_lines:
        caption += " " + t("popular.free", n=found.free_lines)
    block = blocks.chart(
        figures.bars(_unlike(drawn, "product"), y="product", x="per_1000", fmt="number:0"),
        finding=t("popular.finding", what=short(report.name(first["product"]), 50), rate=first["rate"],
                  interval=bounds),
        data=data,
        caption=caption,
        formats={"per_1000": "number:1", "range": "interval:number:1", "sales": report.currency,
                 "price_rank": "count"} if "price_rank" in data else
                {"per_1000": "number:1", "range": "interval:number:1", "sales": report.currency},
        names=names(report, *data.columns),
    )  # fmt: skip
    return shown(report, block, "popular").in_appendix()


def _unlike(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """Names that became alike when they were cut, told apart by a number."""
    seen = frame.groupby(column).cumcount()
    return frame.assign(
        **{column: np.where(seen > 0, frame[column] + " " + (seen + 1).astype(str), frame[column])}
    )


@section(part="moves", needs=without("moves"), small="small.not_yet.moves")
def what_moves(report: ProductReport, found: Movers) -> Block:
    """Categories and products that sell more or less than before, beyond shop and season."""
    t, table = report.t, found.products
    if report.category_moves is not None:
        table = pd.concat([report.category_moves.products, table], ignore_index=True)
    if table.empty:
        return placed(report, blocks.note(t("moves.none"), t("moves.needs")), "moves")
    n = int(told(found.products["verdict"] == "moves", "products.product_moved").sum())
    season = int((found.products["verdict"] == "not told apart").sum())
    of = len(found.products)
    if n or season:
        finding = t("moves.finding" if n else "moves.finding_season", n=n or season, of=of)
    else:
        finding = t("moves.finding_none", of=of)
    data = pd.DataFrame(
        {
            "product": [report.name(p) for p in table["product"]],
            "now": table["now"],
            "before": table["before"],
            "ratio": table["ratio"].where(np.isfinite(table["ratio"])),
            "range": together(table["lower"], table["upper"].where(np.isfinite(table["upper"]))),
            "last_year": table["last_year"],
            "verdict": [t(f"moved.{slug}") for slug in table["verdict"].str.replace(r"\W+", "_", regex=True)],
        }
    )  # fmt: skip
    data = data if found.has_last_year else data.drop(columns="last_year")
    shop = float(table["shop"].iloc[0])
    formats = {"now": "count", "before": "count", "ratio": "number:2", "range": "interval:number:2"}
    formats |= {"last_year": "number:2"} if found.has_last_year else {}
    block = blocks.table(
        data.head(LISTED),
        finding=finding,
        caption=t("moves.caption", days=found.span_days, shop=shop)
        + (" " + t("moves.no_year") if not found.has_last_year else ""),
        formats=formats,
        names=names(report, *data.columns),
    )
    return placed(report, block, "moves")


@section(part="returns", needs=without("returns"), small="small.not_yet.returns")
def what_comes_back(report: ProductReport, found: Quality) -> Block:
    """Returns and complaints per 100 units, against the catalogue's."""
    t, table = report.t, found.products
    more = table[told(table["verdict"] == "more", "products.comes_back")]
    if more.empty:
        finding = t("returns.finding_none", n=table["product"].nunique())
    else:
        row = more.iloc[0]
        slots = {
            "what": short(report.name(row["product"]), 40),
            "rate": row["rate"],
            "usual": row["catalogue"],
        }
        finding = t.of(f"returns.finding_{row['kind']}", slots)
    data = pd.DataFrame(
        {
            "product": [report.name(p) for p in table["product"]],
            "kind": [t(f"kind.{kind}") for kind in table["kind"]],
            "units": table["units"],
            "per_100": table["rate"],
            "range": together(table["lower"], table["upper"]),
            "usual": table["catalogue"],
            "verdict": [t(f"came_back.{v.replace(' ', '_')}") for v in table["verdict"]],
        }
    )
    above = int(table["above_sales"].sum())
    caption = t("returns.caption") + (" " + t("returns.above", n=above) if above else "")
    caption += "" if found.has_complaints else " " + t("returns.no_complaints")
    block = blocks.table(
        data.head(LISTED),
        finding=finding,
        caption=caption,
        formats={"units": "count", "per_100": "number:1", "range": "interval:number:1", "usual": "number:1"},
        names=names(report, *data.columns),
    )
    return placed(report, block, "returns")


@section(part="options", needs=without("options"), small="small.not_yet.options")
def what_they_choose(report: ProductReport, found: pd.DataFrame) -> Block:
    """Shares of the choices of each option, on products that can be customised."""
    t = report.t
    sizes = found.groupby(["product", "option"], sort=False)["lines"].transform("sum")
    order = found.assign(of=sizes).sort_values(["of", "lines"], ascending=False, kind="stable")
    first = order.iloc[0]
    data = pd.DataFrame(
        {
            "product": [report.name(p) for p in order["product"]],
            "option": order["option"],
            "choice": order["choice"],
            "units": order["units"],
            "share": order["share"],
            "range": together(order["lower"], order["upper"]),
        }
    ).reset_index(drop=True)
    slots = {"what": short(report.name(first["product"]), 30), "option": short(first["option"], 20),
             "choice": short(first["choice"], 20), "share": first["share"]}  # fmt: skip
    block = blocks.table(
        data.head(LISTED),
        finding=t.of("options.finding", slots),
        caption=t("options.caption"),
        formats={"units": "count", "share": "percent:0", "range": "interval:percent:0"},
        names=names(report, *data.columns),
    )
    return placed(report, block, "options")


@section(part="first", needs=without("first"), small="small.not_yet.first_products")
def what_begins_long_relations(report: ProductReport, found: FirstProducts) -> Block:
    """What customers bring after the day they began, by what they began with."""
    t, table = report.t, found.products
    clear = table[told(table["clear"], "products.first_product") & (table["difference"] > 0)]
    if clear.empty:
        finding = t("first.finding_none", n=found.customers)
    else:
        row = clear.iloc[0]
        bounds = interval(t, row["lower"], row["upper"], report.currency)
        slots = {
            "what": short(report.name(row["product"]), 40),
            "value": row["difference"],
            "interval": bounds,
        }
        finding = t.of("first.finding", slots | {"days": found.window_days})
    drawn = table.head(BEST)
    drawn = _unlike(
        drawn.assign(product=[short(report.name(p), LETTERS) for p in drawn["product"]]), "product"
    )
    data = pd.DataFrame(
        {
            "product": [report.name(p) for p in table["product"]],
            "customers": table["customers"],
            "value": table["value"],
            "difference": table["difference"],
            "range": together(table["lower"], table["upper"]),
            "again": table["again"],
            "clear": [t("yes") if c else t("no") for c in told(table["clear"], "products.first_product")],
        }
    )
    money = report.currency
    block = blocks.chart(
        figures.intervals(drawn, "product", "difference", "lower", "upper", reference=0.0, fmt=money,
                          reference_label=t("first.alike")),
        finding=finding,
        data=data.head(LISTED),
        caption=t("first.caption", n=found.customers, days=found.window_days, mean=found.mean),
        formats={"customers": "count", "value": money, "difference": money, "range": f"interval:{money}",
                 "again": "percent:0"},
        names=names(report, *data.columns),
    )  # fmt: skip
    return placed(report, block, "first")
