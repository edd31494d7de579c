"""Amounts that a comma has cut in two: ``12,50`` outside quotation marks between columns that commas part.

The cents lie in the next column. Where that holds something else, a line has a cell too many and is set
aside; where it is spare, 12 is read for 12.50. Cents show by their two digits, 00 and 05 among them.
"""

from __future__ import annotations

from collections.abc import Sequence

from crm_analytics.tables.findings import Finding, counted
from crm_analytics.tables.mapping import TableMapping
from crm_analytics.tables.rejects import Table

_AMOUNTS = ("unit_spend", "unit_price")
_USUAL = (
    "00", "50", "90", "95", "99", "98", "97", "49", "79", "89", "29", "19", "25", "75", "45", "20", "40",
    "60", "80", "30", "70",
)  # fmt: skip
_KINDS = 3  # of cents; of rates of tax there are fewer
_MOSTLY = 0.9  # of the cells beside whole amounts, that have two digits
_SHARE = 0.5  # of those, usual cents; of any two digits it would be a fifth
_FEWEST = 5  # lines, where all amounts are whole
_LATEST = 60  # two digits of an hour or a minute are less
_FIRST = 2_000  # lines looked at before all
_OTHERS = 10  # amounts with a point, to tell those without one apart


def beside(columns: Sequence[str], spec: TableMapping) -> dict[str, str]:
    """The column behind each amount in a file, by the amount's."""
    origins = (spec.fields.get(name, name) for name in _AMOUNTS)
    amounts = [one for one in origins if isinstance(one, str) and one in columns]
    places = [(one, list(columns).index(one) + 1) for one in amounts]
    return {one: columns[place] for one, place in places if place < len(columns)}


def split_amounts(table: Table) -> list[Finding]:
    """A finding for each column of amounts whose cents lie in the next one."""
    if table.name != "transactions" or not table.files or table.files[0].delimiter != ",":
        return []
    found = (_told(table, *pair) for pair in beside(table.files[0].rows.columns, table.spec).items())
    return [one for one in found if one is not None]


def _told(table: Table, amount: str, cents: str) -> Finding | None:
    rows = table.rows
    if not all(name in rows.columns and rows[name].type().is_string() for name in (amount, cents)):
        return None
    money, rest = rows[amount].strip(), rows[cents].strip()
    whole = money.re_search(r"^[^0-9,]{0,3}[0-9]+([.][0-9]{3})*$")
    lines = rows.select(whole=whole, rest=rest, two=(rest.length() == 2) & rest.re_search("^[0-9]{2}$"))
    lines = lines.filter(rest != "")
    few = lines.limit(_FIRST)
    if few.aggregate(n=(~few.whole & few.two).any()).to_pyarrow()["n"][0].as_py():
        return None  # two digits beside cents: what most files show in their first lines
    beside_whole = lines.whole & lines.two
    row = lines.aggregate(
        whole=lines.whole.sum(), both=beside_whole.sum(), other=(~lines.whole & lines.two).sum(),
        usual=(beside_whole & lines.rest.isin(_USUAL)).sum(), kinds=lines.rest.nunique(where=beside_whole),
        zero=(beside_whole & (lines.rest == "00")).any(),
        late=(beside_whole & (lines.rest >= str(_LATEST))).any(),
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    both = int(row["both"] or 0)
    if not both or row["other"] or both < _MOSTLY * row["whole"]:
        return None
    filled = money.notnull() & (money != "")
    pointed = int(rows.aggregate(n=(filled & ~whole).sum()).to_pyarrow()["n"][0].as_py() or 0)
    all_alike = row["usual"] >= _SHARE * both or (row["zero"] and row["late"])
    if pointed < _OTHERS and not (all_alike and both >= _FEWEST and row["kinds"] >= _KINDS):
        return None
    says = (
        f"In {counted(both, 'line')} a whole amount stands in '{amount}' and two digits in '{cents}': a "
        "decimal comma without quotation marks has probably cut the amount in two, and its cents are lost."
    )
    says += " Export it with quotation marks or with semicolons."
    settles = "" if pointed else f'[transactions]\nunit_spend = \'"{amount}" + "{cents}" / 100\''
    return Finding("split_amounts", "serious", "transactions", amount, says, both, settles=settles)
