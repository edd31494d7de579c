"""The referrals report below the first screen: one table or figure a function, each under its finding."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.evidence import Evidence, grade
from crm_analytics.analyses.referral.invitations import SET_ASIDE
from crm_analytics.analyses.referral.likelihood import MODEL, ReferralLikelihood
from crm_analytics.analyses.referral.referral_value import ReferralValue
from crm_analytics.analyses.referral.referred_customers import ReferredCustomers
from crm_analytics.analyses.referral.value_matrix import ADVOCATES, CHAMPIONS, QUADRANTS, ValueMatrix
from crm_analytics.pages import blocks, figures
from crm_analytics.reports.referrals.report import ReferralReport, not_yet
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.spoken import slug
from crm_analytics.reports.shared.tiles import interval

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block

FIRST = 10  # customers on the page


def _names(report: ReferralReport, *columns: str) -> dict[str, str]:
    return {column: report.t(f"column.{column}") for column in columns}


def _unknown(message: str, part: str) -> Callable[[ReferralReport], Block]:
    def said(report: ReferralReport) -> Block:
        note = blocks.note(report.t(f"{message}.none"), report.why(part))
        return note.under(report.t(f"{message}.label")).anchored(message).in_appendix()

    return said


@section(small=not_yet("tree"))
def who_brought_whom(report: ReferralReport) -> Block:
    """How long the chains are, and which invitations were set aside."""
    t, sent = report.t, report.sent
    depths = sent.forest.depths
    rows = [(t("tree.level", n=int(d)), int(n)) for d, n in depths.itertuples(index=False)]
    rows += [(t(f"aside.{slug(name)}"), n) for name in SET_ASIDE if (n := sent.set_aside.get(name, 0))]
    if not rows:
        return blocks.note(t("tree.none")).under(t("tree.label")).anchored("tree").in_appendix()
    frame = pd.DataFrame(rows, columns=["what", "count"])
    longest = int(depths["depth"].max()) if len(depths) else 0
    finding = t("tree.finding", n=sent.forest.referred, levels=longest)
    return (
        blocks.table(frame, finding=finding, caption=t("tree.caption"), names=_names(report, "what", "count"))
        .under(t("tree.label"))
        .anchored("tree")
        .in_appendix()
    )


@section(small=small_form.last_visits)
def top_referrers(report: ReferralReport) -> Block:
    """The customers who brought most, directly and through those they brought."""
    t, base = report.t, report.base
    tree = report.sent.tree
    best = tree.filter(tree.direct > 0).select("customer_id", "direct", "downstream")
    if report.value is not None:
        worth = report.value.referrers.select("customer_id", "value")
        best = best.left_join(worth, "customer_id").drop("customer_id_right")
        order = [ibis.desc("value"), ibis.desc("direct"), "customer_id"]
    else:
        order = [ibis.desc("direct"), ibis.desc("downstream"), "customer_id"]
    frame = base.collect(best.order_by(order).limit(FIRST))
    if frame.empty:
        return blocks.note(t("top.none")).under(t("top.label")).anchored("top").in_appendix()
    frame.insert(0, "customer", report.called(frame.pop("customer_id")))
    return (
        blocks.table(
            frame,
            finding=t("top.finding", n=len(frame), referred=int(frame["direct"].sum())),
            caption=t("top.caption"),
            formats={"value": report.currency} if "value" in frame else {},
            names=_names(report, *frame.columns),
        )
        .under(t("top.label"))
        .anchored("top")
        .in_appendix()
    )


@section(small=not_yet("value"), part="value", needs=_unknown("value", "value"))
def what_referrals_bring(report: ReferralReport, value: ReferralValue) -> Block:
    """Value of both types, rewards, and what a unit of reward brought back."""
    t = report.t
    rows = [("type_one", value.type_one), ("type_two", value.type_two), ("value", value.total),
            ("rewards", value.rewards), ("saved", value.saved)]  # fmt: skip
    frame = pd.DataFrame([(t(f"value.{name}"), amount) for name, amount in rows], columns=["what", "amount"])
    bounds = interval(t, value.lower, value.upper, report.currency)
    source = t(f"value.p_{value.p_source}", share=value.p_type_two)
    money = t("value.of_margin", margin=value.margin) if value.margin is not None else t("value.of_revenue")
    return (
        blocks.table(
            frame,
            finding=t(
                "value.finding" if value.is_shown else "value.finding_not_shown",
                value=value.total,
                interval=bounds,
            ),
            caption=t("value.caption", source=source, money=money, rate=value.rate),
            formats={"amount": report.currency},
            names=_names(report, "what", "amount"),
        )
        .under(t("value.label"))
        .anchored("value")
        .in_appendix()
    )


@section(small=not_yet("compared"), part="compared", needs=_unknown("compared", "compared"))
def referred_against_others(report: ReferralReport, compared: ReferredCustomers) -> Block:
    """Referred customers against others who began in the same month."""
    t, table = report.t, compared.outcomes.copy()
    money, plain = report.currency, "number:2"
    formats = [money, plain, "percent:0"]
    row = compared.of("revenue")
    found = grade(
        row["difference"], row["lower"], row["upper"], compared.matched, kind="referrals.referred_differ"
    )
    message = "compared.finding" if found is Evidence.SHOWN else "compared.finding_not_shown"
    table["outcome"] = [t(f"outcome.{name}") for name in table["outcome"]]
    table["range"] = blocks.together(table.pop("lower"), table.pop("upper"))
    bounds = interval(t, row["lower"], row["upper"], money)
    slots = {
        "difference": row["difference"], "interval": bounds, "days": compared.within,
        "size": abs(row["difference"]), "way": "more" if row["difference"] > 0 else "less",
    }  # fmt: skip
    return (
        blocks.table(
            table,
            finding=t.of(message, slots),
            caption=t(
                "compared.caption", n=compared.matched, others=compared.others, days=compared.within,
                without=compared.unmatched,
            ),
            formats=dict.fromkeys(("referred", "others", "difference"), formats)
            | {"range": [f"interval:{fmt}" for fmt in formats]},
            names=_names(report, *table.columns),
        )
        .under(t("compared.label"))
        .anchored("compared")
        .in_appendix()
    )  # fmt: skip


@section(small=not_yet("matrix"), part="matrix", needs=_unknown("matrix", "matrix"))
def worth_themselves_and_by_others(report: ReferralReport, matrix: ValueMatrix) -> Block:
    """Champions, affluents, advocates, misers."""
    t, cells = report.t, matrix.cells
    n = dict(zip(cells["quadrant"], cells["customers"], strict=True))
    shown = cells.assign(quadrant=[t(f"quadrant.{name}") for name in cells["quadrant"]])
    shown["meaning"] = [t(f"quadrant_is.{name}") for name in cells["quadrant"]]
    columns = ["quadrant", "meaning", "customers", "clv", "crv"]
    return (
        blocks.table(
            shown[columns],
            finding=t("matrix.finding", champions=n[CHAMPIONS], advocates=n[ADVOCATES]),
            caption=t("matrix.caption", clv=matrix.clv_cut, crv=matrix.crv_cut),
            formats={"clv": report.currency, "crv": report.currency},
            names=_names(report, *columns),
        )
        .under(t("matrix.label"))
        .anchored("matrix")
        .in_appendix()
    )


@section(small=not_yet("moved"), part="moved", needs=_unknown("moved", "moved"))
def who_moved(report: ReferralReport, moved: pd.DataFrame) -> Block:
    """From which group into which customers moved."""
    t = report.t
    if moved.empty:
        return blocks.note(t("moved.none")).under(t("moved.label")).anchored("moved").in_appendix()
    wide = moved.pivot(index="before", columns="now", values="customers")
    wide = wide.reindex(index=QUADRANTS, columns=QUADRANTS).fillna(0).astype("int64")
    stayed = int(np.trace(wide.to_numpy()))
    names = [t(f"quadrant.{name}") for name in QUADRANTS]
    wide.index, wide.columns = pd.Index(names), pd.Index(names)
    return (
        blocks.chart(
            figures.heatmap(wide.astype(float), x_title=t("moved.now"), y_title=t("moved.before")),
            finding=t("moved.finding", n=int(wide.to_numpy().sum()) - stayed, all=int(wide.to_numpy().sum())),
            data=wide.rename_axis("quadrant").reset_index(),
            caption=t("moved.caption"),
            names=_names(report, "quadrant"),
        )
        .under(t("moved.label"))
        .anchored("moved")
        .in_appendix()
    )


@section(small=not_yet("next"), part="likely", needs=_unknown("next", "likely"))
def who_refers_next(report: ReferralReport, likely: ReferralLikelihood) -> Block:
    """The model against two plain rules, on what came."""
    t, table = report.t, likely.checks.copy()
    table["way"] = [t(f"way.{slug(name)}") for name in table["way"]]
    table["range"] = blocks.together(table.pop("lower"), table.pop("upper"))
    model = [name == MODEL for name in likely.checks["way"]]
    low, high = table.pop("difference_lower"), table.pop("difference_upper")
    table["ahead"] = [
        "" if mine else f"{report.t('interval', low=_points(a), high=_points(b))}"
        for mine, a, b in zip(model, low, high, strict=True)
    ]
    table = table.drop(columns="difference")
    return (
        blocks.table(
            table,
            finding=t(f"finding.next_{_used(likely)}"),
            caption=t("next.caption", days=likely.window, n=likely.inviters, all=likely.buyers),
            formats={"auc": "number:3", "range": "interval:number:3"},
            names=_names(report, *table.columns),
        )
        .under(t("next.label"))
        .anchored("next")
        .in_appendix()
    )


def _points(value: float) -> str:
    return f"{value:+.3f}".replace("-", "\N{MINUS SIGN}")


def _used(likely: ReferralLikelihood) -> str:
    return {MODEL: "model", "referred before": "before", "promoters": "promoters"}.get(likely.used, "chance")
