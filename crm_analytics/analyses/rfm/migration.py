"""Where the customers of each segment went between two days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
from scipy import stats

from crm_analytics.analyses.intervals import wilson
from crm_analytics.analyses.plots import Plots
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from datetime import date

    from crm_analytics.analyses.rfm.scores import RfmScores

NEW = "Not yet a customer"
THIN = 30  # customers: a row with fewer says little


@dataclass(frozen=True)
class Migration(ObjectCard):
    """Segments then against segments now, by the same rules.

    Attributes
    ----------
    then, now : the two days
    moves : from_segment, to_segment, customers, from_customers (the row's denominator), share, lower,
        upper (95 %, Wilson), revenue_before (of these customers up to `then`), thin (fewer than `THIN`)
    net : segment, before, now, stayed, left, came, net, lower, upper (of the net change; all segments lie
        inside theirs with 95 %, each who left or came taken as one event of chance), growth (the net change
        if the segment had grown as the base did), clear (net and growth are told apart); in the order of the
        rules
    stayed : share of the customers known at both days whose segment is the same, lower, upper, n
    """

    then: date
    now: date
    moves: pd.DataFrame
    net: pd.DataFrame
    stayed: tuple[float, float, float, int]

    plot = Plots("crm_analytics.analyses.rfm.pictures", "flows", "matrix", "net")

    def matrix(self) -> pd.DataFrame:
        """Shares: a row for each segment then, a column for each now; rows sum to one."""
        order = list(self.net["segment"])
        rows = [s for s in [*order, NEW] if s in set(self.moves["from_segment"])]
        table = self.moves.pivot(index="from_segment", columns="to_segment", values="share").fillna(0.0)
        return table.reindex(index=rows, columns=[s for s in order if s in table.columns])


def migration(then: RfmScores, now: RfmScores) -> Migration:
    """Count the moves of every customer between two scored days of one base.

    Customers who were not there at the first day come from `NEW`, in a row of their own. Score both days
    by the same rules (``rules=now.rules``); their cut points of F and M are those of each day's own
    customers unless `rfm.score` is given `cuts`, so that a segment is a place among the others.

    Examples
    --------
    >>> from crm_analytics import CustomerBase
    >>> from crm_analytics.analyses import rfm
    >>> sales = pd.DataFrame({"customer_id": [f"c{i % 30}" for i in range(90)],
    ...     "transaction_date": pd.date_range("2026-01-01", periods=90), "unit_spend": range(1, 91)})
    >>> base = CustomerBase.open(sales, today="2026-12-31")
    >>> now = rfm.score(base)
    >>> found = migration(rfm.score(base.earlier("-30D"), rules=now.rules), now)
    >>> [float(total) for total in found.matrix().sum(axis=1).round(9).unique()]
    [1.0]
    """
    before = then.customers.select("customer_id", from_segment="segment", revenue_before="revenue")
    after = now.customers.select("customer_id", to_segment="segment")
    both = after.left_join(before, "customer_id")
    both = both.mutate(from_segment=both.from_segment.fill_null(NEW))
    sums = both.group_by("from_segment", "to_segment").aggregate(
        customers=both.count(), revenue_before=both.revenue_before.sum().fill_null(ibis.literal(0))
    )
    moves = now.base.collect(sums.order_by("from_segment", "to_segment"))
    moves["from_customers"] = moves.groupby("from_segment")["customers"].transform("sum")
    pairs = list(zip(moves["customers"], moves["from_customers"], strict=True))
    moves["share"] = [k / n for k, n in pairs]
    moves["lower"], moves["upper"] = zip(*(wilson(int(k), int(n)) for k, n in pairs), strict=True)
    moves["thin"] = moves["from_customers"] < THIN
    columns = ["from_segment", "to_segment", "customers", "from_customers", "share", "lower", "upper"]
    moves = moves[[*columns, "revenue_before", "thin"]]
    known = moves[moves["from_segment"] != NEW]
    same = int(known.loc[known["from_segment"] == known["to_segment"], "customers"].sum())
    n = int(known["customers"].sum())
    return Migration(
        then.base.day,
        now.base.day,
        moves,
        _net(moves, list(now.segments["segment"])),
        (same / n if n else 0.0, *wilson(same, n), n),
    )


def _net(moves: pd.DataFrame, order: list[str]) -> pd.DataFrame:
    before = moves[moves["from_segment"] != NEW].groupby("from_segment")["customers"].sum()
    now = moves.groupby("to_segment")["customers"].sum()
    same = moves[moves["from_segment"] == moves["to_segment"]].set_index("from_segment")["customers"]
    names = [*order, *sorted((set(before.index) | set(now.index)) - set(order))]
    table = pd.DataFrame(
        {part: series.reindex(names).fillna(0).astype("int64")
         for part, series in (("before", before), ("now", now), ("stayed", same))}
    )  # fmt: skip
    table["left"], table["came"] = table["before"] - table["stayed"], table["now"] - table["stayed"]
    table["net"] = table["now"] - table["before"]
    kept = table[(table["before"] > 0) | (table["now"] > 0)].reset_index(names="segment")
    z = float(stats.norm.ppf(1 - 0.025 / max(1, len(kept))))
    half = z * np.sqrt((kept["left"] + kept["came"]).astype("float64"))
    kept["lower"], kept["upper"] = kept["net"] - half, kept["net"] + half
    kept["growth"] = kept["before"] * (kept["now"].sum() / max(int(kept["before"].sum()), 1) - 1)
    beyond = (kept["net"] - kept["growth"]).abs()
    kept["clear"] = (beyond > half) & (kept[["left", "came"]].sum(axis=1) >= THIN)
    return kept
