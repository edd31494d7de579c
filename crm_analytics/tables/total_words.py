"""Purchase lines that call themselves a sum in some text of theirs, and count as sales all the same.

Looked for in every text column of the source, also in those that no field is read from, in the first lines: a
report that has sums has them there, too.
"""

from __future__ import annotations

import ibis.expr.types as ir

from crm_analytics.tables.contract import TABLES
from crm_analytics.tables.fields import fields_of
from crm_analytics.tables.findings import Finding, counted
from crm_analytics.tables.rejects import Table
from crm_analytics.tables.sums import is_blank
from crm_analytics.tables.total_rows import is_total_word, shown_word

_HEAD = 20_000  # lines of which all texts are looked at
_MOST_WORDS = 6


def worded_totals(table: Table, every: ir.Table) -> list[Finding]:
    """A finding for each text column in which some lines say that they are sums.

    Parameters
    ----------
    every : the lines of the source with all of its columns
    """
    person = _column(table, "customer_id")
    if table.name != "transactions" or person not in every.columns:
        return []
    read = {*table.readings.numbers, *table.readings.dates, person}
    texts = [c for c in every.columns if every[c].type().is_string() and c not in read]
    nobody = is_blank(every[person])
    found = [_told(table, every, name, nobody) for name in _worded(every.limit(_HEAD), texts)]
    return [one for one in found if one is not None]


def _worded(some: ir.Table, texts: list[str]) -> list[str]:
    found = []
    for name in texts:
        values = some.select(value=some[name]).distinct()
        if values.aggregate(n=is_total_word(values.value).any()).to_pyarrow()["n"][0].as_py():
            found.append(name)
    return found


def _told(table: Table, every: ir.Table, name: str, nobody: ir.BooleanValue) -> Finding | None:
    """What to say of a column; nothing where most lines bear the word, or both nobody's and customers' do."""
    worded = is_total_word(every[name]).fill_null(False)
    amount = fields_of(TABLES[table.name], every, table.spec, table.readings)["unit_spend"].value
    rows = every.select(word=every[name].strip(), worded=worded, nobody=nobody, amount=amount)
    hit = rows.filter(rows.worded)
    row = rows.aggregate(
        n=rows.worded.sum(), lines=rows.count(), nobody=(rows.worded & rows.nobody).sum(),
        mine=rows.amount.sum(where=rows.worded), money=rows.amount.sum(),
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    n = int(row["n"] or 0)
    if not n or 2 * n > row["lines"] or 0 < row["nobody"] < n:
        return None
    half = bool(row["mine"]) and 2 * row["mine"] == row["money"]
    words = hit.select("word").distinct().order_by("word").limit(_MOST_WORDS + 1)
    shown = words.to_pyarrow()["word"].to_pylist()
    listed = ", ".join(f'"{word}"' for word in dict.fromkeys(map(shown_word, shown[:_MOST_WORDS])))
    says = f"{counted(n, 'purchase line')} with {listed.replace(chr(34), chr(39))} in '{name}': "
    says += "a sum of others? It counts beside them."
    weight = "serious" if row["nobody"] or half else "warning"
    settles = f'[transactions]\nexcept = {{ "{name}" = [{listed}] }}'
    return Finding("total_word", weight, "transactions", name, says, n, float(row["mine"] or 0), settles)


def _column(table: Table, name: str) -> str:
    origin = table.spec.fields.get(name, name)
    return str(origin.get("column", name) if isinstance(origin, dict) else origin)
