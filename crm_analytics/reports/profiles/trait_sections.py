"""Who customers are, what sets segments apart, which habits go with whom, favourites, and needs."""

from __future__ import annotations

import re

import ibis
import pandas as pd

from crm_analytics.analyses.evidence import told
from crm_analytics.analyses.profiling.demography import OTHERS, UNKNOWN
from crm_analytics.analyses.profiling.needs_clusters import Needs
from crm_analytics.pages import blocks, figures, words
from crm_analytics.pages.blocks import Block
from crm_analytics.reports.profiles.first_screen import habit, need_name
from crm_analytics.reports.profiles.report import ProfilesReport
from crm_analytics.reports.profiles.sections import PERCENT, names, placed, without
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.spoken import segment_name

SEGMENT_HABIT, REGION_HABIT = "profiles.segment_habit", "profiles.region_habit"  # kinds of findings
FORMATS = {"share": PERCENT, "elsewhere": PERCENT, "points": "interval:number:1"}
MOST = 12  # differences of a chart
ROWS = 60  # of a table of differences
BEST = 10  # customers whose favourites are shown


def _group(report: ProfilesReport, name: object) -> str:
    """A group of people as the data call it; what has no name of its own is named here."""
    text = str(name)
    if text in (OTHERS, UNKNOWN):
        return report.t({OTHERS: "people.others", UNKNOWN: "people.unknown"}[text])
    if age := re.fullmatch(r"(?:under (\d+)|(\d+) or older)", text):
        young, old = age.groups()
        return report.t("people.under", n=int(young)) if young else report.t("people.older", n=int(old))
    return text


@section(small=small_form.folded(small_form.when_models_begin))
def who_they_are(report: ProfilesReport) -> Block:
    """Buyers by type, gender, age and region, with their share of revenue."""
    t, table = report.t, report.people
    if table.empty:
        return without("people")(report)
    shown = pd.DataFrame(
        {
            "people": [t(f"person.{name}") for name in table["attribute"]],
            "group": [_group(report, name) for name in table["group"]],
            "share": table["share"],
            "revenue_share": table["revenue_share"],
        }
    )
    clear = table[told(table["clear"], "profiles.people_bring_more")]
    finding = t("finding.people_alike")
    if len(clear):
        row = clear.iloc[int((clear["revenue_share"] - clear["share"]).abs().to_numpy().argmax())]
        finding = t("people.finding", group=_group(report, row["group"]), share=row["share"],
                    revenue=row["revenue_share"])  # fmt: skip
    return placed(
        blocks.table(
            shown,
            finding=finding,
            caption=t("people.caption"),
            formats={"share": PERCENT, "revenue_share": PERCENT},
            names=names(report, *shown.columns),
        ),
        report,
        "people",
    )  # fmt: skip


def _listed(report: ProfilesReport, table: pd.DataFrame, group: pd.Series) -> pd.DataFrame:
    """The table of numbers, narrow enough for paper."""
    t = report.t
    return pd.DataFrame(
        {
            "group": group.to_list(),
            "habit": [t(f"attribute.{name}") for name in table["attribute"]],
            "level": [_level(report, row) for _, row in table.iterrows()],
            "customers": table["n"].to_list(),
            "share": table["share"].to_list(),
            "elsewhere": table["elsewhere"].to_list(),
            "points": blocks.together(100 * table["lower"], 100 * table["upper"]).to_list(),
        }
    )


def _level(report: ProfilesReport, row: pd.Series) -> str:
    level = str(row["level"])
    for message in (f"level.{level.lower()}", f"weekday.{level}"):
        if row["attribute"] not in ("category", "channel") and report.t.knows(message):
            return report.t(message)
    return level


def _clear(report: ProfilesReport, table: pd.DataFrame, group: str, kind: str) -> pd.DataFrame:
    """One row for each difference upwards that may be told, named "group: habit: level"."""
    clear = table[told(table["clear"], kind) & (table["difference"] > 0)].head(MOST)
    said = [f"{row[group]}: {_level(report, row)}" for _, row in clear.iterrows()]
    return clear.assign(who=said).drop_duplicates("who").reset_index(drop=True)


@section(small=small_form.comes_with_models)
def what_sets_segments_apart(report: ProfilesReport) -> Block:
    """Habits that are clearly more frequent in a segment than elsewhere."""
    t, table = report.t, report.traits
    if table is None:
        return without("apart")(report)
    if len(table):
        table = table.assign(segment=[segment_name(t, name) for name in table["segment"]])
    shown = _clear(report, table, "segment", SEGMENT_HABIT) if len(table) else table
    if shown.empty:
        return placed(blocks.note(t("apart.nothing", n=len(table))), report, "apart")
    data = _listed(report, table.head(ROWS), table["segment"].head(ROWS))
    return placed(
        blocks.chart(
            figures.intervals(
                shown, "who", "difference", "lower", "upper", reference=0.0,
                reference_label=t("apart.reference"), fmt="percent:0",
            ),
            finding=habit(report, shown.iloc[0], shown.iloc[0]["segment"]),
            data=data,
            caption=t("apart.caption", clear=int(told(table["clear"], SEGMENT_HABIT).sum()), n=len(table)),
            formats=FORMATS,
            names=names(report, *data.columns),
        ),
        report,
        "apart",
    )  # fmt: skip


