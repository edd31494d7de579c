"""What lines that are new and lines that are kept must not do together, or all of them are read again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
from ibis.backends import BaseBackend

from crm_analytics.tables.contract import TABLES
from crm_analytics.tables.duplicates import count_repeats
from crm_analytics.tables.kept_parts import LINES, KeptPart, Rebuild
from crm_analytics.tables.mapping import TableMapping
from crm_analytics.tables.stored_lines import read_files
from crm_analytics.tables.subtotals import subtotals


def refuse_totals(kept: Iterable[KeptPart], tallied: Mapping[int, Mapping[str, Any]]) -> None:
    """One line may be the sum of all others.

    Raises
    ------
    Rebuild : it is.
    """
    spends = [p.spend for p in kept] + [(r["_n"], r["_sum"] or 0, r["_top"] or 0) for r in tallied.values()]
    n = sum(one[0] for one in spends)
    whole, top = sum(Decimal(one[1]) for one in spends), max(Decimal(one[2]) for one in spends)
    if n >= 3 and top > 0 and 2 * top == whole:
        raise Rebuild("one line may be the sum of all others")


def refuse_subtotals(staged: ir.Table, spec: TableMapping) -> None:
    """New lines may be the sums of others, which may be kept.

    Raises
    ------
    Rebuild : they are.
    """
    if subtotals(staged, spec) is not None:
        raise Rebuild("lines are sums of others")


def refuse_repeats(
    connection: BaseBackend, staged: ir.Table, files: tuple[Path, ...], *, repeated: bool
) -> None:
    """A line that repeats the key of another is merged with it, which needs both.

    Parameters
    ----------
    files : of the lines that are kept
    repeated : lines did so before

    Raises
    ------
    Rebuild : lines do.
    """
    repeats = count_repeats(staged, TABLES[LINES])
    if repeats is None:
        return
    if repeated:
        raise Rebuild("rows repeat a key of other rows")
    if repeats.to_pyarrow().as_py():
        raise Rebuild("new rows repeat a key")
    if not files:
        return
    key = TABLES[LINES].key[0]
    mine = staged.filter(staged[key].notnull()).select(key).distinct()
    if read_files(connection, files).semi_join(mine, key).count().to_pyarrow().as_py():
        raise Rebuild("new rows repeat a key of earlier files")
