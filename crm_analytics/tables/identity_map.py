"""Which records are the same customer, as somebody has found out; and by which ids each was known before.

The map says nothing of how it was found: `analyses.identity` makes one, and any other frame will do. An id of
a customer is always the id of one of the customer's own records, so records that nobody merged keep theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from crm_analytics.errors import ParameterError
from crm_analytics.tables.survivorship import Survivorship

_KNOWN = ["known_id", "customer_id", "since", "until"]
PAIRS = ["record_l", "record_r", "found_by", "weight", "reasons", "state"]


@dataclass(frozen=True, eq=False)
class IdentityMap:
    """Records that are the same customer.

    Attributes
    ----------
    people : pandas: record_id (an id as the source has it), customer_id (of the customer it belongs to);
        records that are not in it are customers of their own
    known : pandas: known_id, customer_id, since, until (days as text; empty: open): further ids by which a
        customer was known for a while, after records were merged or parted
    survivorship : which value of which record is kept, field by field
    pairs : pandas: record_l, record_r, found_by, weight (bits), reasons (JSON), state ("joined", "review");
        why records are together, and which pairs somebody should look at; empty where nobody said

    Examples
    --------
    >>> identities = IdentityMap.of({"a": "a", "b": "a"})
    >>> identities.merged_records, identities.people["customer_id"].tolist()
    (1, ['a', 'a'])
    """

    people: pd.DataFrame
    known: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=_KNOWN, dtype="str"))
    survivorship: Survivorship = field(default_factory=Survivorship)
    pairs: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=PAIRS))

    @classmethod
    def of(cls, given: Any, survivorship: Survivorship | None = None) -> IdentityMap:
        """A map from a dict of record id to customer id, or a frame with `record_id` and `customer_id`.

        Raises
        ------
        ParameterError : a record belongs to two customers, an id is empty, or a customer's id is that of a
            record of another customer: then one id would name two people.
        """
        rules = survivorship or Survivorship()
        if isinstance(given, cls):
            return given if survivorship is None else replace(given, survivorship=survivorship)
        if isinstance(given, Mapping):
            frame = pd.DataFrame({"record_id": list(given), "customer_id": list(given.values())}, dtype="str")
        else:
            missing = {"record_id", "customer_id"} - set(getattr(given, "columns", ()))
            if missing:
                raise ParameterError(f"the identity map has no column {', '.join(sorted(missing))}")
            kept = ["record_id", "customer_id", *(["source"] if "source" in given.columns else [])]
            frame = given[kept].astype("str").drop_duplicates()
        _check(frame)
        return cls(frame.sort_values("record_id", ignore_index=True), survivorship=rules)

    @property
    def shared(self) -> pd.DataFrame:
        """The rows of customers with two records or more."""
        return self.people[self.people.duplicated("customer_id", keep=False)]

    @property
    def merged_records(self) -> int:
        """Records that are another record of a customer: all of the shared, less one for each customer."""
        return len(self.shared) - self.shared["customer_id"].nunique()

    def ids_of(self, customer: str) -> list[str]:
        """The records of a customer, whichever of the ids is given; the id itself where nothing is known."""
        table = self.people
        mine = table.loc[table["record_id"] == customer, "customer_id"]
        if mine.empty:
            return [customer]
        return sorted(table.loc[table["customer_id"] == mine.iloc[0], "record_id"])


def _check(frame: pd.DataFrame) -> None:
    if frame.isna().any().any() or (frame[["record_id", "customer_id"]] == "").any().any():
        raise ParameterError("the identity map has an empty id")
    if frame["record_id"].duplicated().any():
        raise ParameterError("the identity map puts one record to two customers")
    owner = dict(zip(frame["record_id"], frame["customer_id"], strict=True))
    stray = [one for one in frame["customer_id"].unique() if owner.get(one, one) != one]
    if stray:
        raise ParameterError(
            f"the identity map gives {len(stray)} customers an id that is a record of another customer"
        )
