"""What is known of each customer's purchases, kept: a night counts anew those of whom lines came or went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
from ibis.backends import BaseBackend

from crm_analytics.tables.customer_days import COUNTED, customer_history
from crm_analytics.tables.kept_parts import write_one
from crm_analytics.tables.odd_ids import IdForms, forms_of, odd_ids
from crm_analytics.tables.stored_lines import read_customers, read_files

_ALL, _CHANGED = "customers.parquet", "changed.parquet"
_FEW, _MOST = 1000, 0.05  # changed customers, and their share, before all are written anew


@dataclass(frozen=True)
class KeptCustomers:
    """Files of `customer_history`, below the store's folder.

    Attributes
    ----------
    files : all customers, then those that changed since, which stand in for their rows of the first
    rows : of the first file
    odd : ids that may be nobody's, see `odd_ids.odd_ids`; None where there are too many to name
    forms : how the ids are written
    """

    files: tuple[str, ...]
    rows: int
    odd: tuple[str, ...] | None
    forms: IdForms

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> KeptCustomers:
        """From a state."""
        kept = state["customers"]
        odd = None if kept["odd"] is None else tuple(kept["odd"])
        return cls(tuple(kept["files"]), int(kept["rows"]), odd, IdForms(**kept["forms"]))

    def as_dict(self) -> dict[str, Any]:
        """For a state."""
        return asdict(self)

    def paths(self, root: Path) -> tuple[Path, ...]:
        """Its files."""
        return tuple(root / name for name in self.files)

    @classmethod
    def whole(cls, connection: BaseBackend, days: ir.Table, root: Path, place: Path) -> KeptCustomers:
        """Counted from all customer-days, their lines included."""
        made = cls((), 0, (), IdForms())._written(connection, customer_history(days), root, place)
        table = read_customers(connection, made.paths(root))
        return replace(made, odd=odd_ids(table), forms=forms_of(table))

    def renewed(  # noqa: PLR0917
        self, connection: BaseBackend, came: ir.Table, went: tuple[Path, ...], days: ir.Table, root: Path,
        place: Path,
    ) -> KeptCustomers:  # fmt: skip
        """With customers of whom lines came or went counted anew.

        Parameters
        ----------
        came : lines
        went : files of lines of parts that changed or are gone
        days : all customer-days as they are now, their lines included
        root, place : the store's folder, and one below it for new files
        """
        ids = came.select("customer_id")
        if went:
            ids = ids.union(read_files(connection, went).select("customer_id"))
        touched = ids.filter(ids.customer_id.notnull()).distinct().cache()
        anew = customer_history(days.semi_join(touched, "customer_id")).cache()
        made = replace(self, odd=_both(self.odd, odd_ids(anew)), forms=self.forms & forms_of(anew))
        before = self.paths(root)
        if not went:
            changed = (
                _instead(read_files(connection, before[1:], COUNTED), touched, anew) if before[1:] else anew
            )
            if _count(changed) <= max(_FEW, _MOST * self.rows):
                write_one(connection, changed, place / _CHANGED)
                return replace(made, files=(self.files[0], _name(place / _CHANGED, root)))
        made = made._written(
            connection, _instead(read_customers(connection, before), touched, anew), root, place
        )
        if went and made.odd is not None:  # somebody may be gone, and must stay in no file
            table = read_customers(connection, made.paths(root))
            made = replace(made, odd=odd_ids(table.filter(table.customer_id.isin(made.odd))))
        return made

    def _written(self, connection: BaseBackend, table: ir.Table, root: Path, place: Path) -> KeptCustomers:
        path = place / _ALL
        write_one(connection, table, path)
        return replace(self, files=(_name(path, root),), rows=_count(read_files(connection, (path,))))


def _both(one: tuple[str, ...] | None, other: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return None if one is None or other is None else tuple(sorted({*one, *other}))


def _instead(rows: ir.Table, touched: ir.Table, anew: ir.Table) -> ir.Table:
    """Rows with those of some customers in place of what is there of them."""
    return rows.anti_join(touched, "customer_id").union(anew.select(*rows.columns)).cache()


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _count(table: ir.Table) -> int:
    return int(table.count().to_pyarrow().as_py() or 0)