@section(small=small_form.comes_with_models)
def which_habits_go_with_whom(report: ProfilesReport) -> Block:
    """Habits by type of customer, gender, age and region, in groups that tell of nobody."""
    t = report.t
    if not report.habits:
        return without("habits")(report)
    table = pd.concat(
        [
            table.rename(columns={name: "group"}).assign(of=t(f"person.{name}"))
            for name, table in report.habits.items()
        ],
        ignore_index=True,
    )
    table["group"] = [_group(report, name) for name in table["group"]]
    shown = _clear(report, table, "group", REGION_HABIT)
    data = _listed(report, table.head(ROWS), (table["of"] + ": " + table["group"]).head(ROWS))
    labels = names(report, *data.columns)
    quiet = [
        t(f"person.{name}")
        for name, one in report.habits.items()
        if not told(one["clear"], REGION_HABIT).any()
    ]
    said = [t("habits.caption"), *([t("habits.quiet", names=", ".join(quiet))] if quiet else [])]
    if shown.empty:
        block = blocks.table(data.head(MOST), finding=t("habits.nothing", n=len(table)),
                             caption=" ".join(said), formats=FORMATS, names=labels)  # fmt: skip
        return placed(block, report, "habits")
    return placed(
        blocks.chart(
            figures.intervals(
                shown, "who", "difference", "lower", "upper", reference=0.0,
                reference_label=t("apart.reference"), fmt="percent:0",
            ),
            finding=habit(report, shown.iloc[0], words.label(shown.iloc[0]["group"])),
            data=data,
            caption=" ".join(said),
            formats=FORMATS,
            names=labels,
        ),
        report,
        "habits",
    )  # fmt: skip


@section(part="needs", needs=without("needs"), small=small_form.comes_with_models)
def who_wants_the_same(report: ProfilesReport, found: Needs) -> Block:
    """Clusters of needs with their profile."""
    t, kept = report.t, found.stability[found.stability["kept"]].iloc[0]
    profile = found.profile.assign(need=[need_name(report, name) for name in found.profile["need"]])
    features = [c for c in profile.columns if c not in {"need", "customers", "share", "price", "basket"}]
    table = profile.set_index(profile["need"] + " · " + profile["customers"].map(words.count))[features]
    fixed = ("need", "customers", "share", "price", "basket")
    return placed(
        blocks.chart(
            figures.heatmap(table, x_title=t("needs.x"), fmt=PERCENT),
            finding=t(
                "needs.finding", n=len(profile), name=profile["need"].iloc[0], share=profile["share"].iloc[0]
            ),
            data=profile,
            caption=t("needs.caption", n=found.clustered, stability=kept["stability"]),
            formats=dict.fromkeys((*features, "share"), PERCENT)
            | {"price": "number:2", "basket": "number:2", "customers": "count"},
            names=names(report, *(c for c in fixed if c in profile)),
        ),
        report,
        "needs",
    )


@section(small=small_form.comes_with_models)
def what_the_best_customers_like(report: ProfilesReport) -> Block:
    """Favourites of the customers with most revenue, each with how often."""
    t, table = report.t, report.favourites
    history = report.base.purchase_history.select("customer_id", "revenue")
    joined = table.inner_join(history, "customer_id")
    top = report.base.collect(joined.order_by([ibis.desc("revenue"), "customer_id"]).limit(BEST))
    shown = pd.DataFrame({"customer": report.called(top["customer_id"])})
    for name in ("product", "category", "weekday"):
        if name in top:
            pairs = zip(top[name], top[f"{name}_n"], top[f"{name}_of"], strict=True)
            shown[name] = [
                t("likes.cell", name=_day(report, name, v), n=n, of=of)
                if isinstance(v, str)
                else words.UNKNOWN
                for v, n, of in pairs
            ]
    if "price_level" in top:
        levels = top["price_level"]
        shown["price_level"] = [t(f"level.{v}") if isinstance(v, str) else words.UNKNOWN for v in levels]
    if "deal_prone" in top:
        shown["coupons"] = [
            t("likes.of", n=n, of=of) for n, of in zip(top["deal_n"], top["orders"], strict=True)
        ]
    return placed(
        blocks.table(
            shown,
            finding=t("likes.finding", n=len(shown)),
            caption=t("likes.caption"),
            names=names(report, *shown.columns),
        ),
        report,
        "likes",
    )


def _day(report: ProfilesReport, column: str, value: str) -> str:
    message = f"weekday.{value}"
    return report.t(message) if column == "weekday" and report.t.knows(message) else words.label(value)
