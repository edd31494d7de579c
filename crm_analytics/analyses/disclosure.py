"""Statistical disclosure control: no group so small that it tells of a person.

`publishable` merges breakdowns by personal attributes (region, age, gender); `shared` names only the
channels and categories that enough customers have in common.

The rule is one sentence: *everything shown of the same customers is a sum of the same cells, and each cell
holds nobody or at least `minimum` customers.* Then whatever is taken from what (the rest from the total, one
breakdown from another, yesterday's page from today's), a sum of whole cells remains.

Three duties stay with the caller:

- several breakdowns of the same customers come from **one** call with all their attributes, summed
  afterwards (``shown.groupby("region", sort=False).sum(numeric_only=True)``);
- only sums go in; means and shares are computed from what comes out;
- a report that is published again and again gives what the page before showed (`before`), so that groups
  merged there stay merged, and counts in a second column the customers who came, left or bought since
  (named in `count`, too), so that no difference of two pages is about a few.

Segments by behaviour (RFM, value tiers) are no personal attributes and need none of this. Names of products,
categories and segments are shown as they are. A set size does not hide what all members of a group share,
and it cannot help against somebody who knows everybody else of a group.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import ibis
import pandas as pd

from crm_analytics.errors import ParameterError, check_name

if TYPE_CHECKING:
    import ibis.expr.types as ir

OTHERS = "others"
ON_A_PAGE = 5  # customers: a name that fewer share may be one of them, written into the wrong field


def publishable(
    frame: pd.DataFrame,
    by: str | Sequence[str],
    *,
    count: str | Sequence[str] = "customers",
    minimum: int = 5,
    others: str = OTHERS,
    before: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Merge groups into "others" until each holds nobody or at least `minimum` customers.

    Parameters
    ----------
    frame : one row per group: the attributes, counts of customers, and any further columns that may be summed
    by : the attribute, or all attributes that are crossed or shown beside each other
    count : the columns that count customers; each must come to 0 or at least `minimum` in every group
    minimum : the set size, 2 or more
    others : what merged groups are called, in every attribute
    before : what was shown of these customers at an earlier day; a group that is not in it joins the others

    Returns
    -------
    the groups that may be shown, in the order given, "others" last; groups without customers are left out.
    The sum over all rows is the sum of `frame`. Empty where all customers together are fewer than `minimum`.

    Raises
    ------
    ParameterError : a column is missing or not a number, a count is negative, or `minimum` is below 2.

    Examples
    --------
    >>> regions = pd.DataFrame({"region": ["north", "south", "east", "west"],
    ...     "customers": [40, 9, 3, 12], "revenue": [4000.0, 700.0, 90.0, 1500.0]})
    >>> publishable(regions, "region")
       region  customers  revenue
    0   north         40   4000.0
    1    west         12   1500.0
    2  others         12    790.0

    The east alone would be too few, and hiding it alone would leave it as total minus rest: so the smallest
    of the others goes with it.
    """
    attributes = [by] if isinstance(by, str) else list(by)
    counts = [count] if isinstance(count, str) else list(count)
    _check(frame, attributes, counts, minimum)
    cells = frame.copy()
    for attribute in attributes:
        known = cells[attribute].notna() if before is None else cells[attribute].isin(before[attribute])
        cells[attribute] = cells[attribute].astype("object").where(known, others)
    cells = _summed(cells[cells[counts].gt(0).any(axis=1)], attributes, others)
    merging = _Merging(cells, attributes, counts, minimum, others)
    gone = merging.run()
    if gone is None:
        return cells.iloc[:0]
    for attribute, groups in gone.items():
        cells[attribute] = cells[attribute].mask(cells[attribute].isin(groups), others)
    return _summed(cells, attributes, others)


def side_by_side(groups: pd.DataFrame, attributes: Sequence[str]) -> pd.DataFrame:
    """Groups listed below each other as one column per attribute: what `publishable` takes as before.

    Parameters
    ----------
    groups : attribute, group

    >>> listed = pd.DataFrame({"attribute": ["region", "region", "age"], "group": ["north", "south", "18"]})
    >>> side_by_side(listed, ["region", "age"])["region"].tolist()
    ['north', 'south']
    """
    known = {a: groups.loc[groups["attribute"] == a, "group"].tolist() for a in attributes}
    longest = max(map(len, known.values()), default=0)
    return pd.DataFrame({a: [*names, *[None] * (longest - len(names))] for a, names in known.items()})


