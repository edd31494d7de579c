"""The zone whose clock a column's offsets follow, summer time included: proven by every one of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC as UTC_ZONE
from datetime import datetime
from zoneinfo import ZoneInfo

from crm_analytics.tables.zones import UTC, fixed_zone

# One zone for each rule of summer time that much trade follows; others must be named by the mapping.
_KNOWN = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Anchorage",
    "America/Halifax", "America/St_Johns", "America/Santiago", "Europe/London", "Europe/Berlin",
    "Europe/Helsinki", "Europe/Lisbon", "Africa/Cairo", "Asia/Jerusalem", "Asia/Beirut", "Australia/Sydney",
    "Australia/Adelaide", "Australia/Lord_Howe", "Pacific/Auckland", "Atlantic/Azores", "America/Sao_Paulo",
)  # fmt: skip


def written_zone(offsets: Iterable[tuple[datetime, str]]) -> str | None:
    """The zone that explains all offsets of a column; None where several clocks are mixed.

    Parameters
    ----------
    offsets : moments in UTC and the offset written beside each

    >>> pairs = [(datetime(2026, 1, 5), "-08:00"), (datetime(2026, 7, 5), "-0700")]
    >>> written_zone(pairs), written_zone(pairs[:1]), written_zone([*pairs, (datetime(2026, 1, 6), "+01:00")])
    ('America/Los_Angeles', 'UTC-08:00', None)
    """
    pairs = [(moment, fixed_zone(offset)) for moment, offset in offsets]
    zones = {zone for _, zone in pairs}
    if len(zones) == 1:
        return zones.pop()
    if len(zones) != 2:
        return None
    for name in _KNOWN:
        zone = ZoneInfo(name)
        if all(_offset(moment, zone) == written for moment, written in pairs):
            return name
    return None


def _offset(moment: datetime, zone: ZoneInfo) -> str:
    local = moment.replace(tzinfo=UTC_ZONE).astimezone(zone)
    text = local.strftime("%z")
    return UTC if text == "+0000" else fixed_zone(text)
