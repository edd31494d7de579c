"""The shop's day: moments with an offset on the wall clock of the shop's time zone."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo, available_timezones

import ibis
import ibis.expr.types as ir

from crm_analytics.errors import ParameterError, nearest

UTC = "UTC"
_FIXED = re.compile(r"UTC([+-])(\d{2}):(\d{2})")


def check_zone(name: object, where: str) -> str:
    """A zone's name as IANA writes it ("Europe/Berlin"), or a fixed offset ("UTC-08:00").

    >>> check_zone("America/Los_Angeles", "timezone"), check_zone("UTC-08:00", "timezone")
    ('America/Los_Angeles', 'UTC-08:00')

    Raises
    ------
    ParameterError : there is no such zone; the nearest is offered.
    """
    text = str(name)
    if _FIXED.fullmatch(text):
        return text
    known = available_timezones()
    if text not in known:
        raise ParameterError(
            f"mapping: {where} must be a time zone like Europe/Berlin, got "
            f"{text[:40]!r}{nearest(text, known)}"
        )
    ZoneInfo(text)
    return text


def wall_clock(moment: ir.Value, zone: str, written_in: str = UTC) -> ir.Value:
    """A moment as the wall clock of a zone, whatever the session's own zone.

    Parameters
    ----------
    moment : a timestamp with a zone (an instant), or one without, which then is the clock of `written_in`
    """
    duck = _is_duckdb(moment)
    kind = moment.type()
    if kind.is_timestamp() and kind.timezone is not None:
        plain = timezone(UTC, moment) if duck else moment.cast("timestamp")
    elif written_in == UTC:
        plain = moment
    elif (minutes := _minutes(written_in)) is not None:
        plain = moment - ibis.interval(minutes=minutes)
    elif duck:
        plain = timezone(UTC, timezone(written_in, moment).cast("timestamp('UTC')"))
    else:
        plain = to_utc_timestamp(moment, written_in)
    if zone == UTC:
        return plain
    if (minutes := _minutes(zone)) is not None:
        return plain + ibis.interval(minutes=minutes)
    if duck:
        return timezone(zone, timezone(UTC, plain).cast("timestamp('UTC')"))
    return from_utc_timestamp(plain, zone)


def fixed_zone(offset: str) -> str:
    """The name of a fixed offset as it is written in data.

    >>> fixed_zone("-0800"), fixed_zone("+05:30"), fixed_zone("Z"), fixed_zone("+00")
    ('UTC-08:00', 'UTC+05:30', 'UTC', 'UTC')
    """
    if offset.upper() in ("Z", "UTC", "GMT", ""):
        return UTC
    digits = offset[1:].replace(":", "").ljust(4, "0")
    return UTC if digits == "0000" else f"UTC{offset[0]}{digits[:2]}:{digits[2:]}"


def _minutes(zone: str) -> int | None:
    match = _FIXED.fullmatch(zone)
    if match is None:
        return None
    return (int(match[2]) * 60 + int(match[3])) * (-1 if match[1] == "-" else 1)


def _is_duckdb(value: ir.Value) -> bool:
    try:
        return bool(value.get_backend().name == "duckdb")
    except Exception:  # a literal belongs to no engine
        return True


@ibis.udf.scalar.builtin
def timezone(zone: str, moment: datetime) -> datetime:  # type: ignore[empty-body]
    """DuckDB's own: an instant as the clock of a zone, and a clock of a zone as an instant."""


@ibis.udf.scalar.builtin
def from_utc_timestamp(moment: datetime, zone: str) -> datetime:  # type: ignore[empty-body]
    """Spark's own: the clock of a zone, from that of UTC."""


@ibis.udf.scalar.builtin
def to_utc_timestamp(moment: datetime, zone: str) -> datetime:  # type: ignore[empty-body]
    """Spark's own: the clock of UTC, from that of a zone."""
