"""RFM: how recently, how often and for how much each customer bought.

Recency here is *days since the last purchase* (`recency_days`), frequency the number of purchase
occasions (`order_count`), monetary value the net revenue (`revenue`). Each is scored 1..bins, 5 of 5
being best, and the scores name a segment by the first rule that fits.

Source: A. M. Hughes, *Strategic Database Marketing* (1994); segment names as commonly used in retail.
Ties: a customer's score counts the cut points below the value, so equal customers always score equal
(NTILE, which many tools use, scores two customers with the same two orders 0 and 1).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import timedelta
from numbers import Integral
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crm_analytics.analyses.arguments import base_given
from crm_analytics.analyses.concentration import Concentration, concentration
from crm_analytics.analyses.customer_rules import flagged, ranges
from crm_analytics.analyses.definitions import definitions
from crm_analytics.analyses.plots import Plots
from crm_analytics.analyses.progress import watched
from crm_analytics.analyses.rfm.rules import (
    FIELDS,
    NO_PURCHASE,
    Rhythm,
    Rule,
    check_rules,
    default_rules,
    rhythm_of,
    rules_of,
)
from crm_analytics.errors import NotEnoughData, ParameterError, nearest
from crm_analytics.tables.days import Span, days_in
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

NEEDS = {"transactions": ("customer_id", "transaction_date", "unit_spend")}
MINIMUM_CUSTOMERS = 20  # below, five bins hold fewer than four customers each
OTHERS = "Others"
MEASURES = {"r_score": "recency_days", "f_score": "order_count", "m_score": "revenue"}


@dataclass(frozen=True)
class RfmScores(ObjectCard):
    """Scores and segments of every customer, as an engine table, and what they add up to.

    Attributes
    ----------
    customers : customer_id, recency_days, order_count, invoice_count, revenue (DECIMAL), r_score,
        f_score, m_score (1..bins; NULL without a purchase), segment
    segments : one row per segment in rule order: segment, customers, customer_share, orders, revenue,
        revenue_share, revenue_per_customer, order_value, median_recency_days, rule, play
    cuts : measure, and the values that part one score from the next
    rules : the ordered rule table
    """

    customers: ir.Table
    segments: pd.DataFrame
    cuts: pd.DataFrame
    rules: tuple[Rule, ...]
    bins: int
    rhythm: Rhythm | None
    base: CustomerBase

    card_frame = "segments"
    plot = Plots("crm_analytics.analyses.rfm.pictures", "treemap", "grid", "concentration")

    @property
    def unmatched(self) -> tuple[str, ...]:
        """Segments whose rule fits nobody."""
        frame = self.segments
        return tuple(frame.loc[frame["customers"] == 0, "segment"])


@watched("Scoring customers")
def score(
    base: CustomerBase,
    *,
    bins: int = 5,
    cuts: Mapping[str, Sequence[float]] | None = None,
    window: Span | int | None = None,
    rules: Iterable[Rule] | None = None,
) -> RfmScores:
    """Score every customer and name their segment.

    Parameters
    ----------
    base : cut at the day the scores are for
    bins : number of scores; cut points are the quantiles 1/bins, 2/bins, ... of all buyers. Where most share
        one value, the highest value still takes the highest score and the lowest the lowest
    cuts : own cut points per measure, rising, e.g. ``{"recency_days": [30, 90, 180, 365]}``; a measure
        left out keeps its quantiles. Each list needs ``bins - 1`` values
    window : count orders and revenue only over the last days, e.g. ``365``, ``"365d"`` or ``"52w"``; recency
        is always over the whole past. Default: the whole past
    rules : an ordered rule table; who fits none is in "Others". Default: those of `base.with_rules`, else
        `default_rules`

    Raises
    ------
    NotEnoughData : fewer than `MINIMUM_CUSTOMERS` buyers and no cuts of your own.
    ParameterError : bins, cuts, window or rules are not usable.

    Examples
    --------
    >>> from crm_analytics import CustomerBase
    >>> frame = pd.DataFrame({"customer_id": [f"c{i % 30}" for i in range(90)],
    ...     "transaction_date": pd.date_range("2026-01-01", periods=90), "unit_spend": range(1, 91)})
    >>> scores = score(CustomerBase.open(frame, today="2026-12-31"))
    >>> int(scores.segments["customers"].sum())
    30
    """
    base_given(base, "rfm.score")
    _check_arguments(bins, cuts)
    days = None if window is None else days_in(window, "window")
    if days is not None and days < 1:
        raise ParameterError(f"window must be at least one day, got {window!r}")
    own = {name: tuple(map(float, values)) for name, values in (cuts or {}).items()}
    given = rules_of(base) if rules is None else tuple(rules)
    key = ("rfm.score", bins, sorted(own.items()), days, given)
    kept = base.remember(key, lambda: _scored(base, bins, own, days, given), _parts, _parts)
    rhythm = Rhythm(*kept["rhythm"]) if kept["rhythm"] else None
    table = default_rules(bins, rhythm, definitions(base)) if given is None else given
    return RfmScores(
        customers=kept["customers"],
        segments=_segment_table(base, kept["customers"], table),
        cuts=pd.DataFrame({"measure": list(kept["cuts"]), "cuts": list(map(list, kept["cuts"].values()))}),
        rules=table,
        bins=bins,
        rhythm=rhythm,
        base=base,
    )


def _parts(scored: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is kept of scores: they are parts already."""
    return scored


