"""A column of text or whole numbers as moments: one reading for all of it, decided from its values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir

from crm_analytics.tables.date_grammar import (
    BASIC,
    EPOCH,
    NAMED_ZONE,
    OFFSET,
    PLAIN,
    Family,
    family_of,
    full_pattern,
    month_names,
    zoned,
)
from crm_analytics.tables.number_columns import has_foreign, in_ascii, shape_counts
from crm_analytics.tables.zones import wall_clock

# Korean, Chinese and Japanese write the half of the day before the clock
_EASTERN_CLOCK = "^(.*)(오전|오후|上午|下午|午前|午後) ?([0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?)(.*)$"
_MORNING = ("오전", "上午", "午前")
_BUDDHIST = (2400, 543)  # years from here on are of that calendar, so many ahead of the West
_MOST_DAYS = 5_000  # on which offsets are compared
_UNITS = {  # epochs: the unit, microseconds of one, and the smallest number that can be a moment of trade
    "s": (1_000_000, 10**8),
    "ms": (1_000, 10**11),
    "us": (1, 10**14),
    "ns": (0, 10**17),
}


@dataclass(frozen=True)
class DateReading:
    """How a whole column is read as moments.

    Attributes
    ----------
    plain : every value is an ISO day or moment: the engine's own cast reads it
    families : how the dates are written, with the order of day and month where it had to be settled
    unit : of numbers since 1970: s, ms, us, ns
    zoned : some values bear an offset
    half_zoned : and others with a clock bear none
    pivot : two-digit years up to this one are of this century
    buddhist : years from 2400 on are of the Buddhist calendar
    """

    plain: bool = False
    families: tuple[tuple[Family, str | None], ...] = ()
    unit: str | None = None
    language: str = "en"
    zoned: bool = False
    half_zoned: bool = False
    pivot: int = 36
    buddhist: bool = False
    serial: bool = (
        False  # numbers like 45700: days as a spreadsheet counts them, read only where the mapping says
    )
    words: tuple[str, ...] = ()  # month names of no known language
    foreign: bool = False  # some digits are those of another script, or the half of the day stands in front
    unknown: str = ""  # the commonest shape that is no date, digits as 9 and letters as a


@dataclass(frozen=True)
class DateDoubt:
    """Dates that can be read in two orders; `rows` of each prove it."""

    family: Family
    orders: tuple[str, ...]
    rows: tuple[int, ...]

    @property
    def mixed(self) -> bool:
        """Whether both orders are proven by some rows."""
        return all(self.rows)


def decide_dates(
    raw: ir.Table, name: str, language: str, today: date, *, past: bool, buddhist: bool = False
) -> DateReading | DateDoubt:
    """How the column `name` is read, from all of its values.

    Parameters
    ----------
    language : of month names
    buddhist : years may be of the Buddhist calendar
    past : nothing in the column can lie after `today`
    """
    column = raw[name]
    if column.type().is_numeric():
        return replace(_decide_numbers(raw, column, today), buddhist=buddhist)
    if not buddhist and _all_plain(raw, name):
        return DateReading(plain=True)
    if has_foreign(raw, name) or _has_eastern_clock(raw, name):
        western = raw.select(**{name: _western(raw[name])})
        found = decide_dates(western, name, language, today, past=past, buddhist=buddhist)
        return found if isinstance(found, DateDoubt) else replace(found, foreign=True)
    counts = shape_counts(raw, name)
    if not buddhist and all(PLAIN.fullmatch(shape) for shape, _ in counts):
        return DateReading(plain=True)
    families: dict[Family, int] = {}
    for shape, n in counts:
        if family := family_of(shape):
            families[family] = families.get(family, 0) + n
    if BASIC in families and not _fitting(raw, name, BASIC):  # 978307200000 begins with no year: it counts
        families[EPOCH] = families.get(EPOCH, 0) + families.pop(BASIC)
    pivot = _pivot(today)
    settled: list[tuple[Family, str | None]] = []
    for family in families:
        if not family.orders:
            settled.append((family, None))
            continue
        order = _order(raw, name, family, today, pivot, past=past)
        if isinstance(order, DateDoubt):
            return order
        settled.append((family, order))
    unit = None
    if any(f.parts == "E" for f in families):
        unit = epoch_unit(raw, name, today)
        settled = [(f, o) for f, o in settled if f.parts != "E" or unit]
    return DateReading(
        families=tuple(settled),
        unit=unit,
        language=language,
        zoned=any(zoned(shape) for shape, _ in counts),
        half_zoned=len({zoned(shape) for shape, _ in counts if ":" in shape}) > 1,
        pivot=pivot,
        buddhist=buddhist,
        serial=bool(counts) and re.fullmatch(r"99999([.]9+)?", counts[0][0]) is not None,
        words=_unknown_words(raw, name, families, language),
        unknown=_masked(next((s for s, _ in counts if family_of(s) is None), counts[0][0] if counts else "")),
    )


def _has_eastern_clock(raw: ir.Table, name: str) -> bool:
    return bool(raw.aggregate(n=raw[name].re_search(_EASTERN_CLOCK).any()).to_pyarrow()["n"][0].as_py())


def _western(text: ir.StringValue) -> ir.StringValue:
    """Text with digits in ASCII, and the half of the day behind the clock, as in the West."""
    text = in_ascii(text)
    before, half, clock, after = (text.re_extract(_EASTERN_CLOCK, n) for n in (1, 2, 3, 4))
    moved = before + clock + half.isin(_MORNING).ifelse(" AM", " PM") + after
    return text.re_search(_EASTERN_CLOCK).ifelse(moved, text)


def _masked(shape: str) -> str:
    """A shape that shows no word: letters as a, at most the length of a long date."""
    return re.sub(r"[^\W\d_]", "a", shape)[:40]


def _all_plain(raw: ir.Table, name: str) -> bool:
    """Whether every text is an ISO day or moment; asked first, as counting shapes costs many times more."""
    text = raw[name].strip()
    plain = text.re_search(f"^(?:{PLAIN.pattern.replace('9', '[0-9]')})$")
    row = raw.aggregate(filled=(text != "").sum(), plain=plain.sum()).to_pyarrow().to_pylist()[0]
    return bool(row["filled"]) and row["filled"] == row["plain"]


def order_of_days(raw: ir.Table, name: str, family: Family, today: date, *, past: bool) -> str | DateDoubt:
    """The order of day and month that the values of a family leave, or the doubt.

    Parameters
    ----------
    past : nothing in the column can lie after `today`
    """
    return _order(raw, name, family, today, _pivot(today), past=past)


def year_first(value: ir.StringValue, family: Family, order: str, today: date) -> ir.StringValue:
    """Days of a family as ``2026-1-31``, their clock as it stands; NULL where the text is no such day."""
    text = value.strip()
    day = _day_text(_parts(text, family, order), DateReading(pivot=_pivot(today)))
    fits = text.re_search(full_pattern(family)) & day.try_cast("date").notnull()
    return fits.ifelse(day + text.re_replace(f"^{family.pattern}", ""), ibis.null("string"))


def epoch_unit(raw: ir.Table, name: str, today: date) -> str | None:
    """The unit in which the texts that count from 1970 are moments; None where they are none."""
    text = raw[name].strip()
    digits = text.re_search(full_pattern(EPOCH)).ifelse(_epoch_digits(text), ibis.null("int64"))
    return _unit(raw.aggregate(low=digits.quantile(0.02), high=digits.quantile(0.98)), today)


def epoch_text(value: ir.StringValue, unit: str) -> ir.StringValue:
    """Texts that count from 1970 as moments of UTC; NULL where they are none."""
    text = value.strip()
    moment = _since_epoch(_epoch_digits(text), unit).strftime("%Y-%m-%dT%H:%M:%SZ")
    return text.re_search(full_pattern(EPOCH)).ifelse(moment, ibis.null("string"))


def _epoch_digits(text: ir.StringValue) -> ir.IntegerValue:
    return text.re_extract(r"^([0-9]+)", 1).try_cast("int64")


def _pivot(today: date) -> int:
    """Two-digit years up to this one are of this century."""
    return today.year % 100 + 10


def _fitting(raw: ir.Table, name: str, family: Family) -> int:
    fits = raw[name].strip().re_search(full_pattern(family))
    return int(raw.aggregate(n=fits.sum()).to_pyarrow()["n"][0].as_py() or 0)


def date_value(value: ir.Value, reading: DateReading, zone: str, written_in: str | None = None) -> ir.Value:
    """The moment on the shop's wall clock; NULL where the reading does not reach.

    Parameters
    ----------
    zone : the shop's
    written_in : zone of values without an offset, where it is another one
    """
    if value.type().is_numeric():
        return _of_number(value, reading, zone)
    text = _western(value.strip()) if reading.foreign else value.strip()
    if reading.plain:
        return _placed(text.try_cast("timestamp"), zone, written_in)
    cases = []
    for family, order in reading.families:
        pattern = full_pattern(family)
        if family.parts == "E":
            moment = wall_clock(_since_epoch(_epoch_digits(text), str(reading.unit)), zone)
        else:
            moment = _moment(text, family, order, reading, (zone, written_in))
        cases.append((text.re_search(pattern), moment))
    return ibis.cases(*cases, else_=ibis.null("timestamp")) if cases else ibis.null("timestamp")


def _decide_numbers(raw: ir.Table, column: ir.NumericValue, today: date) -> DateReading:
    number = column.cast("float64")
    ends = raw.aggregate(low=number.quantile(0.02), high=number.quantile(0.98))
    row = ends.to_pyarrow().to_pylist()[0]
    serial = row["low"] is not None and row["low"] > 10_000 and row["high"] < 100_000
    return DateReading(unit=_unit(ends, today) or "day", serial=serial)


def _unit(ends: ir.Table, today: date) -> str | None:
    """The unit in which nearly all of the numbers are moments up to some years ahead."""
    row = ends.to_pyarrow().to_pylist()[0]
    if row["low"] is None:
        return None
    latest = (date(today.year + 20, 1, 1) - date(1970, 1, 1)).days * 86_400
    for unit, (_, smallest) in _UNITS.items():
        most = latest * {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
        if smallest <= row["low"] and row["high"] <= most:
            return unit
    return None


def _of_number(value: ir.Value, reading: DateReading, zone: str) -> ir.Value:
    whole = value.try_cast("int64")
    if reading.unit != "day":
        return wall_clock(_since_epoch(whole, str(reading.unit)), zone)
    text = whole.cast("string")  # 20260131
    day = _western_year(text.substr(0, 4), reading) + "-" + text.substr(4, 2) + "-" + text.substr(6, 2)
    return (
        ((whole >= 10_000_000) & (whole < 100_000_000)).ifelse(day, ibis.null("string")).try_cast("timestamp")
    )


def _since_epoch(number: ir.IntegerValue, unit: str) -> ir.Value:
    # beyond the calendar an engine raises instead of answering NULL
    most = {"s": 10**11, "ms": 10**14, "us": 10**17, "ns": 10**19 - 1}[unit]
    number = (number.abs() < min(most, 9 * 10**18)).ifelse(number, ibis.null("int64"))
    if unit == "s":
        return number.as_timestamp("s")
    scale = {"ms": 1, "us": 1_000, "ns": 1_000_000}[unit]
    return (number // scale).cast("int64").as_timestamp("ms")


def _parts(text: ir.StringValue, family: Family, order: str | None) -> dict[str, ir.StringValue]:
    pattern = full_pattern(family)
    letters = family.parts
    if order:  # fields 1, 2, 3 in the order that was settled; a short year is y
        short = family.name.startswith("short")
        letters = order.replace("Y", "y") if short else order
    return {letter: text.re_extract(pattern, i + 1) for i, letter in enumerate(letters)}


def _western_year(year: ir.StringValue, reading: DateReading) -> ir.StringValue:
    """A year of the Buddhist calendar as that of the West, where the mapping says that there are such."""
    if not reading.buddhist:
        return year
    first, ahead = _BUDDHIST
    number = year.try_cast("int64")
    return (number >= first).ifelse((number - ahead).cast("string"), year)


def _day_text(parts: dict[str, ir.StringValue], reading: DateReading) -> ir.StringValue:
    year = parts.get("Y")
    if year is None:
        two = parts["y"].length() == 2  # 6.9.25 does not begin with a year
        short = two.ifelse(parts["y"].try_cast("int64"), ibis.null("int64"))
        year = (short <= reading.pivot).ifelse(short + 2000, short + 1900).cast("string")
    else:
        year = _western_year(year, reading)
    month = parts.get("M")
    if month is None and "B" in parts:
        names = month_names(reading.language)
        word = parts["B"].lower()
        month = ibis.cases(*((word == name, str(n)) for name, n in names.items()), else_=ibis.null("string"))
    return year + "-" + month + "-" + parts["D"]


def _moment(
    text: ir.StringValue,
    family: Family,
    order: str | None,
    reading: DateReading,
    clock_of: tuple[str, str | None],
) -> ir.Value:
    zone, written_in = clock_of
    parts = _parts(text, family, order)
    if "J" in parts or "W" in parts:
        return _placed(_counted_day(parts), zone, written_in)
    day = _day_text(parts, reading)
    if "h" in parts:
        seconds = (parts["s"] == "").ifelse("00", parts["s"])
        clock = " " + parts["h"] + ":" + parts["m"] + ":" + seconds
        return _zoned(
            day + clock, text.re_extract(full_pattern(family), len(family.parts) + 1), reading, clock_of
        )
    if not family.clock:
        return day.try_cast("timestamp")
    first = len(family.parts) + 1
    pattern = full_pattern(family)
    hour, minute, second, fraction, half = (text.re_extract(pattern, first + i) for i in range(5))
    whole = hour.try_cast("int64")
    late = half.lower().startswith("p")
    hour = (half == "").ifelse(hour, (whole % 12 + late.ifelse(12, 0)).cast("string"))
    hour = ((half != "") & ((whole > 12) | (whole < 1))).ifelse("x", hour)  # 13 pm is no time
    clock = ibis.literal(" ") + hour + ":" + minute + ":" + (second == "").ifelse("00", second)
    clock = clock + (fraction == "").ifelse("", ibis.literal(".") + fraction.substr(0, 6))
    moment = day + (minute == "").ifelse("", clock)
    return _zoned(moment, text.re_extract(pattern, first + 5), reading, clock_of)


def _zoned(
    moment: ir.StringValue, offset: ir.StringValue, reading: DateReading, clock_of: tuple[str, str | None]
) -> ir.Value:
    """A moment as text, with the offset written behind it or none, on the shop's clock."""
    zone, written_in = clock_of
    plain = _placed(moment.try_cast("timestamp"), zone, written_in)
    if not reading.zoned:
        return plain
    worded = offset.upper().isin(["Z", "UTC", "GMT"])
    signed = offset.replace(":", "")
    minutes = signed.substr(1, 2) + ":" + (signed.length() > 3).ifelse(signed.substr(3, 2), "00")
    full = worded.ifelse("+00:00", signed.substr(0, 1) + minutes)
    instant = wall_clock((moment + full).try_cast("timestamp('UTC')"), zone)
    return (offset == "").ifelse(plain, instant)


