"""From staged rows to accepted ones: what is broken, merged, a sum of others or a stand-in is told apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import ibis.expr.types as ir
import pandas as pd

from crm_analytics.errors import DataError
from crm_analytics.tables import rejects
from crm_analytics.tables.account import Account
from crm_analytics.tables.checks import BROKEN, ROUNDED, TOO_LARGE, UNREAD
from crm_analytics.tables.contract import PART, ROW, TABLES
from crm_analytics.tables.duplicates import REPEATED, REPEATS, VARIANT, count_repeats, denied, merge
from crm_analytics.tables.findings import Finding, counted
from crm_analytics.tables.money import LIMIT
from crm_analytics.tables.placeholder_dates import empty_placeholders
from crm_analytics.tables.rounding import rounded
from crm_analytics.tables.shortened_amounts import shortened
from crm_analytics.tables.signs import RETURNED
from crm_analytics.tables.subtotals import subtotals
from crm_analytics.tables.total_rows import total_row

_AMOUNT = "unit_spend"
_FEW_UNREAD, _UNREAD = 3, 0.05  # values of a column; a share of its rows


@dataclass(frozen=True)
class Accepted:
    """One table as it is kept, with the account of what was not."""

    rows: ir.Table
    rejected: pd.DataFrame
    account: Account
    notes: list[Finding] = field(default_factory=list)
    placed: ir.Table | None = None  # the rows with ROW and PART, where they have them


def accept(
    staged: ir.Table, table: rejects.Table, max_rejected: float, left_out: int = 0, lines_lost: int = 0
) -> Accepted:
    """The good rows of a staged table, the rejected ones explained, and the account of both.

    Parameters
    ----------
    left_out : rows that the mapping leaves out
    lines_lost : physical lines that became no record

    Raises
    ------
    DataError : too much is broken, by rows or by money; money does not fit four decimals or 10^14.
    """
    contract = TABLES[table.name]
    sums = subtotals(staged, table.spec) if table.name == "transactions" else None
    if sums is not None:
        staged = sums.left_out_of(staged).cache()
        table = replace(table, rows=sums.left_out_of(table.rows))
    total = total_row(staged) if table.name == "transactions" else None
    if total is not None:
        staged = staged.filter(~total.which(staged))
    counts = checked(staged.aggregate(**tallies(staged)).to_pyarrow().to_pylist()[0])
    repeats = count_repeats(staged, contract)
    repeated = _scalar(repeats) if repeats is not None else 0
    found = rejects.explain(table, flagged=bool(counts["broken"] or counts["unread"]), repeated=repeated)
    if sums is not None:
        found = rejects.with_rows(found, table, sums.places, _AMOUNT, rejects.SUBTOTAL)
    if total is not None:
        place = () if total.row_number is None else (total.row_number,)
        found = rejects.with_rows(found, table, place, _AMOUNT, rejects.TOTAL_ROW)
    lost = found[rejects.weighs(found)]
    merged = int((found["rule"] == REPEATED).sum())
    account = account_of(table.name, counts, lost, repeated, merged)
    totals = int(total is not None) + (0 if sums is None else len(sums.places))
    account = replace(account, left_out=left_out, totals=totals).without(lines_lost)
    short = shortened(table.rows, table.readings) if table.name == "transactions" else None
    account = account if short is None else short.weighed(account)
    rejects.judge(account, found, max_rejected, table)
    notes = unread_values(table, found, counts["rows"])
    notes += [one.finding for one in (sums, total) if one is not None]
    notes += [] if short is None else [short.finding(account)]
    if lines_lost:
        notes.append(_lost(table.name, lines_lost))
    if repeated:
        notes.append(_merged(table.name, merged, repeated - merged, denied(staged, contract)))
        staged = merge(staged, contract)
        staged = staged.filter(~staged[REPEATS]).drop(REPEATS, VARIANT)
    if counts["broken"]:
        staged = staged.filter(~staged[BROKEN])
    if counts["returned"]:
        notes.append(turned(counts))
    notes += rounded(table, counts["rounded"])
    placed = staged.drop(*(c for c in (BROKEN, UNREAD, ROUNDED, RETURNED) if c in staged.columns))
    rows = placed.drop(*(c for c in (ROW, PART) if c in placed.columns))
    rows, emptied = empty_placeholders(rows, contract)
    return Accepted(rows, found, account, notes + emptied, placed)


def unread_values(table: rejects.Table, found: pd.DataFrame, rows: int) -> list[Finding]:
    """Columns of which many values could not be read and are left empty."""
    notes = []
    left = found[~rejects.drops_row(found)] if len(found) else found
    for column, n in left["column"].value_counts().sort_index().items():
        if n < max(_FEW_UNREAD, _UNREAD * rows) or column not in TABLES[table.name].names:
            continue
        flag = TABLES[table.name][column].type == "flag"
        says = (
            f"{counted(n, 'value')} of {column} could not be read and {'are' if n > 1 else 'is'} left empty."
        )
        settles = (
            f'[{table.name}]\n{column} = {{ column = "...", words = {{ "<word>" = true }} }}' if flag else ""
        )
        notes.append(Finding("unread_values", "warning", table.name, column, says, int(n), settles=settles))
    return notes


def tallies(staged: ir.Table) -> dict[str, ir.Value]:
    """What is counted of staged rows, for all of them or for each group; money is exact, so it adds up."""
    wanted = {
        "rows": staged.count(),
        "broken": staged[BROKEN].sum(),
        "unread": staged[UNREAD].sum(),
    }
    if RETURNED in staged.columns:
        wanted["returned"] = staged[RETURNED].sum()
    if ROUNDED in staged.columns:
        wanted["rounded"] = staged[ROUNDED].sum()
    if _AMOUNT in staged.columns:
        size = staged[_AMOUNT].abs()
        wanted["money"] = size.sum(where=~staged[BROKEN])
        wanted["lost"] = size.sum(where=staged[BROKEN])
        wanted["unpriced"] = (staged[BROKEN] & staged[_AMOUNT].isnull()).sum()
        if RETURNED in staged.columns:
            wanted["turned"] = size.sum(where=staged[RETURNED])
    return wanted


def checked(tally: Mapping[str, Any]) -> dict[str, Any]:
    """The tallies of all rows of a table as plain numbers.

    Raises
    ------
    DataError : the amounts add up to more than money can be.
    """
    row = {name: value or 0 for name, value in tally.items()}
    row |= {name: float(row[name]) for name in ("money", "lost", "turned") if name in row}
    if row.get("money", 0) >= LIMIT:
        raise DataError(
            f"transactions: the amounts add up to {row['money']:.3g}, beyond the 10^14 "
            f"that money can be. Count in "
            'thousands or millions: unit_spend = "amount / 1000" in mapping.toml, and say so in the label'
        )
    return {"returned": 0, "rounded": 0, "money": 0.0, "lost": 0.0, "unpriced": 0, "turned": 0.0} | row


def account_of(name: str, counts: dict[str, Any], lost: pd.DataFrame, repeated: int, merged: int) -> Account:
    """The account of a table.

    Parameters
    ----------
    counts : see `checked`
    lost : the rejected rows that weigh, see `rejects.weighs`
    repeated : rows that repeat a key; `merged` of them are copies of a row that stays
    """
    kept = counts["rows"] - counts["broken"] - repeated
    broken = len(lost)
    unpriced = broken - (counts["broken"] - counts["unpriced"])  # torn, unreadable, or of a repeated key
    mean = counts["money"] / max(1, kept + repeated)
    money = counts["money"]
    large = int((lost["rule"] == TOO_LARGE).sum())
    return Account(
        table=name,
        read=kept + broken + merged,
        kept=kept,
        broken=broken,
        merged=merged,
        money=money,
        lost_money=counts["lost"] + max(0, unpriced) * mean + large * LIMIT,
    )


def _merged(name: str, copies: int, variants: int, disagree: int) -> Finding:
    says = f"{copies + variants:,} rows of {name} repeat the key of another; the newest of each key is kept"
    if variants and not TABLES[name][TABLES[name].key[0]].required:
        says += f", and {variants:,} of them differ from it: is {TABLES[name].key[0]} really one per row?"
    if disagree:
        says += (
            f". {disagree:,} of the keys disagree on a consent or on do_not_contact: what any row forbids "
            "stays forbidden"
        )
    return Finding("merged_rows", "warning" if disagree else "note", name, TABLES[name].key[0], says + ".",
                   copies + variants)  # fmt: skip


def _lost(name: str, lines: int) -> Finding:
    says = (
        f"{counted(lines, 'line')} of the file became no record: a quotation mark has "
        f"probably swallowed them."
    )
    return Finding("lost_lines", "serious", name, "", says, lines)


def turned(counts: dict[str, Any]) -> Finding:
    """What is to be said of returns whose amount has no sign."""
    says = (
        f"{counted(counts['returned'], 'purchase line')} called a return by is_return or "
        f"by a negative quantity, but "
        "with an amount that has no sign: taken off revenue."
    )
    return Finding("unsigned_returns", "warning", "transactions", _AMOUNT, says, counts["returned"],
                   float(counts["turned"]))  # fmt: skip


def _scalar(expression: ir.Scalar) -> int:
    return int(expression.to_pyarrow().as_py() or 0)