def _scored(
    base: CustomerBase,
    bins: int,
    cuts: Mapping[str, Sequence[float]],
    days: int | None,
    rules: tuple[Rule, ...] | None,
) -> Mapping[str, Any]:
    rhythm = rhythm_of(base)
    table = default_rules(bins, rhythm, definitions(base)) if rules is None else rules
    check_rules(table)
    measured = base.materialise(_measure(base, days))
    buyers = measured.filter(measured.recency_days.notnull())
    have = int(buyers.count().to_pyarrow().as_py())
    if have < MINIMUM_CUSTOMERS and set(cuts) != set(MEASURES.values()):
        raise NotEnoughData("RFM scoring by quantiles", have, MINIMUM_CUSTOMERS)
    chosen = _cut_points(buyers, bins, cuts)
    measured, flags = flagged(base, measured, table, FIELDS)
    scored = base.materialise(_apply(measured, chosen, bins, table, flags))
    return {"customers": scored, "cuts": chosen, "rhythm": astuple(rhythm) if rhythm else None}


def _check_arguments(bins: int, cuts: Mapping[str, Sequence[float]] | None) -> None:
    if not isinstance(bins, Integral) or isinstance(bins, bool):
        raise ParameterError(f"bins must be a whole number from 2 to 20, got {bins!r}")
    if not 2 <= bins <= 20:
        raise ParameterError(f"bins must lie between 2 and 20, got {bins}")
    for name, values in (cuts or {}).items():
        if name not in MEASURES.values():
            raise ParameterError(f"cuts: unknown measure '{name}'{nearest(name, MEASURES.values())}")
        if len(values) != bins - 1 or sorted(values) != list(values):
            raise ParameterError(
                f"cuts['{name}'] needs {bins - 1} rising values for {bins} bins, got {list(values)}"
            )


def _measure(base: CustomerBase, days: int | None) -> ir.Table:
    history = base.purchase_history
    if days is None:
        measures = history.select("customer_id", "last_day", "order_count", "invoice_count", "revenue")
    else:
        start = base.day - timedelta(days=days)
        if start < base.first_day:
            measures = history.select("customer_id", "last_day", "order_count", "invoice_count", "revenue")
        else:
            recent = base.between(start, base.day).purchase_history
            recent = recent.select("customer_id", "order_count", "invoice_count", "revenue")
            joined = history.select("customer_id", "last_day").left_join(recent, "customer_id")
            measures = joined.select(
                "customer_id",
                "last_day",
                order_count=joined.order_count.fill_null(0),
                invoice_count=joined.invoice_count.fill_null(0),
                revenue=joined.revenue.fill_null(0),
            )
    since = ibis.literal(base.day).delta(measures.last_day, unit="day")
    return measures.mutate(recency_days=since.cast("int64")).drop("last_day")


def _cut_points(
    buyers: ir.Table, bins: int, own: Mapping[str, Sequence[float]]
) -> dict[str, tuple[float, ...]]:
    shares = [k / bins for k in range(1, bins)]
    asked = {
        f"{name}_{k}": buyers[name].cast("float64").quantile(share)
        for name in MEASURES.values()
        if name not in own
        for k, share in enumerate(shares)
    }
    found = buyers.aggregate(**asked).to_pyarrow().to_pylist()[0] if asked else {}
    return {
        name: tuple(float(v) for v in own[name])
        if name in own
        else _parted(buyers[name].cast("float64"), [float(found[f"{name}_{k}"]) for k in range(bins - 1)])
        for name in MEASURES.values()
    }


