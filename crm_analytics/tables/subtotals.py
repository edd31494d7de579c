"""Lines of an export that are the sums of the lines of their block: no sales, and nobody's.

A report with a sum below each month, region or order reads to twice its money. A sum has no customer or no
day, and it equals the lines of its block to the last digit: those above it up to the sum before, those below
it, or those with the same order, shop, channel or month. One such line proves nothing, as two cash sales may
add up to a third; that most lines of a file lie in such blocks does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crm_analytics.tables.contract import ROW
from crm_analytics.tables.findings import Finding, counted
from crm_analytics.tables.mapping import TableMapping
from crm_analytics.tables.money import LIMIT

_SHARE = 0.2  # of the money in lines that may be sums: sums of most blocks hold half of it
_SHARE_OF_GROUPS = 0.3  # the same, where looking for them costs more
_COVERED = 0.6  # of all other lines, in blocks of two lines and more
_FEWEST = 2  # blocks of two lines and more
_RUN = {"blocks": 4, "lines": 20}  # one below the other, that are no chance in a file of other lines too
_LEVELS = 3  # sums of sums: orders, months, years
_HEAD = 20_000  # lines looked at first
_TRIED = 40  # lines whose orders, shops, months are looked at first
_TEN_THOUSANDTH = 10_000  # money in whole numbers
_KEYS = ("transaction_id", "store_id", "channel", "product_id")
_PERSON, _DAY = "customer_id", "transaction_date"


@dataclass(frozen=True)
class Subtotals:
    """Lines that are sums of others: their places (ROW), and what is to be said."""

    places: tuple[int, ...]
    finding: Finding

    def left_out_of(self, rows: ir.Table) -> ir.Table:
        """These rows without them."""
        return rows.filter(~_stands_at(rows, self.places))


def _stands_at(rows: ir.Table, places: Sequence[int]) -> ir.BooleanValue:
    """Whether a row has one of these places, of which there may be very many."""
    known = ibis.memtable(pd.DataFrame({ROW: np.array(places, "int64")}))
    return rows[ROW].isin(known[ROW])


def subtotals(staged: ir.Table, spec: TableMapping) -> Subtotals | None:
    """The sums among staged purchase lines; None where there are none, or the rows have no place."""
    if ROW not in staged.columns or not _may_hold_sums(staged, _SHARE):
        return None
    lines = staged.select(
        ROW, _DAY, *(key for key in _KEYS if key in staged.columns), nobody=staged.customer_id.isnull(),
        undated=staged.transaction_date.isnull(),
        units=(staged.unit_spend.cast("float64") * _TEN_THOUSANDTH).round().cast("int64").fill_null(0),
    )  # fmt: skip
    lines = lines.mutate(sum_of=(lines.nobody | lines.undated) & (lines.units != 0))
    found: list[int] = []
    half = _may_hold_sums(staged, _SHARE_OF_GROUPS)
    for _ in range(_LEVELS):
        places = _of_neighbours(lines) or (_of_groups(lines) if half else []) or _of_all_above(lines)
        if not places:
            break
        found += places
        lines = lines.filter(~_stands_at(lines, places))
    if found:
        found += _of_all(lines)
    return _told(staged, tuple(sorted(found)), spec) if found else None


def _may_hold_sums(staged: ir.Table, share: float) -> bool:
    """Whether lines without a customer or a day hold this share of the money, to be the sums of others."""
    sum_of = staged.customer_id.isnull() | staged.transaction_date.isnull()
    spend = staged.unit_spend
    wanted = {"n": sum_of.sum(), "mine": spend.sum(where=sum_of), "size": spend.abs().sum()}
    row = staged.aggregate(**wanted).to_pyarrow().to_pylist()[0]
    mine, size = float(row["mine"] or 0), float(row["size"] or 0)
    return (row["n"] or 0) >= _FEWEST and mine >= share * size and 0 < size < LIMIT


def _of_neighbours(lines: ir.Table) -> list[int]:
    """Places of the lines that are the sum of those above them, or below them, up to the next sum."""
    head = lines.order_by(ROW).limit(_HEAD)
    for last_first in (False, True):
        few = _sums_of_blocks(head, last_first=last_first)
        if few is None:
            continue
        if int(lines.count().to_pyarrow().as_py()) <= _HEAD:
            return few
        if whole := _sums_of_blocks(lines, last_first=last_first):
            return whole
    return []


def _sums_of_blocks(lines: ir.Table, *, last_first: bool) -> list[int] | None:
    """Places of the lines that are each the sum of the block before them; None where blocks are too few.

    Parameters
    ----------
    last_first : lines are taken from the last to the first, as sums may stand above their blocks
    """
    order = ibis.desc(ROW) if last_first else ROW
    above = ibis.window(order_by=order, preceding=None, following=0)
    run = lines.select(
        ROW, "sum_of", "units", until=lines.units.sum().over(above).cast("int64"),
        at=ibis.row_number().over(order_by=order),
    )  # fmt: skip
    may = run.filter(run.sum_of).order_by("at").to_pyarrow()
    places, units, until, at = (may[name].to_numpy() for name in (ROW, "units", "until", "at"))
    sums, inside = _chain(units, until, at)
    others = int(lines.count().to_pyarrow().as_py()) - len(sums)
    large = [i for i in sums if inside[i] > 1]
    if len(large) < _FEWEST or sum(inside[i] for i in large) < _COVERED * others:
        sums = _in_runs(sums, at, inside)
    return [int(places[i]) for i in sums] or None


def _in_runs(sums: list[int], at: np.ndarray, inside: dict[int, int]) -> list[int]:
    """Of the sums of some lines of a file, those whose blocks follow each other without a gap."""
    runs: list[list[int]] = []
    for i in sums:
        if runs and int(at[i]) - inside[i] - 1 == int(at[runs[-1][-1]]):
            runs[-1].append(i)
        else:
            runs.append([i])
    long = [run for run in runs if sum(inside[i] > 1 for i in run) >= _RUN["blocks"]]
    return [i for run in long if sum(inside[i] for i in run) >= _RUN["lines"] for i in run]


def _chain(units: np.ndarray, until: np.ndarray, at: np.ndarray) -> tuple[list[int], dict[int, int]]:
    """The lines that are sums, and the number of lines in the block of each.

    A block begins below any line that may be a sum. Blocks do not meet, and the best choice of them is that
    up to the line where a block begins, and the block. It holds as many lines as it can that are no sums; of
    equals, the one with more blocks.

    Parameters
    ----------
    units, until, at : of each line that may be a sum, its amount, the amounts up to it and its own, its place
    """
    begins: dict[int, tuple[int, int]] = {0: (-1, -1)}  # amounts up to a line -> the line, its place
    best = [0]  # of each line, the worth of the blocks above it
    chosen: list[int] = []  # the line that a block ending here begins below; -2: no block ends here
    for i, (amount, whole, place) in enumerate(zip(units.tolist(), until.tolist(), at.tolist(), strict=True)):
        start, first = begins.get(whole - 2 * amount, (-2, place))
        inside = place - first - 1
        sure = inside - (i - start - 1)  # lines that cannot be sums
        gain = best[start + 1] + _TEN_THOUSANDTH * sure + 1 if start >= -1 and inside > 0 else -1
        chosen.append(start if gain > best[i] else -2)
        best.append(max(best[i], gain))
        begins.setdefault(whole, (i, place))
    sums, inside_of = [], {}
    i = len(chosen) - 1
    while i >= 0:
        if chosen[i] == -2:
            i -= 1
            continue
        sums.append(i)
        inside_of[i] = int(at[i]) - (int(at[chosen[i]]) if chosen[i] >= 0 else -1) - 1
        i = chosen[i]
    return sums[::-1], inside_of


def _of_all_above(lines: ir.Table) -> list[int]:
    """Places of the lines that are the sum of all lines above them, carried from page to page."""
    above = ibis.window(order_by=ROW, preceding=None, following=0)
    run = lines.order_by(ROW).limit(_HEAD).select(
        ROW, "sum_of", "units", until=lambda t: t.units.sum().over(above).cast("int64"),
        sure=lambda t: (~t.sum_of).cast("int64").sum().over(above).cast("int64"),
    )  # fmt: skip
    may = run.filter(run.sum_of).order_by(ROW).to_pyarrow().to_pylist()
    found, taken = [], 0  # amounts of the sums so far
    for row in may:
        if row["sure"] >= _RUN["lines"] and row["until"] - row["units"] - taken == row["units"]:
            found.append(row[ROW])
            taken += row["units"]
    return found if len(found) >= _FEWEST else []


def _of_groups(lines: ir.Table) -> list[int]:
    """Places of the lines that are the sum of all others with the same order, shop, channel, month."""
    for key in _keys(lines):
        group = lines.mutate(key=key)
        group = group.filter(group.key.notnull())
        tried = group.filter(group.sum_of).limit(_TRIED).select("key").distinct()
        few = group.filter(group.key.isin(tried.to_pyarrow()["key"].to_pylist()))
        if _matching(few, fewest=1) and (hit := _matching(group)):
            return hit
    return []


def _matching(group: ir.Table, fewest: int = _FEWEST) -> list[int]:
    """Places of the sums of keys, where the lines of most keys add up to the one sum of the key."""
    blocks = group.group_by("key").aggregate(
        sums=group.sum_of.sum(), amount=group.units.sum(where=group.sum_of), others=(~group.sum_of).sum(),
        rest=group.units.sum(where=~group.sum_of), place=group[ROW].max(where=group.sum_of),
    )  # fmt: skip
    fits = ((blocks.sums == 1) & (blocks.amount == blocks.rest) & (blocks.others > 1)).fill_null(False)
    blocks = blocks.mutate(fits=fits).cache()
    row = blocks.aggregate(
        n=blocks.fits.sum(), inside=blocks.others.sum(where=blocks.fits), others=blocks.others.sum()
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    if (row["n"] or 0) < fewest or row["inside"] < _COVERED * row["others"]:
        return []
    return [int(place) for place in blocks.filter(blocks.fits).place.to_pyarrow().to_pylist()]


def _of_all(lines: ir.Table) -> list[int]:
    """The place of the one line that is the sum of all others, below subtotals or above them."""
    whole = int(lines.units.sum().to_pyarrow().as_py() or 0)
    hit = lines.filter(lines.sum_of & (2 * lines.units == whole)).select(ROW).limit(2).to_pyarrow()
    return [int(hit[ROW][0].as_py())] if len(hit) == 1 else []


def _keys(lines: ir.Table) -> Iterator[ir.Value]:
    for name in _KEYS:
        if name in lines.columns:
            yield lines[name]
    day = lines[_DAY].cast("timestamp")
    yield from (day.date(), day.year() * 100 + day.month(), day.year())


def _told(staged: ir.Table, places: tuple[int, ...], spec: TableMapping) -> Subtotals:
    """The finding, with a line of mapping where one column tells these lines from all others."""
    staged = staged.mutate(mine=_stands_at(staged, places))
    mine = staged.mine
    blank = {name: staged[name].isnull() for name in (_PERSON, _DAY)}
    wanted = {"money": staged.unit_spend.sum(where=mine), "others": (blank[_PERSON] & ~mine).sum()}
    for name, is_blank in blank.items():
        wanted[name] = (is_blank != mine).sum()
    row = staged.aggregate(**wanted).to_pyarrow().to_pylist()[0]
    says = (
        f"{counted(len(places), 'line')} without a customer or a day are each the sum of the lines of a "
        "block, and so subtotals, no sales. They are set aside."
    )
    if row["others"]:
        says += f" {counted(row['others'], 'other line')} without a customer count as sales."
    column = next((name for name in blank if not row[name]), None)
    settles = ""
    if column is not None:
        origin = spec.fields.get(column, column)
        named = origin.get("column", column) if isinstance(origin, dict) else origin
        settles = f'[transactions]\nexcept = {{ "{named}" = [""] }}'
    finding = Finding("subtotals", "serious", "transactions", "unit_spend", says, len(places),
                      float(row["money"] or 0), settles)  # fmt: skip
    return Subtotals(places, finding)
