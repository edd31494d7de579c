"""How many different values a group of rows has, without the engine's COUNT DISTINCT.

COUNT DISTINCT keeps a hash table a group, which for a million customers costs more than all other sums of
their lines together. Here the levels of the column get numbers first. Few of them take a bit each of one
word: OR the words of a group and count the ones. Many are listed by group, and the list is made unique.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import ibis.expr.datatypes as dt
import pandas as pd

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

BITS = 62  # levels that fit a signed word


@dataclass(frozen=True)
class Codes:
    """The levels of a column as numbers: `table` has the column and its code, named `code`."""

    table: ir.Table
    code: str
    few: bool

    def count(self, rows: ir.Table) -> ir.IntegerValue:
        """The aggregate over rows joined to the codes: how many levels a group has; of none 0 or NULL."""
        codes = rows[self.code]
        counted = bit_count(bit_or(codes)) if self.few else array_distinct(codes.collect()).length()
        return counted.cast("int64")


def codes(base: CustomerBase, rows: ir.Table, column: str, code: str) -> Codes:
    """Number the levels a column has in some rows; one pass over them."""
    levels = base.materialise(rows.filter(rows[column].notnull()).select(column).distinct())
    known = levels.limit(BITS + 1).to_pyarrow().to_pydict()[column]
    if len(known) <= BITS:
        bits = pd.Series([1 << k for k in range(len(known))], dtype="int64")
        words = pd.DataFrame({column: pd.Series(known, dtype="str"), code: bits})
        return Codes(base.snapshot.to_engine(words), code, few=True)
    rank = ibis.row_number().over(order_by=column).cast("int64")
    return Codes(base.materialise(levels.mutate(**{code: rank})), code, few=False)


@ibis.udf.scalar.builtin
def bit_count(word: int) -> int:  # type: ignore[empty-body]
    """The ones of a word, in DuckDB as in Spark."""


@ibis.udf.agg.builtin
def bit_or(word: int) -> int:  # type: ignore[empty-body]
    """All words of a group over each other, in DuckDB as in Spark; Ibis' own has no rule for Spark."""


@ibis.udf.scalar.builtin
def array_distinct(values: dt.Array(dt.int64)) -> dt.Array(dt.int64):  # type: ignore[valid-type]
    """Each value of a list once, in DuckDB as in Spark; Ibis' own looks for NULL once more."""
