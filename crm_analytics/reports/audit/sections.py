"""The audit below the first screen: how customers differ, how they change, where they came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses.audit import Acquisition, Change, RevenueTree, ValueSpread
from crm_analytics.analyses.evidence import Evidence, grade, told
from crm_analytics.pages import blocks, curves, figures, words
from crm_analytics.reports.audit.first_screen import clear_source
from crm_analytics.reports.audit.report import AuditReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.spoken import slug
from crm_analytics.reports.shared.tiles import interval

if TYPE_CHECKING:
    from collections.abc import Callable

    from crm_analytics.pages.blocks import Block

PERCENT = "percent:0"
MOST = 10  # bars of a chart
PARTS = {  # of the change in a category: columns of the analysis
    "new": "new", "lost": "lost", "increased": "increased", "decreased": "decreased",
    "switched_from": "switched_in", "switched_to": "switched_out",
}  # fmt: skip


def names(report: AuditReport, *columns: str) -> dict[str, str]:
    """What columns are called on the page."""
    return {column: report.t(f"column.{column}") for column in columns}


def placed(block: Block, report: AuditReport, name: str) -> Block:
    """A section of the appendix under its label."""
    return block.under(report.t(f"{name}.label")).anchored(name).in_appendix()


def without(name: str) -> Callable[[AuditReport], Block]:
    """What a section says where its part is not in the data: one sentence with what to bring."""

    def said(report: AuditReport) -> Block:
        return placed(blocks.note(report.t(f"{name}.none")), report, name)

    return said


@section(part="change", needs=without("moves"), small=small_form.folded(small_form.last_visits))
def who_made_the_change(report: AuditReport, change: Change) -> Block:
    """New, staying and leaving customers, and what each move did to revenue."""
    t, total, net = report.t, change.totals.revenue, change.net_moves
    biggest = max(net, key=lambda move: abs(net[move]))
    shown = change.moves.assign(move=[t(f"move.{m}") for m in change.moves["move"]])
    finding = t("moves.same")
    if net[biggest]:
        finding = t(
            "moves.finding", who=t(f"who.{biggest}"), value=net[biggest], total=total.now - total.before
        )
    said = [t("moves.caption", day=change.day, days=change.totals.span_days), _driver(report), _date(report)]
    if not report.same_season:
        said.append(t("lede.season"))
    if (change.start - report.base.first_day).days < change.totals.span_days:
        said.append(t("moves.begins", day=report.base.first_day))
    columns = ["move", "customers", "change"]
    return blocks.chart(
        figures.bars(
            shown, y="move", x="change", highlight=[t("move.decreased"), t("move.lapsed")],
            fmt=report.currency,
        ),
        finding=finding,
        data=shown[columns],
        caption=" ".join(one for one in said if one),
        formats={"customers": "count", "change": report.currency},
        names=names(report, *columns),
    ).under(t("moves.label")).anchored("moves")  # fmt: skip


def _driver(report: AuditReport) -> str:
    """Who changed otherwise than the others, in a sentence; or that nobody is shown to have."""
    t, table = report.t, report.drivers
    if table is None or table.empty:
        return ""
    clear = table[told(table["clear"], "audit.driver")]
    if clear.empty:
        return _faster(report) or t("driver.none", n=table["attribute"].nunique())
    row = clear.iloc[0]
    said = t(
        "driver.clear",
        attribute=_attribute(report, row["attribute"]),
        group=row["group"], what=row["measure"], way="down" if row["ratio"] < 1 else "up",
        share=abs(row["ratio"] - 1), interval=interval(t, row["lower"] - 1, row["upper"] - 1, PERCENT),
        n=row["customers"],
    )  # fmt: skip
    return f"{said} {_faster(report)}".strip()


def _date(report: AuditReport) -> str:
    """At which date buying changed beyond season and age, in a sentence; or that none is shown to be one."""
    t, found = report.t, report.dates
    if found is None:
        return report.why("dates") if report.changed_on else ""
    one, asked = found[0], "asked" if report.changed_on else "searched"
    if not one.evidence.is_news:
        return t("date.none_asked", day=one.day) if report.changed_on else t("date.none_searched")
    bounds = interval(t, one.lower - 1, one.upper - 1, PERCENT)
    slots = {"day": one.day, "what": one.measure, "share": abs(one.ratio - 1), "interval": bounds,
             "way": "down" if one.ratio < 1 else "up", "n": one.customers}  # fmt: skip
    return t.of(f"date.{asked}", slots)


def _faster(report: AuditReport) -> str:
    """Whose customers lapse most unlike all others, in a sentence; empty where none are shown to."""
    table = report.leaving
    if table is None or not told(table["clear"], "churn.group_lapses_faster").any():
        return ""
    row = table.iloc[0]
    bounds = interval(report.t, row["lower"], row["upper"], "number:2")
    slots = {"attribute": _attribute(report, row["attribute"]), "group": row["group"],
             "times": row["ratio"], "interval": bounds}  # fmt: skip
    return report.t.of("driver.faster", slots)


def _attribute(report: AuditReport, name: object) -> str:
    message = f"attribute.{slug(str(name))}"
    return report.t(message) if report.t.knows(message) else words.clean(str(name), 30)


@section(part="tree", needs=without("tree"), small=small_form.comes_with_models)
def why_revenue_changed(report: AuditReport, tree: RevenueTree) -> Block:
    """The revenue tree: customers, frequency, order value; and what order value is made of, in the table."""
    t, nodes = report.t, tree.nodes
    top = nodes[~nodes["factor"].isin(["items", "price"])].reset_index(drop=True)
    main = top.iloc[int(top["contribution"].abs().to_numpy().argmax())]
    finding = t("moves.same")
    if main["contribution"]:
        finding = t("tree.finding", factor=t(f"factor.{main['factor']}"), value=main["contribution"],
                    total=tree.change)  # fmt: skip
    units = {
        name: [
            "count" if factor == "customers" else f"number:{2 if value >= 1 else 4}"
            for factor, value in zip(nodes["factor"], nodes[name], strict=True)
        ]
        for name in ("before", "now")
    }
    drawn = top.assign(factor=[t(f"factor.{f}") for f in top["factor"]])
    data = nodes.assign(factor=[t(f"factor.{f}") for f in nodes["factor"]])
    return placed(
        blocks.chart(
            figures.bars(
                drawn, y="factor", x="contribution", fmt=report.currency,
                highlight=drawn.loc[drawn["contribution"] < 0, "factor"].tolist(),
            ),
            finding=finding,
            data=data,
            caption=t("tree.caption"),
            formats={"contribution": report.currency, **units},
            names=names(report, *data.columns),
        ),
        report,
        "tree",
    )  # fmt: skip


@section(part="products", needs=without("products"), small=small_form.folded(small_form.favourites))
def where_it_was_won_and_lost(report: AuditReport, table: pd.DataFrame) -> Block:
    """Gains and losses of each product category."""
    t, first = report.t, table.iloc[0]
    bounds = interval(t, first["lower"], first["upper"], report.currency)
    clear = first["lower"] * first["upper"] > 0
    shown = table.drop(columns=["before", "lower", "upper"])  # more columns than these do not fit on paper
    shown.insert(3, "interval", blocks.together(table["lower"], table["upper"]))
    shown = shown.rename(columns=PARTS)
    money = [c for c in shown.columns if c not in ("level", "interval")]
    return placed(
        blocks.chart(
            figures.bars(
                table.head(MOST), y="level", x="change", fmt=report.currency,
                highlight=table.loc[table["change"] < 0, "level"].tolist(),
            ),
            finding=t(
                "products.finding" if clear else "products.finding_chance",
                name=first["level"], value=first["change"], interval=bounds,
            ),
            data=shown,
            caption=t("products.caption"),
            formats=dict.fromkeys(money, report.currency) | {"interval": f"interval:{report.currency}"},
            names=names(report, *shown.columns),
        ),
        report,
        "products",
    )  # fmt: skip


@section(part="spread", needs=without("tenths"), small=small_form.comes_with_models)
def how_different_customers_are(report: AuditReport, spread: ValueSpread) -> Block:
    """Tenths of the customers by revenue."""
    t, deciles = report.t, spread.deciles
    top, low = deciles.iloc[0], deciles.iloc[5:]
    money = [
        c for c in ("revenue", "revenue_per_customer", "margin", "cost_to_serve", "profit") if c in deciles
    ]
    shares = [c for c in ("revenue_share", "profit_share") if c in deciles]
    return placed(
        blocks.chart(
            figures.columns(
                deciles.assign(decile=deciles["decile"].map(str)), "decile", shares,
                names(report, *shares), x_title=t("tenths.x"), fmt=PERCENT,
            ),
            finding=t("tenths.finding", top=top["revenue_share"], low=low["revenue_share"].sum()),
            data=deciles,
            caption=t(
                "tenths.caption", span=report.window, share=spread.repeat_share,
                gini=spread.concentration.gini,
            ),
            formats=dict.fromkeys(money, report.currency) | dict.fromkeys(shares, "percent"),
            names=names(report, *deciles.columns),
        ),
        report,
        "tenths",
    )  # fmt: skip


@section(part="spread", needs=without("profit"), small=small_form.comes_with_models)
def who_costs_more_than_they_bring(report: AuditReport, spread: ValueSpread) -> Block:
    """The whale curve: profit summed from the most profitable customer on."""
    t = report.t
    if spread.below_zero is None:
        return without("profit")(report)
    n, lost = spread.below_zero
    if spread.whale.empty:
        total = float(spread.deciles["profit"].sum())
        return placed(blocks.note(t("profit.no_profit", value=total)), report, "profit")
    said = [
        t(f"cost.{kind}", cost=cost) if t.knows(f"cost.{kind}") else t("cost.other", cost=cost)
        for kind, cost in zip(spread.costs["kind"], spread.costs["cost"], strict=True)
    ] or [t("profit.no_serving")]
    if spread.uncosted > 0.005:
        said.append(t("profit.uncosted", share=spread.uncosted))
    peak = float(spread.peak or 0.0)
    said.append(t("profit.caption", peak=peak))
    columns = list(spread.whale.columns)
    return placed(
        blocks.chart(
            curves.lorenz(spread.whale, "customer_share", "profit_share"),
            finding=t("profit.finding", n=n, value=-lost, span=report.window)
            if n
            else t("finding.nobody_below"),
            data=_steps(spread.whale),
            caption=" ".join(said),
            formats={"customer_share": PERCENT, "profit_share": "percent"},
            names=names(report, *columns),
        ),
        report,
        "profit",
    )


def _steps(curve: pd.DataFrame) -> pd.DataFrame:
    """The curve at shares that a manager quotes."""
    asked = [0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0]
    nearest = {int((curve["customer_share"] - share).abs().to_numpy().argmin()) for share in asked}
    return curve.iloc[sorted(nearest)].reset_index(drop=True)


@section(part="acquisition", needs=without("sources"), small=small_form.comes_with_models)
def where_good_customers_come_from(report: AuditReport, found: Acquisition) -> Block:
    """The first year of customers by acquisition source, before the cost of winning them."""
    t, sources = report.t, found.sources.head(MOST)
    wanted = ("source", "customers", "repeat_share", "revenue", "revenue_lower", "revenue_upper", "margin")
    shown = sources[[column for column in wanted if column in sources]]
    money = [c for c in shown.columns if c in ("revenue", "revenue_lower", "revenue_upper", "margin")]
    row, everybody = clear_source(report), sources["customers"].sum()
    finding = t("sources.finding_none")
    if row is not None:
        way = "up" if row["difference"] > 0 else "down"
        low, high = sorted((abs(row["lower"]), abs(row["upper"])))
        bounds = interval(t, low, high, report.currency)
        finding = t(
            "sources.finding", name=row["source"], way=way, value=abs(row["difference"]), interval=bounds
        )
    return placed(
        blocks.chart(
            figures.intervals(
                sources, "source", "revenue", "revenue_lower", "revenue_upper",
                reference=float((sources["revenue"] * sources["customers"]).sum() / everybody),
                reference_label=t("sources.all"), fmt=report.currency,
            ),
            finding=finding,
            data=shown,
            caption=t("sources.caption", days=found.days, n=found.followed),
            formats=dict.fromkeys(money, report.currency) | {"repeat_share": PERCENT},
            names=names(report, *shown.columns),
        ),
        report,
        "sources",
    )  # fmt: skip


@section(part="acquisition", needs=without("winning"), small=small_form.comes_with_models)
def does_winning_cost_more_than_keeping(report: AuditReport, found: Acquisition) -> Block:
    """The cost of a new customer, advertising included, against the cost of serving an old one for a year."""
    t = report.t
    cost, keeping = report.winning, found.keeping
    if cost is None or keeping is None:
        return without("winning")(report)
    parts = {"recorded": cost.booked, "keeping": keeping}
    rows: list[tuple[Any, ...]] = [
        (t(f"winning.{name}"), e.value, e.lower, e.upper, e.n) for name, e in parts.items() if e is not None
    ]
    if cost.advertising is not None:
        rows.insert(len(rows) - 1, (t("winning.advertising"), cost.advertising, None, None, cost.won))
    winning, keep = cost.total, (keeping.upper - keeping.lower) / 2
    spread = (winning.upper - winning.lower) / 2
    # advertising is one sum and no draw; the two means are independent
    ratio = winning.value / keeping.value
    half = ratio * ((spread / winning.value) ** 2 + (keep / keeping.value) ** 2) ** 0.5
    graded = grade(ratio, ratio - half, ratio + half, keeping.n, null=1.0)
    table = pd.DataFrame(rows, columns=["cost_of", "money", "lower", "upper", "customers"])
    return placed(
        blocks.table(
            table,
            finding=t(
                "winning.finding_equal" if graded is Evidence.NOT_TOLD_APART else "winning.finding",
                ratio=ratio,
                interval=interval(t, ratio - half, ratio + half, "number:1"),
            ),
            caption=t("winning.caption", days=found.days),
            formats=dict.fromkeys(("money", "lower", "upper"), report.currency) | {"customers": "count"},
            names=names(report, *table.columns),
        ),
        report,
        "winning",
    )
