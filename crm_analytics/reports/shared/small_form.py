"""The small form of a report: what is known of a base too small for its models, and when they begin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses.overview import Overview, overview
from crm_analytics.pages import blocks, figures, words
from crm_analytics.reports.shared.report import Report
from crm_analytics.reports.shared.spoken import catalogue

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block
    from crm_analytics.pages.sentences import Sentences
    from crm_analytics.tables.customer_base import CustomerBase

SILENT = pd.Timedelta(days=14)  # behind the others: time to ask after somebody
SHOWN = 5  # regulars on the first layer: a phone holds no more beside the rest; the others are folded
SEGMENTS_FROM = 100  # customers; five bins then hold twenty each, and a share is sure to ± 10 points


@dataclass(frozen=True, kw_only=True, eq=False)
class SmallReport(Report):
    """What the small form of any report is made from."""

    seen: Overview
    nothing: str = ""  # with customers enough: what there is none of
    table: str = ""  # which would hold it

    @property
    def t(self) -> Sentences:
        """Its sentences: those that reports share."""
        return catalogue(self.language, __file__, self.base.currency if self.base else "")

    def customer_table(self, frame: pd.DataFrame, finding: str, caption: str, title: str) -> Block:
        """A table of regulars under the names of the language."""
        columns = ("customer_id", "order_count", "last_day", "revenue", "favourite", "days_silent")
        formats = {"revenue": self.currency, "last_day": "date:short"}
        frame = frame.assign(customer_id=self.called(frame["customer_id"]))
        return blocks.table(
            frame,
            finding=finding,
            caption=caption,
            names={name: self.t(f"small.column.{name}") for name in columns if name in frame.columns},
            formats={k: v for k, v in formats.items() if k in frame.columns},
        ).under(title)


def too_small(
    base: CustomerBase, show_customers: bool, *, language: str, seen: Overview | None = None
) -> SmallReport | None:
    """The small form of a report, where the base is too small for any; None where it is not.

    Parameters
    ----------
    seen : the overview of the base, where it is at hand
    """
    seen = seen or overview(base)
    if seen.customers >= SEGMENTS_FROM and seen.revenue > 0:
        return None
    return SmallReport(base=base, show_customers=show_customers, seen=seen, language=language)


def headline(report: SmallReport) -> Block:
    """What there is, in one sentence."""
    base, seen, t = report.base, report.seen, report.t
    counted = {"customers": seen.customers, "orders": seen.orders}
    if report.nothing:
        lede = t("small.in_all", **counted)
        return blocks.headline(report.nothing, lede, thin=True, language=report.language)
    again = seen.returning / seen.customers if seen.customers else 0.0
    return blocks.headline(
        t("small.headline", **counted, revenue=seen.revenue, again=again),
        t("small.lede", first=base.first_day, last=base.day),
        thin=True,
        language=report.language,
    )


def kpis(report: SmallReport) -> Block:
    """Four plain counts."""
    seen, t = report.seen, report.t
    per_order = seen.revenue / seen.orders if seen.orders else None
    came_back = t("small.kpi.customers_note", n=seen.returning)
    customers = blocks.kpi(t("small.kpi.customers"), words.count(seen.customers), note=came_back)
    if report.nothing:
        return blocks.kpis(customers)
    return blocks.kpis(
        customers,
        blocks.kpi(t("small.kpi.orders"), words.count(seen.orders), note=t("small.kpi.orders_note")),
        blocks.kpi(t("small.kpi.revenue"), report.money(seen.revenue), note=t("small.kpi.revenue_note")),
        blocks.kpi(t("small.kpi.per_order"), report.money(per_order), note=t("small.kpi.per_order_note")),
    )


def thanks(report: SmallReport) -> Block:
    """Whom to thank: the customers who came most often; and whom to ask after."""
    if report.nothing:
        table = report.t(f"small.bring.{report.table}")
        return blocks.actions(
            blocks.action(report.t("small.bring.do", table=table), report.t("small.bring.why"))
        )
    regulars = report.seen.regulars
    again = regulars[regulars["order_count"] > 1]
    if again.empty:
        return blocks.actions(blocks.action(report.t("small.invite.do"), report.t("small.invite.why")))
    missed = again[again["last_day"] < again["last_day"].max() - SILENT].head(3)
    best = again.drop(missed.index).head(3)
    items = [_who(report, best, "thank"), _who(report, missed, "ask_after")]
    return blocks.actions(*(item for item in items if item))


def _who(report: SmallReport, rows: pd.DataFrame, what: str) -> dict[str, str] | None:
    if rows.empty:
        return None
    t = report.t
    return blocks.action(
        t(f"small.{what}.do", who=words.listing(report.called(rows["customer_id"]))),
        t(f"small.{what}.why", times=words.listing(rows["order_count"].map(words.count))),
        value_at_stake=t("small.so_far", revenue=rows["revenue"].sum()),
    )


def regulars(report: SmallReport) -> Block:
    """The first of those who came most often, with their last visit; all of them are in `every_regular`."""
    return _regulars(report, report.seen.regulars.head(SHOWN))


def every_regular(report: SmallReport) -> Block:
    """All regulars, in the folded part of the page."""
    return _regulars(report, report.seen.regulars).in_appendix()


def _regulars(report: SmallReport, frame: pd.DataFrame) -> Block:
    t = report.t
    if report.nothing:
        return blocks.findings(blocks.finding(report.nothing))
    first = report.called(frame["customer_id"]).iloc[0]
    finding = t("small.regulars.finding", who=first, n=frame["order_count"].iloc[0])
    return report.customer_table(
        frame, finding, t("small.regulars.caption", n=len(frame)), t("small.regulars.title")
    )


def last_visits(report: SmallReport) -> Block:
    """The regulars by their last visit, the longest silent first."""
    t = report.t
    if report.nothing:
        return _nothing(report)
    frame = report.seen.regulars.sort_values(["last_day", "customer_id"], ignore_index=True)
    frame["days_silent"] = (pd.Timestamp(report.base.day) - frame["last_day"]).dt.days
    frame = frame[["customer_id", "last_day", "days_silent", "order_count"]]
    first = report.called(frame["customer_id"]).iloc[0]
    finding = t("small.visits.finding", who=first, n=frame["days_silent"].iloc[0])
    return report.customer_table(
        frame, finding, t("small.visits.caption", n=len(frame)), t("small.visits.title")
    )


def favourites(report: SmallReport) -> Block:
    """What they buy; where no product is known, on which day they come."""
    seen, t = report.seen, report.t
    if seen.favourites.empty or report.nothing:
        return weekdays(report)
    best = seen.favourites.iloc[0]
    symbol = report.money(0).partition("0")[0]
    return blocks.chart(
        figures.bars(seen.favourites, y="product", x="revenue", prefix=symbol),
        finding=t("small.favourites.finding", product=best["product"], revenue=best["revenue"]),
        data=seen.favourites,
        caption=t("small.favourites.caption"),
        names={name: t(f"small.column.{name}") for name in ("product", "customers", "orders", "revenue")},
        formats={"revenue": report.currency},
    ).under(t("small.favourites.title"))


def weekdays(report: SmallReport) -> Block:
    """On which day of the week they come."""
    from crm_analytics.analyses.evidence import grade  # a view of one customer comes without scipy
    from crm_analytics.analyses.intervals import wilson

    t = report.t
    if report.nothing:
        return _nothing(report)
    counted = report.seen.weekdays
    counted = counted.assign(weekday=[t(f"weekday.{day}") for day in counted["weekday"]])
    top, of, days = (
        counted.nlargest(1, "orders").iloc[0],
        counted["orders"].sum(),
        counted["orders"].gt(0).sum(),
    )
    n = int(top["orders"])
    found = grade(n / max(of, 1), *wilson(n, int(of)), int(of), null=1 / max(days, 1), looks=int(days))
    message = "finding" if found.is_news and days > 1 else "finding_chance"
    slots = {"day": top["weekday"], "n": n} if message == "finding" else {}
    return blocks.chart(
        figures.columns(counted, x="weekday", ys=["orders"]),
        finding=t(f"small.weekdays.{message}", **slots),
        data=counted,
        caption=t("small.weekdays.caption"),
        names={name: t(f"small.column.{name}") for name in ("weekday", "orders")},
    ).under(t("small.weekdays.title"))


def _nothing(report: SmallReport) -> Block:
    """A section that has nothing to show, out of the manager's way: the headline says so already."""
    return blocks.note(report.t("small.nothing_to_show"), f"{report.nothing}.").in_appendix()


