"""How text columns are read when only some files are here: shapes are counted by file, and counts add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import ibis.expr.types as ir

from crm_analytics.tables.column_readings import Readings, needed_columns
from crm_analytics.tables.contract import PART, Table
from crm_analytics.tables.date_columns import DateReading
from crm_analytics.tables.date_grammar import PLAIN
from crm_analytics.tables.mapping import TableMapping
from crm_analytics.tables.number_columns import MOST_SHAPES, decide_counts
from crm_analytics.tables.number_grammar import DIGITS, NINES, ODD_SIGNS, NumberReading, same_currency

Shapes = Mapping[str, Mapping[str, int] | None]  # by column; None where there are too many, or none can be


def shapes_of(table: Table, raw: ir.Table, spec: TableMapping, parts: int) -> list[Shapes]:
    """The shapes of every text column that is read as numbers or moments, by part."""
    found: list[dict[str, dict[str, int] | None]] = [{} for _ in range(parts)]
    for column in needed_columns(table, raw, spec):
        if not raw[column].type().is_string():
            for one in found:
                one[column] = None
            continue
        shaped = raw.select(PART, shape=raw[column].strip().translate(DIGITS, NINES))
        shaped = shaped.filter(shaped.shape != "")
        counted = shaped.group_by(PART, "shape").aggregate(n=shaped.count())
        rows = counted.limit(parts * MOST_SHAPES + 1).to_pyarrow().to_pylist()
        for one in found:
            one[column] = {} if len(rows) <= parts * MOST_SHAPES else None
        for row in rows:
            shapes = found[int(row[PART])][column]
            if shapes is not None:
                shapes[row["shape"]] = int(row["n"])
    return list(found)


def add_shapes(parts: Iterable[Shapes]) -> Shapes:
    """The shapes of several parts together."""
    whole: dict[str, Counter[str] | None] = {}
    for part in parts:
        for column, shapes in part.items():
            known = whole.get(column, Counter())
            whole[column] = None if shapes is None or known is None else known + Counter(shapes)
    return {c: None if n is None or len(n) >= MOST_SHAPES else dict(n) for c, n in whole.items()}


def readings_from(table: Table, raw: ir.Table, spec: TableMapping, shapes: Shapes) -> Readings | None:
    """The readings that all values give; None where shapes alone do not tell them."""
    numbers: dict[str, NumberReading] = {}
    dates: dict[str, DateReading] = {}
    for column, (kind, _) in needed_columns(table, raw, spec).items():
        counts = shapes.get(column)
        other_years = kind == "moment" and spec.calendar != "gregorian"
        if counts is None or other_years or not ODD_SIGNS.isdisjoint("".join(counts)):
            return None
        if kind == "moment":
            if not all(PLAIN.fullmatch(shape) for shape in counts):
                return None
            dates[column] = DateReading(plain=True)
            continue
        found = decide_counts(sorted(counts.items(), key=lambda one: (-one[1], one[0])), spec.decimal)
        if not isinstance(found, NumberReading) or not same_currency(found.marks):
            return None
        numbers[column] = found
    return Readings(numbers, dates)


def read_alike(old: Readings, new: Readings) -> bool:
    """Whether every value that the old readings had seen means the same under the new ones."""
    if old.numbers.keys() != new.numbers.keys():
        return False
    for column, before in old.numbers.items():
        now = new.numbers[column]
        seen = {shape: written for shape, written in now.shapes.items() if shape in before.shapes}
        if (before.decimal, before.plain) != (now.decimal, now.plain) or seen != before.shapes:
            return False
    return old.dates == new.dates
