"""One value of a source as a value of the contract; what cannot be read becomes NULL."""

from __future__ import annotations

from datetime import datetime

import ibis
import ibis.expr.types as ir

from crm_analytics.tables.contract import MONEY, Column
from crm_analytics.tables.mapping import TableMapping

_SECONDS = len("2026-01-31 12:00:00")
_COMPACT = len("20260131")
_BLANKS = (" ", "\t", "\n", "\r")
# strptime's codes as Spark writes them
_SPARK_CODES = {
    "%Y": "yyyy", "%y": "yy", "%m": "MM", "%d": "dd", "%H": "HH", "%I": "hh", "%M": "mm", "%S": "ss",
    "%p": "a", "%b": "MMM", "%B": "MMMM", "%f": "SSSSSS", "%-d": "d", "%-m": "M",
}  # fmt: skip


def cast_value(value: ir.Value, column: Column, spec: TableMapping) -> ir.Value:
    """`value` in the type of a contract column; NULL where it cannot be read, NaN or infinite."""
    if column.engine_type == "string":
        return _text(value).lower() if column.type == "word" else _text(value)
    if column.type in ("time", "date"):
        return _moment(value, column.engine_type)
    if column.type == "flag":
        return _flag(value)
    number = number_text(value, spec.decimal)
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


def number_text(value: ir.Value, decimal: str) -> ir.Value:
    """Text of a number with a decimal point; other types as they are."""
    if not value.type().is_string():
        return value
    text = value.strip()
    if decimal == ",":
        for thousands in (".", " ", "\u00a0", "\u202f"):
            text = text.replace(thousands, "")
        text = text.replace(",", ".")
    return text


def read_with_format(raw: ir.Table, name: str, pattern: str | None) -> ir.Value:
    """A column of dates written in a `strptime` pattern; what does not fit becomes NULL."""
    if pattern is None or raw[name].type().is_temporal():
        return raw[name]
    text = raw[name].cast("string").strip()
    if raw.get_backend().name == "pyspark":
        for code, letters in _SPARK_CODES.items():
            pattern = pattern.replace(code, letters)
        read = try_to_timestamp(text, pattern)
    else:
        read = try_strptime(text, pattern)
    # A text that does not fit must count as unreadable, not as missing: it goes on as a text no date fits.
    return read.cast("string").fill_null("?" + text.nullif(""))


@ibis.udf.scalar.builtin
def try_strptime(text: str, format: str) -> datetime:  # type: ignore[empty-body]  # noqa: A002
    """DuckDB's own reader of dates in a given format."""


@ibis.udf.scalar.builtin
def try_to_timestamp(text: str, format: str) -> datetime:  # type: ignore[empty-body]  # noqa: A002
    """Spark's own reader of dates in a given format."""


@ibis.udf.scalar.builtin
def timezone(zone: str, moment: datetime) -> datetime:  # type: ignore[empty-body]
    """DuckDB's own: the wall clock of a zone at a moment, whatever the session's zone is."""


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


def _moment(value: ir.Value, target: str) -> ir.Value:
    kind = value.type()
    if kind.is_timestamp() and kind.timezone is not None:
        return _as_utc(value).cast(target)
    if kind.is_temporal():
        return value.cast(target)
    text = (value if kind.is_string() else value.cast("string")).strip()
    compact = text.substr(0, 4) + "-" + text.substr(4, 2) + "-" + text.substr(6, 2)
    has_zone = (text.length() > _SECONDS) & text.re_search(r":[0-9]{2}([.][0-9]+)?[+-][0-9]{2}(:?[0-9]{2})?$")
    return ibis.cases(
        ((text.length() == _COMPACT) & ~text.contains("-"), compact.try_cast(target)),
        (has_zone, _as_utc(text.try_cast("timestamp('UTC')")).cast(target)),
        else_=text.try_cast(target),
    )


def _as_utc(value: ir.Value) -> ir.Value:
    """A moment as the wall clock of UTC, whatever the session's zone (Ibis sets Spark's to UTC)."""
    return timezone("UTC", value) if value.get_backend().name == "duckdb" else value.cast("timestamp")


def _flag(value: ir.Value) -> ir.Value:
    if value.type().is_boolean():
        return value
    text = value.cast("string").strip().lower()
    return ibis.cases(
        (text.isin(["true", "t", "yes", "y", "1", "1.0"]), True),
        (text.isin(["false", "f", "no", "n", "0", "0.0"]), False),
        else_=ibis.null("boolean"),
    )