def _parted(values: ir.Column, cuts: list[float]) -> tuple[float, ...]:
    """Quantiles as cut points, moved where most customers share one value.

    Several quantiles then fall on that value, and it would score as low as the values far below it. So the
    highest value takes the last score, the lowest the first, and one between them the middle of its
    quantiles: as many of these cuts move to the next value below.
    """
    ends = values.as_table().aggregate(low=values.min(), high=values.max()).to_pyarrow().to_pylist()[0]
    moved = list(cuts)
    for value in sorted(set(cuts) - {ends["low"]}):
        equal = [k for k, cut in enumerate(cuts) if cut == value]
        lowered = equal if value == ends["high"] else equal[: len(equal) // 2]
        if lowered:
            below = values.as_table().aggregate(below=values.max(where=values < value))
            for k in lowered:
                moved[k] = float(below.to_pyarrow().to_pylist()[0]["below"])
    return tuple(moved)


def _apply(
    measured: ir.Table,
    cuts: Mapping[str, Sequence[float]],
    bins: int,
    rules: Sequence[Rule],
    flags: Mapping[int, str],
) -> ir.Table:
    bought = measured.recency_days.notnull()
    scores = {}
    for name, measure in MEASURES.items():
        above = ibis.literal(0)
        for cut in cuts[measure]:
            above += (measured[measure].cast("float64") > cut).cast("int64")
        value = bins - above if measure == "recency_days" else 1 + above
        scores[name] = bought.ifelse(value.cast("int64"), ibis.null("int64"))
    scored = measured.mutate(**scores)
    cases = [(scored.r_score.isnull(), NO_PURCHASE)]
    for n, rule in enumerate(rules):
        fits = scored[flags[n]] if n in flags else ibis.literal(True)
        for field, (low, high) in ranges(rule, FIELDS).items():
            value = scored[field].cast("float64")
            if not np.isinf(low):
                fits &= value >= low
            if not np.isinf(high):
                fits &= value <= high
        cases.append((fits, rule.segment))
    return (
        scored.mutate(segment=ibis.cases(*cases, else_=OTHERS))
        .select("customer_id", *MEASURES.values(), "invoice_count", *MEASURES, "segment")
        .relocate("invoice_count", after="order_count")
    )


def _segment_table(base: CustomerBase, scored: ir.Table, rules: Sequence[Rule]) -> pd.DataFrame:
    grouped = scored.group_by("segment").aggregate(
        customers=scored.count(),
        orders=scored.order_count.sum(),
        revenue=scored.revenue.sum(),
        median_recency_days=scored.recency_days.cast("float64").median(),
    )
    found = base.collect(grouped).set_index("segment")
    order = [*(r.segment for r in rules), OTHERS, NO_PURCHASE]
    rule_of = {r.segment: r for r in rules}
    frame = found.reindex([s for s in order if s in rule_of or s in found.index])
    frame[["customers", "orders", "revenue"]] = frame[["customers", "orders", "revenue"]].fillna(0)
    frame = frame.astype({"customers": "int64", "orders": "int64"}).reset_index()
    people, money = frame["customers"].sum(), frame["revenue"].sum()
    frame["customer_share"] = frame["customers"] / people
    frame["revenue_share"] = frame["revenue"] / money if money else np.nan
    frame["revenue_per_customer"] = frame["revenue"] / frame["customers"].where(frame["customers"] > 0)
    frame["order_value"] = frame["revenue"] / frame["orders"].where(frame["orders"] > 0)
    frame["rule"] = [rule_of[s].describe() if s in rule_of else "fits no rule" for s in frame["segment"]]
    frame.loc[frame["segment"] == NO_PURCHASE, "rule"] = "only returns so far"
    frame["play"] = [rule_of[s].play if s in rule_of else "" for s in frame["segment"]]
    return frame[
        ["segment", "customers", "customer_share", "orders", "revenue", "revenue_share",
         "revenue_per_customer", "order_value", "median_recency_days", "rule", "play"]
    ]  # fmt: skip


def revenue_concentration(scores: RfmScores) -> Concentration:
    """How unequally revenue is spread over the customers who bought in the window."""
    buyers = scores.customers.filter(scores.customers.order_count > 0)
    return concentration(scores.base, buyers, "revenue")


ORDER_BANDS = ((1, 1, "1 order"), (2, 2, "2"), (3, 3, "3"), (4, 5, "4–5"), (6, None, "6+"))


def recency_frequency_grid(scores: RfmScores) -> pd.DataFrame:
    """Customers and revenue by days since the last purchase and number of orders.

    The bands of days follow the base's rhythm: within the typical gap, within half and the whole of the
    long gap, within twice the long gap, and beyond.

    Returns
    -------
    recency_band, order_band, customers, revenue; one row per cell of the grid, empty cells included,
    the freshest band and the fewest orders first
    """
    typical, late = (scores.rhythm.typical, scores.rhythm.long) if scores.rhythm else (30, 90)
    edges = sorted({typical, max(typical + 1, late // 2), max(typical + 2, late), 2 * max(typical + 2, late)})
    lows = [0, *(edge + 1 for edge in edges)]
    names = [f"{low}–{high} days" for low, high in zip(lows, edges, strict=False)] + [
        f"over {edges[-1]} days"
    ]
    buyers = scores.customers.filter(scores.customers.recency_days.notnull())
    row = ibis.literal(0)
    for edge in edges:
        row += (buyers.recency_days > edge).cast("int64")
    column = ibis.literal(0)
    for low, _, _ in ORDER_BANDS[1:]:
        column += (buyers.order_count >= low).cast("int64")
    placed = buyers.mutate(row=row, column=column)
    cells = placed.group_by("row", "column").aggregate(customers=placed.count(), revenue=placed.revenue.sum())
    found = scores.base.collect(cells).set_index(["row", "column"])
    whole = pd.MultiIndex.from_product([range(len(names)), range(len(ORDER_BANDS))], names=["row", "column"])
    grid = found.reindex(whole, fill_value=0).reset_index()
    grid.insert(0, "recency_band", [names[i] for i in grid.pop("row")])
    grid.insert(1, "order_band", [ORDER_BANDS[i][2] for i in grid.pop("column")])
    return grid.astype({"customers": "int64", "revenue": "float64"})
