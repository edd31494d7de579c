"""The ids of customers in place of those of their records, in every table of a snapshot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.tables.identity_map import IdentityMap
from crm_analytics.tables.snapshot import Snapshot

if TYPE_CHECKING:
    import ibis.expr.types as ir

# Columns of the contract that hold a customer's id.
ID_COLUMNS = ("customer_id", "parent_customer_id", "referrer_customer_id", "referred_customer_id")


def identified(snapshot: Snapshot, identities: IdentityMap) -> Snapshot:
    """The snapshot with the ids of customers in place of those of their records, in every table.

    The rows of `customers` stay as they are: they are merged when the base is cut, so that a record which
    comes later adds nothing to an earlier day.
    """
    shared = identities.shared
    tables = dict(snapshot.tables)
    if not shared.empty:
        moves = shared[shared["record_id"] != shared["customer_id"]]
        pairs = snapshot.to_engine(moves[["record_id", "customer_id"]].astype("str"))
        for name, table in tables.items():
            columns = [c for c in ID_COLUMNS if c in table.columns]
            if name == "customers":
                columns = [c for c in columns if c != "customer_id"]
            if columns:
                tables[name] = snapshot.materialise(_renamed(table, columns, pairs))
    return replace(snapshot, tables=tables, identities=identities, unmerged=snapshot)


def without_customers(snapshot: Snapshot, ids: Iterable[str]) -> Snapshot:
    """The snapshot as if these customers had asked to be forgotten and the source were cleaned already.

    What they bought stays, as purchases of nobody, so that revenue adds up; every other row of theirs goes.
    """
    gone = snapshot.to_engine(pd.DataFrame({"id": pd.Series(sorted(ids), dtype="str")}))
    tables = {}
    for name, given in snapshot.tables.items():
        table = given
        for column in (c for c in ID_COLUMNS if c in table.columns):
            who = gone.select(
                **{f"_gone_{column}": gone["id"]}
            )  # a name for each join, or Ibis cannot tell them
            if name == "transactions" or column == "parent_customer_id":
                table = _anonymous(table, column, who)
            else:
                table = table.anti_join(who, table[column] == who[0])
        tables[name] = table
    changed = [name for name, table in tables.items() if table is not snapshot.tables[name]]
    return replace(snapshot, tables=tables | {name: snapshot.materialise(tables[name]) for name in changed})


def _anonymous(table: ir.Table, column: str, who: ir.Table) -> ir.Table:
    joined = table.left_join(who, table[column] == who[0])
    nobody = joined[who.columns[0]].notnull().ifelse(ibis.null("string"), joined[column])
    return joined.mutate(**{column: nobody}).select(*table.columns)


def _renamed(table: ir.Table, columns: list[str], pairs: ir.Table) -> ir.Table:
    """With the customer's id wherever one of the columns holds a record's."""
    order = table.columns
    for column in columns:
        named = pairs.select(_record=pairs.record_id, _customer=pairs.customer_id)
        joined = table.left_join(named, table[column] == named["_record"])
        table = joined.mutate(**{column: ibis.coalesce(joined["_customer"], joined[column])}).select(*order)
    if "parent_customer_id" in columns and "customer_id" in order:
        own = table.parent_customer_id == table.customer_id
        table = table.mutate(parent_customer_id=own.ifelse(ibis.null("string"), table.parent_customer_id))
    return table
