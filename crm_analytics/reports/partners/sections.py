"""The tables of the partners report: overlap, white space, affinity, balance, likeness, tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses import partners
from crm_analytics.analyses.cell_suppression import ALL
from crm_analytics.analyses.partners.overlap import NEW, SHARED
from crm_analytics.pages import blocks, figures, words
from crm_analytics.reports.partners.first_screen import counted, short
from crm_analytics.reports.partners.report import PartnerReport
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.small_form import SmallReport, too_few

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block

NOTHING = "whom we share with partners"


def _none(report: PartnerReport | SmallReport) -> Block:
    if isinstance(report, SmallReport):
        return too_few("small.not_yet.partners")(report)
    return blocks.note(report.t("no_partners"), report.t("no_partners_why")).in_appendix()


@section(part="matched", needs=_none)
def whom_we_share(report: PartnerReport, matched: partners.Matched) -> Block:
    """Customers shared with each partner, as far as they may be shown."""
    t, table = report.t, report.by_overlap
    data = pd.DataFrame({"partner": [short(n) for n in table["partner_name"]], "shared": table["shared"]})
    shown = data.dropna()
    kinds = _by(report, "population", SHARED)
    names = {"partner": t("column.partner"), "shared": t("column.shared"), **kinds[1]}
    whole = data.assign(shared=[counted(report, v) for v in data["shared"]], **kinds[0])
    hidden = int(data["shared"].isna().sum())
    said = t("share.finding", n=len(data), hidden=hidden) if hidden else t("share.finding_all")
    if shown.empty or not shown["shared"].sum():
        block = blocks.table(whole, finding=said, names=names)
    else:
        chart = figures.bars(shown, "partner", "shared", fmt="count")
        block = blocks.chart(
            chart, finding=said, data=whole, names=names, caption=t("share.caption", k=report.k)
        )
    return block.under(t("share.label")).anchored("shared")


def _by(report: PartnerReport, attribute: str, known: str) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Columns of a table by partner: what each value of an attribute counts, worded."""
    assert report.counts is not None
    t, counts = report.t, report.counts
    rows = counts[(counts["known"] == known) & (counts[attribute] != ALL) & (counts[attribute] != "-")]
    columns, names = {}, {}
    for place, value in enumerate(sorted(rows[attribute].unique())):
        key = f"{attribute}_{place}"
        message = f"value.{value}"
        names[key] = t(message) if t.knows(message) else words.clean(value, words.LONGEST_LABEL)
        columns[key] = [
            counted(report, report.number(str(p), known=known, **{attribute: value}))
            for p in report.by_overlap["partner_id"]
        ]
    return columns, names


def _table(report: PartnerReport, attribute: str, known: str, finding: str, caption: str) -> Block:
    columns, names = _by(report, attribute, known)
    frame = pd.DataFrame({"partner": [short(n) for n in report.by_overlap["partner_name"]], **columns})
    return blocks.table(
        frame, finding=finding, caption=caption, names={"partner": report.t("column.partner"), **names}
    )


@section(part="matched", needs=_none)
def who_is_new(report: PartnerReport, matched: partners.Matched) -> Block:
    """White space: the partners' records that are nobody of ours, by the partner's category."""
    t = report.t
    block = _table(report, "category", NEW, t("new.finding"), t("new.caption", k=report.k))
    return block.under(t("new.label")).anchored("new").in_appendix()


@section(part="matched", needs=_none)
def what_shared_customers_buy(report: PartnerReport, matched: partners.Matched) -> Block:
    """Shared customers by the category they buy most with us."""
    t = report.t
    columns, _ = _by(report, "favourite", SHARED)
    if not columns or not matched.partners["matched"].sum():
        note = blocks.note(t("affinity.none"), t("affinity.none_why"))
        return note.under(t("affinity.label")).in_appendix()
    block = _table(report, "favourite", SHARED, t("affinity.finding"), t("affinity.caption", k=report.k))
    return block.under(t("affinity.label")).anchored("affinity").in_appendix()


@section(part="matched", needs=_none)
def give_and_get(report: PartnerReport, matched: partners.Matched) -> Block:
    """What each side brings the other: records the other does not have."""
    t, table = report.t, report.by_overlap
    get = [report.number(str(p), known=NEW) for p in table["partner_id"]]
    give = [None if pd.isna(s) else report.with_address - s for s in table["shared"]]
    ratio = [None if g is None or n is None or not n else g / n for g, n in zip(give, get, strict=True)]
    frame = pd.DataFrame(
        {
            "partner": [short(n) for n in table["partner_name"]],
            "get": [counted(report, v) for v in get],
            "give": [counted(report, v) for v in give],
            "balance": [t("hidden") if v is None else words.number(v, 1) for v in ratio],
        }
    )
    names = {name: t(f"column.{name}") for name in map(str, frame)}
    block = blocks.table(frame, finding=t("balance.finding"), caption=t("balance.caption"), names=names)
    return block.under(t("balance.label")).anchored("balance").in_appendix()


@section(part="matched", needs=_none)
def who_is_alike(report: PartnerReport, matched: partners.Matched) -> Block:
    """Whether the ranking of the lists is better than chance."""
    t = report.t
    rows = []
    for row in report.by_overlap.to_dict("records"):
        for kind, found in (("theirs", report.alike), ("best", report.alike_best)):
            one = found.get(str(row["partner_id"]))
            said = t("alike.few") if one is None else words.interval(one.auc.lower, one.auc.upper, "number:2")
            verdict = "few_short" if one is None else "shown" if one.is_shown else "chance"
            rows.append((short(row["partner_name"]), t(f"alike.{kind}"), said, t(f"alike.{verdict}")))
    frame = pd.DataFrame(rows, columns=["partner", "what", "auc", "verdict"])
    names = {name: t(f"column.{name}") for name in map(str, frame)}
    shown = sum(one.is_shown for found in (report.alike, report.alike_best) for one in found.values())
    finding = t("alike.finding", n=shown, of=len(frame))
    block = blocks.table(frame, finding=finding, caption=t("alike.caption"), names=names)
    return block.under(t("alike.label")).anchored("alike").in_appendix()


@section(part="matched", needs=_none)
def how_tokens_were_made(report: PartnerReport, matched: partners.Matched) -> Block:
    """Keyed, plain or unknown, for each partner."""
    t, table = report.t, report.by_overlap
    frame = pd.DataFrame(
        {
            "partner": [short(n) for n in table["partner_name"]],
            "records": [counted(report, v) for v in table["records"]],
            "tokens": [t(f"tokens.{kind}") for kind in table["tokens"]],
        }
    )
    names = {name: t(f"column.{name}") for name in map(str, frame)}
    secret = t("tokens.has_secret" if matched.has_secret else "tokens.no_secret")
    why = report.why("secret")
    caption = f"{secret} {why}".strip()
    block = blocks.table(frame, finding=t("tokens.finding"), caption=caption, names=names)
    return block.under(t("tokens.label")).anchored("tokens").in_appendix()
