"""What goes together, and what to offer whom: sections of the products report."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crm_analytics.analyses.evidence import told
from crm_analytics.pages import blocks, figures
from crm_analytics.pages.blocks import together
from crm_analytics.reports.products.offers import NEXT
from crm_analytics.reports.products.placement import names, percent_range, placed, short, without
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.customer_lists import list_of
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import interval

if TYPE_CHECKING:
    from crm_analytics.analyses.products.affinity import Affinity
    from crm_analytics.analyses.products.cross_shop import CrossShop
    from crm_analytics.analyses.products.next_product import NextOffers
    from crm_analytics.pages.blocks import Block
    from crm_analytics.reports.products.report import ProductReport

FIRST = 10  # customers named on the page; the whole list stands beside it
LISTED = 40
DRAWN = 8
WIDEST = 10  # categories of a heat map


@section(part="next", needs=without("next"), small=small_form.last_visits)
def whom_to_offer_what(report: ProductReport, found: NextOffers) -> Block:
    """The first customers of the list, with the product and the reason."""
    t = report.t
    action = next((one for one in report.plan.actions if one.id == NEXT and one.customers), None)
    if action is None:
        return placed(report, blocks.note(t("offers.none"), t("offers.none_why")), "offers")
    rows = list_of(report.base, action, report.show_customers)
    money = next(name for name in ("expected_margin", "expected_sale") if name in rows)
    top = rows.head(FIRST)
    data = pd.DataFrame(
        {
            "customer": top["customer"],
            "product": [short(name, 40) for name in top["product"]],
            "because": [_reason(report, row) for row in top.to_dict("records")],
            "probability": top["probability"],
            money: top[money],
        }
    )
    named = report.show_customers or report.base.show_customers
    block = blocks.table(
        data,
        finding=t("offers.finding", n=len(top), all=len(rows), days=found.days),
        caption=t("offers.caption_named" if named else "offers.caption"),
        formats={"probability": "percent:0", money: report.currency},
        names=names(report, *data.columns),
    )
    return placed(report, block, "offers")


def _reason(report: ProductReport, row: Mapping[Hashable, object]) -> str:
    if row["reason"] == "they buy it":
        return report.t("reason.repeat")
    if row["reason"] == "because they bought":
        return report.t("reason.similar", what=short(row["because"], 40))
    return report.t("reason.popular")


@section(part="next", needs=without("next"), small="small.not_yet.next_products")
def how_good_such_lists_are(report: ProductReport, found: NextOffers) -> Block:
    """Simple rules and models on the last weeks; repeats and discoveries apart."""
    t, table = report.t, found.evaluation
    row = table[table["way"] == found.way].iloc[0]
    slots = {"k": found.k, "share": row["recall"], "way": t(f"way.{_slug(found.way)}"),
             "interval": percent_range(report, row["recall_lower"], row["recall_upper"])}  # fmt: skip
    caption = [t("next.caption", n=int(row["customers"]), days=found.days, k=found.k)]
    if found.beats_baseline:
        gain = found.differences[found.differences["model"] == found.way].iloc[0]
        bounds = percent_range(report, gain["lower"], gain["upper"])
        caption.append(
            t(
                "next.beats",
                way=t(f"way.{_slug(gain['baseline'])}"),
                share=gain["difference"],
                interval=bounds,
            )
        )
    else:
        caption.append(t("next.baseline", n=len(found.differences)))
    data = pd.DataFrame(
        {
            "way": [t(f"way.{_slug(way)}") for way in table["way"]],
            "recall": table["recall"],
            "range": together(table["recall_lower"], table["recall_upper"]),
            "repeats": table["recall_repeats"],
            "discoveries": table["recall_discoveries"],
            "hit": table["hit"],
            "ndcg": table["ndcg"],
            "coverage": table["coverage"],
        }
    )
    shares = ("recall", "repeats", "discoveries", "hit", "coverage")
    block = blocks.table(
        data.sort_values("recall", ascending=False, kind="stable", ignore_index=True),
        finding=t.of("next.finding_model" if found.beats_baseline else "next.finding_rule", slots),
        caption=" ".join(caption),
        formats=dict.fromkeys(shares, "percent:1") | {"range": "interval:percent:1", "ndcg": "number:3"},
        names=names(report, *data.columns),
    )
    return placed(report, block, "next")


def _slug(way: str) -> str:
    return way.replace(" ", "_").replace("-", "_")


@section(part="together", needs=without("together"), small="small.not_yet.together")
def what_goes_together(report: ProductReport, found: Affinity) -> Block:
    """Pairs that orders hold more often than chance, season and segment make."""
    t, table = report.t, report.pairs
    assert table is not None
    if table.empty:
        return placed(report, blocks.note(t("together.none"), t("together.few")), "together")
    top = table.head(LISTED)
    ones, others = ([short(report.name(p), 24) for p in top[side]] for side in ("product_a", "product_b"))
    top = top.assign(pair=[f"{one} + {other}" for one, other in zip(ones, others, strict=True)])
    data = pd.DataFrame(
        {
            "pair": top["pair"],
            "orders": top["orders"],
            "by_chance": top["expected"],
            "times": top["within_lift"],
            "range": together(top["lower"], top["upper"]),
            "support": top["support"],
            "confidence": together(top["confidence_ab"], top["confidence_ba"]),
            "lift": top["lift"],
            "extra_margin": top["extra_margin"].where(top["verdict"] == "affinity"),
            "verdict": [t(f"pair.{v.replace(' ', '_')}") for v in top["verdict"]],
        }
    )  # fmt: skip
    n = int((table["verdict"] == "affinity").sum())
    drawn = top.head(DRAWN).drop_duplicates("pair")
    block = blocks.chart(
        figures.intervals(drawn, "pair", "within_lift", "lower", "upper", reference=1.0, fmt="number:1",
                          reference_label=t("together.chance")),
        finding=t.of("together.finding" if n else "together.finding_none", {"n": n, "tested": found.tested}),
        data=data,
        caption=_of_pairs(report, found, table),
        formats={"orders": "count", "by_chance": "number:1", "times": "number:1",
                 "range": "interval:number:1", "support": "percent:2",
                 "confidence": "interval:percent:0", "lift": "number:2",
                 "extra_margin": report.currency},
        names=names(report, *data.columns),
    )  # fmt: skip
    return placed(report, block, "together")


def _of_pairs(report: ProductReport, found: Affinity, table: pd.DataFrame) -> str:
    """How the pairs were looked at, and which of them are none."""
    t, counts = report.t, table["verdict"].value_counts()
    said = [
        t("together.caption", tested=found.tested, orders=found.orders),
        t(f"together.within.{'_'.join(found.checked) or 'size'}"),
    ]
    bundles = int(table["is_bundle"].sum())
    for message, n in (
        ("season_only", int(counts.get("season only", 0))),
        ("segment_only", int(counts.get("segment only", 0))),
        ("over_cap", found.over_cap),
        ("bundles", bundles),
    ):
        said += [t(f"together.{message}", n=n)] if n else []
    return " ".join(said)


@section(part="cross_shop", needs=without("cross_shop"), small="small.not_yet.cross_shop")
def who_buys_across_categories(report: ProductReport, found: CrossShop) -> Block:
    """Categories that the same customers buy."""
    t, table = report.t, found.pairs
    clear = table[told(table["clear"], "products.cross_shop") & (table["lift"] > 1)] if len(table) else table
    one = found.breadth[found.breadth["categories"] == 1]
    share = float(one["share"].iloc[0]) if len(one) else 0.0
    if table.empty:
        return placed(report, blocks.note(t("cross_shop.finding_one", share=share)), "cross_shop")
    if clear.empty:
        finding = t("cross_shop.finding_none")
    else:
        row = clear.iloc[0]
        slots = {
            "one": short(row["category_a"], 30),
            "other": short(row["category_b"], 30),
            "share": row["share"],
            "interval": interval(t, row["lower"], row["upper"], "percent:0"),
        }
        finding = t.of("cross_shop.finding", slots)
    data = pd.DataFrame(
        {
            "category": [short(name, 40) for name in table["category_a"]],
            "other": [short(name, 40) for name in table["category_b"]],
            "customers": table["customers"],
            "share": table["share"],
            "range": together(table["lower"], table["upper"]),
            "times": table["lift"],
            "clear": [t("yes") if c else t("no") for c in told(table["clear"], "products.cross_shop")],
        }
    )
    block = blocks.chart(
        figures.heatmap(_shares(found), fmt="percent:0", top=1.0),
        finding=finding,
        data=data.head(LISTED),
        caption=t("cross_shop.caption", n=found.customers, share=share),
        formats={
            "customers": "count",
            "share": "percent:0",
            "range": "interval:percent:0",
            "times": "number:2",
        },
        names=names(report, *data.columns),
    )
    return placed(report, block, "cross_shop")


def _shares(found: CrossShop) -> pd.DataFrame:
    """Of the customers of a row's category, those who buy the column's, too."""
    table = found.pairs
    of_a = table["customers"] + table["only_a"]
    of_b = table["customers"] + table["only_b"]
    sizes = pd.concat([of_a.set_axis(table["category_a"]), of_b.set_axis(table["category_b"])])
    kept = sizes.groupby(level=0).max().nlargest(WIDEST).index.tolist()
    grid = pd.DataFrame(np.nan, index=kept, columns=kept)
    for a, b, n, one, other in zip(
        table["category_a"], table["category_b"], table["customers"], of_a, of_b, strict=True
    ):
        if a in kept and b in kept:
            grid.loc[a, b], grid.loc[b, a] = n / one, n / other
    said = [short(name, 20) for name in kept]
    return grid.set_axis(said, axis=0).set_axis(said, axis=1)
