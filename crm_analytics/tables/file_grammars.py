"""Files of one table that are written in different ways: each is read by its own grammar.

A shop that changed its system has a folder of files with ``1.234,50`` on ``31.12.2025`` beside files with
``1234.50`` on ``2026-01-01``. A column is decided for each file from that file's values. Where the files
differ, their texts are rewritten in one way, and the column is read as ever. A file that leaves a choice is
read like the files of the same delimiter, where these agree; else it is refused, and named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir

from crm_analytics.tables import date_columns, number_columns
from crm_analytics.tables.column_readings import needed_columns, two_dates, two_numbers
from crm_analytics.tables.contract import Table
from crm_analytics.tables.date_columns import DateDoubt
from crm_analytics.tables.date_grammar import Family, family_of
from crm_analytics.tables.mapping import TableMapping
from crm_analytics.tables.number_grammar import (
    DIGITS,
    NINES,
    NumberDoubt,
    NumberReading,
    same_currency,
    shapes_of_both,
)

Counts = list[tuple[str, int]]  # shape and rows


@dataclass(frozen=True)
class FilesOfTable:
    """The rows of several files, with FILE, and what is known of each file.

    Attributes
    ----------
    names : of the files, for messages
    delimiters : of the files; empty where a file has none
    number : the column that holds a file's number; NULL where a row of a join has no partner
    columns : what comes from the files
    """

    table: Table
    rows: ir.Table
    spec: TableMapping
    today: date
    names: Sequence[str]
    delimiters: Sequence[str]
    number: str
    columns: frozenset[str]

    def of(self, number: int) -> ir.Table:
        """The rows of one file."""
        return self.rows.filter(self.rows[self.number] == number)

    def counts(self, column: str) -> dict[int, Counts]:
        """Shapes of a text column, by file."""
        shape = self.rows[column].strip().translate(DIGITS, NINES)
        shaped = self.rows.select(number=self.rows[self.number], shape=shape)
        shaped = shaped.filter([shaped["shape"] != "", shaped["number"].notnull()])
        found = shaped.group_by("number", "shape").aggregate(n=shaped.count())
        found = found.order_by(ibis.desc("n"), "shape").limit(number_columns.MOST_SHAPES * len(self.names))
        by_file: dict[int, Counts] = {}
        for row in found.to_pyarrow().to_pylist():
            by_file.setdefault(int(row["number"]), []).append((row["shape"], int(row["n"])))
        return by_file

    def alike(self, number: int) -> set[int]:
        """The files of the same delimiter as one file."""
        return {i for i, mark in enumerate(self.delimiters) if mark == self.delimiters[number]}


def in_one_grammar(files: FilesOfTable) -> tuple[ir.Table, tuple[str, ...]]:
    """The rows without the files' numbers, and the columns whose texts were rewritten because files differ.

    Raises
    ------
    AmbiguousColumn : a file leaves a choice that no file like it settles.
    """
    rewritten: dict[str, ir.Value] = {}
    for column, (kind, field) in needed_columns(files.table, files.rows, files.spec).items():
        if column not in files.columns or not files.rows[column].type().is_string():
            continue
        counts = files.counts(column)
        if len(counts) > 1:
            numbers = kind == "number"
            value = _numbers(files, column, counts) if numbers else _days(files, column, field, counts)
            if value is not None:
                rewritten[column] = value
    return files.rows.mutate(**rewritten).drop(files.number), tuple(rewritten)


def differ(counts: Sequence[Counts], decimal: str | None) -> bool:
    """Whether several files write a column of numbers differently, or one of them leaves a choice.

    >>> differ([[("9.9", 3)], [("9,9", 2)]], None), differ([[("9.9", 3)], [("99", 2)]], None)
    (True, False)
    """
    marks = set()
    for one in counts:
        found = number_columns.decide_counts(one, decimal)
        if isinstance(found, NumberDoubt):
            return True
        if proves(one):
            marks.add(found.decimal)
    return len(marks) > 1


def proves(counts: Counts) -> bool:
    """Whether some shape can be read with one decimal mark alone."""
    return any(len(shapes_of_both(shape)) == 1 for shape, _ in counts)


def _numbers(files: FilesOfTable, column: str, counts: dict[int, Counts]) -> ir.Value | None:
    """Numbers in one way; None where all files write them alike."""
    if not differ([counts.get(i, []) for i in range(len(files.names))], files.spec.decimal):
        return None
    decided: dict[int, str] = {}
    doubts: dict[int, NumberDoubt] = {}
    for i, one in counts.items():
        found = number_columns.decide_counts(one, files.spec.decimal)
        if isinstance(found, NumberDoubt) and not found.mixed:
            found = number_columns.decide_numbers(files.of(i), column, files.spec.decimal)
        if isinstance(found, NumberDoubt):
            doubts[i] = found
        elif proves(one) or any(number_columns.ambiguous(shape) for shape, _ in one):
            decided[i] = found.decimal
    if not decided:
        return None  # all leave the same choice: told of the column as a whole
    for i, doubt in doubts.items():
        like = {decided[j] for j in files.alike(i) if j in decided}
        if doubt.mixed or len(like) != 1:
            raise two_numbers(files.table, files.of(i), (column, files.names[i]), doubt)
        decided[i] = like.pop()
    if len(set(decided.values())) < 2:
        return None
    text, number = files.rows[column], files.rows[files.number]
    cases: list[tuple[ir.Value, ir.Value]] = []
    marks: set[str] = set()
    for decimal in sorted(set(decided.values())):
        inside = [i for i, mark in decided.items() if mark == decimal]
        shapes = sum((Counter(dict(counts[i])) for i in inside), Counter())
        reading = number_columns.decide(shapes.items(), decimal)
        assert isinstance(reading, NumberReading)
        marks |= reading.marks
        plain = number_columns.number_text(text, reading)
        cases.append((number.isin(inside), ibis.coalesce(plain, text)))
    return ibis.cases(*cases, else_=text) if same_currency(marks) else None


def _days(files: FilesOfTable, column: str, field: str, counts: dict[int, Counts]) -> ir.Value | None:
    """Days and months in one order, and moments in one unit; None where all files write them alike."""
    families: dict[int, set[Family]] = {
        i: {family for shape, _ in one if (family := family_of(shape))} for i, one in counts.items()
    }
    of_choice = {family for found in families.values() for family in found if family.orders}
    past = files.table.row_time is not None and files.table[files.table.row_time].required
    value: ir.Value = files.rows[column]
    changed = False
    for family in sorted(of_choice, key=lambda one: one.name):
        inside = [i for i, found in families.items() if family in found]
        orders = {
            i: date_columns.order_of_days(files.of(i), column, family, files.today, past=past) for i in inside
        }
        settled = {i: order for i, order in orders.items() if isinstance(order, str)}
        if not settled:
            continue
        for i, doubt in orders.items():
            if isinstance(doubt, DateDoubt):
                like = {settled[j] for j in files.alike(i) if j in settled}
                if doubt.mixed or len(like) != 1:
                    raise two_dates(files.table, files.of(i), (column, files.names[i]), field, doubt)
                settled[i] = like.pop()
        if len(set(settled.values())) < 2:
            continue
        changed = True
        for order in sorted(set(settled.values())):
            here = files.rows[files.number].isin([i for i, one in settled.items() if one == order])
            turned = date_columns.year_first(files.rows[column], family, order, files.today)
            value = (here & turned.notnull()).ifelse(turned, value)
    units = {i: date_columns.epoch_unit(files.of(i), column, files.today) for i in families
             if any(family.parts == "E" for family in families[i])}  # fmt: skip
    known = {i: unit for i, unit in units.items() if unit}
    if len(set(known.values())) > 1:
        changed = True
        for unit in sorted(set(known.values())):
            here = files.rows[files.number].isin([i for i, one in known.items() if one == unit])
            moment = date_columns.epoch_text(files.rows[column], unit)
            value = (here & moment.notnull()).ifelse(moment, value)
    return value if changed else None
