"""Who is who in a base, as a page or a key figure takes it: from the identity state, or found on the spot."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.identity.linkage import EXTRA, has_linkage
from crm_analytics.analyses.identity.memory import JOINED, TO_REVIEW
from crm_analytics.analyses.identity.resolution import resolve
from crm_analytics.analyses.identity.weights import probability_of
from crm_analytics.errors import DataError
from crm_analytics.tables.identity_map import IdentityMap

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

NEEDS = {"customers": ("customer_id",)}
COMPARED = ("first_name", "last_name", "birth_date", "email", "phone", "city", "postal_code")


@dataclass(frozen=True, eq=False)
class WhoIsWho:
    """Records and the customers behind them.

    Attributes
    ----------
    before, after : the base without and with the records of a customer merged
    map : which records are one customer, and why
    remembered : it is what the identity state knows, not found on the spot
    without_model : why only rules were asked; empty where the model was, too
    """

    before: CustomerBase
    after: CustomerBase
    map: IdentityMap
    remembered: bool
    without_model: str
    weighed: bool  # the model was asked, so there may be pairs to look at

    @cached_property
    def records(self) -> int:
        """Rows of the table of customers."""
        rows = self.before.records
        return 0 if rows is None else int(rows.count().to_pyarrow().as_py())

    @property
    def merged(self) -> int:
        """Records that are a further record of a customer in view."""
        shared = self.map.shared
        rows = self.before.records
        if rows is None or shared.empty:
            return 0
        seen = shared[shared["record_id"].isin(self._ids)]
        return len(seen) - seen["customer_id"].nunique()

    @cached_property
    def _ids(self) -> set[str]:
        rows = self.before.records
        return set() if rows is None else set(self.before.collect(rows.select("customer_id"))["customer_id"])

    @property
    def by_reason(self) -> pd.DataFrame:
        """Joined pairs by what found them first: found_by, pairs; the most first."""
        joined = self.map.pairs[self.map.pairs["state"] == JOINED]
        first = joined.drop_duplicates(["record_l", "record_r"], keep="last")  # "rule" stands after "model"
        counts = first["found_by"].value_counts().rename_axis("found_by").reset_index(name="pairs")
        return counts.sort_values(["pairs", "found_by"], ascending=[False, True], ignore_index=True)

    @property
    def review(self) -> pd.DataFrame:
        """Pairs that somebody should look at, the likeliest first: record_l, record_r, weight, probability,
        reasons.
        """
        near = self.map.pairs[self.map.pairs["state"] == TO_REVIEW]
        near = near.assign(probability=probability_of(near["weight"].astype("float64")))
        near = near.sort_values(["weight", "record_l", "record_r"], ascending=[False, True, True])
        return near.drop(columns=["state", "found_by"]).reset_index(drop=True)

    @cached_property
    def conflicts(self) -> pd.DataFrame:
        """Fields in which records of a customer differ: field, customers (who have two values), rule kept."""
        rows, shared = self.before.records, self.map.shared
        columns = [c for c in COMPARED if rows is not None and c in rows.columns]
        if rows is None or shared.empty or not columns:
            return pd.DataFrame(columns=["field", "customers", "rule"])
        people = self.before.to_engine(shared[["record_id", "customer_id"]].astype("str"))
        named = people.select(_record=people.record_id, person=people.customer_id)
        mine = rows.inner_join(named, rows.customer_id == named["_record"])
        each = mine.group_by("person").aggregate(**{c: mine[c].nunique() for c in columns})
        counts = each.aggregate(**{c: (each[c] > 1).sum() for c in columns}).to_pyarrow().to_pylist()[0]
        rules = self.map.survivorship
        table = pd.DataFrame(
            [(c, int(counts[c] or 0), rules.rule_of(c)) for c in columns],
            columns=["field", "customers", "rule"],
        )
        table = table[table["customers"] > 0]
        return table.sort_values(["customers", "field"], ascending=[False, True], ignore_index=True)

    @property
    def narrowed(self) -> int:
        """Customers of whom one record allows what another does not: after merging it is not allowed."""
        rows, shared = self.before.records, self.map.shared
        flags = [c for c in (rows.columns if rows is not None else ()) if c.startswith("consent_")]
        if rows is None or shared.empty or not flags:
            return 0
        people = self.before.to_engine(shared[["record_id", "customer_id"]].astype("str"))
        named = people.select(_record=people.record_id, person=people.customer_id)
        mine = rows.inner_join(named, rows.customer_id == named["_record"])
        says = {c: mine[c].fill_null(False).cast("int8") for c in flags}
        each = mine.group_by("person").aggregate(**{c: says[c].max() != says[c].min() for c in flags})
        differs = ibis.or_(*(each[c] for c in flags))
        return int(each.aggregate(n=differs.sum()).to_pyarrow()["n"][0].as_py() or 0)


def who_is_who(base: CustomerBase, *, model: bool = False) -> WhoIsWho:
    """What is known of who is who in a base.

    A base to which an identity map was applied says what that map knows. Of any other the rules are asked,
    and with `model` the weights, too.

    Raises
    ------
    DataError : the base has no table of customers.
    """
    base.require(NEEDS)
    before = base.before_merging
    if base.identities is not None and before is not None:
        weighed = bool(base.identities.pairs["found_by"].eq("model").any())
        without = "" if weighed else "the identity state was made by rules alone"
        return WhoIsWho(before, base, base.identities, True, without, weighed)
    if base.identities is not None:
        raise DataError("this base was merged by a map that is not at hand any more")
    night = resolve(base, model=model)
    known = night.memory.as_map()
    without = _without(model, night.why_no_model)
    return WhoIsWho(base, base.with_identities(known), known, False, without, night.memory.model is not None)


def _without(model: bool, why: str) -> str:
    if model:
        return why
    return "" if has_linkage() else f"the model of pairs needs an extra ({EXTRA})"
