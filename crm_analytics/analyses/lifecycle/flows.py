"""Who moved from which stage to which, this period against the one before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm

from crm_analytics.analyses.intervals import share_difference, wilson
from crm_analytics.analyses.lifecycle.stage_history import Stages, in_order, stages, standing
from crm_analytics.analyses.plots import Plots
from crm_analytics.errors import ParameterError
from crm_analytics.tables.days import Span, earlier_day
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

OUTSIDE = "Not yet known"
NOTHING = (float("nan"), float("nan"))
THIN = 30  # customers: a row with fewer says little


@dataclass(frozen=True)
class Flows(ObjectCard):
    """Moves between the end of `then` and the end of `now`, and in the span as long before.

    Attributes
    ----------
    before, then, now : ends of the days compared; `before` is None where the data do not reach back,
        and the columns of the earlier period are then empty
    moves : from_stage, to_stage, customers, from_customers (the row's denominator), share, lower, upper
        (95 %, Wilson), earlier_customers, earlier_from_customers, earlier_share, difference,
        difference_lower, difference_upper (Newcombe), clear (an interval that holds together with those of
        all other moves excludes zero), thin
    sizes : stage, then, came, left, now, net, earlier, earlier_came, earlier_left, earlier_net;
        then + came - left = now; clear (the net change is more than chance: with 95 % for all stages, each
        who came or left taken as one event)
    """

    before: date | None
    then: date
    now: date
    moves: pd.DataFrame
    sizes: pd.DataFrame

    plot = Plots("crm_analytics.analyses.lifecycle.pictures", "flows", "matrix", "net")

    def matrix(self) -> pd.DataFrame:
        """Shares: a row for each stage then, a column for each now; rows sum to one."""
        names = list(self.sizes["stage"])
        seen = self.moves[self.moves["from_customers"] > 0]
        table = seen.pivot(index="from_stage", columns="to_stage", values="share").fillna(0.0)
        rows = [s for s in [*names, OUTSIDE] if s in table.index]
        return table.loc[rows, [s for s in names if s in table.columns]]

    def stable(self) -> pd.Series:
        """Long-run share of each stage if these moves went on and nobody new came.

        The stationary vector of the matrix; where several classes of stages never meet, from today's sizes.
        """
        shares = self.matrix()
        names = [s for s in shares.index if s != OUTSIDE]
        moves = shares.reindex(index=names, columns=names).fillna(0.0).to_numpy()
        now = self.sizes.set_index("stage")["now"].reindex(names).to_numpy(dtype=float)
        lazy = (np.eye(len(names)) + moves) / 2  # the same stable vector, and no cycles
        for _ in range(40):  # 2^40 periods
            lazy = lazy @ lazy
            lazy /= lazy.sum(axis=1, keepdims=True)
        return pd.Series((now / now.sum()) @ lazy, index=names).round(9)


def flows(base: CustomerBase | Stages, span: Span = "-13w") -> Flows:
    """Count the moves over a span, and over the span before it.

    Parameters
    ----------
    base : a base, or the stages already found
    span : how far back the comparison goes, e.g. ``"-13w"``, ``"-3m"``

    Customers who became known in the span come from `OUTSIDE`, in a row of their own.

    Raises
    ------
    ParameterError : the data do not reach back a span.
    """
    staged = base if isinstance(base, Stages) else stages(base)
    now = staged.base.day
    then = earlier_day(now, span)
    if not staged.base.first_day <= then < now:
        raise ParameterError(
            f"flows over {span} need data before {then}; these begin {staged.base.first_day}"
        )
    before = earlier_day(then, span)
    reaches = before >= staged.base.first_day
    this = _moves(staged, then, now)
    last = _moves(staged, before, then) if reaches else this.iloc[:0]
    return Flows(before if reaches else None, then, now, _compared(this, last), _sizes(staged, this, last))


def _moves(staged: Stages, start: date, end: date) -> pd.DataFrame:
    old = standing(staged.spells, start).select("customer_id", from_stage="stage")
    new = standing(staged.spells, end).select("customer_id", to_stage="stage")
    both = new.left_join(old, "customer_id")
    both = both.mutate(from_stage=both.from_stage.fill_null(OUTSIDE))
    counted = both.group_by("from_stage", "to_stage").aggregate(customers=both.count())
    table = staged.base.collect(counted.order_by("from_stage", "to_stage"))
    table["from_customers"] = table.groupby("from_stage")["customers"].transform("sum")
    return table


def _compared(this: pd.DataFrame, last: pd.DataFrame) -> pd.DataFrame:
    keys = ["from_stage", "to_stage"]
    table = this.merge(last.add_prefix("earlier_").rename(columns={f"earlier_{k}": k for k in keys}),
                       on=keys, how="outer", sort=True)  # fmt: skip
    for prefix, source in (("", this), ("earlier_", last)):
        totals = source.drop_duplicates("from_stage").set_index("from_stage")["from_customers"]
        of = table["from_stage"].map(totals).astype("float64")
        counts = table[f"{prefix}customers"].astype("float64").fillna(0).where(of.notna())
        table[f"{prefix}customers"], table[f"{prefix}from_customers"] = counts, of
        table[f"{prefix}share"] = counts / of
    counted = ["customers", "from_customers", "earlier_customers", "earlier_from_customers"]
    rows = []
    for k, n, k0, n0 in table[counted].itertuples(index=False):
        lower, upper = wilson(int(k), int(n)) if n > 0 else NOTHING
        both = n > 0 and n0 > 0
        change = share_difference(int(k), int(n), int(k0), int(n0)) if both else NOTHING
        rows.append((lower, upper, k / n - k0 / n0 if both else NOTHING[0], *change))
    names = ["lower", "upper", "difference", "difference_lower", "difference_upper"]
    table[names] = pd.DataFrame(rows, columns=names, index=table.index, dtype="float64")
    table["thin"] = ~(table["from_customers"] >= THIN)
    looked = table["difference"].notna() & ~table["thin"] & (table["from_stage"] != OUTSIDE)
    level = 1 - 0.05 / max(1, int(looked.sum()))
    table["clear"] = False
    for row in table.loc[looked, counted].itertuples():
        went, went_of, earlier, earlier_of = (int(x) for x in row[1:])
        lower, upper = share_difference(went, went_of, earlier, earlier_of, level)
        table.loc[row.Index, "clear"] = lower > 0 or upper < 0
    return table


def _sizes(staged: Stages, this: pd.DataFrame, last: pd.DataFrame) -> pd.DataFrame:
    names = {*this["to_stage"], *this["from_stage"], *last["to_stage"], *last["from_stage"]} - {OUTSIDE}
    order = in_order(names, staged.rules)
    found = {}
    for words, moves in ((("then", "came", "left", "now", "net"), this),
                         (("earlier", "earlier_came", "earlier_left", "", "earlier_net"), last)):  # fmt: skip
        moved = moves[moves["from_stage"] != moves["to_stage"]]
        parts = [
            moves.groupby("from_stage")["customers"].sum(),
            moved.groupby("to_stage")["customers"].sum(),
            moved.groupby("from_stage")["customers"].sum(),
            moves.groupby("to_stage")["customers"].sum(),
        ]
        start, came, left, end = (part.reindex(order).fillna(0).astype("int64") for part in parts)
        for word, column in zip(words, (start, came, left, end, end - start), strict=True):
            if word:
                found[word] = column if len(moves) else column.astype("float64") * float("nan")
    sizes = pd.DataFrame(found).reset_index(names="stage")
    z = float(norm.ppf(1 - 0.025 / max(1, len(sizes))))
    sizes["clear"] = sizes["net"].abs() > z * np.sqrt((sizes["came"] + sizes["left"]).astype("float64"))
    return sizes
