"""What a quick recovery changes: do customers whose complaint was solved in time buy again more often?

The question is asked from the moment at which it is decided, `within` days after the complaint: whoever was
helped until then against whoever was not, and purchases are counted from there on. So nobody counts as helped
because they stayed long enough (immortal time).

Those who are helped quickly differ from the others: good customers are served first. So they are compared
within groups of equal past (purchases in the days before, how long they are customers, spend), and the groups
are put together with the weights of Mantel and Haenszel; the variance is Sato's (1989, *Biometrics* 45,
1323-1324), which also holds for many small groups. It is no experiment: what the groups do not hold, such as
how bad the problem was, may stand behind a difference.

The placebo asks the same of days before the complaint, which no recovery can have changed: a difference there
says that the groups are not alike, and then none after it is shown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.evidence import Evidence, grade
from crm_analytics.analyses.intervals import Z95
from crm_analytics.errors import NotEnoughData, ParameterError

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

WITHIN, FOLLOWED = 2, 90  # days
EACH = 30  # complaints at least on either side
STRATA = ("orders", "tenure", "spend")
NEEDS = {"tickets": ("customer_id", "created_at", "is_complaint", "first_solved_at")}


@dataclass(frozen=True)
class Difference:
    """A matched difference of two shares.

    Attributes
    ----------
    value, lower, upper : share of the helped less that of the others, at equal past; 95 %
    helped, others : complaints that have a counterpart
    groups : of equal past that hold both
    """

    value: float
    lower: float
    upper: float
    helped: int
    others: int
    groups: int


@dataclass(frozen=True, eq=False)
class Recovery:
    """What a quick recovery changes.

    Attributes
    ----------
    effect : on buying again in the days followed
    placebo : the same difference in days before the complaint
    raw : share of the helped and of the others who bought again, without matching
    complaints : followed, one per customer
    unmatched : complaints without a counterpart of equal past
    within, followed : days
    """

    effect: Difference
    placebo: Difference
    raw: tuple[float, float]
    complaints: int
    unmatched: int
    within: int
    followed: int

    @property
    def is_alike(self) -> bool:
        """Whether the placebo finds no difference."""
        return self.placebo.lower <= 0 <= self.placebo.upper

    @property
    def evidence(self) -> Evidence:
        """How much may be said; nothing is shown where the placebo shows something, too."""
        if not self.is_alike:
            return Evidence.NOT_TOLD_APART
        found = self.effect
        return grade(found.value, found.lower, found.upper, min(found.helped, found.others))


def recovery(base: CustomerBase, *, within: int = WITHIN, followed: int = FOLLOWED) -> Recovery:
    """Compare customers whose first complaint was solved within some days with the others.

    Parameters
    ----------
    base : with tickets, cut at a day
    within : days from the complaint in which a solution counts as quick
    followed : days after that in which purchases are counted, and the length of the days before

    Raises
    ------
    DataError : the source does not tell complaints, or when they were solved.
    NotEnoughData : fewer than 30 complaints on either side, followed for so long.
    ParameterError : days that are none.
    """
    if within < 1 or followed < 1:
        raise ParameterError("within and followed must be 1 day or more")
    base.require(NEEDS)
    table = base.materialise(complaints_followed(base, within, followed))
    keys = [*STRATA, "helped"]
    cells = table.group_by(keys).aggregate(
        n=table.count(), after=table.after.sum(), before=table.before.sum()
    )
    return from_cells(base.collect(cells.order_by(keys)), within, followed)


def complaints_followed(base: CustomerBase, within: int, followed: int) -> ir.Table:
    """First complaints that were followed for long enough, one row per customer who had bought.

    Columns: customer_id, helped, orders (purchases in the `followed` days up to the complaint, 0 to 3),
    tenure (0: a customer for less than two such spans, 1: less than a year, 2: longer), spend (0, 1: whether
    the purchases so far were above the usual size), after and before (0, 1: bought in the days after, and in
    the days of the placebo, which end where `orders` begin).
    """
    tickets = base.tables["tickets"]
    bad = tickets.filter(tickets.is_complaint.fill_null(False), tickets.customer_id.notnull())
    bad = bad.filter((bad.first_solved_at >= bad.created_at) | bad.first_solved_at.isnull())
    order = ibis.window(group_by="customer_id", order_by=["created_at", "ticket_id"])
    bad = bad.mutate(place=ibis.row_number().over(order))
    bad = bad.filter(bad.place == 0)
    day = bad.created_at.date()
    wait = bad.first_solved_at.epoch_seconds() - bad.created_at.epoch_seconds()
    bad = bad.select("customer_id", complained=day, helped=(wait <= within * 86_400).fill_null(False))
    bad = bad.filter(bad.complained <= ibis.literal(base.day - timedelta(days=within + followed)))
    days = base.exact_occasions
    both = bad.inner_join(days, "customer_id")
    ago = both.complained.delta(both.day, unit="day").cast("int64")
    past = ago >= 0
    one = both.group_by("customer_id", "complained", "helped").aggregate(
        first=both.day.min(),
        size=both.spend.mean(where=past).cast("float64"),
        recent=both.count(where=past & (ago < followed)),
        after=both.count(where=(ago < -within) & (ago >= -within - followed)),
        before=both.count(where=(ago >= followed) & (ago < 2 * followed)),
    )
    age = one.complained.delta(one["first"], unit="day").cast("int64")
    one = one.mutate(age=age)
    one = one.filter(one.age >= 0)
    usual = one["size"].quantile(0.5).name("usual")
    one = one.cross_join(one.aggregate(usual))
    return one.select(
        "customer_id",
        "helped",
        orders=ibis.least(one.recent.cast("int64"), ibis.literal(3, "int64")),
        tenure=ibis.cases((one.age < 2 * followed, 0), (one.age < 365, 1), else_=2).cast("int64"),
        spend=(one["size"] > one.usual).cast("int64"),
        after=(one.after > 0).cast("int64"),
        before=(one.before > 0).cast("int64"),
    )


def from_cells(cells: pd.DataFrame, within: int = WITHIN, followed: int = FOLLOWED) -> Recovery:
    """The comparison from counts.

    Parameters
    ----------
    cells : orders, tenure, spend, helped (bool), n, after, before; one row per group and side

    Raises
    ------
    NotEnoughData : fewer than 30 complaints on either side.
    """
    sides = cells.assign(helped=cells["helped"].astype(bool)).groupby("helped")[["n", "after"]].sum()
    sides = sides.reindex([True, False], fill_value=0)
    if (least := int(sides["n"].min())) < EACH:
        raise NotEnoughData("what a quick recovery changes", least, EACH, "complaints on either side")
    raw = tuple(float(x) for x in sides["after"] / sides["n"])
    effect = matched_difference(cells, "after")
    # before their second span nobody could buy in the days of the placebo
    placebo = matched_difference(cells[cells["tenure"] > 0], "before")
    everybody = int(sides["n"].sum())
    matched = effect.helped + effect.others
    return Recovery(effect, placebo, (raw[0], raw[1]), everybody, everybody - matched, within, followed)


def matched_difference(cells: pd.DataFrame, outcome: str) -> Difference:
    """The Mantel-Haenszel difference of two shares, with Sato's variance.

    Parameters
    ----------
    cells : the columns of `STRATA`, helped, n, and `outcome` (a count)
    """
    wide = cells.assign(helped=cells["helped"].astype(int)).pivot_table(
        index=list(STRATA), columns="helped", values=["n", outcome], aggfunc="sum", fill_value=0
    )
    zero = pd.Series(0.0, index=wide.index)
    n1, n0 = (wide.get(("n", side), zero).astype(float) for side in (1, 0))
    x1, x0 = (wide.get((outcome, side), zero).astype(float) for side in (1, 0))
    both = (n1 > 0) & (n0 > 0)
    n1, n0, x1, x0 = (column[both] for column in (n1, n0, x1, x0))
    total = n1 + n0
    weight = float((n1 * n0 / total).sum())
    if not weight:
        return Difference(0.0, -1.0, 1.0, 0, 0, 0)
    value = float(((x1 * n0 - x0 * n1) / total).sum()) / weight
    p = ((n1**2 * x0 - n0**2 * x1 + n1 * n0 * (n0 - n1) / 2) / total**2).sum()
    q = ((x1 * (n0 - x0) + x0 * (n1 - x1)) / (2 * total)).sum()
    error = Z95 * math.sqrt(max(float(value * p + q), 0.0)) / weight
    return Difference(
        value,
        max(value - error, -1.0),
        min(value + error, 1.0),
        int(n1.sum()),
        int(n0.sum()),
        int(both.sum()),
    )
