"""What a quick recovery changes: do customers whose complaint was solved in time buy again more often?

The question is asked from the moment at which it is decided, `within` days after the complaint: whoever was
helped until then against whoever was not, and purchases are counted from there on. So nobody counts as helped
because they stayed long enough (immortal time).

Those who are helped quickly differ from the others: good customers are served first. So each customer's
chance to be helped quickly is estimated from what was known before (purchases in the days before and in the
long run, how long they are customers, spend), and customers of equal chance are compared (Rosenbaum & Rubin
1984, *JASA* 79, 516-524). The groups are put together with the weights of Mantel and Haenszel; the variance
is Sato's (1989, *Biometrics* 45, 1323-1324). It is no experiment: what is not in the data, such as how bad
the problem was or what the desk knows of a customer, may stand behind a difference.

The placebo asks the same of days before the complaint, which no recovery can have changed: a difference there
says that the groups are not alike, and then none after it is shown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.evidence import Evidence, grade
from crm_analytics.analyses.intervals import Z95
from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

WITHIN, FOLLOWED = 2, 90  # days
EACH = 30  # complaints at least on either side
COVARIATES = ("orders", "pace", "tenure", "spend")
COUNTS = (
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    11,
    13,
    16,
)  # purchases in the days before at which a further group begins
PACES = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)  # purchases in such a span in the long run
SIZES = (0.5, 1.0, 2.0)  # of a purchase, over the usual one
GROUPS, IN_GROUP = 20, 25  # groups of equal chance at the most; complaints in each at the least
NEEDS = {"tickets": ("customer_id", "created_at", "is_complaint", "first_solved_at")}


@dataclass(frozen=True)
class Difference(ObjectCard):
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
        """How much may be said.

        Nothing is shown where the placebo shows something, too; and where it leans the same way, the effect
        must be beyond that: so much may be left of how the two sides differ.
        """
        found, lean = self.effect, self.placebo.value
        null = lean if lean * found.value > 0 else 0.0
        if not self.is_alike or abs(null) >= abs(found.value):
            return Evidence.NOT_TOLD_APART
        return grade(
            found.value, found.lower, found.upper, min(found.helped, found.others), null=null,
            kind="service.quick_help",
        )  # fmt: skip


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
    keys = [*COVARIATES, "helped"]
    cells = table.group_by(keys).aggregate(
        n=table.count(), after=table.after.sum(), before=table.before.sum()
    )
    return from_cells(base.collect(cells.order_by(keys)), within, followed)


def complaints_followed(base: CustomerBase, within: int, followed: int) -> ir.Table:
    """First complaints that were followed for long enough, one row per customer who had bought.

    Columns: customer_id, helped, orders (purchases in the `followed` days up to the complaint, as the number
    of a group of `COUNTS`), pace (purchases in as many days in the long run, of `PACES`), tenure (0: a
    customer for less than two such spans, 1: less than a year, 2: longer), spend (mean purchase over
    the usual one, of `SIZES`), after and before (0, 1: bought in the days after, and in the
    days of the placebo, which end where `orders` begin).
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
        past=both.count(where=past),
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
        orders=_group(one.recent, COUNTS),
        pace=_group(one.past * followed / (one.age + followed / 3.0), PACES),
        tenure=ibis.cases((one.age < 2 * followed, 0), (one.age < 365, 1), else_=2).cast("int64"),
        spend=_group(one["size"] / one.usual.nullif(0), SIZES),
        after=(one.after > 0).cast("int64"),
        before=(one.before > 0).cast("int64"),
    )


def _group(value: ir.NumericValue, borders: tuple[float, ...]) -> ir.IntegerValue:
    """The number of the group between two borders in which a value lies."""
    found = ibis.cases(*((value < until, n) for n, until in enumerate(borders)), else_=len(borders))
    return found.cast("int64")


def from_cells(cells: pd.DataFrame, within: int = WITHIN, followed: int = FOLLOWED) -> Recovery:
    """The comparison from counts.

    Parameters
    ----------
    cells : the columns of `COVARIATES`, helped (bool), n, after, before; one row per group and side

    Raises
    ------
    NotEnoughData : fewer than 30 complaints on either side.
    """
    sides = cells.assign(helped=cells["helped"].astype(bool)).groupby("helped")[["n", "after"]].sum()
    sides = sides.reindex([True, False], fill_value=0)
    if (least := int(sides["n"].min())) < EACH:
        raise NotEnoughData("what a quick recovery changes", least, EACH, "complaints on either side")
    raw = tuple(float(x) for x in sides["after"] / sides["n"])
    effect = matched_difference(of_equal_chance(cells), "after")
    # before their second span nobody could buy in the days of the placebo
    placebo = matched_difference(of_equal_chance(cells[cells["tenure"] > 0]), "before")
    everybody = int(sides["n"].sum())
    matched = effect.helped + effect.others
    return Recovery(effect, placebo, (raw[0], raw[1]), everybody, everybody - matched, within, followed)


def of_equal_chance(cells: pd.DataFrame) -> pd.DataFrame:
    """Cells with a column `group`: customers whose chance to be helped quickly is about the same.

    The chance is that of a logistic regression on the covariates, their squares and the product of the two
    measures of pace. Groups hold about equally many complaints.
    """
    from sklearn.linear_model import LogisticRegression

    helped, n = cells["helped"].astype(int), cells["n"].to_numpy(float)
    if helped.nunique() < 2:
        return cells.assign(group=0)
    x = cells[list(COVARIATES)].to_numpy(float)
    x = np.column_stack([x, x**2, x[:, 0] * x[:, 1]])
    mean = np.average(x, axis=0, weights=n)
    spread = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=n))
    x = (x - mean) / np.where(spread > 0, spread, 1.0)
    chance = LogisticRegression(max_iter=1000).fit(x, helped, sample_weight=n).predict_proba(x)[:, 1]
    order = pd.Series(chance.round(9), cells.index)
    count = int(min(GROUPS, max(1, n.sum() // IN_GROUP)))
    each = pd.Series(n, cells.index).groupby(order).sum().sort_index()
    middle = (each.cumsum() - each / 2) / n.sum()
    return cells.assign(group=order.map((middle * count).astype(int)))


def matched_difference(cells: pd.DataFrame, outcome: str) -> Difference:
    """The Mantel-Haenszel difference of two shares, with Sato's variance.

    Parameters
    ----------
    cells : group, helped, n, and `outcome` (a count)
    """
    wide = cells.assign(helped=cells["helped"].astype(int)).pivot_table(
        index="group", columns="helped", values=["n", outcome], aggfunc="sum", fill_value=0
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