def settled_days(day: date) -> tuple[date, date]:
    """The last two ends of a quarter up to a day, the later first.

    What is counted at the end of a quarter stands still from night to night: no two pages of it differ by the
    one customer who had a birthday, moved or bought in between.

    >>> settled_days(date(2025, 3, 9)), settled_days(date(2025, 3, 31))[0]
    ((datetime.date(2024, 12, 31), datetime.date(2024, 9, 30)), datetime.date(2025, 3, 31))
    """
    following = day + timedelta(days=1)
    later = following.replace(month=3 * ((following.month - 1) // 3) + 1, day=1) - timedelta(days=1)
    return later, later.replace(month=later.month - 2, day=1) - timedelta(days=1)


def withheld(
    frame: pd.DataFrame,
    columns: Sequence[str],
    *,
    by: str = "",
    count: str = "customers",
    minimum: int = ON_A_PAGE,
) -> pd.DataFrame:
    """The rows without sums of so few customers, and without the next smallest where a rest would tell them.

    Parameters
    ----------
    columns : the sums, such as revenue, and what is made of them; counts stay
    by : the rows of one value of it add up to a total that may be known; empty: all rows do

    >>> moves = pd.DataFrame({"segment": ["a"] * 3, "customers": [1, 9, 6], "revenue": [1318.0, 90.0, 60.0]})
    >>> withheld(moves, ["revenue"], by="segment")["revenue"].tolist()
    [nan, 90.0, nan]
    """
    few = frame[count].gt(0) & frame[count].lt(minimum)
    hidden = few.copy()
    for _, rows in frame.groupby(by, sort=False) if by else [("", frame)]:
        mine = rows[few[rows.index]]
        if 0 < mine[count].sum() < minimum:
            others = rows.drop(mine.index)
            hidden[others[others[count] > 0].sort_values(count, kind="stable").index[:1]] = True
    made = frame.copy()
    made[list(columns)] = made[list(columns)].astype("float64").mask(hidden)
    return made


def shared(table: ir.Table, column: str, minimum: int, who: str = "customer_id") -> ir.Table:
    """The table with every text of `column` that fewer than `minimum` different `who` have called "others".

    What is missing stays missing. A minimum of 1 changes nothing.

    >>> import ibis
    >>> rows = [("a", "web"), ("b", "web"), ("c", "Ann's mobile")]
    >>> table = ibis.memtable(rows, columns=["customer_id", "channel"])
    >>> shared(table, "channel", 2).order_by("customer_id").channel.execute().tolist()
    ['web', 'web', 'others']
    """
    if minimum <= 1:
        return table
    counted = table.group_by(name_=table[column]).aggregate(people_=table[who].nunique())
    common = counted.filter(counted.people_ >= minimum)
    # A view: of a table that is a join already, `table[column]` would be read as a column of `common`.
    rows = table.view()
    joined = rows.left_join(common, rows[column] == common.name_)
    kept = joined.people_.notnull() | joined[column].isnull()
    named = joined.mutate(**{column: kept.ifelse(joined[column], ibis.literal(OTHERS))})
    return named.select(*table.columns)


def _check(frame: pd.DataFrame, attributes: list[str], counts: list[str], minimum: int) -> None:
    if minimum < 2:
        raise ParameterError(f"the set size must be 2 or more, got {minimum}")
    for name in (*attributes, *counts):
        check_name("the breakdown has no column", name, frame.columns)
    if not attributes or not counts:
        raise ParameterError("the breakdown has no column to group by")
    texts = [
        name
        for name in frame.columns.difference(attributes, sort=False)
        if not pd.api.types.is_numeric_dtype(frame[name]) or pd.api.types.is_bool_dtype(frame[name])
    ]
    if texts:
        raise ParameterError(f"{texts[0]!r} cannot be summed over groups: leave it out, or group by it")
    if (frame[counts] < 0).any(axis=None) or frame[counts].isna().any(axis=None):
        raise ParameterError("counts of customers must be 0 or more")


class _Merging:
    """Which groups join the others: one merge after the other, each in the time of the cells it moves.

    The smallest group that the smallest bad cell lies in goes next; where the others are too few as they are,
    the smallest group of the attribute that has most. Cells, groups and bad cells are kept in heaps, so that
    all merges together take about n log n steps. The order of rows plays no part.
    """

    def __init__(
        self, cells: pd.DataFrame, attributes: list[str], counts: list[str], minimum: int, others: str
    ) -> None:
        self.minimum, self.others, self.width = minimum, others, len(attributes)
        keys = list(zip(*(cells[a] for a in attributes), strict=True))
        numbers = cells[counts].to_numpy()
        self.cells: dict[tuple[Any, ...], list[float]] = {
            key: list(row) for key, row in zip(keys, numbers.tolist(), strict=True)
        }
        self.inside: list[dict[Any, set[tuple[Any, ...]]]] = [{} for _ in attributes]
        self.sizes: list[dict[Any, float]] = [{} for _ in attributes]
        self.gone: list[set[Any]] = [set() for _ in attributes]
        for key, row in self.cells.items():
            for place, group in enumerate(key):
                self.inside[place].setdefault(group, set()).add(key)
                self.sizes[place][group] = self.sizes[place].get(group, 0) + row[0]
        self.smallest = [
            [
                (size, str(group), number, group)
                for number, (group, size) in enumerate(sizes.items())
                if group != others
            ]
            for sizes in self.sizes
        ]
        for heap in self.smallest:
            heapq.heapify(heap)
        self.attributes = attributes
        self.number = itertools.count()
        self.bad: list[tuple[Any, ...]] = []
        for key in self.cells:
            self._note(key)

    def run(self) -> dict[str, set[Any]] | None:
        """The groups of each attribute that are merged; None where nothing may be shown."""
        while (key := self._next_bad()) is not None:
            step = self._step(key)
            if step is None:
                return None
            self._merge(*step)
        return dict(zip(self.attributes, self.gone, strict=True))

    def _note(self, key: tuple[Any, ...]) -> None:
        row = self.cells[key]
        if any(0 < count < self.minimum for count in row):
            heapq.heappush(self.bad, (row[0], *map(str, key), next(self.number), key, tuple(row)))

    def _next_bad(self) -> tuple[Any, ...] | None:
        while self.bad:
            key, row = self.bad[0][-2:]
            if tuple(self.cells.get(key, ())) == row:
                return key
            heapq.heappop(self.bad)  # it was merged, or has grown since
        return None

    def _step(self, key: tuple[Any, ...]) -> tuple[int, Any] | None:
        named = [(self.sizes[p][g], p, g) for p, g in enumerate(key) if g != self.others]
        if named:
            return min(named, key=lambda found: found[:2])[1:]
        most = max(range(self.width), key=lambda p: len(self.sizes[p]) - (self.others in self.sizes[p]))
        heap = self.smallest[most]
        while heap and heap[0][-1] in self.gone[most]:
            heapq.heappop(heap)
        return (most, heap[0][-1]) if heap else None

    def _merge(self, place: int, group: Any) -> None:
        self.gone[place].add(group)
        size = self.sizes[place].pop(group)
        self.sizes[place][self.others] = self.sizes[place].get(self.others, 0) + size
        for key in self.inside[place].pop(group):
            row = self.cells.pop(key)
            target = (*key[:place], self.others, *key[place + 1 :])
            for other, name in enumerate(key):
                if other != place:
                    self.inside[other][name].discard(key)
            for other, name in enumerate(target):
                self.inside[other].setdefault(name, set()).add(target)
            known = self.cells.get(target)
            self.cells[target] = row if known is None else [a + b for a, b in zip(known, row, strict=True)]
            self._note(target)


def _summed(cells: pd.DataFrame, attributes: list[str], others: str) -> pd.DataFrame:
    """One row per group, in the order of appearance, with the others last."""
    whole = cells.groupby(attributes, sort=False, as_index=False).sum()[list(cells.columns)]
    merged = (whole[attributes] == others).sum(axis=1)
    return whole.iloc[merged.argsort(kind="stable")].reset_index(drop=True)
