"""What sets segments apart, which habits go with whom, favourites, and clusters of needs."""

from __future__ import annotations

import ibis
import pandas as pd

from crm_analytics.analyses.profiling.needs_clusters import Needs
from crm_analytics.pages import blocks, figures, words
from crm_analytics.pages.blocks import Block
from crm_analytics.reports.profiles.report import ProfilesReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section

NAMES = {
    "category": "mostly buy", "channel": "mostly buy by", "weekday": "mostly buy on", "basket": "basket",
    "price_level": "price level", "deal_prone": "use coupons",
}  # fmt: skip
PERSONS = {"customer_type": "type", "gender": "gender", "age": "age", "region": "region"}
FORMATS = {"share": "percent", "elsewhere": "percent", "points": "interval:number:1", "chance": "number:4"}


def _habit(row: pd.Series) -> str:
    if row["attribute"] == "deal_prone":
        return (
            "use coupons in half of their orders"
            if row["level"] in {"true", "True"}
            else "seldom use coupons"
        )
    if row["attribute"] in {"basket", "price_level"}:
        return f"have a {row['level']} {NAMES[row['attribute']]}"
    return f"{NAMES[row['attribute']]} {row['level']}"


def _listed(table: pd.DataFrame, group: str) -> pd.DataFrame:
    """The table of numbers, narrow enough for paper."""
    points = blocks.together(100 * table["lower"], 100 * table["upper"])
    data = table[[group, "attribute", "level", "customers", "n", "share", "elsewhere"]]
    return data.assign(points=points, chance=table["p_adjusted"])


def _shown(table: pd.DataFrame, group: str) -> pd.DataFrame:
    """One row for each clear difference upwards, named "group: habit"."""
    clear = table[table["clear"] & (table["difference"] > 0)].head(12)
    return clear.assign(
        who=[f"{row[group]}: {_habit(row).removeprefix('have a ')}" for _, row in clear.iterrows()]
    )


@section(small=small_form.weekdays)
def what_sets_segments_apart(report: ProfilesReport) -> Block:
    """Habits that are clearly more frequent in a segment than elsewhere."""
    table = report.traits
    if table is None:
        return blocks.note(
            "What sets segments apart cannot be told yet",
            f"It needs segments of an earlier day, and what was bought since: {report.why('migration')}.",
        )
    shown = _shown(table, "segment") if len(table) else table
    if shown.empty:
        return blocks.note(
            "No habit is shown to set a segment apart",
            f"""{words.plural(len(table), "comparison")} of what was bought since the segments were made; none
                is clear after correction for so many.""",
        )
    first = shown.iloc[0]
    return blocks.chart(
        figures.intervals(
            shown, "who", "difference", "lower", "upper", reference=0.0, reference_label="as elsewhere",
            fmt="percent:0",
        ),
        finding=f"“{first['segment']}”: {words.percent(first['share'], 0)} {_habit(first)}, "
        f"{words.percent(first['elsewhere'], 0)} elsewhere",
        data=_listed(table.head(60), "segment"),
        caption=f"""Segments as they were at the earlier day, habits in what was bought since: the purchases
            that made a segment do not count. Share within the segment less the share among all other
            customers with as many purchases, with 95 % intervals. Clear: at most one in twenty of the
            {words.count(int(table['clear'].sum()))} clear differences of {words.count(len(table))} looked at
            is expected to be chance (Benjamini & Hochberg).""",
        formats=FORMATS,
    )  # fmt: skip