def _counted_day(parts: dict[str, ir.StringValue]) -> ir.Value:
    first = (parts["Y"] + "-01-01").try_cast("date")
    if "J" in parts:
        number = parts["J"].try_cast("int64")
        day = first + (number - 1).as_interval("D")
        return ((number >= 1) & (day.year() == first.year())).ifelse(day, ibis.null("date")).cast("timestamp")
    fourth = (parts["Y"] + "-01-04").try_cast("date")  # always in the first ISO week
    days = (parts["W"].try_cast("int64") - 1) * 7 + parts["U"].try_cast("int64") - 1
    day = fourth + (days - fourth.day_of_week.index()).as_interval("D")
    week = parts["W"].try_cast("int64")
    return ((week >= 1) & (week <= 53)).ifelse(day, ibis.null("date")).cast("timestamp")


def _placed(moment: ir.Value, zone: str, written_in: str | None) -> ir.Value:
    """A wall clock written in another zone, on the shop's."""
    if written_in is None or written_in == zone:
        return moment
    return wall_clock(moment, zone, written_in)


def _order(
    raw: ir.Table, name: str, family: Family, today: date, pivot: int, *, past: bool
) -> str | DateDoubt:
    """The order of day and month that the values leave, or the doubt."""
    text = raw[name].strip()
    reading = DateReading(pivot=pivot)
    rows = raw.select(text=text).filter(text.re_search(full_pattern(family)))
    days = {o: _day_text(_parts(rows.text, family, o), reading).try_cast("date") for o in family.orders}
    rows = rows.select(**days)
    wanted: dict[str, Any] = {}
    for o in family.orders:
        wanted[f"late_{o}"] = (rows[o] > ibis.literal(today + timedelta(days=1))).sum()
        for other in family.orders:
            if other != o:
                wanted[f"{o}_{other}"] = (rows[o].notnull() & rows[other].isnull()).sum()
                wanted[f"{o}_not_{other}"] = (rows[o] != rows[other]).sum()
    row = {k: int(v or 0) for k, v in rows.aggregate(**wanted).to_pyarrow().to_pylist()[0].items()}
    orders = family.orders
    left = [o for o in orders if not any(row[f"{other}_{o}"] for other in orders if other != o)]
    if not left:
        first, second = sorted(orders, key=lambda o: -max(row[f"{o}_{p}"] for p in orders if p != o))[:2]
        return DateDoubt(family, (first, second), (row[f"{first}_{second}"], row[f"{second}_{first}"]))
    if past and "YMD" in left and len(left) > 1 and row["late_YMD"]:
        left.remove("YMD")  # a year first that leads beyond today is none
    if past and len(left) > 1 and "YMD" in left and all(row[f"late_{o}"] for o in left if o != "YMD"):
        left = ["YMD"]
    if len(left) == 1 or not any(row[f"{left[0]}_not_{o}"] for o in left[1:]):
        return left[0]
    return DateDoubt(family, (left[0], left[1]), (0, 0))


