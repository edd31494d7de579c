"""Lists of customers beside the page: who belongs to an action, as CSV and as Parquet.

Customers are pseudonyms unless the project allows names, by the rule of the page. `crm forget` deletes the
lists with the run they belong to.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import ibis

from crm_analytics.analyses.actions import DRAWN
from crm_analytics.analyses.audiences import held_back
from crm_analytics.reports.shared.customer_names import called, pseudonyms_of
from crm_analytics.tables.export import write_csv

if TYPE_CHECKING:
    import pandas as pd

    from crm_analytics.analyses.actions import Action
    from crm_analytics.tables.customer_base import CustomerBase

FOLDER = "lists"
COLUMNS = (
    "list", "channel", "silence_days", "standing", "value_to_come", "product", "because", "reason",
    "probability", "expected_margin", "expected_sale",
)  # fmt: skip
RANKS = ("value_to_come", "expected_margin", "expected_sale")  # whichever there is, the most first


def list_of(base: CustomerBase, action: Action, show_customers: bool) -> pd.DataFrame:
    """The customers of an action, most to come first.

    Returns
    -------
    customer (pseudonym, or name where that is allowed), for the lists of a wave list and channel,
    silence_days, standing, where there is a forecast
    value_to_come (money over the horizon, undiscounted), for an offer product, because, reason, probability
    and expected_margin or expected_sale (money), and for a test arm: "contact" or "hold back", drawn
    by the project's key, so that the same customer falls into the same arm on each run
    """
    assert action.audience is not None
    table = action.audience
    kept = [name for name in COLUMNS if name in table.columns]
    order = [ibis.desc(name) for name in RANKS if name in kept][:1]
    found = base.collect(table.select("customer_id", *kept).order_by([*order, "customer_id"]))
    ids = found.pop("customer_id")
    found.insert(0, "customer", called(base, ids, show_customers))
    if action.verb in DRAWN:
        place = pseudonyms_of(ids).rank(method="first").astype("int64")
        found["arm"] = (place <= len(ids) - held_back(len(ids))).map({True: "contact", False: "hold back"})
    for name in set(kept) & {*RANKS, "probability"}:
        found[name] = found[name].astype("float64").round(4 if name == "probability" else 2)
    return found


def write_lists(base: CustomerBase, actions: tuple[Action, ...], folder: str, show_customers: bool) -> None:
    """Write the list of each action that has one into `folder`/lists; nothing where no folder is given.

    Raises
    ------
    PublishError : a file cannot be written.
    """
    if not folder:
        return
    place = Path(folder) / FOLDER
    place.mkdir(mode=0o700, exist_ok=True)
    for action in actions:
        if action.list_name and action.customers:
            rows = list_of(base, action, show_customers)
            write_csv(rows, place / f"{action.list_name}.csv")
            rows.to_parquet(place / f"{action.list_name}.parquet", index=False)
