"""The one currency of a base: from the mapping, the rows, or the marks beside the amounts."""

from __future__ import annotations

import re

import ibis.expr.types as ir

from crm_analytics.errors import DataError
from crm_analytics.tables.export_kinds import plain
from crm_analytics.tables.findings import Finding, counted
from crm_analytics.tables.mapping import Mapping
from crm_analytics.tables.number_grammar import same_currency
from crm_analytics.tables.rejects import Table
from crm_analytics.tables.sums import parse_sum

_NAMES = {
    "ccy", "curr", "currency", "currencycode", "currencyiso", "isocurrency", "currencyisocode",
    "ordercurrency", "transactioncurrency", "paymentcurrency", "salescurrency", "invoicecurrency",
    "waehrung", "währung", "waehrungscode", "währungscode", "devise", "moneda", "valuta", "moeda", "waluta",
    "валюта", "通貨", "币种", "통화",
}  # fmt: skip
_RATE = re.compile(r"(?:^|[^a-z])(fx|rate|exchange|kurs|taux|tasa|conversion)", re.IGNORECASE)


def currency_of(transactions: ir.Table, mapping: Mapping, table: Table) -> tuple[str, list[Finding]]:
    """The currency of the amounts, empty when unknown, and what is to be said of it.

    With an exchange rate (`rate`, or a rate's column in the sum) the mapping's currency is the target, and
    the rows may name several.

    Raises
    ------
    DataError : amounts in several currencies, or in another than the mapping says.
    """
    target = mapping.currency.upper() if re.fullmatch(r"[A-Za-z]{3}", mapping.currency) else mapping.currency
    found = _in_rows(transactions)
    if converted(table):
        if not target:
            raise DataError(
                "transactions: amounts are converted by a rate, but to what? Say the target in mapping.toml: "
                'currency = "EUR"'
            )
        if len(found) > 1:
            listed = ", ".join(map(shown, found))
            rate = "by the rate of each row"
            if not isinstance(table.spec.rate, (str, type(None))):
                of = (
                    f"1 {code} is {worth:g} {target}" for code, worth in table.spec.rate.items() if worth != 1
                )
                rate = f"at the fixed rates of the mapping ({', '.join(of)})"
            says = f"Amounts in {listed} are converted to {target} {rate}."
            return target, [Finding("converted", "note", "transactions", "unit_spend", says)]
        return target, []
    if not found and not target:
        _refuse_unread(table)
    if len(found) > 1:
        listed = ", ".join(map(shown, found))
        raise DataError(
            f"transactions: amounts in several currencies ({listed}). Convert them to one by a rate "
            '([transactions] rate = "<your column>", and currency = "EUR" above), or open '
            "one currency at a time "
            f'(where = {{ currency = "{shown(found[0])}" }})'
        )
    if target and found and target != found[0]:
        raise DataError(
            f'transactions: mapping.toml says currency = "{target}", the rows say {shown(found[0])}'
        )
    marks = _marks(table)
    if not found and target and marks and not same_currency({*marks, target}):
        raise DataError(
            f'transactions: mapping.toml says currency = "{target}", '
            f"the amounts say {', '.join(sorted(marks))}"
        )
    if found:
        return (found[0] if shown(found[0]) == found[0] else target), _unnamed(transactions, found[0])
    return target or next((m for m in sorted(marks) if len(m) == 3), ""), []


def may_name_currency(column: str) -> bool:
    """Whether a column of the source is called like one of currencies.

    >>> [may_name_currency(name) for name in ("Ccy", "Order currency", "Amount EUR")]
    [True, True, False]
    """
    return plain(column) in _NAMES


def _refuse_unread(table: Table) -> None:
    """Refuse lines beside which a column that nobody reads names several currencies.

    Raises
    ------
    DataError : names the column, and how to say what it is.
    """
    # Where the mapping names the currency of the base, the amounts are taken to be in it.
    for column in filter(may_name_currency, table.rows.columns):
        values = table.rows.select(code=table.rows[column].cast("string").strip()).distinct().limit(12)
        codes = sorted({str(code) for code in values.to_pyarrow()["code"].drop_null().to_pylist()} - {""})
        if len(codes) > 1 and all(re.fullmatch(r"[A-Za-z]{3}", code) for code in codes):
            raise DataError(
                f"transactions: the column '{column}' names several currencies ({', '.join(codes[:5])}), and "
                f"it is not read. Say what it is ([transactions] currency = '{column}') and convert by a "
                f'rate (rate = "<your column>", and currency = "EUR" above), or open one currency at a time '
                f'(where = {{ {column} = "{codes[0]}" }}). If all amounts are in one already, say '
                f'currency = "{codes[0]}" above'
            )


def _unnamed(transactions: ir.Table, currency: str) -> list[Finding]:
    """Lines whose currency is blank beside lines that name one."""
    blank = transactions.filter(transactions.currency.isnull())
    row = blank.aggregate(n=blank.count(), money=blank.unit_spend.sum()).to_pyarrow().to_pylist()[0]
    if not row["n"]:
        return []
    says = f"{counted(row['n'], 'line')} without a currency: read as {shown(currency)}, like all others."
    money, settles = (
        float(row["money"] or 0),
        f'[transactions]\ndefault = {{ currency = "{shown(currency)}" }}',
    )
    return [
        Finding("no_currency", "warning", "transactions", "currency", says, int(row["n"]), money, settles)
    ]


def converted(table: Table) -> bool:
    """Whether amounts are multiplied by a rate."""
    if table.spec.rate is not None:
        return True
    spend = table.spec.fields.get("unit_spend")
    if not isinstance(spend, str) or spend in table.rows.columns:
        return False
    return any(_RATE.search(name) for name in parse_sum(spend, table.rows.columns, table.name).columns)


def shown(currency: str) -> str:
    """A currency as it may be shown: a code or a sign; anything longer is no currency but somebody's text."""
    return currency if re.fullmatch(r"[^\W\d]{3}|[^\s\d@]{1,4}", currency) else "…"


def _in_rows(transactions: ir.Table) -> list[str]:
    if "currency" not in transactions.columns:
        return []
    distinct = transactions.select(currency=transactions.currency.upper()).distinct().limit(5).to_pyarrow()
    return sorted(distinct["currency"].drop_null().to_pylist())


def _marks(table: Table) -> set[str]:
    """Currency marks of the columns that the amounts are made of."""
    return {mark for reading in table.readings.numbers.values() for mark in reading.marks}
