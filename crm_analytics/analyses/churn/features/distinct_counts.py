"""How many different values a group of rows has, without the engine's COUNT DISTINCT.

COUNT DISTINCT keeps a hash table a group, which for a million customers costs more than all other sums of
their lines together. Here each level of the column is one bit of a word or of a few words: OR the words of a
group and count the ones. Where there are too many levels for that, they are listed by group, and the list
is made unique.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

import ibis
import ibis.expr.datatypes as dt
import pandas as pd

from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

BITS = 62  # levels that fit a signed word
WORDS = 9  # more words a group cost as much as a list
BRANCHES = 16  # levels told apart by their text faster than by a join


@dataclass(frozen=True)
class ByText:
    """A few levels of a column: each is one bit of the word `name`, told apart by its text."""

    column: str
    name: str
    known: tuple[str, ...]

    def onto(self, rows: ir.Table) -> ir.Table:
        """Rows that have the column, with its word."""
        levels = [(level, ibis.literal(1 << k, "int64")) for k, level in enumerate(self.known)]
        return rows.mutate(**{self.name: rows[self.column].cases(*levels)})

    def count(self, rows: ir.Table) -> ir.IntegerValue:
        """The aggregate over rows with the word: how many levels a group has; of none NULL."""
        return _ones(rows, (self.name,))


@dataclass(frozen=True)
class ByTable(ObjectCard):
    """The levels of a column, one row each, as bits of `words`, or numbered where they are too many."""

    column: str
    words: tuple[str, ...]
    listed: bool
    table: ir.Table

    def onto(self, rows: ir.Table) -> ir.Table:
        """Rows that have the column, with its words, or its number."""
        return rows.left_join(self.table, self.column).drop(f"{self.column}_right")

    def beside(self, more: ir.Table) -> ByTable:
        """The same, bringing along what another table says of each level."""
        return replace(self, table=self.table.left_join(more, self.column).drop(f"{self.column}_right"))

    def count(self, rows: ir.Table) -> ir.IntegerValue:
        """The aggregate over rows with the words: how many levels a group has; of none 0 or NULL."""
        if self.listed:
            return array_distinct(rows[self.words[0]].collect()).length().cast("int64")
        return _ones(rows, self.words)


def levels(base: CustomerBase, rows: ir.Table, column: str, name: str) -> ByText | ByTable:
    """The levels a column has in some rows, to be counted as `name`; one pass over them, of many two."""
    found = _distinct(rows, column)
    known = _first(found)
    if 0 < len(known) <= BRANCHES:
        return ByText(column, name, tuple(known))
    return _tabled(base, found, known, name)


def by_table(base: CustomerBase, rows: ir.Table, column: str, name: str) -> ByTable:
    """As `levels`, however few they are: for a column by which another table is joined too."""
    found = _distinct(rows, column)
    return _tabled(base, found, _first(found), name)


def _distinct(rows: ir.Table, column: str) -> ir.Table:
    return rows.filter(rows[column].notnull()).select(column).distinct()


def _first(found: ir.Table) -> list[str]:
    """All levels in order, or some of them, but one more than there are bits for."""
    return sorted(found.limit(BITS * WORDS + 1).to_pyarrow()[0].to_pylist())


def _tabled(base: CustomerBase, found: ir.Table, known: list[str], name: str) -> ByTable:
    (column,) = found.columns
    if len(known) > BITS * WORDS:
        rank = ibis.row_number().over(order_by=found[column]).cast("int64")
        return ByTable(column, (name,), True, base.materialise(found.mutate(**{name: rank})))
    words = [f"{name}_{k}" for k in range(max(1, -(-len(known) // BITS)))]
    # made here: engines differ in how wide a number is that they shift
    bits = {
        word: pd.Series([1 << i % BITS if i // BITS == k else 0 for i in range(len(known))], dtype="int64")
        for k, word in enumerate(words)
    }
    table = base.to_engine(pd.DataFrame({column: pd.Series(known, dtype="str"), **bits}))
    return ByTable(column, tuple(words), False, table)


def _ones(rows: ir.Table, words: tuple[str, ...]) -> ir.IntegerValue:
    return reduce(add, [bit_count(bit_or(rows[word])).cast("int64") for word in words])


@ibis.udf.scalar.builtin
def bit_count(word: int) -> dt.int8:
    """The ones of a word, in DuckDB as in Spark; a byte in DuckDB, which a sum of words overflows."""


@ibis.udf.agg.builtin
def bit_or(word: int) -> int:  # type: ignore[empty-body]
    """All words of a group over each other, in DuckDB as in Spark; Ibis' own has no rule for Spark."""


@ibis.udf.scalar.builtin
def array_distinct(values: dt.Array(dt.int64)) -> dt.Array(dt.int64):  # type: ignore[valid-type]
    """Each value of a list once, in DuckDB as in Spark; Ibis' own looks for NULL once more."""
