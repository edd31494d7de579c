"""What became of a table's rows and money: read, kept, broken, merged, left out."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

MAX_REJECTED = 0.05  # share of broken rows, or of their money, above which a source is refused
WORTH_TELLING = 0.005  # share of the rows or of the money lost that stands at the head of a page


@dataclass(frozen=True)
class Account:
    """One table's rows, each counted once.

    Attributes
    ----------
    read : rows found in the source, `where` and `except` applied; torn lines counted along
    kept : rows in the snapshot
    broken : rows set aside because they break a rule, torn lines included
    merged : rows that repeat a key, and gave way to the newest
    left_out : rows that `where` or `except` leaves out
    totals : rows that are the sum of others
    money : worth of the kept rows, sizes added up (purchase lines only)
    lost_money : worth of the broken rows; where an amount could not be read, the mean of the kept ones
    """

    table: str
    read: int
    kept: int
    broken: int = 0
    merged: int = 0
    left_out: int = 0
    totals: int = 0
    money: float = 0.0
    lost_money: float = 0.0

    @property
    def share_of_rows(self) -> float:
        """Broken rows of all, 0..1."""
        return self.broken / max(1, self.kept + self.broken)

    @property
    def share_of_money(self) -> float:
        """Broken money of all, 0..1; 0 where rows have no amount."""
        whole = self.money + self.lost_money
        return self.lost_money / whole if whole > 0 else 0.0

    @property
    def share(self) -> float:
        """The larger of both: what the limit is held against."""
        return max(self.share_of_rows, self.share_of_money)

    def without(self, lines: int) -> Account:
        """The same where so many lines of the file became no record: each weighs as much as a kept one."""
        if not lines:
            return self
        worth = lines * self.money / max(1, self.kept)
        return replace(
            self, read=self.read + lines, broken=self.broken + lines, lost_money=self.lost_money + worth
        )

    def as_dict(self) -> dict[str, Any]:
        """The record as plain data, for JSON."""
        return asdict(self)


def lost_sentence(account: Account) -> str:
    """What was lost of a table, in rows and money; empty where nothing was.

    >>> lost_sentence(Account("transactions", 105, 100, broken=5, money=900.0, lost_money=100.0))
    '5 of 105 rows of transactions are broken and set aside: 4.8 % of the rows, about 10.0 % of the money'
    """
    if not account.broken:
        return ""
    whole = account.kept + account.broken
    says = (
        f"{account.broken:,} of {whole:,} rows of {account.table} are broken and set aside: "
        f"{100 * account.share_of_rows:.1f} % of the rows"
    )
    return says + (f", about {100 * account.share_of_money:.1f} % of the money" if account.money else "")
