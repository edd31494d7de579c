"""Who moved from which stage to which, this period against the one before.

A move counts as changed where it is more or less frequent than in the period before *and* than in the same
weeks a year ago: in December moves change every year, and that is the season.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm

from crm_analytics.analyses.comparison import YEAR
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
    year : where the same weeks a year ago begin; None where the data do not reach back so far, or where
        nobody could have lapsed by then
    moves : from_stage, to_stage, customers, from_customers (the row's denominator), share, lower, upper
        (95 %, Wilson), earlier_customers, earlier_from_customers, earlier_share, year_customers,
        year_from_customers, year_share (of the same weeks a year ago), difference (to the period before),
        difference_lower, difference_upper (Newcombe), clear (intervals that hold together for all moves
        exclude zero, to the same side, against the period before and against a year ago; never without a
        year to compare), thin
    sizes : stage, then, came, left, now, net, earlier, earlier_came, earlier_left, earlier_net;
        then + came - left = now; clear (the net change is more than chance: with 95 % for all stages, each
        who came or left taken as one event)
    """

    before: date | None
    then: date
    now: date
    year: date | None
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
    year_ago = timedelta(days=YEAR)
    seasoned = staged.is_comparable(then - year_ago)
    same = _moves(staged, then - year_ago, now - year_ago) if seasoned else this.iloc[:0]
    return Flows(
        before if reaches else None,
        then,
        now,
        then - year_ago if seasoned else None,
        _compared(this, last, same),
        _sizes(staged, this, last),
    )


def _moves(staged: Stages, start: date, end: date) -> pd.DataFrame:
    old = standing(staged.spells, start).select("customer_id", from_stage="stage")
    new = standing(staged.spells, end).select("customer_id", to_stage="stage")
    both = new.left_join(old, "customer_id")
    both = both.mutate(from_stage=both.from_stage.fill_null(OUTSIDE))
    counted = both.group_by("from_stage", "to_stage").aggregate(customers=both.count())
    table = staged.base.collect(counted.order_by("from_stage", "to_stage"))
    table["from_customers"] = table.groupby("from_stage")["customers"].transform("sum")
    return table


def _compared(this: pd.DataFrame, last: pd.DataFrame, same: pd.DataFrame) -> pd.DataFrame:
    periods = {"": this, "earlier_": last, "year_": same}
    keys = ["from_stage", "to_stage"]
    table = pd.concat([frame[keys] for frame in periods.values()]).drop_duplicates()
    table = table.sort_values(keys, ignore_index=True)
    for prefix, frame in periods.items():
        counts = table[keys].merge(frame, on=keys, how="left")["customers"]
        totals = frame.drop_duplicates("from_stage").set_index("from_stage")["from_customers"]
        of = table["from_stage"].map(totals).astype("float64")
        table[f"{prefix}from_customers"] = of
        table[f"{prefix}customers"] = counts.astype("float64").fillna(0).where(of.notna())
        table[f"{prefix}share"] = table[f"{prefix}customers"] / of
    bounds = [wilson(int(k), int(n)) if n > 0 else NOTHING
              for k, n in table[["customers", "from_customers"]].itertuples(index=False)]  # fmt: skip
    table[["lower", "upper"]] = np.array(bounds, float).reshape(-1, 2)
    table["difference"] = table["share"] - table["earlier_share"]
    table[["difference_lower", "difference_upper"]] = _differences(table, "earlier_", 0.95)
    table["thin"] = ~(table["from_customers"] >= THIN)
    return table.assign(clear=_clear(table))


def _clear(table: pd.DataFrame) -> pd.Series:
    """Moves that changed against the period before and a year ago alike, all moves looked at together."""
    looked = table["difference"].notna() & ~table["thin"] & (table["from_stage"] != OUTSIDE)
    level = 1 - 0.05 / max(1, int(looked.sum()))
    before, year = (_differences(table, prefix, level) for prefix in ("earlier_", "year_"))
    more = (before[:, 0] > 0) & (year[:, 0] > 0)
    less = (before[:, 1] < 0) & (year[:, 1] < 0)
    return looked & (more | less)


def _differences(table: pd.DataFrame, prefix: str, level: float) -> np.ndarray:
    """Ends of the interval of each move's change on another period; NaN where either is not known."""
    columns = ["customers", "from_customers", f"{prefix}customers", f"{prefix}from_customers"]
    rows = [
        share_difference(int(k), int(n), int(k0), int(n0), level) if n > 0 and n0 > 0 else NOTHING
        for k, n, k0, n0 in table[columns].itertuples(index=False)
    ]
    return np.array(rows, float).reshape(-1, 2)


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
