"""Amounts in another unit than the money, by the name of their column: cents, thousands, a price of many."""

from __future__ import annotations

import re

from crm_analytics.tables.findings import Finding
from crm_analytics.tables.rejects import Table

_CENTS = re.compile(
    r"(^|[_ (])(cents?|centimes|centavos|pence|paise|minor([ _]units?)?)([)]|$)", re.IGNORECASE
)
_THOUSANDS = re.compile(
    r"(^|[_ (\[])(k|t)[_ ]?(eur|usd|gbp|chf|€|\$|£)([)\] _]|$)"
    r"|(^|[_ (])in[_ ](thousands?|tausend|k)([) _]|$)"
    r"|[(\[]?['’]?000s?[)\]]"
    r"|[(\[](thousands?|tausend|tsd[.]?|k€|k\$|€k|\$k)[)\]]"
    r"|(^|[_ ])(tsd|thousands)([_ .]|$)",
    re.IGNORECASE,
)
_PER_MANY = re.compile(
    r"(^|[_ (])(per|pro|je|par|por)[_ ]?(?P<many>10{1,4})(?=$|[^0-9a-z]|k?g|m?l|st)", re.IGNORECASE
)
_UNITS = (  # finding, names of columns, in words, what settles it
    ("cents", _CENTS, "in cents", "/ 100"),
    ("thousands", _THOUSANDS, "in thousands", "* 1000"),
    ("price_per_many", _PER_MANY, "as a price of many pieces", ""),
)


def named_units(table: Table) -> list[Finding]:
    """A finding for each column of amounts that is named after a part of the money, or after many of it."""
    notes = []
    for name in ("unit_spend", "unit_price"):
        origin = table.spec.fields.get(name, name)
        if not isinstance(origin, str) or origin not in table.rows.columns:
            continue
        for kind, pattern, what, factor in _UNITS:
            if found := pattern.search(origin):
                change = factor or f"/ {found['many']}"
                settles = f"[{table.name}]\n{name} = '\"{origin}\" {change}'"
                says = f"'{origin}' is named {what}, and its numbers count as they are."
                notes.append(Finding(kind, "serious", table.name, name, says, settles=settles))
                break
    return notes
