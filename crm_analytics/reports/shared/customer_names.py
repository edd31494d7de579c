"""How a customer is called on a page: by name where that was allowed, by pseudonym otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.tables.export import project_key, pseudonyms

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

_NAME_COLUMNS = ("first_name", "last_name")


def called(base: CustomerBase, ids: pd.Series, show_customers: bool) -> pd.Series:
    """What to call each customer on the page.

    Parameters
    ----------
    ids : customer ids
    show_customers : names (or ids, where there is no name) instead of pseudonyms; the owner of the data
        can also allow it for good with ``show_customers = true`` in `mapping.toml`

    Returns
    -------
    texts on the index of `ids`; `crm reveal` turns pseudonyms back for whoever holds the project's key
    """
    if not (show_customers or base.show_customers):
        return pseudonyms_of(ids)
    customers = base.customers
    columns = [c for c in _NAME_COLUMNS if c in customers.columns]
    if not columns:
        return ids.astype("str")
    wanted = customers.filter(customers.customer_id.isin(ids.tolist())).select("customer_id", *columns)
    names = (
        base.collect(wanted).set_index("customer_id")[columns].fillna("").agg(" ".join, axis=1).str.strip()
    )
    found = ids.map(names)
    return found.where(found.notna() & (found != ""), ids).astype("str")


def pseudonyms_of(ids: pd.Series) -> pd.Series:
    """Pseudonyms by the key of the project, on the index of `ids`."""
    return pd.Series(pseudonyms(ids.tolist(), project_key()), index=ids.index, dtype="str")