def when_models_begin(report: SmallReport) -> Block:
    """From how many customers on each model speaks."""
    from crm_analytics.analyses import btyd  # a view of one customer comes without the models

    seen, t = report.seen, report.t
    rows = [
        ("segments", SEGMENTS_FROM, "customers", seen.customers),
        ("value", btyd.MINIMUM_CUSTOMERS, "customers", seen.customers),
        ("repeat", btyd.MINIMUM_REPEAT_BUYERS, "customers", seen.returning),
        ("spend", btyd.MINIMUM_REPEAT_BUYERS, "repeat_buyers", seen.returning),
    ]
    frame = pd.DataFrame(rows, columns=["model", "begins_at", "counted", "you_have"])
    frame["still_missing"] = (frame["begins_at"] - frame["you_have"]).clip(lower=0)
    missing = int(frame["still_missing"].max())
    frame["model"] = [t(f"small.model.{name}") for name in frame["model"]]
    frame["counted"] = [t(f"small.counted.{name}") for name in frame["counted"]]
    return blocks.table(
        frame,
        finding=t("small.begin.finding", n=missing) if missing else t("small.begin.nothing_missing"),
        caption=t("small.begin.caption"),
        names={name: t(f"small.column.{name}") for name in frame.columns},
    ).under(t("small.begin.title"))


