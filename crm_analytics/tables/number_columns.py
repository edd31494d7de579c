"""A column of text as numbers: its shapes counted in the engine, one reading for all of it."""

from __future__ import annotations

import re
from dataclasses import replace

import ibis
import ibis.expr.types as ir

from crm_analytics.tables.number_grammar import (
    ASCII_SIGNS,
    BLANKS,
    COMMA,
    DIGITS,
    HIDDEN,
    MINUS,
    NINES,
    OTHER_SIGNS,
    POINT,
    NumberDoubt,
    NumberReading,
    Written,
    ambiguous,
    decide,
)

MOST_SHAPES = 5_000  # a column with more is free text, and the rarest are no numbers


def decide_numbers(raw: ir.Table, name: str, decimal: str | None) -> NumberReading | NumberDoubt:
    """How the text column `name` is read, from all of its values.

    Parameters
    ----------
    decimal : the mapping's; where every value proves the other mark, the values are believed
    """
    if decimal != COMMA and (plain := _plain_numbers(raw, name)) is not None:
        return plain
    foreign = has_foreign(raw, name)
    if foreign:
        raw = raw.select(**{name: in_ascii(raw[name])})
    counts = shape_counts(raw, name)
    found = decide_counts(counts, decimal)
    if isinstance(found, NumberDoubt) and not found.mixed:
        found = decide(counts, None, _zero_led(raw, name))
    if foreign and isinstance(found, NumberReading):
        return replace(found, foreign=True, plain=False)
    return found


def has_foreign(raw: ir.Table, name: str) -> bool:
    """Whether some text has digits of another script, Arabic, Hindi, Thai or wide, or marks nobody sees."""
    found = raw.aggregate(n=raw[name].re_search(f"[{OTHER_SIGNS}{HIDDEN}]").any())
    return bool(found.to_pyarrow()["n"][0].as_py())


def in_ascii(text: ir.StringValue) -> ir.StringValue:
    """Text with the digits and marks of other scripts as ASCII writes them, without marks nobody sees."""
    return text.translate(OTHER_SIGNS + HIDDEN, ASCII_SIGNS)  # what has no partner goes


def _plain_numbers(raw: ir.Table, name: str) -> NumberReading | None:
    """The reading of a column of digits with a decimal point alone, found without counting its shapes.

    Counting shapes costs many times as much. None where another sign stands in a value, or where points could
    part groups: then the shapes tell.
    """
    text = raw[name].strip()
    asked = raw.aggregate(
        filled=(text != "").sum(),
        plain=text.re_search(r"^-?[0-9]+([.][0-9]+)?$").sum(),
        points=text.contains(".").sum(),
        proven=text.re_search(r"[.]([0-9]{1,2}|[0-9]{4,})$").any(),
        long=text.re_search(r"[.][0-9]{5}").any(),
    )
    row = asked.to_pyarrow().to_pylist()[0]
    if not row["filled"] or row["plain"] != row["filled"] or (row["points"] and not row["proven"]):
        return None
    shapes = ["9", *(["9.99"] if row["points"] else []), *(["9.99999"] if row["long"] else [])]
    return NumberReading(POINT, plain=True, shapes=dict.fromkeys(shapes, Written()))


def decide_counts(counts: list[tuple[str, int]], decimal: str | None) -> NumberReading | NumberDoubt:
    """How a column of these shapes is read, as far as shapes alone tell.

    Parameters
    ----------
    counts : see `shape_counts`
    decimal : as `decide_numbers` takes it
    """
    found = decide(counts, decimal)
    if isinstance(found, NumberReading) and decimal is not None:
        proven = decide(counts, None)
        if isinstance(proven, NumberReading) and proven.decimal != decimal and found.unread > proven.unread:
            doubtful = any(ambiguous(shape) for shape, _ in counts)
            readable = sum(
                n
                for shape, n in counts
                if shape in found.shapes and len(shape) and shape not in proven.shapes
            )
            return found if doubtful or readable else proven
    return found


def shape_counts(raw: ir.Table, name: str) -> list[tuple[str, int]]:
    """Shape and rows of a text column, the most frequent first; blank texts are left out."""
    text = raw[name].strip()
    shapes = raw.select(shape=text.translate(DIGITS, NINES)).filter(lambda t: t.shape != "")
    counts = shapes.group_by("shape").aggregate(n=shapes.count())
    rows = counts.order_by(ibis.desc("n"), "shape").limit(MOST_SHAPES).to_pyarrow().to_pylist()
    return [(row["shape"], row["n"]) for row in rows]


def example(raw: ir.Table, name: str) -> str:
    """One of the texts that leave a choice; it is digits and marks alone."""
    doubtful = [shape for shape, _ in shape_counts(raw, name) if ambiguous(shape)]
    text = raw[name].strip()
    found = raw.filter(text.translate(DIGITS, NINES).isin(doubtful)).aggregate(e=text.max())
    return str(found.to_pyarrow()["e"][0].as_py() or "")


def number_text(value: ir.Value, reading: NumberReading | None) -> ir.Value:
    """Text as the engine casts it: digits with a decimal point; NULL where the reading does not reach.

    Other types than text are as they are.
    """
    if not value.type().is_string() or reading is None:
        return value
    text = value.strip()
    if reading.plain:
        return text
    if reading.foreign:
        text = in_ascii(text)
    shape = text.translate(DIGITS, NINES)
    cases = []
    exponents = [s for s, w in reading.shapes.items() if w.exponent]
    if exponents:
        cases.append((shape.isin(exponents), _ascii_minus(text).replace(COMMA, ".")))
    for percent in (False, True):
        written = {s: w for s, w in reading.shapes.items() if not w.exponent and w.percent == percent}
        if not written:
            continue
        digits = _digits(text, reading)
        if percent:
            digits = digits + "e-2"
        negative = [s for s, w in written.items() if w.negative]
        if negative:
            digits = shape.isin(negative).ifelse(ibis.literal("-") + digits, digits)
        cases.append((shape.isin(list(written)), digits))
    return ibis.cases(*cases, else_=ibis.null("string")) if cases else ibis.null("string")


def _digits(text: ir.StringValue, reading: NumberReading) -> ir.StringValue:
    """Only digits and the decimal mark; the shape was accepted before: nothing else of meaning is there."""
    pointed = {w.mark for w in reading.shapes.values() if "." in w.mark}
    for mark in sorted(pointed, key=len, reverse=True):
        text = text.replace(mark, "")
    bare = text.re_replace(f"[^0-9{re.escape(reading.decimal)}]", "")
    return bare.replace(COMMA, ".") if reading.decimal == COMMA else bare


def _ascii_minus(text: ir.StringValue) -> ir.StringValue:
    return text.translate(MINUS, "-" * len(MINUS)).translate(BLANKS, " " * len(BLANKS)).strip()


def _zero_led(raw: ir.Table, name: str) -> tuple[int, int]:
    text = raw[name]
    counts = raw.aggregate(
        points=text.re_search(r"^[^0-9]*0[.][0-9]{3}[^0-9.,]*$").sum(),
        commas=text.re_search(r"^[^0-9]*0[,][0-9]{3}[^0-9.,]*$").sum(),
    )
    row = counts.to_pyarrow().to_pylist()[0]
    return int(row["points"] or 0), int(row["commas"] or 0)
