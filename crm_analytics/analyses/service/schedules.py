"""When a help desk is open: weekly hours on the clock of a zone, less holidays, written in one line.

The text of a schedule is what a person would say::

    Mon-Fri 09:00-17:00; Sat 10:00-14:00 zone Europe/Berlin holidays DE-BE closed 2026-12-24

Several schedules stand side by side with ``|`` and a name each; a ticket is on the schedule that is named
like its channel, and on the first one otherwise::

    desk: Mon-Fri 09:00-17:00 zone Europe/Berlin | phone: Mon-Sun 08:00-20:00 zone Europe/Berlin

``always`` is a desk that never closes: business minutes are then calendar minutes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from crm_analytics.errors import ParameterError, nearest
from crm_analytics.tables.zones import check_zone

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY, FULL_WEEK = 24 * 60, 7 * 24 * 60  # minutes
ALWAYS = "always"
_OPTIONS = re.compile(r"\b(zone|holidays|closed)\s+(\S+)", re.IGNORECASE)
_NAMED = re.compile(r"^\s*([^:;|]+?)\s*:\s+(.*)$", re.DOTALL)
_HOURS = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")
_FIXED = re.compile(r"UTC([+-])(\d{2}):(\d{2})")
_LIKE = "like 'Mon-Fri 09:00-17:00; Sat 10:00-14:00 zone Europe/Berlin holidays DE'"


@dataclass(frozen=True)
class Schedule:
    """Opening hours of a week, on the clock of a zone.

    Attributes
    ----------
    name : tickets of this channel are on it
    week : (open, close) in minutes from Monday 00:00, ascending, without overlap; a close beyond the week's
        end belongs to the next Monday
    zone : whose clock, "Europe/Berlin" or "UTC-08:00"
    holidays : a country, "DE", or country and part, "DE-BE": closed on its public holidays; empty for none
    closed : further days on which nobody is there

    Examples
    --------
    >>> Schedule.parse("Mon-Fri 09:00-17:00").hours_a_week
    40.0
    """

    name: str
    week: tuple[tuple[float, float], ...]
    zone: str = "UTC"
    holidays: str = ""
    closed: frozenset[date] = frozenset()

    @classmethod
    def parse(cls, text: str, name: str = "desk") -> Schedule:
        """The schedule that a text says; see the module for how it is written.

        Raises
        ------
        ParameterError : a day, an hour, a zone, a country or a date that cannot be read; says which.
        """
        options: dict[str, str] = {}
        for word, value in _OPTIONS.findall(text):
            options[word.lower()] = value.rstrip(",;")
        said = _OPTIONS.sub(" ", text).strip().strip(";").strip()
        week = [(0.0, float(FULL_WEEK))] if said.lower() == ALWAYS else list(_week(said))
        closed = frozenset(_day(one) for one in options.get("closed", "").split(",") if one)
        holidays = _checked_country(options.get("holidays", ""))
        return cls(name, _merged(week), check_zone(options.get("zone", "UTC"), "zone"), holidays, closed)

    @classmethod
    def from_sunday(
        cls, name: str, intervals: Iterable[tuple[float, float]], zone: str = "UTC", holidays: str = ""
    ) -> Schedule:
        """Zendesk's form of a schedule: minutes from Sunday 00:00.

        >>> Schedule.from_sunday("desk", [(1980, 2460)]) == Schedule.parse("Mon 09:00-17:00")
        True
        """
        moved = [((a - DAY) % FULL_WEEK, (a - DAY) % FULL_WEEK + (b - a)) for a, b in intervals]
        return cls(name, _merged(moved), zone, holidays)

    @property
    def hours_a_week(self) -> float:
        """Hours that the desk is open in a week without a holiday."""
        return sum(close - start for start, close in self.week) / 60

    def open_seconds(self, first: date, last: date) -> NDArray[np.int64]:
        """Opening and closing of every opening from `first` to `last`, as seconds of UTC since 1970.

        On the day that clocks go forward a desk that never closes is open for 23 hours, on the day they go
        back for 25. Openings that touch are one.

        Returns
        -------
        (n, 2), ascending
        """
        zone, off = zone_of(self.zone), self.days_off(first, last)
        spans: list[tuple[float, float]] = []
        for n in range((last - first).days + 1):
            day = first + timedelta(days=n)
            if day not in off:
                spans += [
                    (_instant(day, start, zone), _instant(day, close, zone))
                    for start, close in self._of_weekday[day.weekday()]
                ]
        return np.asarray(_merged(spans), np.int64).reshape(-1, 2)

    @cached_property
    def _of_weekday(self) -> tuple[tuple[tuple[float, float], ...], ...]:
        """Openings of each weekday in minutes of the day: those over midnight are cut there."""
        found: list[list[tuple[float, float]]] = [[] for _ in WEEK]
        for start, close in self.week:
            for day in range(int(start // DAY), math.ceil(close / DAY)):
                piece = max(start - day * DAY, 0.0), min(close - day * DAY, float(DAY))
                found[day % 7].append(piece)
        return tuple(tuple(sorted(spans)) for spans in found)

    def days_off(self, first: date, last: date) -> frozenset[date]:
        """Holidays and other closed days."""
        if not self.holidays:
            return self.closed
        import holidays  # the tables of a hundred countries: read only where a schedule names one

        country, _, part = self.holidays.partition("-")
        years = range(first.year, last.year + 1)
        return self.closed | frozenset(holidays.country_holidays(country, subdiv=part or None, years=years))


def parse_schedules(text: str) -> tuple[Schedule, ...]:
    """The schedules that a text says, the first for tickets whose channel has none of its own.

    >>> [s.name for s in parse_schedules("desk: Mon-Fri 09:00-17:00 | phone: Mon-Sun 08:00-20:00")]
    ['desk', 'phone']

    Raises
    ------
    ParameterError : see `Schedule.parse`; or two schedules of one name.
    """
    found = []
    for number, part in enumerate(text.split("|")):
        named = _NAMED.match(part)
        name, said = (named[1].strip().lower(), named[2]) if named else ("desk" if not number else "", part)
        if not name:
            raise ParameterError(f"schedule {number + 1} needs a name: 'phone: Mon-Fri 08:00-20:00'")
        found.append(Schedule.parse(said, name))
    if len({schedule.name for schedule in found}) < len(found):
        raise ParameterError("two schedules have the same name")
    return tuple(found)


def zone_of(name: str) -> tzinfo:
    """A zone by its IANA name, or a fixed offset such as "UTC-08:00"."""
    fixed = _FIXED.fullmatch(name)
    if fixed is None:
        return ZoneInfo(name or "UTC")
    sign = -1 if fixed[1] == "-" else 1
    return timezone(sign * timedelta(hours=int(fixed[2]), minutes=int(fixed[3])))


def _instant(day: date, minute: float, zone: tzinfo) -> int:
    """A minute of a day on the clock of a zone as seconds of UTC; minute 1,440 is the next midnight."""
    whole, rest = divmod(round(minute * 60), DAY * 60)
    moment = datetime.combine(day + timedelta(days=whole), time()) + timedelta(seconds=rest)
    return int(moment.replace(tzinfo=zone).astimezone(UTC).timestamp())


def _week(said: str) -> Iterator[tuple[float, float]]:
    if not said:
        raise ParameterError(f"a schedule has no hours; write one {_LIKE}")
    for group in said.split(";"):
        days, _, hours = group.strip().partition(" ")
        spans = [part for part in hours.split(",") if part.strip()]
        if not spans:
            raise ParameterError(f"'{group.strip()[:40]}' is no day with hours; write one {_LIKE}")
        for day in _days(days):
            for span in spans:
                start, close = _span(span)
                yield day * DAY + start, day * DAY + close


def _days(text: str) -> list[int]:
    found = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        start, end = _weekday(first), _weekday(last or first)
        found += [(start + n) % 7 for n in range((end - start) % 7 + 1)]
    return found


def _weekday(text: str) -> int:
    name = text.strip().lower()[:3]
    if name not in WEEK:
        raise ParameterError(f"'{text.strip()[:20]}' is no day of the week{nearest(name, WEEK)}")
    return WEEK.index(name)


def _span(text: str) -> tuple[float, float]:
    match = _HOURS.fullmatch(text.strip())
    hours = [int(n) for n in match.groups()] if match else []
    if not match or hours[1] > 59 or hours[3] > 59 or hours[0] > 23 or hours[2] * 60 + hours[3] > DAY:
        raise ParameterError(f"'{text.strip()[:20]}' are no hours; write them like 09:00-17:00")
    start, close = hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]
    return start, close if close > start else close + DAY  # 22:00-06:00 ends on the next morning


def _merged(spans: Iterable[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    found: list[list[float]] = []
    for start, close in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1][1] = max(found[-1][1], close)
        else:
            found.append([start, close])
    return tuple((a, b) for a, b in found)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ParameterError(f"closed '{text[:20]}' is no day like 2026-12-24") from None


def _checked_country(text: str) -> str:
    if not text:
        return ""
    import holidays

    country, _, part = text.upper().partition("-")
    known = holidays.list_supported_countries()
    if country not in known:
        raise ParameterError(f"holidays of '{text[:20]}' are not known{nearest(country, list(known))}")
    if part and part not in known[country]:
        raise ParameterError(
            f"holidays of {country} have no part '{part[:20]}'{nearest(part, known[country])}"
        )
    return f"{country}-{part}" if part else country
