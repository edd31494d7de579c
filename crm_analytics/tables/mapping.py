"""`mapping.toml`: which file is which table, and which column (or sum) is which field.

Example::

    label = "Online shop"
    currency = "GBP"
    timezone = "Europe/London"

    [transactions]
    from = "order_details.csv"
    join = [{ from = "orders.csv", on = "OrderID" }]
    customer_id = "CustomerID"
    transaction_date = "OrderDate"                     # or { column = "Date", format = "%d/%m/%Y" }
    unit_spend = "UnitPrice * Quantity * (1 - Discount)"

Every key, with an example that a test runs, stands in `docs/mapping.md`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crm_analytics.errors import ParameterError, nearest
from crm_analytics.tables.annotations import Annotation, read_annotations
from crm_analytics.tables.contract import TABLES
from crm_analytics.tables.date_grammar import month_names
from crm_analytics.tables.regular_files import MOST_SETTINGS, read_text
from crm_analytics.tables.zones import check_zone

FILE_NAME = "mapping.toml"
TOP_WORDS = (
    "label", "currency", "show_customers", "timezone", "language", "calendar", "decimal", "anonymous",
    "fold_case", "unknown_dates", "annotation",
)  # fmt: skip
TABLE_WORDS = (
    "from", "join", "where", "except", "decimal", "encoding", "skip", "footer", "fill_down", "default",
    "rate", "language", "calendar", "zone", "anonymous", "fold_case", "unknown_dates",
)  # fmt: skip
FIELD_WORDS = ("column", "format", "equals", "begins", "words", "value", "zone")
CALENDARS = ("gregorian", "buddhist")
_FORMAT = re.compile(r"(%-?[aAbBdfgGHIjmMnpSuVwWyYzZ%]|[^%])+")
EPOCHS = {"%s": "s", "epoch_s": "s", "epoch_ms": "ms", "epoch_us": "us", "epoch_ns": "ns"}
EXCEL = "excel"  # days since 1899-12-30, as spreadsheets count them


@dataclass(frozen=True)
class Join:
    """A second source whose columns are added: where it lies, and which key column here is which there."""

    origin: str | tuple[str, ...]
    keys: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class TableMapping:
    """How one table of the contract is read: where it lies, what it is joined with, its rows and fields."""

    origin: str | tuple[str, ...] | None = None
    joins: tuple[Join, ...] = ()
    fields: MappingType[str, str | float | dict[str, Any]] = field(default_factory=dict)
    decimal: str | None = None
    encoding: str | None = None
    where: MappingType[str, tuple[str, ...]] = field(default_factory=dict)
    exclude: MappingType[str, tuple[str, ...]] = field(default_factory=dict)
    skip: int | None = None
    footer: int | None = None
    fill_down: tuple[str, ...] = ()
    within: str | None = None
    default: MappingType[str, str | float] = field(default_factory=dict)
    rate: str | MappingType[str, float] | None = None
    language: str = "en"
    calendar: str = "gregorian"
    zone: str | None = None
    anonymous: tuple[str, ...] = ()
    fold_case: tuple[str, ...] = ()
    unknown_dates: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mapping:
    """A whole `mapping.toml`."""

    tables: MappingType[str, TableMapping] = field(default_factory=dict)
    label: str = ""
    currency: str = ""
    show_customers: bool = False
    timezone: str | None = None
    annotations: tuple[Annotation, ...] = ()
    rest: TableMapping = field(default_factory=TableMapping)  # of tables that have no section

    def of(self, table: str) -> TableMapping:
        """The mapping of one table; what holds for all tables where nothing is said of it."""
        return self.tables.get(table, self.rest)


def read_mapping(source: str | Path | MappingType[str, Any] | None) -> Mapping:
    """Read a mapping from a TOML file or a dict.

    Raises
    ------
    ParameterError : the file is missing or not TOML, or names a table or field the contract does not
        know (the nearest name is offered).
    """
    if source is None:
        return Mapping()
    content = mapping_content(source)
    words = ("language", "calendar", "decimal", "anonymous", "fold_case", "unknown_dates")
    shared: dict[str, Any] = {word: content[word] for word in words if word in content}
    tables = {}
    for name, value in content.items():
        if name in TOP_WORDS:
            continue
        if name not in TABLES:
            raise ParameterError(
                f"mapping: unknown table or setting '{name}'{nearest(name, [*TABLES, *TOP_WORDS])}"
            )
        tables[name] = _table_mapping(name, value, shared, content.get("currency", ""))
    for word in ("label", "currency"):
        if not isinstance(content.get(word, ""), str):
            raise ParameterError(f'mapping: {word} must be a text like {word} = "EUR"')
    zone = content.get("timezone")
    return Mapping(
        tables=tables,
        label=content.get("label", ""),
        currency=content.get("currency", "").strip(),
        show_customers=content.get("show_customers", False) is True,
        timezone=None if zone is None else check_zone(zone, "timezone"),
        annotations=read_annotations(content.get("annotation", [])),
        rest=_table_mapping("every table", {}, shared),
    )


def mapping_content(source: str | Path | MappingType[str, Any]) -> dict[str, Any]:
    """A mapping as plain data: the content of a TOML file, or a copy of a dict."""
    if not isinstance(source, (str, Path)):
        return dict(source)
    path = Path(source)
    try:
        return tomllib.loads(read_text(path, MOST_SETTINGS))
    except FileNotFoundError:
        raise ParameterError(f"mapping: there is no file {path.name} in {path.parent.name or '.'}/") from None
    except ParameterError as error:
        raise ParameterError(f"mapping: {error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ParameterError(f"mapping: {path.name} is not valid TOML ({str(error)[:200]})") from None


def _table_mapping(
    table: str, value: Any, shared: MappingType[str, Any], target: object = ""
) -> TableMapping:
    if not isinstance(value, MappingType):
        raise ParameterError(f'mapping: [{table}] must be a section with `field = "column"` lines')
    merged = {**shared, **value}
    fill, within = _fill_down(table, value.get("fill_down", ()))
    return TableMapping(
        origin=_origin(table, value.get("from"), "from"),
        joins=_joins(table, value.get("join", ())),
        fields=_fields(table, value),
        decimal=_decimal(table, merged.get("decimal")),
        encoding=_text(table, "encoding", value.get("encoding")),
        where=_values(table, "where", value.get("where", {})),
        exclude=_values(table, "except", value.get("except", {})),
        skip=_lines(table, "skip", value.get("skip")),
        footer=_lines(table, "footer", value.get("footer")),
        fill_down=fill,
        within=within,
        default=_defaults(table, value.get("default", {})),
        rate=_rate(table, value.get("rate"), target),
        language=_language(table, merged.get("language", "en")),
        calendar=_calendar(table, merged.get("calendar", "gregorian")),
        zone=None if "zone" not in value else check_zone(value["zone"], f"[{table}] zone"),
        anonymous=_texts(table, "anonymous", merged.get("anonymous", ())),
        fold_case=_texts(table, "fold_case", merged.get("fold_case", ())),
        unknown_dates=_texts(table, "unknown_dates", merged.get("unknown_dates", ())),
    )


def _fields(table: str, value: MappingType[str, Any]) -> dict[str, Any]:
    fields = {}
    for name, origin in value.items():
        if name in TABLE_WORDS:
            continue
        known = TABLES[table].names
        if name not in known:
            raise ParameterError(
                f"mapping: [{table}] has no field '{name}'{nearest(name, [*known, *TABLE_WORDS])}"
            )
        kind = TABLES[table][name].type
        if not _says_a_field(origin, kind):
            more = {
                "number": ", a number",
                "money": ", a number",
                "flag": ', { column = "...", equals = "yes" }, { column = "...", begins = "CN" }',
            }
            raise ParameterError(
                f'mapping: [{table}] {name} must be "column", "a * b"{more.get(kind, "")}, '
                f'{{ value = "email" }} or '
                '{ column = "...", format = "%d/%m/%Y" }'
            )
        fields[name] = dict(origin) if isinstance(origin, MappingType) else origin
    return fields


def _says_a_field(origin: Any, kind: str) -> bool:
    if not isinstance(origin, MappingType):
        return isinstance(origin, str) or (
            kind in ("number", "money", "count") and type(origin) in (int, float)
        )
    if set(origin) - set(FIELD_WORDS) or not all(
        isinstance(origin.get(w, ""), str) for w in ("column", "format", "zone")
    ):
        return False
    if "value" in origin:
        return set(origin) == {"value"} and type(origin["value"]) in (str, int, float, bool)
    if {"equals", "begins"} & origin.keys() and kind != "flag":
        return False
    if not all(_are_texts(origin.get(word, "C")) for word in ("equals", "begins")):
        return False
    if ("format" in origin or "zone" in origin) and kind not in ("time", "date"):
        return False
    if "format" in origin and not (
        origin["format"] in (*EPOCHS, EXCEL) or _FORMAT.fullmatch(origin["format"])
    ):
        raise ParameterError(
            f"mapping: format = {origin['format'][:40]!r} has a code that no date has; codes "
            f"are those of strptime "
            "(%Y %m %d %H %M %S %p %z %b ...), or one of " + ", ".join([*EPOCHS, EXCEL])
        )
    if "zone" in origin:
        check_zone(origin["zone"], "zone")
    words = origin.get("words", {"": ""})
    return (
        isinstance(words, MappingType)
        and len(words) > 0
        and all(type(v) in (str, int, float, bool) for v in words.values())
    )


def _are_texts(value: Any) -> bool:
    found = [value] if isinstance(value, str) else value
    return (
        isinstance(found, (list, tuple)) and len(found) > 0 and all(isinstance(t, str) and t for t in found)
    )


def _origin(table: str, value: Any, word: str) -> str | tuple[str, ...] | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)) and value and all(isinstance(one, str) for one in value):
        return tuple(value)
    raise ParameterError(
        f'mapping: [{table}] {word} must be a name, a pattern or a list like ["jan.csv", "feb.csv"]'
    )


def _joins(table: str, value: Any) -> tuple[Join, ...]:
    refusal = ParameterError(
        f'mapping: [{table}] join must look like [{{ from = "orders.csv", on = "OrderID" }}], or '
        '[{ from = "orders.csv", on = { order_id = "id" } }] where the key has two names'
    )
    joins = []
    if not isinstance(value, (list, tuple)):
        raise refusal
    for one in value:
        if not isinstance(one, MappingType) or set(one) != {"from", "on"}:
            raise refusal
        on = one["on"]
        named = [on] if isinstance(on, str) else on
        keys: Any = {key: key for key in named} if isinstance(named, list) else named
        if (
            not isinstance(keys, MappingType)
            or not keys
            or not all(isinstance(v, str) for v in keys.values())
        ):
            raise refusal
        joins.append(Join(_origin(table, one["from"], "join") or "", tuple(keys.items())))
    return tuple(joins)


def _fill_down(table: str, value: Any) -> tuple[tuple[str, ...], str | None]:
    if isinstance(value, MappingType):
        if set(value) != {"columns", "within"} or not isinstance(value["within"], str):
            raise ParameterError(
                f'mapping: [{table}] fill_down must look like ["Order"] or '
                f'{{ columns = ["Status"], within = "Name" }}'
            )
        return _texts(table, "fill_down", value["columns"]), value["within"]
    return _texts(table, "fill_down", value), None


def _values(table: str, word: str, value: Any) -> dict[str, tuple[str, ...]]:
    refusal = ParameterError(
        f'mapping: [{table}] {word} must look like {{ event = "purchase" }} or {{ event = ["a", "b"] }}'
    )
    if not isinstance(value, MappingType):
        raise refusal
    found = {c: tuple(v) if isinstance(v, (list, tuple)) else (v,) for c, v in value.items()}
    if not all(values and all(isinstance(v, str) for v in values) for values in found.values()):
        raise refusal
    return found


def _defaults(table: str, value: Any) -> dict[str, str | float]:
    if isinstance(value, MappingType) and all(type(v) in (str, int, float) for v in value.values()):
        return dict(value)
    raise ParameterError(f"mapping: [{table}] default must look like {{ Discount = 0 }}")


def _rate(table: str, value: Any, target: object) -> str | dict[str, float] | None:
    """The column of the rates, or what one unit of each currency is worth in the target currency."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, MappingType) and all(type(v) in (int, float) and v > 0 for v in value.values()):
        rates = {str(code).strip().upper(): float(v) for code, v in value.items()}
        return {str(target).strip().upper(): 1.0} | rates if target else rates
    raise ParameterError(f"mapping: [{table}] rate must be a column, or like {{ USD = 0.9, GBP = 1.17 }}")


