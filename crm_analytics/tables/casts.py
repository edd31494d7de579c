"""One value of a source as a value of the contract; what cannot be read becomes NULL."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import ibis
import ibis.expr.types as ir

from crm_analytics.tables.contract import Column
from crm_analytics.tables.date_columns import DateReading, date_value
from crm_analytics.tables.mapping import EPOCHS, EXCEL
from crm_analytics.tables.money import MONEY
from crm_analytics.tables.number_columns import number_text
from crm_analytics.tables.number_grammar import NumberReading
from crm_analytics.tables.zones import UTC, wall_clock

_YES = (
    "true", "t", "yes", "y", "1", "1.0", "on", "x", "✓", "✔", "ja", "j", "wahr", "oui", "vrai", "sí", "si",
    "verdadero", "sim", "verdadeiro", "vero", "tak", "да", "是", "はい",
)  # fmt: skip
_NO = (
    "false", "f", "no", "n", "0", "0.0", "off", "✗", "✘", "nein", "falsch", "non", "faux", "falso", "não",
    "nao", "nie", "nee", "нет", "否", "いいえ",
)  # fmt: skip
# What mail tools write of a subscription; it is a yes of a consent, and a no of `do_not_contact`.
_SUBSCRIBED = (
    "subscribed", "opted in", "opted-in", "opted_in", "opt in", "opt-in", "opt_in", "granted",
    "single opt-in", "single_opt_in", "double opt-in", "double_opt_in", "confirmed_opt_in",
)  # fmt: skip
_UNSUBSCRIBED = (
    "unsubscribed", "opted out", "opted-out", "opted_out", "opt out", "opt-out", "opt_out", "denied",
    "not subscribed", "not_subscribed", "not_opted_in", "never subscribed", "never_subscribed",
    "non-subscribed", "cleaned",
)  # fmt: skip
_BLANKS = (" ", "\t", "\n", "\r")
# strptime's codes as Spark writes them
_SPARK_CODES = {
    "%Y": "yyyy", "%y": "yy", "%m": "MM", "%d": "dd", "%H": "HH", "%I": "hh", "%M": "mm", "%S": "ss",
    "%p": "a", "%b": "MMM", "%B": "MMMM", "%f": "SSSSSS", "%-d": "d", "%-m": "M", "%z": "xx",
}  # fmt: skip
_EXCEL_DAY = 86_400_000_000 // 1_000  # milliseconds
_EXCEL_ZERO = datetime(1899, 12, 30)


def cast_value(
    value: ir.Value, column: Column, reading: NumberReading | DateReading | None = None, zone: str = UTC,
    written_in: str | None = None,
) -> ir.Value:  # fmt: skip
    """`value` in the type of a contract column; NULL where it cannot be read, NaN or infinite.

    Parameters
    ----------
    reading : of a text column, as decided from all of its values
    zone, written_in : the shop's time zone, and that of moments without an offset where it is another
    """
    if column.engine_type == "string":
        return _text(value).lower() if column.type == "word" else _text(value)
    if column.type in ("time", "date"):
        return _moment(value, reading, zone, written_in).cast(column.engine_type)
    if column.type == "flag":
        return _flag(value, column)
    number = number_text(value, reading if isinstance(reading, NumberReading) else None)
    if column.type == "count":
        whole = number.try_cast("int64")
        if number.type().is_integer():
            return whole
        return (whole.cast("float64") == number.try_cast("float64")).ifelse(whole, ibis.null("int64"))
    if column.type == "money":
        return number.try_cast(MONEY)
    number = number.try_cast("float64")
    if value.type().is_integer() or value.type().is_decimal():
        return number
    return (number.isnan() | number.isinf()).ifelse(ibis.null("float64"), number)


def is_present(value: ir.Value) -> ir.BooleanValue:
    """Something stands there: neither NULL nor NaN nor blank text."""
    if value.type().is_string():
        return value.strip().length() > 0
    if value.type().is_floating():
        return value.notnull() & ~value.isnan()
    return value.notnull()


def number_value(value: ir.Value, reading: NumberReading | None) -> ir.Value:
    """A column as float64, for arithmetic."""
    return number_text(value, reading).try_cast("float64")


def read_with_format(raw: ir.Table, name: str, pattern: str, zone: str, written_in: str | None) -> ir.Value:
    """A column of dates written in a `strptime` pattern, in seconds since 1970 or in a spreadsheet's days.

    What does not fit becomes NULL.
    """
    value = raw[name]
    if value.type().is_temporal():
        return _moment(value, None, zone, written_in)
    if pattern == EXCEL:
        days = value.try_cast("float64")
        days = ((days > 0) & (days < 3_000_000)).ifelse(days, ibis.null("float64"))
        shift = ibis.literal((_EXCEL_ZERO - datetime(1970, 1, 1)).days * _EXCEL_DAY)
        return ((days * _EXCEL_DAY).round().cast("int64") + shift).as_timestamp("ms")
    if pattern in EPOCHS:
        number = value.try_cast("float64").try_cast("int64")
        return date_value(number, DateReading(unit=EPOCHS[pattern]), zone)
    text = value.cast("string").strip()
    if raw.get_backend().name == "pyspark":
        for code, letters in _SPARK_CODES.items():
            pattern = pattern.replace(code, letters)
        read = try_to_timestamp(text, pattern)
    else:
        read = try_strptime(text, pattern)
    if "%z" in pattern or "xx" in pattern:  # an offset: the engine gives the clock of UTC
        return wall_clock(read.cast("timestamp"), zone)
    return read.cast("timestamp") if written_in in (None, zone) else wall_clock(read, zone, str(written_in))


@ibis.udf.scalar.builtin
def try_strptime(text: str, format: str) -> datetime:  # type: ignore[empty-body]  # noqa: A002
    """DuckDB's own reader of dates in a given format."""