def _unknown_words(raw: ir.Table, name: str, families: Iterable[Family], language: str) -> tuple[str, ...]:
    """Words in the place of a month that are none in the language."""
    found: set[str] = set()
    for family in families:
        if "B" in family.parts:
            place = family.parts.index("B") + 1
            word = raw[name].strip().re_extract(full_pattern(family), place).lower()
            words = raw.select(word=word).distinct().limit(200).to_pyarrow()["word"].to_pylist()
            found |= {w for w in words if w}
    return tuple(sorted(w for w in found - month_names(language).keys() if re.fullmatch(r"[^\W\d]{3,12}", w)))


def example(raw: ir.Table, name: str, doubt: DateDoubt) -> str:
    """One of the dates that leave a choice; it is digits and marks alone."""
    text = raw[name].strip()
    rows = raw.filter(text.re_search(full_pattern(doubt.family)))
    found = rows.aggregate(e=rows[name].strip().min())
    return str(found.to_pyarrow()["e"][0].as_py() or "")[:10]


def offsets(raw: ir.Table, name: str, moment: ir.Value) -> list[tuple[datetime, str]]:
    """The offsets that end the moments of a text column, with the days on which each is written.

    Parameters
    ----------
    moment : the column in UTC
    """
    pattern = rf"(?::[0-9]{{2}}|T?[0-9]{{6}})(?:[.,][0-9]+)? ?{OFFSET}{NAMED_ZONE}(?: [(][^()]*[)])?$"
    text = raw[name].strip().re_extract(pattern, 1)
    rows = raw.select(offset=text, moment=moment).filter(lambda t: (t.offset != "") & t.moment.notnull())
    days = rows.group_by("offset", day=rows.moment.date()).aggregate(first=rows.moment.min())
    found = days.order_by("day").limit(_MOST_DAYS).to_pyarrow().to_pylist()
    return [(row["first"].replace(tzinfo=None), str(row["offset"])) for row in found]
