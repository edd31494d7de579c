"""How many lines each customer has, kept: a night adds what came and takes off what went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis.backends import BaseBackend

from crm_analytics.tables.kept_parts import write_one
from crm_analytics.tables.money import SQUARES
from crm_analytics.tables.stand_ins import odd_ids
from crm_analytics.tables.stored_lines import lines_by_id, read_files

_FILE = "ids.parquet"
_MOST_FILES, _MOST_SHARE = 30, 0.05  # of changes, and of their rows in the whole, before all is written anew


@dataclass(frozen=True)
class KeptIds:
    """Files of customer_id, lines, money below the store's folder: first of all customers, then changes.

    Attributes
    ----------
    rows : of each file
    odd : ids that may be nobody's, see `stand_ins.odd_ids`; None where there are too many to name
    """

    files: tuple[str, ...]
    rows: tuple[int, ...]
    odd: tuple[str, ...] | None

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> KeptIds:
        """From a state."""
        kept = state["ids"]
        odd = kept["odd"]
        return cls(tuple(kept["files"]), tuple(kept["rows"]), None if odd is None else tuple(odd))

    @classmethod
    def whole(
        cls, connection: BaseBackend, day_files: tuple[Path, ...], root: Path, place: Path
    ) -> tuple[KeptIds, ir.Table]:
        """Counted from all customer-days."""
        table = lines_by_id(connection, day_files)
        return cls._written(connection, table, odd_ids(table), root, place), table

    def renewed(
        self, connection: BaseBackend, came: ir.Table, went: tuple[Path, ...], root: Path, place: Path
    ) -> tuple[KeptIds, ir.Table]:
        """With lines that came, and without those in the files of parts that changed or are gone."""
        new = _counted(came).cache()
        odd = odd_ids(new)
        named = None if self.odd is None or odd is None else tuple(sorted({*self.odd, *odd}))
        change = new
        if went:
            change = _added([new, _counted(read_files(connection, went).select(*came.columns), -1)])
        write_one(connection, change, place / _FILE)
        here = (place / _FILE).relative_to(root).as_posix()
        rows = int(change.count().to_pyarrow().as_py() or 0)
        changes = read_files(connection, tuple(root / name for name in (*self.files[1:], here)))
        table = _with_changes(read_files(connection, (root / self.files[0],)), _added([changes]).cache())
        many = sum(self.rows[1:]) + rows > max(1000, _MOST_SHARE * self.rows[0])
        if went:  # somebody may be gone, and must stay in no file
            named = None if named is None else odd_ids(table.filter(table.customer_id.isin(named)))
        if went or many or len(self.files) >= _MOST_FILES:
            return self._written(connection, table, named, root, place), table
        return KeptIds((*self.files, here), (*self.rows, rows), named), table

    @classmethod
    def _written(
        cls, connection: BaseBackend, table: ir.Table, odd: Sequence[str] | None, root: Path, place: Path
    ) -> KeptIds:
        path = place / f"all-{_FILE}"
        write_one(connection, table, path)
        rows = int(table.count().to_pyarrow().as_py() or 0)
        return cls((path.relative_to(root).as_posix(),), (rows,), None if odd is None else tuple(odd))


def _counted(lines: ir.Table, sign: int = 1) -> ir.Table:
    known = lines.filter(lines.customer_id.notnull())
    found = known.group_by("customer_id").aggregate(n=known.count(), spend=known.unit_spend.sum())
    return found.select(
        "customer_id", lines=(found.n * sign).cast("int64"), money=(found.spend * sign).cast(SQUARES)
    )


def _added(tables: Sequence[ir.Table]) -> ir.Table:
    every = ibis.union(*tables) if len(tables) > 1 else tables[0]
    found = every.group_by("customer_id").aggregate(n=every.lines.sum(), spend=every.money.sum())
    return found.select("customer_id", lines=found.n.cast("int64"), money=found.spend.cast(SQUARES))


def _with_changes(whole: ir.Table, changes: ir.Table) -> ir.Table:
    """Few rows are joined to many, and nothing is grouped again; who has no line any more is gone."""
    joined = whole.left_join(changes, "customer_id")
    old = joined.select(
        "customer_id",
        lines=(joined.lines + joined.lines_right.fill_null(0)).cast("int64"),
        money=(joined.money + joined.money_right.fill_null(0)).cast(SQUARES),
    )
    every = ibis.union(old, changes.anti_join(whole, "customer_id").select(*old.columns))
    return every.filter(every.lines > 0).cache()
