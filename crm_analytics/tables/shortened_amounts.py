"""Amounts that a spreadsheet or a dashboard shortened: 1.2M, 12.5k, 1,5 Mio. They are rounded, and set aside.

Long amounts are shortened, so they weigh as what they stand for and not as a usual line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from crm_analytics.tables.account import Account
from crm_analytics.tables.column_readings import Readings
from crm_analytics.tables.findings import Finding, counted
from crm_analytics.tables.number_grammar import SHORTENED

SHORT = "is a shortened number, such as 1.2k or 1,5 Mio"
_WORDS = {
    1e3: ("k", "tsd"), 1e4: ("万", "만"), 1e6: ("m", "mn", "mio", "mill", "million", "millionen"),
    1e9: ("mrd", "bn"),
}  # fmt: skip
_FACTORS = {word: factor for factor, words in _WORDS.items() for word in words}
_ENDS = "|".join(sorted(SHORTENED, key=len, reverse=True))
_PATTERN = rf"(?i)[0-9]\s*({_ENDS})[.]?(?:\s*(?:[€$£¥]|[a-z]{{3}}))?\s*$"


@dataclass(frozen=True)
class Shortened:
    """Rows with a shortened amount, and about what they are worth together."""

    rows: int
    worth: float

    def weighed(self, account: Account) -> Account:
        """The account where these rows, counted as usual ones, weigh what they are worth."""
        usual = self.rows * account.money / max(1, account.kept)
        more = max(0.0, self.worth - usual)
        return Account(**{**account.as_dict(), "lost_money": account.lost_money + more})

    def finding(self, account: Account) -> Finding:
        """What is to be said of them."""
        share = 100 * self.rows / max(1, account.kept + account.broken)
        says = (
            f"{counted(self.rows, 'purchase line')}, {share:.1f} % of all, with an amount such as 1.2k or "
            "1,5 Mio: it is rounded, and the line is set aside. Such amounts may be the largest. Export "
            "them in full."
        )
        return Finding(
            "shortened_amounts", "serious", "transactions", "unit_spend", says, self.rows, self.worth
        )


def is_shortened(rows: ir.Table, readings: Readings) -> ir.BooleanValue | None:
    """Whether a row has a shortened number; None where no column has any."""
    columns = [name for name, reading in readings.numbers.items() if reading.words & SHORTENED]
    found = [rows[name].re_search(_PATTERN).fill_null(False) for name in columns if name in rows.columns]
    return ibis.or_(*found) if found else None


def shortened(rows: ir.Table, readings: Readings) -> Shortened | None:
    """The rows with a shortened number; None where there are none."""
    which = is_shortened(rows, readings)
    if which is None:
        return None
    columns = [name for name, reading in readings.numbers.items() if reading.words & SHORTENED]
    hit = rows.filter(which).select(columns).to_pyarrow().to_pylist()
    worth = sum(max(_worth(str(cell or "")) for cell in row.values()) for row in hit)
    return Shortened(len(hit), worth) if hit else None


def _worth(text: str) -> float:
    """About what a shortened number stands for; 0 where it is none.

    >>> _worth("1.2M"), _worth("€ 12,5 Tsd."), _worth("1,200k"), _worth("7.00")
    (1200000.0, 12500.0, 1200000.0, 0.0)
    """
    end, digits = re.search(_PATTERN, text), re.search(r"[0-9][0-9.,]*", text)
    if end is None or digits is None:
        return 0.0
    whole, mark, part = re.fullmatch(r"(.*?)(?:([.,])([0-9]{1,2}))?[.,]*", digits[0]).groups()  # type: ignore[union-attr]
    number = float(re.sub(r"[.,]", "", whole) + (f".{part}" if mark else ""))
    return number * _FACTORS[end[1].lower()]
