"""The identity report below the first screen: one figure or table a function, each under its finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses.identity.review import reasons_of
from crm_analytics.analyses.kpi import COUNT, MONEY, SHARE
from crm_analytics.pages import blocks, figures, words
from crm_analytics.reports.identity.report import IdentityReport
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.spoken import segment_name, slug
from crm_analytics.reports.shared.tiles import say, span

if TYPE_CHECKING:
    from crm_analytics.analyses.identity.who_is_who import WhoIsWho
    from crm_analytics.pages.blocks import Block

SHOWN = 10  # pairs on the page
TOLD = 4  # reasons of each
SMALL = "small.not_yet.identity"


def _names(report: IdentityReport, *columns: str) -> dict[str, str]:
    return {column: report.t(f"column.{column}") for column in columns}


def _no_table(report: IdentityReport) -> Block:
    return blocks.note(report.t("headline.no_table"), report.t("lede.no_table")).in_appendix()


def _nothing(report: IdentityReport, label: str) -> Block:
    return blocks.note(report.t("nothing")).under(report.t(label)).in_appendix()


def _not_merged(report: IdentityReport) -> Block:
    return blocks.note(report.t("nothing")).in_appendix()


@section(part="found", needs=_no_table, small=SMALL)
def how_they_were_found(report: IdentityReport, found: WhoIsWho) -> Block:
    """Joined pairs by the rule that found them."""
    t, table = report.t, found.by_reason
    if table.empty:
        return _nothing(report, "found.label").anchored("found")
    table = table.assign(found_by=[_found_by(report, name) for name in table["found_by"]])
    top = table.iloc[0]
    return (
        blocks.chart(
            figures.bars(table, y="found_by", x="pairs"),
            finding=t("found.finding", reason=top["found_by"], n=top["pairs"], of=table["pairs"].sum()),
            data=table,
            caption=t("found.caption"),
            names=_names(report, "found_by", "pairs"),
        )
        .under(t("found.label"))
        .anchored("found")
        .in_appendix()
    )


def _found_by(report: IdentityReport, name: str) -> str:
    return report.t(f"found_by.{slug(str(name).removeprefix('rule: '))}")


@section(part="changes", needs=_not_merged, small=SMALL)
def what_merging_changes(report: IdentityReport, changes: pd.DataFrame) -> Block:
    """Key figures before and after."""
    t = report.t
    rows = [
        (t.of(f"kpi.{row['id']}", {"n": 52, "span": span(t, 52, "W")}),
         say(t, row["before"], row["unit"]), say(t, row["after"], row["unit"]),
         _difference(report, row["before"], row["after"], row["unit"]))
        for row in changes.to_dict("records")
    ]  # fmt: skip
    columns = ["figure", "before", "after", "difference"]
    before, after = report.effect["customers_bought"]
    return (
        blocks.table(
            pd.DataFrame(rows, columns=columns),
            finding=t("changes.finding", before=before, after=after),
            caption=t("changes.caption"),
            names=_names(report, *columns),
        )
        .under(t("changes.label"))
        .anchored("changes")
        .in_appendix()
    )


def _difference(report: IdentityReport, before: float, after: float, unit: str) -> str:
    """In the unit of the figure, with its sign; of a share in percentage points."""
    change = after - before
    sign = "+" if change > 0 else "−" if change < 0 else "±"
    if unit == SHARE:
        return report.t("points", sign=sign, value=words.number(100 * abs(change), 1))
    if unit == COUNT:
        return f"{sign}{words.count(abs(change))}"
    size = words.money(abs(change), report.base.currency) if unit == MONEY else words.number(abs(change))
    return f"{sign}{size}"


@section(part="segments", needs=_not_merged, small=SMALL)
def segments_before_and_after(report: IdentityReport, segments: pd.DataFrame) -> Block:
    """Customers by segment, each record by itself and merged."""
    t = report.t
    table = segments.assign(segment=[segment_name(t, name) for name in segments["segment"]])
    most = table.iloc[(table["after"] - table["before"]).abs().argmax()]
    return (
        blocks.chart(
            figures.bars(table, y="segment", x="after", context="before"),
            finding=t(
                "segments.finding", segment=most["segment"], before=most["before"], after=most["after"]
            ),
            data=table,
            caption=t("segments.caption"),
            names=_names(report, "segment", "before", "after"),
        )
        .under(t("segments.label"))
        .in_appendix()
    )


@section(part="found", needs=_no_table, small=SMALL)
def pairs_to_look_at(report: IdentityReport, found: WhoIsWho) -> Block:
    """Pairs a little too light to be joined unasked, with what speaks for and against each."""
    t, pairs = report.t, found.review
    if pairs.empty:
        text = t("review.none") if found.weighed else t("finding.rules_only")
        return blocks.note(text, t("review.how")).under(t("review.label")).anchored("review").in_appendix()
    first = pairs.head(SHOWN)
    table = pd.DataFrame(
        {
            "one": report.called(first["record_l"]),
            "other": report.called(first["record_r"]),
            "probability": first["probability"],
            "weight": first["weight"],
            "reasons": [_reasons(report, row) for row in first.to_dict("records")],
        }
    )
    return (
        blocks.table(
            table,
            finding=t("review.finding", n=len(first), of=len(pairs)),
            caption=t("review.caption"),
            formats={"probability": "percent", "weight": "number:1"},
            names=_names(report, *table.columns),
        )
        .under(t("review.label"))
        .anchored("review")
        .in_appendix()
    )


def _reasons(report: IdentityReport, row: dict[object, object]) -> str:
    told = list(reasons_of(row).items())
    said = [f"{report.t(f'field.{name}')} {_bits(bits)}" for name, bits in told[:TOLD]]
    rest = sum(bits for _, bits in told[TOLD:])
    return "; ".join([*said, f"{report.t('field.rest')} {_bits(rest)}"] if told[TOLD:] else said)


def _bits(bits: float) -> str:
    return f"{'+' if bits >= 0 else '−'}{words.number(abs(bits), 1)}"


@section(part="found", needs=_no_table, small=SMALL)
def fields_that_differ(report: IdentityReport, found: WhoIsWho) -> Block:
    """In which fields records of one customer differ, and which value is kept."""
    t, table = report.t, found.conflicts
    if table.empty:
        return _nothing(report, "fields.label").anchored("fields")
    top = table.iloc[0]
    shown = table.assign(
        field=[t(f"field.{name}") for name in table["field"]],
        rule=[t(f"rule.{slug(r)}") for r in table["rule"]],
    )
    return (
        blocks.table(
            shown,
            finding=t("fields.finding", field=t(f"field.{top['field']}"), n=top["customers"]),
            caption=t("fields.caption", n=found.narrowed),
            names=_names(report, "field", "customers", "rule"),
        )
        .under(t("fields.label"))
        .anchored("fields")
        .in_appendix()
    )