@ibis.udf.scalar.builtin
def try_to_timestamp(text: str, format: str) -> datetime:  # type: ignore[empty-body]  # noqa: A002
    """Spark's own reader of dates in a given format."""


def in_words(value: ir.Value, words: dict[str, Any], column: Column, otherwise: ir.Value) -> ir.Value:
    """A cell by its word (in any case); what is no such word is read as ever."""
    text = value.cast("string").strip().lower()
    kind = column.engine_type
    cases = [(text == word.strip().lower(), _literal(meaning, kind)) for word, meaning in words.items()]
    return ibis.cases(*cases, else_=otherwise)


def constant(value: Any, column: Column) -> ir.Value:
    """A value that holds for every row."""
    return ibis.literal(float(value)) if type(value) in (int, float) else ibis.literal(value)


def _literal(value: Any, kind: str) -> ir.Value:
    if kind == "boolean":
        return ibis.literal(str(value).strip().lower() in ("true", "yes", "1", "y", "t"))
    return ibis.literal(str(value) if kind == "string" else value).cast(kind)


def _text(value: ir.Value) -> ir.Value:
    kind = value.type()
    if kind.is_floating():  # 17850.0 is what pandas makes of an id column with holes
        whole = value.try_cast("int64")
        text = (whole.cast("float64") == value).ifelse(whole.cast("string"), value.cast("string"))
        return value.isnan().ifelse(ibis.null("string"), text)
    if not kind.is_string():
        return value.cast("string")
    # Trimming every id of a big file costs more than all the rest: only what shows a need is trimmed.
    # Blanks, control characters and the empty text all sort before the first printable character.
    untidy = (value < "!") | value.endswith(".0")
    for blank in _BLANKS:
        untidy |= value.endswith(blank)
    tidy = value.strip().nullif("")
    tidy = tidy.re_search(r"^[0-9]+[.]0$").ifelse(tidy.substr(0, tidy.length() - len(".0")), tidy)
    return untidy.ifelse(tidy, value)


def _moment(value: ir.Value, reading: Any, zone: str, written_in: str | None) -> ir.Value:
    kind = value.type()
    if kind.is_timestamp() and kind.timezone is not None:
        return wall_clock(value, zone)
    if kind.is_date() or kind.is_temporal():
        moved = kind.is_timestamp() and written_in not in (None, zone)
        return wall_clock(value, zone, str(written_in)) if moved else value
    if isinstance(reading, DateReading):
        return date_value(value, reading, zone, written_in)
    return value.cast("string").strip().try_cast("timestamp")


def _flag(value: ir.Value, column: Column) -> ir.Value:
    if value.type().is_boolean():
        return value
    text = value.cast("string").strip().lower()
    yes: tuple[str, ...] = _YES
    no: tuple[str, ...] = _NO
    if column.name.startswith("consent"):
        yes, no = (*yes, *_SUBSCRIBED), (*no, *_UNSUBSCRIBED)
    elif column.name == "do_not_contact":
        yes, no = (*yes, *_UNSUBSCRIBED), (*no, *_SUBSCRIBED)
    return ibis.cases((text.isin(yes), True), (text.isin(no), False), else_=ibis.null("boolean"))
