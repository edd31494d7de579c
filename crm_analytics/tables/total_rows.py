"""The last line of an export that is the sum of all others: no sale, and nobody's."""

from __future__ import annotations

from dataclasses import dataclass

import ibis.expr.types as ir

from crm_analytics.tables.contract import ROW
from crm_analytics.tables.findings import Finding

TOTAL_WORDS = (
    "total", "totals", "grand total", "subtotal", "sub-total", "sum", "sum total", "overall", "all",
    "gesamt", "summe", "gesamtsumme", "insgesamt", "total général", "somme", "totale", "suma", "totaal",
    "razem", "zwischensumme", "sous-total", "subtotale", "subtotaal", "total general", "total geral",
    "suma total", "totaal generaal", "summa", "delsumma", "delsum", "yhteensä", "celkem", "mezisoučet",
    "összesen", "részösszeg", "toplam", "ara toplam", "genel toplam", "σύνολο", "المجموع", "סה\"כ", "รวม",
    "промежуточный итог", "小计", "小計", "소계",
    "carried forward", "brought forward", "balance forward", "balance carried forward",
    "balance brought forward", "opening balance", "closing balance", "starting balance", "übertrag",
    "vortrag", "saldovortrag", "anfangsbestand", "endbestand", "anfangssaldo", "endsaldo", "à reporter",
    "solde initial", "solde final", "saldo inicial", "saldo final", "saldo iniziale", "saldo finale",
    "average", "durchschnitt", "mittelwert", "moyenne", "promedio", "gemiddelde",
    "итого", "всего", "合計", "总计", "合计", "총계",
)  # fmt: skip
_TEXTS = ("customer_id", "transaction_id", "transaction_line_id", "product_id", "store_id", "channel")
_SUBTOTAL = (  # "Subtotal March", "Total for 2026", "Summe: Q1"; but not a shop called Total Wine
    r"^(sub[- ]?totals?|zwischensumme|sous[- ]total|subtotale|subtotaal)([^a-z]|$)"
    r"|^(grand )?(totals?|sum|gesamt|summe|totale|somme|totaal)[:= ]+"
    r"((for|of|per|für|de|del|month|week|quarter|year|monat|woche|quartal|jahr|mois|q?[0-9])"
    r"|(jan(uary|uar|vier)?|feb(ruary|ruar)?|m[aä]r(ch|z|s)?|apr(il)?|ma[iy]|jun[ei]?|jul[iy]?|aug(ust)?"
    r"|sept?(ember)?|o[ck]t(ober)?|nov(ember)?|de[cz](ember)?)([^a-z]|$))"
)
_FEWEST = 3


@dataclass(frozen=True)
class TotalRow:
    """The one row whose amount is the sum of all others."""

    amount: object
    row_number: int | None
    finding: Finding

    def which(self, staged: ir.Table) -> ir.BooleanValue:
        """True for that row."""
        return (staged.unit_spend == self.amount).fill_null(False)


def is_total_word(value: ir.StringValue) -> ir.BooleanValue:
    """Whether a text says that its row is a sum."""
    word = value.strip().lower()
    return word.re_replace(r"[:=\s]+$", "").isin(TOTAL_WORDS) | word.re_search(_SUBTOTAL)


def shown_word(word: str) -> str:
    """A word for a sum as it stands; more words beside it may name a person.

    >>> shown_word("Total"), shown_word("Total for Ann Vogel")
    ('Total', '<a sum>')
    """
    return word if word.strip().lower() in TOTAL_WORDS else "<a sum>"


def total_row(staged: ir.Table) -> TotalRow | None:
    """The total row of staged purchase lines, if there is one.

    A row whose amount equals the sum of all others, exactly, is one where a text of it says "total", where it
    has no customer, or where it is the last of ten or more.
    """
    spend = staged.unit_spend
    row = staged.aggregate(n=spend.count(), whole=spend.sum(), top=spend.max()).to_pyarrow().to_pylist()[0]
    if row["n"] < _FEWEST or not row["top"] or row["top"] <= 0 or 2 * row["top"] != row["whole"]:
        return None
    texts = [c for c in _TEXTS if c in staged.columns]
    tops = staged.filter(spend == row["top"])
    worded = tops.customer_id.isnull()
    for name in texts:
        worded |= is_total_word(tops[name]).fill_null(False)
    place = {"place": tops[ROW]} if ROW in staged.columns else {}
    found = tops.select(worded=worded, **place).limit(2).to_pyarrow().to_pylist()
    if len(found) != 1:
        return None
    place_of = found[0].get("place")
    last = place_of is not None and place_of == _last(staged) and row["n"] > 10
    if not found[0]["worded"] and not last:
        return None
    says = "One line is the sum of all others: a total of the export, no sale. It is set aside."
    finding = Finding("total_row", "warning", "transactions", "unit_spend", says, 1, float(row["top"]))
    return TotalRow(row["top"], place_of, finding)


def _last(staged: ir.Table) -> int:
    return int(staged[ROW].max().to_pyarrow().as_py())