def _texts(table: str, word: str, value: Any) -> tuple[str, ...]:
    found = (value,) if isinstance(value, str) else value
    if isinstance(found, (list, tuple)) and all(isinstance(one, str) for one in found):
        return tuple(found)
    raise ParameterError(f'mapping: [{table}] {word} must be a list like ["guest", "0"]')


def _text(table: str, word: str, value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise ParameterError(f"mapping: [{table}] {word} must be a text")


def _lines(table: str, word: str, value: Any) -> int | None:
    if value is None or (type(value) is int and value >= 0):
        return value
    raise ParameterError(f"mapping: [{table}] {word} must be a number of lines, got {str(value)[:40]!r}")


def _decimal(table: str, value: Any) -> str | None:
    if value in (None, ".", ","):
        return value
    raise ParameterError(f"mapping: [{table}] decimal must be '.' or ',', got {str(value)[:40]!r}")


def _language(table: str, value: Any) -> str:
    try:
        month_names(str(value))
    except KeyError:
        raise ParameterError(
            f"mapping: [{table}] language must be a code like de, fr or es, got {str(value)[:40]!r}"
        ) from None
    return str(value)


def _calendar(table: str, value: Any) -> str:
    if value in CALENDARS:
        return str(value)
    raise ParameterError(
        f"mapping: [{table}] calendar must be {' or '.join(CALENDARS)}, got {str(value)[:40]!r}"
    )