@section(small="Which habits go with whom is not shown")
def which_habits_go_with_whom(report: ProfilesReport) -> Block:
    """Habits by type of customer, gender, age and region, in groups that tell of nobody."""
    if not report.habits:
        return blocks.note(
            "Which habits go with whom is not known",
            "It needs customer_type, gender, birth_date or region in customers, and groups of 30 or more.",
        )
    tables = []
    for name, table in report.habits.items():
        tables.append(table.rename(columns={name: "group"}).assign(of=PERSONS.get(name, name)))
    table = pd.concat(tables, ignore_index=True)
    shown = _shown(table, "group")
    quiet = [PERSONS.get(n, n) for n, t in report.habits.items() if not t["clear"].any()]
    data = _listed(table.assign(group=table["of"] + ": " + table["group"]), "group")
    caption = """Share within the group less the share among all others with as many purchases; groups and
        levels are merged until each count is of five customers or more. Clear after correction for many
        looks."""
    if shown.empty:
        return blocks.table(
            data.head(12),
            finding=f"""No habit is shown to go with {words.listing(quiet, "or")}: of
                {words.count(len(table))} comparisons none is clear""",
            caption=caption,
            formats=FORMATS,
        )
    first = shown.iloc[0]
    none = f"; nothing is shown to go with {words.listing(quiet, 'or')}" if quiet else ""
    return blocks.chart(
        figures.intervals(
            shown, "who", "difference", "lower", "upper", reference=0.0, reference_label="as elsewhere",
            fmt="percent:0",
        ),
        finding=f"“{words.label(first['group'])}”: {words.percent(first['share'], 0)} {_habit(first)}, "
        f"{words.percent(first['elsewhere'], 0)} elsewhere{none}",
        data=data.head(80),
        caption=caption,
        formats=FORMATS,
    )  # fmt: skip


@section(
    part="needs",
    needs="There are no groups of customers who want the same",
    small="Clusters of needs are not shown",
)
def who_wants_the_same(report: ProfilesReport, found: Needs) -> Block:
    """Clusters of needs with their profile, or why there are none."""
    kept = found.stability[found.stability["kept"]].iloc[0]
    profile = found.profile
    top = profile.iloc[0]
    features = [c for c in profile.columns if c not in {"need", "customers", "share", "price", "basket"}]
    table = profile.set_index(profile["need"] + " (" + profile["customers"].map(words.count) + ")")[features]
    return blocks.chart(
        figures.heatmap(table, x_title="share of their lines", fmt="percent:0"),
        finding=f"{words.plural(len(profile), 'group')} of customers want the same; the largest, "
        f"“{top['need']}”, is {words.percent(top['share'], 0)}",
        data=profile,
        caption=f"""k-means on shares of categories, price level and basket of {words.count(found.clustered)}
            customers with three orders or more. Stability {words.number(kept["stability"], 2)} (adjusted
            Rand index of two halves; 0.8 is asked for). A group is named by what it is highest in.""",
        formats=dict.fromkeys((*features, "share"), "percent")
        | {"price": "number:2", "basket": "number:2", "customers": "count"},
    )


@section(small=small_form.favourites)
def what_the_best_customers_like(report: ProfilesReport) -> Block:
    """Favourites of the customers with most revenue, each with how often."""
    table = report.favourites
    history = report.base.purchase_history.select("customer_id", "revenue")
    joined = table.inner_join(history, "customer_id")
    top = report.base.collect(joined.order_by([ibis.desc("revenue"), "customer_id"]).limit(10))
    shown = pd.DataFrame({"customer": report.called(top["customer_id"])})
    for name in ("product", "category", "weekday"):
        if name in top:
            pairs = zip(top[name], top[f"{name}_n"], top[f"{name}_of"], strict=True)
            shown[name] = [
                f"{words.label(v)} ({n} of {of})" if isinstance(v, str) else "–" for v, n, of in pairs
            ]
    if "price_level" in top:
        shown["price level"] = top["price_level"].fillna("–")
    if "deal_prone" in top:
        shown["coupons"] = [f"{n} of {of}" for n, of in zip(top["deal_n"], top["orders"], strict=True)]
    return blocks.table(
        shown,
        finding="What the ten customers with most revenue take most, and how often",
        caption="""In brackets: of how many of their lines, or orders for the weekday. All customers'
            favourites are a table of one row each: profiling.favourites(base).""",
    )