def folded(make: Callable[[SmallReport], Block]) -> Callable[[SmallReport], Block]:
    """A small form for the folded part of the page, so that the page of a small base is short too."""

    def made(report: SmallReport) -> Block:
        return make(report).in_appendix()

    return made


def comes_with_models(report: SmallReport) -> Block:
    """What a section of the appendix says where the base is too small for its model."""
    return too_few("small.comes_with_models")(report)


def method(report: SmallReport) -> Block:
    """How the plain counts were made."""
    t, base = report.t, report.base
    counted = {"rows": base.counts["rows"], "rejected": base.counts["rejected"]}
    given = t("small.method.data_text", **counted, first=base.first_day, last=base.day)
    return blocks.method(
        {
            t("small.method.data"): given,
            t("small.method.order"): t("small.method.order_text"),
            t("small.left_out"): t("small.left_out_why"),
        }
    )


def glossary(report: SmallReport) -> Block:
    """The one word of a small page that needs a meaning."""
    t = report.t
    return blocks.glossary({t("small.method.order"): t("small.method.order_text")})


def record(report: SmallReport) -> Block:
    """The key numbers of a small base."""
    return blocks.record(**report.facts)


def too_few(what: str) -> Callable[[SmallReport], Block]:
    """A section's small form: that it says nothing yet, and from how many customers it will.

    Parameters
    ----------
    what : the id of a message that reports share, so that each language has it; or a sentence
    """

    def note(report: SmallReport) -> Block:
        return nothing_yet(report, report.t(what) if report.t.knows(what) else what)

    return note


def nothing_yet(report: SmallReport, sentence: str) -> Block:
    """In the folded part: a sentence that something cannot be told, and from how many customers it can."""
    t, n = report.t, report.seen.customers
    if report.nothing:
        return _nothing(report)
    if n >= SEGMENTS_FROM:
        return blocks.note(sentence, t("small.no_revenue", n=n)).in_appendix()
    return blocks.note(sentence, t("small.begins", needed=SEGMENTS_FROM, n=n)).in_appendix()
