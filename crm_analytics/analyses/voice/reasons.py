"""Why customers say they buy, beside what they do.

A reason is first what a column says: the `driver` that an answer is about, or a text that many people chose
word for word from a list. What people wrote in words of their own is read by `topics` and nowhere else. A
reason is shown from five people on, and never where a word of it is the name of a customer.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.disclosure import ON_A_PAGE
from crm_analytics.analyses.exact_moments import exact_mean
from crm_analytics.analyses.intervals import wilson
from crm_analytics.analyses.voice.answers import Answers

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

MOST = 30  # different texts: more are words of people's own
COVERED = 0.6  # share of the answers that such texts must be, to be a list to choose from
LONGEST = 40  # letters of a reason
YEAR = 365
OTHER = ""  # everything that is not shown
HEARD = "heard_from"
_WORD = re.compile(r"[^\W\d_]{2,}")


def stated_reasons(given: Answers, groups: ir.Table) -> pd.DataFrame:
    """The reasons people gave, with what those people do.

    Parameters
    ----------
    groups : customer_id, segment

    Returns
    -------
    reason ("" for all that are not shown), kind ("driver" or "text"), people, share, lower, upper (95 %,
        Wilson), orders_year and spend_year (mean of a customer in the last 365 days), top_segment (to
        which most of them belong; "" where fewer than five do); most people first. Empty without reasons
    """
    each = _coded(given)
    if each is None:
        return pd.DataFrame()
    each = given.base.materialise(each)
    kept = _shown(given.base, each)
    if not kept:
        return pd.DataFrame()
    each = each.mutate(reason=each.reason.isin(kept).ifelse(each.reason, ibis.literal(OTHER)))
    done = _behaviour(given.base)
    both = each.left_join(done, "customer_id").drop("customer_id_right")
    counted = both.group_by("reason").aggregate(
        people=both.respondent_id.nunique(),
        orders_year=exact_mean(both.orders_year.fill_null(0)),
        spend_year=exact_mean(both.spend_year.fill_null(0.0)),
    )
    frame = given.base.collect(counted)
    total = int(frame["people"].sum())
    frame["share"] = frame["people"] / total
    bounds = [wilson(int(k), total) for k in frame["people"]]
    frame["lower"], frame["upper"] = [low for low, _ in bounds], [high for _, high in bounds]
    kind = each.kind.max().to_pyarrow().as_py()
    frame = frame.merge(_top_segment(given.base, each, groups), on="reason", how="left")
    frame["top_segment"] = frame["top_segment"].fillna("")
    frame.insert(1, "kind", kind)
    last = frame["reason"] == OTHER
    return (
        frame.assign(last=last)
        .sort_values(["last", "people", "reason"], ascending=[True, False, True], ignore_index=True)
        .drop(columns="last")
    )


def reasons_by_segment(given: Answers, groups: ir.Table) -> pd.DataFrame:
    """Share of each reason in each segment: segment, reason, people, of, share; five people or more."""
    each = _coded(given)
    if each is None:
        return pd.DataFrame()
    each = given.base.materialise(each)
    kept = _shown(given.base, each)
    both = each.filter(each.reason.isin(kept)).inner_join(
        groups.select("customer_id", "segment"), "customer_id"
    )
    counted = both.group_by("segment", "reason").aggregate(people=both.respondent_id.nunique())
    frame = given.base.collect(counted)
    if frame.empty:
        return frame
    frame["of"] = frame.groupby("segment")["people"].transform("sum")
    frame["share"] = frame["people"] / frame["of"]
    frame = frame[(frame["people"] >= ON_A_PAGE) & (frame["of"] >= 2 * ON_A_PAGE)]
    return frame.sort_values(
        ["segment", "people", "reason"], ascending=[True, False, True], ignore_index=True
    )


def free_texts(given: Answers) -> ir.Table:
    """Texts in words of people's own: person, text, share (of the scale, where the answer has a score)."""
    each = given.each
    each = each.filter(each.text.notnull(), each.instrument != HEARD)
    return each.select("text", "share", person="respondent_id")


def _coded(given: Answers) -> ir.Table | None:
    """Answers with a reason from a column, one row per person and reason; None without any."""
    each = given.each
    written = each.filter(each.text.notnull(), each.score.isnull())
    coded = written.filter(written.driver.notnull())
    if int(coded.respondent_id.nunique().to_pyarrow().as_py() or 0) >= ON_A_PAGE:
        return _rows(coded, coded.driver, "driver")
    counts = written.group_by(text=written.text.lower().strip()).aggregate(n=written.respondent_id.nunique())
    row = counts.aggregate(
        all=counts.n.sum(), often=counts.n.sum(where=counts.n >= ON_A_PAGE),
        kinds=counts.count(where=counts.n >= ON_A_PAGE),
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    if not row["kinds"] or row["kinds"] > MOST or row["often"] < COVERED * row["all"]:
        return None
    return _rows(written, written.text, "text")


def _rows(each: ir.Table, reason: ir.StringValue, kind: str) -> ir.Table:
    found = each.mutate(reason=reason.lower().strip())
    one = found.group_by("respondent_id", "reason").aggregate(customer_id=found.customer_id.max())
    return one.mutate(kind=ibis.literal(kind))


def _shown(base: CustomerBase, each: ir.Table) -> list[str]:
    """Reasons that may be shown: of five people or more, short, and without the name of a customer."""
    counted = each.group_by("reason").aggregate(n=each.respondent_id.nunique())
    counted = counted.filter(counted.n >= ON_A_PAGE, counted.reason.length() <= LONGEST)
    frame = base.collect(counted.order_by([ibis.desc("n"), "reason"]).limit(MOST))
    words = {text: set(_WORD.findall(str(text).lower())) for text in frame["reason"]}
    names = names_among(base, set().union(*words.values()) if words else set())
    return [text for text in words if text and not words[text] & names and "@" not in text]


def names_among(base: CustomerBase, words: set[str]) -> set[str]:
    """Which of some small-letter words stand in the name of a customer."""
    customers, found = base.tables.get("customers"), set()
    if customers is None or not words:
        return set()
    for column in ("first_name", "last_name"):
        if column in customers.columns:
            name = customers[column].lower().strip()
            hits = customers.filter(name.isin(sorted(words))).select(name=name).distinct()
            found |= set(base.collect(hits)["name"])
    return found


def _behaviour(base: CustomerBase) -> ir.Table:
    days = base.exact_occasions
    days = days.filter(days.day > ibis.literal(base.day - timedelta(days=YEAR)))
    return days.group_by("customer_id").aggregate(
        orders_year=days.count(), spend_year=days.spend.sum().cast("float64")
    )


def _top_segment(base: CustomerBase, each: ir.Table, groups: ir.Table) -> pd.DataFrame:
    both = each.inner_join(groups.select("customer_id", "segment"), "customer_id")
    counted = both.group_by("reason", "segment").aggregate(n=both.respondent_id.nunique())
    first = ibis.window(group_by="reason", order_by=[ibis.desc("n"), "segment"])
    counted = counted.mutate(place=ibis.row_number().over(first))
    top = counted.filter(counted.place == 0, counted.n >= ON_A_PAGE)
    return base.collect(top.select("reason", top_segment="segment"))
