"""Days of calendars that are not read, known by their years: of Taiwan, Japan, Iran, Islam, Israel."""

from __future__ import annotations

from datetime import date

import ibis.expr.types as ir

from crm_analytics.tables.number_columns import in_ascii

_ERAS = r"^(令和|平成|昭和|大正|㋿|[RHSrhs][0-9]{1,2}[./年-])"
_SEPARATED = r"(?:^|[^0-9])([0-9]{3,4})[./年-]"
_LAST = r"[./-]([0-9]{4})$"
_SEVEN = r"^(1[0-4][0-9]|0?9[0-9])(0[1-9]|1[0-2])([0-2][0-9]|3[01])$"
_EIGHT = r"^(1[34][0-9]{2})(0[1-9]|1[0-2])([0-2][0-9]|3[01])$"
_MOST = 0.5  # of the values
_SPAN = (40, 2)  # years before today and after it, in which sales lie
_AHEAD = {  # of calendars: the year of today, less that of the West
    "Minguo calendar of Taiwan": -1911,
    "Persian calendar (Solar Hijri)": -621,
    "Islamic calendar (Hijri)": -579,
    "Hebrew calendar": 3760,
}


def calendar_of(column: ir.Value, today: date) -> str:
    """The calendar that most days of a column seem to be of; empty where none is known.

    Parameters
    ----------
    column : of text or whole numbers that could not be read as days
    """
    text = in_ascii(column.cast("string").strip())
    table = column.as_table().select(text=text)
    table = table.filter(table.text != "")
    year = _year_of(table.text)
    asked = {"n": table.count(), "eras": table.text.re_search(_ERAS).sum()}
    for name, ahead in _AHEAD.items():
        first, last = today.year + ahead - _SPAN[0], today.year + ahead + _SPAN[1]
        asked[name] = year.between(first, last).sum()
        asked[f"{name} middle"] = year.quantile(0.5)
    row = table.aggregate(**asked).to_pyarrow().to_pylist()[0]
    if not row["n"]:
        return ""
    if row["eras"] > _MOST * row["n"]:
        return "Japanese calendar of eras"
    fits = [name for name in _AHEAD if (row[name] or 0) > _MOST * row["n"]]
    # of two that are possible (1404 and 1447 are not far apart), the one whose year is nearer to today's
    return min(fits, key=lambda name: abs(row[f"{name} middle"] - today.year - _AHEAD[name]), default="")


def _year_of(text: ir.StringValue) -> ir.IntegerValue:
    found = text.re_extract(_SEPARATED, 1)
    for pattern in (_LAST, _SEVEN, _EIGHT):
        found = (found == "").ifelse(text.re_extract(pattern, 1), found)
    return found.nullif("").try_cast("int64")


def hint(calendar: str) -> str:
    """What to do with days of a calendar."""
    return (
        f"days seem to be of the {calendar}, which is not read: export them in Western years, or convert the "
        "column before"
    )
